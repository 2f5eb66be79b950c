package runtime

import (
	"fmt"
	"strings"
	"sync"

	"github.com/dop251/goja"
)

// Family is a part of the library that is evaluated when it is first used; see family.ts.
type Family struct {
	// Name is that of its file, and what the ids of its runtime functions begin with.
	Name string
	// Globals, and the names of what it makes besides. Append only: continuations hold them.
	Globals, Hidden []string
}

// Families are all of them.
var Families = []Family{
	{Name: "abort", Globals: []string{"DOMException", "Event", "CustomEvent", "EventTarget", "AbortSignal", "AbortController"}},
	{Name: "async"},
	{Name: "clone"},
	{Name: "dispose", Globals: []string{"SuppressedError", "DisposableStack", "AsyncDisposableStack"}},
	{Name: "encoding", Globals: []string{"TextEncoder", "TextDecoder", "atob", "btoa"}},
	{Name: "iterators", Globals: []string{"Iterator"}, Hidden: []string{"%IteratorHelperPrototype%", "%WrapForValidIteratorPrototype%"}},
	{Name: "url", Globals: []string{"URL", "URLSearchParams"}, Hidden: []string{"%URLSearchParamsIteratorPrototype%"}},
	{Name: "weakref", Globals: []string{"WeakRef", "FinalizationRegistry"}},
}

var familyByGlobal, familyByRoot = func() (globals, roots map[string]string) {
	globals, roots = map[string]string{}, map[string]string{}
	for _, f := range Families {
		roots[f.Name] = f.Name
		for _, name := range f.Globals {
			globals[name], roots[name] = f.Name, f.Name
		}
		for _, name := range f.Hidden {
			roots[name] = f.Name
		}
	}
	return globals, roots
}()

// FamilyOf is the name of the family that an intrinsic or a runtime function belongs to, "" if none.
func FamilyOf(name string) string {
	name = strings.TrimPrefix(strings.TrimPrefix(name, "get "), "set ")
	if end := strings.IndexAny(name, ".["); end > 0 {
		name = name[:end]
	}
	return familyByRoot[name]
}

// familyPrograms are the compiled families by file: func() (*goja.Program, error).
var familyPrograms sync.Map

func familyProgram(file string) (*goja.Program, error) {
	compiled, _ := familyPrograms.LoadOrStore(file, sync.OnceValues(func() (*goja.Program, error) { return compileFamily(sources, file) }))
	return compiled.(func() (*goja.Program, error))()
}

// familyGlobals has the globals of the families. It stands between globalThis and Object.prototype, so a global costs a VM nothing until it is read; one that a package
// assigns becomes a property of globalThis itself.
//
// Accessors on globalThis were tried: 22 of them made a VM 3 % larger, and reading one took a call of JavaScript.
type familyGlobals struct {
	vm   *goja.Runtime
	read goja.Callable // familyGlobal of family.ts
	made map[string]goja.Value
}

// installFamilyGlobals puts them in place.
func installFamilyGlobals(vm *goja.Runtime, rt *goja.Object) error {
	read, ok := goja.AssertFunction(rt.Get("familyGlobal"))
	if !ok {
		return fmt.Errorf("runtime library has no familyGlobal")
	}
	global := vm.GlobalObject()
	holder := vm.NewDynamicObject(&familyGlobals{vm: vm, read: read})
	if err := holder.SetPrototype(global.Prototype()); err != nil {
		return err
	}
	if err := global.SetPrototype(holder); err != nil {
		return err
	}
	return keepPrototype(vm, holder)
}

// keepPrototype has the functions of the language that set a prototype refuse it for an object: goja lets a program put anything below a dynamic one, and
// what it puts below the globals would be seen by every thread. The library has references to the native functions.
func keepPrototype(vm *goja.Runtime, kept *goja.Object) error {
	objects := vm.Get("Object").(*goja.Object)
	describe, _ := goja.AssertFunction(objects.Get("getOwnPropertyDescriptor"))
	prototypes := objects.Get("prototype").(*goja.Object)
	accessor, err := describe(goja.Undefined(), prototypes, vm.ToValue("__proto__"))
	if err != nil {
		return err
	}
	guard := func(f goja.Value, refuse func(goja.FunctionCall) (goja.Value, bool)) (*goja.Object, error) {
		native, ok := f.Export().(func(goja.FunctionCall) goja.Value)
		if !ok {
			return nil, fmt.Errorf("%s is no native function", f)
		}
		guarded := vm.ToValue(func(call goja.FunctionCall) goja.Value {
			if result, isRefused := refuse(call); isRefused {
				return result
			}
			return native(call)
		}).(*goja.Object)
		for _, key := range []string{"name", "length"} {
			if err := guarded.DefineDataProperty(key, f.(*goja.Object).Get(key), goja.FLAG_FALSE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
				return nil, err
			}
		}
		return guarded, nil
	}
	isKept := func(value goja.Value) bool { return value == goja.Value(kept) }
	refusal := func() *goja.Object {
		return vm.NewTypeError("Cannot set the prototype of an object that all threads share")
	}
	setter, err := guard(accessor.(*goja.Object).Get("set"), func(call goja.FunctionCall) (goja.Value, bool) {
		if isKept(call.This) {
			panic(refusal())
		}
		return nil, false
	})
	if err != nil {
		return err
	}
	if err := prototypes.DefineAccessorProperty("__proto__", accessor.(*goja.Object).Get("get"), setter, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
		return err
	}
	for _, name := range []string{"Object", "Reflect"} {
		host := vm.Get(name).(*goja.Object)
		set, err := guard(host.Get("setPrototypeOf"), func(call goja.FunctionCall) (goja.Value, bool) {
			switch {
			case !isKept(call.Argument(0)):
				return nil, false
			case name == "Object":
				panic(refusal())
			}
			return vm.ToValue(false), true
		})
		if err != nil {
			return err
		}
		if err := host.DefineDataProperty("setPrototypeOf", set, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE); err != nil {
			return err
		}
	}
	return nil
}

func (g *familyGlobals) Get(key string) goja.Value {
	if value, ok := g.made[key]; ok {
		return value
	}
	family, ok := familyByGlobal[key]
	if !ok {
		return nil
	}
	value, err := g.read(nil, g.vm.ToValue(family), g.vm.ToValue(key))
	if err != nil {
		panic(err)
	}
	if g.made == nil {
		g.made = map[string]goja.Value{}
	}
	g.made[key] = value
	return value
}

func (g *familyGlobals) Has(key string) bool         { _, ok := familyByGlobal[key]; return ok }
func (g *familyGlobals) Set(string, goja.Value) bool { return false }
func (g *familyGlobals) Delete(string) bool          { return false }
func (g *familyGlobals) Keys() []string              { return nil }
