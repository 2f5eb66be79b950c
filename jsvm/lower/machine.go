package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// machine builds the blocks of one stepped function.
type machine struct {
	f       *ir.Function
	current *ir.Block
	handler *ir.Block
	exits   map[*ast.BlockStatement]*ir.Block
}

// Slots that the frame has besides named variables.
const (
	argumentsSlot = "%arguments"
	selfSlot      = "%self"
)

func newMachine() *machine {
	m := &machine{f: &ir.Function{}}
	m.f.Entry = m.f.NewBlock(nil)
	m.current = m.f.Entry
	return m
}

// block makes a block under the current handler; start goes on there.
func (m *machine) block() *ir.Block  { return m.f.NewBlock(m.handler) }
func (m *machine) start(b *ir.Block) { m.current = b }
func (m *machine) jump(to *ir.Block) { m.end(&ir.Jump{To: to}) }
func (m *machine) fall(to *ir.Block) { m.jump(to); m.start(to) }
func (m *machine) dead()             { m.start(m.block()) }
func (m *machine) emitAll(list []ast.Statement) {
	for _, s := range list {
		m.emit(s)
	}
}

// emit adds a statement, with the exits that lowering it has made.
func (m *machine) emit(s ast.Statement) {
	m.current.Body = append(m.current.Body, s)
	for placeholder, to := range m.exits {
		if m.current.Exits == nil {
			m.current.Exits = map[*ast.BlockStatement]*ir.Block{}
		}
		m.current.Exits[placeholder] = to
	}
	m.exits = nil
}

func (m *machine) end(t ir.Terminator) {
	if m.current.Term == nil {
		m.current.Term = t
	}
}

func (m *machine) branch(cond ast.Expression, yes, no *ir.Block) {
	m.end(&ir.Branch{Cond: variable(cond), Then: yes, Else: no})
}

// flattened reports whether a scope's variables are slots of the frame: those of
// the function itself, and of every scope around a suspension. All other scopes
// come and go between two suspensions and keep real block-scoped variables.
func (c *context) flattened(s *scope.Scope) bool {
	return s == c.fn.Scope || s.Node == nil || c.info.Suspends[s.Node]
}

// stepped lowers the body of an async function or a generator, and gives the
// wrapper that takes its place:
//
//	async function f(a, b) { … }
//
//	becomes   f(a, b) { return %async(7, %e, this, [a, b]) }
//
// A generator's wrapper passes itself, since its `prototype` is that of the generator object.
//
// The values are the frame's first slots: those parameters that are read. With
// other than plain parameters, the wrapper takes what comes (with the same
// `length`) and the step function takes it apart, so that an error in a default
// value rejects the promise. A generator must take its parameters apart before
// it returns; it stops at a resume point of kind start.
func (c *context) stepped() ast.Expression {
	f := c.fn
	b := c.b(f.Node)
	c.m = newMachine()
	c.slotLabels = map[string]string{}
	params, list, expression := parts(f.Node)
	c.nameSlots()
	var wrapperParams *ast.ParameterList
	simple := simpleParameters(params)
	if simple {
		wrapperParams = &ast.ParameterList{Opening: params.Opening, Closing: params.Closing, List: params.List}
	} else {
		wrapperParams, _ = plainParameters(b, params)
		c.m.f.Slots = append(c.m.f.Slots, parameterNames(wrapperParams)...)
	}
	passed := c.passedIn(wrapperParams, simple)
	for _, p := range passed {
		c.m.f.Params = append(c.m.f.Params, p.slot)
	}
	c.lowerParameters(params, simple)
	if f.Generator && !simple {
		c.suspend(ir.Start, b.Undefined(), nil)
	}
	for _, s := range c.hoisted(f.Scope) {
		c.m.emit(s)
	}
	if expression != nil {
		c.lowerReturn(c.b(expression), c.value(expression))
	} else {
		_, list = splitDirectives(list)
		c.lowerList(list)
	}
	c.m.end(&ir.Return{Value: b.Undefined()})
	for _, block := range c.m.f.Blocks {
		if block.Term == nil {
			block.Term = &ir.Return{Value: b.Undefined()}
		}
	}
	c.m.f.Prune()
	c.m.f.Liveness()
	step := &Step{Function: f, IR: c.m.f, Labels: c.slotLabels, Bindings: map[string]*scope.Binding{}, Scopes: map[string]*scope.Scope{}}
	for binding, slot := range c.slots {
		step.Bindings[slot] = binding
	}
	for s, name := range c.envNames {
		step.Scopes[name] = s
	}
	c.result.Steps[f.ID] = step
	return c.wrapper(wrapperParams, passed, !simple)
}

func parts(node ast.Node) (params *ast.ParameterList, list []ast.Statement, expression ast.Expression) {
	switch n := node.(type) {
	case *ast.FunctionLiteral:
		params, list = n.ParameterList, n.Body.List
	case *ast.ArrowFunctionLiteral:
		params = n.ParameterList
		switch body := n.Body.(type) {
		case *ast.BlockStatement:
			list = body.List
		case *ast.ExpressionBody:
			expression = body.Expression
		}
	}
	if params == nil {
		params = syntax.Builder{}.Params()
	}
	return params, list, expression
}

func parameterNames(params *ast.ParameterList) []string {
	var names []string
	for _, p := range params.List {
		names = append(names, p.Target.(*ast.Identifier).Name.String())
	}
	if params.Rest != nil {
		names = append(names, params.Rest.(*ast.Identifier).Name.String())
	}
	return names
}

// passedValue is a value that the wrapper puts into a slot.
type passedValue struct {
	slot  string
	value ast.Expression
}

func (c *context) passedIn(wrapper *ast.ParameterList, simple bool) []passedValue {
	b := c.b(c.fn.Node)
	var list []passedValue
	for _, name := range parameterNames(wrapper) {
		slot := name
		if simple {
			slot = c.slots[c.fn.Scope.Lookup(name)]
			if slot == "" {
				// Captured: it passes through a slot into its environment.
				slot = "%p_" + name
				c.m.f.Slots = append(c.m.f.Slots, slot)
			}
		}
		list = append(list, passedValue{slot, b.ID(name)})
	}
	if c.fn.Kind != scope.Arrow && c.fn.UsesArguments {
		list = append(list, passedValue{argumentsSlot, b.ID("arguments")})
	}
	if c.fn.SelfName != nil {
		list = append(list, passedValue{selfSlot, b.ID(steppedName)})
	}
	return list
}

// nameSlots gives every binding that is a flat local its slot: source name and
// declaration ordinal.
func (c *context) nameSlots() {
	for _, s := range c.fn.Scopes {
		if !c.flattened(s) {
			continue
		}
		if name, ok := c.envNames[s]; ok {
			c.m.f.Slots = append(c.m.f.Slots, name)
		}
		for _, binding := range s.Bindings {
			var name string
			switch {
			case binding.Name == scope.ArgumentsName:
				name = argumentsSlot
			case binding.Kind == scope.SelfName:
				name = selfSlot
			case binding.InEnv() || binding.Kind == scope.Pseudo:
				continue
			default:
				name = c.unique(binding.Name)
				if c.fn.FreeNames[name] {
					name = "%l_" + name // the function means another by that name, too
				}
				c.slotLabels[name] = numbered(c.labels, binding.SourceName)
			}
			c.m.f.Slots = append(c.m.f.Slots, name)
			if !binding.InEnv() {
				c.slots[binding] = name
			}
		}
	}
}

// lowerParameters fills the environments of the function from its parameters.
func (c *context) lowerParameters(params *ast.ParameterList, simple bool) {
	b := c.b(c.fn.Node)
	c.m.emitAll(c.functionEnvs(false))
	if simple {
		for _, p := range params.List {
			id := p.Target.(*ast.Identifier)
			if binding := c.fn.Scope.Lookup(id.Name.String()); binding.InEnv() {
				c.m.emit(b.Do(c.write(id, b.ID("%p_"+binding.Name))))
			}
		}
		return
	}
	_, values := plainParameters(b, params)
	for i, p := range params.List {
		value := values[i]
		if !syntax.IsNil(p.Initializer) {
			again := b.ID(fmt.Sprintf("%%p%d", i))
			value = b.Conditional(b.Same(value, b.Undefined()), c.expression(p.Initializer), again)
		}
		c.m.emit(b.Do(c.assignPattern(p.Target, value)))
	}
	if params.Rest != nil {
		c.m.emit(b.Do(c.assignPattern(params.Rest, values[len(params.List)])))
	}
}

// wrapper makes the function that user code sees.
func (c *context) wrapper(params *ast.ParameterList, passed []passedValue, parameters bool) ast.Expression {
	f := c.fn
	b := c.b(f.Node)
	live := map[string]bool{}
	for _, slot := range c.m.f.Params {
		live[slot] = true
	}
	var values []ast.Expression
	for _, p := range passed {
		if live[p.slot] {
			values = append(values, p.value)
		}
	}
	driver := "%async"
	if f.Generator {
		driver = "%generator"
		if parameters {
			driver = "%generatorStart"
		}
	}
	env, self := ast.Expression(b.Undefined()), ast.Expression(b.Undefined())
	if f.NeedsEnv {
		env = b.ID(envName)
	}
	if f.Kind != scope.Arrow && f.UsesThis {
		self = b.This()
	}
	var body []ast.Statement
	if f.NeedsEnv && !f.Member() {
		body = append(body, b.If(b.ID(probeName), b.Return(b.ID(envName))))
	}
	arguments := []ast.Expression{b.Number(f.ID), env, self, b.Array(values...)}
	if f.Generator && f.Member() {
		arguments = append(arguments, b.Index(b.ID(steppedName), b.Number(f.ID)))
	} else if f.Generator {
		arguments = append(arguments, b.ID(steppedName))
	}
	body = append(body, b.Return(b.CallNamed(driver, arguments...)))
	if f.Kind == scope.Arrow {
		arrow := b.Arrow(params, body...)
		arrow.Source = sourceMark(f.ID)
		return arrow
	}
	literal := b.Function("", params, body...)
	literal.Source = sourceMark(f.ID)
	return literal
}

// suspend gives up control with operand and goes on in the resume block. The
// result is what the resumption sends, in a temporary.
func (c *context) suspend(kind ir.SuspendKind, operand ast.Expression, node ast.Node) ast.Expression {
	at := c.fn.Node
	if node != nil {
		at = node
	}
	b := c.b(at)
	resume := c.m.block()
	c.m.end(&ir.Suspend{Kind: kind, Operand: operand, Resume: resume, Node: node})
	c.m.start(resume)
	c.m.emit(b.If(b.Same(b.ID(ir.Mode), b.Number(ir.ModeThrow)), b.Throw(b.ID(ir.Sent))))
	if kind == ir.Await {
		return c.keep(b, b.ID(ir.Sent))
	}
	if kind == ir.Yield || kind == ir.Start {
		returned, next := c.m.block(), c.m.block()
		c.m.branch(b.Same(b.ID(ir.Mode), b.Number(ir.ModeReturn)), returned, next)
		c.m.start(returned)
		c.lowerReturn(b, b.ID(ir.Sent))
		c.m.start(next)
	}
	return c.keep(b, b.ID(ir.Sent))
}

// keep puts a value into a temporary now.
func (c *context) keep(b syntax.Builder, value ast.Expression) ast.Expression {
	name := c.temp()
	c.m.emit(b.Set(name, value))
	return b.ID(name)
}
