package jsvm

import (
	"fmt"

	"github.com/dop251/goja"
)

// loadProgram runs the bundle's module code and learns its functions, bindings and module
// environment. It returns module.exports.
func (v *vm) loadProgram() (exports goja.Value, err error) {
	program, err := v.rt.RunProgram(v.bundle.program)
	if err != nil {
		return nil, err
	}
	load, ok := goja.AssertFunction(program)
	if !ok {
		return nil, fmt.Errorf("compiled bundle is no function")
	}
	module, empty := v.rt.NewObject(), v.rt.NewObject()
	if err := module.Set("exports", empty); err != nil {
		return nil, err
	}
	result, err := load(nil, v.lib, module, empty, v.lib.Get("require"))
	if err != nil {
		return nil, err
	}
	table, ok := result.(*goja.Object)
	if !ok {
		return nil, fmt.Errorf("compiled bundle returns no table")
	}
	if err := v.bindTable(table); err != nil {
		return nil, err
	}
	exports = module.Get("exports")
	if err := v.nameObjects(table, exports); err != nil {
		return nil, err
	}
	if err := v.call("loaded"); err != nil {
		if at, ok := v.blockedAt(); ok {
			return nil, &waitingError{at, err}
		}
		return nil, err
	}
	return exports, v.checkExports(exports)
}

// bindTable takes the factories and the probe.
func (v *vm) bindTable(table *goja.Object) error {
	h := v.heap
	fns, ok := table.Get("fns").(*goja.Object)
	if !ok {
		return fmt.Errorf("compiled bundle has no factories")
	}
	h.factories = make([]goja.Callable, len(h.layout.functions))
	h.samples = make([]*goja.Object, len(h.layout.functions))
	for i := range h.factories {
		h.factories[i], _ = goja.AssertFunction(fns.Get(indexName(i)))
	}
	if probe, ok := goja.AssertFunction(table.Get("setProbe")); ok {
		on, off := v.rt.ToValue(true), v.rt.ToValue(false)
		h.setProbe = func(set bool) {
			value := off
			if set {
				value = on
			}
			_, _ = probe(nil, value)
		}
	}
	if define, ok := goja.AssertFunction(v.lib.Get("restoreClass")); ok {
		h.defineClass = func(id int, env, heritage goja.Value, keys []goja.Value) (*goja.Object, error) {
			items := make([]any, len(keys))
			for i, k := range keys {
				items[i] = k
			}
			return object(define(v.lib, v.rt.ToValue(id), env, heritage, v.rt.NewArray(items...), fns.Get(indexName(id))))
		}
	}
	env, _ := table.Get("moduleEnv").(*goja.Object)
	v.module.remember(env)
	return nil
}

// nameObjects gives names to intrinsics and to what the modules have made.
func (v *vm) nameObjects(table *goja.Object, exports goja.Value) error {
	var err error
	if v.intrinsics, v.intrinsicTable, err = v.nameIntrinsics(); err != nil {
		return err
	}
	if err := v.bindFamilies(); err != nil {
		return err
	}
	own := map[string]bool{}
	for _, m := range v.bundle.modules {
		own[m.Path] = m.Own
	}
	var roots []moduleRoot
	if list, ok := goja.AssertFunction(table.Get("bindings")); ok {
		result, err := list(nil)
		if err != nil {
			return fmt.Errorf("list bindings: %w", err)
		}
		bindings := result.(*goja.Object)
		for i := range int(bindings.Get("length").ToInteger()) {
			b := bindings.Get(indexName(i)).(*goja.Object)
			file, name := b.Get("0").String(), b.Get("1").String()
			roots = append(roots, moduleRoot{file + ":" + name, b.Get("2"), own[file]})
		}
	}
	for i, f := range v.module.fields {
		roots = append(roots, moduleRoot{"%module:" + f, v.module.loaded[i], v.bundle.isOwnVariable(f)})
	}
	roots = append(roots, moduleRoot{"%module:exports", exports, false})
	roots = append(roots, v.addedToIntrinsics(v.intrinsics, v.intrinsicTable)...)
	return v.nameModuleObjects(roots)
}
