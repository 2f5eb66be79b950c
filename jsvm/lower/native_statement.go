package lower

import (
	"fmt"

	"github.com/dop251/goja/ast"

	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// statements rewrites a list without suspensions.
func (c *context) statements(list []ast.Statement) []ast.Statement {
	var out []ast.Statement
	for _, s := range list {
		out = append(out, c.statement(s)...)
	}
	return out
}

// statement rewrites a statement that has no suspension of this function in it.
func (c *context) statement(s ast.Statement) []ast.Statement {
	switch n := s.(type) {
	case *ast.ExpressionStatement:
		n.Expression = c.expression(n.Expression)
	case *ast.BlockStatement:
		return one(c.block(n))
	case *ast.VariableStatement:
		return c.variables(n)
	case *ast.LexicalDeclaration:
		return c.lexical(n)
	case *ast.FunctionDeclaration:
		return nil // hoisted
	case *ast.ClassDeclaration:
		return c.classDeclaration(n)
	case *ast.IfStatement:
		if test, ok := n.Test.(*ast.BooleanLiteral); ok && !test.Value {
			return c.never(n)
		}
		n.Test = variable(c.expression(n.Test))
		n.Consequent = c.body(n.Consequent)
		if !syntax.IsNil(n.Alternate) {
			n.Alternate = c.body(n.Alternate)
		}
	case *ast.ReturnStatement:
		return c.nativeReturn(n)
	case *ast.BranchStatement:
		return one(c.nativeBranch(n))
	case *ast.ThrowStatement:
		n.Argument = c.expression(n.Argument)
	case *ast.TryStatement:
		return one(c.nativeTry(n))
	case *ast.SwitchStatement:
		return c.labelled(nil, n)
	case *ast.LabelledStatement:
		return c.nativeLabelled(n)
	case *ast.ForStatement, *ast.ForInStatement, *ast.ForOfStatement, *ast.WhileStatement, *ast.DoWhileStatement:
		return c.labelled(nil, n)
	case *ast.EmptyStatement, *ast.DebuggerStatement:
	case *ast.WithStatement:
		refuse(s, "`with` statements are not supported", "name the object")
	default:
		panic(fmt.Sprintf("lower: statement %T", s))
	}
	return one(s)
}

// if (false) A else B   becomes   B
//
// goja can't compile a continue inside A in a for-in loop.
func (c *context) never(n *ast.IfStatement) []ast.Statement {
	if syntax.IsNil(n.Alternate) {
		return nil
	}
	return one(c.body(n.Alternate))
}

func one(s ast.Statement) []ast.Statement { return []ast.Statement{s} }

// block rewrites a block and its scope.
func (c *context) block(n *ast.BlockStatement) *ast.BlockStatement {
	s := c.info.Scopes[n]
	if s == nil {
		return &ast.BlockStatement{LeftBrace: n.LeftBrace, List: c.statements(n.List), RightBrace: n.RightBrace}
	}
	var list []ast.Statement
	c.within(s, func() {
		list = append(c.enterScope(s), c.statements(n.List)...)
	})
	return &ast.BlockStatement{LeftBrace: n.LeftBrace, List: list, RightBrace: n.RightBrace}
}

// body rewrites the statement of an `if` or a loop to one statement.
func (c *context) body(s ast.Statement) ast.Statement {
	if block, ok := s.(*ast.BlockStatement); ok {
		return c.block(block)
	}
	list := c.statement(s)
	if len(list) == 1 {
		if _, ok := list[0].(*ast.LexicalDeclaration); !ok {
			return list[0]
		}
	}
	return c.b(s).Block(list...)
}

// variables rewrites `var`. A name that has moved into an environment or a slot
// is assigned to; one without initialiser keeps its value.
func (c *context) variables(n *ast.VariableStatement) []ast.Statement {
	var out []ast.Statement
	for _, binding := range n.List {
		b := c.b(binding)
		switch {
		case c.allNative(binding.Target):
			copied := &ast.Binding{Target: c.nativePattern(binding.Target).(ast.BindingTarget), Initializer: c.optional(binding.Initializer)}
			out = append(out, &ast.VariableStatement{Var: n.Var, List: []*ast.Binding{copied}})
		case !syntax.IsNil(binding.Initializer):
			value := c.expression(binding.Initializer)
			out = append(out, b.Do(c.assignPattern(binding.Target, value)))
		}
	}
	return out
}

// lexical rewrites `let` and `const`.
func (c *context) lexical(n *ast.LexicalDeclaration) []ast.Statement {
	var out []ast.Statement
	for _, binding := range n.List {
		b := c.b(binding)
		if c.allNative(binding.Target) {
			copied := &ast.Binding{Target: c.nativePattern(binding.Target).(ast.BindingTarget), Initializer: c.optional(binding.Initializer)}
			out = append(out, &ast.LexicalDeclaration{Idx: n.Idx, Token: n.Token, List: []*ast.Binding{copied}})
			continue
		}
		value := c.optional(binding.Initializer)
		if value == nil {
			value = b.Undefined()
		}
		out = append(out, c.declareNative(binding.Target)...)
		out = append(out, b.Do(c.assignPattern(binding.Target, value)))
	}
	return out
}

// declareNative declares those names of a pattern that stay native, before the
// pattern is assigned as a whole.
func (c *context) declareNative(target ast.Expression) []ast.Statement {
	var names []string
	leaves(target, func(id *ast.Identifier) {
		if r := c.info.Refs[id]; !c.flat(r.Binding) {
			names = append(names, r.Binding.Name)
		}
	})
	if len(names) == 0 {
		return nil
	}
	return one(c.b(target).Lets(names))
}

func (c *context) classDeclaration(n *ast.ClassDeclaration) []ast.Statement {
	id := n.Class.Name
	binding := c.info.Refs[id].Binding
	value := c.makeClass(n.Class, c.expressions(classOperands(n.Class)))
	if c.flat(binding) {
		return one(c.b(n).Do(c.write(id, value)))
	}
	return one(c.b(n).Let(binding.Name, value))
}

// nativeTry rewrites a try statement that stays one.
//
//	try { A } catch (e) { B } finally { C }
//
//	becomes   try { try { A } catch (e) { B } } finally { C }
//
// because goja runs C twice if it throws, when the two are in one statement.
func (c *context) nativeTry(n *ast.TryStatement) ast.Statement {
	out := &ast.TryStatement{Try: n.Try, Body: c.block(n.Body)}
	if n.Catch != nil {
		out.Catch = c.nativeCatch(n.Catch)
	}
	if n.Finally == nil {
		return out
	}
	finally := c.block(n.Finally)
	if n.Catch == nil {
		out.Finally = finally
		return out
	}
	return &ast.TryStatement{Try: n.Try, Body: c.b(n).Block(out), Finally: finally}
}

func (c *context) nativeCatch(n *ast.CatchStatement) *ast.CatchStatement {
	s := c.info.Scopes[n]
	out := &ast.CatchStatement{Catch: n.Catch}
	c.within(s, func() {
		head := c.enterScope(s)
		if !syntax.IsNil(n.Parameter) {
			// A closure in a default value is made with the environment that it shares with the block, which must be there.
			_, isName := n.Parameter.(*ast.Identifier)
			if c.allNative(n.Parameter) && (isName || c.envNames[s] == "") {
				out.Parameter = c.nativePattern(n.Parameter).(ast.BindingTarget)
				if caught, ok := out.Parameter.(*ast.Identifier); ok {
					head = append(head, tracing(n, caught)...)
				}
			} else {
				b := c.b(n)
				out.Parameter = b.ID("%c")
				head = append(head, tracing(n, b.ID("%c"))...)
				head = append(head, c.declareNative(n.Parameter)...)
				head = append(head, b.Do(c.assignPattern(n.Parameter, b.ID("%c"))))
			}
		}
		if c.info.Scopes[n.Body] != nil {
			out.Body = c.b(n.Body).Block(append(head, c.block(n.Body))...)
			return
		}
		out.Body = c.b(n.Body).Block(append(head, c.statements(n.Body.List)...)...)
	})
	return out
}

func (c *context) nativeLabelled(n *ast.LabelledStatement) []ast.Statement {
	labels := []*ast.Identifier{n.Label}
	var s ast.Statement = n.Statement
	for {
		inner, ok := s.(*ast.LabelledStatement)
		if !ok {
			break
		}
		labels = append(labels, inner.Label)
		s = inner.Statement
	}
	return c.labelled(labels, s)
}

// labelled rewrites a statement that breaks can leave, with its labels. What
// must come before a loop stays outside of the labels, so that `continue` finds
// the loop right behind them.
func (c *context) labelled(labels []*ast.Identifier, s ast.Statement) []ast.Statement {
	entry := &control{native: true}
	for _, label := range labels {
		entry.labels = append(entry.labels, label.Name.String())
	}
	c.controls = append(c.controls, entry)
	var before []ast.Statement
	switch n := s.(type) {
	case *ast.ForStatement:
		entry.loop = true
		before, s = c.nativeFor(n)
	case *ast.ForInStatement:
		entry.loop = true
		copied := *n
		copied.Source = c.expression(n.Source)
		copied.Into, copied.Body = c.nativeEach(n, n.Into, n.Body)
		s = &copied
	case *ast.ForOfStatement:
		entry.loop = true
		copied := *n
		copied.Source = c.expression(n.Source)
		copied.Into, copied.Body = c.nativeEach(n, n.Into, n.Body)
		s = &copied
	case *ast.WhileStatement:
		entry.loop = true
		s = &ast.WhileStatement{While: n.While, Test: loopTest(c.expression(n.Test)), Body: c.body(n.Body)}
	case *ast.DoWhileStatement:
		entry.loop = true
		s = &ast.DoWhileStatement{Do: n.Do, Body: c.body(n.Body), Test: c.expression(n.Test), RightParenthesis: n.RightParenthesis}
	case *ast.SwitchStatement:
		entry.breakable = true
		before, s = c.nativeSwitch(n)
	default:
		s = c.body(s)
	}
	c.controls = c.controls[:len(c.controls)-1]
	for i := len(labels) - 1; i >= 0; i-- {
		s = &ast.LabelledStatement{Label: labels[i], Colon: labels[i].Idx, Statement: s}
	}
	if len(before) == 0 {
		return one(s)
	}
	return one(c.b(s).Block(append(before, s)...))
}

// nativeFor rewrites a for loop. Where closures capture its variables, each
// iteration has an environment of its own (ECMAScript 14.7.4.4):
//
//	for (let i = 0; i < n; i++) body
//
//	becomes   let %e_i = {"%p": %e, i: void 0};
//	          %e_i.i = 0;
//	          for (; %e_i.i < n; %e_i = {"%p": %e_i["%p"], i: %e_i.i}, %e_i.i++) body
func (c *context) nativeFor(n *ast.ForStatement) (before []ast.Statement, loop ast.Statement) {
	out := &ast.ForStatement{For: n.For}
	s := c.info.Scopes[n]
	lower := func() {
		switch init := n.Initializer.(type) {
		case nil:
		case *ast.ForLoopInitializerExpression:
			if !syntax.IsNil(init.Expression) {
				out.Initializer = &ast.ForLoopInitializerExpression{Expression: c.expression(init.Expression)}
			}
		case *ast.ForLoopInitializerVarDeclList:
			before = append(before, c.variables(&ast.VariableStatement{Var: init.Var, List: init.List})...)
		case *ast.ForLoopInitializerLexicalDecl:
			if s.HasEnv() || c.m != nil && c.flattened(s) {
				before = append(before, c.enterScope(s)...)
				before = append(before, c.lexical(&init.LexicalDeclaration)...)
				if capturesInHead(n) {
					before = append(before, c.copyEnv(s)...)
				}
			} else {
				declaration := init.LexicalDeclaration
				declaration.List = nil
				for _, binding := range init.LexicalDeclaration.List {
					declaration.List = append(declaration.List, &ast.Binding{
						Target:      c.nativePattern(binding.Target).(ast.BindingTarget),
						Initializer: c.optional(binding.Initializer)})
				}
				out.Initializer = &ast.ForLoopInitializerLexicalDecl{LexicalDeclaration: declaration}
			}
		}
		out.Test = loopTest(c.optional(n.Test))
		out.Update = c.optional(n.Update)
		if s != nil && s.HasEnv() {
			fresh := c.copyEnvExpression(s)
			if out.Update == nil {
				out.Update = fresh
			} else {
				out.Update = c.b(n).Sequence(fresh, out.Update)
			}
		}
		out.Body = c.body(n.Body)
	}
	if s != nil {
		c.within(s, lower)
	} else {
		lower()
	}
	return before, out
}

// capturesInHead: a closure made in the head's declarations keeps the first copy
// of the variables.
func capturesInHead(n *ast.ForStatement) bool {
	found := false
	syntax.Walk(n.Initializer, func(node ast.Node) bool {
		found = found || syntax.IsFunction(node)
		return !found
	})
	return found
}

func (c *context) copyEnv(s *scope.Scope) []ast.Statement {
	if !s.HasEnv() {
		return nil
	}
	return one(c.b(s.Node).Do(c.copyEnvExpression(s)))
}

func (c *context) copyEnvExpression(s *scope.Scope) ast.Expression {
	b := c.b(s.Node)
	name := c.envNames[s]
	var fields []ast.Property
	if c.hasOuterEnv(s) {
		fields = append(fields, b.Property(parentName, b.Index(b.ID(name), b.String(parentName))))
	}
	for _, binding := range s.EnvBindings() {
		fields = append(fields, b.Property(binding.SourceName, b.Dot(b.ID(name), binding.SourceName)))
	}
	return b.Assign(b.ID(name), b.Object(fields...))
}

// nativeEach rewrites the head and the body of for-in and for-of. A variable
// that is not native is assigned at the start of the body:
//
//	for (const x of xs) body   becomes   for (const %k of xs) { const %e_x = …; %e_x.x = %k; body }
func (c *context) nativeEach(loop ast.Node, into ast.ForInto, body ast.Statement) (ast.ForInto, ast.Statement) {
	b := c.b(loop)
	var target ast.Expression
	switch into := into.(type) {
	case *ast.ForIntoVar:
		target = into.Binding.Target
		if c.allNative(target) {
			return &ast.ForIntoVar{Binding: &ast.Binding{Target: c.nativePattern(target).(ast.BindingTarget)}}, c.body(body)
		}
	case *ast.ForDeclaration:
		s := c.info.Scopes[loop]
		target = into.Target
		if c.allNative(target) {
			var out ast.Statement
			var head ast.ForInto
			c.within(s, func() {
				head = &ast.ForDeclaration{Idx: into.Idx, IsConst: into.IsConst, Target: c.nativePattern(target).(ast.BindingTarget)}
				out = c.body(body)
			})
			return head, out
		}
		var out ast.Statement
		c.within(s, func() {
			list := append(c.enterScope(s), c.declareNative(target)...)
			list = append(list, b.Do(c.assignPattern(target, b.ID("%k"))), c.body(body))
			out = b.Block(list...)
		})
		return c.each(b), out
	case *ast.ForIntoExpression:
		target = into.Expression
	}
	return c.each(b), b.Block(b.Do(c.assignPattern(target, b.ID("%k"))), c.body(body))
}

func (c *context) each(b syntax.Builder) ast.ForInto {
	return &ast.ForDeclaration{Idx: b.At, IsConst: true, Target: b.ID("%k")}
}

func (c *context) nativeSwitch(n *ast.SwitchStatement) (before []ast.Statement, out ast.Statement) {
	s := c.info.Scopes[n]
	copied := *n
	copied.Discriminant = c.expression(n.Discriminant)
	copied.Body = nil
	c.within(s, func() {
		before = c.enterScope(s)
		for _, clause := range n.Body {
			copied.Body = append(copied.Body, &ast.CaseStatement{
				Case: clause.Case, Test: c.optional(clause.Test), Consequent: c.statements(clause.Consequent)})
		}
	})
	return before, &copied
}
