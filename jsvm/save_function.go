package jsvm

import (
	"slices"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// functionObject writes a function: of the runtime library by id and state, of the bundle
// by number and environment. A native one has no name here and is refused.
func (s *saver) functionObject(o *goja.Object) {
	h := s.heap
	id, ok := h.functionID(o)
	if !ok {
		if tag, isTagged := h.ownTag(o, h.symFunction); isTagged {
			s.runtimeFunction(o, tag)
			return
		}
		s.fail("is the native function " + functionName(o))
		return
	}
	f := &h.layout.functions[id]
	switch {
	case f.isClass:
		s.class(o, id)
	case f.class >= 0:
		s.member(o, id)
	default:
		s.closure(o, id)
	}
}

func functionName(o *goja.Object) string {
	if name := o.Get("name"); name != nil && name.String() != "" {
		return name.String()
	}
	return "without a name"
}

// ownTag reads an internal symbol property that the object itself has.
func (h *heap) ownTag(o *goja.Object, tag *goja.Symbol) (*goja.Object, bool) {
	if !h.hasPrivate(o, tag) {
		return nil, false
	}
	v, ok := o.GetSymbol(tag).(*goja.Object)
	return v, ok
}

func (s *saver) runtimeFunction(o, tag *goja.Object) {
	n := s.node()
	n.Kind = continuation.RuntimeFunction
	n.Text = s.string(tag.Get("id").String())
	s.at("%state")
	s.birth(tag.Get("state"))
	s.functionProperties(o, s.heap.natives.functionPrototype, false, nil)
}

func (s *saver) closure(o *goja.Object, id int) {
	h := s.heap
	f := &h.layout.functions[id]
	if id >= len(h.factories) || h.factories[id] == nil {
		s.fail("is a function that cannot be made again")
		return
	}
	n := s.node()
	n.Kind = continuation.Closure
	n.Function = s.function(id)
	var env goja.Value
	if f.captures {
		s.probe()
		call, _ := goja.AssertFunction(o)
		var err error
		if env, err = call(nil); err != nil {
			s.fail("cannot be asked for its environment: " + err.Error())
			return
		}
	}
	s.at("%env")
	s.birth(env)
	s.functionProperties(o, h.functionPrototypeOf(f), f.hasPrototype || f.isGenerator, h.bornAs(id))
}

// functionPrototypeOf is the prototype with which a function or method is made.
func (h *heap) functionPrototypeOf(f *functionLayout) *goja.Object {
	switch {
	case f.isGenerator:
		return h.generatorFunctionPrototype
	case f.isStepped:
		return h.asyncFunctionPrototype
	}
	return h.natives.functionPrototype
}

// bornAs is a function as the factory makes it: to tell what has been changed since.
func (h *heap) bornAs(id int) *goja.Object {
	if h.samples[id] == nil && h.factories[id] != nil {
		h.samples[id], _ = object(h.factories[id](nil))
	}
	return h.samples[id]
}

// functionProperties writes what a function has beyond what it was born with: its name and length and,
// for an ordinary function and a generator, its untouched prototype object. Without a sample, name and length are always written.
func (s *saver) functionProperties(o, born *goja.Object, hasPrototype bool, sample *goja.Object) {
	isAsBorn := func(key string) bool {
		return sample != nil && (sample == o || o.Get(key) != nil && o.Get(key).SameAs(sample.Get(key)))
	}
	isPlain := !s.heap.isMarked(o) && !s.hasSymbols(o)
	lost := map[string]bool{"length": true, "name": true}
	for _, name := range o.GetOwnPropertyNames() {
		delete(lost, name)
		switch {
		case !isPlain: // reading it may run a getter
		case name == "prototype":
			isPlain = hasPrototype && s.heap.isPristinePrototype(o)
		case name == "length" || name == "name":
			isPlain = isAsBorn(name)
		default:
			isPlain = false
		}
	}
	if sample != nil && sample != o {
		for _, name := range []string{"length", "name"} {
			if sample.Get(name) == nil {
				delete(lost, name)
			}
		}
	}
	if isPlain && len(lost) == 0 {
		s.prototype(o, born)
		return
	}
	s.described(o, born, func(key string, d *descriptor) bool {
		switch key {
		case "length", "name":
			return d.attributes == continuation.Configurable && isAsBorn(key)
		case "prototype":
			return hasPrototype && d.isData() && s.heap.isPristinePrototype(o)
		}
		return false
	}, sortedNames(lost)...)
}

func sortedNames(set map[string]bool) []string {
	var names []string
	for name := range set {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// isPristinePrototype reports whether the prototype object of an ordinary function or of a generator is as it was born.
func (h *heap) isPristinePrototype(f *goja.Object) bool {
	p, ok := f.Get("prototype").(*goja.Object)
	if !ok || h.isMarked(p) {
		return false
	}
	if owner, ok := h.ownTag(p, h.symPrototypeOf); ok {
		keys, err := object(h.natives.ownKeys(nil, p))
		return owner == f && p.Prototype() == h.generatorPrototype && err == nil && keys.Get("length").ToInteger() == 1 // the tag
	}
	if p.Prototype() != h.natives.objectPrototype {
		return false
	}
	names := p.GetOwnPropertyNames()
	if len(names) != 1 || names[0] != "constructor" || p.Get("constructor") != goja.Value(f) || len(p.Symbols()) > 0 {
		return false
	}
	for _, sym := range h.privates {
		if h.hasPrivate(p, sym) {
			return false
		}
	}
	return true
}

// isPrototypeObject writes an object that is the original prototype object of a function of the bundle.
func (s *saver) isPrototypeObject(o *goja.Object) bool {
	h := s.heap
	f, isTagged := h.ownTag(o, h.symPrototypeOf) // that of a class or a generator
	if !isTagged {
		var ok bool
		f, ok = h.descriptor(o, h.constructorKey).value.(*goja.Object)
		if !ok || f.ExportType() == typeProxy || f.ClassName() != "Function" {
			return false
		}
	}
	if _, isNamed := h.names[f]; isNamed || f.Get("prototype") != goja.Value(o) {
		return false
	}
	id, ok := h.functionID(f)
	if !ok {
		return false
	}
	s.node().Kind = continuation.Prototype
	s.at("constructor")
	s.birth(f)
	layout := &h.layout.functions[id]
	born := h.natives.objectPrototype
	switch {
	case layout.isClass:
		tag, _ := h.ownTag(f, h.symClass)
		if parent, ok := h.parentOfPrototype(tag.Get("heritage")); ok {
			born = parent
		} else {
			s.setPrototype(o.Prototype())
			born = o.Prototype()
		}
	case layout.isGenerator:
		born = h.generatorPrototype
	}
	s.described(o, born, func(key string, d *descriptor) bool {
		if key == "constructor" && !layout.isGenerator {
			if d.value == goja.Value(f) && d.attributes == continuation.Writable|continuation.Configurable {
				return true
			}
		}
		return layout.isClass && s.isMemberOf(d, id)
	}, s.lostMembers(o, id, false)...)
	return true
}

// lostMembers are the methods and accessors of a class's definition that have been deleted since.
func (s *saver) lostMembers(o *goja.Object, class int, isStatic bool) (lost []string) {
	h := s.heap
	for _, m := range h.layout.functions[class].members {
		if m.isStatic != isStatic {
			continue
		}
		if v, err := h.natives.hasOwn(nil, o, h.rt.ToValue(m.name)); err == nil && !v.ToBoolean() {
			lost = append(lost, m.name)
		}
	}
	return lost
}

// isMemberOf reports whether a property is a method or accessor that the class's definition makes, and that has got no properties since.
func (s *saver) isMemberOf(d *descriptor, class int) bool {
	h := s.heap
	if rest := d.attributes &^ continuation.Accessor; rest != continuation.Configurable && rest != continuation.Writable|continuation.Configurable {
		return false
	}
	found := false
	for _, v := range []goja.Value{d.value, d.setter} {
		f, ok := v.(*goja.Object)
		if !ok {
			continue
		}
		found = true
		id, ok := h.functionID(f)
		if !ok || h.layout.functions[id].class != class || !s.isMemberAsBorn(f, &h.layout.functions[id]) {
			return false
		}
	}
	return found
}

func (s *saver) isMemberAsBorn(f *goja.Object, layout *functionLayout) bool {
	for _, name := range f.GetOwnPropertyNames() {
		switch {
		case name == "length" || name == "name":
		case name == "prototype" && layout.isGenerator && s.heap.isPristinePrototype(f):
		default:
			return false
		}
	}
	return f.Prototype() == s.heap.functionPrototypeOf(layout) && !s.hasSymbols(f) && !s.heap.isMarked(f)
}

// class writes a class that was made while the thread ran: its definition is evaluated
// again from environment, heritage and computed keys.
func (s *saver) class(o *goja.Object, id int) {
	h := s.heap
	tag, ok := h.ownTag(o, h.symClass)
	if !ok {
		s.fail("is a class without its definition")
		return
	}
	prototype, ok := o.Get("prototype").(*goja.Object)
	if !ok || !h.descriptor(prototype, h.constructorKey).hasOwnProperty {
		s.fail("is a class whose prototype has no constructor")
		return
	}
	n := s.node()
	n.Kind = continuation.Class
	n.Function = s.function(id)
	s.at("%env")
	s.birth(tag.Get("env"))
	s.at("[[Prototype]]")
	heritage := tag.Get("heritage")
	s.birth(heritage)
	if keys, ok := tag.Get("keys").(*goja.Object); ok {
		for i := range int(keys.Get("length").ToInteger()) {
			s.birth(keys.Get(indexName(i)))
		}
	}
	parent, isPrototypeAsBorn := h.natives.functionPrototype, s.isClassPrototypeAsBorn(o, prototype, id)
	if base, ok := heritage.(*goja.Object); ok {
		parent = base
	}
	s.described(o, parent, func(key string, d *descriptor) bool {
		switch {
		case key == "length" && d.attributes == continuation.Configurable:
			return true
		case key == "name" && d.attributes == continuation.Configurable:
			return d.value.String() == h.layout.functions[id].bornName
		case key == "prototype":
			return isPrototypeAsBorn
		}
		return s.isMemberOf(d, id)
	}, s.lostMembers(o, id, true)...)
}

// parentOfPrototype is what the prototype object of a class with that heritage inherits from (ECMAScript 15.7.14); false where it can't be told.
func (h *heap) parentOfPrototype(heritage goja.Value) (*goja.Object, bool) {
	base, ok := heritage.(*goja.Object)
	switch {
	case !ok && goja.IsNull(heritage):
		return nil, true
	case !ok:
		return h.natives.objectPrototype, true
	}
	d := h.descriptor(base, h.rt.ToValue("prototype"))
	if !d.hasOwnProperty || !d.isData() {
		return nil, false
	}
	parent, ok := d.value.(*goja.Object)
	return parent, ok || goja.IsNull(d.value)
}

// isClassPrototypeAsBorn: making the class anew makes the same prototype object. If nothing leads to one that has been changed but its class, it has to be
// written with that.
func (s *saver) isClassPrototypeAsBorn(class, o *goja.Object, id int) bool {
	h := s.heap
	tag, _ := h.ownTag(class, h.symClass)
	if parent, ok := h.parentOfPrototype(tag.Get("heritage")); !ok || parent != o.Prototype() || len(s.lostMembers(o, id, false)) > 0 || !h.isExtensible(o) {
		return false
	}
	for _, key := range s.ownKeys(o) {
		if h.isInternal(key) {
			continue
		}
		d := h.descriptor(o, key)
		if isConstructor := key.String() == "constructor" && d.value == goja.Value(class) && d.attributes == continuation.Writable|continuation.Configurable; !isConstructor && !s.isMemberOf(&d, id) {
			return false
		}
	}
	return true
}

func (d *descriptor) isData() bool { return d.attributes&continuation.Accessor == 0 }

// member writes a method or accessor function of a nested class, by its class.
func (s *saver) member(o *goja.Object, id int) {
	h := s.heap
	tag, ok := h.ownTag(o, h.symClass)
	if !ok {
		s.fail("is a method without its class")
		return
	}
	n := s.node()
	n.Kind = continuation.Member
	n.Function = s.function(id)
	s.at("%class")
	s.birth(tag)
	f := &h.layout.functions[id]
	s.functionProperties(o, h.functionPrototypeOf(f), f.isGenerator, o)
}

// frame writes a suspended function: key of the function, key of the resume point, the
// locals that are alive there by name.
func (s *saver) frame(o *goja.Object) {
	h := s.heap
	n := s.node()
	n.Kind = continuation.Frame
	id, pc := int(o.Get("fn").ToInteger()), int(o.Get("pc").ToInteger())
	if id < 0 || id >= len(h.layout.functions) {
		s.fail("is a frame of an unknown function")
		return
	}
	f := &h.layout.functions[id]
	n.Function = s.function(id)
	var slots []string
	switch {
	case pc == finished:
		n.Text = s.string(pointFinished)
	case pc >= 0 && pc < len(f.points):
		n.Text = s.string(f.points[pc].key)
		slots = f.points[pc].slots
	default:
		s.fail("is a frame at an unknown resume point")
		return
	}
	shape, ok := s.slots[[2]int{id, pc}]
	if !ok {
		shape = s.shape(slots, "")
		s.slots[[2]int{id, pc}] = shape
	}
	s.node().Slots = shape
	s.at("%env")
	s.item(o.Get("e"))
	s.at("this")
	s.item(o.Get("t"))
	if saved, ok := o.Get("s").(*goja.Object); ok {
		for i, name := range slots {
			s.at(name)
			s.item(saved.Get(indexName(i)))
		}
	} else {
		for range slots {
			s.item(nil)
		}
	}
	s.frameFields(o)
}

// finished is the pc of a frame that has completed.
const finished = -1

// pointFinished is the key of the resume point of a completed frame.
const pointFinished = "end"

// frameFields are the fields of a frame that belong to the runtime library, and their names in continuations; those that are undefined are
// left out. What a frame waits for is in the field through which it passed the operand of its await.
var frameFields = [...]struct{ name, stored string }{{"d", "d"}, {"scope", "scope"}, {"a", "w"}, {"debt", "debt"}}

// allFrameFields are the fields that the codec knows.
var allFrameFields = []string{"fn", "pc", "e", "t", "s", "a", "d", "scope", "debt"}

func (s *saver) frameFields(o *goja.Object) {
	if readsAllDescriptors {
		for _, name := range o.GetOwnPropertyNames() {
			if !slices.Contains(allFrameFields, name) {
				s.fail("has a field " + name + " that the codec does not know")
				return
			}
		}
	}
	var present [4]string
	var values [4]goja.Value
	n := 0
	for _, f := range &frameFields {
		if v := o.Get(f.name); v != nil && v != undefinedSelf {
			present[n], values[n] = f.stored, v
			n++
		}
	}
	if n == 0 {
		return
	}
	node := s.node()
	node.Flags |= continuation.HasProperties
	node.Shape = s.shape(present[:n], "")
	for i := range n {
		s.at("%" + present[i])
		s.property(values[i])
	}
}
