package scope

import (
	"slices"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// declaration visits a node that declares names. It reports false for others.
func (a *analyser) declaration(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.VariableStatement:
		a.variables(n.List)
	case *ast.ForLoopInitializerVarDeclList:
		a.variables(n.List)
	case *ast.ForIntoVar:
		a.variables([]*ast.Binding{n.Binding})
	case *ast.LexicalDeclaration:
		a.lexical(n)
	case *ast.ForDeclaration:
		kind := Let
		if n.IsConst {
			kind = Const
		}
		a.pattern(n.Target, a.lexicalLeaf(kind, n.Target.Idx1()))
	case *ast.FunctionDeclaration:
		// Declared when its block was entered.
		a.push(n.Function, func() { a.declaredFunction(n.Function) })
	case *ast.ClassDeclaration:
		b := a.declareLexical(n.Class.Name, ClassDecl, n.Class.Idx1())
		a.initRef(n.Class.Name, b)
		a.push(n.Class, func() { a.class(n.Class, n.Class.Name.Name.String(), n.Class.Name.Idx) })
	default:
		return false
	}
	return true
}

// variables declares `var`s in the function's scope. The initialiser is an
// ordinary write, which may even meet a catch parameter of the same name
// (ECMAScript B.3.4).
func (a *analyser) variables(list []*ast.Binding) {
	for _, binding := range list {
		a.push(binding, func() {
			a.pattern(binding.Target, func(id *ast.Identifier) {
				a.functionScope().declare(id.Name.String(), Var, 0).declaredAt(id)
				r := a.reference(id, true)
				r.Init = true
			})
			a.initialiser(binding)
		})
	}
}

func (a *analyser) functionScope() *Scope {
	s := a.scope
	for s.Kind != FunctionScope {
		s = s.Parent
	}
	return s
}

func (a *analyser) lexical(n *ast.LexicalDeclaration) {
	kind := Let
	if n.Token == token.CONST {
		kind = Const
	}
	for _, binding := range n.List {
		a.push(binding, func() {
			a.pattern(binding.Target, a.lexicalLeaf(kind, bindingEnd(binding)))
			a.initialiser(binding)
		})
	}
}

func bindingEnd(b *ast.Binding) (end file.Idx) {
	defer func() {
		// goja can't tell the end of some broken nodes.
		if recover() != nil {
			end = b.Idx0()
		}
	}()
	return b.Idx1()
}

func (a *analyser) lexicalLeaf(kind Kind, end file.Idx) func(*ast.Identifier) {
	return func(id *ast.Identifier) {
		a.initRef(id, a.declareLexical(id, kind, end))
	}
}

func (b *Binding) declaredAt(id *ast.Identifier) {
	if b.At == 0 {
		b.At = id.Idx
	}
}

func (a *analyser) initRef(id *ast.Identifier, b *Binding) {
	b.declaredAt(id)
	a.info.Refs[id] = &Ref{Binding: b, Scope: a.scope, Function: a.fn, Write: true, Init: true, name: b.Name, at: id.Idx}
}

func (a *analyser) initialiser(b *ast.Binding) {
	if id, ok := b.Target.(*ast.Identifier); ok {
		a.named(b.Initializer, id.Name.String(), id.Idx)
		return
	}
	a.visit(b.Initializer)
}

// hoistFunctions declares a list's function declarations before anything of it
// runs (ECMAScript 14.2.3 BlockDeclarationInstantiation; strict code, so they
// stay in their block).
func (a *analyser) hoistFunctions(list []ast.Statement) {
	for _, s := range list {
		for {
			labelled, ok := s.(*ast.LabelledStatement)
			if !ok {
				break
			}
			s = labelled.Statement
		}
		if d, ok := s.(*ast.FunctionDeclaration); ok {
			b := a.scope.declare(d.Function.Name.Name.String(), FuncDecl, 0)
			a.initRef(d.Function.Name, b)
		}
	}
}

// scoped visits a node that opens a scope. It reports false for others.
func (a *analyser) scoped(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.BlockStatement:
		if !declares(n.List) {
			return false
		}
		a.open(BlockScope, n)
		a.statements(n.List)
		a.close()
	case *ast.ForStatement:
		decl, ok := n.Initializer.(*ast.ForLoopInitializerLexicalDecl)
		if !ok {
			return false
		}
		a.open(LoopScope, n)
		a.push(decl, func() { a.visit(&decl.LexicalDeclaration) })
		a.visit(n.Test)
		a.visit(n.Update)
		a.visit(n.Body)
		a.close()
	case *ast.ForInStatement:
		a.forEach(n, n.Into, n.Source, n.Body)
	case *ast.ForOfStatement:
		a.forEach(n, n.Into, n.Source, n.Body)
	case *ast.SwitchStatement:
		a.visit(n.Discriminant)
		a.open(SwitchScope, n)
		for _, clause := range n.Body {
			a.hoistFunctions(clause.Consequent)
		}
		for _, clause := range n.Body {
			a.push(clause, func() {
				a.visit(clause.Test)
				for _, s := range clause.Consequent {
					a.visit(s)
				}
			})
		}
		a.close()
	case *ast.CatchStatement:
		a.open(CatchScope, n)
		from := len(a.pending)
		a.pattern(n.Parameter, func(id *ast.Identifier) {
			a.initRef(id, a.scope.declare(id.Name.String(), Catch, 0))
		})
		if a.saysNameOf(a.pending[from:], n.Body.List) {
			a.visit(n.Body)
		} else {
			a.push(n.Body, func() { a.statements(n.Body.List) })
		}
		a.close()
	case *ast.FunctionLiteral:
		name, at := nameOf(n.Name)
		a.function(n, name, at, Plain)
	case *ast.ArrowFunctionLiteral:
		a.arrow(n, "", 0)
	case *ast.ClassLiteral:
		name, at := nameOf(n.Name)
		a.class(n, name, at)
	default:
		return false
	}
	return true
}

func nameOf(id *ast.Identifier) (string, file.Idx) {
	if id == nil {
		return "", 0
	}
	return id.Name.String(), id.Idx
}

func (a *analyser) forEach(loop ast.Node, into ast.ForInto, source ast.Expression, body ast.Statement) {
	from := len(a.pending)
	a.visit(source)
	if _, ok := into.(*ast.ForDeclaration); ok {
		defer a.hideFromHead(a.open(LoopScope, loop), a.pending[from:len(a.pending):len(a.pending)])
		defer a.close()
	}
	a.visit(into)
	a.visit(body)
}

// saysNameOf reports whether a catch parameter's default values say a name that the block declares, and mean another by it. The block needs a scope of its own
// then (ECMAScript 14.15.2); otherwise it shares the parameter's, as stored continuations expect it.
func (a *analyser) saysNameOf(refs []*Ref, list []ast.Statement) bool {
	if len(refs) == 0 {
		return false
	}
	names := map[string]bool{}
	add := func(id *ast.Identifier) { names[id.Name.String()] = true }
	for _, s := range list {
		switch s := s.(type) {
		case *ast.LexicalDeclaration:
			for _, b := range s.List {
				eachName(b.Target, add)
			}
		case *ast.FunctionDeclaration:
			add(s.Function.Name)
		case *ast.ClassDeclaration:
			add(s.Class.Name)
		}
	}
	return slices.ContainsFunc(refs, func(r *Ref) bool { return names[r.name] })
}

// eachName calls visit for the names that a pattern declares.
func eachName(target ast.Node, visit func(*ast.Identifier)) {
	if syntax.IsNil(target) {
		return
	}
	switch t := target.(type) {
	case *ast.Identifier:
		visit(t)
	case *ast.AssignExpression:
		eachName(t.Left, visit)
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			eachName(element, visit)
		}
		eachName(t.Rest, visit)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				visit(&p.Name)
			case *ast.PropertyKeyed:
				eachName(p.Value, visit)
			}
		}
		eachName(t.Rest, visit)
	}
}

// declares reports whether a statement list has names of its own.
func declares(list []ast.Statement) bool {
	for _, s := range list {
		switch s := s.(type) {
		case *ast.LexicalDeclaration, *ast.FunctionDeclaration, *ast.ClassDeclaration:
			return true
		case *ast.LabelledStatement:
			if !syntax.IsNil(s.Statement) && declares([]ast.Statement{s.Statement}) {
				return true
			}
		}
	}
	return false
}
