package lower

import (
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Env is the identifier of the environment that a function was made with.
const (
	envName    = "%e"
	parentName = "%p"
	moduleName = "%M"
	probeName  = "%probe"
	frameName  = "%f"
)

// read is the value of a name.
//
//	x   becomes   x             a local or an unchanging module binding
//	              %e_y.x        captured, in an environment of this function
//	              %e["%p"].x    captured, in one around it
//	              %M.x          a module variable that functions reassign
//
// each within a check, (%e.x === %TDZ ? %tdz("x") : %e.x), where the reference
// might run before the declaration.
func (c *context) read(id *ast.Identifier) ast.Expression {
	r := c.info.Refs[id]
	if r == nil {
		if id.Name == "arguments" {
			return c.arguments(id)
		}
		return id
	}
	if r.Binding == nil {
		return id
	}
	b := c.b(id)
	if r.Dead {
		return b.CallNamed("%tdz", b.String(shown(r.Binding)))
	}
	place := c.place(b, r)
	if r.Check && c.flat(r.Binding) {
		return b.Conditional(b.Same(place, b.ID("%TDZ")), b.CallNamed("%tdz", b.String(shown(r.Binding))), c.place(b, r))
	}
	return place
}

// shown is a binding's name in error messages.
func shown(b *scope.Binding) string {
	return b.SourceName[strings.LastIndexByte(b.SourceName, ':')+1:]
}

// place is where a name's value is: an identifier or a property, fit for both
// sides of an assignment.
func (c *context) place(b syntax.Builder, r *scope.Ref) ast.Expression {
	binding := r.Binding
	name := binding.Name
	switch {
	case binding.InModuleEnv():
		return b.Dot(b.ID(moduleName), binding.SourceName)
	case binding.InEnv() && !c.inClassLiteral(binding):
		return b.Dot(c.env(b, r.Scope, binding.Scope), binding.SourceName)
	}
	if slot, ok := c.slots[binding]; ok {
		return b.ID(slot)
	}
	return b.ID(name)
}

// inClassLiteral: code inside a class's literal can say the class's name itself.
func (c *context) inClassLiteral(b *scope.Binding) bool {
	return b.Kind == scope.ClassName && c.fn.InLiteral() && c.fn.Class.Scope == b.Scope
}

// env is the environment object of target, seen from scope s of this function.
func (c *context) env(b syntax.Builder, s, target *scope.Scope) ast.Expression {
	for ; s != nil && s.Function == c.fn; s = s.Parent {
		if s == target {
			return b.ID(c.envNames[s])
		}
	}
	var e ast.Expression = b.ID(envName)
	for ; s != nil; s = s.Parent {
		if !s.HasEnv() {
			continue
		}
		if s == target {
			return e
		}
		e = b.Index(e, b.String(parentName))
	}
	panic("lower: captured binding out of reach")
}

// innermost is the environment that a function made in scope s gets; nil: there
// is none.
func (c *context) innermost(b syntax.Builder, s *scope.Scope) ast.Expression {
	for ; s != nil && s.Function == c.fn; s = s.Parent {
		if name, ok := c.envNames[s]; ok {
			return b.ID(name)
		}
	}
	if c.fn.NeedsEnv {
		return b.ID(envName)
	}
	return nil
}

// hasOuterEnv reports whether there is an environment around that of s.
func (c *context) hasOuterEnv(s *scope.Scope) bool {
	return c.innermost(syntax.Builder{}, s.Parent) != nil
}

// callee is a called expression without a `this` of the compiler's making: what
// was a plain name must not become a method call on an environment.
func (c *context) callee(e ast.Expression) ast.Expression {
	id, ok := e.(*ast.Identifier)
	if !ok {
		return c.expression(e)
	}
	return c.unbound(id, c.read(id))
}

func (c *context) unbound(node ast.Node, e ast.Expression) ast.Expression {
	switch e.(type) {
	case *ast.DotExpression, *ast.BracketExpression:
		b := c.b(node)
		return b.Sequence(b.Number(0), e)
	}
	return e
}

// write assigns to a name.
func (c *context) write(id *ast.Identifier, value ast.Expression) ast.Expression {
	b := c.b(id)
	r := c.info.Refs[id]
	if r == nil || r.Binding == nil {
		return b.Assign(id, value)
	}
	if r.Dead {
		return b.Sequence(value, c.read(id))
	}
	place := c.place(b, r)
	if !r.Init && c.flat(r.Binding) {
		if r.Binding.Constant() {
			constant := b.CallNamed("%constant", b.String(shown(r.Binding)))
			if r.Check {
				return b.Sequence(value, c.read(id), constant)
			}
			return b.Sequence(value, constant)
		}
		if r.Check {
			value = b.CallNamed("%checked", value, c.place(b, r), b.String(shown(r.Binding)))
		}
	}
	return b.Assign(place, value)
}

// flat reports whether goja no longer sees the binding's declaration, so that
// the rules for constants and the dead zone are ours to keep.
func (c *context) flat(b *scope.Binding) bool {
	_, slot := c.slots[b]
	return slot || b.InModuleEnv() || b.InEnv() && !c.inClassLiteral(b)
}

// target is a name that can be assigned to as the target inside a pattern.
func (c *context) target(id *ast.Identifier) ast.Expression {
	b := c.b(id)
	r := c.info.Refs[id]
	if r == nil || r.Binding == nil {
		return id
	}
	return c.place(b, r)
}

// propertyTarget is a property as the target inside a pattern or a loop's head.
func (c *context) propertyTarget(e ast.Expression) ast.Expression {
	if key, ok := c.superKey(e); ok {
		return c.superPlace(e, c.superKeyValue(e, key))
	}
	if root := c.sharedRoot(e); root != "" {
		object, key := c.propertyParts(e)
		return sharedPlace(c.b(e), object, key, root)
	}
	return c.expression(e)
}

// compound is `x operator= value` on a name, for the arithmetic operators.
func (c *context) compound(id *ast.Identifier, operator token.Token, value ast.Expression) ast.Expression {
	b := c.b(id)
	r := c.info.Refs[id]
	if r != nil && r.Dead {
		return c.read(id)
	}
	if r == nil || r.Binding == nil || !c.flat(r.Binding) || !r.Check && !r.Binding.Constant() {
		var place ast.Expression = id
		if r != nil && r.Binding != nil {
			place = c.place(b, r)
		}
		return &ast.AssignExpression{Operator: operator, Left: place, Right: c.boundRight(b, operator, value)}
	}
	value = c.binary(b, operator, c.read(id), value)
	if r.Binding.Constant() {
		return c.write(id, value)
	}
	return b.Assign(c.place(b, r), value) // reading has checked it
}

// this is `this`: of this function itself, of the frame, or captured.
func (c *context) this(node ast.Node) ast.Expression {
	b := c.b(node)
	owner := c.fn.ThisOwner()
	switch {
	case owner.Kind == scope.Module:
		return b.Undefined()
	case owner == c.fn && c.fn.Stepped():
		return b.Dot(b.ID(frameName), "t")
	case owner == c.fn:
		return b.This()
	}
	place := b.Dot(c.env(b, c.scope, owner.Scope), scope.ThisName)
	if derivedConstructor(owner) {
		return b.Conditional(b.Same(place, b.ID("%TDZ")), b.CallNamed("%tdz", b.String("this")), place)
	}
	return place
}

func derivedConstructor(f *scope.Function) bool {
	return f.Kind == scope.Constructor && !syntax.IsNil(f.Class.Node.SuperClass)
}

func (c *context) arguments(id *ast.Identifier) ast.Expression {
	owner := c.fn.ThisOwner()
	if owner.Kind == scope.Module || owner == c.fn && !c.fn.Stepped() {
		return id
	}
	binding := owner.Scope.Lookup(scope.ArgumentsName)
	return c.place(c.b(id), &scope.Ref{Binding: binding, Scope: c.scope, Function: c.fn})
}

func (c *context) newTarget(n *ast.MetaProperty) ast.Expression {
	b := c.b(n)
	owner := c.fn.ThisOwner()
	switch {
	case owner.Kind == scope.Module || owner.Stepped():
		return b.Undefined()
	case owner == c.fn:
		return n
	}
	return b.Dot(c.env(b, c.scope, owner.Scope), scope.NewTargetName)
}

// home is the object from whose prototype `super` looks up.
func (c *context) home(node ast.Node) ast.Expression {
	b := c.b(node)
	owner := c.fn.SuperOwner()
	home := ast.Expression(b.Dot(c.env(b, c.scope, owner.Outer), scope.HomeName))
	if owner.Outer.Kind == scope.ClassScope && !owner.Static {
		home = b.Dot(home, "prototype")
	}
	return home
}

// superKey gives the key of `super.name` or `super[key]` where super has to be
// looked up by the kernel; ok is false for other expressions, and where code can
// still say super itself.
func (c *context) superKey(e ast.Expression) (key ast.Expression, ok bool) {
	if c.fn.NativeSuper() {
		return nil, false
	}
	switch e := e.(type) {
	case *ast.DotExpression:
		if _, super := e.Left.(*ast.SuperExpression); super {
			return c.b(e).RawString(e.Identifier.Name), true
		}
	case *ast.BracketExpression:
		if _, super := e.Left.(*ast.SuperExpression); super {
			return e.Member, true
		}
	}
	return nil, false
}

func (c *context) superGet(node ast.Node, key ast.Expression) ast.Expression {
	return c.b(node).CallNamed("%superGet", c.home(node), key, c.this(node))
}

// superPlace is `super.x` as the target inside a pattern or a loop's head.
//
//	[super.x] = v   becomes   [%superPlace(home, "x", this).v] = v
func (c *context) superPlace(node ast.Node, key ast.Expression) ast.Expression {
	b := c.b(node)
	return b.Dot(b.CallNamed("%superPlace", c.home(node), key, c.this(node)), "v")
}
