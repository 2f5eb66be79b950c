package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// try { A } catch (e) { B } finally { C }
//
//	becomes      A                                     under handler H
//	             %t1 = 0; jump F
//	          H: e = exception; B                      under handler G
//	             %t1 = 0; jump F
//	          G: %t2 = exception; %t1 = 1; jump F
//	          F: C
//	             branch on %t1:  1: throw %t2   2…: go on with the jump or return
//	                             0: what follows
//
// A jump or return out of A or B sets %t1 to a number of its own, and %t2 to the
// value returned, and goes to F: a completion record (ECMAScript 6.2.4) in two
// slots, which may stay in the continuation for as long as C waits.
func (c *context) lowerTry(n *ast.TryStatement) {
	if n.Finally != nil {
		c.lowerFinally(n)
		return
	}
	after := c.m.block()
	c.lowerCatch(n, after)
	c.m.start(after)
}

// lowerCatch lowers body and catch part, which end at after.
func (c *context) lowerCatch(n *ast.TryStatement, after *ir.Block) {
	outer := c.m.handler
	handler := c.m.block()
	handler.IsHandler = true
	c.m.handler = handler
	c.m.fall(c.m.block())
	c.lowerScope(n.Body, n.Body.List)
	c.m.jump(after)
	c.m.handler = outer
	c.m.start(handler)
	b := c.b(n.Catch)
	s := c.info.Scopes[n.Catch]
	if syntax.IsNil(n.Catch.Parameter) {
		c.inScope(s, func() { c.lowerScope(n.Catch.Body, n.Catch.Body.List) })
	} else {
		thrown := c.keep(b, b.ID(ir.Exception))
		c.m.emitAll(tracing(n.Catch, b.ID(thrown.(*ast.Identifier).Name.String())))
		c.inScope(s, func() {
			c.assignTo(n.Catch.Parameter, thrown)
			c.lowerScope(n.Catch.Body, n.Catch.Body.List)
		})
	}
	c.m.jump(after)
}

func (c *context) lowerFinally(n *ast.TryStatement) {
	b := c.b(n.Finally)
	outer := c.m.handler
	f := &finally{kind: c.temp(), value: c.temp()}
	thrown := c.m.block()
	thrown.IsHandler = true
	f.entry = c.m.block()
	normal := c.m.block()
	c.m.handler = thrown
	c.controlled(&control{finally: f}, func() {
		c.m.fall(c.m.block())
		if n.Catch != nil {
			done := c.m.block()
			c.lowerCatch(n, done)
			c.m.start(done)
		} else {
			c.lowerScope(n.Body, n.Body.List)
		}
		c.m.jump(normal)
	})
	c.m.handler = outer
	normal.Handler = outer
	c.m.start(normal)
	c.complete(b, f, completionNormal, nil)
	c.m.start(thrown)
	c.complete(b, f, completionThrow, b.ID(ir.Exception))
	c.m.start(f.entry)
	c.lowerScope(n.Finally, n.Finally.List)
	c.dispatch(b, f)
}

// dispatch goes on from the end of a finally block.
func (c *context) dispatch(b syntax.Builder, f *finally) {
	when := func(kind int, do func()) {
		way, next := c.m.block(), c.m.block()
		c.m.branch(b.Same(b.ID(f.kind), b.Number(kind)), way, next)
		c.m.start(way)
		handler := c.m.handler
		do()
		c.m.handler = handler
		c.m.start(next)
	}
	when(completionThrow, func() { c.m.end(&ir.Throw{Value: b.ID(f.value)}) })
	for i, exit := range f.exits {
		when(completionExit+i, exit)
	}
}
