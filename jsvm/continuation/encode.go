package continuation

import "encoding/binary"

// Low bits of a value: the three kinds that nearly all values are get short forms.
const (
	tagReference = 0
	tagString    = 1
	tagInt       = 2
	tagOther     = 3
)

// Marshal appends the bytes of a graph to buffer. The graph's indexes must be valid: it
// was built by a walk, or came from Unmarshal.
func (g *Graph) Marshal(buffer []byte) []byte {
	e := encoder{graph: g, bytes: buffer, dictionary: g.Dictionary.size(), own: len(g.Strings)}
	e.header()
	e.strings()
	e.functions()
	e.symbols()
	e.shapes()
	e.uint(uint64(len(g.Nodes)))
	for i := range g.Nodes {
		e.node(&g.Nodes[i])
	}
	e.uint(uint64(len(g.Module)))
	for _, b := range g.Module {
		e.text(b.Name)
		e.value(b.Value)
	}
	e.value(g.Root)
	return e.bytes
}

type encoder struct {
	graph      *Graph
	bytes      []byte
	dictionary int
	own        int
}

func (e *encoder) uint(n uint64) { e.bytes = binary.AppendUvarint(e.bytes, n) }

// text writes a string's index: the graph's own strings come first, since values of
// small threads mostly use those.
func (e *encoder) text(id StringID) { e.uint(e.textIndex(id)) }

func (e *encoder) textIndex(id StringID) uint64 {
	if int(id) >= e.dictionary {
		return uint64(int(id) - e.dictionary)
	}
	return uint64(int(id) + e.own)
}

func (e *encoder) value(v Value) {
	switch v.Kind {
	case Reference:
		e.uint(v.N<<2 | tagReference)
	case String:
		e.uint(e.textIndex(StringID(v.N))<<2 | tagString)
	case Int:
		zigzag := v.N<<1 ^ uint64(int64(v.N)>>63)
		if zigzag >= 1<<62 { // no room for the tag; a number of this size is a double to JavaScript anyway
			e.other(Int, 0)
			e.bytes = binary.LittleEndian.AppendUint64(e.bytes, v.N)
			return
		}
		e.uint(zigzag<<2 | tagInt)
	case Double:
		e.other(Double, 0)
		e.bytes = binary.LittleEndian.AppendUint64(e.bytes, v.N)
	case BigInt, Named:
		e.other(v.Kind, e.textIndex(StringID(v.N)))
	case SymbolValue:
		e.other(v.Kind, v.N)
	default:
		e.other(v.Kind, 0)
	}
}

func (e *encoder) other(k ValueKind, payload uint64) {
	e.uint(payload<<6 | uint64(k)<<2 | tagOther)
}

func (e *encoder) header() {
	g := e.graph
	e.bytes = append(e.bytes, FormatVersion)
	e.uint(uint64(g.ABI))
	e.bytes = append(e.bytes, g.Bundle[:]...)
	e.uint(uint64(e.dictionary))
	e.uint(uint64(g.Dictionary.functionCount()))
	e.uint(uint64(g.Dictionary.shapeCount()))
}

func (e *encoder) strings() {
	e.uint(uint64(e.own))
	for _, s := range e.graph.Strings {
		e.uint(uint64(len(s)))
		e.bytes = append(e.bytes, s...)
	}
}

func (e *encoder) functions() {
	e.uint(uint64(len(e.graph.Functions)))
	for _, f := range e.graph.Functions {
		if i, ok := e.graph.Dictionary.functionIndex(f); ok {
			e.uint(uint64(i) + 1)
			continue
		}
		e.uint(0)
		e.uint(uint64(len(f.Key)))
		e.bytes = append(e.bytes, f.Key...)
		e.bytes = binary.LittleEndian.AppendUint64(e.bytes, f.Fingerprint)
	}
}

func (e *encoder) symbols() {
	e.uint(uint64(len(e.graph.Symbols)))
	for _, s := range e.graph.Symbols {
		e.bytes = append(e.bytes, byte(s.Kind))
		e.text(s.Text)
	}
}

func (e *encoder) shapes() {
	e.uint(uint64(len(e.graph.Shapes)))
	for i := range e.graph.Shapes {
		s := &e.graph.Shapes[i]
		e.uint(uint64(s.InDictionary))
		if s.InDictionary > 0 {
			continue
		}
		head := uint64(len(s.Keys)) << 2
		if s.Attributes != nil {
			head |= 1
		}
		if s.Class.Kind == Named {
			head |= 2
		}
		e.uint(head)
		if s.Class.Kind == Named {
			e.value(s.Class)
		}
		for _, k := range s.Keys {
			e.value(k)
		}
		for _, a := range s.Attributes {
			e.bytes = append(e.bytes, byte(a))
		}
	}
}

func (e *encoder) values(vs []Value) {
	for _, v := range vs {
		e.value(v)
	}
}

// node writes a node; decoder.node mirrors it field by field.
func (e *encoder) node(n *Node) {
	g := e.graph
	e.uint(uint64(n.Kind) | uint64(n.Flags)<<5)
	fields := fieldsOf(n.Kind)
	if fields.function {
		e.uint(uint64(n.Function))
	}
	if fields.text {
		e.text(n.Text)
	}
	if fields.number {
		e.uint(n.Number)
	}
	if fields.blob {
		e.uint(uint64(len(g.Blobs[n.Number])))
		e.bytes = append(e.bytes, g.Blobs[n.Number]...)
	}
	if fields.slots {
		e.uint(uint64(n.Slots))
	}
	if fields.birth < 0 {
		e.uint(uint64(n.birth))
	}
	e.values(g.Birth(n))
	if fields.items && !fields.slots {
		e.uint(uint64(n.items))
	}
	e.values(g.Items(n))
	if n.Flags&HasPrototype != 0 {
		e.value(n.Proto)
	}
	if n.Flags&HasProperties != 0 {
		e.uint(uint64(n.Shape))
		e.values(g.Properties(n))
	}
}

// nodeFields says which fields a kind stores.
type nodeFields struct {
	function, text, number, blob, slots, items bool
	birth                                      int // number of values; -1: a count is stored
}

var fieldsByKind = [kindEnd]nodeFields{
	Object:          {},
	Array:           {number: true, items: true},
	Closure:         {function: true, birth: 1},
	RuntimeFunction: {text: true, birth: 1},
	Class:           {function: true, birth: -1},
	Member:          {function: true, birth: 1},
	Prototype:       {birth: 1},
	Frame:           {function: true, text: true, slots: true, items: true},
	Map:             {items: true},
	Set:             {items: true},
	Date:            {birth: 1},
	RegExp:          {birth: 2},
	Error:           {},
	Buffer:          {blob: true},
	TypedArray:      {text: true, birth: 3},
	DataView:        {birth: 3},
	Boxed:           {birth: 1},
	Arguments:       {items: true},
}

func fieldsOf(k Kind) nodeFields { return fieldsByKind[k] }
