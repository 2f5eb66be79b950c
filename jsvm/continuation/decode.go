package continuation

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Limits bound what Unmarshal accepts. The memory it takes is at most proportional to the smaller of
// the input and these.
type Limits struct {
	Bytes  int // length of the continuation
	Nodes  int // objects
	Values int // values in all objects
}

// DefaultLimits are 8 MiB, a million objects, four million values.
var DefaultLimits = Limits{Bytes: 8 << 20, Nodes: 1 << 20, Values: 4 << 20}

var (
	// ErrMalformed is wrapped by every error about bytes that are no continuation.
	// Nothing was built; the caller's stored bytes are damaged or not a continuation.
	ErrMalformed = errors.New("malformed continuation")
	// ErrVersion is wrapped when the format is newer than this build.
	ErrVersion = errors.New("unknown continuation format")
	// ErrDictionary is wrapped when the bytes were written with another dictionary.
	ErrDictionary = errors.New("continuation of another bundle")
)

// ReadBundleID returns the bundle that a continuation belongs to without decoding it.
func ReadBundleID(data []byte) (id [BundleIDSize]byte, err error) {
	d := decoder{bytes: data, graph: &Graph{}}
	d.version()
	return d.graph.Bundle, d.err
}

// Unmarshal decodes data into g, which it resets first. After an error g must not be used.
func (g *Graph) Unmarshal(data []byte, dictionary *Dictionary, limits Limits) error {
	g.Reset(dictionary)
	if len(data) > limits.Bytes {
		return fmt.Errorf("%w: %d bytes, at most %d", ErrMalformed, len(data), limits.Bytes)
	}
	d := decoder{graph: g, bytes: data, limits: limits, dictionary: dictionary.size()}
	d.header()
	d.strings()
	d.functions()
	d.symbols()
	d.shapes()
	d.nodes()
	d.module()
	g.Root = d.value()
	d.references()
	if d.err == nil && d.at != len(d.bytes) {
		d.fail("%d bytes after the end", len(d.bytes)-d.at)
	}
	return d.err
}

type decoder struct {
	graph      *Graph
	bytes      []byte
	at         int
	limits     Limits
	dictionary int
	err        error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w at byte %d: %s", ErrMalformed, d.at, fmt.Sprintf(format, args...))
		d.at = len(d.bytes) // every later read fails at once
	}
}

func (d *decoder) byte() byte {
	if d.at >= len(d.bytes) {
		d.fail("cut short")
		return 0
	}
	d.at++
	return d.bytes[d.at-1]
}

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.bytes[d.at:])
	if size <= 0 {
		d.fail("bad number")
		return 0
	}
	d.at += size
	return n
}

func (d *decoder) take(n uint64) []byte {
	if n > uint64(len(d.bytes)-d.at) {
		d.fail("%d bytes announced, %d left", n, len(d.bytes)-d.at)
		return nil
	}
	d.at += int(n)
	return d.bytes[d.at-int(n) : d.at]
}

func (d *decoder) word() uint64 {
	if b := d.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// count reads the number of things that follow, each at least one byte long.
func (d *decoder) count(what string) int {
	n := d.uint()
	if n > uint64(len(d.bytes)-d.at) {
		d.fail("%d %s announced, %d bytes left", n, what, len(d.bytes)-d.at)
		return 0
	}
	return int(n)
}

func (d *decoder) index(what string, size int) uint32 {
	n := d.uint()
	if n >= uint64(size) {
		d.fail("%s %d of %d", what, n, size)
		return 0
	}
	return uint32(n)
}

func (d *decoder) version() {
	if v := d.byte(); d.err == nil && v != FormatVersion {
		d.err = fmt.Errorf("%w: version %d, newest known is %d", ErrVersion, v, FormatVersion)
		d.at = len(d.bytes)
		return
	}
	abi := d.uint()
	if abi > 1<<31 {
		d.fail("runtime ABI %d", abi)
	}
	d.graph.ABI = uint32(abi)
	copy(d.graph.Bundle[:], d.take(BundleIDSize))
}

func (d *decoder) header() {
	d.version()
	written := [3]uint64{d.uint(), d.uint(), d.uint()}
	given := [3]uint64{uint64(d.dictionary), uint64(d.graph.Dictionary.functionCount()), uint64(d.graph.Dictionary.shapeCount())}
	if d.err == nil && written != given {
		d.err = fmt.Errorf("%w: written with a dictionary of %d strings, functions and shapes, given one of %d", ErrDictionary, written, given)
		d.at = len(d.bytes)
	}
}

func (d *decoder) strings() {
	n := d.count("strings")
	for range n {
		d.graph.Strings = append(d.graph.Strings, string(d.take(d.uint())))
	}
}

func (d *decoder) textID(n uint64) StringID {
	own := uint64(len(d.graph.Strings))
	switch {
	case n < own:
		return StringID(uint64(d.dictionary) + n)
	case n-own < uint64(d.dictionary):
		return StringID(n - own)
	}
	d.fail("string %d of %d", n, own+uint64(d.dictionary))
	return 0
}

func (d *decoder) text() StringID { return d.textID(d.uint()) }

func (d *decoder) functions() {
	n := d.count("functions")
	for range n {
		i := d.uint()
		var f Function
		switch {
		case i == 0:
			f.Key = string(d.take(d.uint()))
			f.Fingerprint = d.word()
		case i-1 < uint64(d.graph.Dictionary.functionCount()):
			f = d.graph.Dictionary.Functions[i-1]
		default:
			d.fail("dictionary function %d of %d", i-1, d.graph.Dictionary.functionCount())
			return
		}
		d.graph.Functions = append(d.graph.Functions, f)
	}
}

func (d *decoder) symbols() {
	n := d.count("symbols")
	for range n {
		s := Symbol{Kind: SymbolKind(d.byte()), Text: d.text()}
		if s.Kind >= symbolKindEnd {
			d.fail("symbol kind %d", s.Kind)
		}
		d.graph.Symbols = append(d.graph.Symbols, s)
	}
}

func (d *decoder) shapes() {
	n := d.count("shapes")
	for range n {
		if i := d.uint(); i > 0 {
			d.dictionaryShape(i - 1)
			continue
		}
		head := d.uint()
		size := head >> 2
		if size > uint64(len(d.bytes)-d.at) {
			d.fail("shape of %d keys, %d bytes left", size, len(d.bytes)-d.at)
			return
		}
		var class Value
		if head&2 != 0 {
			if class = d.value(); class.Kind != Named {
				d.fail("class of kind %d", class.Kind)
				return
			}
		}
		keys := make([]Value, size)
		for i := range keys {
			keys[i] = d.value()
			if keys[i].Kind != String && keys[i].Kind != SymbolValue {
				d.fail("property key of kind %d", keys[i].Kind)
				return
			}
		}
		var attributes []Attributes
		if head&1 != 0 {
			attributes = make([]Attributes, size)
			for i := range attributes {
				a := Attributes(d.byte())
				if a&^attributesMask != 0 {
					d.fail("property attributes %#x", a)
					return
				}
				attributes[i] = a
			}
		}
		shape := NewShape(keys, attributes)
		shape.Class = class
		d.graph.Shapes = append(d.graph.Shapes, shape)
	}
}

func (d *decoder) dictionaryShape(i uint64) {
	dictionary := d.graph.Dictionary
	if i >= uint64(dictionary.shapeCount()) {
		d.fail("dictionary shape %d of %d", i, dictionary.shapeCount())
		return
	}
	dictionary.index()
	shape := dictionary.shapes[i]
	if shape.InDictionary == 0 {
		d.fail("dictionary shape %d has no texts", i)
		return
	}
	if private := dictionary.Shapes[i].Private; private != "" {
		found := false
		for j, s := range d.graph.Symbols {
			if s.Kind == SymbolNamed && d.graph.Text(s.Text) == private {
				shape, found = shape.AddKey(Value{SymbolValue, uint64(j)}), true
				break
			}
		}
		if !found {
			d.fail("dictionary shape %d needs the symbol %s", i, private)
			return
		}
	}
	d.graph.Shapes = append(d.graph.Shapes, shape)
}

// value reads one value. References are checked by references, when all nodes are known.
func (d *decoder) value() Value {
	n := d.uint()
	payload := n >> 2
	switch n & 3 {
	case tagReference:
		return Value{Reference, payload}
	case tagString:
		return Value{String, uint64(d.textID(payload))}
	case tagInt:
		return Value{Int, payload>>1 ^ -(payload & 1)}
	}
	kind := ValueKind(payload & 15)
	payload >>= 4
	switch kind {
	case Undefined, Null, False, True, Hole, Uninitialized:
		if payload != 0 {
			d.fail("payload of a constant")
		}
		return Value{Kind: kind}
	case Double, Int:
		return Value{kind, d.word()}
	case BigInt, Named:
		return Value{kind, uint64(d.textID(payload))}
	case SymbolValue:
		if payload >= uint64(len(d.graph.Symbols)) {
			d.fail("symbol %d of %d", payload, len(d.graph.Symbols))
		}
		return Value{kind, payload}
	}
	d.fail("value kind %d", kind)
	return Value{}
}

func (d *decoder) nodes() {
	n := d.count("objects")
	if n > d.limits.Nodes {
		d.fail("%d objects, at most %d", n, d.limits.Nodes)
		return
	}
	d.graph.Nodes = grow(d.graph.Nodes, n)
	for i := range d.graph.Nodes {
		d.node(NodeID(i))
		if d.err != nil {
			return
		}
	}
}

func grow(nodes []Node, n int) []Node {
	if cap(nodes) < n {
		return make([]Node, n)
	}
	nodes = nodes[:n]
	clear(nodes)
	return nodes
}

func (d *decoder) node(id NodeID) {
	g := d.graph
	n := &g.Nodes[id]
	head := d.uint()
	kind, flags := head&31, head>>5
	if kind >= kindEnd || flags&^uint64(flagsMask) != 0 {
		d.fail("object kind %d, flags %#x", kind, flags)
		return
	}
	n.Kind, n.Flags = Kind(kind), Flags(flags)
	n.first = uint32(len(g.values))
	fields := fieldsOf(n.Kind)
	if fields.function {
		n.Function = FunctionID(d.index("function", len(g.Functions)))
	}
	if fields.text {
		n.Text = d.text()
	}
	if fields.number {
		n.Number = d.uint()
	}
	if fields.blob {
		n.Number = uint64(len(g.Blobs))
		g.Blobs = append(g.Blobs, d.take(d.uint()))
	}
	births, items := fields.birth, 0
	if fields.slots {
		n.Slots = ShapeID(d.index("shape", len(g.Shapes)))
		if d.err == nil {
			if s := &g.Shapes[n.Slots]; s.Attributes != nil || s.Class.Kind != Undefined {
				d.fail("slots with attributes or a class")
				return
			}
			items = 2 + len(g.Shapes[n.Slots].Keys)
		}
	}
	if births < 0 {
		births = d.count("values")
	}
	n.birth = d.values(births)
	if fields.items && !fields.slots {
		items = d.count("items")
	}
	n.items = d.values(items)
	if n.Kind == Array && (n.Number < uint64(n.items) || n.Number > 1<<32-1) {
		d.fail("array of length %d with %d items", n.Number, n.items)
	}
	if n.Kind == Map && n.items%2 != 0 {
		d.fail("map of %d keys and values", n.items)
	}
	if n.Flags&HasPrototype != 0 {
		n.Proto = d.value()
		if k := n.Proto.Kind; k != Null && k != Named && k != Reference {
			d.fail("prototype of kind %d", k)
		}
	}
	if n.Flags&HasProperties != 0 {
		n.Shape = ShapeID(d.index("shape", len(g.Shapes)))
		if d.err == nil {
			n.props = d.values(g.Shapes[n.Shape].Values())
		}
	}
}

func (d *decoder) values(n int) uint32 {
	if len(d.graph.values)+n > d.limits.Values {
		d.fail("more than %d values", d.limits.Values)
		return 0
	}
	for range n {
		if d.err != nil {
			return 0
		}
		d.graph.values = append(d.graph.values, d.value())
	}
	return uint32(n)
}

func (d *decoder) module() {
	n := d.count("bindings")
	for range n {
		d.graph.Module = append(d.graph.Module, Binding{Name: d.text(), Value: d.value()})
	}
}

// references checks what could not be checked before all nodes were known.
func (d *decoder) references() {
	if d.err != nil {
		return
	}
	nodes := uint64(len(d.graph.Nodes))
	check := func(v Value) {
		if v.Kind == Reference && v.N >= nodes {
			d.fail("object %d of %d", v.N, nodes)
		}
	}
	for _, v := range d.graph.values {
		check(v)
	}
	for i := range d.graph.Nodes {
		check(d.graph.Nodes[i].Proto)
	}
	for _, b := range d.graph.Module {
		check(b.Value)
	}
	check(d.graph.Root)
}
