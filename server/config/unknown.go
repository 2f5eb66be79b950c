package config

import (
	"slices"
	"sort"
	"strings"

	"github.com/xrash/smetrics"
)

// UnknownVariable is a variable of the environment that begins as settings do and is
// none.
type UnknownVariable struct {
	Name string
	// Nearest is the variable that was meant, empty if none is near.
	Nearest string
}

// otherVariables are those of the command line, of tests and of scripts.
var otherVariables = []string{
	"KONT_SERVER", "KONT_KAFKA", "KONT_KAFKA_USER", "KONT_KAFKA_PASSWORD", "KONT_CONFIG",
	"KONT_UPDATE_SCRIPTS", "KONT_INTEROP_CACHE", "KONT_JSVM_STEP",
}

// isOthers tells whether a variable is somebody else's. Kubernetes sets KONT_PORT,
// KONT_PORT_9092_TCP, KONT_SERVICE_HOST and more for a service that is called kont.
func isOthers(variable string) bool {
	return slices.Contains(otherVariables, variable) || variable == "KONT_PORT" ||
		strings.HasPrefix(variable, "KONT_PORT_") || strings.HasPrefix(variable, "KONT_SERVICE_")
}

// unknownVariables are those of an environment, sorted. They are no errors: somebody
// else may have put them there.
func unknownVariables(env []string) []UnknownVariable {
	var unknown []UnknownVariable
	for _, variable := range env {
		key, _, _ := strings.Cut(variable, "=")
		name, isOurs := strings.CutPrefix(key, envPrefix)
		if !isOurs || isOthers(key) || slices.ContainsFunc(settings, func(s Setting) bool { return s.Env() == key }) {
			continue
		}
		found := UnknownVariable{Name: key}
		if setting, isNear := nearest(strings.ToLower(strings.ReplaceAll(name, "_", "-"))); isNear {
			found.Nearest = setting.Env()
		}
		unknown = append(unknown, found)
	}
	slices.SortFunc(unknown, func(a, b UnknownVariable) int { return strings.Compare(a.Name, b.Name) })
	return unknown
}

// suggestion names the nearest setting, or those that share a word with name, for the
// error about a setting that does not exist.
func suggestion(name string) string {
	name = strings.ReplaceAll(name, "_", "-")
	if setting, isNear := nearest(name); isNear {
		return "; is it " + setting.Name + "?"
	}
	var near []string
	for _, setting := range settings {
		for word := range strings.SplitSeq(name, "-") {
			if len(word) > 2 && strings.Contains(setting.Name, word) {
				near = append(near, setting.Name)
				break
			}
		}
	}
	if len(near) == 0 || len(near) > 4 {
		return ""
	}
	sort.Strings(near)
	return "; is it " + strings.Join(near, " or ") + "?"
}

// nearest is the setting whose name takes the fewest edits, false if they are more
// than a third of it.
func nearest(name string) (found Setting, isNear bool) {
	fewest := len(name)/3 + 1
	for _, setting := range settings {
		if n := smetrics.WagnerFischer(name, setting.Name, 1, 1, 1); n < fewest {
			found, isNear, fewest = setting, true, n
		}
	}
	return found, isNear
}
