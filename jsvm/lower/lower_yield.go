package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// lowerYield lowers `yield x`: a suspension that hands x out. A return() at that
// point runs as a return statement there.
func (c *context) lowerYield(n *ast.YieldExpression) ast.Expression {
	if n.Delegate {
		return c.lowerDelegate(n)
	}
	operand := ast.Expression(c.b(n).Undefined())
	if !syntax.IsNil(n.Argument) {
		operand = c.value(n.Argument)
	}
	return c.suspend(ir.Yield, operand, n)
}

// delegated is the operand of a `yield*`. Because async generators are lowered, the bundler puts its helper around that of every
// generator, which gives the iterator a method throw that it need not have; it is left out where it is wrong.
func (c *context) delegated(n *ast.YieldExpression) ast.Expression {
	call, ok := n.Argument.(*ast.CallExpression)
	if !ok || c.fn.AsyncBody || len(call.ArgumentList) != 1 {
		return n.Argument
	}
	id, ok := call.Callee.(*ast.Identifier)
	if !ok || id.Name != "__yieldStar" {
		return n.Argument
	}
	if r := c.info.Refs[id]; r == nil || r.Binding == nil || !r.Binding.InModule() {
		return n.Argument
	}
	if c.suspends(call) {
		c.temp() // the numbers of temporaries are stored: earlier builds kept the helper in one
	}
	return call.ArgumentList[0]
}

// yield* x
//
//	becomes      t0 = %iterator(x); m = 0; v = void 0
//	          A: t1 = %delegate(t0, m, v)       next, throw or return of the inner one
//	             branch(%delegateDone(t1), C, B)
//	          B: suspend with the inner result t1 as it is; m, v = how it goes on; jump A
//	          C: a finished return() returns t1.value, anything else gives it as the value
//
// (ECMAScript 15.5.5). Only one suspension stays open however often the inner
// iterator yields.
func (c *context) lowerDelegate(n *ast.YieldExpression) ast.Expression {
	b := c.b(n)
	iteration, mode, value, result := c.temp(), c.temp(), c.temp(), c.temp()
	c.m.emit(b.Set(iteration, b.CallNamed("%iterator", c.value(c.delegated(n)))))
	c.m.emit(b.Set(mode, b.Number(ir.ModeNext)))
	c.m.emit(b.Set(value, b.Undefined()))
	head, waiting, done := c.m.block(), c.m.block(), c.m.block()
	c.m.fall(head)
	c.m.emit(b.Set(result, b.CallNamed("%delegate", b.ID(iteration), b.ID(mode), b.ID(value))))
	c.m.branch(b.CallNamed("%delegateDone", b.ID(result)), done, waiting)

	c.m.start(waiting)
	resume := c.m.block()
	c.m.end(&ir.Suspend{Kind: ir.Delegate, Operand: b.ID(result), Resume: resume, Node: n})
	c.m.start(resume)
	c.m.emit(b.Set(mode, b.ID(ir.Mode)))
	c.m.emit(b.Set(value, b.ID(ir.Sent)))
	c.m.jump(head)

	c.m.start(done)
	returned, next := c.m.block(), c.m.block()
	c.m.branch(b.Same(b.ID(mode), b.Number(ir.ModeReturn)), returned, next)
	c.m.start(returned)
	c.lowerReturn(b, b.Dot(b.ID(result), "value"))
	c.m.start(next)
	return c.keep(b, b.Dot(b.ID(result), "value"))
}
