package config

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"gopkg.in/yaml.v3"
)

// Sources are where settings come from, weakest first: File, Env, Flags. Any may
// be empty.
type Sources struct {
	// File is the path of a YAML file with settings by name.
	File string
	// Env holds NAME=value, as os.Environ gives it.
	Env []string
	// Flags holds the flags that were given, by setting name.
	Flags map[string]string
}

// fileBytesMax bounds the YAML file.
const fileBytesMax = mebibyte

// Load puts the sources on top of Default and validates the result. The error
// joins every problem that was found, each with its source. Unknown variables of the
// environment are in the result.
func Load(sources Sources) (Config, error) {
	c := Default()
	var problems []error
	set := func(name, value, where string) {
		setting, found := settingByName(name)
		if !found {
			problems = append(problems, fmt.Errorf("%s: no such setting%s", where, suggestion(name)))
			return
		}
		for _, err := range unwrapJoined(setting.set(&c, value)) {
			problems = append(problems, fmt.Errorf("%s: %w", where, err))
		}
	}

	if sources.File != "" {
		entries, err := readFile(sources.File)
		if err != nil {
			problems = append(problems, unwrapJoined(err)...)
		}
		for _, entry := range entries {
			set(entry.name, entry.value, fmt.Sprintf("%s:%d: %s", sources.File, entry.line, entry.name))
		}
	}
	for _, variable := range sources.Env {
		key, value, _ := strings.Cut(variable, "=")
		for _, setting := range settings {
			if key == setting.Env() {
				set(setting.Name, value, key)
			}
		}
	}
	c.UnknownVariables = unknownVariables(sources.Env)
	for _, setting := range settings {
		if value, given := sources.Flags[setting.Name]; given {
			set(setting.Name, value, "--"+setting.Name)
		}
	}
	problems = append(problems, unwrapJoined(c.Validate())...)
	return c, errors.Join(problems...)
}

// Problems splits the error of Load or Validate into its parts.
func Problems(err error) []error { return unwrapJoined(err) }

func unwrapJoined(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		return joined.Unwrap()
	}
	if err == nil {
		return nil
	}
	return []error{err}
}

func settingByName(name string) (Setting, bool) {
	for _, setting := range settings {
		if setting.Name == name {
			return setting, true
		}
	}
	return Setting{}, false
}

type fileEntry struct {
	name, value string
	line        int
}

// readFile reads a flat mapping. A sequence stands for its items, a line each.
func readFile(path string) ([]fileEntry, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	if info.Size() > fileBytesMax {
		return nil, fmt.Errorf("configuration file %s: %d bytes, at most %d", path, info.Size(), fileBytesMax)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	var document yaml.Node
	if err := yaml.Unmarshal(data, &document); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(document.Content) == 0 { // an empty file says nothing
		return nil, nil
	}
	root := document.Content[0]
	if root.Kind != yaml.MappingNode {
		return nil, fmt.Errorf("%s:%d: not a mapping of settings, such as `data: /var/lib/kont`", path, root.Line)
	}
	var entries []fileEntry
	var problems []error
	lines := map[string]int{}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if first, isSecond := lines[key.Value]; isSecond {
			problems = append(problems, fmt.Errorf("%s:%d: %s: set on line %d already", path, key.Line, key.Value, first))
			continue
		}
		lines[key.Value] = key.Line
		text, err := scalarText(value)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s:%d: %s: %w", path, value.Line, key.Value, err))
			continue
		}
		entries = append(entries, fileEntry{key.Value, text, key.Line})
	}
	return entries, errors.Join(problems...)
}

func scalarText(node *yaml.Node) (string, error) {
	switch node.Kind {
	case yaml.ScalarNode:
		return node.Value, nil
	case yaml.SequenceNode:
		items := make([]string, 0, len(node.Content))
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return "", errors.New("not a list of plain values")
			}
			items = append(items, item.Value)
		}
		return strings.Join(items, "\n"), nil
	default:
		return "", errors.New("not a plain value")
	}
}
