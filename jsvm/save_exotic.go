package jsvm

import (
	"reflect"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// array writes the items up to the last present one; holes stay holes.
func (s *saver) array(o *goja.Object) {
	h := s.heap
	n := s.node()
	n.Kind = continuation.Array
	length := int(o.Get("length").ToInteger())
	n.Number = uint64(length)
	names := o.GetOwnPropertyNames() // present indexes in ascending order, "length", the rest
	present := 0
	for present < len(names) && names[present] != "length" {
		present++
	}
	isMarked := h.isMarked(o) || !h.isExtensible(o) // the strings of a template are frozen by the engine
	if isMarked || readsAllDescriptors && s.isOdd(o) {
		if !isMarked {
			s.fail("has property attributes, but was not marked")
			return
		}
		s.described(o, h.natives.arrayPrototype, func(key string, d *descriptor) bool {
			return key == "length" && d.attributes == continuation.Writable
		})
		return
	}
	last := 0
	if present > 0 {
		last = arrayIndex(names[present-1]) + 1
	}
	isSparse := last > 2*present+64 // a few items far apart: by key
	if isSparse {
		s.prototype(o, h.natives.arrayPrototype)
		s.propertiesByKey(o, func(key string, _ *descriptor) bool { return key == "length" })
		return
	}
	for i, next := 0, 0; i < last; i++ {
		if present < last && names[next] != indexName(i) {
			s.graph.AddItem(s.current, continuation.Value{Kind: continuation.Hole})
			continue
		}
		next++
		s.atIndex(i)
		s.item(o.Get(indexName(i)))
	}
	s.prototype(o, h.natives.arrayPrototype)
	if present+1 == len(names) && !s.hasSymbols(o) {
		return
	}
	s.propertiesByKey(o, func(key string, _ *descriptor) bool { return key == "length" || arrayIndex(key) >= 0 })
}

func (h *heap) isExtensible(o *goja.Object) bool {
	v, err := h.natives.isExtensible(nil, o)
	return err != nil || v.ToBoolean()
}

// arrayIndex is the array index that a property key is (ECMAScript 6.1.7), or -1.
func arrayIndex(key string) int {
	if key == "" || len(key) > 10 || key[0] == '0' && len(key) > 1 {
		return -1
	}
	n := 0
	for _, c := range []byte(key) {
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	if n >= 1<<32-1 {
		return -1
	}
	return n
}

// collection writes the entries of a Map or Set in their order.
func (s *saver) collection(o *goja.Object, kind continuation.Kind, forEach goja.Callable, born *goja.Object) {
	s.node().Kind = kind
	if s.addEntry == nil {
		s.addEntry = s.heap.rt.ToValue(func(call goja.FunctionCall) goja.Value {
			s.entries = append(s.entries, call.Argument(0), call.Argument(1))
			return nil
		})
	}
	s.entries = s.entries[:0]
	if _, err := forEach(o, s.addEntry); err != nil {
		s.fail("cannot be read: " + err.Error())
		return
	}
	for i := 0; i < len(s.entries); i += 2 {
		s.atIndex(i / 2)
		if kind == continuation.Map {
			s.item(s.entries[i+1])
		}
		s.item(s.entries[i])
	}
	clear(s.entries)
	s.plainOrDescribed(o, born)
}

func (s *saver) regexp(o *goja.Object) {
	h := s.heap
	s.node().Kind = continuation.RegExp
	source, err := h.natives.regexpSource(o)
	if err == nil {
		var flags goja.Value
		if flags, err = h.natives.regexpFlags(o); err == nil {
			s.birth(source)
			s.birth(flags)
		}
	}
	if err != nil {
		s.fail("cannot be read: " + err.Error())
		return
	}
	s.described(o, h.natives.regexpPrototype, func(key string, d *descriptor) bool {
		return key == "lastIndex" && d.attributes == continuation.Writable && d.value.SameAs(s.heap.rt.ToValue(0))
	})
}

// detachedMark is the private symbol on an ArrayBuffer that has been detached.
const detachedMark = "kont.detached"

func (s *saver) buffer(o *goja.Object) {
	n := s.node()
	n.Kind = continuation.Buffer
	n.Number = uint64(len(s.graph.Blobs))
	buffer := o.Export().(goja.ArrayBuffer)
	// The library marks those that it has detached, and restoring detaches what has the mark.
	if mark := s.heap.symbols[detachedMark]; buffer.Detached() && (mark == nil || !s.heap.hasPrivate(o, mark)) {
		s.fail("is a detached ArrayBuffer")
		return
	}
	s.graph.Blobs = append(s.graph.Blobs, buffer.Bytes())
	if buffer.Detached() {
		s.described(o, s.heap.natives.bufferPrototype, nil)
		return
	}
	s.plainOrDescribed(o, s.heap.natives.bufferPrototype)
}

func (s *saver) typedArray(o *goja.Object) {
	h := s.heap
	tag, err := h.natives.typedTag(o)
	if err != nil || goja.IsUndefined(tag) {
		s.fail("is an object of the host")
		return
	}
	n := s.node()
	n.Kind = continuation.TypedArray
	n.Text = s.string(tag.String())
	s.view(o, h.natives.typedBuffer, h.natives.typedOffset, h.natives.typedLength)
	born := h.natives.constructors[tag.String()].Get("prototype").(*goja.Object)
	s.prototype(o, born)
	// The items are own properties too; what is beyond them is rare.
	items := int(o.Get("length").ToInteger())
	if names := o.GetOwnPropertyNames(); len(names) > items || s.hasSymbols(o) || h.isMarked(o) {
		s.propertiesByKey(o, func(key string, _ *descriptor) bool { return arrayIndex(key) >= 0 })
	}
}

func (s *saver) view(o *goja.Object, parts ...goja.Callable) {
	for i, part := range parts {
		v, err := part(o)
		if err != nil {
			s.fail("cannot be read: " + err.Error())
			return
		}
		s.at([]string{"buffer", "byteOffset", "length"}[i])
		s.birth(v)
	}
}

// isView writes a DataView. goja does not tell one from a plain object, so the prototypes
// are asked first: nearly no object inherits from DataView.prototype. Objects that
// inherit from natives whose state cannot be read are refused here.
func (s *saver) isView(o *goja.Object, prototype *goja.Object) bool {
	h := s.heap
	for p := prototype; p != nil && p != h.natives.objectPrototype; p = p.Prototype() {
		if what, ok := h.natives.opaque[p]; ok && h.isNativeInstance(o) {
			s.fail("is a " + what)
			return true
		}
		if p != h.natives.dataViewPrototype {
			continue
		}
		if _, err := h.natives.viewLength(o); err != nil {
			return false // Object.create(DataView.prototype)
		}
		s.node().Kind = continuation.DataView
		s.view(o, h.natives.viewBuffer, h.natives.viewOffset, h.natives.viewLength)
		s.plainOrDescribed(o, h.natives.dataViewPrototype)
		return true
	}
	return false
}

// isNativeInstance is cautious: an object that merely inherits from a native prototype is refused
// as well, unless the runtime library keeps its state in a private slot.
func (h *heap) isNativeInstance(o *goja.Object) bool {
	for _, sym := range h.privates {
		if h.hasPrivate(o, sym) {
			return false
		}
	}
	return true
}

func (s *saver) boxed(o *goja.Object, exportType reflect.Type) {
	n := s.heap.natives
	s.node().Kind = continuation.Boxed
	unbox := n.unboxNumber
	var name string
	switch {
	case o.ClassName() == "String":
		unbox, name = n.unboxString, "String"
	case o.ClassName() == "Boolean":
		unbox, name = n.unboxBoolean, "Boolean"
	case o.ClassName() == "Number":
		name = "Number"
	case exportType == typeString:
		unbox, name = n.unboxSymbol, "Symbol"
	default:
		unbox, name = n.unboxBigInt, "BigInt"
	}
	v, err := unbox(o)
	if err != nil {
		s.fail("is an object of the host")
		return
	}
	s.birth(v)
	fresh, _ := n.box(nil, v)
	born := fresh.(*goja.Object).Prototype()
	if name == "String" {
		s.prototype(o, born)
		s.propertiesByKey(o, func(key string, _ *descriptor) bool { return key == "length" || arrayIndex(key) >= 0 })
		return
	}
	s.plainProperties(o, born)
}

// arguments writes an arguments object as the list that it is in strict code, and properties that it has got.
func (s *saver) arguments(o *goja.Object) {
	s.node().Kind = continuation.Arguments
	isMarked := s.heap.isMarked(o) // reading an item may run a getter
	length := 0
	if d := s.heap.descriptor(o, s.heap.rt.ToValue("length")); d.isData() && d.value != nil {
		length = int(d.value.ToInteger())
	}
	for i := range length {
		s.atIndex(i)
		if isMarked {
			s.item(nil)
			continue
		}
		s.item(o.Get(indexName(i)))
	}
	if isMarked {
		s.described(o, s.heap.natives.objectPrototype, func(key string, d *descriptor) bool {
			return key == "callee" || key == "length" && d.attributes == continuation.Writable|continuation.Configurable ||
				key == goja.SymIterator.String() && d.attributes == continuation.Writable|continuation.Configurable
		})
		return
	}
	if s.hasSymbols(o) || len(o.GetOwnPropertyNames()) > length+len([]string{"length", "callee"}) {
		s.propertiesByKey(o, func(key string, d *descriptor) bool {
			isIterator := key == goja.SymIterator.String() && d.attributes == continuation.Writable|continuation.Configurable
			return key == "length" || key == "callee" || isIterator || arrayIndex(key) >= 0 && arrayIndex(key) < length
		})
	}
}
