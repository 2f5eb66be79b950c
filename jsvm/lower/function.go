package lower

import (
	"fmt"
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// makeFunction is the value of a function literal: a call of its factory with
// the environment around it.
//
//	n => n + x   becomes   %F3(%e_x)     and, at module level,
//	                       function %F3(%e) {
//	                         return n => { if (%probe) return %e; return n + %e.x }
//	                       }
//
// A function that captures nothing is made by a factory as well: that way each
// has exactly one literal, and can be made again by its id. %probe lets the codec
// ask a closure for its environment without paying for it at every creation.
func (c *context) makeFunction(node ast.Expression) ast.Expression {
	f := c.info.Functions[node]
	b := c.b(node)
	call := b.CallNamed(c.factory(f))
	if f.NeedsEnv {
		if env := c.innermost(b, f.Outer); env != nil {
			call = b.CallNamed(c.factory(f), env)
		}
	}
	return call
}

// factory adds the factory of f to the output and gives its name.
func (c *context) factory(f *scope.Function) string {
	name := "%F" + strconv.Itoa(f.ID)
	if c.result.FactoryNames[f.ID] != "" {
		return name
	}
	c.result.FactoryNames[f.ID] = name
	b := c.b(f.Node)
	literal := c.lowerFunction(f)
	var body []ast.Statement
	switch {
	case f.Stepped() && f.Kind != scope.Arrow:
		body = []ast.Statement{b.Const(steppedName, b.CallNamed(steppedMaker(f), named(b, f.Name, literal, ast.PropertyKindMethod))), b.Return(b.ID(steppedName))}
	case f.Stepped():
		body = []ast.Statement{b.Return(b.CallNamed(steppedMaker(f), named(b, f.Name, literal, ast.PropertyKindValue)))}
	case f.Kind == scope.Method:
		body = []ast.Statement{b.Return(named(b, f.Name, literal, ast.PropertyKindMethod))}
	default:
		body = []ast.Statement{b.Return(named(b, f.Name, literal, ast.PropertyKindValue))}
		if fn, ok := literal.(*ast.FunctionLiteral); ok && f.SelfName != nil {
			fn.Name = b.ID(f.Name)
			body = []ast.Statement{b.Return(fn)}
		} else if f.Name != "" && isIdentifier(f.Name) && !syntax.Mentions(literal, f.Name) {
			body = []ast.Statement{b.Const(f.Name, literal), b.Return(b.ID(f.Name))}
		}
	}
	c.result.Factories = append(c.result.Factories,
		b.Declaration(b.Function(name, b.Params(envName), body...)))
	return name
}

// steppedName is, in the factory of an async function or generator, the function itself; in that of a class, an object with its generator
// methods by id. What takes their place is an ordinary function, which the kernel gives the prototype, and a generator the object
// `prototype`, that the author's has (ECMAScript 27.3, 27.7):
//
//	function* g() {}   becomes   function %F3() { const %g = %generatorFunction({g() { return %generator(3, void 0, this, [], %g) }}.g); return %g }
const steppedName = "%g"

func steppedMaker(f *scope.Function) string {
	if f.Generator {
		return "%generatorFunction"
	}
	return "%asyncFunction"
}

// named gives a literal its `name` without a binding of that name: as the value
// of a property that is read at once. As a method it is no constructor.
func named(b syntax.Builder, name string, literal ast.Expression, kind ast.PropertyKind) ast.Expression {
	if name == "" && kind == ast.PropertyKindValue {
		return literal
	}
	return b.Index(b.Object(&ast.PropertyKeyed{Key: b.String(name), Kind: kind, Value: literal, Computed: name == "__proto__"}), b.String(name))
}

func isIdentifier(name string) bool {
	for i, r := range name {
		letter := r == '_' || r == '$' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && !(i > 0 && r >= '0' && r <= '9') {
			return false
		}
	}
	switch name {
	case "", "arguments", "eval", "let", "static", "yield", "await", "implements", "interface", "package",
		"private", "protected", "public", "break", "case", "catch", "class", "const", "continue", "debugger",
		"default", "delete", "do", "else", "enum", "export", "extends", "false", "finally", "for", "function",
		"if", "import", "in", "instanceof", "new", "null", "return", "super", "switch", "this", "throw", "true",
		"try", "typeof", "var", "void", "while", "with":
		return false
	}
	return true
}

// Source marks a function's literal with its id. goja keeps the text of a
// function beside its code and hands it out in Function.prototype.toString: the
// codec reads the id there.
func sourceMark(id int) string { return fmt.Sprintf("\x00%d", id) }

// lowerFunction rewrites a function's literal, in a context of its own. For a
// stepped function, the result is the wrapper that makes a frame.
func (c *context) lowerFunction(f *scope.Function) ast.Expression {
	inner := c.lowerer.context(f)
	if f.Stepped() {
		return inner.stepped()
	}
	switch n := f.Node.(type) {
	case *ast.FunctionLiteral:
		inner.nativeBody(n.ParameterList, n.Body.List, func(params *ast.ParameterList, body []ast.Statement) {
			n.ParameterList, n.Body.List = params, body
		})
		n.Name = nil
		n.Source = sourceMark(f.ID)
		n.DeclarationList = append(n.DeclarationList, inner.declared...)
		return n
	case *ast.ArrowFunctionLiteral:
		b := c.b(n)
		expression, isExpression := n.Body.(*ast.ExpressionBody)
		var list []ast.Statement
		if isExpression {
			list = []ast.Statement{syntax.At(expression.Expression).Return(expression.Expression)}
		} else {
			list = n.Body.(*ast.BlockStatement).List
		}
		inner.nativeBody(n.ParameterList, list, func(params *ast.ParameterList, body []ast.Statement) {
			n.ParameterList, n.Body = params, b.Block(body...)
		})
		n.Source = sourceMark(f.ID)
		n.DeclarationList = append(n.DeclarationList, inner.declared...)
		return n
	}
	panic(fmt.Sprintf("lower: function of node %T", f.Node))
}

// nativeBody rewrites the parameters and the body of a function that keeps its
// form.
func (c *context) nativeBody(params *ast.ParameterList, list []ast.Statement, set func(*ast.ParameterList, []ast.Statement)) {
	f := c.fn
	b := c.b(f.Node)
	var head []ast.Statement
	directives, list := splitDirectives(list)
	if f.NeedsEnv && !f.Member() {
		head = append(head, b.If(b.ID(probeName), b.Return(b.ID(envName))))
	}
	params, prologue := c.parameters(params)
	head = append(head, prologue...)
	head = append(head, c.hoisted(f.Scope)...)
	body := c.statements(list)
	head = append(append(directives, c.declareTemps()...), head...)
	set(params, append(head, body...))
}

func splitDirectives(list []ast.Statement) (directives, rest []ast.Statement) {
	for len(list) > 0 {
		s, ok := list[0].(*ast.ExpressionStatement)
		if !ok {
			break
		}
		if _, ok := s.Expression.(*ast.StringLiteral); !ok {
			break
		}
		list = list[1:] // the output is strict as a whole
	}
	return nil, list
}

// parameters rewrites a parameter list and makes the function's environments.
//
// Where nothing in the list can run code that sees an environment, the list
// stays as it is. Otherwise the parameters are taken apart in the body:
//
//	(a, {b} = d(), ...r) => …   becomes   (%p0, %p1 = void 0, ...%p2) => {
//	                                        a = %p0; ({b} = %p1 === void 0 ? d() : %p1); r = %p2
//
// with the same `length`: it counts up to the first default.
func (c *context) parameters(params *ast.ParameterList) (*ast.ParameterList, []ast.Statement) {
	b := c.b(c.fn.Node)
	entry := c.functionEnvs(true)
	if params == nil {
		return b.Params(), entry
	}
	if simpleParameters(params) {
		return params, entry
	}
	if !c.fn.NeedsEnv && !c.fn.Scope.HasEnv() {
		for _, p := range params.List {
			p.Target = c.nativePattern(p.Target).(ast.BindingTarget)
			p.Initializer = c.optional(p.Initializer)
		}
		if params.Rest != nil {
			params.Rest = c.nativePattern(params.Rest)
		}
		return params, entry
	}
	list, values := plainParameters(b, params)
	statements := c.functionEnvs(false)
	declared := &ast.VariableDeclaration{}
	for i, p := range params.List {
		value := values[i]
		if !syntax.IsNil(p.Initializer) {
			value = b.Conditional(b.Same(value, b.Undefined()), c.expression(p.Initializer), values[i])
		}
		c.declareLeaves(p.Target, declared)
		statements = append(statements, b.Do(c.assignPattern(p.Target, value)))
	}
	if params.Rest != nil {
		c.declareLeaves(params.Rest, declared)
		statements = append(statements, b.Do(c.assignPattern(params.Rest, values[len(params.List)])))
	}
	c.declared = append(c.declared, declared)
	return list, statements
}

// simpleParameters: plain names only.
func simpleParameters(params *ast.ParameterList) bool {
	for _, p := range params.List {
		if _, ok := p.Target.(*ast.Identifier); !ok || !syntax.IsNil(p.Initializer) {
			return false
		}
	}
	return params.Rest == nil
}

// plainParameters is a list of the same length property whose evaluation can't
// do anything, and the identifiers of its values.
func plainParameters(b syntax.Builder, params *ast.ParameterList) (*ast.ParameterList, []ast.Expression) {
	list := &ast.ParameterList{Opening: b.At, Closing: b.At}
	var values []ast.Expression
	counting := true
	for i, p := range params.List {
		name := fmt.Sprintf("%%p%d", i)
		binding := &ast.Binding{Target: b.ID(name)}
		if !syntax.IsNil(p.Initializer) {
			counting = false
		}
		if !counting {
			binding.Initializer = b.Undefined()
		}
		list.List = append(list.List, binding)
		values = append(values, b.ID(name))
	}
	if params.Rest != nil {
		name := fmt.Sprintf("%%p%d", len(params.List))
		list.Rest = b.ID(name)
		values = append(values, b.ID(name))
	}
	return list, values
}

// declareLeaves adds the names of a pattern that stay native variables.
func (c *context) declareLeaves(target ast.Expression, to *ast.VariableDeclaration) {
	leaves(target, func(id *ast.Identifier) {
		if r := c.info.Refs[id]; r != nil && !c.flat(r.Binding) {
			to.List = append(to.List, &ast.Binding{Target: id})
		}
	})
}

// functionEnvs makes the environments of a function's own name and of its
// parameters and variables. With parameters set, captured parameters take their
// values from the parameters.
func (c *context) functionEnvs(parameters bool) []ast.Statement {
	var list []ast.Statement
	for _, s := range c.fn.Scopes {
		if s == c.fn.Scope || s.Function == c.fn && s.Node == nil {
			list = append(list, c.makeEnv(s, func(b *scope.Binding) ast.Expression {
				return c.initial(b, parameters)
			})...)
		}
	}
	if binding := c.fn.Scope.Lookup(scope.SuperCallName); binding != nil {
		list = append(list, c.makeSuperCall())
	}
	return list
}

// initial is what a captured binding of the function's scope starts with.
func (c *context) initial(binding *scope.Binding, parameters bool) ast.Expression {
	b := c.b(c.fn.Node)
	switch {
	case binding.Name == scope.ThisName:
		if derivedConstructor(c.fn) {
			return b.ID("%TDZ")
		}
		if c.fn.Stepped() {
			return b.Dot(b.ID(frameName), "t")
		}
		return b.This()
	case binding.Name == scope.ArgumentsName:
		if c.fn.Stepped() {
			return b.ID(argumentsSlot)
		}
		return b.ID("arguments")
	case binding.Name == scope.NewTargetName:
		if c.fn.Stepped() {
			return b.Undefined()
		}
		return &ast.MetaProperty{Idx: b.At, Meta: b.ID("new"), Property: b.ID("target")}
	case binding.Kind == scope.SelfName:
		if c.fn.Stepped() {
			return b.ID(selfSlot)
		}
		return b.ID(binding.Name)
	case binding.Kind == scope.Param && parameters:
		return b.ID(binding.Name)
	}
	return nil
}

// makeEnv declares the environment of a scope, if it has one:
//
//	const %e_x = {"%p": %e, x: void 0}
//
// All fields are there from the start, so the layout is the scope's. initial may
// give a first value; nil stands for undefined, or the mark of the dead zone.
func (c *context) makeEnv(s *scope.Scope, initial func(*scope.Binding) ast.Expression) []ast.Statement {
	object := c.envObject(s, initial)
	if object == nil {
		return nil
	}
	b := syntax.Builder{At: c.envAt(s)}
	name := c.envNames[s]
	if c.m != nil && c.flattened(s) {
		return []ast.Statement{b.Set(name, object)}
	}
	if s.Kind == scope.LoopScope {
		return []ast.Statement{b.Let(name, object)}
	}
	return []ast.Statement{b.Const(name, object)}
}

func (c *context) envAt(s *scope.Scope) file.Idx {
	if s.Node != nil {
		return s.Node.Idx0()
	}
	return c.fn.Node.Idx0()
}

func (c *context) envObject(s *scope.Scope, initial func(*scope.Binding) ast.Expression) ast.Expression {
	list := s.EnvBindings()
	if len(list) == 0 {
		return nil
	}
	b := syntax.Builder{At: c.envAt(s)}
	var fields []ast.Property
	if parent := c.innermost(b, s.Parent); parent != nil {
		fields = append(fields, b.Property(parentName, parent))
	}
	for _, binding := range list {
		value := ast.Expression(nil)
		if initial != nil {
			value = initial(binding)
		}
		switch {
		case value != nil:
		case binding.Checked:
			value = b.ID("%TDZ")
		default:
			value = b.Undefined()
		}
		fields = append(fields, b.Property(binding.SourceName, value))
	}
	return b.Object(fields...)
}

// enterScope is what happens at the start of a block: its environment, marks of
// the dead zone, function declarations.
func (c *context) enterScope(s *scope.Scope) []ast.Statement {
	return append(c.makeEnv(s, nil), c.hoisted(s)...)
}

// hoisted initialises a scope's slots that need a mark, and its function
// declarations.
func (c *context) hoisted(s *scope.Scope) []ast.Statement {
	var list []ast.Statement
	for _, binding := range s.Bindings {
		if slot, ok := c.slots[binding]; ok && binding.Checked {
			b := syntax.Builder{At: c.envAt(s)}
			list = append(list, b.Set(slot, b.ID("%TDZ")))
		}
		if binding.InModuleEnv() && binding.Checked && s == c.info.Module.Scope {
			b := syntax.Builder{}
			list = append(list, b.Do(b.Assign(b.Dot(b.ID(moduleName), binding.SourceName), b.ID("%TDZ"))))
		}
	}
	for _, f := range s.Functions {
		list = append(list, c.hoistFunction(s, f)...)
	}
	return list
}

// hoistFunction makes a declared function when its block is entered.
//
// A plain function of the module stays a declaration: calls of it cost nothing
// more than before.
func (c *context) hoistFunction(s *scope.Scope, f *scope.Function) []ast.Statement {
	literal := f.Node.(*ast.FunctionLiteral)
	id := literal.Name
	b := c.b(literal)
	binding := c.info.Refs[id].Binding
	if binding.InModule() && !binding.InModuleEnv() && !f.Stepped() {
		c.result.FactoryNames[f.ID] = ""
		n := c.lowerFunction(f).(*ast.FunctionLiteral)
		n.Name = id
		return []ast.Statement{b.Declaration(n)}
	}
	made := c.makeFunction(literal)
	if c.flat(binding) {
		return []ast.Statement{b.Do(b.Assign(c.place(b, &scope.Ref{Binding: binding, Scope: s, Function: c.fn}), made))}
	}
	if s.Kind == scope.FunctionScope {
		// Like `var`: there may be a parameter or a variable of the same name.
		c.declared = append(c.declared, &ast.VariableDeclaration{List: []*ast.Binding{{Target: b.ID(binding.Name)}}})
		return []ast.Statement{b.Set(binding.Name, made)}
	}
	return []ast.Statement{b.Let(binding.Name, made)}
}
