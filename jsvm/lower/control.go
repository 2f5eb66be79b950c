package lower

import (
	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// control is something that a break, a continue or a return may leave.
type control struct {
	labels          []string
	loop, breakable bool // breakable: without a label too, as a loop is
	native          bool
	breakTo         *ir.Block
	continueTo      *ir.Block
	// iteration is the slot of an iterator that leaving has to close, under the
	// handler outside of the loop.
	iteration string
	outer     *ir.Block
	finally   *finally
}

// finally is a lowered finally block, with the ways on from its end.
type finally struct {
	entry *ir.Block
	kind  string // slot of the completion's kind: how to go on
	value string // slot of the exception, or of the value to return
	exits []func()
}

// Completion kinds; from completionExit on, exits of the finally block in order.
const (
	completionNormal = 0
	completionThrow  = 1
	completionExit   = 2
)

func (e *control) has(label string) bool {
	for _, l := range e.labels {
		if l == label {
			return true
		}
	}
	return false
}

// find is the index of the control that a break or continue means.
func (c *context) find(n *ast.BranchStatement) int {
	for i := len(c.controls) - 1; i >= 0; i-- {
		e := c.controls[i]
		switch {
		case n.Label != nil:
			if e.has(n.Label.Name.String()) {
				return i
			}
		case e.loop || e.breakable && n.Token == token.BREAK:
			return i
		}
	}
	refuse(n, "jump without a target", "")
	return 0
}

// leave goes from the current block out of the controls above index, closing
// iterators and running finally blocks on the way, and then does last. carried
// is the value of a return, nil for a jump; a finally block on the way keeps it
// in the slot of its completion.
func (c *context) leave(b syntax.Builder, index int, carried ast.Expression, last func(carried ast.Expression)) {
	for i := len(c.controls) - 1; i > index; i-- {
		e := c.controls[i]
		if e.iteration != "" {
			c.closing(b, e)
		}
		f := e.finally
		if f == nil {
			continue
		}
		n := len(f.exits)
		kept := carried
		if carried != nil {
			kept = b.ID(f.value)
		}
		f.exits = append(f.exits, func() { c.leave(b, index, kept, last) })
		c.complete(b, f, completionExit+n, carried)
		return
	}
	last(carried)
}

// complete enters a finally block. Both slots are written on every way in, so
// that neither lives on from an earlier pass.
func (c *context) complete(b syntax.Builder, f *finally, kind int, value ast.Expression) {
	if value == nil {
		value = b.Undefined()
	}
	c.m.emit(b.Set(f.value, value))
	c.m.emit(b.Set(f.kind, b.Number(kind)))
	c.m.jump(f.entry)
}

// closing closes an iterator, under the handler outside of its loop.
func (c *context) closing(b syntax.Builder, e *control) {
	c.m.handler = e.outer
	c.m.fall(c.m.block())
	c.m.emit(b.Do(b.CallNamed("%close", b.ID(e.iteration))))
}

// crosses reports whether leaving the controls above index runs anything.
func (c *context) crosses(index int) bool {
	for _, e := range c.controls[index+1:] {
		if e.iteration != "" || e.finally != nil {
			return true
		}
	}
	return false
}

// lowerBranch is a break or continue as a statement between blocks.
func (c *context) lowerBranch(n *ast.BranchStatement) {
	index := c.find(n)
	c.apart(func() { c.leave(c.b(n), index, nil, func(ast.Expression) { c.m.jump(c.jumpTarget(n, index)) }) })
}

func (c *context) jumpTarget(n *ast.BranchStatement, index int) *ir.Block {
	if n.Token == token.BREAK {
		return c.controls[index].breakTo
	}
	return c.controls[index].continueTo
}

// apart runs do, which ends the current block, and goes on in a dead one under
// the same handler.
func (c *context) apart(do func()) {
	handler := c.m.handler
	do()
	c.m.handler = handler
	c.m.dead()
}

// lowerReturn completes the function. A finally block on the way may replace the
// value, so it waits in a temporary.
func (c *context) lowerReturn(b syntax.Builder, value ast.Expression) {
	if c.crosses(-1) {
		value = c.keep(b, value)
	}
	c.apart(func() { c.leave(b, -1, value, c.returned) })
}

func (c *context) returned(value ast.Expression) { c.m.end(&ir.Return{Value: value}) }

// nativeBranch is a break or continue inside a statement that stays native. If
// its target is outside, it becomes a placeholder for the jump.
func (c *context) nativeBranch(n *ast.BranchStatement) ast.Statement {
	if c.m == nil {
		return n
	}
	index := c.find(n)
	if c.controls[index].native {
		return n
	}
	return c.exit(n, func() { c.leave(c.b(n), index, nil, func(ast.Expression) { c.m.jump(c.jumpTarget(n, index)) }) })
}

// nativeReturn is a return inside a statement that stays native. It stays one
// unless something has to run on the way out.
func (c *context) nativeReturn(n *ast.ReturnStatement) []ast.Statement {
	b := c.b(n)
	if !syntax.IsNil(n.Argument) {
		n.Argument = c.expression(n.Argument)
	} else {
		n.Argument = nil
	}
	if c.m == nil || !c.crosses(-1) {
		return one(n)
	}
	value := n.Argument
	if value == nil {
		value = b.Undefined()
	}
	name := c.temp()
	out := c.exit(n, func() { c.leave(b, -1, b.ID(name), c.returned) })
	return one(b.Block(b.Set(name, value), out))
}

// exit makes a placeholder for a jump to a block that do fills.
func (c *context) exit(node ast.Node, do func()) ast.Statement {
	current, handler, exits := c.m.current, c.m.handler, c.m.exits
	c.m.exits = nil
	way := c.m.block()
	c.m.start(way)
	do()
	c.m.current, c.m.handler, c.m.exits = current, handler, exits
	placeholder := c.b(node).Block()
	if c.m.exits == nil {
		c.m.exits = map[*ast.BlockStatement]*ir.Block{}
	}
	c.m.exits[placeholder] = way
	return placeholder
}

// controlled runs do with e on the stack of controls.
func (c *context) controlled(e *control, do func()) {
	c.controls = append(c.controls, e)
	do()
	c.controls = c.controls[:len(c.controls)-1]
}
