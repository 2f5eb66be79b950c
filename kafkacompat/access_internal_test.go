package kafkacompat

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

// Whoever adds an API says who may use it: a row in accesses.
func TestEveryAPISaysWhoMayUseIt(t *testing.T) {
	for _, a := range apis {
		if a == nil {
			continue
		}
		row, isThere := accesses[a.key]
		switch {
		case !isThere:
			t.Errorf("%s (key %d) has no row in accesses: nobody can send it once there is an authorizer", a.name, a.key)
		case row.needs == "":
			t.Errorf("%s (key %d) does not say what it needs", a.name, a.key)
		case row.filter == nil && !row.isInHandler && row.needs != "nothing":
			t.Errorf("%s (key %d) needs %s and has no filter", a.name, a.key, row.needs)
		case row.isInHandler && a.key > 1:
			t.Errorf("%s (key %d) asks in its handler; say so in TestNothingIsDoneForWhoMayNothing before you allow it here", a.name, a.key)
		}
	}
}

func TestDocsSayWhoMayUseWhat(t *testing.T) {
	page, err := os.ReadFile("../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[int16]string)
	for _, row := range regexp.MustCompile(`(?m)^\| (\d+) \| (\w+) \| (.*) \|$`).FindAllStringSubmatch(string(page), -1) {
		key, err := strconv.ParseInt(row[1], 10, 16)
		if err != nil {
			t.Fatal(err)
		}
		documented[int16(key)] = row[2] + ": " + row[3]
	}
	for key, row := range accesses {
		if want := nameOfKey(key) + ": " + row.needs; documented[key] != want {
			t.Errorf("docs/security.md says %q for key %d, the row %q", documented[key], key, want)
		}
		delete(documented, key)
	}
	for key, text := range documented {
		t.Errorf("docs/security.md lists key %d, %s, which has no row", key, text)
	}
}
