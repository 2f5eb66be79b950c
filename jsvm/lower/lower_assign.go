package lower

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// lowerAssign lowers an assignment with a suspension on either side. The target's
// object and key are evaluated first, and for a compound assignment its old value
// too (ECMAScript 13.15.2).
//
//	o.p = await x    becomes   t0 = o; suspend(x); t0.p = sent
//	x += await y     becomes   t0 = x; suspend(y); x = t0 + sent
//	x ||= await y    becomes   t = x; branch(t, 2, 1);  1: suspend(y); t = x = sent;  2: …
func (c *context) lowerAssign(n *ast.AssignExpression) ast.Expression {
	b := c.b(n)
	if key, ok := c.superKey(n.Left); ok {
		k := c.keep(b, c.value(key))
		if n.Operator == token.ASSIGN {
			value := c.value(n.Right)
			return b.CallNamed("%superSet", c.home(n), k, value, c.this(n))
		}
		return c.modify(n, func() ast.Expression { return c.superGet(n, k) },
			func(v ast.Expression) ast.Expression {
				return b.CallNamed("%superSet", c.home(n), k, v, c.this(n))
			})
	}
	switch left := n.Left.(type) {
	case *ast.Identifier:
		if n.Operator == token.ASSIGN {
			return c.write(left, c.value(n.Right))
		}
		return c.modify(n, func() ast.Expression { return c.read(left) },
			func(v ast.Expression) ast.Expression { return c.write(left, v) })
	case *ast.ArrayPattern, *ast.ObjectPattern:
		value := c.keep(b, c.value(n.Right))
		c.assignTo(left, value)
		return value
	}
	place := c.propertyPlace(n.Left, c.suspends(n.Right))
	if n.Operator == token.ASSIGN {
		return b.Assign(place(), c.value(n.Right))
	}
	return c.modify(n, place, func(v ast.Expression) ast.Expression { return b.Assign(place(), v) })
}

// propertyPlace evaluates object and key of a property, and gives a maker of the
// property on what they were. With keep, they wait over a suspension.
func (c *context) propertyPlace(e ast.Expression, keep bool) func() ast.Expression {
	b := c.b(e)
	if key, ok := c.superKey(e); ok {
		k := c.keep(b, c.value(key))
		return func() ast.Expression { return c.superPlace(e, k) }
	}
	root := c.sharedRoot(e)
	switch n := e.(type) {
	case *ast.DotExpression:
		object := c.value(n.Left)
		if keep {
			object = c.held(n.Left, object)
		}
		return func() ast.Expression {
			if root != "" {
				return sharedPlace(b, object, b.RawString(n.Identifier.Name), root)
			}
			return &ast.DotExpression{Left: object, Identifier: n.Identifier}
		}
	case *ast.BracketExpression:
		list := c.operands([]ast.Expression{n.Left, n.Member})
		object, key := list[0], list[1]
		if keep {
			object, key = c.held(n.Left, object), c.held(n.Member, key)
		}
		return func() ast.Expression {
			if root != "" {
				return sharedPlace(b, object, key, root)
			}
			return b.Index(object, key)
		}
	}
	refuse(e, "invalid assignment target", "")
	return nil
}

// modify lowers a compound or logical assignment, given how to read and write
// its target.
func (c *context) modify(n *ast.AssignExpression, get func() ast.Expression, set func(ast.Expression) ast.Expression) ast.Expression {
	b := c.b(n)
	if logical(n.Operator) {
		result := c.temp()
		c.m.emit(b.Set(result, get()))
		right, after := c.m.block(), c.m.block()
		c.whether(b, n.Operator, b.ID(result), right, after)
		c.m.start(right)
		c.m.emit(b.Set(result, set(c.value(n.Right))))
		c.m.fall(after)
		return b.ID(result)
	}
	old := c.keep(b, get())
	return set(c.binary(b, n.Operator, old, c.value(n.Right)))
}

// destructure assigns the parts of source, a temporary, to a pattern with
// suspensions inside.
//
//	({a, [await k]: b = await d} = s)
//
//	becomes   %requireObject(s); a = s.a; suspend(k); t0 = %toKey(sent); t1 = s[t0];
//	          branch(t1 === void 0, …: suspend(d); t1 = sent); b = t1
//
// The head of a loop may also name a property: `for (o[await k] of xs)`.
func (c *context) destructure(target, source ast.Expression) {
	switch t := target.(type) {
	case *ast.ObjectPattern:
		c.destructureObject(t, source)
	case *ast.ArrayPattern:
		c.destructureArray(t, source)
	default:
		place := c.propertyPlace(target, false)
		c.m.emit(c.b(target).Do(c.b(target).Assign(place(), source)))
	}
}

func (c *context) destructureObject(t *ast.ObjectPattern, source ast.Expression) {
	b := c.b(t)
	c.m.emit(b.Do(b.CallNamed("%requireObject", source)))
	var taken []ast.Expression
	for _, property := range t.Properties {
		switch p := property.(type) {
		case *ast.PropertyShort:
			key := b.RawString(p.Name.Name)
			taken = append(taken, key)
			c.element(&p.Name, p.Initializer, func() ast.Expression { return b.Index(source, key) })
		case *ast.PropertyKeyed:
			key := p.Key
			if p.Computed {
				key = c.keep(b, b.CallNamed("%toKey", c.value(p.Key)))
			} else if id, ok := key.(*ast.Identifier); ok {
				key = b.RawString(id.Name)
			}
			taken = append(taken, key)
			left, fallback := split(p.Value)
			c.element(left, fallback, func() ast.Expression { return b.Index(source, key) })
		}
	}
	if t.Rest != nil {
		c.element(t.Rest, nil, func() ast.Expression {
			return b.CallNamed("%objectRest", source, b.Array(taken...))
		})
	}
}

// split takes `target = default` apart.
func split(e ast.Expression) (target, fallback ast.Expression) {
	if assign, ok := e.(*ast.AssignExpression); ok {
		return assign.Left, assign.Right
	}
	return e, nil
}

// element assigns one element: first the target's object and key, then the
// value, then its default.
func (c *context) element(target, fallback ast.Expression, fetch func() ast.Expression) {
	b := c.b(target)
	var place func() ast.Expression
	switch target.(type) {
	case *ast.DotExpression, *ast.BracketExpression:
		place = c.propertyPlace(target, true)
	}
	name := c.temp()
	c.m.emit(b.Set(name, fetch()))
	if !syntax.IsNil(fallback) {
		missing, after := c.m.block(), c.m.block()
		c.m.branch(b.Same(b.ID(name), b.Undefined()), missing, after)
		c.m.start(missing)
		c.m.emit(b.Set(name, c.value(fallback)))
		c.m.fall(after)
	}
	if place != nil {
		c.m.emit(b.Do(b.Assign(place(), b.ID(name))))
		return
	}
	if c.suspends(target) {
		c.destructure(target, b.ID(name))
		return
	}
	c.m.emit(b.Do(c.assignPattern(target, b.ID(name))))
}

// destructureArray walks an iterator, which is closed if anything on the way
// throws or jumps out, unless it is done itself.
//
//	[a, b = await d, ...r] = s
//
//	becomes   t = %iterate(s); a = %next(t, 1); …; r = %rest(t); %close(t)
func (c *context) destructureArray(t *ast.ArrayPattern, source ast.Expression) {
	b := c.b(t)
	iteration := c.temp()
	c.m.emit(b.Set(iteration, b.CallNamed("%iterate", source)))
	c.closingOnThrow(b, iteration, func() {
		for _, e := range t.Elements {
			if syntax.IsNil(e) {
				c.m.emit(b.Do(b.CallNamed("%next", b.ID(iteration), b.Bool(true))))
				continue
			}
			left, fallback := split(e)
			c.element(left, fallback, func() ast.Expression {
				return b.CallNamed("%next", b.ID(iteration), b.Bool(true))
			})
		}
		if t.Rest != nil {
			c.element(t.Rest, nil, func() ast.Expression { return b.CallNamed("%rest", b.ID(iteration)) })
		}
	})
	c.m.emit(b.Do(b.CallNamed("%close", b.ID(iteration))))
}
