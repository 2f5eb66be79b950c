package jsvm

import (
	"github.com/dop251/goja"
)

// ownKeys are the properties that an object of the language has before a bundle is loaded.
type ownKeys struct {
	names   map[string]struct{}
	symbols map[string]struct{} // by description: none has two of one
	object  int                 // index of its entry
}

// noteKeys notes the properties of those intrinsics that others hang on: the places where a bundle would add more.
func (v *vm) noteKeys(table *intrinsicTable, byName *goja.Object) {
	isHolder := map[int]bool{}
	for _, e := range table.entries {
		if e.parent >= 0 {
			isHolder[e.parent] = true
		}
	}
	for i, e := range table.entries {
		if !isHolder[i] && e.name != "globalThis" {
			continue
		}
		o := byName.Get(e.name).(*goja.Object)
		keys := ownKeys{names: map[string]struct{}{}, symbols: map[string]struct{}{}, object: i}
		for _, name := range o.GetOwnPropertyNames() {
			keys.names[name] = struct{}{}
		}
		for _, symbol := range o.Symbols() {
			keys.symbols[symbol.String()] = struct{}{}
		}
		table.keys = append(table.keys, keys)
	}
}

// addedToIntrinsics lists what module code has hung on objects of the language: a global of its own, a method of Array.prototype.
// No binding of a module leads there. Packages keep caches in globals, so those are frozen only in a bundle without packages.
func (v *vm) addedToIntrinsics(objects []*goja.Object, table *intrinsicTable) (roots []moduleRoot) {
	isOwn := true
	for _, m := range v.bundle.modules {
		isOwn = isOwn && m.Own
	}
	add := func(o *goja.Object, path string, key goja.Value) {
		d := v.heap.descriptor(o, key)
		path += keyPath(key)
		for _, part := range []moduleRoot{{path, d.value, isOwn}, {"set " + path, d.setter, isOwn}} {
			if part.value != nil {
				roots = append(roots, part)
			}
		}
	}
	for _, known := range table.keys {
		o, name := objects[known.object], table.entries[known.object].name
		if names := o.GetOwnPropertyNames(); len(names) > len(known.names) {
			for _, key := range names {
				if _, ok := known.names[key]; !ok {
					add(o, name, v.rt.ToValue(key))
				}
			}
		}
		if symbols := o.Symbols(); len(symbols) > len(known.symbols) {
			for _, key := range symbols {
				if _, ok := known.symbols[key.String()]; !ok {
					add(o, name, key)
				}
			}
		}
	}
	return roots
}
