package lower

import (
	"strconv"

	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// `${a} and ${await b}`   becomes   t0 = `${a}`; suspend(b); `${t0} and ${sent}`
//
// because each part becomes a string as soon as it has its value (ECMAScript
// 13.2.8.6). The parts of a tagged template stay values.
func (c *context) lowerTemplate(n *ast.TemplateLiteral) ast.Expression {
	b := c.b(n)
	copied := *n
	if n.Tag != nil {
		return c.lowerTagged(n)
	}
	last := -1
	for i, e := range n.Expressions {
		if c.suspends(e) {
			last = i
		}
	}
	copied.Expressions = make([]ast.Expression, len(n.Expressions))
	for i, e := range n.Expressions {
		value := c.value(e)
		if i < last {
			empty := &ast.TemplateElement{Idx: b.At, Valid: true}
			value = c.keep(b, &ast.TemplateLiteral{OpenQuote: b.At, CloseQuote: b.At,
				Elements: []*ast.TemplateElement{empty, empty}, Expressions: []ast.Expression{value}})
		}
		copied.Expressions[i] = value
	}
	return &copied
}

// tag`a${b}`   becomes   tag(%T[0], b)
//
// The template object (ECMAScript 13.2.8.4) is made when the script is loaded,
// once for its place in the text: it may be kept across suspensions like any
// object of the module, and stays the same object.
func (c *context) tagged(n *ast.TemplateLiteral) ast.Expression {
	b := c.b(n)
	callee := c.callee(n.Tag)
	return b.Call(callee, append([]ast.Expression{c.templateObject(n)}, c.expressions(n.Expressions)...)...)
}

// Templates is the name of the array of template objects.
const templatesName = "%T"

func (c *context) templateObject(n *ast.TemplateLiteral) ast.Expression {
	b := c.b(n)
	c.result.Templates = append(c.result.Templates, n)
	return b.Index(b.ID(templatesName), b.Number(len(c.result.Templates)-1))
}

// TemplateObjects is the array of a script's template objects.
func (r *Result) TemplateObjects() ast.Expression {
	b := syntax.Builder{}
	var list []ast.Expression
	for _, n := range r.Templates {
		var cooked, raw []ast.Expression
		for _, element := range n.Elements {
			raw = append(raw, b.String(element.Literal))
			if element.Valid {
				cooked = append(cooked, b.RawString(element.Parsed))
			} else {
				cooked = append(cooked, b.Undefined())
			}
		}
		list = append(list, b.CallNamed("%template", b.Array(cooked...), b.Array(raw...)))
	}
	return b.Array(list...)
}

// TemplateName names the i-th template object for continuations.
func TemplateName(i int) string { return "%template" + strconv.Itoa(i) }

// o.tag`a${await b}`   becomes   t0 = o; t1 = t0.tag; suspend(b); %call(t1, t0, %T[0], sent)
func (c *context) lowerTagged(n *ast.TemplateLiteral) ast.Expression {
	b := c.b(n)
	f, self := c.lowerCallee(n.Tag)
	strings := c.templateObject(n)
	list := c.operands(n.Expressions)
	if self == nil {
		self = b.Undefined()
	}
	return b.CallNamed("%call", append([]ast.Expression{f, self, strings}, list...)...)
}
