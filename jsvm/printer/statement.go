package printer

import (
	"fmt"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

func (p *printer) statement(s ast.Statement) {
	switch n := s.(type) {
	case *ast.BlockStatement:
		p.block(n)
	case *ast.ExpressionStatement:
		p.expressionStatement(n)
	case *ast.VariableStatement:
		p.write("var ")
		commas(p, n.List, p.binding)
		p.write(";")
	case *ast.LexicalDeclaration:
		p.lexical(n)
		p.write(";")
	case *ast.FunctionDeclaration:
		p.function(n.Function)
	case *ast.ClassDeclaration:
		p.class(n.Class)
	case *ast.ReturnStatement:
		p.keyword("return", n.Argument)
	case *ast.ThrowStatement:
		p.keyword("throw", n.Argument)
	case *ast.BranchStatement:
		p.write(n.Token.String())
		if n.Label != nil {
			p.write(" ")
			p.name(n.Label.Name.String())
		}
		p.write(";")
	case *ast.IfStatement:
		p.ifStatement(n)
	case *ast.LabelledStatement:
		p.name(n.Label.Name.String())
		p.write(": ")
		p.statement(n.Statement)
	case *ast.ForStatement:
		p.forStatement(n)
	case *ast.ForInStatement:
		p.each(" in ", n.Into, n.Source, n.Body)
	case *ast.ForOfStatement:
		p.each(" of ", n.Into, n.Source, n.Body)
	case *ast.WhileStatement:
		p.write("while (")
		p.expression(n.Test, precedenceSequence)
		p.write(") ")
		p.statement(n.Body)
	case *ast.DoWhileStatement:
		p.write("do ")
		p.statement(n.Body)
		p.write(" while (")
		p.expression(n.Test, precedenceSequence)
		p.write(");")
	case *ast.SwitchStatement:
		p.switchStatement(n)
	case *ast.TryStatement:
		p.try(n)
	case *ast.EmptyStatement:
		p.write(";")
	case *ast.DebuggerStatement:
		p.write("debugger;")
	default:
		panic(fmt.Sprintf("printer: statement %T", s))
	}
}

// expressionStatement puts what would read as a declaration or a block into
// parentheses.
func (p *printer) expressionStatement(n *ast.ExpressionStatement) {
	inner := &printer{indent: p.indent, comment: p.comment}
	inner.expression(n.Expression, precedenceSequence)
	text := inner.out.String()
	if text[0] == '{' || hasWord(text, "function") || hasWord(text, "class") {
		text = "(" + text + ")"
	}
	p.write(text, ";")
}

func hasWord(text, word string) bool {
	return len(text) > len(word) && text[:len(word)] == word && (text[len(word)] == ' ' || text[len(word)] == '(')
}

func (p *printer) keyword(word string, argument ast.Expression) {
	p.write(word)
	if !syntax.IsNil(argument) {
		p.write(" ")
		p.expression(argument, precedenceSequence)
	}
	p.write(";")
}

func (p *printer) lexical(n *ast.LexicalDeclaration) {
	p.write(n.Token.String(), " ")
	commas(p, n.List, p.binding)
}

func (p *printer) binding(b *ast.Binding) {
	p.assignment(b.Target)
	if !syntax.IsNil(b.Initializer) {
		p.write(" = ")
		p.assignment(b.Initializer)
	}
}

func (p *printer) ifStatement(n *ast.IfStatement) {
	p.write("if (")
	p.expression(n.Test, precedenceSequence)
	p.write(") ")
	p.statement(n.Consequent)
	if syntax.IsNil(n.Alternate) {
		return
	}
	p.write(" else ")
	p.statement(n.Alternate)
}

func (p *printer) forStatement(n *ast.ForStatement) {
	p.write("for (")
	switch init := n.Initializer.(type) {
	case *ast.ForLoopInitializerExpression:
		p.expression(init.Expression, precedenceSequence)
	case *ast.ForLoopInitializerVarDeclList:
		p.write("var ")
		commas(p, init.List, p.binding)
	case *ast.ForLoopInitializerLexicalDecl:
		p.lexical(&init.LexicalDeclaration)
	}
	p.write(";")
	for _, part := range []ast.Expression{n.Test, n.Update} {
		if !syntax.IsNil(part) {
			p.write(" ")
			p.expression(part, precedenceSequence)
		}
		p.write(";")
	}
	text := p.out.String()
	p.out.Reset()
	p.write(text[:len(text)-1], ") ")
	p.statement(n.Body)
}

func (p *printer) each(word string, into ast.ForInto, source ast.Expression, body ast.Statement) {
	p.write("for (")
	switch into := into.(type) {
	case *ast.ForIntoVar:
		p.write("var ")
		p.binding(into.Binding)
	case *ast.ForDeclaration:
		keyword := "let "
		if into.IsConst {
			keyword = "const "
		}
		p.write(keyword)
		p.assignment(into.Target)
	case *ast.ForIntoExpression:
		p.assignment(into.Expression)
	}
	p.write(word)
	p.assignment(source)
	p.write(") ")
	p.statement(body)
}

func (p *printer) switchStatement(n *ast.SwitchStatement) {
	p.write("switch (")
	p.expression(n.Discriminant, precedenceSequence)
	p.write(") {")
	p.indent++
	for _, clause := range n.Body {
		p.line()
		if syntax.IsNil(clause.Test) {
			p.write("default:")
		} else {
			p.write("case ")
			p.expression(clause.Test, precedenceSequence)
			p.write(":")
		}
		p.indent++
		for _, s := range clause.Consequent {
			p.line()
			p.statement(s)
		}
		p.indent--
	}
	p.indent--
	p.line()
	p.write("}")
}

func (p *printer) try(n *ast.TryStatement) {
	p.write("try ")
	p.block(n.Body)
	if n.Catch != nil {
		p.write(" catch ")
		if !syntax.IsNil(n.Catch.Parameter) {
			p.write("(")
			p.assignment(n.Catch.Parameter)
			p.write(") ")
		}
		p.block(n.Catch.Body)
	}
	if n.Finally != nil {
		p.write(" finally ")
		p.block(n.Finally)
	}
}
