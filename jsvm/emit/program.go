package emit

import (
	"sort"
	"strconv"

	"github.com/dop251/goja/ast"
	"github.com/dop251/goja/file"

	"kont/jsvm/lower"
	"kont/jsvm/scope"
	"kont/jsvm/syntax"
)

// Program makes the script that a bundle is loaded from. Its value is
//
//	function (%rt, module, exports, require) { … }
//
// which runs the module and returns the table {fns, steps, moduleEnv, bindings,
// setProbe}. Everything is in one function, because goja looks up names of a
// script's top level by text. It tells the runtime its tables before the module
// runs, since that may call async functions already.
//
// moduleOf gives the path of the author's module that a place belongs to.
func Program(info *scope.Info, lowered *lower.Result, moduleOf func(file.Idx) string) *ast.Program {
	b := syntax.Builder{At: 1}
	body := []ast.Statement{b.Do(b.String("use strict"))}
	for _, name := range lower.Kernel {
		body = append(body, b.Const("%"+name, b.Dot(b.ID("%rt"), name)))
	}
	body = append(body, b.Let("%probe", b.Bool(false)))
	body = append(body, b.Const("%M", moduleEnv(b, lowered)))
	if len(lowered.Templates) > 0 {
		body = append(body, b.Const("%T", lowered.TemplateObjects()))
	}
	body = append(body, lowered.Factories...)
	body = append(body, steps(b, lowered)...)
	body = append(body, b.Const("%fns", factories(b, info, lowered)))
	body = append(body, b.Const("%table", table(b, info, lowered, moduleOf)))
	body = append(body, b.Do(b.Call(b.Dot(b.ID("%rt"), "register"), b.ID("%table"))))
	body = append(body, lowered.Body...)
	body = append(body, b.Return(b.ID("%table")))
	load := b.Function("", b.Params("%rt", "module", "exports", "require"), body...)
	load.DeclarationList = lowered.Declared
	return &ast.Program{Body: []ast.Statement{b.Do(load)}}
}

func moduleEnv(b syntax.Builder, lowered *lower.Result) ast.Expression {
	var fields []ast.Property
	for _, binding := range lowered.ModuleEnv {
		fields = append(fields, b.Property(binding.SourceName, b.Undefined()))
	}
	return b.Object(fields...)
}

// steps declares the handler tables and the table of step functions. Each step
// function is the value of a property that has the author's name for it, which
// is how stack traces come to show it.
func steps(b syntax.Builder, lowered *lower.Result) []ast.Statement {
	ids := make([]int, 0, len(lowered.Steps))
	for id := range lowered.Steps {
		ids = append(ids, id)
	}
	sort.Ints(ids)
	var list []ast.Statement
	values := make([]ast.Expression, len(lowered.FactoryNames))
	for _, id := range ids {
		step := lowered.Steps[id]
		name := "%H" + strconv.Itoa(id)
		f, handlers := Step(step.IR, step.Function.Node, name)
		if handlers != nil {
			numbers := make([]ast.Expression, len(handlers))
			for i, n := range handlers {
				numbers[i] = b.Number(n)
			}
			list = append(list, b.Const(name, b.Array(numbers...)))
		}
		values[id] = f
		if step.Function.Name != "" {
			values[id] = b.Index(b.Object(b.Property(step.Function.Name, f)), b.String(step.Function.Name))
		}
	}
	return append(list, b.Const("%steps", b.Array(values...)))
}

// factories is the table of factories by id. A plain function of the module is
// its own: it has no factory and is made once.
func factories(b syntax.Builder, info *scope.Info, lowered *lower.Result) ast.Expression {
	values := make([]ast.Expression, len(lowered.FactoryNames))
	for id, name := range lowered.FactoryNames {
		f := info.List[id].Function
		switch {
		case name != "":
			values[id] = b.ID(name)
		case f != nil && f.Declared && f.Parent == info.Module && f.Outer == info.Module.Scope && !f.Stepped():
			values[id] = b.Arrow(b.Params(), b.Return(b.ID(f.Name)))
		}
	}
	return b.Array(values...)
}

func table(b syntax.Builder, info *scope.Info, lowered *lower.Result, moduleOf func(file.Idx) string) ast.Expression {
	var bindings []ast.Expression
	for _, binding := range info.Module.Scope.Bindings {
		if binding.InModuleEnv() || binding.Kind == scope.Pseudo {
			continue
		}
		bindings = append(bindings, b.Array(b.String(moduleOf(binding.At)), b.String(binding.SourceName), b.ID(binding.Name)))
	}
	for i, n := range lowered.Templates {
		bindings = append(bindings, b.Array(b.String(moduleOf(n.Idx0())), b.String(lower.TemplateName(i)), b.Index(b.ID("%T"), b.Number(i))))
	}
	return b.Object(
		b.Property("fns", b.ID("%fns")),
		b.Property("steps", b.ID("%steps")),
		b.Property("moduleEnv", b.ID("%M")),
		b.Property("bindings", b.Arrow(b.Params(), b.Return(b.Array(bindings...)))),
		b.Property("setProbe", b.Arrow(b.Params("on"), b.Set("%probe", b.ID("on")))),
	)
}
