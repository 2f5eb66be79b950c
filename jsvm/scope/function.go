package scope

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/syntax"
)

// enter runs do as the code of a new function whose node is on the stack's top.
func (a *analyser) enter(f *Function, do func()) {
	f.Parent, f.Outer = a.fn, a.scope
	f.FreeNames = map[string]bool{}
	a.register(f)
	fn, stack, scope := a.fn, a.stack, a.scope
	a.fn, a.stack = f, nil
	a.open(FunctionScope, f.Node)
	f.Scope = a.scope
	do()
	a.fn, a.stack, a.scope = fn, stack, scope
}

func (a *analyser) declaredFunction(n *ast.FunctionLiteral) {
	f := a.function(n, n.Name.Name.String(), n.Name.Idx, Plain)
	f.Declared = true
	if r := a.info.Refs[n.Name]; r != nil {
		a.scope.Functions = append(a.scope.Functions, f)
	}
}

func (a *analyser) function(n *ast.FunctionLiteral, name string, at file.Idx, kind FunctionKind) *Function {
	f := &Function{Kind: kind, Node: n, Name: name, NameAt: at, Async: n.Async, Generator: n.Generator}
	if n.Async && n.Generator {
		a.problem(n, "async generators are not lowered in this position", "let the bundler lower async generators")
	}
	// The own name of a function expression is visible inside only, and a
	// parameter or variable of the same name hides it.
	if kind == Plain && n.Name != nil && a.info.Refs[n.Name] == nil {
		self := &Scope{Kind: BlockScope, Node: nil, Parent: a.scope, Function: f, byName: map[string]*Binding{}}
		f.SelfName = self.declare(name, SelfName, 0)
		f.SelfName.declaredAt(n.Name)
		f.Scopes = append(f.Scopes, self)
		outer := a.scope
		a.scope = self
		a.enter(f, func() { a.functionBody(n.ParameterList, n.Body.List) })
		f.Outer = outer
		a.scope = outer
		return f
	}
	a.enter(f, func() { a.functionBody(n.ParameterList, n.Body.List) })
	return f
}

func (a *analyser) arrow(n *ast.ArrowFunctionLiteral, name string, at file.Idx) {
	f := &Function{Kind: Arrow, Node: n, Name: name, NameAt: at, Async: n.Async}
	a.enter(f, func() {
		if body, ok := n.Body.(*ast.BlockStatement); ok {
			a.functionBody(n.ParameterList, body.List)
			return
		}
		a.functionBody(n.ParameterList, nil)
		a.push(n.Body, func() { a.visit(n.Body.(*ast.ExpressionBody).Expression) })
	})
}

func (a *analyser) functionBody(params *ast.ParameterList, body []ast.Statement) {
	if params != nil {
		leaf := func(id *ast.Identifier) { a.initRef(id, a.scope.declare(id.Name.String(), Param, 0)) }
		from := len(a.pending)
		for _, p := range params.List {
			a.pattern(p.Target, leaf)
			a.initialiser(p)
		}
		a.pattern(params.Rest, leaf)
		for _, p := range params.List {
			a.parameterEnds(p.Target, p.Initializer)
		}
		a.heads = append(a.heads, head{from: from, to: len(a.pending), body: a.scope})
	}
	a.statements(body)
}

// class visits a class. Its heritage and computed keys are evaluated outside of
// its scope: in the language they see the class's own name too, but only in its
// temporal dead zone.
func (a *analyser) class(n *ast.ClassLiteral, name string, at file.Idx) {
	c := &Class{Node: n, Name: name, NameAt: at, Parent: a.fn, Outer: a.scope, ID: len(a.info.List)}
	a.info.List = append(a.info.List, Entry{Class: c})
	a.info.Classes[n] = c
	from := len(a.pending)
	a.visit(n.SuperClass)
	for _, element := range n.Body {
		if key := elementKey(element); key != nil {
			a.visit(key)
		}
	}
	if n.Name != nil && a.info.Refs[n.Name] == nil {
		a.heads = append(a.heads, head{from: from, to: len(a.pending), class: c})
	}
	a.open(ClassScope, n)
	c.Scope = a.scope
	if n.Name != nil {
		a.scope.declare(n.Name.Name.String(), ClassName, 0).declaredAt(n.Name)
	}
	for _, element := range n.Body {
		a.push(element, func() { a.element(c, element) })
	}
	a.close()
}

// elementKey is the key of an element if evaluating it can do something.
func elementKey(element ast.ClassElement) ast.Expression {
	switch e := element.(type) {
	case *ast.MethodDefinition:
		if e.Computed {
			return e.Key
		}
	case *ast.FieldDefinition:
		if e.Computed {
			return e.Key
		}
	}
	return nil
}

func (a *analyser) element(c *Class, element ast.ClassElement) {
	before := len(a.info.List)
	switch e := element.(type) {
	case *ast.MethodDefinition:
		a.private(e.Key)
		kind, name := Method, keyName(e.Key, e.Computed)
		if !e.Static && !e.Computed && name == "constructor" && e.Kind == ast.PropertyKindMethod {
			kind, name = Constructor, c.Name
		}
		a.push(e.Body, func() {
			f := a.method(e.Body, e.Kind, name, kind)
			f.NameAt, f.Static = e.Key.Idx0(), e.Static
		})
	case *ast.FieldDefinition:
		a.private(e.Key)
		if syntax.IsNil(e.Initializer) {
			return
		}
		f := &Function{Kind: FieldInit, Node: e, Static: e.Static}
		name := keyName(e.Key, e.Computed)
		a.enter(f, func() { a.named(e.Initializer, name, e.Key.Idx0()) })
	case *ast.ClassStaticBlock:
		f := &Function{Kind: StaticBlock, Node: e, Static: true}
		a.enter(f, func() { a.statements(e.Block.List) })
	}
	if before < len(a.info.List) {
		f := a.info.List[before].Function
		f.Class = c
		c.Members = append(c.Members, f)
	}
}

func (a *analyser) private(key ast.Expression) {
	if _, ok := key.(*ast.PrivateIdentifier); ok {
		a.problem(key, "private names are not lowered in this position", "let the bundler lower #names")
	}
}

func (a *analyser) method(n *ast.FunctionLiteral, accessor ast.PropertyKind, name string, kind FunctionKind) *Function {
	f := &Function{Kind: kind, Node: n, Name: name, Async: n.Async, Generator: n.Generator}
	if n.Async && n.Generator {
		a.problem(n, "async generators are not lowered in this position", "let the bundler lower async generators")
	}
	if accessor == ast.PropertyKindGet || accessor == ast.PropertyKindSet {
		f.Accessor = string(accessor)
		if name != "" {
			f.Name = f.Accessor + " " + name
		}
	}
	a.enter(f, func() { a.functionBody(n.ParameterList, n.Body.List) })
	return f
}

// keyName is the text of a property key that is known before running.
func keyName(key ast.Expression, computed bool) string {
	if computed {
		return ""
	}
	switch k := key.(type) {
	case *ast.StringLiteral:
		return k.Value.String()
	case *ast.Identifier:
		return k.Name.String()
	case *ast.NumberLiteral:
		return k.Literal
	case *ast.PrivateIdentifier:
		return "#" + k.Name.String()
	}
	return ""
}

// object visits an object literal. If one of its methods uses super, the literal
// has a scope of its own for the home object.
func (a *analyser) object(n *ast.ObjectLiteral) {
	scope := &Scope{Kind: ObjectScope, Node: n, Parent: a.scope, Function: a.fn, byName: map[string]*Binding{}}
	a.info.Scopes[n] = scope
	for _, property := range n.Value {
		a.push(property, func() {
			keyed, ok := property.(*ast.PropertyKeyed)
			if !ok {
				a.visitProperty(property)
				return
			}
			if keyed.Computed {
				a.visit(keyed.Key)
			}
			name := keyName(keyed.Key, keyed.Computed)
			literal, ok := keyed.Value.(*ast.FunctionLiteral)
			if !ok || keyed.Kind == ast.PropertyKindValue {
				a.named(keyed.Value, name, keyed.Key.Idx0())
				return
			}
			outer := a.scope
			a.scope = scope
			a.push(literal, func() { a.method(literal, keyed.Kind, name, Method) })
			a.scope = outer
		})
	}
}

func (a *analyser) visitProperty(property ast.Property) {
	switch p := property.(type) {
	case *ast.PropertyShort:
		a.identifier(&p.Name)
		a.visit(p.Initializer)
	case *ast.SpreadElement:
		a.visit(p.Expression)
	default:
		a.visit(property)
	}
}
