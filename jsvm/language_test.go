package jsvm

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"kont/jsvm/bundle"
)

// plainCannot are the language fixtures that goja does not run as they are: it lacks what is named, or has it wrong.
var plainCannot = map[string]string{
	"async_generators":   "Symbol.asyncIterator",
	"destructuring":      "an array pattern with defaults that has one itself, in an object pattern",
	"loops_and_closures": "arguments of an arrow function in a method",
	"regexps":            "property escapes",
	"templates":          "the template object of a place",
	"using":              "Symbol.dispose",
	"weak_and_errors":    "WeakRef",
}

// languageFiles are the files of a language fixture. One that begins with a word about experimentalDecorators is compiled with them.
func languageFiles(source string) fstest.MapFS {
	files := fixtureFiles(source)
	files["data.json"] = &fstest.MapFile{Data: []byte(`{"name": "data", "list": [1, 2], "nested": {"deep": true}}`)}
	if strings.HasPrefix(source, "// experimentalDecorators") {
		files["tsconfig.json"] = &fstest.MapFile{Data: []byte(`{"compilerOptions": {"experimentalDecorators": true}}`)}
	}
	return files
}

// testdata/language has a fixture for each construct of the language. Beside each lies what Node.js logged. All must tell that story: goja as it is, where it can; the rewritten
// code; and the rewritten code saved and restored before every job, with all descriptors read.
func TestEveryConstructSurvivesEveryAwait(t *testing.T) {
	files, err := filepath.Glob("testdata/language/*.ts")
	if err != nil || len(files) == 0 {
		t.Fatalf("no fixtures: %v", err)
	}
	defer func() { readsAllDescriptors = false }()
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".ts")
		t.Run(name, func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			source := string(text)
			golden := strings.TrimSuffix(file, ".ts") + ".txt"
			if *askNode {
				if err := os.WriteFile(golden, []byte(nodeSays(t, languageFiles(source))), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if plainCannot[name] == "" {
				built, err := bundle.Build(bundle.Options{Entry: "app.ts", Files: languageFiles(source)})
				if err != nil {
					t.Fatal(err)
				}
				if difference := firstOther(strings.TrimSpace(string(want)), strings.TrimSpace(plainOutcome(built.Script).String())); difference != "" {
					t.Errorf("plain goja: %s", difference)
				}
			}
			b, err := Compile(t.Context(), CompileOptions{Entry: "app.ts", Files: languageFiles(source)})
			if err != nil {
				t.Fatal(err)
			}
			for _, how := range []struct{ perJob, oracle bool }{{false, false}, {true, true}} {
				readsAllDescriptors = how.oracle
				got, saves := run(t, b, how.perJob, inOrder())
				if difference := firstOther(string(want), got.String()+"\n"); difference != "" {
					t.Errorf("%+v, %d saves: %s", how, saves, difference)
				}
			}
		})
	}
}
