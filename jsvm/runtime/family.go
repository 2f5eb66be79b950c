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
	return global.SetPrototype(holder)
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
