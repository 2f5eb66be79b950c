package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// while (test) body
//
//	becomes   A: branch(test, B, C)
//	          B: body; jump A
//	          C:
func (c *context) lowerWhile(n *ast.WhileStatement, labels []string) {
	head, body, after := c.m.block(), c.m.block(), c.m.block()
	c.m.fall(head)
	c.condition(n.Test, body, after)
	c.m.start(body)
	c.controlled(&control{labels: labels, loop: true, breakTo: after, continueTo: head}, func() {
		c.lowerStatement(n.Body, nil)
	})
	c.m.jump(head)
	c.m.start(after)
}

// do body while (test)
//
//	becomes   A: body
//	          B: branch(test, A, C)
//	          C:
func (c *context) lowerDoWhile(n *ast.DoWhileStatement, labels []string) {
	body, test, after := c.m.block(), c.m.block(), c.m.block()
	c.m.fall(body)
	c.controlled(&control{labels: labels, loop: true, breakTo: after, continueTo: test}, func() {
		c.lowerStatement(n.Body, nil)
	})
	c.m.fall(test)
	c.condition(n.Test, body, after)
	c.m.start(after)
}

// for (let i = 0; test; update) body
//
//	becomes      %e_i = {i: void 0}; %e_i.i = 0
//	          A: branch(test, B, D)
//	          B: body
//	          C: %e_i = copy of %e_i; update; jump A      the copy only if closures
//	          D:                                          capture the variables
func (c *context) lowerFor(n *ast.ForStatement, labels []string) {
	s := c.info.Scopes[n]
	if s != nil {
		c.inScope(s, func() { c.forLoop(n, labels) })
		return
	}
	c.forLoop(n, labels)
}

func (c *context) forLoop(n *ast.ForStatement, labels []string) {
	s := c.info.Scopes[n]
	switch init := n.Initializer.(type) {
	case *ast.ForLoopInitializerExpression:
		if !syntax.IsNil(init.Expression) {
			c.effect(init.Expression)
		}
	case *ast.ForLoopInitializerVarDeclList:
		for _, binding := range init.List {
			if !syntax.IsNil(binding.Initializer) {
				c.bind(binding)
			}
		}
	case *ast.ForLoopInitializerLexicalDecl:
		for _, binding := range init.LexicalDeclaration.List {
			c.bind(binding)
		}
		if capturesInHead(n) {
			c.m.emitAll(c.copyEnv(s))
		}
	}
	head, body, next, after := c.m.block(), c.m.block(), c.m.block(), c.m.block()
	c.m.fall(head)
	if syntax.IsNil(n.Test) {
		c.m.jump(body)
	} else {
		c.condition(n.Test, body, after)
	}
	c.m.start(body)
	c.controlled(&control{labels: labels, loop: true, breakTo: after, continueTo: next}, func() {
		c.lowerStatement(n.Body, nil)
	})
	c.m.fall(next)
	if s != nil {
		c.m.emitAll(c.copyEnv(s))
	}
	if !syntax.IsNil(n.Update) {
		c.effect(n.Update)
	}
	c.m.jump(head)
	c.m.start(after)
}

// for (const x of xs) body
//
//	becomes      %t1 = %iterate(xs)
//	          A: %t2 = %next(%t1); branch(%t2 === %DONE, D, B)
//	          B: x = %t2; body; jump A                under handler C
//	          C: %t3 = exception; %closeQuiet(%t1); throw %t3
//	          D:
//
// A break, and a jump or return to outside, calls %close(%t1) on its way, which
// runs under the handler around the loop (ECMAScript 14.7.5.7).
func (c *context) lowerForOf(n *ast.ForOfStatement, labels []string) {
	b := c.b(n)
	iteration := c.temp()
	c.m.emit(b.Set(iteration, b.CallNamed("%iterate", c.value(n.Source))))
	breaking, after := c.m.block(), c.m.block()
	head := c.m.block()
	c.m.fall(head)
	value := c.keep(b, b.CallNamed("%next", b.ID(iteration)))
	c.closingOnThrow(b, iteration, func() {
		c.eachLoop(n, n.Into, n.Body, labels, head, breaking, after, value)
	})
	c.m.start(breaking)
	c.m.emit(b.Do(b.CallNamed("%close", b.ID(iteration))))
	c.m.jump(after)
	c.m.start(after)
}

// closingOnThrow runs do with an iterator that is closed when do's code throws
// or is left; what throws first wins over an error of closing (ECMAScript 7.4.11).
func (c *context) closingOnThrow(b syntax.Builder, iteration string, do func()) {
	outer := c.m.handler
	handler, after := c.m.block(), c.m.block()
	handler.IsHandler = true
	c.m.handler = handler
	c.controlled(&control{iteration: iteration, outer: outer}, func() {
		c.m.fall(c.m.block())
		do()
	})
	c.m.handler = outer
	c.m.jump(after)
	c.m.start(handler)
	thrown := c.keep(b, b.ID(ir.Exception))
	c.m.emit(b.Do(b.CallNamed("%closeQuiet", b.ID(iteration))))
	c.m.end(&ir.Throw{Value: thrown})
	c.m.start(after)
}

// for (k in o) body
//
//	becomes      %t1 = %forIn(o)
//	          A: %t2 = %nextKey(%t1); branch(%t2 === %DONE, D, B)
//	          B: k = %t2; body; jump A
//	          D:
//
// The key list is taken at the start; a key that has been deleted meanwhile is
// passed over (ECMAScript 14.7.5.9).
func (c *context) lowerForIn(n *ast.ForInStatement, labels []string) {
	b := c.b(n)
	keys := c.temp()
	c.m.emit(b.Set(keys, b.CallNamed("%forIn", c.value(n.Source))))
	after, head := c.m.block(), c.m.block()
	c.m.fall(head)
	value := c.keep(b, b.CallNamed("%nextKey", b.ID(keys)))
	c.eachLoop(n, n.Into, n.Body, labels, head, after, after, value)
	c.m.start(after)
}

// eachLoop is what for-of and for-in share, once value has been fetched in head:
// test, assign, body, back to head.
func (c *context) eachLoop(loop ast.Node, into ast.ForInto, body ast.Statement, labels []string,
	head, breakTo, after *ir.Block, value ast.Expression) {
	b := c.b(loop)
	start := c.m.block()
	c.m.branch(b.Same(value, b.ID("%DONE")), after, start)
	c.m.start(start)
	c.controlled(&control{labels: labels, loop: true, breakTo: breakTo, continueTo: head}, func() {
		lower := func(target ast.Expression) {
			c.assignTo(target, value)
			c.lowerStatement(body, nil)
		}
		switch into := into.(type) {
		case *ast.ForIntoVar:
			lower(into.Binding.Target)
		case *ast.ForDeclaration:
			c.inScope(c.info.Scopes[loop], func() { lower(into.Target) })
		case *ast.ForIntoExpression:
			lower(into.Expression)
		}
	})
	c.m.jump(head)
	c.m.dead()
}
