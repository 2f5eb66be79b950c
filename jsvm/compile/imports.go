package compile

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/xrash/smetrics"

	"kont/jsvm/position"
	"kont/jsvm/syntax"
)

// imported is a variable that the bundler makes for an import of names:
//
//	var import_kont = require("kont");                 import { ref } from "kont"
//	var import_kont = __toESM(require("kont"));        import W, { ref } from "kont"
//	var W = __toESM(require("kont"));                  import * as W from "kont"
//
// What is read of W is not looked at: an author may ask whether a name is there.
type imported struct {
	module     string
	isDefault  bool // a `default` is made up for the module
	at         Position
	unresolved map[string]Position // names used that the module has not
	order      []string
}

// unknownImports are the refusals of names that are imported from modules and not exported there.
func (p *positions) unknownImports(program *ast.Program, modules map[string][]string) (found []Diagnostic) {
	if len(modules) == 0 {
		return nil
	}
	variables := map[string]*imported{}
	var list []*imported
	declare := func(name string, value ast.Expression) {
		if !strings.HasPrefix(name, "import_") || variables[name] != nil {
			return
		}
		if i := importOf(value); i != nil && modules[i.module] != nil {
			i.at, _ = p.of(value.Idx0())
			if !p.isNamespace(i.at.Module, name) {
				variables[name], list = i, append(list, i)
			}
		}
	}
	syntax.Walk(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Binding:
			if target, ok := n.Target.(*ast.Identifier); ok && n.Initializer != nil {
				declare(target.Name.String(), n.Initializer)
			}
		case *ast.AssignExpression:
			if target, ok := n.Left.(*ast.Identifier); ok {
				declare(target.Name.String(), n.Right)
			}
		}
		return true
	})
	syntax.Walk(program, func(node ast.Node) bool {
		dot, ok := node.(*ast.DotExpression)
		if !ok {
			return true
		}
		variable, ok := dot.Left.(*ast.Identifier)
		if !ok {
			return true
		}
		i, name := variables[variable.Name.String()], dot.Identifier.Name.String()
		if i == nil || i.isDefault && name == "default" || slices.Contains(modules[i.module], name) {
			return true
		}
		if _, again := i.unresolved[name]; !again {
			at, _ := p.of(dot.Idx0())
			i.unresolved[name], i.order = at, append(i.order, name)
		}
		return true
	})
	for _, i := range list {
		for _, name := range i.order {
			found = append(found, p.unknownImport(i, name, modules[i.module]))
		}
	}
	return found
}

func (p *positions) unknownImport(i *imported, name string, names []string) Diagnostic {
	at, ok := p.specifier(i, name)
	if !ok {
		if at = i.unresolved[name]; at.Module == p.name {
			at = i.at
		}
	}
	d := Diagnostic{File: at.Module, Line: at.Line, Column: at.Column}
	if name == "default" {
		d.Text, d.Hint = "the module "+quoted(i.module)+" has no default export", "write `import * as W from "+quoted(i.module)+"`"
		return d
	}
	d.Text = "the module " + quoted(i.module) + " exports no `" + name + "`"
	if near := nearest(name, names); near != "" {
		d.Hint = "did you mean `" + near + "`?"
		if strings.ToUpper(name[:1]) == name[:1] {
			d.Hint += " A type is imported and exported with `type`"
		}
	} else {
		sorted := slices.Sorted(slices.Values(names))
		d.Hint = "it exports " + strings.Join(sorted, ", ") + "; a type is imported and exported with `type`"
	}
	return d
}

// importOf reads require("m") and __toESM(require("m")), nil for anything else. In a plain script the bundler calls it __require.
func importOf(value ast.Expression) *imported {
	i := &imported{unresolved: map[string]Position{}}
	call, ok := value.(*ast.CallExpression)
	if ok && isName(call.Callee, "__toESM") && len(call.ArgumentList) > 0 {
		i.isDefault = len(call.ArgumentList) > 1
		call, ok = call.ArgumentList[0].(*ast.CallExpression)
	}
	if !ok || !isName(call.Callee, "require") && !isName(call.Callee, "__require") || len(call.ArgumentList) != 1 {
		return nil
	}
	module, ok := call.ArgumentList[0].(*ast.StringLiteral)
	if !ok {
		return nil
	}
	i.module = module.Value.String()
	return i
}

// isNamespace: the author has chosen a name that looks like one of the bundler's.
func (p *positions) isNamespace(module, name string) bool {
	return regexp.MustCompile(`\*\s*as\s+` + regexp.QuoteMeta(name) + `\b`).MatchString(p.text(module))
}

// specifier finds a name in the import or export that it stands in, which the tree has no place of.
func (p *positions) specifier(i *imported, name string) (Position, bool) {
	text := p.text(i.at.Module)
	pattern := `\b(?:import|export)\b[^;'"]*?\{[^}]*?\b(` + regexp.QuoteMeta(name) + `)\b[^}]*\}\s*from\s*['"]` + regexp.QuoteMeta(i.module) + `['"]`
	if name == "default" {
		pattern = `\bimport\s+([\w$]+)\s*(?:,[^;'"]*)?\bfrom\s*['"]` + regexp.QuoteMeta(i.module) + `['"]`
	}
	at := func(offset int) Position {
		line, column := position.In(text, offset)
		return Position{Module: i.at.Module, Line: line, Column: column}
	}
	for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatchIndex(text, -1) {
		// Comments can look like imports, and others can import the name too.
		if !i.at.before(at(match[0])) && !at(match[1]).before(i.at) {
			return at(match[2]), true
		}
	}
	return Position{}, false
}

// before compares places of one module.
func (p Position) before(q Position) bool {
	return p.Line < q.Line || p.Line == q.Line && p.Column < q.Column
}

// text is the author's text of a module, "" if the source map has none.
func (p *positions) text(module string) string {
	if p.consumer == nil {
		return ""
	}
	return p.consumer.SourceContent(module)
}

func quoted(text string) string { return `"` + text + `"` }

// nearest is the name that a misspelt one is likely to stand for, "" if none is near.
func nearest(name string, names []string) string {
	best, least := "", 1+len(name)/4
	for _, candidate := range names {
		if d := smetrics.WagnerFischer(strings.ToLower(name), strings.ToLower(candidate), 1, 1, 1); d <= least && (best == "" || d < least) {
			best, least = candidate, d
		}
	}
	return best
}
