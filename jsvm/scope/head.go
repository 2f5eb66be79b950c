package scope

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
	a.info.Problems = append(a.info.Problems, Problem{At: r.at,
		Text: "`" + r.name + "` is used in the heritage or a computed key of the class expression of that name",
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
