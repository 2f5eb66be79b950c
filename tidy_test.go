package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// These tests keep house. They read the source; nothing is compiled or run.

// arrows are the only imports between top-level packages: importer, then what it
// may import. A path stands for everything below it unless a longer one says
// otherwise.
var arrows = map[string][]string{
	"":                    {"cli"},
	"cli":                 {"server", "jsvm", "demos"},
	"server":              {"raftlog", "statemachine", "jsvm", "scheduler", "kafkacompat"},
	"kafkacompat":         {"statemachine/command", "statemachine/recordbatch"},
	"scheduler":           {"statemachine/command", "statemachine/recordbatch"},
	"statemachine":        {},
	"statemachine/runner": {"statemachine", "jsvm"},
	"raftlog":             {},
	"jsvm":                {},
	"demos":               {"jsvm"},
	// Clients of other makers know nothing of ours.
	"interop": {},
}

// strangers may not be imported by a package or what is below it.
var strangers = map[string]*regexp.Regexp{
	"statemachine": regexp.MustCompile(`^(net|net/.*|github\.com/hashicorp/raft.*|github\.com/dop251/goja.*)$`),
	"jsvm":         regexp.MustCompile(`^(net|net/.*|github\.com/hashicorp/.*|github\.com/cockroachdb/.*|github\.com/twmb/.*)$`),
	"raftlog":      regexp.MustCompile(`^(github\.com/dop251/goja.*|github\.com/twmb/.*)$`),
	"demos":        regexp.MustCompile(`^github\.com/(hashicorp|cockroachdb)/.*$`),
}

// linesMax is where a file certainly holds more than one idea.
const linesMax = 700

func TestImportsFollowTheArrows(t *testing.T) {
	seen := map[string]bool{}
	for _, file := range goFiles(t) {
		if file.isTest {
			continue
		}
		importer := ruleFor(file.dir)
		if _, known := arrows[importer]; !known && len(file.imports) > 0 {
			t.Errorf("%s: no rule for package %s; add it to the arrows and to the design", file.path, file.dir)
			continue
		}
		seen[importer] = true
		for _, imported := range file.imports {
			inside, isOurs := strings.CutPrefix(imported, "kont/")
			if isOurs && !mayImport(importer, inside) {
				t.Errorf("%s: %q imports %q, which no arrow allows", file.path, file.dir, inside)
			}
			for dir, forbidden := range strangers {
				if isBelow(file.dir, dir) && ruleFor(file.dir) != "statemachine/runner" && forbidden.MatchString(imported) {
					t.Errorf("%s: %s knows nothing of %s", file.path, dir, imported)
				}
			}
		}
	}
	if len(seen) < 3 {
		t.Fatalf("only %d packages were looked at", len(seen))
	}
}

func mayImport(importer, imported string) bool {
	if ruleFor(imported) == importer {
		return true
	}
	return slices.ContainsFunc(arrows[importer], func(allowed string) bool {
		// A rule of its own, such as statemachine/runner's, is not meant by the
		// path above it, but for server, which may import everything.
		return isBelow(imported, allowed) && (importer == "server" || ruleFor(imported) == ruleFor(allowed))
	})
}

// ruleFor is the longest path of arrows that dir is at or below.
func ruleFor(dir string) string {
	for at := dir; at != "."; at = path.Dir(at) {
		if _, found := arrows[at]; found && at != "" {
			return at
		}
	}
	if dir == "" {
		return ""
	}
	return dir
}

func isBelow(dir, top string) bool { return dir == top || strings.HasPrefix(dir, top+"/") }

func TestEveryPackageSaysWhatItIsFor(t *testing.T) {
	documented := map[string]bool{}
	for _, file := range goFiles(t) {
		if file.isTest {
			continue
		}
		documented[file.dir] = documented[file.dir] || len(strings.TrimSpace(file.syntax.Doc.Text())) > 0
	}
	for dir, isDocumented := range documented {
		if !isDocumented {
			t.Errorf("package %q has no doc comment", dir)
		}
	}
}

// Apply must give the same answer on every node: time and chance come in by
// commands, or by the runner, which is not replicated.
func TestStateMachineHasNoClockAndNoDice(t *testing.T) {
	clock := map[string]bool{
		"Now": true, "Since": true, "Until": true, "After": true, "AfterFunc": true,
		"Sleep": true, "Tick": true, "NewTimer": true, "NewTicker": true,
	}
	for _, file := range goFiles(t) {
		if file.isTest || !isBelow(file.dir, "statemachine") || isBelow(file.dir, "statemachine/runner") {
			continue
		}
		for _, imported := range file.imports {
			if strings.HasPrefix(imported, "math/rand") || imported == "crypto/rand" || imported == "hash/maphash" {
				t.Errorf("%s imports %s", file.path, imported)
			}
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			selector, ok := node.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			if name, ok := selector.X.(*ast.Ident); ok && name.Name == "time" && clock[selector.Sel.Name] {
				t.Errorf("%s: time.%s", file.fileSet.Position(selector.Pos()), selector.Sel.Name)
			}
			return true
		})
	}
}

// A file in testdata that no test names is either dead or a test that somebody
// believes in and nobody runs.
func TestTestdataHasNoOrphans(t *testing.T) {
	tests := map[string]string{} // by directory, all that its tests and those below say
	for _, file := range goFiles(t) {
		if !file.isTest {
			continue
		}
		for dir := file.dir; ; dir = path.Dir(dir) {
			tests[dir] += string(file.text)
			if dir == "" || dir == "." {
				break
			}
		}
	}
	walk(t, func(name string, entry fs.DirEntry) {
		dir, rest, found := strings.Cut("/"+name, "/testdata/")
		if !found || entry.IsDir() {
			return
		}
		text := tests[strings.TrimPrefix(dir, "/")]
		if fuzz, found := strings.CutPrefix(rest, "fuzz/"); found {
			if target, _, _ := strings.Cut(fuzz, "/"); !strings.Contains(text, "func "+target+"(") {
				t.Errorf("%s: no fuzz target %s", name, target)
			}
			return
		}
		for at := rest; at != "."; at = path.Dir(at) {
			stem := strings.TrimSuffix(path.Base(at), path.Ext(at))
			if strings.Contains(text, "testdata/"+at) || strings.Contains(text, strconv.Quote(path.Base(at))) ||
				strings.Contains(text, "*"+path.Ext(at)+`"`) && path.Ext(at) != "" || strings.Contains(text, strconv.Quote(stem)) {
				return
			}
		}
		if strings.Contains(text, `"testdata"`) && !strings.Contains(rest, "/") {
			return
		}
		t.Errorf("%s: no test names it", name)
	})
}

func TestFilesHoldOneIdea(t *testing.T) {
	for _, file := range goFiles(t) {
		if lines := bytes.Count(file.text, []byte{'\n'}); lines > linesMax {
			t.Errorf("%s has %d lines; what is the second idea called?", file.path, lines)
		}
	}
}

type goFile struct {
	path    string // slash-separated, from the root
	dir     string // "" for the root
	isTest  bool
	text    []byte
	syntax  *ast.File
	fileSet *token.FileSet
	imports []string
}

// goFiles parses every Go file of the module, testdata left out.
func goFiles(t *testing.T) []goFile {
	t.Helper()
	var files []goFile
	walk(t, func(name string, entry fs.DirEntry) {
		if entry.IsDir() || path.Ext(name) != ".go" || strings.Contains("/"+name, "/testdata/") {
			return
		}
		text, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		file := goFile{path: name, dir: strings.TrimPrefix(path.Dir(name), "."), text: text, fileSet: token.NewFileSet()}
		file.isTest = strings.HasSuffix(name, "_test.go")
		if file.syntax, err = parser.ParseFile(file.fileSet, name, text, parser.ParseComments); err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.syntax.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			file.imports = append(file.imports, imported)
		}
		files = append(files, file)
	})
	if len(files) == 0 {
		t.Fatal("no Go files; the test runs in the root of the module")
	}
	return files
}

// walk visits every file but those of other ecosystems and hidden ones.
func walk(t *testing.T, visit func(name string, entry fs.DirEntry)) {
	t.Helper()
	err := fs.WalkDir(os.DirFS("."), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		base := path.Base(name)
		if entry.IsDir() && name != "." && (strings.HasPrefix(base, ".") || base == "node_modules" || base == "target" || base == "__pycache__") {
			return fs.SkipDir
		}
		visit(name, entry)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
