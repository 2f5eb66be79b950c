package compile

import (
	"strings"

	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// walk goes through the body of one function and notes the statements around everything in it.
//
// Where a node of goja's tree ends is not always known; where it begins is. So a statement's text goes up to the
// next one, or to the brace of the block around it.
type walk struct {
	*outliner
	id int
	// holes are the bodies of the functions in this one, and what labels add.
	holes []hole
}

// offset is where a statement or an expression begins. goja does not note it for `if`, of all statements.
func (w *walk) offset(node ast.Node) int {
	if n, ok := node.(*ast.IfStatement); ok && n.If == 0 {
		test := w.offset(n.Test)
		return max(strings.LastIndex(w.script.Text[:min(test, len(w.script.Text))], "if"), 0)
	}
	return backOver(w.script.Text, int(node.Idx0())-1)
}

func (w *walk) region(from, to int, branch string, holes ...hole) *region {
	return &region{in: w, from: from, to: to, branch: branch, holes: holes}
}

func inside(around []*region, r *region) []*region {
	return append(around[:len(around):len(around)], r)
}

func (w *walk) list(list []ast.Statement, end int, around []*region) {
	for i, s := range list {
		to := end
		if i+1 < len(list) {
			to = w.offset(list[i+1])
		}
		w.statement(s, w.offset(s), to, around)
	}
}

// body is a statement inside another: the braces around it are no place of their own.
func (w *walk) body(s ast.Statement, to int, around []*region) {
	if block, ok := s.(*ast.BlockStatement); ok {
		w.places[block] = around
		w.list(block.List, int(block.RightBrace)-1, around)
		return
	}
	w.statement(s, w.offset(s), to, around)
}

func (w *walk) statement(s ast.Statement, from, to int, around []*region) {
	// head visits the expressions of a statement's head, and is the place of what is in the statement.
	head := func(bodyAt int, branch string, parts ...ast.Node) []*region {
		r := w.region(from, bodyAt, branch)
		for _, part := range parts {
			w.expression(part, r, around)
		}
		return inside(around, r)
	}
	switch n := s.(type) {
	case *ast.BlockStatement:
		in := inside(around, w.region(0, 0, "{}"))
		w.places[n] = in
		w.list(n.List, int(n.RightBrace)-1, in)
	case *ast.IfStatement:
		at := w.offset(n.Consequent)
		in := head(at, "then", n.Test)
		if syntax.IsNil(n.Alternate) {
			w.body(n.Consequent, to, in)
			return
		}
		w.body(n.Consequent, w.offset(n.Alternate), in)
		w.body(n.Alternate, to, inside(around, w.region(from, at, "else")))
	case *ast.ForStatement:
		in := head(w.offset(n.Body), "loop", n.Initializer, n.Test, n.Update)
		w.places[n] = in
		w.body(n.Body, to, in)
	case *ast.ForInStatement:
		in := head(w.offset(n.Body), "loop", n.Into, n.Source)
		w.places[n] = in
		w.body(n.Body, to, in)
	case *ast.ForOfStatement:
		in := head(w.offset(n.Body), "loop", n.Into, n.Source)
		w.places[n] = in
		w.body(n.Body, to, in)
	case *ast.WhileStatement:
		w.body(n.Body, to, head(w.offset(n.Body), "loop", n.Test))
	case *ast.DoWhileStatement:
		at := w.offset(n.Test)
		r := w.region(at, to, "do")
		w.expression(n.Test, r, around)
		w.body(n.Body, at, inside(around, r))
	case *ast.LabelledStatement:
		w.statement(n.Statement, w.offset(n.Statement), to, around)
	case *ast.SwitchStatement:
		w.switchStatement(n, from, to, around)
	case *ast.TryStatement:
		w.try(n, to, around)
	default:
		r := w.region(from, to, "")
		w.expression(s, r, around)
	}
}

func (w *walk) switchStatement(n *ast.SwitchStatement, from, to int, around []*region) {
	var holes []hole
	end := int(n.RightBrace) - 1
	ends := make([]int, len(n.Body))
	for i, clause := range n.Body {
		ends[i] = end
		if i+1 < len(n.Body) {
			ends[i] = int(n.Body[i+1].Case) - 1
		}
		if len(clause.Consequent) > 0 {
			holes = append(holes, hole{w.offset(clause.Consequent[0]), ends[i], ""})
		}
	}
	whole := w.region(from, to, "", holes...)
	w.expression(n.Discriminant, whole, around)
	headEnd := to
	if len(n.Body) > 0 {
		headEnd = int(n.Body[0].Case) - 1
	}
	head := w.region(from, headEnd, "switch")
	w.places[n] = inside(around, head)
	for i, clause := range n.Body {
		testEnd := ends[i]
		if len(clause.Consequent) > 0 {
			testEnd = w.offset(clause.Consequent[0])
		}
		if !syntax.IsNil(clause.Test) {
			w.expression(clause.Test, whole, around)
		}
		w.list(clause.Consequent, ends[i], inside(inside(around, head), w.region(int(clause.Case)-1, testEnd, "")))
	}
}

// try: what waits in a finally block keeps by a number how the block was entered, and the ways are counted in what the
// block belongs to. So all of that is the place of what is in it.
func (w *walk) try(n *ast.TryStatement, to int, around []*region) {
	w.body(n.Body, to, inside(around, w.region(0, 0, "try")))
	end := to
	if n.Finally != nil {
		end = int(n.Finally.LeftBrace) - 1
	}
	if n.Catch != nil {
		in := inside(around, w.region(0, 0, "catch"))
		w.places[n.Catch] = in
		if !syntax.IsNil(n.Catch.Parameter) {
			w.expression(n.Catch.Parameter, w.region(int(n.Catch.Catch)-1, int(n.Catch.Body.LeftBrace)-1, ""), in)
		}
		w.body(n.Catch.Body, end, in)
	}
	if n.Finally != nil {
		w.body(n.Finally, to, inside(around, w.region(int(n.Try)-1, end, "finally")))
	}
}

// expression visits everything that is no statement.
func (w *walk) expression(node ast.Node, in *region, around []*region) {
	if syntax.IsNil(node) {
		return
	}
	switch n := node.(type) {
	case *ast.AwaitExpression, *ast.YieldExpression:
		w.points[n] = &suspension{n, in, around}
		if l, ok := w.labels[n]; ok {
			w.holes = append(w.holes, hole{l.from, l.value, ""}, hole{l.end, l.end + 1, ""})
		}
	case *ast.FunctionLiteral:
		w.function(n, n.ParameterList, n.Body)
		return
	case *ast.ArrowFunctionLiteral:
		if body, ok := n.Body.(*ast.BlockStatement); ok {
			w.function(n, n.ParameterList, body)
			return
		}
		w.arrow(n)
		return
	case *ast.ClassLiteral:
		w.class(n, in, around)
		return
	}
	syntax.Children(node, func(child ast.Node) { w.expression(child, in, around) })
}

// function visits a function in this one.
func (w *walk) function(node ast.Node, parameters *ast.ParameterList, body *ast.BlockStatement) {
	fn := w.info.Functions[node]
	from, to := int(body.LeftBrace)-1, int(body.RightBrace)
	inner := &walk{outliner: w.outliner, id: fn.ID}
	inner.parameters(parameters)
	inner.list(body.List, to-1, nil)
	w.finish(inner, fn, parameters, from, to)
}

func (w *walk) arrow(n *ast.ArrowFunctionLiteral) {
	fn := w.info.Functions[n]
	body := n.Body.(*ast.ExpressionBody).Expression
	from, to := w.offset(body), int(n.Start)-1+len(n.Source)
	inner := &walk{outliner: w.outliner, id: fn.ID}
	inner.parameters(n.ParameterList)
	inner.expression(body, inner.region(from, to, ""), nil)
	w.finish(inner, fn, n.ParameterList, from, to)
}

func (w *walk) parameters(list *ast.ParameterList) {
	if list == nil {
		return
	}
	r := w.region(int(list.Opening)-1, int(list.Closing), "")
	syntax.Children(list, func(child ast.Node) { w.expression(child, r, nil) })
}

// finish notes the texts of a function whose body has been visited, and leaves the body out of this one's text.
func (w *walk) finish(inner *walk, fn *scope.Function, parameters *ast.ParameterList, from, to int) {
	w.holes = append(w.holes, hole{from, to, "\u2026"})
	f := &w.outline.Functions[fn.ID]
	kind := ""
	if fn.Async {
		kind = "async "
	}
	if fn.Generator {
		kind += "* "
	}
	if parameters != nil && parameters.Opening > 0 {
		f.Parameters = inner.region(int(parameters.Opening)-1, int(parameters.Closing), "").textWith(nil)
	}
	f.Own = digest(kind + f.Parameters + inner.region(from, to, "").textWith(nil))
	whole := kind + f.Parameters + w.normal.tokens(from, to, nil)
	f.Whole = digest(whole)
}

// class visits the members of a class. They are functions of their own; heritage and computed keys are this one's.
func (w *walk) class(n *ast.ClassLiteral, in *region, around []*region) {
	before := len(w.holes)
	w.expression(n.SuperClass, in, around)
	for _, element := range n.Body {
		switch e := element.(type) {
		case *ast.MethodDefinition:
			if e.Computed {
				w.expression(e.Key, in, around)
			}
			w.function(e.Body, e.Body.ParameterList, e.Body.Body)
		case *ast.FieldDefinition:
			if e.Computed {
				w.expression(e.Key, in, around)
			}
			if fn := w.info.Functions[e]; fn != nil && !syntax.IsNil(e.Initializer) {
				inner := &walk{outliner: w.outliner, id: fn.ID}
				from := w.offset(e.Initializer)
				inner.expression(e.Initializer, inner.region(from, from, ""), nil)
				w.outline.Functions[fn.ID].Own = digest(w.text(e.Initializer))
				w.outline.Functions[fn.ID].Whole = w.outline.Functions[fn.ID].Own
			}
		case *ast.ClassStaticBlock:
			if fn := w.info.Functions[e]; fn != nil {
				inner := &walk{outliner: w.outliner, id: fn.ID}
				inner.list(e.Block.List, int(e.Block.RightBrace)-1, nil)
				w.finish(inner, fn, nil, int(e.Block.LeftBrace)-1, int(e.Block.RightBrace))
			}
		}
	}
	class := w.info.Classes[n]
	if class == nil {
		return
	}
	f := &w.outline.Functions[class.ID]
	text := region{in: &walk{outliner: w.outliner, holes: w.holes[before:]}, from: int(n.Class) - 1, to: int(n.RightBrace)}
	f.Own = digest(text.textWith(nil))
	f.Whole = digest(w.normal.tokens(text.from, text.to, nil))
}
