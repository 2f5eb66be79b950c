package compile_test

import (
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"kont/jsvm/compile"
)

var update = flag.Bool("update", false, "write the golden files anew; read the differences")

// Each golden file shows what becomes of a construct. What all programs have in
// common is left out.
func TestGoldenOutput(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.js")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden sources: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".js"), func(t *testing.T) {
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			program, err := compile.Compile(compile.Script{Name: "in.js", Text: string(source)})
			if err != nil {
				t.Fatal(err)
			}
			got := core(print(program))
			golden := strings.TrimSuffix(file, ".js") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

var common = regexp.MustCompile(`(?m)^  const \$\w+ = \$rt\.\w+;\n`)

// core leaves out the kernel's names and the tables.
func core(text string) string {
	text = common.ReplaceAllString(text, "")
	tables := strings.Index(text, "  const $fns =")
	body := strings.Index(text, "$rt.register($table);\n")
	return text[:tables] + text[body+len("$rt.register($table);\n"):]
}
