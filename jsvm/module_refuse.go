package jsvm

import (
	"strings"

	"github.com/dop251/goja"
)

// Freezing does not reach what an object has in internal slots: the entries of a Map, the time of a Date, the pattern of a RegExp. So the language's own methods
// that change these look first whether the object is shared by all threads.
//
// Own methods on each object that hide the inherited ones were tried: a subclass goes past them with `super.set(…)`, and anybody with `Map.prototype.set.call(…)`.

// guardShared replaces the methods. It runs before the runtime library, whose own references are then to the guarded ones; the codec has the native ones.
func (v *vm) guardShared() {
	global := v.rt.GlobalObject()
	for class, isChanging := range map[string]func(method string) bool{
		"Map":    func(method string) bool { return method == "set" || method == "delete" || method == "clear" },
		"Set":    func(method string) bool { return method == "add" || method == "delete" || method == "clear" },
		"Date":   func(method string) bool { return strings.HasPrefix(method, "set") },
		"RegExp": func(method string) bool { return method == "compile" },
	} {
		prototype := prototypeOf(global, class)
		for _, name := range prototype.GetOwnPropertyNames() {
			if isChanging(name) {
				v.guardMethod(prototype, name)
			}
		}
	}
}

func (v *vm) guardMethod(prototype *goja.Object, name string) {
	method := prototype.Get(name).(*goja.Object)
	// As goja itself calls it, which costs a tenth of a goja.Callable.
	native, ok := method.Export().(func(goja.FunctionCall) goja.Value)
	if !ok {
		return // of a goja that has it in JavaScript: it cannot change an internal slot
	}
	guards{rt: v.rt}.replace(prototype, name, lengthOf(method), func(call goja.FunctionCall) goja.Value {
		if o, ok := call.This.(*goja.Object); ok {
			if shared, ok := v.module.refusing[o]; ok {
				panic(v.sharedError(shared))
			}
		}
		for i, argument := range call.Arguments {
			if argument == nil { // the constructors of Map and Set pass on what an entry lacks
				call.Arguments[i] = undefinedSelf
			}
		}
		return native(call)
	})
}

// refuse makes the methods of guardShared throw for an object.
func (m *moduleState) refuse(item named) {
	if m.refusing == nil {
		m.refusing = map[*goja.Object]string{}
	}
	m.refusing[item.object] = item.name
}

// refuse gives an object own methods that name the variable and throw: for those that are the library's.
func (n *namer) refuse(item named, methods ...string) {
	f := n.v.rt.ToValue(n.refusal(item.name))
	for _, m := range methods {
		_ = item.object.DefineDataProperty(m, f, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
	}
}

// stop makes an iterator of the library's one that does not go on. Its own methods name the variable; the inherited ones find its state frozen, and
// that of a generator as if it ran.
func (n *namer) stop(item named, iterator *goja.Symbol) {
	n.refuse(item, "next", "return", "throw")
	state, ok := item.object.GetSymbol(iterator).(*goja.Object)
	if !ok {
		return
	}
	if state.Prototype() == n.v.heap.frame {
		_ = state.Set("s", undefinedSelf) // see resumeGenerator
	}
	n.freeze = append(n.freeze, state)
}

func (n *namer) refusal(name string) func(goja.FunctionCall) goja.Value {
	return func(goja.FunctionCall) goja.Value { panic(n.v.sharedError(name)) }
}

func (v *vm) sharedError(name string) goja.Value {
	return v.rt.NewTypeError("%s is shared by all threads and cannot be changed: it was made while the module loaded; make it in the entry function", displayName(name))
}
