package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"

	"kont/jsvm/ir"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// lowerList lowers statements in a scope that is taken apart. One without a
// suspension stays whole.
func (c *context) lowerList(list []ast.Statement) {
	for _, s := range list {
		c.lowerStatement(s, nil)
	}
}

func (c *context) lowerStatement(s ast.Statement, labels []string) {
	b := c.b(s)
	switch n := s.(type) {
	case *ast.ReturnStatement:
		value := ast.Expression(b.Undefined())
		if !syntax.IsNil(n.Argument) {
			value = c.value(n.Argument)
		}
		c.lowerReturn(b, value)
		return
	case *ast.BranchStatement:
		c.lowerBranch(n)
		return
	}
	if !c.suspends(s) {
		for _, native := range c.statement(s) {
			c.m.emit(native)
		}
		return
	}
	switch n := s.(type) {
	case *ast.ExpressionStatement:
		c.effect(n.Expression)
	case *ast.ThrowStatement:
		c.m.end(&ir.Throw{Value: c.value(n.Argument)})
		c.m.dead()
	case *ast.VariableStatement:
		for _, binding := range n.List {
			if !syntax.IsNil(binding.Initializer) {
				c.bind(binding)
			}
		}
	case *ast.LexicalDeclaration:
		for _, binding := range n.List {
			c.bind(binding)
		}
	case *ast.ClassDeclaration:
		value := c.makeClass(n.Class, c.operands(classOperands(n.Class)))
		c.m.emit(b.Do(c.write(n.Class.Name, value)))
	case *ast.BlockStatement:
		c.lowerScope(n, n.List)
	case *ast.IfStatement:
		c.lowerIf(n)
	case *ast.LabelledStatement:
		c.lowerLabelled(n, append(labels, n.Label.Name.String()))
	case *ast.ForStatement:
		c.lowerFor(n, labels)
	case *ast.WhileStatement:
		c.lowerWhile(n, labels)
	case *ast.DoWhileStatement:
		c.lowerDoWhile(n, labels)
	case *ast.ForOfStatement:
		c.lowerForOf(n, labels)
	case *ast.ForInStatement:
		c.lowerForIn(n, labels)
	case *ast.SwitchStatement:
		c.lowerSwitch(n, labels)
	case *ast.TryStatement:
		c.lowerTry(n)
	default:
		panic(fmt.Sprintf("lower: statement %T", s))
	}
}

// bind lowers one declarator.
//
//	const x = await y   becomes   suspend(y); x = sent
func (c *context) bind(binding *ast.Binding) {
	b := c.b(binding)
	var value ast.Expression
	if syntax.IsNil(binding.Initializer) {
		value = b.Undefined()
	} else {
		value = c.value(binding.Initializer)
	}
	c.assignTo(binding.Target, value)
}

// assignTo assigns a value to a name or a pattern, which may have suspensions
// inside.
func (c *context) assignTo(target ast.Expression, value ast.Expression) {
	if c.suspends(target) {
		b := c.b(target)
		c.destructure(target, c.keep(b, value))
		return
	}
	c.m.emit(c.b(target).Do(c.assignPattern(target, value)))
}

// lowerScope lowers a block: its scope's start, then its statements.
func (c *context) lowerScope(node ast.Node, list []ast.Statement) {
	s := c.info.Scopes[node]
	if s == nil {
		c.lowerList(list)
		return
	}
	c.inScope(s, func() { c.lowerList(list) })
}

func (c *context) inScope(s *scope.Scope, do func()) {
	c.within(s, func() {
		c.m.emitAll(c.enterScope(s))
		do()
	})
}

// lowerLabelled lowers a labelled statement. Loops and switches know their
// labels; anything else is left by a labelled break.
//
//	a: { await x; if (y) break a; z }   becomes   suspend(x); if (!y) z
func (c *context) lowerLabelled(n *ast.LabelledStatement, labels []string) {
	switch n.Statement.(type) {
	case *ast.ForStatement, *ast.WhileStatement, *ast.DoWhileStatement, *ast.ForOfStatement,
		*ast.ForInStatement, *ast.SwitchStatement, *ast.LabelledStatement:
		c.lowerStatement(n.Statement, labels)
		return
	}
	after := c.m.block()
	c.controlled(&control{labels: labels, breakTo: after}, func() { c.lowerStatement(n.Statement, nil) })
	c.m.fall(after)
}

// if (await a) b; else c
//
//	becomes   suspend(a); branch(sent, B, C)
//	       B: b; jump D
//	       C: c
//	       D:
func (c *context) lowerIf(n *ast.IfStatement) {
	yes, after := c.m.block(), c.m.block()
	no := after
	if !syntax.IsNil(n.Alternate) {
		no = c.m.block()
	}
	c.condition(n.Test, yes, no)
	c.m.start(yes)
	c.lowerStatement(n.Consequent, nil)
	c.m.jump(after)
	if no != after {
		c.m.start(no)
		c.lowerStatement(n.Alternate, nil)
		c.m.jump(after)
	}
	c.m.start(after)
}
