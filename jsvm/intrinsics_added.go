package jsvm

import (
	"github.com/dop251/goja"
)

// ownKeys are the properties that an object of the language has before a bundle is loaded.
type ownKeys struct {
	object int                 // index of its entry
	known  map[string]struct{} // symbols by description: none has two of one
}

// keysOfIntrinsic lists an object's own keys, symbols too.
func (v *vm) keysOfIntrinsic(o *goja.Object) (keys []goja.Value) {
	list, err := object(v.heap.natives.ownKeys(nil, o))
	if err != nil {
		return nil
	}
	for i := range int(list.Get("length").ToInteger()) {
		keys = append(keys, list.Get(indexName(i)))
	}
	return keys
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
		keys := ownKeys{object: i, known: map[string]struct{}{}}
		for _, key := range v.keysOfIntrinsic(byName.Get(e.name).(*goja.Object)) {
			keys.known[keyPath(key)] = struct{}{}
		}
		table.keys = append(table.keys, keys)
	}
}

// addedToIntrinsics lists what module code has hung on objects of the language: a global of its own, a method of Array.prototype.
// No binding of a module leads there. Packages keep caches in globals, so those are frozen only in a bundle without packages.
func (v *vm) addedToIntrinsics(objects []*goja.Object, table *intrinsicTable) (roots []moduleRoot) {
	isOwn := !v.bundle.hasPackages()
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
		keys := v.keysOfIntrinsic(o)
		if len(keys) == len(known.known) {
			continue
		}
		for _, key := range keys {
			if _, ok := known.known[keyPath(key)]; !ok {
				add(o, name, key)
			}
		}
	}
	return roots
}
