package scope

import (
	"github.com/dop251/goja/ast"

	"kont/jsvm/syntax"
)

// head is a range of references: those of a function's parameter list, or of a class expression's heritage and computed
// keys. In the language there is a scope of its own around each; here there is none, and the few references that would
// tell the difference are refused.
type head struct {
	from, to int    // of the analyser's references
	body     *Scope // that a function's parameters share with its body
	class    *Class // a class expression with a name
}

func (a *analyser) resolveHeads() {
	for _, h := range a.heads {
		for _, r := range a.pending[h.from:h.to] {
			if h.class != nil {
				a.resolveClassHead(h.class, r)
			} else {
				a.resolveParameters(h.body, r)
			}
		}
	}
}

// resolveClassHead: the name of a class expression, seen from its head, would be the class.
func (a *analyser) resolveClassHead(c *Class, r *Ref) {
	if r.name != c.Node.Name.Name.String() || r.Binding != nil && lookup(c.Outer, r.name) != r.Binding {
		return
	}
	if r.Function == c.Parent {
		r.Binding, r.Dead = c.Scope.byName[r.name], true // the head is evaluated before the name has its value
		return
	}
	a.info.Problems = append(a.info.Problems, Problem{At: r.at,
		Text: "`" + r.name + "` is used by a function in the heritage or a computed key of the class expression of that name",
		Hint: "declare the class as a statement"})
}

// resolveParameters: what the body declares is not to be seen from the parameters, and a closure there goes on seeing
// a parameter where the body declares a variable of its name.
func (a *analyser) resolveParameters(body *Scope, r *Ref) {
	b := r.Binding
	if b == nil || b.Scope != body || b.Kind == Pseudo || b.Kind == Param && (!b.Redeclared || r.Function == body.Function) {
		return
	}
	a.info.Problems = append(a.info.Problems, Problem{At: r.at,
		Text: "a default value refers to `" + r.name + "`, which the body of the function declares again",
		Hint: "rename the variable in the body"})
}

// hideFromHead: in the source of a for-in or for-of loop, the names that the loop declares are in a dead zone that never ends (ECMAScript
// 14.7.5.12 ForIn/OfHeadEvaluation), also for a closure that is called later.
func (a *analyser) hideFromHead(loop *Scope, head []*Ref) {
	for _, r := range head {
		b := loop.byName[r.name]
		if b == nil {
			continue
		}
		s := r.Scope
		for s != loop.Parent && s.byName[r.name] == nil {
			s = s.Parent
		}
		if s == loop.Parent {
			r.Binding, r.Dead = b, true
		}
	}
}

// parameterEnds notes where each name of a parameter has its value: behind its own default. A default that stands around it is evaluated
// before and is further behind; what it says of the names inside is not noticed.
func (a *analyser) parameterEnds(target ast.Node, fallback ast.Expression) {
	if syntax.IsNil(target) {
		return
	}
	switch t := target.(type) {
	case *ast.Identifier:
		end := t.Idx1()
		if !syntax.IsNil(fallback) {
			end = fallback.Idx1()
		}
		a.scope.byName[t.Name.String()].InitEnd = end
	case *ast.AssignExpression:
		a.parameterEnds(t.Left, t.Right)
	case *ast.ArrayPattern:
		for _, element := range t.Elements {
			a.parameterEnds(element, nil)
		}
		a.parameterEnds(t.Rest, nil)
	case *ast.ObjectPattern:
		for _, property := range t.Properties {
			switch p := property.(type) {
			case *ast.PropertyShort:
				a.parameterEnds(&p.Name, p.Initializer)
			case *ast.PropertyKeyed:
				a.parameterEnds(p.Value, nil)
			}
		}
		a.parameterEnds(t.Rest, nil)
	}
}
