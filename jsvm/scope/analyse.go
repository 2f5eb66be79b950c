package scope

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/syntax"
)

// Analyse reads a whole script, whose top level is the top level of a module
// bundle: its bindings are the module's.
func Analyse(program *ast.Program) *Info {
	a := &analyser{info: &Info{
		Functions: map[ast.Node]*Function{},
		Classes:   map[*ast.ClassLiteral]*Class{},
		Scopes:    map[ast.Node]*Scope{},
		Refs:      map[*ast.Identifier]*Ref{},
		Suspends:  map[ast.Node]bool{},
	}}
	module := &Function{Kind: Module, Node: program, FreeNames: map[string]bool{}}
	a.info.Module = module
	a.register(module)
	a.fn = module
	a.open(FunctionScope, program)
	module.Scope = a.scope
	a.statements(program.Body)
	a.close()
	a.resolve()
	return a.info
}

// analyser walks the tree once, opening scopes and declaring names as it meets
// them. References are resolved afterwards, when all declarations are known.
type analyser struct {
	info    *Info
	scope   *Scope
	fn      *Function
	stack   []ast.Node // from the current function's node down to the current one
	pending []*Ref
	heads   []head
	supers  []superUse
}

type superUse struct {
	fn *Function
	at file.Idx
}

func (a *analyser) register(f *Function) {
	f.ID = len(a.info.List)
	a.info.List = append(a.info.List, Entry{Function: f})
	a.info.Functions[f.Node] = f
}

func (a *analyser) open(kind ScopeKind, node ast.Node) *Scope {
	s := &Scope{Kind: kind, Node: node, Parent: a.scope, Function: a.fn, byName: map[string]*Binding{}}
	a.scope = s
	a.info.Scopes[node] = s
	a.fn.Scopes = append(a.fn.Scopes, s)
	return s
}

func (a *analyser) close() { a.scope = a.scope.Parent }

func (a *analyser) problem(at ast.Node, text, hint string) {
	a.info.Problems = append(a.info.Problems, Problem{At: at.Idx0(), Text: text, Hint: hint})
}

func (s *Scope) declare(name string, kind Kind, initEnd file.Idx) *Binding {
	if b := s.byName[name]; b != nil {
		b.Redeclared = b.Redeclared || b.Kind == Param && kind != Param
		// var after var, function after var, var after parameter: one binding.
		if kind == FuncDecl && b.Kind == Var {
			b.Kind = FuncDecl
		}
		return b
	}
	b := &Binding{Name: name, SourceName: name, Kind: kind, Scope: s, InitEnd: initEnd}
	s.byName[name] = b
	s.Bindings = append(s.Bindings, b)
	return b
}

// declareLexical declares a name that may be declared once only in its scope.
func (a *analyser) declareLexical(id *ast.Identifier, kind Kind, initEnd file.Idx) *Binding {
	name := id.Name.String()
	if b := a.scope.byName[name]; b != nil && b.Kind != Pseudo {
		a.problem(id, "identifier `"+name+"` has already been declared", "")
	}
	return a.scope.declare(name, kind, initEnd)
}

func (a *analyser) reference(id *ast.Identifier, write bool) *Ref {
	r := &Ref{Scope: a.scope, Function: a.fn, Write: write, name: id.Name.String(), at: id.Idx}
	a.info.Refs[id] = r
	a.pending = append(a.pending, r)
	return r
}

// suspend marks everything from the current function's body down to the current
// node.
func (a *analyser) suspend(node ast.Node) {
	for _, n := range a.stack {
		a.info.Suspends[n] = true
	}
	a.info.Suspends[node] = true
}

func (a *analyser) visit(node ast.Node) {
	if syntax.IsNil(node) {
		return
	}
	a.stack = append(a.stack, node)
	defer func() { a.stack = a.stack[:len(a.stack)-1] }()
	if a.declaration(node) || a.scoped(node) {
		return
	}
	switch n := node.(type) {
	case *ast.Identifier:
		a.identifier(n)
	case *ast.ThisExpression:
		a.useThis()
	case *ast.MetaProperty:
		a.useNewTarget()
	case *ast.AwaitExpression:
		a.visit(n.Argument)
		a.suspend(n)
		a.moved(n, a.fn.Async, "await")
	case *ast.YieldExpression:
		a.visit(n.Argument)
		a.suspend(n)
		a.moved(n, a.fn.Generator, "yield")
	case *ast.AssignExpression:
		a.assignment(n)
	case *ast.UnaryExpression:
		a.unary(n)
	case *ast.CallExpression:
		a.call(n)
	case *ast.NewExpression:
		a.functionConstructor(n.Callee)
		syntax.Children(n, a.visit)
	case *ast.DotExpression:
		a.superProperty(n.Left)
		a.visitUnlessSuper(n.Left)
	case *ast.BracketExpression:
		a.superProperty(n.Left)
		a.visitUnlessSuper(n.Left)
		a.visit(n.Member)
	case *ast.ObjectLiteral:
		a.object(n)
	case *ast.PrivateDotExpression:
		a.problem(n, "private names are not lowered in this position", "let the bundler lower #names")
	case *ast.WithStatement:
		a.problem(n, "`with` statements are not supported", "name the object")
	case *ast.TryStatement:
		syntax.Children(n, a.visit)
		// A try statement is taken apart as a whole.
		if a.info.Suspends[n] && n.Catch != nil {
			a.info.Suspends[n.Catch] = true
		}
	case *ast.ForIntoExpression:
		a.target(n.Expression)
	default:
		syntax.Children(node, a.visit)
	}
}

func (a *analyser) visitUnlessSuper(node ast.Expression) {
	if _, ok := node.(*ast.SuperExpression); !ok {
		a.visit(node)
	}
}

func (a *analyser) statements(list []ast.Statement) {
	a.hoistFunctions(list)
	for _, s := range list {
		a.visit(s)
	}
}

// identifier is a reference that reads.
func (a *analyser) identifier(id *ast.Identifier) {
	if id.Name == "arguments" && a.fn.ThisOwner().Kind != Module && !a.shadowed("arguments") {
		a.useArguments()
		return
	}
	a.reference(id, false)
}

// shadowed: a declared name, seen so far, stands before the pseudo binding.
func (a *analyser) shadowed(name string) bool {
	for s := a.scope; s != nil; s = s.Parent {
		if s.byName[name] != nil {
			return true
		}
		if s.Kind == FunctionScope && s.Function.Kind != Arrow {
			return false
		}
	}
	return false
}

func (a *analyser) assignment(n *ast.AssignExpression) {
	a.target(n.Left)
	if id, ok := n.Left.(*ast.Identifier); ok {
		a.named(n.Right, id.Name.String(), id.Idx)
		return
	}
	a.visit(n.Right)
}

// target is the left side of an assignment: an identifier, a property, or a
// pattern of them.
func (a *analyser) target(node ast.Expression) {
	switch n := node.(type) {
	case *ast.Identifier:
		a.stack = append(a.stack, n)
		a.reference(n, true)
		a.stack = a.stack[:len(a.stack)-1]
	case *ast.ArrayPattern, *ast.ObjectPattern:
		a.pattern(n, func(id *ast.Identifier) { a.reference(id, true) })
	default:
		a.visit(node)
	}
}

// pattern visits a destructuring pattern; leaf handles its identifiers.
func (a *analyser) pattern(node ast.Node, leaf func(*ast.Identifier)) {
	if syntax.IsNil(node) {
		return
	}
	a.stack = append(a.stack, node)
	defer func() { a.stack = a.stack[:len(a.stack)-1] }()
	switch n := node.(type) {
	case *ast.Identifier:
		leaf(n)
	case *ast.ArrayPattern:
		for _, element := range n.Elements {
			a.pattern(element, leaf)
		}
		a.pattern(n.Rest, leaf)
	case *ast.ObjectPattern:
		for _, property := range n.Properties {
			a.pattern(property, leaf)
		}
		a.pattern(n.Rest, leaf)
	case *ast.PropertyShort:
		leaf(&n.Name)
		a.named(n.Initializer, n.Name.Name.String(), n.Name.Idx)
	case *ast.PropertyKeyed:
		a.visit(n.Key)
		a.pattern(n.Value, leaf)
	case *ast.AssignExpression:
		a.pattern(n.Left, leaf)
		if id, ok := n.Left.(*ast.Identifier); ok {
			a.named(n.Right, id.Name.String(), id.Idx)
		} else {
			a.visit(n.Right)
		}
	default:
		a.visit(node)
	}
}

func (a *analyser) unary(n *ast.UnaryExpression) {
	if id, ok := n.Operand.(*ast.Identifier); ok {
		if n.Operator.String() == "++" || n.Operator.String() == "--" {
			a.reference(id, true)
			return
		}
	}
	a.visit(n.Operand)
}

func (a *analyser) call(n *ast.CallExpression) {
	if id, ok := n.Callee.(*ast.Identifier); ok && id.Name == "eval" {
		a.problem(n, "direct `eval` is not supported", "call a function instead; an indirect `(0, eval)(text)` sees globals only")
	}
	a.functionConstructor(n.Callee)
	if _, ok := n.Callee.(*ast.SuperExpression); ok {
		a.superCall(n)
	} else {
		a.visit(n.Callee)
	}
	for _, argument := range n.ArgumentList {
		a.visit(argument)
	}
	if id, ok := n.Callee.(*ast.Identifier); ok && id.Name == "__asyncGenerator" && len(n.ArgumentList) == 3 {
		if body := a.info.Functions[n.ArgumentList[2]]; body != nil {
			body.AsyncBody = true
		}
	}
}

// moved refuses an await or yield that the bundler has moved into a function of its own: it makes an arrow of `import(await x)`.
func (a *analyser) moved(n ast.Node, isAllowed bool, what string) {
	if !isAllowed {
		a.problem(n, "`"+what+"` in the argument of `import()` is not supported", what+" into a variable first")
	}
}

// superCall notes `super(…)`. An arrow calls it by a function that its constructor makes.
func (a *analyser) superCall(n *ast.CallExpression) {
	owner := a.fn.ThisOwner()
	if owner.Kind != Constructor {
		a.problem(n, "`super(…)` outside of a constructor", "")
		return
	}
	if a.fn != owner {
		a.capture(owner.Scope.pseudo(SuperCallName), a.fn)
	}
	a.useThis()
}

// functionConstructor warns of code made from text: goja runs it as it is, so no
// continuation can hold it.
func (a *analyser) functionConstructor(callee ast.Expression) {
	if id, ok := callee.(*ast.Identifier); ok && id.Name == "Function" && lookup(a.scope, "Function") == nil {
		a.info.Problems = append(a.info.Problems, Problem{At: id.Idx, Warning: true,
			Text: "a function made from text cannot be alive at an await", Hint: "write it as a function"})
	}
}

// named visits the value of a binding or property of that name, from which an
// anonymous function takes its `name` (ECMAScript 8.4.5 NamedEvaluation).
func (a *analyser) named(value ast.Expression, name string, at file.Idx) {
	if syntax.IsNil(value) {
		return
	}
	switch n := value.(type) {
	case *ast.FunctionLiteral:
		if n.Name == nil {
			a.push(n, func() { a.function(n, name, at, Plain) })
			return
		}
	case *ast.ArrowFunctionLiteral:
		a.push(n, func() { a.arrow(n, name, at) })
		return
	case *ast.ClassLiteral:
		if n.Name == nil {
			a.push(n, func() { a.class(n, name, at) })
			return
		}
	}
	a.visit(value)
}

func (a *analyser) push(node ast.Node, do func()) {
	a.stack = append(a.stack, node)
	do()
	a.stack = a.stack[:len(a.stack)-1]
}
