package lower

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// o.m(await x)
//
//	becomes   t0 = o; t1 = t0.m; suspend(x); %call(t1, t0, sent)
//
// m is looked up before its arguments are evaluated (ECMAScript 13.3.6.1), so it
// can't be left to a method call afterwards. Where only o has a suspension, the
// call stays one.
func (c *context) lowerCall(n *ast.CallExpression) ast.Expression {
	b := c.b(n)
	b.At = n.LeftParenthesis
	if _, ok := n.Callee.(*ast.SuperExpression); ok {
		copied := *n
		copied.ArgumentList = c.operands(n.ArgumentList)
		return c.superCall(&copied)
	}
	waits := false
	for _, argument := range n.ArgumentList {
		waits = waits || c.suspends(argument)
	}
	if !waits {
		copied := *n
		if key, ok := c.superKey(n.Callee); ok {
			f := c.superGet(n.Callee, c.value(key))
			return b.CallNamed("%call", append([]ast.Expression{f, c.this(n)}, c.operands(n.ArgumentList)...)...)
		}
		copied.Callee = c.value(n.Callee)
		if _, ok := n.Callee.(*ast.Identifier); ok {
			copied.Callee = c.unbound(n, copied.Callee)
		}
		copied.ArgumentList = c.operands(n.ArgumentList)
		return &copied
	}
	root := c.changedRoot(n.Callee)
	f, self := c.lowerCallee(n.Callee)
	list := c.operands(n.ArgumentList)
	if self == nil {
		return &ast.CallExpression{Callee: f, LeftParenthesis: n.LeftParenthesis, ArgumentList: list, RightParenthesis: n.RightParenthesis}
	}
	if root != "" {
		return b.CallNamed("%callShared", append([]ast.Expression{f, self, b.String(root)}, list...)...)
	}
	return b.CallNamed("%call", append([]ast.Expression{f, self}, list...)...)
}

// lowerCallee evaluates the function to call, and the object that it is called
// on, nil if there is none. Both are kept.
func (c *context) lowerCallee(e ast.Expression) (f, self ast.Expression) {
	b := c.b(e)
	if key, ok := c.superKey(e); ok {
		return c.keep(b, c.superGet(e, c.value(key))), c.this(e)
	}
	switch n := e.(type) {
	case *ast.DotExpression:
		self = c.held(n.Left, c.value(n.Left))
		return c.keep(b, &ast.DotExpression{Left: self, Identifier: n.Identifier}), self
	case *ast.BracketExpression:
		list := c.operands([]ast.Expression{n.Left, n.Member})
		self = c.held(n.Left, list[0])
		return c.keep(b, b.Index(self, list[1])), self
	case *ast.Identifier:
		if c.unchanging(n) {
			return c.unbound(n, c.read(n)), nil
		}
	}
	return c.keep(b, c.value(e)), nil
}

// a?.b(await c)
//
//	becomes      t0 = a; branch(t0 == null, 2, 1)
//	          1: t1 = t0.b; suspend(c); t = %call(t1, t0, sent); jump 3
//	          2: t = void 0
//	          3: … t …
func (c *context) lowerChain(n *ast.OptionalChain) ast.Expression {
	return c.shortened(c.b(n), c.b(n).Undefined(), func(short *ir.Block) ast.Expression {
		value, _ := c.link(n.Expression, short)
		return value
	})
}

// delete a?.[await k]
//
// is the same, with the last link deleted rather than read, and true where the chain ends early (ECMAScript 13.5.1.2: there is no
// reference then).
func (c *context) lowerDeleteChain(n *ast.UnaryExpression, chain *ast.OptionalChain) ast.Expression {
	b := c.b(n)
	return c.shortened(b, b.Bool(true), func(short *ir.Block) ast.Expression {
		last, _ := c.link(chain.Expression, short)
		return &ast.UnaryExpression{Operator: n.Operator, Idx: n.Idx, Operand: last}
	})
}

// shortened is the value of a chain, which value lowers, or otherwise where that jumps to short.
func (c *context) shortened(b syntax.Builder, otherwise ast.Expression, value func(short *ir.Block) ast.Expression) ast.Expression {
	result := c.temp()
	short, after := c.m.block(), c.m.block()
	c.m.emit(b.Set(result, value(short)))
	c.m.jump(after)
	c.m.start(short)
	c.m.emit(b.Set(result, otherwise))
	c.m.fall(after)
	return b.ID(result)
}

// link lowers one link of an optional chain: its value and the object that it
// was found on.
func (c *context) link(e ast.Expression, short *ir.Block) (value, self ast.Expression) {
	b := c.b(e)
	switch n := e.(type) {
	case *ast.Optional:
		value, self = c.link(n.Expression, short)
		value = c.heldLink(b, value)
		next := c.m.block()
		c.m.branch(b.Binary(token.EQUAL, value, &ast.NullLiteral{Idx: b.At, Literal: "null"}), short, next)
		c.m.start(next)
		return value, self
	case *ast.DotExpression:
		if key, ok := c.superKey(n); ok {
			return c.superGet(n, key), c.this(n)
		}
		left, _ := c.link(n.Left, short)
		left = c.heldLink(b, left)
		return &ast.DotExpression{Left: left, Identifier: n.Identifier}, left
	case *ast.BracketExpression:
		if _, ok := c.superKey(n); ok {
			return c.value(n), c.this(n)
		}
		left, _ := c.link(n.Left, short)
		left = c.heldLink(b, left)
		return b.Index(left, c.value(n.Member)), left
	case *ast.CallExpression:
		f, on := c.link(n.Callee, short)
		f = c.heldLink(b, f)
		list := c.operands(n.ArgumentList)
		if on == nil {
			return b.Call(c.unbound(n, f), list...), nil
		}
		return b.CallNamed("%call", append([]ast.Expression{f, on}, list...)...), nil
	}
	return c.value(e), nil
}

func (c *context) heldLink(b syntax.Builder, value ast.Expression) ast.Expression {
	if id, ok := value.(*ast.Identifier); ok && c.m.isTemp(id) {
		return value
	}
	return c.keep(b, value)
}
