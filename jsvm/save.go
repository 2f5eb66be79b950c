package jsvm

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// saver walks the objects reachable from a root, breadth first, into a graph.
//
// Go's side reads the heap through goja's public API only. Reading a property costs
// some 20 ns, listing an object's keys some 200 ns a key, a call into JavaScript some 350 ns: so
// keys are known beforehand where they can be (frames, runtime classes), and closures
// are asked for their environment only once each.
type saver struct {
	heap    *heap
	graph   *continuation.Graph
	ids     map[*goja.Object]continuation.NodeID
	objects []*goja.Object // by node
	origins []origin       // by node
	label   string         // how the value being saved is called in its object
	index   int            // or its number, when label is empty; -1: neither
	current continuation.NodeID

	strings   map[string]continuation.StringID
	symbols   map[*goja.Symbol]uint64
	functions map[int]continuation.FunctionID
	shapes    map[string]*usedShape // of this save and those before
	slots     map[[2]int]continuation.ShapeID
	classes   []continuation.ShapeID // by class index, plus one; 0: not used yet
	scratch   []byte
	saves     uint64 // how many there have been, for usedShape

	isProbing   bool
	slotSymbols []*goja.Symbol
	entries     []goja.Value // of the collection being read
	addEntry    goja.Value   // the callback that fills entries: value, key, …
	err         error
}

// origin says by which property of which node a node was met first.
type origin struct {
	parent continuation.NodeID
	label  string
	index  int
}

const noParent = ^continuation.NodeID(0)

// save walks the heap from root into the heap's graph. Module bindings that differ from their loaded value
// are given by name. The graph is valid until the next save or restore.
func (h *heap) save(root *goja.Object, module []moduleBinding) (*continuation.Graph, error) {
	s := &h.saver
	s.reset()
	defer s.stopProbing()
	s.current, s.label, s.index = noParent, "", -1
	s.graph.Root = s.value(root)
	for _, b := range module {
		s.current, s.label = noParent, b.name
		s.graph.Module = append(s.graph.Module, continuation.Binding{Name: s.string(b.name), Value: s.value(b.value)})
	}
	for i := 0; i < len(s.objects) && s.err == nil; i++ {
		s.current = continuation.NodeID(i)
		s.graph.Begin(s.current)
		s.object(s.objects[i])
	}
	clear(s.objects)
	if s.err != nil {
		return nil, s.err
	}
	return s.graph, nil
}

// probe makes closures answer with their environment when they are called.
func (s *saver) probe() {
	if !s.isProbing && s.heap.setProbe != nil {
		s.isProbing = true
		s.heap.setProbe(true)
	}
}

func (s *saver) stopProbing() {
	if s.isProbing {
		s.isProbing = false
		s.heap.setProbe(false)
	}
}

type moduleBinding struct {
	name  string
	value goja.Value
}

func (s *saver) reset() {
	s.graph = &s.heap.graph
	s.graph.Reset(s.graph.Dictionary)
	s.objects, s.origins, s.err = s.objects[:0], s.origins[:0], nil
	if s.ids == nil {
		s.ids = map[*goja.Object]continuation.NodeID{}
		s.strings = map[string]continuation.StringID{}
		s.symbols = map[*goja.Symbol]uint64{}
		s.functions = map[int]continuation.FunctionID{}
		s.shapes = map[string]*usedShape{}
		s.slots = map[[2]int]continuation.ShapeID{}
	}
	clear(s.ids)
	clear(s.strings)
	clear(s.symbols)
	clear(s.functions)
	if s.saves++; len(s.shapes) > usedShapesMax {
		clear(s.shapes)
	}
	clear(s.slots)
	clear(s.classes)
	for len(s.classes) < len(s.heap.classes) {
		s.classes = append(s.classes, 0)
	}
}

func (s *saver) node() *continuation.Node { return &s.graph.Nodes[s.current] }

func (s *saver) string(text string) continuation.StringID {
	if id, ok := s.graph.Dictionary.Lookup(text); ok {
		return id
	}
	if id, ok := s.strings[text]; ok {
		return id
	}
	id := continuation.StringID(s.graph.Dictionary.Size() + len(s.graph.Strings))
	s.graph.Strings = append(s.graph.Strings, text)
	s.strings[text] = id
	return id
}

// textOf is a JavaScript string in WTF-8.
func textOf(v goja.String) string {
	text := v.String()
	if !strings.Contains(text, "\uFFFD") {
		return text
	}
	units := make([]uint16, v.Length())
	for i := range units {
		units[i] = v.CharAt(i)
	}
	return continuation.TextFromUnits(units)
}

var (
	typeInt       = reflect.TypeFor[int64]()
	typeFloat     = reflect.TypeFor[float64]()
	typeBool      = reflect.TypeFor[bool]()
	typeString    = reflect.TypeFor[string]()
	typeBigInt    = reflect.TypeFor[*big.Int]()
	typeMap       = reflect.TypeFor[[][2]any]()
	typeSet       = reflect.TypeFor[[]any]()
	typeBuffer    = reflect.TypeFor[goja.ArrayBuffer]()
	typePlain     = reflect.TypeFor[map[string]any]()
	typeProxy     = reflect.TypeFor[goja.Proxy]()
	typePromise   = reflect.TypeFor[*goja.Promise]()
	undefinedSelf = goja.Undefined()
	nullSelf      = goja.Null()
)

// value converts one value; an object that is met for the first time becomes a node and is walked later.
func (s *saver) value(v goja.Value) continuation.Value {
	switch v := v.(type) {
	case nil:
		return continuation.Value{Kind: continuation.Undefined}
	case *goja.Object:
		return s.reference(v)
	case goja.String:
		return continuation.Value{Kind: continuation.String, N: uint64(s.string(textOf(v)))}
	case *goja.Symbol:
		if v == s.heap.uninitialized {
			return continuation.Value{Kind: continuation.Uninitialized}
		}
		return continuation.Value{Kind: continuation.SymbolValue, N: s.symbol(v)}
	}
	switch v {
	case undefinedSelf:
		return continuation.Value{Kind: continuation.Undefined}
	case nullSelf:
		return continuation.Value{Kind: continuation.Null}
	}
	switch v.ExportType() {
	case typeInt:
		return continuation.IntValue(v.ToInteger())
	case typeFloat:
		return continuation.DoubleValue(v.ToFloat())
	case typeBool:
		return continuation.BoolValue(v.ToBoolean())
	case typeBigInt:
		return continuation.Value{Kind: continuation.BigInt, N: uint64(s.string(v.String()))}
	}
	s.fail("is a value of the host")
	return continuation.Value{}
}

func (s *saver) reference(o *goja.Object) continuation.Value {
	if id, ok := s.ids[o]; ok {
		return continuation.RefValue(id)
	}
	if name, ok := s.heap.names[o]; ok {
		return continuation.Value{Kind: continuation.Named, N: uint64(s.string(name))}
	}
	id := continuation.NodeID(len(s.objects))
	s.ids[o] = id
	s.objects = append(s.objects, o)
	s.origins = append(s.origins, origin{s.current, s.label, s.index})
	s.graph.Nodes = append(s.graph.Nodes, continuation.Node{})
	return continuation.RefValue(id)
}

// at says how the next value saved is called in the current object.
func (s *saver) at(label string) { s.label, s.index = label, -1 }

func (s *saver) atIndex(i int) { s.label, s.index = "", i }

func (s *saver) symbol(sym *goja.Symbol) uint64 {
	if i, ok := s.symbols[sym]; ok {
		return i
	}
	h := s.heap
	var entry continuation.Symbol
	if name, ok := h.natives.wellKnown[sym]; ok {
		entry = continuation.Symbol{Kind: continuation.SymbolWellKnown, Text: s.string(name)}
	} else if name, ok := h.symbolNames[sym]; ok {
		entry = continuation.Symbol{Kind: continuation.SymbolNamed, Text: s.string(name)}
	} else if key, err := h.natives.symbolKeyFor(nil, sym); err == nil && !goja.IsUndefined(key) {
		entry = continuation.Symbol{Kind: continuation.SymbolRegistered, Text: s.string(textOf(key.(goja.String)))}
	} else if d, err := h.natives.symbolDescription(sym); err == nil && (d == nil || goja.IsUndefined(d)) {
		entry = continuation.Symbol{Kind: continuation.SymbolAnonymous, Text: s.string("")}
	} else {
		entry = continuation.Symbol{Kind: continuation.SymbolLocal, Text: s.string(textOf(d.(goja.String)))}
	}
	i := uint64(len(s.graph.Symbols))
	s.symbols[sym] = i
	s.graph.Symbols = append(s.graph.Symbols, entry)
	return i
}

func (s *saver) function(id int) continuation.FunctionID {
	if f, ok := s.functions[id]; ok {
		return f
	}
	f := continuation.FunctionID(len(s.graph.Functions))
	s.graph.Functions = append(s.graph.Functions, s.heap.layout.functions[id].id)
	s.functions[id] = f
	return f
}

// usedShape is a shape that a save has used, and its number in the last one that did.
type usedShape struct {
	save uint64
	id   continuation.ShapeID
	// shape is that of the bundle's dictionary, with the private symbol, if any, whose number is symbol; other shapes are made for each save.
	shape        continuation.Shape
	isDictionary bool
	symbol       uint64
}

// usedShapesMax bounds what a saver remembers of the shapes of all threads: objects with keys of their own, such as tables, are shapes too.
const usedShapesMax = 4096

// shape finds or adds the shape with these keys, all plain, and the named class, if any.
func (s *saver) shape(keys []string, class string, privates ...*goja.Symbol) continuation.ShapeID {
	private := ""
	if len(privates) == 1 {
		private = s.heap.symbolNames[privates[0]]
	}
	s.scratch = continuation.ShapeKey(s.scratch[:0], keys, class, private)
	if len(privates) > 1 {
		for _, sym := range privates {
			s.scratch = binary.AppendUvarint(append(s.scratch, 2), s.symbol(sym))
		}
	}
	used := s.shapes[string(s.scratch)]
	if used == nil {
		used = &usedShape{}
		s.shapes[string(s.scratch)] = used
	} else if used.save == s.saves {
		return used.id
	}
	used.save, used.id = s.saves, continuation.ShapeID(len(s.graph.Shapes))
	if used.isDictionary && (len(privates) == 0 || used.symbol == s.symbol(privates[0])) {
		s.graph.Shapes = append(s.graph.Shapes, used.shape)
		return used.id
	}
	shape, ok := s.graph.Dictionary.FindShape(s.scratch)
	if !ok {
		values := make([]continuation.Value, 0, len(keys)+len(privates))
		for _, k := range keys {
			values = append(values, continuation.Value{Kind: continuation.String, N: uint64(s.string(k))})
		}
		shape = continuation.NewShape(values, nil)
		if class != "" {
			shape.Class = continuation.Value{Kind: continuation.Named, N: uint64(s.string(class))}
		}
	}
	for _, sym := range privates {
		shape = shape.AddKey(continuation.Value{Kind: continuation.SymbolValue, N: s.symbol(sym)})
	}
	if used.isDictionary = ok && len(privates) <= 1; used.isDictionary {
		if used.shape = shape; len(privates) == 1 {
			used.symbol = s.symbol(privates[0])
		}
	}
	s.graph.Shapes = append(s.graph.Shapes, shape)
	return used.id
}

func (s *saver) addShape(keys []continuation.Value, attributes []continuation.Attributes) continuation.ShapeID {
	s.graph.Shapes = append(s.graph.Shapes, continuation.NewShape(keys, attributes))
	return continuation.ShapeID(len(s.graph.Shapes) - 1)
}

func (s *saver) birth(v goja.Value)    { s.graph.AddBirth(s.current, s.value(v)) }
func (s *saver) item(v goja.Value)     { s.graph.AddItem(s.current, s.value(v)) }
func (s *saver) property(v goja.Value) { s.graph.AddProperty(s.current, s.value(v)) }

// object writes the node of one object.
func (s *saver) object(o *goja.Object) {
	defer func() {
		// Reading through goja's API panics with the exception when a getter throws.
		if p := recover(); p != nil {
			var exception *goja.Exception
			if err, ok := p.(error); ok && errors.As(err, &exception) {
				s.fail("cannot be read: " + exception.Error())
				return
			}
			panic(p)
		}
	}()
	exportType := o.ExportType()
	if exportType == typeProxy {
		s.fail("is a Proxy")
		return
	}
	switch o.ClassName() {
	case "Object":
		s.ordinaryOrExotic(o, exportType)
	case "Array":
		s.array(o)
	case "Function":
		s.functionObject(o)
	case "Error":
		s.node().Kind = continuation.Error
		s.heap.tidyStack(o)
		s.described(o, s.heap.natives.errorPrototype, nil)
	case "Date":
		s.node().Kind = continuation.Date
		v, _ := s.heap.natives.dateValue(o)
		s.birth(v)
		s.plainOrDescribed(o, s.heap.natives.datePrototype)
	case "RegExp":
		s.regexp(o)
	case "Number", "String", "Boolean":
		s.boxed(o, exportType)
	case "Arguments":
		s.arguments(o)
	default:
		s.fail("is a " + o.ClassName() + " of the host")
	}
}

// ordinaryOrExotic tells the objects apart for which goja gives the class "Object".
func (s *saver) ordinaryOrExotic(o *goja.Object, exportType reflect.Type) {
	switch exportType {
	case typePlain:
		s.ordinary(o)
	case typeMap:
		s.collection(o, continuation.Map, s.heap.natives.mapForEach, s.heap.natives.mapPrototype)
	case typeSet:
		s.collection(o, continuation.Set, s.heap.natives.setForEach, s.heap.natives.setPrototype)
	case typeBuffer:
		s.buffer(o)
	case typePromise:
		s.fail("is a native Promise")
	case typeString, typeBigInt:
		s.boxed(o, exportType)
	default:
		if exportType != nil && exportType.Kind() == reflect.Slice {
			s.typedArray(o)
			return
		}
		s.fail("is an object of the host")
	}
}

// ordinary writes a plain object, an instance of a class, a frame or a DataView.
func (s *saver) ordinary(o *goja.Object) {
	h := s.heap
	prototype := o.Prototype()
	if prototype != nil && prototype != h.natives.objectPrototype {
		if prototype == h.frame {
			s.frame(o)
			return
		}
		if class, ok := h.classes[prototype]; ok && class.fields != nil && !h.isMarked(o) {
			s.fixed(o, class)
			return
		}
		if s.isView(o, prototype) || prototype == h.generatorPrototype && s.isPrototypeObject(o) {
			return
		}
	}
	s.plainOrDescribed(o, h.natives.objectPrototype)
}

// fixed writes the listed fields of an instance of a runtime class; one that is not there is undefined.
func (s *saver) fixed(o *goja.Object, class *runtimeClass) {
	if readsAllDescriptors {
		if names := o.GetOwnPropertyNames(); !containsAll(class.fields, names) {
			s.fail(fmt.Sprintf("is a %s with the fields %v, listed are %v", class.name, names, class.fields))
			return
		}
	}
	shape := s.classes[class.index]
	if shape == 0 {
		shape = s.shape(class.fields, class.prototypeName) + 1
		s.classes[class.index] = shape
	}
	n := s.node()
	n.Flags |= continuation.HasProperties
	n.Shape = shape - 1
	for _, f := range class.fields {
		s.at(f)
		s.property(o.Get(f))
	}
}

func containsAll(names, some []string) bool {
	for _, name := range some {
		if !slices.Contains(names, name) {
			return false
		}
	}
	return true
}

// setPrototype notes a prototype that differs from what the kind of node is born with.
func (s *saver) setPrototype(prototype *goja.Object) {
	proto := continuation.Value{Kind: continuation.Null}
	if prototype != nil {
		s.at("[[Prototype]]")
		proto = s.reference(prototype)
	}
	n := s.node()
	n.Flags |= continuation.HasPrototype
	n.Proto = proto
}
