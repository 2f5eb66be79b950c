package jsvm

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"sort"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// moduleState is what module scope holds once the bundle is loaded, to tell what a thread has changed.
//
// Objects made while loading are shared by all threads. In the author's own sources they
// are frozen; what freezing does not cover is watched: a regular expression's lastIndex
// is thread state like a module variable, the bytes of an ArrayBuffer must not change.
type moduleState struct {
	env     *goja.Object
	fields  []string
	loaded  []goja.Value // of fields
	regexps []sharedRegExp
	buffers []sharedBuffer
	// prototypes are sealed but not frozen, see share.
	prototypes []sharedPrototype
	// lent are objects of the author's variables that packages have made, see module_lent.go.
	lent []named
	// packageBuffers are kept with a thread, see module_buffers.go.
	packageBuffers []packageBuffer
	// refusing are the objects whose internal state must not change, with their names, see module_refuse.go.
	refusing map[*goja.Object]string
}

// sharedPrototype is the prototype object of a function or class, with its data properties just after loading.
type sharedPrototype struct {
	name   string
	object *goja.Object
	keys   []string
	values []goja.Value
	// canGrow: it is the target of a Proxy.
	canGrow bool
}

// changed is the first property that has another value now, or is new in an object that can grow; "" if none.
func (p *sharedPrototype) changed() string {
	if p.canGrow {
		for _, key := range p.object.GetOwnPropertyNames() {
			if !slices.Contains(p.keys, key) {
				return key
			}
		}
	}
	for i, key := range p.keys {
		if v := p.object.Get(key); v != p.values[i] && (v == nil || !v.SameAs(p.values[i])) {
			return key
		}
	}
	return ""
}

type sharedRegExp struct {
	name      string
	object    *goja.Object
	lastIndex int64
}

type sharedBuffer struct {
	name   string
	bytes  []byte // live
	loaded []byte
}

// sharedBufferBytesMax bounds the bytes of ArrayBuffers at module scope that are compared after every step.
const sharedBufferBytesMax = 1 << 20

// remember takes the state just after loading.
func (m *moduleState) remember(env *goja.Object) {
	m.env = env
	if env == nil {
		return
	}
	m.fields = env.GetOwnPropertyNames()
	for _, f := range m.fields {
		m.loaded = append(m.loaded, env.Get(f))
	}
}

// reset puts module variables back to their loaded values.
func (m *moduleState) reset() error {
	m.resetBuffers()
	for i, f := range m.fields {
		if m.env.Get(f) != m.loaded[i] {
			if err := m.env.Set(f, m.loaded[i]); err != nil {
				return err
			}
		}
	}
	for i := range m.regexps {
		r := &m.regexps[i]
		if r.object.Get("lastIndex").ToInteger() != r.lastIndex {
			if err := r.object.Set("lastIndex", r.lastIndex); err != nil {
				return err
			}
		}
	}
	return nil
}

const lastIndexSuffix = "#lastIndex"

// changes lists the module variables that differ from their loaded values.
func (m *moduleState) changes(v *vm) ([]moduleBinding, error) {
	var changed []moduleBinding
	for i, f := range m.fields {
		value := m.env.Get(f)
		if value != m.loaded[i] && !(value != nil && m.loaded[i] != nil && value.SameAs(m.loaded[i])) {
			changed = append(changed, moduleBinding{f, value})
		}
	}
	for i := range m.regexps {
		r := &m.regexps[i]
		if at := r.object.Get("lastIndex"); at.ToInteger() != r.lastIndex {
			changed = append(changed, moduleBinding{r.name + lastIndexSuffix, at})
		}
	}
	return append(changed, m.changedBuffers(v, changed)...), m.unchanged()
}

// unchanged is the fault of a thread that has changed what it shares with all others and what could not be frozen.
func (m *moduleState) unchanged() error {
	changed := ""
	for _, b := range m.buffers {
		if !bytes.Equal(b.bytes, b.loaded) {
			changed = b.name
		}
	}
	for i := range m.prototypes {
		if key := m.prototypes[i].changed(); key != "" {
			changed = m.prototypes[i].name + "." + key
		}
	}
	if changed == "" {
		return nil
	}
	return faultf(FaultUnsavable, "%s changed while a thread ran: it belongs to the module and is shared by all threads; make it in the entry function", displayName(changed))
}

// apply sets the module variables of a restored thread.
func (m *moduleState) apply(v *vm, bindings []moduleBinding) error {
	for _, b := range bindings {
		if name, ok := strings.CutSuffix(b.name, bufferSuffix); ok {
			if err := m.applyBuffer(name, b.value); err != nil {
				return err
			}
			continue
		}
		if name, ok := strings.CutSuffix(b.name, lastIndexSuffix); ok {
			r, ok := v.heap.objects[name]
			if !ok {
				return &IncompatibleError{fmt.Sprintf("the bundle has no regular expression %s", name)}
			}
			if err := r.Set("lastIndex", b.value); err != nil {
				return err
			}
			continue
		}
		i := sort.SearchStrings(m.fields, b.name)
		if i >= len(m.fields) || m.fields[i] != b.name {
			i = -1
			for j, f := range m.fields {
				if f == b.name {
					i = j
				}
			}
		}
		if i < 0 {
			return &IncompatibleError{fmt.Sprintf("the bundle has no module variable %s", b.name)}
		}
		if err := m.env.Set(b.name, b.value); err != nil {
			return err
		}
	}
	return nil
}

// namer names the objects that module code has made and freezes the author's own.
type namer struct {
	v      *vm
	queue  []named
	err    error
	freeze []*goja.Object
	lent   lending
}

type named struct {
	object *goja.Object
	name   string
	isOwn  bool
}

// nameModuleObjects names everything that can be reached from module-level bindings. Packages
// come first, so that what belongs to both stays unfrozen.
func (v *vm) nameModuleObjects(bindings []moduleRoot) error {
	n := &namer{v: v}
	for _, isOwn := range []bool{false, true} {
		if isOwn {
			n.lent.begin()
		}
		for _, b := range bindings {
			if b.isOwn == isOwn {
				n.add(b.value, b.name, isOwn)
			}
		}
		n.walk()
	}
	return n.err
}

type moduleRoot struct {
	name  string
	value goja.Value
	isOwn bool
}

func (n *namer) add(value goja.Value, name string, isOwn bool) {
	switch value := value.(type) {
	case *goja.Symbol:
		n.v.heap.nameSymbol(value, name)
	case *goja.Object:
		n.lent.leadsTo(value)
		if value != n.v.lib && n.v.heap.name(value, name) {
			n.lent.add(value)
			n.queue = append(n.queue, named{value, name, isOwn})
		}
	}
}

func (n *namer) walk() {
	h := n.v.heap
	if h.setProbe != nil {
		h.setProbe(true)
		defer h.setProbe(false)
	}
	var own []named
	for len(n.queue) > 0 && n.err == nil {
		item := n.queue[0]
		n.queue = n.queue[1:]
		n.lent.from(item.object)
		n.parts(item)
		if item.isOwn {
			own = append(own, item)
		}
	}
	if h.setProbe != nil {
		h.setProbe(false)
	}
	isAuthors := n.authors(own)
	for i, item := range own {
		if isAuthors[i] {
			n.share(item)
		} else {
			n.lend(item)
		}
	}
	for _, o := range n.freeze {
		if _, err := h.natives.freeze(nil, o); err != nil && n.err == nil {
			n.err = fmt.Errorf("freeze %s: %w", h.names[o], err)
		}
	}
	n.freeze = nil
}

// parts queues what an object leads to.
func (n *namer) parts(item named) {
	h, o := n.v.heap, item.object
	exportType := o.ExportType()
	if exportType == typeProxy { // asked anything, it would run its traps
		if item.isOwn {
			n.proxy(item)
		}
		return
	}
	if class, ok := h.classes[o.Prototype()]; ok && class.name != "WeakEntries" && class.name != "WeakState" {
		if class.name == "PromiseState" {
			n.add(o.Get("value"), item.name+".value", item.isOwn)
		}
		return // the library's own state
	}
	if exportType == typeBuffer && !item.isOwn {
		n.v.module.keepBuffer(item.name, o)
	}
	n.properties(item)
	p := o.Prototype()
	if p != nil {
		n.add(p, item.name+".[[Prototype]]", item.isOwn)
	}
	switch {
	case o.ClassName() == "Function":
		n.closure(item)
	case exportType == typeMap || exportType == typeSet:
		n.entries(item)
	case exportType != typePlain && exportType != nil && exportType.Kind() == reflect.Slice && o.ClassName() != "Array":
		if tag, err := h.natives.typedTag(o); err == nil && tag != nil && !goja.IsUndefined(tag) {
			n.add(o.Get("buffer"), item.name+".buffer", item.isOwn)
		}
	case p != nil && p != h.natives.objectPrototype && exportType == typePlain:
		for ; p != nil; p = p.Prototype() {
			if p == h.natives.dataViewPrototype {
				if buffer, err := h.natives.viewBuffer(o); err == nil {
					n.add(buffer, item.name+".buffer", item.isOwn)
				}
			}
		}
	}
}

// properties queues what an object's own properties lead to. Only where there can be accessors are descriptors asked for, which takes some ten times as
// long as reading.
func (n *namer) properties(item named) {
	h, o := n.v.heap, item.object
	names, symbols := o.GetOwnPropertyNames(), o.Symbols()
	if n.mayHaveAccessors(o, names) {
		keys, err := object(h.natives.ownKeys(nil, o))
		if err != nil {
			return
		}
		for i := range int(keys.Get("length").ToInteger()) {
			key := keys.Get(indexName(i))
			if h.isInternal(key) {
				continue
			}
			d := h.descriptor(o, key)
			path := item.name + keyPath(key)
			n.add(d.value, path, item.isOwn)
			if d.attributes&continuation.Accessor != 0 {
				n.add(d.value, "get "+path, item.isOwn)
				n.add(d.setter, "set "+path, item.isOwn)
			}
		}
		return
	}
	for _, name := range names {
		n.property(o.Get(name), item, "."+name)
	}
	for _, symbol := range symbols {
		if !h.isInternal(symbol) {
			n.property(o.GetSymbol(symbol), item, keyPath(symbol))
		}
	}
}

// property is add, but for the name, which is made only for what gets one.
func (n *namer) property(value goja.Value, item named, path string) {
	switch value := value.(type) {
	case *goja.Symbol:
		n.v.heap.nameSymbol(value, item.name+path)
	case *goja.Object:
		if _, isNamed := n.v.heap.names[value]; isNamed {
			n.lent.leadsTo(value)
		} else {
			n.add(value, item.name+path, item.isOwn)
		}
	}
}

// mayHaveAccessors: an object that was marked, a class or its prototype object, an arguments object with its `callee`. So says it of one with
// internal slots, because those are not among the symbols that goja lists.
func (n *namer) mayHaveAccessors(o *goja.Object, names []string) bool {
	h := n.v.heap
	if readsAllDescriptors || o.ClassName() == "Arguments" {
		return true
	}
	for _, name := range names {
		if strings.Contains(name, "\uFFFD") {
			return true // perhaps a lone surrogate, which Go's side of the API loses
		}
	}
	for _, slot := range h.privates {
		if h.hasPrivate(o, slot) {
			return true
		}
	}
	if o.ClassName() == "Function" && len(names) <= 3 {
		isBare := true
		for _, name := range names {
			isBare = isBare && (name == "length" || name == "name" || name == "prototype")
		}
		if isBare {
			return false
		}
	}
	return o.ClassName() == "Function" || startsWithConstructor(names) && len(names) > 1 || h.isMarked(o)
}

func keyPath(key goja.Value) string {
	if sym, ok := key.(*goja.Symbol); ok {
		return "[" + sym.String() + "]"
	}
	return "." + key.String()
}

// closure queues the environment of a closure, and the state of a function of the library.
func (n *namer) closure(item named) {
	h := n.v.heap
	for _, sym := range []*goja.Symbol{h.symFunction, h.symClass} {
		if tag, ok := h.ownTag(item.object, sym); ok {
			n.add(tag.Get("state"), item.name+"%state", item.isOwn)
			n.add(tag.Get("env"), item.name+"%env", item.isOwn)
		}
	}
	id, ok := h.functionID(item.object)
	if !ok || !h.layout.functions[id].captures || h.layout.functions[id].isClass || h.layout.functions[id].class >= 0 {
		return
	}
	call, _ := goja.AssertFunction(item.object)
	if env, err := call(nil); err == nil {
		n.add(env, item.name+"%env", item.isOwn)
	}
}

func (n *namer) entries(item named) {
	h := n.v.heap
	forEach := h.natives.mapForEach
	if item.object.ExportType() == typeSet {
		forEach = h.natives.setForEach
	}
	i := 0
	_, _ = forEach(item.object, h.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		n.add(call.Argument(1), fmt.Sprintf("%s%%key%d", item.name, i), item.isOwn)
		n.add(call.Argument(0), fmt.Sprintf("%s%%value%d", item.name, i), item.isOwn)
		i++
		return nil
	}))
}

// share makes an object of the author's module scope safe to share by threads.
func (n *namer) share(item named) {
	h, o := n.v.heap, item.object
	if o.ExportType() == typeProxy { // its target is watched
		return
	}
	if iterator := h.symbols["kont.iterator"]; iterator != nil && h.hasPrivate(o, iterator) {
		n.stop(item, iterator)
		return
	}
	if class, ok := h.classes[o.Prototype()]; ok {
		if class.name == "WeakEntries" {
			_, _ = h.natives.preventExtensions(nil, o) // of a key that has a name: other entries are kept by the WeakMap, see weak.ts
		}
		return // the library writes to it: a settled promise notes that it was handled
	}
	switch o.ExportType() {
	case typeMap, typeSet:
		n.v.module.refuse(item)
	case typeBuffer:
		b := o.Export().(goja.ArrayBuffer).Bytes()
		if len(b) <= sharedBufferBytesMax {
			n.v.module.buffers = append(n.v.module.buffers, sharedBuffer{item.name, b, bytes.Clone(b)})
		}
	}
	switch o.ClassName() {
	case "Date":
		n.v.module.refuse(item)
	case "RegExp":
		n.v.module.refuse(item)
		// exec writes lastIndex: it stays writable and is kept with the thread.
		n.v.module.regexps = append(n.v.module.regexps, sharedRegExp{item.name, o, o.Get("lastIndex").ToInteger()})
		_, _ = h.natives.preventExtensions(nil, o)
		return
	}
	if _, err := h.natives.typedTag(o); err == nil {
		if tag, _ := h.natives.typedTag(o); tag != nil && !goja.IsUndefined(tag) {
			return // its items cannot be frozen; its buffer is watched
		}
	}
	if n.isPrototypeObject(o) {
		// Frozen, it would forbid instances to have properties of their own with the names of its methods
		// (the override mistake); sealed, it cannot grow.
		_, _ = h.natives.seal(nil, o)
		n.watch(item)
		return
	}
	n.freeze = append(n.freeze, o) // after the walk: the probe and the descriptors come first
}

// watch notes the values of a prototype object's data properties.
func (n *namer) watch(item named) {
	p := sharedPrototype{name: item.name, object: item.object}
	for _, key := range item.object.GetOwnPropertyNames() {
		if d := n.v.heap.descriptor(item.object, n.v.rt.ToValue(key)); d.isData() && d.value != nil {
			p.keys, p.values = append(p.keys, key), append(p.values, d.value)
		}
	}
	n.v.module.prototypes = append(n.v.module.prototypes, p)
}

// proxyKeysMax bounds the properties of a target that are compared after every step.
const proxyKeysMax = 64

// proxy watches the target of a Proxy, and only that: frozen, it would forbid traps to answer otherwise than it does (ECMAScript 10.5.8).
func (n *namer) proxy(item named) {
	proxy, ok := item.object.Export().(goja.Proxy)
	if !ok {
		return
	}
	target := proxy.Target()
	if target == nil || target.ExportType() == typeProxy {
		return
	}
	if _, isNamed := n.v.heap.names[target]; isNamed || len(target.GetOwnPropertyNames()) > proxyKeysMax {
		return
	}
	if target.ClassName() == "Object" {
		n.watch(named{object: target, name: item.name})
		n.v.module.prototypes[len(n.v.module.prototypes)-1].canGrow = true
	}
}

func (n *namer) isPrototypeObject(o *goja.Object) bool {
	if f, ok := n.v.heap.ownTag(o, n.v.heap.symPrototypeOf); ok {
		return f.Get("prototype") == goja.Value(o)
	}
	d := n.v.heap.descriptor(o, n.v.rt.ToValue("constructor"))
	f, ok := d.value.(*goja.Object)
	return ok && f.ClassName() == "Function" && f.Get("prototype") == goja.Value(o)
}

// displayName is the name of a module object for people: without its module's path.
func displayName(name string) string {
	name = name[strings.LastIndex(name, ":")+1:]
	return strings.Replace(name, "[kont.weak].values", " (its private members)", 1)
}
