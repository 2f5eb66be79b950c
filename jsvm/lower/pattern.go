package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// leaves calls visit for each name that a binding pattern declares.
func leaves(target ast.Node, visit func(*ast.Identifier)) {
	if syntax.IsNil(target) {
		return
	}
	switch t := target.(type) {
	case *ast.Identifier:
		visit(t)
	case *ast.ArrayPattern:
		for _, e := range t.Elements {
			leaves(e, visit)
		}
		leaves(t.Rest, visit)
	case *ast.ObjectPattern:
		for _, p := range t.Properties {
			switch p := p.(type) {
			case *ast.PropertyShort:
				visit(&p.Name)
			case *ast.PropertyKeyed:
				leaves(p.Value, visit)
			}
		}
		leaves(t.Rest, visit)
	case *ast.AssignExpression:
		leaves(t.Left, visit)
	}
}

// allNative reports whether goja can declare every name of a pattern itself.
func (c *context) allNative(target ast.Node) bool {
	native := true
	leaves(target, func(id *ast.Identifier) {
		if r := c.info.Refs[id]; r != nil && r.Binding != nil && c.flat(r.Binding) {
			native = false
		}
	})
	return native
}

// nativePattern rewrites the keys and default values of a pattern whose names
// goja declares. The pattern that the parser made stays as it is: the function's
// list of declarations refers to it.
func (c *context) nativePattern(target ast.Expression) ast.Expression {
	return c.pattern(target, func(id *ast.Identifier) ast.Expression { return id })
}

// assignPattern is `target = value` for a pattern or a name; in the pattern each
// name is where it lives:
//
//	let {a, b: [c] = d} = v   becomes   ({a: %e_a.a, b: [c] = d} = v)
func (c *context) assignPattern(target ast.Expression, value ast.Expression) ast.Expression {
	switch t := target.(type) {
	case *ast.Identifier:
		return c.write(t, value)
	case *ast.ArrayPattern, *ast.ObjectPattern:
		return c.assignChecked(t, value)
	}
	return c.b(target).Assign(c.propertyTarget(target), value)
}

// assignChecked assigns to a pattern. A constant in it, or a name that may be in its dead zone, takes its value by way of a setter, for
// the error comes when it is its turn (ECMAScript 13.15.5.6):
//
//	[a, x] = v   becomes   [a, {set v(%w) { x = %checked(%w, x, "x") }}.v] = v
func (c *context) assignChecked(target ast.Expression, value ast.Expression) ast.Expression {
	checks := false
	pattern := c.pattern(target, func(id *ast.Identifier) ast.Expression {
		r := c.info.Refs[id]
		if r == nil || r.Binding == nil || r.Init || !r.Dead && (!c.flat(r.Binding) || !r.Check && !r.Binding.Constant()) {
			return c.target(id)
		}
		if r.Check {
			// The numbers of temporaries are stored: earlier builds took one here, and one for the whole.
			c.temp()
			checks = true
		}
		b := c.b(id)
		setter := b.Function("", b.Params("%w"), b.Do(c.write(id, b.ID("%w"))))
		return b.Dot(b.Object(&ast.PropertyKeyed{Key: b.String("v"), Kind: ast.PropertyKindSet, Value: setter}), "v")
	})
	if checks {
		c.temp()
	}
	return c.b(target).Assign(pattern, value)
}

// pattern copies a pattern with its names given by leaf, and everything that it
// evaluates rewritten.
func (c *context) pattern(target ast.Expression, leaf func(*ast.Identifier) ast.Expression) ast.Expression {
	if syntax.IsNil(target) {
		return nil
	}
	switch t := target.(type) {
	case *ast.Identifier:
		return leaf(t)
	case *ast.ArrayPattern:
		copied := *t
		copied.Elements = make([]ast.Expression, len(t.Elements))
		for i, e := range t.Elements {
			copied.Elements[i] = c.pattern(e, leaf)
		}
		copied.Rest = c.pattern(t.Rest, leaf)
		return &copied
	case *ast.ObjectPattern:
		copied := *t
		copied.Properties = make([]ast.Property, len(t.Properties))
		for i, p := range t.Properties {
			copied.Properties[i] = c.patternProperty(p, leaf)
		}
		copied.Rest = c.pattern(t.Rest, leaf)
		return &copied
	case *ast.AssignExpression:
		return &ast.AssignExpression{Operator: t.Operator, Left: c.pattern(t.Left, leaf), Right: c.expression(t.Right)}
	}
	return c.propertyTarget(target)
}

func (c *context) patternProperty(property ast.Property, leaf func(*ast.Identifier) ast.Expression) ast.Property {
	switch p := property.(type) {
	case *ast.PropertyShort:
		b := c.b(&p.Name)
		value := leaf(&p.Name)
		if !syntax.IsNil(p.Initializer) {
			value = b.Assign(value, c.expression(p.Initializer))
		}
		return &ast.PropertyKeyed{Key: b.RawString(p.Name.Name), Kind: ast.PropertyKindValue, Value: value}
	case *ast.PropertyKeyed:
		copied := *p
		if p.Computed {
			copied.Key = c.expression(p.Key)
		}
		copied.Value = c.pattern(p.Value, leaf)
		return &copied
	}
	panic(fmt.Sprintf("lower: pattern property %T", property))
}
