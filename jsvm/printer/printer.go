package printer

import (
	"fmt"
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// Print writes a program or any node below one.
func Print(node ast.Node) string { return PrintWith(node, nil) }

// PrintWith writes a comment above each statement for which comment has one.
func PrintWith(node ast.Node, comment func(ast.Statement) string) string {
	p := &printer{comment: comment}
	switch n := node.(type) {
	case *ast.Program:
		p.list(n.Body)
	case ast.Statement:
		p.statement(n)
	case ast.Expression:
		p.expression(n, precedenceSequence)
	default:
		panic(fmt.Sprintf("printer: %T", node))
	}
	return p.out.String()
}

type printer struct {
	out     strings.Builder
	indent  int
	comment func(ast.Statement) string // nil: none
}

func (p *printer) write(parts ...string) {
	for _, s := range parts {
		p.out.WriteString(s)
	}
}

func (p *printer) line() { p.write("\n", strings.Repeat("  ", p.indent)) }

func (p *printer) list(statements []ast.Statement) {
	for i, s := range statements {
		if i > 0 {
			p.line()
		}
		if p.comment != nil {
			if text := p.comment(s); text != "" {
				p.write("// ", strings.NewReplacer("\n", " ", "\r", " ").Replace(text))
				p.line()
			}
		}
		p.statement(s)
	}
}

func (p *printer) block(n *ast.BlockStatement) { p.braces(n.List) }

func (p *printer) braces(list []ast.Statement) {
	if len(list) == 0 {
		p.write("{}")
		return
	}
	p.write("{")
	p.indent++
	p.line()
	p.list(list)
	p.indent--
	p.line()
	p.write("}")
}

var names = strings.NewReplacer("%", "$", "#", "_")

func (p *printer) name(name string) { p.write(names.Replace(name)) }

// commas prints items between commas; missing ones are holes.
func commas[T ast.Node](p *printer, list []T, print func(T)) {
	for i, item := range list {
		if i > 0 {
			p.write(", ")
		}
		if !syntax.IsNil(item) {
			print(item)
		}
	}
}

func (p *printer) assignment(e ast.Expression) { p.expression(e, precedenceAssign) }
