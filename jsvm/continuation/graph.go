package continuation

import "math"

// FormatVersion is the version byte that Marshal writes.
const FormatVersion = 1

// BundleIDSize is the number of leading bytes of a bundle's hash in the header.
const BundleIDSize = 16

type (
	// StringID names a string of a Graph: below the dictionary's size one of the
	// dictionary, above it one of the graph's own.
	StringID uint32
	// FunctionID is an index into Graph.Functions.
	FunctionID uint32
	// ShapeID is an index into Graph.Shapes.
	ShapeID uint32
	// NodeID is an index into Graph.Nodes.
	NodeID uint32
)

// ValueKind says how Value.N is to be read.
type ValueKind uint8

// The kinds of values. The numbers are stored: append only.
const (
	Undefined     ValueKind = 0
	Null          ValueKind = 1
	False         ValueKind = 2
	True          ValueKind = 3
	Hole          ValueKind = 4  // an array's missing item, a Map-less slot: no value at all
	Uninitialized ValueKind = 5  // a binding in its temporal dead zone
	Double        ValueKind = 6  // N: IEEE 754 bits
	BigInt        ValueKind = 7  // N: StringID of the decimal text
	SymbolValue   ValueKind = 8  // N: index into Graph.Symbols
	Named         ValueKind = 9  // N: StringID of the name of an intrinsic or module object
	Reference     ValueKind = 10 // N: NodeID
	String        ValueKind = 11 // N: StringID
	Int           ValueKind = 12 // N: the int64, as bits
)

// Value is one JavaScript value: a primitive, or a reference to a node.
type Value struct {
	Kind ValueKind
	N    uint64
}

// RefValue is a reference to a node.
func RefValue(n NodeID) Value { return Value{Reference, uint64(n)} }

// IntValue is a number that is an integer and not -0.
func IntValue(n int64) Value { return Value{Int, uint64(n)} }

// DoubleValue is any other number; NaN keeps its bits.
func DoubleValue(f float64) Value { return Value{Double, math.Float64bits(f)} }

// BoolValue is true or false.
func BoolValue(b bool) Value {
	if b {
		return Value{Kind: True}
	}
	return Value{Kind: False}
}

// Node returns the node that a reference names.
func (v Value) Node() NodeID { return NodeID(v.N) }

// Float returns the number of a Double.
func (v Value) Float() float64 { return math.Float64frombits(v.N) }

// SymbolKind says where a symbol's identity comes from.
type SymbolKind uint8

// The kinds of symbols. The numbers are stored: append only.
const (
	SymbolWellKnown  SymbolKind = 0 // Symbol.<text>
	SymbolRegistered SymbolKind = 1 // Symbol.for(text)
	SymbolNamed      SymbolKind = 2 // made while the module loaded; text is its name among the intrinsics and bindings
	SymbolLocal      SymbolKind = 3 // made by the thread; text is its description, identity is the table entry
	SymbolAnonymous  SymbolKind = 4 // the same without a description

	symbolKindEnd = 5
)

// Symbol is an entry of the symbol table.
type Symbol struct {
	Kind SymbolKind
	Text StringID
}

// Function is an entry of the table of functions used: the key that the source gives
// it, and the fingerprint of its code, to decide whether another build's fits.
type Function struct {
	Key         string
	Fingerprint uint64
}

// Attributes of a property (ECMAScript 6.1.7.1).
type Attributes uint8

// Bits of Attributes. The numbers are stored.
const (
	Writable     Attributes = 1
	Enumerable   Attributes = 2
	Configurable Attributes = 4
	Accessor     Attributes = 8  // two values: getter, setter
	Deleted      Attributes = 16 // no value: a property that the object was born with and has lost

	Plain          = Writable | Enumerable | Configurable
	attributesMask = Attributes(31)
)

// values is the number of values that a property with these attributes has.
func (a Attributes) values() int {
	switch {
	case a&Deleted != 0:
		return 0
	case a&Accessor != 0:
		return 2
	}
	return 1
}

// Shape is an ordered list of property keys and perhaps a prototype, shared by the objects that have them.
type Shape struct {
	Keys       []Value      // String or SymbolValue
	Attributes []Attributes // nil: all Plain
	Class      Value        // the prototype, Named; Undefined: the shape says nothing about it
	// InDictionary is the number of the same shape in the dictionary, plus one; 0: it has none.
	InDictionary uint32
	values       int
}

// NewShape makes a shape; attributes may be nil.
func NewShape(keys []Value, attributes []Attributes) Shape {
	s := Shape{Keys: keys, Attributes: attributes, values: len(keys)}
	if attributes != nil {
		s.values = 0
		for _, a := range attributes {
			s.values += a.values()
		}
	}
	return s
}

// Values is the number of values that a node of this shape has.
func (s *Shape) Values() int { return s.values }

// Kind of a node.
type Kind uint8

// The kinds of nodes, what is stored in which field. The numbers are stored: append only.
const (
	Object          Kind = 0
	Array           Kind = 1  // Number length; Items up to the last present one
	Closure         Kind = 2  // Function; Birth: environment
	RuntimeFunction Kind = 3  // Text id; Birth: state
	Class           Kind = 4  // Function; Birth: environment, heritage, computed keys…
	Member          Kind = 5  // Function; Birth: class that the method or accessor belongs to
	Prototype       Kind = 6  // Birth: function whose original prototype object this is
	Frame           Kind = 7  // Function, Text point key, Slots; Items: environment, this, the slots' values…
	Map             Kind = 8  // Items: key, value, …
	Set             Kind = 9  // Items
	Date            Kind = 10 // Birth: time value
	RegExp          Kind = 11 // Birth: source, flags
	Error           Kind = 12
	Buffer          Kind = 13 // Number: index into Graph.Blobs
	TypedArray      Kind = 14 // Text constructor; Birth: buffer, byte offset, length
	DataView        Kind = 15 // Birth: buffer, byte offset, length
	Boxed           Kind = 16 // Birth: primitive
	Arguments       Kind = 17 // Items

	kindEnd = 18
)

var kindNames = [kindEnd]string{"object", "array", "closure", "runtime function", "class", "member", "prototype",
	"frame", "map", "set", "date", "regexp", "error", "buffer", "typed array", "data view", "boxed", "arguments"}

func (k Kind) String() string {
	if k < kindEnd {
		return kindNames[k]
	}
	return "unknown kind"
}

// Flags of a node.
type Flags uint8

// Bits of Flags. The numbers are stored.
const (
	HasPrototype  Flags = 1 // Node.Proto differs from what the kind is born with
	HasProperties Flags = 2 // Node.Shape is set
	NonExtensible Flags = 4

	flagsMask = Flags(7)
)

// Node is an object of the graph. Which fields count depends on its Kind.
type Node struct {
	Kind     Kind
	Flags    Flags
	Function FunctionID
	Text     StringID
	Shape    ShapeID
	Slots    ShapeID
	Number   uint64
	Proto    Value

	// Invariant: the node's values are Graph.values[first : first+birth+items+props].
	first, birth, items, props uint32
}

// Binding is a module-level variable that differs from its value just after loading.
type Binding struct {
	Name  StringID
	Value Value
}

// Graph is a decoded continuation.
type Graph struct {
	ABI        uint32
	Bundle     [BundleIDSize]byte
	Dictionary *Dictionary
	Strings    []string // the graph's own, above the dictionary's
	Functions  []Function
	Symbols    []Symbol
	Shapes     []Shape
	Nodes      []Node
	Blobs      [][]byte
	Module     []Binding
	Root       Value

	values []Value
}

// Prototype returns a node's prototype; false if it is the one that its kind is born with.
func (g *Graph) Prototype(n *Node) (Value, bool) {
	if n.Flags&HasPrototype != 0 {
		return n.Proto, true
	}
	if n.Flags&HasProperties != 0 {
		if class := g.Shapes[n.Shape].Class; class.Kind == Named {
			return class, true
		}
	}
	return Value{}, false
}

// Text returns a string of the graph, in WTF-8.
func (g *Graph) Text(id StringID) string {
	if n := g.Dictionary.size(); int(id) >= n {
		return g.Strings[int(id)-n]
	}
	return g.Dictionary.Strings[id]
}

// Birth returns the values that must exist before the node can be made.
func (g *Graph) Birth(n *Node) []Value { return g.values[n.first : n.first+n.birth] }

// Items returns the node's contents.
func (g *Graph) Items(n *Node) []Value {
	from := n.first + n.birth
	return g.values[from : from+n.items]
}

// Properties returns the values of the node's own properties in the order of its shape.
func (g *Graph) Properties(n *Node) []Value {
	from := n.first + n.birth + n.items
	return g.values[from : from+n.props]
}

// Values is how many values all nodes have together.
func (g *Graph) Values() int { return len(g.values) }

// Begin says that the values added from now on belong to node n. The three kinds of
// values come in the order birth, items, properties.
func (g *Graph) Begin(n NodeID) { g.Nodes[n].first = uint32(len(g.values)) }

// AddBirth adds a value that must exist before node n.
func (g *Graph) AddBirth(n NodeID, v Value) {
	g.values = append(g.values, v)
	g.Nodes[n].birth++
}

// AddItem adds to the contents of node n.
func (g *Graph) AddItem(n NodeID, v Value) {
	g.values = append(g.values, v)
	g.Nodes[n].items++
}

// AddProperty adds the next value of the shape of node n.
func (g *Graph) AddProperty(n NodeID, v Value) {
	g.values = append(g.values, v)
	g.Nodes[n].props++
}

// Reset empties the graph and keeps its memory for the next one.
func (g *Graph) Reset(d *Dictionary) {
	clear(g.Strings)
	clear(g.Shapes)
	clear(g.Blobs)
	*g = Graph{Dictionary: d, Strings: g.Strings[:0], Functions: g.Functions[:0], Symbols: g.Symbols[:0], Shapes: g.Shapes[:0],
		Nodes: g.Nodes[:0], Blobs: g.Blobs[:0], Module: g.Module[:0], values: g.values[:0]}
}
