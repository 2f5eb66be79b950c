package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/ir"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// value lowers an expression. What it does up to its last suspension becomes
// statements of the blocks; the result is what is left to evaluate, natively and
// at once: whoever lets another suspension happen first has to keep it.
func (c *context) value(e ast.Expression) ast.Expression {
	if !c.suspends(e) {
		return c.expression(e)
	}
	b := c.b(e)
	switch n := e.(type) {
	case *ast.AwaitExpression:
		return c.suspend(ir.Await, c.value(n.Argument), n)
	case *ast.YieldExpression:
		return c.lowerYield(n)
	case *ast.AssignExpression:
		return c.lowerAssign(n)
	case *ast.BinaryExpression:
		if logical(n.Operator) {
			return c.lowerLogical(n)
		}
		list := c.operands([]ast.Expression{n.Left, n.Right})
		if isShift(n.Operator) || n.Operator == token.EXPONENT {
			return c.binary(b, n.Operator, list[0], list[1])
		}
		return &ast.BinaryExpression{Operator: n.Operator, Left: list[0], Right: list[1], Comparison: n.Comparison}
	case *ast.ConditionalExpression:
		return c.lowerConditional(n)
	case *ast.SequenceExpression:
		last := len(n.Sequence) - 1
		for _, item := range n.Sequence[:last] {
			c.effect(item)
		}
		return c.value(n.Sequence[last])
	case *ast.UnaryExpression:
		return c.lowerUnary(n)
	case *ast.DotExpression:
		return &ast.DotExpression{Left: c.value(n.Left), Identifier: n.Identifier}
	case *ast.BracketExpression:
		if key, ok := c.superKey(n); ok {
			return c.superGet(n, c.value(key))
		}
		list := c.operands([]ast.Expression{n.Left, n.Member})
		return b.Index(list[0], list[1])
	case *ast.CallExpression:
		return c.lowerCall(n)
	case *ast.NewExpression:
		global := c.checkedGlobal(n.Callee)
		list := c.operands(append([]ast.Expression{n.Callee}, n.ArgumentList...))
		list = append(list[:1:1], checkedArguments(b, global, list[1:])...)
		return &ast.NewExpression{New: n.New, Callee: list[0], ArgumentList: list[1:],
			LeftParenthesis: n.LeftParenthesis, RightParenthesis: n.RightParenthesis}
	case *ast.ArrayLiteral:
		return &ast.ArrayLiteral{LeftBracket: n.LeftBracket, RightBracket: n.RightBracket, Value: c.operands(n.Value)}
	case *ast.ObjectLiteral:
		return c.lowerObject(n)
	case *ast.SpreadElement:
		return &ast.SpreadElement{Expression: c.value(n.Expression)}
	case *ast.TemplateLiteral:
		return c.lowerTemplate(n)
	case *ast.OptionalChain:
		return c.lowerChain(n)
	case *ast.ClassLiteral:
		return c.makeClass(n, c.operands(classOperands(n)))
	}
	panic(fmt.Sprintf("lower: expression %T with a suspension", e))
}

// effect lowers an expression whose value nobody wants.
func (c *context) effect(e ast.Expression) {
	value := c.value(e)
	if id, ok := value.(*ast.Identifier); ok && c.suspends(e) && len(id.Name) > 0 && id.Name[0] == '%' {
		return
	}
	c.m.emit(c.b(e).Do(value))
}

// condition branches on an expression, short-circuiting where it has parts with
// suspensions.
//
//	if (a && await b) …   becomes   branch(a, 1, no);  1: suspend(b); branch(sent, yes, no)
func (c *context) condition(e ast.Expression, yes, no *ir.Block) {
	if c.suspends(e) {
		switch n := e.(type) {
		case *ast.BinaryExpression:
			if n.Operator == token.LOGICAL_AND || n.Operator == token.LOGICAL_OR {
				right := c.m.block()
				if n.Operator == token.LOGICAL_AND {
					c.condition(n.Left, right, no)
				} else {
					c.condition(n.Left, yes, right)
				}
				c.m.start(right)
				c.condition(n.Right, yes, no)
				return
			}
		case *ast.UnaryExpression:
			if n.Operator == token.NOT {
				c.condition(n.Operand, no, yes)
				return
			}
		}
	}
	c.m.branch(c.value(e), yes, no)
}

// operands lowers expressions that are evaluated from left to right. One with a
// suspension to its right is kept in a temporary, since it may neither run after
// that suspension nor be changed by it (ECMAScript 13.15.5: operands are values).
//
//	f(a(), await b, c())   becomes   t0 = f; t1 = a(); suspend(b); t0(t1, sent, c())
//
// Nil stands for a hole, and a spread element is kept as an array of its values.
func (c *context) operands(list []ast.Expression) []ast.Expression {
	last := -1
	for i, e := range list {
		if c.suspends(e) {
			last = i
		}
	}
	out := make([]ast.Expression, len(list))
	for i, e := range list {
		if syntax.IsNil(e) {
			continue
		}
		out[i] = c.value(e)
		if i < last {
			out[i] = c.held(e, out[i])
		}
	}
	return out
}

// held keeps the value of e, unless nothing can change it.
func (c *context) held(e, value ast.Expression) ast.Expression {
	b := c.b(e)
	switch n := e.(type) {
	case *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.ThisExpression:
		return value
	case *ast.Identifier:
		if c.unchanging(n) {
			return value
		}
	case *ast.SpreadElement:
		spread := value.(*ast.SpreadElement)
		return &ast.SpreadElement{Expression: c.keep(b, b.Array(spread))}
	}
	if id, ok := value.(*ast.Identifier); ok && c.m.isTemp(id) {
		return value
	}
	return c.keep(b, value)
}

// isTemp: temporaries are written once.
func (m *machine) isTemp(id *ast.Identifier) bool {
	name := id.Name.String()
	return len(name) > 2 && name[:2] == "%t" && name[2] >= '0' && name[2] <= '9'
}

// unchanging reports whether a name has its last value already where it is read.
func (c *context) unchanging(id *ast.Identifier) bool {
	r := c.info.Refs[id]
	if r == nil || r.Binding == nil || r.Check || r.Binding.Reassigned {
		return false
	}
	switch r.Binding.Kind {
	case scope.Const, scope.Let, scope.ClassDecl, scope.Param, scope.SelfName, scope.ClassName:
		return true
	}
	return false
}

// a && await b
//
//	becomes      t = a; branch(t, 1, 2)
//	          1: suspend(b); t = sent
//	          2: … t …
func (c *context) lowerLogical(n *ast.BinaryExpression) ast.Expression {
	b := c.b(n)
	result := c.temp()
	c.m.emit(b.Set(result, c.value(n.Left)))
	right, after := c.m.block(), c.m.block()
	c.whether(b, n.Operator, b.ID(result), right, after)
	c.m.start(right)
	c.m.emit(b.Set(result, c.value(n.Right)))
	c.m.fall(after)
	return b.ID(result)
}

// whether branches to right if a logical operator goes on to its right operand.
func (c *context) whether(b syntax.Builder, operator token.Token, left ast.Expression, right, after *ir.Block) {
	switch operator {
	case token.LOGICAL_AND:
		c.m.branch(left, right, after)
	case token.LOGICAL_OR:
		c.m.branch(left, after, right)
	default:
		c.m.branch(b.Binary(token.EQUAL, left, &ast.NullLiteral{Idx: b.At, Literal: "null"}), right, after)
	}
}

// a ? await b : c
//
//	becomes      branch(a, 1, 2)
//	          1: suspend(b); t = sent; jump 3
//	          2: t = c
//	          3: … t …
func (c *context) lowerConditional(n *ast.ConditionalExpression) ast.Expression {
	b := c.b(n)
	result := c.temp()
	yes, no, after := c.m.block(), c.m.block(), c.m.block()
	c.condition(n.Test, yes, no)
	c.m.start(yes)
	c.m.emit(b.Set(result, c.value(n.Consequent)))
	c.m.jump(after)
	c.m.start(no)
	c.m.emit(b.Set(result, c.value(n.Alternate)))
	c.m.fall(after)
	return b.ID(result)
}

// lowerUnary: `-await x`, `typeof await x`, `delete o[await k]`, `o[await k]++`.
func (c *context) lowerUnary(n *ast.UnaryExpression) ast.Expression {
	copied := *n
	if key, ok := c.superKey(n.Operand); ok {
		if n.Operator == token.INCREMENT || n.Operator == token.DECREMENT {
			return c.superUpdate(n, c.keep(c.b(n), c.value(key)))
		}
		refuse(n, "`delete super[…]` is not supported", "delete from `this`")
	}
	if chain, ok := n.Operand.(*ast.OptionalChain); ok && n.Operator == token.DELETE {
		return c.lowerDeleteChain(n, chain)
	}
	if n.Operator == token.INCREMENT || n.Operator == token.DECREMENT {
		copied.Operand = c.propertyPlace(n.Operand, false)()
		return &copied
	}
	copied.Operand = c.value(n.Operand)
	return &copied
}

// lowerObject evaluates keys and values in order and then makes the object as a
// whole, so that nobody sees it half made.
func (c *context) lowerObject(n *ast.ObjectLiteral) ast.Expression {
	b := c.b(n)
	operands := objectOperands(n)
	last := -1
	for i, e := range operands {
		if c.suspends(e) {
			last = i
		}
	}
	values := make([]ast.Expression, len(operands))
	for i, e := range operands {
		values[i] = c.value(e)
		if i >= last {
			continue
		}
		if spread, ok := values[i].(*ast.SpreadElement); ok {
			// An object's spread copies properties, an array's iterates.
			values[i] = &ast.SpreadElement{Expression: c.keep(b, b.Object(spread))}
			continue
		}
		if isKey(n, e) {
			values[i] = b.CallNamed("%toKey", values[i])
		}
		values[i] = c.held(e, values[i])
	}
	return c.object(n, values)
}

func isKey(n *ast.ObjectLiteral, e ast.Expression) bool {
	for _, property := range n.Value {
		if p, ok := property.(*ast.PropertyKeyed); ok && p.Computed && p.Key == e {
			return true
		}
	}
	return false
}
