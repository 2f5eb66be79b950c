package lower

import (
	"math/big"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Operators that make a value of any size at once, where neither an interrupt nor the limit of the heap can come in between. The kernel looks at their
// operands first, unless the source shows that these are small:
//
//	a ** b         becomes   %power(a, b)
//	a << b         becomes   a << (typeof b === "bigint" ? %shiftCount(b) : b)     %shiftCount(f()) for other than names
//	a.b **= c      becomes   a.b **= %exponent(c)
//	new Array(n)   becomes   new Array(%arrayLength(n))
//
// And what the engine would read otherwise than it is meant, or not at all:
//
//	new RegExp(p, f)   becomes   new RegExp(...%regexpArguments(p, f))

// binary is `left operator right`, of operands that are lowered.
func (c *context) binary(b syntax.Builder, operator token.Token, left, right ast.Expression) ast.Expression {
	if isShift(operator) && !neverBigInt(left) {
		right = shiftCount(b, right)
	}
	if operator == token.EXPONENT && !neverBigInt(left) && !neverBigInt(right) {
		return b.CallNamed("%power", left, right)
	}
	return b.Binary(operator, left, right)
}

// boundRight is the right side of `x operator= right`, lowered.
func (c *context) boundRight(b syntax.Builder, operator token.Token, right ast.Expression) ast.Expression {
	switch {
	case isShift(operator):
		return shiftCount(b, right)
	case operator == token.EXPONENT && !neverBigInt(right):
		return b.CallNamed("%exponent", right)
	}
	return right
}

func isShift(operator token.Token) bool {
	return operator == token.SHIFT_LEFT || operator == token.SHIFT_RIGHT
}

func shiftCount(b syntax.Builder, count ast.Expression) ast.Expression {
	if neverBigInt(count) {
		return count
	}
	checked := b.CallNamed("%shiftCount", count)
	id, ok := count.(*ast.Identifier)
	if !ok {
		return checked
	}
	again, named := *id, *id
	isBigInt := b.Same(&ast.UnaryExpression{Operator: token.TYPEOF, Idx: b.At, Operand: &named}, b.String("bigint"))
	return b.Conditional(isBigInt, checked, &again)
}

// neverBigInt reports whether an expression has another value than a BigInt, or throws. A BigInt mixes with no other type.
func neverBigInt(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.NumberLiteral:
		_, isBigInt := e.Value.(*big.Int)
		return !isBigInt
	case *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
		return true
	case *ast.TemplateLiteral:
		return e.Tag == nil
	case *ast.UnaryExpression:
		switch e.Operator {
		case token.PLUS, token.NOT, token.TYPEOF, token.VOID, token.DELETE:
			return true
		}
		return neverBigInt(e.Operand)
	case *ast.BinaryExpression:
		switch e.Operator {
		case token.LOGICAL_AND, token.LOGICAL_OR, token.COALESCE:
			return neverBigInt(e.Left) && neverBigInt(e.Right)
		case token.PLUS, token.MINUS, token.MULTIPLY, token.SLASH, token.REMAINDER, token.EXPONENT,
			token.AND, token.OR, token.EXCLUSIVE_OR, token.SHIFT_LEFT, token.SHIFT_RIGHT:
			return neverBigInt(e.Left) || neverBigInt(e.Right)
		}
		return true
	case *ast.ConditionalExpression:
		return neverBigInt(e.Consequent) && neverBigInt(e.Alternate)
	case *ast.SequenceExpression:
		return neverBigInt(e.Sequence[len(e.Sequence)-1])
	}
	return false
}

// checkedGlobal is the name of the global that the callee is, if its arguments are looked at: Array or RegExp.
func (c *context) checkedGlobal(callee ast.Expression) string {
	id, ok := callee.(*ast.Identifier)
	if !ok || id.Name != "Array" && id.Name != "RegExp" {
		return ""
	}
	if r := c.info.Refs[id]; r == nil || r.Binding == nil || r.Binding.Kind == scope.Pseudo {
		return id.Name.String()
	}
	return ""
}

// checkedArguments are the arguments of such a global. They are lowered.
func checkedArguments(b syntax.Builder, global string, list []ast.Expression) []ast.Expression {
	switch global {
	case "Array":
		return boundLength(b, list)
	case "RegExp":
		if len(list) > 0 {
			return []ast.Expression{&ast.SpreadElement{Expression: b.CallNamed("%regexpArguments", list...)}}
		}
	}
	return list
}

// boundLength looks at the length of an array that is to be made. The arguments are lowered.
func boundLength(b syntax.Builder, list []ast.Expression) []ast.Expression {
	if len(list) != 1 {
		return list
	}
	switch n := list[0].(type) {
	case *ast.SpreadElement, *ast.StringLiteral:
		return list
	case *ast.NumberLiteral:
		if length, ok := n.Value.(int64); ok && length < 1<<20 {
			return list
		}
	}
	return []ast.Expression{b.CallNamed("%arrayLength", list[0])}
}
