package cli

import (
	"strings"
	"testing"
)

func TestFlagsMayFollowArguments(t *testing.T) {
	commands := commandsOf(Process{})
	for given, want := range map[string]string{
		"start key {} -o json":              "start -o json -- key {}",
		"start key -5":                      "start -- key -5",
		"start key -.5 --wait":              "start --wait -- key -.5",
		"resume k r --error {} --server a":  "resume --error --server a -- k r {}",
		"resume k r -- --error":             "resume -- k r --error",
		"produce t -":                       "produce -- t -",
		"produce t -k=key v":                "produce -k=key -- t v",
		"topics create t --partitions 3":    "topics create --partitions 3 -- t",
		"topics -o json":                    "topics -o json",
		"cluster stop --server a":           "cluster -- stop --server a",
		"build app.ts -o file":              "build -o file -- app.ts",
		"bogus -o json":                     "bogus -o json",
		"":                                  "",
		"threads -o":                        "threads -o",
		"bench chain --help":                "bench --help",
		"topics create t --help":            "topics create --help",
		"start k -h --wait":                 "start -h",
		"produce t -- --help":               "produce -- t --help",
		"build app.ts -o --help":            "build -o --help -- app.ts",
		"consume a b --from-beginning -n 3": "consume --from-beginning -n 3 -- a b",
	} {
		if got := strings.Join(permute(commands, strings.Fields(given)), " "); got != want {
			t.Errorf("%q becomes %q, want %q", given, got, want)
		}
	}
}
