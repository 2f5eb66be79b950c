package jsvm

import (
	"strconv"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// heap is what the codec knows about one runtime: the objects that have names, the
// conventions of the runtime library, the bundle's functions. It belongs to one VM.
type heap struct {
	rt      *goja.Runtime
	natives *natives
	layout  *layout

	// names of the objects whose identity is kept by name: intrinsics, the runtime
	// library's objects, objects made while the bundle's modules loaded.
	names   map[*goja.Object]string
	objects map[string]*goja.Object
	// symbolNames likewise.
	symbolNames map[*goja.Symbol]string
	symbols     map[string]*goja.Symbol

	// classes are the registered runtime classes by prototype; a class that assigns all its fields in
	// its constructor has them listed, and is read without asking for its keys.
	classes map[*goja.Object]*runtimeClass
	frame   *goja.Object // Frame.prototype
	// generatorPrototype is that of all generator objects, above the prototype objects of their functions.
	generatorPrototype *goja.Object
	// asyncFunctionPrototype and generatorFunctionPrototype are those of the functions.
	asyncFunctionPrototype, generatorFunctionPrototype *goja.Object

	symMark, symFunction, symClass, symPrototypeOf *goja.Symbol
	symPromise                                     *goja.Symbol // among privates; nil without the runtime library
	// privates are the runtime's symbols whose properties stand for internal slots: never
	// enumerable, on objects that are otherwise plain.
	privates      []*goja.Symbol
	isPrivate     map[*goja.Symbol]bool
	weak          *goja.Symbol // of the entries of weak maps: the one that functions and arrays may have
	uninitialized goja.Value   // the marker of a binding in its temporal dead zone

	samples          []*goja.Object                                                                  // a fresh function of each factory, made when first asked for
	factories        []goja.Callable                                                                 // of the bundle's functions by id
	makeFunction     func(id string, state goja.Value) (*goja.Object, error)                         // of the runtime library
	defineClass      func(id int, env, heritage goja.Value, keys []goja.Value) (*goja.Object, error) // of the kernel
	setProbe         func(on bool)
	makeFamily       func(name string) bool // evaluates the part of the library that has the intrinsic or runtime function of that name
	objectProtoNames map[string]struct{}    // own keys of Object.prototype: a plain assignment of these would fail

	constructorKey   goja.Value
	dictionaryValues []goja.Value // strings of the bundle's dictionary, made when first used
	graph            continuation.Graph
	saver            saver
	restorer         restorer
}

type runtimeClass struct {
	name          string
	prototypeName string // in continuations
	index         int
	fields        []string // nil: ask each object
}

// newHeap prepares the codec of a runtime in which nothing has run yet.
func newHeap(rt *goja.Runtime, l *layout, dictionary *continuation.Dictionary) (*heap, error) {
	n, err := takeNatives(rt)
	if err != nil {
		return nil, err
	}
	h := &heap{
		rt: rt, natives: n, layout: l,
		names: map[*goja.Object]string{}, objects: map[string]*goja.Object{},
		symbolNames: map[*goja.Symbol]string{}, symbols: map[string]*goja.Symbol{},
		classes:          map[*goja.Object]*runtimeClass{},
		isPrivate:        map[*goja.Symbol]bool{},
		objectProtoNames: map[string]struct{}{},
		dictionaryValues: make([]goja.Value, dictionary.Size()),
		symMark:          goja.NewSymbol("mark"), symFunction: goja.NewSymbol("function"), symClass: goja.NewSymbol("class"),
		symPrototypeOf: goja.NewSymbol("prototypeOf"),
	}
	h.graph.Reset(dictionary)
	for _, name := range n.objectPrototype.GetOwnPropertyNames() {
		h.objectProtoNames[name] = struct{}{}
	}
	h.saver.heap = h
	h.constructorKey = rt.ToValue("constructor")
	return h, nil
}

// name gives an object its stable name. The first name wins.
func (h *heap) name(o *goja.Object, name string) bool {
	if _, known := h.names[o]; known {
		return false
	}
	if _, taken := h.objects[name]; taken {
		return false
	}
	h.names[o], h.objects[name] = name, o
	return true
}

// named finds an object by its name, also in a part of the library that has not been evaluated yet.
func (h *heap) named(name string) (*goja.Object, bool) {
	o, ok := h.objects[name]
	if !ok && h.makeFamily != nil && h.makeFamily(name) {
		o, ok = h.objects[name]
	}
	return o, ok
}

func (h *heap) nameSymbol(s *goja.Symbol, name string) {
	if _, known := h.symbolNames[s]; !known {
		h.symbolNames[s], h.symbols[name] = name, s
	}
}

func (h *heap) registerClass(prototype *goja.Object, name string, fields []string) {
	h.classes[prototype] = &runtimeClass{name: name, prototypeName: "kont." + name + ".prototype", index: len(h.classes), fields: fields}
}

// registerPrivate makes a symbol's properties internal slots.
func (h *heap) registerPrivate(sym *goja.Symbol, name string) {
	h.nameSymbol(sym, name)
	if !h.isPrivate[sym] && !h.isInternal(sym) {
		h.isPrivate[sym] = true
		switch name {
		case detachedMark: // looked for on buffers only
		case weakEntries:
			h.weak = sym
			h.privates = append(h.privates, sym)
		case privatePromise:
			h.symPromise = sym
			fallthrough
		default:
			h.privates = append(h.privates, sym)
		}
	}
}

// hasPrivate reports whether an object itself has a symbol property that an object above may have too.
func (h *heap) hasPrivate(o *goja.Object, sym *goja.Symbol) bool {
	if o.GetSymbol(sym) == nil {
		return false
	}
	if p := o.Prototype(); p == nil || p.GetSymbol(sym) == nil {
		return true
	}
	v, err := h.natives.hasOwn(nil, o, sym)
	return err == nil && v.ToBoolean()
}

// isMarked reports whether an object may have anything but plain data properties.
func (h *heap) isMarked(o *goja.Object) bool { return h.hasPrivate(o, h.symMark) }

// functionID returns the number of a function of the bundle's source: it stands in the
// source text that goja keeps for Function.prototype.toString.
func (h *heap) functionID(f *goja.Object) (int, bool) {
	v, err := h.natives.functionToString(f)
	if err != nil {
		return 0, false
	}
	s := v.String()
	if len(s) < 2 || s[0] != 0 {
		return 0, false
	}
	id, err := strconv.Atoi(s[1:])
	if err != nil || id < 0 || id >= len(h.layout.functions) {
		return 0, false
	}
	return id, true
}

// indexNames are the property keys of the first array items.
var indexNames = func() (names [1024]string) {
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}()

func indexName(i int) string {
	if i < len(indexNames) {
		return indexNames[i]
	}
	return strconv.Itoa(i)
}
