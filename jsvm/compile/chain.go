package compile

import (
	"strings"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"

	"kont/jsvm/syntax"
)

// repairChains gives relational operators in a row their meaning: goja's parser reads `a < b < c` from right to left,
// as `a < (b < c)` (ECMAScript 13.10 has it the other way). The tree does not tell the two apart, so the text is asked for
// the parenthesis. The result are the places where that does not tell either.
func repairChains(program *ast.Program, text string) (unclear []file.Idx) {
	syntax.Walk(program, func(n ast.Node) bool {
		outer, ok := n.(*ast.BinaryExpression)
		for ok && relational(outer) {
			inner, isChain := outer.Right.(*ast.BinaryExpression)
			if !isChain || !relational(inner) {
				break
			}
			switch parenthesis(text, inner) {
			case parenthesised:
				return true
			case unknown:
				unclear = append(unclear, inner.Idx0())
				return true
			}
			left := *outer
			left.Right = inner.Left
			outer.Left, outer.Operator, outer.Comparison, outer.Right = &left, inner.Operator, inner.Comparison, inner.Right
		}
		return true
	})
	return unclear
}

func relational(n *ast.BinaryExpression) bool {
	switch n.Operator {
	case token.LESS, token.LESS_OR_EQUAL, token.GREATER, token.GREATER_OR_EQUAL, token.INSTANCEOF, token.IN:
		return true
	}
	return false
}

type answer uint8

const (
	bare answer = iota
	parenthesised
	unknown // the parenthesis may belong to a part of it
)

// parenthesis looks at what stands before n.
func parenthesis(text string, n *ast.BinaryExpression) answer {
	at := int(n.Idx0()) - 1
	if at < 0 || at > len(text) {
		return unknown
	}
	before := strings.TrimRight(text[:at], " \t\r\n")
	if strings.HasSuffix(before, "*/") {
		return unknown
	}
	if !strings.HasSuffix(before, "(") {
		return bare
	}
	if startsBare(n.Left) {
		return parenthesised
	}
	return byBalance(text, n, before)
}

// byBalance counts: a parenthesis that opens before n belongs to its left side if it closes before n's operator, else to n.
//
//	((await a) < b)   two open, one closes
//	(await a) < b     one opens, one closes
func byBalance(text string, n *ast.BinaryExpression, before string) answer {
	opened := 0
	for strings.HasSuffix(before, "(") {
		opened++
		before = strings.TrimRight(strings.TrimSuffix(before, "("), " \t\r\n")
	}
	from, to := int(n.Idx0())-1, int(n.Right.Idx0())-1
	if from > to || to > len(text) {
		return unknown
	}
	left, found := strings.CutSuffix(strings.TrimRight(text[from:to], " \t\r\n("), n.Operator.String())
	if !found {
		return unknown
	}
	for i := 0; i < len(left); i++ {
		switch left[i] {
		case '(':
			opened++
		case ')':
			opened--
		case '"', '\'':
			end := strings.IndexByte(left[i+1:], left[i])
			if end < 0 || strings.Contains(left[i+1:i+1+end], "\\") {
				return unknown
			}
			i += end + 1
		case '`', '/': // a template, a regular expression, a comment
			return unknown
		}
	}
	if opened > 0 {
		return parenthesised
	}
	return bare
}

// startsBare reports whether the bundler writes e without a parenthesis at its start.
func startsBare(e ast.Expression) bool {
	switch e := e.(type) {
	case *ast.Identifier, *ast.NumberLiteral, *ast.StringLiteral, *ast.BooleanLiteral, *ast.NullLiteral, *ast.ThisExpression, *ast.NewExpression:
		return true
	case *ast.UnaryExpression:
		return !e.Postfix || startsBare(e.Operand)
	case *ast.DotExpression:
		return startsBare(e.Left)
	case *ast.BracketExpression:
		return startsBare(e.Left)
	case *ast.CallExpression:
		return startsBare(e.Callee)
	case *ast.BinaryExpression:
		_, isBinary := e.Left.(*ast.BinaryExpression)
		return !isBinary && startsBare(e.Left)
	}
	return false
}
