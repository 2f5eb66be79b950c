package lower

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// variable hides from goja that a test is constant:
//
//	if (true && 's') A; else B   becomes   if ((%TDZ, true && 's')) A; else B
//
// goja compiles the branch that never runs only to throw it away, and may leave traces of it: it patches the
// variables that such a branch uses at places of other code.
func variable(test ast.Expression) ast.Expression {
	if syntax.IsNil(test) || !isConstant(test) {
		return test
	}
	b := syntax.At(test)
	return b.Sequence(b.ID("%TDZ"), test)
}

// isConstant reports whether goja may evaluate an expression when it compiles it.
func isConstant(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.StringLiteral, *ast.NumberLiteral, *ast.BooleanLiteral, *ast.NullLiteral:
		return true
	case *ast.UnaryExpression:
		return isConstant(e.Operand)
	case *ast.BinaryExpression:
		// One side decides where the operator is logical.
		return isConstant(e.Left) && (isConstant(e.Right) || logical(e.Operator))
	}
	return false
}

// loopTest is the same for a loop, whose body runs if the test is `true`.
func loopTest(test ast.Expression) ast.Expression {
	if literal, ok := test.(*ast.BooleanLiteral); ok && literal.Value {
		return test
	}
	return variable(test)
}
