package compile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// labelFunction is the name of the library's export by which an author names a resume point:
//
//	await W.label("paid", charge())   becomes   await charge()   at the point await@paid
//
// The call is taken out of the tree, so a name costs nothing while the program runs. The bundler hands no comments
// down, which is why a name is no comment.
const labelFunction = "label"

var labelPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// label is a name that the author has given to a resume point.
type label struct {
	name string
	// from, value and end are offsets in the script: of the call, of what it names, and of its parenthesis at the end.
	from, value, end int
}

// takeLabels takes the calls of W.label out of the tree. The result has them by the await or yield that they name.
func takeLabels(script Script, info *scope.Info, program *ast.Program) (map[ast.Node]label, []scope.Problem) {
	if !strings.Contains(script.Text, labelFunction+"(") && !strings.Contains(script.Text, labelFunction+")(") {
		return nil, nil
	}
	t := &labelTaker{script: script, info: info, library: libraryVariables(info, program), labels: map[ast.Node]label{}, taken: map[*ast.CallExpression]bool{},
		names: map[labelKey]bool{}}
	if len(t.library) == 0 {
		return nil, nil
	}
	for _, entry := range info.List {
		if entry.Function != nil && entry.Function.Stepped() {
			t.function(entry.Function)
		}
	}
	syntax.Walk(program, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpression); ok && t.isLabel(call) && !t.taken[call] {
			t.refuse(call.Idx0(), "a label names the wait of an `await` or `yield` right before it", "write `await W.label(\"name\", promise)`")
		}
		return true
	})
	return t.labels, t.problems
}

type labelTaker struct {
	script   Script
	info     *scope.Info
	library  map[*scope.Binding]bool // variables that hold the library's exports
	labels   map[ast.Node]label
	taken    map[*ast.CallExpression]bool
	names    map[labelKey]bool
	problems []scope.Problem
}

type labelKey struct {
	function *scope.Function
	name     string
}

func (t *labelTaker) refuse(at file.Idx, text, hint string) {
	t.problems = append(t.problems, scope.Problem{At: at, Text: text, Hint: hint})
}

// function takes the labels of the function's own awaits, not those of functions in it.
func (t *labelTaker) function(fn *scope.Function) {
	syntax.Walk(fn.Node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AwaitExpression:
			n.Argument = t.operand(fn, n, n.Argument)
		case *ast.YieldExpression:
			// The bundler writes `yield new __await(x)` for the `await x` of an async generator, and wraps what `yield*` goes through.
			if inner, ok := n.Argument.(*ast.NewExpression); ok && isName(inner.Callee, "__await") && len(inner.ArgumentList) == 1 {
				inner.ArgumentList[0] = t.operand(fn, n, inner.ArgumentList[0])
			} else if inner, ok := n.Argument.(*ast.CallExpression); ok && isName(inner.Callee, "__yieldStar") && len(inner.ArgumentList) == 1 {
				inner.ArgumentList[0] = t.operand(fn, n, inner.ArgumentList[0])
			} else {
				n.Argument = t.operand(fn, n, n.Argument)
			}
		}
		return n == fn.Node || !syntax.IsFunction(n)
	})
}

// operand is what a label's call names, or the operand itself if it is none.
func (t *labelTaker) operand(fn *scope.Function, waits ast.Node, operand ast.Expression) ast.Expression {
	call, ok := operand.(*ast.CallExpression)
	if !ok || !t.isLabel(call) {
		return operand
	}
	t.taken[call] = true
	const form = "write `await W.label(\"name\", promise)`"
	if len(call.ArgumentList) != 2 {
		t.refuse(call.Idx0(), fmt.Sprintf("a label takes a name and what is awaited, got %d arguments", len(call.ArgumentList)), form)
		return operand
	}
	name, ok := call.ArgumentList[0].(*ast.StringLiteral)
	if !ok {
		t.refuse(call.ArgumentList[0].Idx0(), "a label is read by the compiler, so its name must be a text in quotes", form)
		return operand
	}
	text := name.Value.String()
	if !labelPattern.MatchString(text) {
		t.refuse(name.Idx0(), fmt.Sprintf("%q is no name for a label", text), "use up to 64 letters, digits, `-`, `_` and `.`")
		return operand
	}
	if _, ok := call.ArgumentList[1].(*ast.SpreadElement); ok {
		t.refuse(call.ArgumentList[1].Idx0(), "a label takes no spread arguments", form)
		return operand
	}
	key := labelKey{fn, text}
	if t.names[key] {
		t.refuse(name.Idx0(), fmt.Sprintf("the label %q is there twice in one function", text), "a suspended thread is found again by it: name each wait differently")
		return operand
	}
	t.names[key] = true
	value := call.ArgumentList[1]
	l := label{name: text, from: backOver(t.script.Text, int(call.Idx0())-1), value: backOver(t.script.Text, int(value.Idx0())-1), end: int(call.RightParenthesis) - 1}
	if text := t.script.Text; l.end < 0 || l.end >= len(text) || text[l.end] != ')' {
		l.end = l.value
	}
	t.labels[waits] = l
	return value
}

// isLabel: W.label(…), or (0, import_kont.label)(…), which the bundler writes for a name that is imported on its own.
func (t *labelTaker) isLabel(call *ast.CallExpression) bool {
	callee := call.Callee
	if list, ok := callee.(*ast.SequenceExpression); ok && len(list.Sequence) == 2 {
		callee = list.Sequence[1]
	}
	dot, ok := callee.(*ast.DotExpression)
	if !ok || dot.Identifier.Name.String() != labelFunction {
		return false
	}
	id, ok := dot.Left.(*ast.Identifier)
	if !ok {
		return false
	}
	ref := t.info.Refs[id]
	return ref != nil && t.library[ref.Binding]
}

// libraryVariables are the module-level variables to which the bundler assigns the runtime library.
func libraryVariables(info *scope.Info, program *ast.Program) map[*scope.Binding]bool {
	found := map[*scope.Binding]bool{}
	declare := func(target ast.Node, value ast.Expression) {
		id, ok := target.(*ast.Identifier)
		if !ok || value == nil {
			return
		}
		i, ref := importOf(value), info.Refs[id]
		if i == nil || ref == nil || ref.Binding == nil || !ref.Binding.InModule() {
			return
		}
		if i.module == "kont" || i.module == "@effectful/kafka-workflow-rt" {
			found[ref.Binding] = true
		}
	}
	syntax.Walk(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.Binding:
			declare(n.Target, n.Initializer)
		case *ast.AssignExpression:
			declare(n.Left, n.Right)
		}
		return true
	})
	return found
}

// backOver goes back over the parentheses in front of an expression, which its node does not count in.
func backOver(text string, at int) int {
	for at > 0 && at <= len(text) && (text[at-1] == '(' || text[at-1] == ' ' || text[at-1] == '\t') {
		at--
	}
	at = max(at, 0)
	for at < len(text) && (text[at] == ' ' || text[at] == '\t') {
		at++
	}
	return at
}
