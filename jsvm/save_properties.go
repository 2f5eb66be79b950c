package jsvm

import (
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// readsAllDescriptors makes the saver look at the descriptors of every object instead of
// trusting marks, and fail when an unmarked one has anything but plain data properties: the
// oracle that marks are checked against in tests.
var readsAllDescriptors = false

// plainOrDescribed writes prototype and own properties of an object that was born with
// the prototype and no own properties.
func (s *saver) plainOrDescribed(o *goja.Object, born *goja.Object) {
	if s.heap.isMarked(o) {
		if !s.isPrototypeObject(o) {
			s.described(o, born, nil)
		}
		return
	}
	if readsAllDescriptors && !startsWithConstructor(o.GetOwnPropertyNames()) && s.isOdd(o) {
		s.fail("has property attributes, but was not marked")
		return
	}
	s.plainProperties(o, born)
}

func (s *saver) prototype(o *goja.Object, born *goja.Object) {
	if p := o.Prototype(); p != born {
		s.setPrototype(p)
	}
}

// plainProperties writes the prototype, where it is not the one that the object was born with, and own
// properties that are all plain data.
func (s *saver) plainProperties(o, born *goja.Object) {
	names := o.GetOwnPropertyNames()
	if startsWithConstructor(names) {
		// That of a prototype object is hidden, and the function may have another prototype object by now.
		if !s.isPrototypeObject(o) {
			s.described(o, born, nil)
		}
		return
	}
	hasSymbols := s.hasAuthorSymbols(o)
	privates := s.privateSlots(o)
	class := ""
	if p := o.Prototype(); p != born {
		if p != nil {
			class = s.heap.names[p]
		}
		if class == "" {
			s.setPrototype(p)
		}
	}
	if len(names)+len(privates) == 0 && !hasSymbols && class == "" {
		return
	}
	byKey := hasSymbols
	for _, name := range names {
		byKey = byKey || strings.Contains(name, "\uFFFD") // perhaps a lone surrogate, which Go's side of the API loses
	}
	if byKey {
		s.prototype(o, born)
		s.propertiesByKey(o, nil)
		return
	}
	shape := s.shape(names, class, privates...)
	n := s.node()
	n.Flags |= continuation.HasProperties
	n.Shape = shape
	for _, name := range names {
		s.at(name)
		s.property(o.Get(name))
	}
	for _, sym := range privates {
		s.at("%private")
		s.property(o.GetSymbol(sym))
	}
}

// hasAuthorSymbols reports whether an object has enumerable properties with symbols that are no internal slots.
func (s *saver) hasAuthorSymbols(o *goja.Object) bool {
	for _, sym := range o.Symbols() {
		if !s.heap.isPrivate[sym] {
			return true
		}
	}
	return false
}

// startsWithConstructor: as the keys of a function's prototype object do, but for the integer keys of a class's
// members, which come first.
func startsWithConstructor(names []string) bool {
	for _, name := range names {
		if name == "constructor" {
			return true
		}
		if name == "" || name[0] < '0' || name[0] > '9' {
			break
		}
	}
	return false
}

// weakEntries is the private symbol under which a key has the entries of weak maps.
const weakEntries = "kont.weak"

// hasSymbols reports whether a function, an array, a typed array or an arguments object has properties under symbols, entries of weak maps among them.
func (s *saver) hasSymbols(o *goja.Object) bool {
	return s.hasAuthorSymbols(o) || s.heap.weak != nil && s.heap.hasPrivate(o, s.heap.weak)
}

// privateSlots lists the internal slots of an object. The list is valid until the next call.
func (s *saver) privateSlots(o *goja.Object) []*goja.Symbol {
	s.slotSymbols = s.slotSymbols[:0]
	for _, sym := range s.heap.privates {
		if s.heap.hasPrivate(o, sym) {
			s.slotSymbols = append(s.slotSymbols, sym)
		}
	}
	return s.slotSymbols
}

// described writes prototype, own properties with their attributes, and extensibility.
// skip says which own properties an object of its kind is born with in that state.
// lost are the keys of those that it was born with and has no more.
func (s *saver) described(o *goja.Object, born *goja.Object, skip func(key string, d *descriptor) bool, lost ...string) {
	s.prototype(o, born)
	s.propertiesByKey(o, skip, lost...)
	h := s.heap
	if v, err := h.natives.isExtensible(nil, o); err == nil && !v.ToBoolean() {
		s.node().Flags |= continuation.NonExtensible
	}
}

// descriptor is a property as getOwnPropertyDescriptor gives it.
type descriptor struct {
	attributes     continuation.Attributes
	value, setter  goja.Value // value, or getter
	hasOwnProperty bool
}

func (h *heap) descriptor(o *goja.Object, key goja.Value) (d descriptor) {
	v, err := h.natives.getOwnPropertyDescriptor(nil, o, key)
	if err != nil {
		return d
	}
	object, ok := v.(*goja.Object)
	if !ok {
		return d
	}
	d.hasOwnProperty = true
	flag := func(name string, a continuation.Attributes) {
		if f := object.Get(name); f != nil && f.ToBoolean() {
			d.attributes |= a
		}
	}
	flag("enumerable", continuation.Enumerable)
	flag("configurable", continuation.Configurable)
	if d.value = object.Get("value"); d.value != nil {
		flag("writable", continuation.Writable)
		return d
	}
	d.attributes |= continuation.Accessor
	d.value, d.setter = object.Get("get"), object.Get("set")
	return d
}

// isInternal says that a symbol key is one of the runtime's tags, which restoring sets anew.
func (h *heap) isInternal(key goja.Value) bool {
	sym, ok := key.(*goja.Symbol)
	return ok && (sym == h.symMark || sym == h.symFunction || sym == h.symClass || sym == h.symPrototypeOf)
}

// propertiesByKey writes own properties, symbols too, with attributes when any of them is not plain.
func (s *saver) propertiesByKey(o *goja.Object, skip func(key string, d *descriptor) bool, lost ...string) {
	h := s.heap
	keys := s.ownKeys(o)
	var shapeKeys []continuation.Value
	var attributes []continuation.Attributes
	var descriptors []descriptor
	var labels []string
	isPlain := true
	for _, key := range keys {
		if h.isInternal(key) {
			continue
		}
		d := h.descriptor(o, key)
		if sym, ok := key.(*goja.Symbol); ok && h.isPrivate[sym] {
			d.attributes = continuation.Plain
		}
		label := key.String()
		if skip != nil && skip(label, &d) {
			continue
		}
		if _, ok := key.(*goja.Symbol); ok {
			label = "[" + label + "]"
		}
		shapeKeys = append(shapeKeys, s.value(key))
		attributes = append(attributes, d.attributes)
		descriptors = append(descriptors, d)
		labels = append(labels, label)
		isPlain = isPlain && d.attributes == continuation.Plain
	}
	for _, key := range lost {
		shapeKeys = append(shapeKeys, continuation.Value{Kind: continuation.String, N: uint64(s.string(key))})
		attributes = append(attributes, continuation.Deleted)
		isPlain = false
	}
	if len(shapeKeys) == 0 {
		return
	}
	if isPlain {
		attributes = nil
	}
	n := s.node()
	n.Flags |= continuation.HasProperties
	n.Shape = s.addShape(shapeKeys, attributes)
	for i := range descriptors {
		d := &descriptors[i]
		s.at(labels[i])
		s.property(d.value)
		if d.attributes&continuation.Accessor != 0 {
			s.property(d.setter)
		}
	}
}

func (s *saver) ownKeys(o *goja.Object) []goja.Value {
	v, err := s.heap.natives.ownKeys(nil, o)
	if err != nil {
		s.fail("cannot be read: " + err.Error())
		return nil
	}
	array := v.(*goja.Object)
	keys := make([]goja.Value, array.Get("length").ToInteger())
	for i := range keys {
		keys[i] = array.Get(indexName(i))
	}
	return keys
}

// isOdd reports whether an object has anything but plain data properties with string or symbol keys.
func (s *saver) isOdd(o *goja.Object) bool {
	h := s.heap
	for _, key := range s.ownKeys(o) {
		if h.isInternal(key) {
			continue
		}
		if key.String() == "length" && o.ClassName() == "Array" {
			continue
		}
		if sym, ok := key.(*goja.Symbol); ok && h.isPrivate[sym] {
			continue
		}
		if d := h.descriptor(o, key); d.attributes != continuation.Plain {
			return true
		}
	}
	v, err := h.natives.isExtensible(nil, o)
	return err == nil && !v.ToBoolean()
}
