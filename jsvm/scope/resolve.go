package scope

import (
	"github.com/dop251/goja/ast"
)

// useThis notes a `this`. An arrow sees the one of the function around it.
func (a *analyser) useThis() {
	owner := a.fn.ThisOwner()
	owner.UsesThis = true
	if owner.Kind != Module && a.fn != owner {
		a.capture(owner.Scope.pseudo(ThisName), a.fn)
	}
}

func (a *analyser) useArguments() {
	owner := a.fn.ThisOwner()
	owner.UsesArguments = true
	b := owner.Scope.pseudo(ArgumentsName)
	if a.fn != owner {
		a.capture(b, a.fn)
	}
}

func (a *analyser) useNewTarget() {
	owner := a.fn.ThisOwner()
	if owner.Kind != Module && a.fn != owner {
		a.capture(owner.Scope.pseudo(NewTargetName), a.fn)
	}
}

// superProperty notes `super.name`. A method that stays in its class's literal
// can use super itself; in a step function, an arrow, or a method of an object
// literal (each is made by a factory of its own), it becomes a look-up from the
// home object, which is captured.
func (a *analyser) superProperty(left ast.Expression) {
	if _, ok := left.(*ast.SuperExpression); !ok {
		return
	}
	a.supers = append(a.supers, superUse{a.fn, left.Idx0()})
	a.useThis()
}

// InLiteral reports whether f's code itself stays inside its class's literal.
func (f *Function) InLiteral() bool {
	return f.Member() && !f.Stepped() && !(f.Static && (f.Kind == FieldInit || f.Kind == StaticBlock))
}

// NativeSuper reports whether code of f can say `super.name` itself.
func (f *Function) NativeSuper() bool {
	return f.InLiteral()
}

func (a *analyser) resolveSuper() {
	for _, use := range a.supers {
		owner := use.fn.SuperOwner()
		if use.fn == owner && use.fn.NativeSuper() {
			continue
		}
		if owner.Outer == nil || owner.Outer.Kind != ClassScope && owner.Outer.Kind != ObjectScope {
			a.info.Problems = append(a.info.Problems, Problem{At: use.at, Text: "`super` outside of a method", Hint: "use it in a method"})
			continue
		}
		a.capture(owner.Outer.pseudo(HomeName), use.fn)
	}
}

func (s *Scope) pseudo(name string) *Binding { return s.declare(name, Pseudo, 0) }

// resolve gives each reference its binding, and each binding its marks.
func (a *analyser) resolve() {
	a.resolveSuper()
	for _, r := range a.pending {
		if r.Dead {
			continue
		}
		r.Binding = lookup(r.Scope, r.name)
		if r.Binding == nil {
			r.Function.FreeNames[r.name] = true
			continue
		}
		a.mark(r)
	}
	a.resolveHeads()
}

func lookup(s *Scope, name string) *Binding {
	for ; s != nil; s = s.Parent {
		if b := s.byName[name]; b != nil {
			return b
		}
	}
	return nil
}

func (a *analyser) mark(r *Ref) {
	b := r.Binding
	owner := b.Scope.Function
	if b.InModule() && r.Function != owner {
		r.Function.FreeNames[b.Name] = true
	}
	if r.Write && !r.Init {
		b.Reassigned = true
		if r.Function != owner {
			b.ReassignedNested = true
		}
	}
	if b.Kind == ClassName && r.Function.Class != nil && r.Function.Class.Scope == b.Scope && r.Function.InLiteral() {
		return
	}
	if r.Function != owner || b.Scope.Kind == ClassScope {
		if !b.InModule() {
			a.capture(b, r.Function)
		}
	}
	if b.Kind == Param && r.Function == owner && !r.Init {
		r.Dead = r.at < b.InitEnd
	}
	// A closure in a default value may say a later parameter, and be called before that has its value.
	isLaterParam := b.Kind == Param && r.Function != owner
	if (b.Lexical() || isLaterParam) && !r.Init {
		r.Check = mayBeUninitialised(r)
		b.Checked = b.Checked || r.Check
	}
}

// mayBeUninitialised: could the reference run before the declaration? Text order
// decides within a function; a function expression runs after it is made; a
// function declaration may be called from anywhere.
func mayBeUninitialised(r *Ref) bool {
	b := r.Binding
	if b.Scope.Kind == SwitchScope {
		return true
	}
	at := r.at
	if owner := b.Scope.Function; r.Function != owner {
		f := r.Function
		for f.Parent != nil && f.Parent != owner {
			f = f.Parent
		}
		if f.Declared {
			return true
		}
		at = f.Node.Idx0()
		if f.Class != nil {
			at = f.Class.Node.Idx0()
		}
	}
	return at < b.InitEnd
}

// capture puts a binding into its scope's environment, and gives every function
// between the use and the declaration the environment that leads to it.
func (a *analyser) capture(b *Binding, user *Function) {
	b.Captured = true
	owner := b.Scope.Function
	for f := user; f != nil && f != owner; f = f.Parent {
		f.NeedsEnv = true
		if f.Class == nil {
			continue
		}
		if f.Class.Scope == b.Scope {
			return
		}
		f.Class.NeedsEnv = true
	}
}
