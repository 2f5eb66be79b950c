package printer

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// Precedences, loosest first (ECMAScript 13).
const (
	precedenceSequence = iota
	precedenceAssign
	precedenceConditional
	precedenceOr
	precedenceAnd
	precedenceBitOr
	precedenceBitXor
	precedenceBitAnd
	precedenceEqual
	precedenceCompare
	precedenceShift
	precedenceAdd
	precedenceMultiply
	precedenceExponent
	precedenceUnary
	precedencePostfix
	precedenceCall
	precedencePrimary
)

func binaryPrecedence(operator token.Token) int {
	switch operator {
	case token.COALESCE, token.LOGICAL_OR:
		return precedenceOr
	case token.LOGICAL_AND:
		return precedenceAnd
	case token.OR:
		return precedenceBitOr
	case token.EXCLUSIVE_OR:
		return precedenceBitXor
	case token.AND:
		return precedenceBitAnd
	case token.EQUAL, token.NOT_EQUAL, token.STRICT_EQUAL, token.STRICT_NOT_EQUAL:
		return precedenceEqual
	case token.LESS, token.GREATER, token.LESS_OR_EQUAL, token.GREATER_OR_EQUAL, token.IN, token.INSTANCEOF:
		return precedenceCompare
	case token.SHIFT_LEFT, token.SHIFT_RIGHT, token.UNSIGNED_SHIFT_RIGHT:
		return precedenceShift
	case token.PLUS, token.MINUS:
		return precedenceAdd
	case token.EXPONENT:
		return precedenceExponent
	}
	return precedenceMultiply
}

func precedence(e ast.Expression) int {
	switch n := e.(type) {
	case *ast.SequenceExpression:
		return precedenceSequence
	case *ast.AssignExpression, *ast.ArrowFunctionLiteral, *ast.YieldExpression, *ast.SpreadElement:
		return precedenceAssign
	case *ast.ConditionalExpression:
		return precedenceConditional
	case *ast.BinaryExpression:
		return binaryPrecedence(n.Operator)
	case *ast.AwaitExpression:
		return precedenceUnary
	case *ast.UnaryExpression:
		if n.Postfix {
			return precedencePostfix
		}
		return precedenceUnary
	case *ast.CallExpression, *ast.NewExpression, *ast.DotExpression, *ast.BracketExpression, *ast.OptionalChain, *ast.Optional,
		*ast.PrivateDotExpression:
		return precedenceCall
	}
	return precedencePrimary
}

// expression prints e so that it binds at least as tightly as min asks.
func (p *printer) expression(e ast.Expression, min int) {
	if precedence(e) < min {
		p.write("(")
		defer p.write(")")
	}
	switch n := e.(type) {
	case *ast.Identifier:
		p.name(n.Name.String())
	case *ast.NumberLiteral, *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.RegExpLiteral,
		*ast.ThisExpression, *ast.SuperExpression, *ast.MetaProperty:
		p.literal(n)
	case *ast.SequenceExpression:
		commas(p, n.Sequence, p.assignment)
	case *ast.AssignExpression:
		p.expression(n.Left, precedenceCall)
		operator := n.Operator.String() + "="
		if n.Operator == token.ASSIGN {
			operator = "="
		}
		p.write(" ", operator, " ")
		p.assignment(n.Right)
	case *ast.ConditionalExpression:
		p.expression(n.Test, precedenceOr)
		p.write(" ? ")
		p.assignment(n.Consequent)
		p.write(" : ")
		p.assignment(n.Alternate)
	case *ast.BinaryExpression:
		p.binary(n)
	case *ast.UnaryExpression:
		p.unary(n)
	case *ast.AwaitExpression:
		p.write("await ")
		p.expression(n.Argument, precedenceUnary)
	case *ast.YieldExpression:
		p.write("yield")
		if n.Delegate {
			p.write("*")
		}
		if !syntax.IsNil(n.Argument) {
			p.write(" ")
			p.assignment(n.Argument)
		}
	case *ast.SpreadElement:
		p.write("...")
		p.assignment(n.Expression)
	case *ast.ArrayLiteral, *ast.ArrayPattern, *ast.ObjectLiteral, *ast.ObjectPattern, *ast.PropertyKeyed, *ast.PropertyShort:
		p.collection(n)
	case *ast.FunctionLiteral:
		p.function(n)
	case *ast.ArrowFunctionLiteral:
		p.arrow(n)
	case *ast.ClassLiteral:
		p.class(n)
	case *ast.TemplateLiteral:
		p.template(n)
	default:
		p.access(e)
	}
}

func (p *printer) literal(e ast.Expression) {
	switch n := e.(type) {
	case *ast.NumberLiteral:
		p.write(n.Literal)
	case *ast.StringLiteral:
		text, _ := json.Marshal(n.Value.String())
		p.write(string(text))
	case *ast.BooleanLiteral:
		p.write(fmt.Sprint(n.Value))
	case *ast.NullLiteral:
		p.write("null")
	case *ast.RegExpLiteral:
		p.write(n.Literal)
	case *ast.ThisExpression:
		p.write("this")
	case *ast.SuperExpression:
		p.write("super")
	case *ast.MetaProperty:
		p.write(n.Meta.Name.String(), ".", n.Property.Name.String())
	}
}

func (p *printer) binary(n *ast.BinaryExpression) {
	own := binaryPrecedence(n.Operator)
	left, right := own, own+1
	if n.Operator == token.EXPONENT {
		left, right = own+2, own
	}
	if n.Operator == token.COALESCE {
		left, right = precedenceBitOr, precedenceBitOr
	}
	p.expression(n.Left, left)
	p.write(" ", n.Operator.String(), " ")
	p.expression(n.Right, right)
}

func (p *printer) unary(n *ast.UnaryExpression) {
	if n.Postfix {
		p.expression(n.Operand, precedenceCall)
		p.write(n.Operator.String())
		return
	}
	operator := n.Operator.String()
	p.write(operator)
	if len(operator) > 2 {
		p.write(" ")
	} else if inner, ok := n.Operand.(*ast.UnaryExpression); ok && !inner.Postfix && inner.Operator.String()[0] == operator[0] {
		p.write(" ") // - -x
	}
	p.expression(n.Operand, precedenceUnary)
}

// access prints what ends in a property, a call or an optional link.
func (p *printer) access(e ast.Expression) {
	switch n := e.(type) {
	case *ast.DotExpression:
		p.callee(n.Left)
		name := n.Identifier.Name.String()
		if strings.ContainsAny(name, ":/. -") {
			p.dotless(n.Left)
			p.write(fmt.Sprintf("[%q]", name))
			return
		}
		p.dot(n.Left)
		p.name(name)
	case *ast.PrivateDotExpression:
		p.callee(n.Left)
		p.dot(n.Left)
		p.write("#", n.Identifier.Name.String())
	case *ast.BracketExpression:
		p.callee(n.Left)
		p.dotless(n.Left)
		p.write("[")
		p.expression(n.Member, precedenceSequence)
		p.write("]")
	case *ast.CallExpression:
		p.callee(n.Callee)
		p.dotless(n.Callee)
		p.write("(")
		commas(p, n.ArgumentList, p.assignment)
		p.write(")")
	case *ast.NewExpression:
		p.write("new ")
		if hasCall(n.Callee) {
			p.write("(")
			p.expression(n.Callee, precedenceSequence)
			p.write(")")
		} else {
			p.expression(n.Callee, precedenceCall)
		}
		p.write("(")
		commas(p, n.ArgumentList, p.assignment)
		p.write(")")
	case *ast.OptionalChain:
		p.expression(n.Expression, precedenceCall)
	case *ast.Optional:
		p.expression(n.Expression, precedenceCall)
	default:
		panic(fmt.Sprintf("printer: expression %T", e))
	}
}

// callee: a chain inside a longer chain ends at its parentheses.
func (p *printer) callee(e ast.Expression) {
	if _, ok := e.(*ast.OptionalChain); ok {
		p.write("(")
		defer p.write(")")
	}
	if _, ok := e.(*ast.NumberLiteral); ok {
		p.write("(")
		defer p.write(")")
	}
	p.expression(e, precedenceCall)
}

func (p *printer) dot(left ast.Expression) {
	if _, ok := left.(*ast.Optional); ok {
		p.write("?")
	}
	p.write(".")
}

func (p *printer) dotless(left ast.Expression) {
	if _, ok := left.(*ast.Optional); ok {
		p.write("?.")
	}
}

func hasCall(e ast.Node) bool {
	found := false
	syntax.Walk(e, func(n ast.Node) bool {
		switch n.(type) {
		case *ast.CallExpression, *ast.OptionalChain:
			found = true
		}
		return !found && !syntax.IsFunction(n)
	})
	return found
}

func (p *printer) template(n *ast.TemplateLiteral) {
	if n.Tag != nil {
		p.callee(n.Tag)
	}
	p.write("`")
	for i, element := range n.Elements {
		p.write(element.Literal)
		if i < len(n.Expressions) {
			p.write("${")
			p.expression(n.Expressions[i], precedenceSequence)
			p.write("}")
		}
	}
	p.write("`")
}
