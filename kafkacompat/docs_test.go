package kafkacompat

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestDocsListTheRegistrations(t *testing.T) {
	page, err := os.ReadFile("../docs/kafka.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[int16]string)
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| (\w+) \| (\d+–\d+) \|`).FindAllStringSubmatch(string(page), -1) {
		key, err := strconv.ParseInt(row[1], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		documented[int16(key)] = row[2] + " " + row[3]
	}
	for _, a := range apis {
		if a == nil {
			continue
		}
		if want := fmt.Sprintf("%s %d–%d", a.name, a.versionMin, a.versionMax); documented[a.key] != want {
			t.Errorf("docs/kafka.md says %q for key %d, the registration %q", documented[a.key], a.key, want)
		}
		delete(documented, a.key)
	}
	for key, text := range documented {
		t.Errorf("docs/kafka.md lists key %d, %s, which nobody registered", key, text)
	}
}

// A file is named for the key that it registers.
func TestFilesAreNumberedByKey(t *testing.T) {
	for _, a := range apis {
		if a == nil {
			continue
		}
		name := regexp.MustCompile(`([a-z])([A-Z])`).ReplaceAllString(a.name, "${1}_${2}")
		pattern := regexp.MustCompile(fmt.Sprintf(`(?i)^%02d_%s\.go$`, a.key, name))
		entries, err := os.ReadDir(".")
		if err != nil {
			t.Fatal(err)
		}
		found := false
		for _, entry := range entries {
			found = found || pattern.MatchString(entry.Name())
		}
		if !found {
			t.Errorf("no file %s for key %d", pattern, a.key)
		}
	}
}
