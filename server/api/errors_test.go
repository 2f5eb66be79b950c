package api

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

// The sentinels are read from the source of package command, so that one added
// there fails here until it has a row.
func TestEverySentinelHasARow(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../../statemachine/command/errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parser.ParseFile(token.NewFileSet(), "errors.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]bool{}
	ast.Inspect(rows, func(node ast.Node) bool {
		if selector, ok := node.(*ast.SelectorExpr); ok {
			named[selector.Sel.Name] = true
		}
		return true
	})
	sentinels := 0
	for _, declaration := range file.Decls {
		general, ok := declaration.(*ast.GenDecl)
		if !ok || general.Tok != token.VAR {
			continue
		}
		for _, spec := range general.Specs {
			name := spec.(*ast.ValueSpec).Names[0].Name
			sentinels++
			if strings.HasPrefix(name, "Err") && !named[name] {
				t.Errorf("command.%s has no row", name)
			}
		}
	}
	if sentinels < 10 {
		t.Fatalf("%d sentinels found", sentinels)
	}
}
