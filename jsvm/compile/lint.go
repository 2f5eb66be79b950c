package compile

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Global is a use of a name that no module declares.
type Global struct {
	Name string
	At   Position
}

// lint notes what compiles and is hardly meant: async callbacks of methods that do not wait for them, and the names that a
// VM has to have.
func (o *outliner) lint(program *ast.Program) {
	type use struct{ module, name string }
	guarded := map[use]bool{}
	var globals []Global
	syntax.Walk(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.UnaryExpression:
			if id, ok := n.Operand.(*ast.Identifier); ok && n.Operator == token.TYPEOF {
				at, _ := o.at.of(id.Idx)
				guarded[use{at.Module, id.Name.String()}] = true
			}
		case *ast.ExpressionStatement:
			if call, ok := n.Expression.(*ast.CallExpression); ok {
				o.ignoredMap(call)
			}
		case *ast.CallExpression:
			o.asyncCallback(n)
		case *ast.Identifier:
			ref := o.info.Refs[n]
			if ref == nil || ref.Binding != nil {
				return true
			}
			at, _ := o.at.of(n.Idx)
			globals = append(globals, Global{n.Name.String(), at})
		}
		return true
	})
	for _, g := range globals {
		if !guarded[use{g.At.Module, g.Name}] {
			o.outline.Globals = append(o.outline.Globals, g)
		}
	}
}

// deaf are the methods that call back and do not wait, and what becomes of the promise.
var deaf = map[string]string{
	"forEach": "nobody waits for it", "sort": "it compares as NaN", "toSorted": "it compares as NaN", "filter": "it counts as true", "some": "it counts as true", "every": "it counts as true",
	"find": "it counts as true", "findIndex": "it counts as true", "findLast": "it counts as true", "findLastIndex": "it counts as true", "replace": "it becomes `[object Promise]`",
	"replaceAll": "it becomes `[object Promise]`",
}

const hintLoop = "write a `for (const … of …)` loop, or `await Promise.all(list.map(async …))`"

func (o *outliner) asyncCallback(call *ast.CallExpression) {
	dot, ok := call.Callee.(*ast.DotExpression)
	if !ok {
		return
	}
	method := dot.Identifier.Name.String()
	fate, ok := deaf[method]
	if !ok {
		return
	}
	for _, argument := range call.ArgumentList {
		if isAsync(argument) {
			at, _ := o.at.of(argument.Idx0())
			o.outline.Findings = append(o.outline.Findings, Diagnostic{File: at.Module, Line: at.Line, Column: at.Column,
				Text: "`" + method + "` does not wait for an async function: the promise is dropped, and " + fate, Hint: hintLoop})
		}
	}
}

// ignoredMap: list.map(async …) as a statement makes promises that nobody has.
func (o *outliner) ignoredMap(call *ast.CallExpression) {
	dot, ok := call.Callee.(*ast.DotExpression)
	if ok && dot.Identifier.Name == "map" && len(call.ArgumentList) > 0 && isAsync(call.ArgumentList[0]) {
		at, _ := o.at.of(call.ArgumentList[0].Idx0())
		o.outline.Findings = append(o.outline.Findings, Diagnostic{File: at.Module, Line: at.Line, Column: at.Column,
			Text: "the promises that this `map` makes are dropped: nobody waits for them", Hint: hintLoop})
	}
}

func isAsync(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.FunctionLiteral:
		return n.Async
	case *ast.ArrowFunctionLiteral:
		return n.Async
	}
	return false
}

// declaredAt is the place of a variable's declaration in the author's source.
func (o *outliner) declaredAt(b *scope.Binding) Position {
	if b.At <= 0 {
		return Position{}
	}
	at, _ := o.at.of(b.At)
	return at
}
