package printer

import (
	"encoding/json"
	"regexp"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

func (p *printer) collection(e ast.Expression) {
	switch n := e.(type) {
	case *ast.ArrayLiteral:
		p.write("[")
		commas(p, n.Value, p.assignment)
		if k := len(n.Value); k > 0 && syntax.IsNil(n.Value[k-1]) {
			p.write(",")
		}
		p.write("]")
	case *ast.ArrayPattern:
		p.write("[")
		commas(p, n.Elements, p.assignment)
		p.rest(n.Rest, len(n.Elements))
		p.write("]")
	case *ast.ObjectLiteral:
		p.write("{")
		commas(p, n.Value, func(q ast.Property) { p.expression(q, precedenceSequence) })
		p.write("}")
	case *ast.ObjectPattern:
		p.write("{")
		commas(p, n.Properties, func(q ast.Property) { p.expression(q, precedenceSequence) })
		p.rest(n.Rest, len(n.Properties))
		p.write("}")
	case *ast.PropertyShort:
		p.name(n.Name.Name.String())
		if !syntax.IsNil(n.Initializer) {
			p.write(" = ")
			p.assignment(n.Initializer)
		}
	case *ast.PropertyKeyed:
		p.property(n)
	}
}

func (p *printer) rest(rest ast.Expression, before int) {
	if syntax.IsNil(rest) {
		return
	}
	if before > 0 {
		p.write(", ")
	}
	p.write("...")
	p.assignment(rest)
}

func (p *printer) property(n *ast.PropertyKeyed) {
	if f, ok := n.Value.(*ast.FunctionLiteral); ok && n.Kind != ast.PropertyKindValue {
		p.method(n.Key, n.Computed, n.Kind, f)
		return
	}
	p.key(n.Key, n.Computed)
	p.write(": ")
	p.assignment(n.Value)
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func (p *printer) key(key ast.Expression, computed bool) {
	s, isString := key.(*ast.StringLiteral)
	private, isPrivate := key.(*ast.PrivateIdentifier)
	switch {
	case computed:
		p.write("[")
		p.assignment(key)
		p.write("]")
	case isPrivate:
		p.write("#", private.Name.String())
	case isString && plainKey.MatchString(s.Value.String()):
		p.write(s.Value.String())
	case isString && len(s.Value) > 0 && s.Value[0] == '%':
		p.name(s.Value.String())
	case isString:
		text, _ := json.Marshal(s.Value.String())
		p.write(string(text))
	default:
		p.assignment(key)
	}
}

func (p *printer) method(key ast.Expression, computed bool, kind ast.PropertyKind, f *ast.FunctionLiteral) {
	switch {
	case kind == ast.PropertyKindGet || kind == ast.PropertyKindSet:
		p.write(string(kind), " ")
	case f.Async:
		p.write("async ")
	}
	if f.Generator {
		p.write("*")
	}
	p.key(key, computed)
	p.params(f.ParameterList)
	p.write(" ")
	p.block(f.Body)
}

func (p *printer) params(list *ast.ParameterList) {
	p.write("(")
	if list != nil {
		commas(p, list.List, p.binding)
		p.rest(list.Rest, len(list.List))
	}
	p.write(")")
}

func (p *printer) function(n *ast.FunctionLiteral) {
	if n.Async {
		p.write("async ")
	}
	p.write("function")
	if n.Generator {
		p.write("*")
	}
	p.write(" ")
	if n.Name != nil {
		p.name(n.Name.Name.String())
	}
	p.params(n.ParameterList)
	p.write(" ")
	p.block(n.Body)
}

func (p *printer) arrow(n *ast.ArrowFunctionLiteral) {
	if n.Async {
		p.write("async ")
	}
	p.params(n.ParameterList)
	p.write(" => ")
	switch body := n.Body.(type) {
	case *ast.BlockStatement:
		p.block(body)
	case *ast.ExpressionBody:
		if _, ok := body.Expression.(*ast.ObjectLiteral); ok {
			p.write("(")
			defer p.write(")")
		}
		p.assignment(body.Expression)
	}
}

func (p *printer) class(n *ast.ClassLiteral) {
	p.write("class")
	if n.Name != nil {
		p.write(" ")
		p.name(n.Name.Name.String())
	}
	if !syntax.IsNil(n.SuperClass) {
		p.write(" extends ")
		p.expression(n.SuperClass, precedenceCall)
	}
	p.write(" {")
	p.indent++
	for _, element := range n.Body {
		p.line()
		p.element(element)
	}
	p.indent--
	p.line()
	p.write("}")
}

func (p *printer) element(element ast.ClassElement) {
	static := func(is bool) {
		if is {
			p.write("static ")
		}
	}
	switch e := element.(type) {
	case *ast.MethodDefinition:
		static(e.Static)
		p.method(e.Key, e.Computed, e.Kind, e.Body)
	case *ast.FieldDefinition:
		static(e.Static)
		p.key(e.Key, e.Computed)
		if !syntax.IsNil(e.Initializer) {
			p.write(" = ")
			p.assignment(e.Initializer)
		}
		p.write(";")
	case *ast.ClassStaticBlock:
		p.write("static ")
		p.block(e.Block)
	}
}
