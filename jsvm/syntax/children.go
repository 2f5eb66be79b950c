package syntax

import (
	"fmt"
	"reflect"

	"github.com/dop251/goja/ast"
)

// Children calls visit for each direct child of node, in source order. Nil
// children are left out. Names that are no expressions (of properties after a
// dot, of labels, of functions and classes) are no children; the name of a
// shorthand property is one, since it is a reference.
//
// It panics on a node type that it does not know: goja has grown, and a pass
// that skipped the node would compile something wrong.
func Children(node ast.Node, visit func(ast.Node)) {
	v := func(child ast.Node) {
		if !IsNil(child) {
			visit(child)
		}
	}
	switch n := node.(type) {
	case *ast.Identifier, *ast.PrivateIdentifier, *ast.BooleanLiteral, *ast.NullLiteral,
		*ast.NumberLiteral, *ast.StringLiteral, *ast.RegExpLiteral, *ast.ThisExpression,
		*ast.SuperExpression, *ast.MetaProperty, *ast.BadExpression, *ast.TemplateElement,
		*ast.BadStatement, *ast.BranchStatement, *ast.DebuggerStatement, *ast.EmptyStatement:
	case *ast.Program:
		statements(n.Body, v)
	default:
		if !expressionChildren(node, v) && !statementChildren(node, v) && !partChildren(node, v) {
			panic(fmt.Sprintf("syntax: unknown node %T", node))
		}
	}
}

func expressionChildren(node ast.Node, v func(ast.Node)) bool {
	switch n := node.(type) {
	case *ast.ArrayLiteral:
		expressions(n.Value, v)
	case *ast.ArrayPattern:
		expressions(n.Elements, v)
		v(n.Rest)
	case *ast.AssignExpression:
		v(n.Left)
		v(n.Right)
	case *ast.AwaitExpression:
		v(n.Argument)
	case *ast.YieldExpression:
		v(n.Argument)
	case *ast.BinaryExpression:
		v(n.Left)
		v(n.Right)
	case *ast.BracketExpression:
		v(n.Left)
		v(n.Member)
	case *ast.CallExpression:
		v(n.Callee)
		expressions(n.ArgumentList, v)
	case *ast.ConditionalExpression:
		v(n.Test)
		v(n.Consequent)
		v(n.Alternate)
	case *ast.DotExpression:
		v(n.Left)
	case *ast.PrivateDotExpression:
		v(n.Left)
	case *ast.OptionalChain:
		v(n.Expression)
	case *ast.Optional:
		v(n.Expression)
	case *ast.FunctionLiteral:
		v(n.ParameterList)
		v(n.Body)
	case *ast.ArrowFunctionLiteral:
		v(n.ParameterList)
		v(n.Body)
	case *ast.ClassLiteral:
		v(n.SuperClass)
		for _, element := range n.Body {
			v(element)
		}
	case *ast.NewExpression:
		v(n.Callee)
		expressions(n.ArgumentList, v)
	case *ast.ObjectLiteral:
		for _, property := range n.Value {
			v(property)
		}
	case *ast.ObjectPattern:
		for _, property := range n.Properties {
			v(property)
		}
		v(n.Rest)
	case *ast.SequenceExpression:
		expressions(n.Sequence, v)
	case *ast.TemplateLiteral:
		v(n.Tag)
		expressions(n.Expressions, v)
	case *ast.UnaryExpression:
		v(n.Operand)
	case *ast.PropertyShort:
		v(&n.Name)
		v(n.Initializer)
	case *ast.PropertyKeyed:
		v(n.Key)
		v(n.Value)
	case *ast.SpreadElement:
		v(n.Expression)
	default:
		return false
	}
	return true
}

func statementChildren(node ast.Node, v func(ast.Node)) bool {
	switch n := node.(type) {
	case *ast.BlockStatement:
		statements(n.List, v)
	case *ast.CaseStatement:
		v(n.Test)
		statements(n.Consequent, v)
	case *ast.CatchStatement:
		v(n.Parameter)
		v(n.Body)
	case *ast.DoWhileStatement:
		v(n.Body)
		v(n.Test)
	case *ast.ExpressionStatement:
		v(n.Expression)
	case *ast.ForInStatement:
		v(n.Into)
		v(n.Source)
		v(n.Body)
	case *ast.ForOfStatement:
		v(n.Into)
		v(n.Source)
		v(n.Body)
	case *ast.ForStatement:
		v(n.Initializer)
		v(n.Test)
		v(n.Update)
		v(n.Body)
	case *ast.IfStatement:
		v(n.Test)
		v(n.Consequent)
		v(n.Alternate)
	case *ast.LabelledStatement:
		v(n.Statement)
	case *ast.ReturnStatement:
		v(n.Argument)
	case *ast.SwitchStatement:
		v(n.Discriminant)
		for _, clause := range n.Body {
			v(clause)
		}
	case *ast.ThrowStatement:
		v(n.Argument)
	case *ast.TryStatement:
		v(n.Body)
		v(n.Catch)
		v(n.Finally)
	case *ast.VariableStatement:
		bindings(n.List, v)
	case *ast.LexicalDeclaration:
		bindings(n.List, v)
	case *ast.WhileStatement:
		v(n.Test)
		v(n.Body)
	case *ast.WithStatement:
		v(n.Object)
		v(n.Body)
	case *ast.FunctionDeclaration:
		v(n.Function)
	case *ast.ClassDeclaration:
		v(n.Class)
	default:
		return false
	}
	return true
}

// partChildren: nodes that are neither expressions nor statements.
func partChildren(node ast.Node, v func(ast.Node)) bool {
	switch n := node.(type) {
	case *ast.Binding:
		v(n.Target)
		v(n.Initializer)
	case *ast.ParameterList:
		bindings(n.List, v)
		v(n.Rest)
	case *ast.ExpressionBody:
		v(n.Expression)
	case *ast.VariableDeclaration:
		bindings(n.List, v)
	case *ast.FieldDefinition:
		v(n.Key)
		v(n.Initializer)
	case *ast.MethodDefinition:
		v(n.Key)
		v(n.Body)
	case *ast.ClassStaticBlock:
		v(n.Block)
	case *ast.ForLoopInitializerExpression:
		v(n.Expression)
	case *ast.ForLoopInitializerVarDeclList:
		bindings(n.List, v)
	case *ast.ForLoopInitializerLexicalDecl:
		v(&n.LexicalDeclaration)
	case *ast.ForIntoVar:
		v(n.Binding)
	case *ast.ForDeclaration:
		v(n.Target)
	case *ast.ForIntoExpression:
		v(n.Expression)
	default:
		return false
	}
	return true
}

func expressions(list []ast.Expression, v func(ast.Node)) {
	for _, e := range list {
		v(e)
	}
}

func statements(list []ast.Statement, v func(ast.Node)) {
	for _, s := range list {
		v(s)
	}
}

func bindings(list []*ast.Binding, v func(ast.Node)) {
	for _, b := range list {
		v(b)
	}
}

// IsNil reports whether node is nil or a nil pointer in an interface, of which
// goja's optional fields have both.
func IsNil(node ast.Node) bool {
	if node == nil {
		return true
	}
	v := reflect.ValueOf(node)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// Walk calls enter for node and everything below it, parents first. Where enter
// returns false, what is below is left out.
func Walk(node ast.Node, enter func(ast.Node) bool) {
	if IsNil(node) || !enter(node) {
		return
	}
	Children(node, func(child ast.Node) { Walk(child, enter) })
}

// IsFunction reports whether node is a function or an arrow: where control, and
// what `await` belongs to, changes hands.
func IsFunction(node ast.Node) bool {
	switch node.(type) {
	case *ast.FunctionLiteral, *ast.ArrowFunctionLiteral:
		return true
	}
	return false
}

// Mentions reports whether an identifier of that name occurs below node in the
// place of a value or of a target, nested functions included.
func Mentions(node ast.Node, name string) bool {
	found := false
	Walk(node, func(n ast.Node) bool {
		if id, ok := n.(*ast.Identifier); ok && id.Name.String() == name {
			found = true
		}
		return !found
	})
	return found
}
