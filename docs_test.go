package main

import (
	"go/ast"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Each direct dependency has its line, and each line its dependency.
func TestDependenciesAreExplained(t *testing.T) {
	module, err := os.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S.* \\| \\S.* \\|$").FindAllStringSubmatch(string(page), -1)
	var direct []string
	imports := map[string]bool{}
	for _, file := range goFiles(t) {
		for _, imported := range file.imports {
			imports[imported] = true
		}
	}
	for _, match := range regexp.MustCompile(`(?m)^(?:require )?\t?([a-z]+\.[^ ]+) v`).FindAllStringSubmatch(string(module), -1) {
		for imported := range imports {
			// The nested modules of franz-go are modules of their own.
			if isBelow(imported, match[1]) && (match[1] != "github.com/twmb/franz-go" || !regexp.MustCompile(`/pkg/(kadm|kmsg|kfake)\b`).MatchString(imported)) {
				direct = append(direct, match[1])
				break
			}
		}
	}
	if len(direct) < 10 {
		t.Fatalf("only %d modules found", len(direct))
	}
	for _, module := range direct {
		if !slices.ContainsFunc(explained, func(row []string) bool { return row[1] == module }) {
			t.Errorf("%s has no row in docs/dependencies.md", module)
		}
	}
	for _, row := range explained {
		if !strings.Contains(string(module), row[1]+" v") {
			t.Errorf("docs/dependencies.md explains %s, which is not in go.mod", row[1])
		}
	}
}

// A link to a page that is not there, or a place in a file that has moved, is a
// stale comment.
func TestLinksOfThePagesLeadSomewhere(t *testing.T) {
	pages := []string{"README.md"}
	entries, err := os.ReadDir("docs")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), ".md") {
			pages = append(pages, "docs/"+entry.Name())
		}
	}
	link := regexp.MustCompile(`\]\(([^)#]+)`)
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, match := range link.FindAllStringSubmatch(string(text), -1) {
			target := match[1]
			if strings.Contains(target, "://") {
				continue
			}
			if strings.HasPrefix(page, "docs/") {
				target = "docs/" + target
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", page, match[1], err)
			}
		}
	}
}

// The functions that the architecture page names exist where it says.
func TestFunctionsOfTheArchitectureExist(t *testing.T) {
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	exists := map[string]bool{}
	for _, file := range goFiles(t) {
		for _, declaration := range file.syntax.Decls {
			function, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := file.syntax.Name.Name + "."
			if function.Recv != nil {
				receiver := function.Recv.List[0].Type
				if star, ok := receiver.(*ast.StarExpr); ok {
					receiver = star.X
				}
				if named, ok := receiver.(*ast.Ident); ok {
					name += named.Name + "."
				}
			}
			exists[name+function.Name.Name] = true
		}
	}
	named := regexp.MustCompile("`([a-z]+(?:\\.[A-Za-z]+){1,2})`").FindAllStringSubmatch(string(page), -1)
	checked := 0
	for _, match := range named {
		if strings.HasSuffix(match[1], ".go") {
			continue
		}
		checked++
		if !exists[match[1]] {
			t.Errorf("docs/architecture.md names %s, which does not exist", match[1])
		}
	}
	if checked < 20 {
		t.Errorf("only %d functions are named", checked)
	}
}

// The tests that docs/testing.md names can be run as it says.
func TestTestsOfTheTestingPageExist(t *testing.T) {
	page, err := os.ReadFile("docs/testing.md")
	if err != nil {
		t.Fatal(err)
	}
	text := map[string]string{} // of the tests of a directory
	for _, file := range goFiles(t) {
		if file.isTest {
			text[file.dir] += string(file.text)
		}
	}
	commands := regexp.MustCompile("`go test \\./?([a-z/]*)([^`]*)`").FindAllStringSubmatch(string(page), -1)
	name := regexp.MustCompile(`'((?:Test|Fuzz)\w+)`)
	flagName := regexp.MustCompile(` -(random-programs|seed|chaos)\b`)
	for _, command := range commands {
		dir := strings.TrimSuffix(command[1], "/")
		for _, match := range name.FindAllStringSubmatch(command[2], -1) {
			if !strings.Contains(text[dir], "func "+match[1]+"(") {
				t.Errorf("docs/testing.md: %s is not in %s", match[1], dir)
			}
		}
		for _, match := range flagName.FindAllStringSubmatch(command[2], -1) {
			if !strings.Contains(text[dir], `"`+match[1]+`"`) {
				t.Errorf("docs/testing.md: %s has no flag -%s", dir, match[1])
			}
		}
	}
	if len(commands) < 10 {
		t.Errorf("only %d commands found", len(commands))
	}
}
