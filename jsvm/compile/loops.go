package compile

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// placeEmptyLoops gives a place to loops in which nothing has one. A step that hangs in
// such a loop could only tell what was evaluated before it:
//
//	for (;;) {}   becomes   for (;;) { ({}); }
//
// goja notes places of expressions, not of statements, and drops literals that have no
// effect, but for objects. Loops with a test or with statements have places of their own.
func placeEmptyLoops(program *ast.Program) {
	syntax.Walk(program, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.ForStatement:
			if n.Initializer == nil && n.Update == nil && isConstant(n.Test) && isEmpty(n.Body) {
				n.Body = placed(n)
			}
		case *ast.WhileStatement:
			if isConstant(n.Test) && isEmpty(n.Body) {
				n.Body = placed(n)
			}
		case *ast.DoWhileStatement:
			if isConstant(n.Test) && isEmpty(n.Body) {
				n.Body = placed(n)
			}
		}
		return true
	})
}

// isConstant tells of a test that has no place, also of none.
func isConstant(test ast.Expression) bool {
	if syntax.IsNil(test) {
		return true
	}
	switch n := test.(type) {
	case *ast.BooleanLiteral, *ast.NumberLiteral, *ast.StringLiteral:
		return true
	case *ast.UnaryExpression: // !0
		return isConstant(n.Operand)
	}
	return false
}

func isEmpty(body ast.Statement) bool {
	switch n := body.(type) {
	case *ast.EmptyStatement:
		return true
	case *ast.BlockStatement:
		for _, s := range n.List {
			if !isEmpty(s) {
				return false
			}
		}
		return true
	case *ast.BranchStatement: // continue
		return n.Token.String() == "continue" && n.Label == nil
	}
	return false
}

// placed is a body that stands where the loop does.
func placed(loop ast.Statement) ast.Statement {
	b := syntax.At(loop)
	return b.Block(b.Do(b.Object()))
}
