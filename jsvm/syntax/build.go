package syntax

import (
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"
	"github.com/dop251/goja/token"
	"github.com/dop251/goja/unistring"
)

// Builder makes nodes at one position.
type Builder struct {
	At file.Idx
}

// At is a Builder for the position of node.
func At(node ast.Node) Builder {
	return Builder{At: Start(node)}
}

// Start is the position of node's start, 0 where goja can't tell it: it looks
// into the first of a list's items, which may not be there.
func Start(node ast.Node) file.Idx {
	switch n := node.(type) {
	case *ast.Program:
		return 0
	case *ast.SequenceExpression:
		if len(n.Sequence) == 0 {
			return 0
		}
	case *ast.ForLoopInitializerVarDeclList:
		if len(n.List) == 0 {
			return 0
		}
	}
	return node.Idx0()
}

// ID is an identifier.
func (b Builder) ID(name string) *ast.Identifier {
	return &ast.Identifier{Name: unistring.NewFromString(name), Idx: b.At}
}

// Number is an integer literal. goja wants an int64 here, and panics on an int.
func (b Builder) Number(n int) ast.Expression {
	return &ast.NumberLiteral{Idx: b.At, Literal: strconv.Itoa(n), Value: int64(n)}
}

// String is a string literal.
func (b Builder) String(s string) *ast.StringLiteral {
	return b.RawString(unistring.NewFromString(s))
}

// RawString is a string literal of a name as goja keeps it, lone surrogates
// included.
func (b Builder) RawString(s unistring.String) *ast.StringLiteral {
	return &ast.StringLiteral{Idx: b.At, Literal: strconv.Quote(s.String()), Value: s}
}

// Undefined is `void 0`: the name can be shadowed.
func (b Builder) Undefined() ast.Expression {
	return &ast.UnaryExpression{Operator: token.VOID, Idx: b.At, Operand: b.Number(0)}
}

// Bool is `true` or `false`.
func (b Builder) Bool(v bool) ast.Expression {
	return &ast.BooleanLiteral{Idx: b.At, Literal: strconv.FormatBool(v), Value: v}
}

// This is `this`.
func (b Builder) This() ast.Expression { return &ast.ThisExpression{Idx: b.At} }

// Dot is `left.name`.
func (b Builder) Dot(left ast.Expression, name string) ast.Expression {
	return &ast.DotExpression{Left: left, Identifier: *b.ID(name)}
}

// Index is `left[member]`.
func (b Builder) Index(left, member ast.Expression) ast.Expression {
	return &ast.BracketExpression{Left: left, Member: member, LeftBracket: b.At, RightBracket: b.At}
}

// Call is `callee(...arguments)`.
func (b Builder) Call(callee ast.Expression, arguments ...ast.Expression) ast.Expression {
	return &ast.CallExpression{Callee: callee, LeftParenthesis: b.At, ArgumentList: arguments, RightParenthesis: b.At}
}

// CallNamed is `name(...arguments)`.
func (b Builder) CallNamed(name string, arguments ...ast.Expression) ast.Expression {
	return b.Call(b.ID(name), arguments...)
}

// Assign is `left = right`.
func (b Builder) Assign(left, right ast.Expression) ast.Expression {
	return &ast.AssignExpression{Operator: token.ASSIGN, Left: left, Right: right}
}

// Binary is `left operator right`.
func (b Builder) Binary(operator token.Token, left, right ast.Expression) ast.Expression {
	comparison := false
	switch operator {
	case token.EQUAL, token.STRICT_EQUAL, token.NOT_EQUAL, token.STRICT_NOT_EQUAL,
		token.LESS, token.LESS_OR_EQUAL, token.GREATER, token.GREATER_OR_EQUAL:
		comparison = true
	}
	return &ast.BinaryExpression{Operator: operator, Left: left, Right: right, Comparison: comparison}
}

// Same is `left === right`.
func (b Builder) Same(left, right ast.Expression) ast.Expression {
	return b.Binary(token.STRICT_EQUAL, left, right)
}

// Not is `!operand`.
func (b Builder) Not(operand ast.Expression) ast.Expression {
	return &ast.UnaryExpression{Operator: token.NOT, Idx: b.At, Operand: operand}
}

// Sequence is `(first, second, …)`.
func (b Builder) Sequence(list ...ast.Expression) ast.Expression {
	if len(list) == 1 {
		return list[0]
	}
	return &ast.SequenceExpression{Sequence: list}
}

// Conditional is `test ? yes : no`.
func (b Builder) Conditional(test, yes, no ast.Expression) ast.Expression {
	return &ast.ConditionalExpression{Test: test, Consequent: yes, Alternate: no}
}

// Array is `[...values]`.
func (b Builder) Array(values ...ast.Expression) ast.Expression {
	return &ast.ArrayLiteral{LeftBracket: b.At, RightBracket: b.At, Value: values}
}

// Object is an object literal.
func (b Builder) Object(properties ...ast.Property) ast.Expression {
	return &ast.ObjectLiteral{LeftBrace: b.At, RightBrace: b.At, Value: properties}
}

// Property is `"name": value` of an object literal or a pattern. The position of
// the key is the builder's.
func (b Builder) Property(name string, value ast.Expression) ast.Property {
	return &ast.PropertyKeyed{Key: b.String(name), Kind: ast.PropertyKindValue, Value: value}
}

// Let is `let name = init`; a nil init leaves it undefined.
func (b Builder) Let(name string, init ast.Expression) ast.Statement {
	return b.declare(token.LET, name, init)
}

// Const is `const name = init`.
func (b Builder) Const(name string, init ast.Expression) ast.Statement {
	return b.declare(token.CONST, name, init)
}

func (b Builder) declare(keyword token.Token, name string, init ast.Expression) ast.Statement {
	return &ast.LexicalDeclaration{Idx: b.At, Token: keyword,
		List: []*ast.Binding{{Target: b.ID(name), Initializer: init}}}
}

// Lets is `let a, b, c`.
func (b Builder) Lets(names []string) ast.Statement {
	d := &ast.LexicalDeclaration{Idx: b.At, Token: token.LET}
	for _, name := range names {
		d.List = append(d.List, &ast.Binding{Target: b.ID(name)})
	}
	return d
}

// Do is an expression statement.
func (b Builder) Do(e ast.Expression) ast.Statement {
	return &ast.ExpressionStatement{Expression: e}
}

// Set is the statement `name = value`.
func (b Builder) Set(name string, value ast.Expression) ast.Statement {
	return b.Do(b.Assign(b.ID(name), value))
}

// Block is `{ … }`.
func (b Builder) Block(list ...ast.Statement) *ast.BlockStatement {
	return &ast.BlockStatement{LeftBrace: b.At, List: list, RightBrace: b.At}
}

// If is `if (test) { yes }`.
func (b Builder) If(test ast.Expression, yes ...ast.Statement) ast.Statement {
	return &ast.IfStatement{If: b.At, Test: test, Consequent: b.Block(yes...)}
}

// IfElse is `if (test) { yes } else { no }`.
func (b Builder) IfElse(test ast.Expression, yes, no []ast.Statement) ast.Statement {
	return &ast.IfStatement{If: b.At, Test: test, Consequent: b.Block(yes...), Alternate: b.Block(no...)}
}

// Return is `return e`.
func (b Builder) Return(e ast.Expression) ast.Statement {
	return &ast.ReturnStatement{Return: b.At, Argument: e}
}

// Throw is `throw e`.
func (b Builder) Throw(e ast.Expression) ast.Statement {
	return &ast.ThrowStatement{Throw: b.At, Argument: e}
}

// Continue is `continue label`.
func (b Builder) Continue(label string) ast.Statement {
	return &ast.BranchStatement{Idx: b.At, Token: token.CONTINUE, Label: b.ID(label)}
}

// Forever is `label: for (;;) { body }`.
func (b Builder) Forever(label string, body ...ast.Statement) ast.Statement {
	return &ast.LabelledStatement{Label: b.ID(label), Colon: b.At,
		Statement: &ast.ForStatement{For: b.At, Body: b.Block(body...)}}
}

// Params is a list of plain parameters. goja panics on a nil list.
func (b Builder) Params(names ...string) *ast.ParameterList {
	list := &ast.ParameterList{Opening: b.At, Closing: b.At}
	for _, name := range names {
		list.List = append(list.List, &ast.Binding{Target: b.ID(name)})
	}
	return list
}

// Function is a plain function. Its body must declare with let and const only:
// goja looks for `var` in a list beside the body, which stays empty here.
func (b Builder) Function(name string, params *ast.ParameterList, body ...ast.Statement) *ast.FunctionLiteral {
	f := &ast.FunctionLiteral{Function: b.At, ParameterList: params, Body: b.Block(body...)}
	if name != "" {
		f.Name = b.ID(name)
	}
	return f
}

// Arrow is `(...params) => { body }`.
func (b Builder) Arrow(params *ast.ParameterList, body ...ast.Statement) *ast.ArrowFunctionLiteral {
	return &ast.ArrowFunctionLiteral{Start: b.At, ParameterList: params, Body: b.Block(body...)}
}

// Declaration is a function declaration.
func (b Builder) Declaration(f *ast.FunctionLiteral) ast.Statement {
	return &ast.FunctionDeclaration{Function: f}
}
