package lower

import (
	"strconv"

	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// makeClass is the value of a class literal.
//
//	class C extends B { [k()]() {} static n = 1 }
//
//	becomes   %defineClass(5, env, B, [%toKey(k())], %F5, ["C"], %I5)
//
// The factory %F5(%e, %super, %k) holds the literal without its static
// initialisers; those are %I5, run once with the class as `this`, so that a
// restored class does not run them again. The kernel fills the class's own
// name, where closures capture it, into env.
//
// keys are the operands that have been evaluated already, in the order heritage,
// computed keys; see classOperands.
func (c *context) makeClass(n *ast.ClassLiteral, operands []ast.Expression) ast.Expression {
	class := c.info.Classes[n]
	b := c.b(n)
	heritage := ast.Expression(b.Undefined())
	if !syntax.IsNil(n.SuperClass) {
		heritage, operands = operands[0], operands[1:]
	}
	env := ast.Expression(b.Undefined())
	if class.NeedsEnv || class.Scope.HasEnv() {
		env = c.classEnv(b, class)
	}
	var keys []ast.Expression
	for _, key := range operands {
		keys = append(keys, b.CallNamed("%toKey", key))
	}
	arguments := []ast.Expression{b.Number(class.ID), env, heritage, b.Array(keys...), b.ID(c.classFactory(class))}
	var names []ast.Expression
	for _, binding := range class.Scope.EnvBindings() {
		names = append(names, b.String(binding.SourceName))
	}
	arguments = append(arguments, b.Array(names...))
	if init := c.staticInit(class); init != "" {
		arguments = append(arguments, b.ID(init))
	}
	return b.CallNamed("%defineClass", arguments...)
}

// classOperands are the expressions that a class evaluates outside of its
// members: heritage and computed keys, in order.
func classOperands(n *ast.ClassLiteral) []ast.Expression {
	var list []ast.Expression
	if !syntax.IsNil(n.SuperClass) {
		list = append(list, n.SuperClass)
	}
	for _, element := range n.Body {
		switch e := element.(type) {
		case *ast.MethodDefinition:
			if e.Computed {
				list = append(list, e.Key)
			}
		case *ast.FieldDefinition:
			if e.Computed {
				list = append(list, e.Key)
			}
		}
	}
	return list
}

func (c *context) classEnv(b syntax.Builder, class *scope.Class) ast.Expression {
	var outer ast.Expression
	if class.NeedsEnv {
		outer = c.innermost(b, class.Outer)
	}
	bindings := class.Scope.EnvBindings()
	if len(bindings) == 0 {
		if outer == nil {
			return b.Undefined()
		}
		return outer
	}
	layout := Env{Name: envName, Parent: outer != nil}
	var fields []ast.Property
	if outer != nil {
		fields = append(fields, b.Property(parentName, outer))
	}
	for _, binding := range bindings {
		fields = append(fields, b.Property(binding.SourceName, b.Undefined()))
		layout.Fields = append(layout.Fields, binding.SourceName)
	}
	c.result.Functions[class.ID].Envs = []Env{layout}
	return b.Object(fields...)
}

const (
	superName = "%super"
	keysName  = "%k"
)

func (c *context) classFactory(class *scope.Class) string {
	name := "%F" + strconv.Itoa(class.ID)
	n := class.Node
	b := c.b(n)
	c.result.FactoryNames[class.ID] = name
	if !syntax.IsNil(n.SuperClass) {
		n.SuperClass = b.ID(superName)
	}
	n.Source = sourceMark(class.ID)
	keys := 0
	var elements []ast.ClassElement
	for _, element := range n.Body {
		var key ast.Expression
		if computed(element) {
			key = b.Index(b.ID(keysName), b.Number(keys))
			keys++
		}
		if e := c.classElement(element, key); e != nil {
			elements = append(elements, e)
		}
	}
	literal := *n
	literal.Body = elements
	value := ast.Expression(&literal)
	var body []ast.Statement
	switch {
	case n.Name == nil && class.Name != "" && isIdentifier(class.Name) && !syntax.Mentions(value, class.Name):
		body = []ast.Statement{b.Const(class.Name, value), b.Return(b.ID(class.Name))}
	case n.Name == nil && class.Name != "":
		body = []ast.Statement{b.Return(named(b, class.Name, value, ast.PropertyKindValue))}
	default:
		body = []ast.Statement{b.Return(value)}
	}
	if kinds := steppedMembers(b, class); kinds != nil {
		last := len(body) - 1
		made := body[last].(*ast.ReturnStatement).Argument
		body[last] = b.Return(b.CallNamed("%steppedMembers", made, b.ID(steppedName), kinds))
		body = append([]ast.Statement{b.Const(steppedName, b.Object())}, body...)
	}
	if callsSuperInArrow(class) {
		last := len(body) - 1
		made := body[last].(*ast.ReturnStatement).Argument
		body[last] = b.Return(b.Assign(b.ID(madeName), made))
		body = append([]ast.Statement{b.Lets([]string{madeName})}, body...)
	}
	c.result.Factories = append(c.result.Factories,
		b.Declaration(b.Function(name, b.Params(envName, superName, keysName), body...)))
	return name
}

func callsSuperInArrow(class *scope.Class) bool {
	for _, f := range class.Members {
		if f.Kind == scope.Constructor && f.Scope.Lookup(scope.SuperCallName) != nil {
			return true
		}
	}
	return false
}

// steppedMembers are the methods of a class that are async functions or generators, by id, true for generators; nil: there are none. The
// kernel finds them on the class and makes of them what factories make of other functions; a generator method finds itself in %g.
//
//	class C { *m() {} }   becomes   function %F5(…) { const %g = {}; return %steppedMembers(class C { m() { return %generator(6, …, %g[6]) } }, %g, {6: true}) }
func steppedMembers(b syntax.Builder, class *scope.Class) ast.Expression {
	var kinds []ast.Property
	for _, f := range class.Members {
		if f.Stepped() {
			kinds = append(kinds, b.Property(strconv.Itoa(f.ID), b.Bool(f.Generator)))
		}
	}
	if kinds == nil {
		return nil
	}
	return b.Object(kinds...)
}

func computed(element ast.ClassElement) bool {
	switch e := element.(type) {
	case *ast.MethodDefinition:
		return e.Computed
	case *ast.FieldDefinition:
		return e.Computed
	}
	return false
}

// classElement rewrites an element that stays in the literal; nil: it does not.
func (c *context) classElement(element ast.ClassElement, key ast.Expression) ast.ClassElement {
	switch e := element.(type) {
	case *ast.MethodDefinition:
		m := *e
		if key != nil {
			m.Key = key
		}
		m.Body = c.lowerFunction(c.info.Functions[e.Body]).(*ast.FunctionLiteral)
		return &m
	case *ast.FieldDefinition:
		if e.Static {
			return nil
		}
		field := *e
		if key != nil {
			field.Key = key
		}
		if !syntax.IsNil(e.Initializer) {
			field.Initializer = c.fieldValue(e)
		}
		return &field
	}
	return nil
}

// fieldValue is an initialiser of an instance field. An environment that it
// needs (for an arrow that uses `this`) is the parameter of an arrow around it:
//
//	f = () => this.x   becomes   f = (%e_this => %F4(%e_this))({"%this": this})
func (c *context) fieldValue(e *ast.FieldDefinition) ast.Expression {
	f := c.info.Functions[e]
	inner := c.lowerer.context(f)
	b := c.b(e)
	object := inner.envObject(f.Scope, func(binding *scope.Binding) ast.Expression { return inner.initial(binding, false) })
	value := inner.expression(e.Initializer)
	if object == nil && len(inner.temps) == 0 {
		return value
	}
	var params []string
	var arguments []ast.Expression
	if object != nil {
		params, arguments = append(params, inner.envNames[f.Scope]), append(arguments, object)
	}
	arrow := b.Arrow(b.Params(append(params, inner.temps...)...), b.Return(value))
	return b.Call(arrow, arguments...)
}

// staticInit is a function with the static fields and blocks of a class, in
// order; "" where there are none.
//
//	static a = x; static { b }   becomes   function %I5(%e, %k) {
//	                                         %defineField(this, "a", x); { b }
//	                                       }
func (c *context) staticInit(class *scope.Class) string {
	n := class.Node
	b := c.b(n)
	var body []ast.Statement
	var declared []*ast.VariableDeclaration
	keys := 0
	for _, element := range n.Body {
		var key ast.Expression
		if computed(element) {
			key = b.Index(b.ID(keysName), b.Number(keys))
			keys++
		}
		switch e := element.(type) {
		case *ast.FieldDefinition:
			if !e.Static {
				continue
			}
			at := c.b(e)
			if key == nil {
				key = e.Key
			}
			if syntax.IsNil(e.Initializer) {
				body = append(body, at.Do(at.CallNamed("%defineField", at.This(), key, at.Undefined())))
				continue
			}
			inner := c.lowerer.context(c.info.Functions[e])
			list := inner.functionEnvs(false)
			list = append(list, at.Do(at.CallNamed("%defineField", at.This(), key, inner.expression(e.Initializer))))
			body = append(body, at.Block(append(inner.declareTemps(), list...)...))
		case *ast.ClassStaticBlock:
			inner := c.lowerer.context(c.info.Functions[e])
			list := append(inner.functionEnvs(false), inner.hoisted(inner.fn.Scope)...)
			list = append(list, inner.statements(e.Block.List)...)
			declared = append(append(declared, e.DeclarationList...), inner.declared...)
			body = append(body, c.b(e).Block(append(inner.declareTemps(), list...)...))
		}
	}
	if len(body) == 0 {
		return ""
	}
	name := "%I" + strconv.Itoa(class.ID)
	f := b.Function(name, b.Params(envName, keysName), body...)
	f.DeclarationList = declared
	c.result.Factories = append(c.result.Factories, b.Declaration(f))
	return name
}
