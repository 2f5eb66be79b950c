package jsvm

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// intrinsicTable says how to find every named intrinsic in a runtime that has the runtime library. The
// library names intrinsics by walking them all, which takes some 10 ms; the walk is done once a process, in a runtime without a bundle, whose module
// code could have added to the intrinsics, and every VM follows the steps that it took.
type intrinsicTable struct {
	entries []intrinsicEntry
	symbols []intrinsicEntry // by name: symbols that are properties of intrinsics
	// overridable are the properties that programs override by assignment although the intrinsic is frozen.
	overridable []overridable
	keys        []ownKeys
}

type intrinsicEntry struct {
	name   string
	parent int    // index of the entry that it is a property of; -1: a root
	key    string // own property of the parent
	symbol string // or the name of a well-known symbol
	part   intrinsicPart
}

type intrinsicPart uint8

const (
	partValue intrinsicPart = iota
	partGetter
	partSetter
)

type overridable struct {
	object int
	key    string
}

var intrinsicsOnce struct {
	sync.Mutex
	table *intrinsicTable
}

// nameIntrinsics gives names to all intrinsics and to the library's objects.
func (v *vm) nameIntrinsics() ([]*goja.Object, *intrinsicTable, error) {
	intrinsicsOnce.Lock()
	defer intrinsicsOnce.Unlock()
	if intrinsicsOnce.table == nil {
		table, err := newIntrinsicTable()
		if err != nil {
			return nil, nil, err
		}
		intrinsicsOnce.table = table
	}
	objects, err := v.followIntrinsics(intrinsicsOnce.table)
	return objects, intrinsicsOnce.table, err
}

func newIntrinsicTable() (*intrinsicTable, error) {
	bare := &vm{bundle: &Bundle{layout: &layout{}, dictionary: &continuation.Dictionary{}}, rt: goja.New(), limits: Limits{}.withDefaults()}
	if err := bare.install(world{}); err != nil {
		return nil, err
	}
	byName, ok := bare.lib.Get("intrinsics").(*goja.Object)
	if !ok {
		return nil, fmt.Errorf("runtime library has no intrinsics")
	}
	table := bare.walkIntrinsics(byName)
	bare.noteKeys(table, byName)
	return table, nil
}

// walkIntrinsics finds out which property of which named object each named object is.
func (v *vm) walkIntrinsics(byName *goja.Object) *intrinsicTable {
	h := v.heap
	table := &intrinsicTable{}
	indexes := map[string]int{}
	names := byName.GetOwnPropertyNames()
	for _, name := range names {
		if _, ok := byName.Get(name).(*goja.Object); ok {
			indexes[name] = len(table.entries)
			table.entries = append(table.entries, intrinsicEntry{name: name, parent: -1})
		} else {
			table.symbols = append(table.symbols, intrinsicEntry{name: name, parent: -1})
		}
	}
	for i := range table.entries {
		parent := &table.entries[i]
		o := byName.Get(parent.name).(*goja.Object)
		if parent.name == "globalThis" {
			continue
		}
		keys, err := object(h.natives.ownKeys(nil, o))
		if err != nil {
			continue
		}
		for j := range int(keys.Get("length").ToInteger()) {
			key := keys.Get(indexName(j))
			entry := intrinsicEntry{parent: i, key: key.String()}
			path := parent.name + "." + entry.key
			if sym, ok := key.(*goja.Symbol); ok {
				if entry.symbol, ok = h.natives.wellKnown[sym]; !ok {
					continue
				}
				path = parent.name + "[" + sym.String() + "]"
			}
			d := h.descriptor(o, key)
			note := func(name string, value goja.Value, part intrinsicPart) {
				k, ok := indexes[name]
				if child, isObject := value.(*goja.Object); ok && isObject && table.entries[k].parent < 0 && k != i && byName.Get(name) == goja.Value(child) {
					entry.name, entry.part = name, part
					table.entries[k] = entry
				}
			}
			if d.attributes&continuation.Accessor != 0 {
				note("get "+path, d.value, partGetter)
				note("set "+path, d.setter, partSetter)
				continue
			}
			note(path, d.value, partValue)
			isHolder := !v.isFunction(o) || parent.name == "Function.prototype"
			if isHolder && entry.symbol == "" && d.attributes&continuation.Configurable != 0 && slices.Contains(overriddenKeys, entry.key) {
				table.overridable = append(table.overridable, overridable{i, entry.key})
			}
		}
	}
	return table
}

func (v *vm) isFunction(o *goja.Object) bool { return o.ClassName() == "Function" }

// followIntrinsics names the intrinsics of this VM and returns them in the order of the table's entries.
func (v *vm) followIntrinsics(table *intrinsicTable) ([]*goja.Object, error) {
	h := v.heap
	objects := make([]*goja.Object, len(table.entries))
	var find func(i int) *goja.Object
	find = func(i int) *goja.Object {
		if objects[i] != nil {
			return objects[i]
		}
		e := &table.entries[i]
		if e.parent < 0 {
			objects[i] = v.intrinsicRoot(e.name)
			return objects[i]
		}
		parent := find(e.parent)
		if parent == nil {
			return nil
		}
		var value goja.Value
		switch {
		case e.part == partValue && e.symbol == "":
			value = parent.Get(e.key)
		case e.part == partValue:
			value = parent.GetSymbol(h.natives.wellKnownByName[e.symbol])
		default:
			key := goja.Value(v.rt.ToValue(e.key))
			if e.symbol != "" {
				key = h.natives.wellKnownByName[e.symbol]
			}
			d := h.descriptor(parent, key)
			if value = d.value; e.part == partSetter {
				value = d.setter
			}
		}
		objects[i], _ = value.(*goja.Object)
		return objects[i]
	}
	for i := range table.entries {
		o := find(i)
		if o == nil {
			return nil, fmt.Errorf("no intrinsic %s", table.entries[i].name)
		}
		h.name(o, table.entries[i].name)
	}
	return objects, nil
}

// intrinsicRoot finds an intrinsic that is no property of another one.
func (v *vm) intrinsicRoot(name string) *goja.Object {
	n := v.heap.natives
	get := func(holder *goja.Object, key string) *goja.Object {
		o, _ := holder.Get(key).(*goja.Object)
		return o
	}
	hidden := map[string]string{"%ArrayIteratorPrototype%": "native array iterator", "%MapIteratorPrototype%": "native Map iterator",
		"%SetIteratorPrototype%": "native Set iterator", "%StringIteratorPrototype%": "native string iterator",
		"%RegExpStringIteratorPrototype%": "native RegExp string iterator"}
	if what, ok := hidden[name]; ok {
		for o, text := range n.opaque {
			if text == what {
				return o
			}
		}
	}
	switch name {
	case "globalThis":
		return v.rt.GlobalObject()
	case "%IteratorPrototype%":
		return v.intrinsicRoot("%ArrayIteratorPrototype%").Prototype()
	case "%TypedArray%":
		return n.constructors["Uint8Array"].Prototype()
	case "%ThrowTypeError%":
		if arguments, err := object(n.makeArguments(nil)); err == nil {
			f, _ := v.heap.descriptor(arguments, v.rt.ToValue("callee")).value.(*goja.Object)
			return f
		}
	case "%GeneratorFunction%":
		return get(v.heap.generatorFunctionPrototype, "constructor")
	case "%AsyncFunction%":
		return get(v.heap.asyncFunctionPrototype, "constructor")
	case "kont":
		return get(v.lib, "kont")
	}
	if class, ok := strings.CutPrefix(name, "kont."); ok {
		return get(v.lib.Get("classes").(*goja.Object), class)
	}
	return get(v.rt.GlobalObject(), name)
}
