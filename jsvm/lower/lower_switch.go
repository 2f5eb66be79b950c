package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/syntax"
)

// switch (d) { case a: A; default: B; case b: C }
//
//	becomes      %t1 = d
//	             branch(%t1 === a, 1, …); branch(%t1 === b, 3, 2)
//	          1: A
//	          2: B
//	          3: C
//
// The tests run in order and may suspend; the bodies fall through in text order.
func (c *context) lowerSwitch(n *ast.SwitchStatement, labels []string) {
	b := c.b(n)
	discriminant := c.keep(b, c.value(n.Discriminant)).(*ast.Identifier)
	after := c.m.block()
	s := c.info.Scopes[n]
	c.inScope(s, func() {
		bodies := make([]*ir.Block, len(n.Body))
		for i := range n.Body {
			bodies[i] = c.m.block()
		}
		otherwise := after
		for i, clause := range n.Body {
			if syntax.IsNil(clause.Test) {
				otherwise = bodies[i]
				continue
			}
			at := c.b(clause)
			test := c.value(clause.Test)
			next := c.m.block()
			c.m.branch(at.Same(at.ID(discriminant.Name.String()), test), bodies[i], next)
			c.m.start(next)
		}
		c.m.jump(otherwise)
		c.controlled(&control{labels: labels, breakable: true, breakTo: after}, func() {
			for i, clause := range n.Body {
				c.m.start(bodies[i])
				c.lowerList(clause.Consequent)
				if i+1 < len(bodies) {
					c.m.jump(bodies[i+1])
				} else {
					c.m.jump(after)
				}
			}
		})
	})
	c.m.start(after)
}
