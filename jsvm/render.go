package jsvm

import (
	"math"
	"strconv"
	"strings"
	"time"

	"kont/jsvm/continuation"
)

const (
	renderDepth     = 3
	renderItemsMax  = 5
	renderStringMax = 60
	renderTextMax   = 200
)

// render shows a value as short text, much as the author would write it.
func (in *inspector) render(v continuation.Value, depth int) string {
	text := in.renderValue(v, depth)
	if len(text) > renderTextMax {
		cut := renderTextMax
		for cut > 0 && text[cut]&0xC0 == 0x80 {
			cut--
		}
		return text[:cut] + "…"
	}
	return text
}

func (in *inspector) renderValue(v continuation.Value, depth int) string {
	g := in.graph
	switch v.Kind {
	case continuation.Null:
		return "null"
	case continuation.False:
		return "false"
	case continuation.True:
		return "true"
	case continuation.Int:
		return strconv.FormatInt(int64(v.N), 10)
	case continuation.Double:
		return numberText(v.Float())
	case continuation.BigInt:
		return g.Text(continuation.StringID(v.N)) + "n"
	case continuation.String:
		return quote(g.Text(continuation.StringID(v.N)))
	case continuation.SymbolValue:
		return "Symbol(" + g.Text(g.Symbols[v.N].Text) + ")"
	case continuation.Named:
		return displayName(g.Text(continuation.StringID(v.N)))
	case continuation.Reference:
		return in.renderNode(&g.Nodes[v.Node()], depth)
	case continuation.Hole:
		return "<empty>"
	case continuation.Uninitialized:
		return "<not initialised>"
	}
	return "undefined"
}

func numberText(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	case f == 0 && math.Signbit(f):
		return "-0"
	}
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func quote(s string) string {
	if len(s) > renderStringMax {
		cut := renderStringMax
		for cut > 0 && s[cut]&0xC0 == 0x80 {
			cut--
		}
		return strconv.Quote(s[:cut]) + "…"
	}
	return strconv.Quote(s)
}

func (in *inspector) renderNode(n *continuation.Node, depth int) string {
	g := in.graph
	name := in.className(n)
	switch n.Kind {
	case continuation.Closure, continuation.Member, continuation.Class:
		return "[" + n.Kind.String() + " " + in.functionName(n) + "]"
	case continuation.RuntimeFunction:
		return "[function " + g.Text(n.Text) + "]"
	case continuation.Frame:
		return "[call of " + in.functionName(n) + "]"
	case continuation.Date:
		if v := g.Birth(n)[0]; v.Kind == continuation.Int {
			return time.UnixMilli(int64(v.N)).UTC().Format("2006-01-02T15:04:05.000Z")
		}
		return "Invalid Date"
	case continuation.RegExp:
		birth := g.Birth(n)
		if birth[0].Kind == continuation.String && birth[1].Kind == continuation.String {
			return "/" + g.Text(continuation.StringID(birth[0].N)) + "/" + g.Text(continuation.StringID(birth[1].N))
		}
	case continuation.Error:
		if m, ok := in.field(n, "message"); ok && m.Kind == continuation.String {
			return or(name, "Error") + ": " + g.Text(continuation.StringID(m.N))
		}
		return or(name, "Error")
	case continuation.Buffer:
		return in.bytes("ArrayBuffer", "Uint8Array", g.Blobs[n.Number])
	case continuation.TypedArray:
		return in.bytes(or(name, g.Text(n.Text)), g.Text(n.Text), in.viewed(n, g.Text(n.Text)))
	case continuation.DataView:
		return in.bytes(or(name, "DataView"), "Uint8Array", in.viewed(n, "Uint8Array"))
	case continuation.Boxed:
		return "Object(" + in.renderValue(g.Birth(n)[0], depth-1) + ")"
	}
	if depth <= 0 {
		return or(name, map[continuation.Kind]string{continuation.Array: "[…]", continuation.Map: "Map", continuation.Set: "Set"}[n.Kind], "{…}")
	}
	switch n.Kind {
	case continuation.Array, continuation.Arguments:
		return name + in.list("[", g.Items(n), int(n.Number), depth, "]")
	case continuation.Set:
		return or(name, "Set") + in.list(" {", g.Items(n), len(g.Items(n)), depth, "}")
	case continuation.Map:
		return or(name, "Map") + in.entries(n, depth)
	}
	if in.isCollection(n) {
		return or(name, "WeakMap")
	}
	if promise, ok := in.field(n, "@kont.promise"); ok {
		return in.renderPromise(promise, depth)
	}
	return in.properties(n, name, depth)
}

func or(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func (in *inspector) functionName(n *continuation.Node) string {
	f := in.graph.Functions[n.Function]
	if id, ok := in.bundle.layout.byKey[f.Key]; ok {
		return in.bundle.layout.functions[id].name
	}
	return f.Key
}

// className is the name of the class that a node is an instance of; empty for plain objects.
func (in *inspector) className(n *continuation.Node) string {
	g := in.graph
	proto, ok := g.Prototype(n)
	if !ok {
		return ""
	}
	switch proto.Kind {
	case continuation.Named:
		name := strings.TrimSuffix(g.Text(continuation.StringID(proto.N)), ".prototype")
		return strings.TrimPrefix(displayName(name), "kont.")
	case continuation.Reference:
		if p := &g.Nodes[proto.Node()]; p.Kind == continuation.Prototype {
			if f := in.nodeOf(g.Birth(p)[0], true); f != nil && (f.Kind == continuation.Class || f.Kind == continuation.Closure) {
				return in.functionName(f)
			}
		}
	}
	return ""
}

func (in *inspector) list(open string, items []continuation.Value, length, depth int, end string) string {
	var b strings.Builder
	b.WriteString(open)
	for i, v := range items {
		if i > 0 {
			b.WriteString(", ")
		}
		if i == renderItemsMax {
			b.WriteString("… " + strconv.Itoa(length-i) + " more")
			break
		}
		b.WriteString(in.renderValue(v, depth-1))
	}
	b.WriteString(end)
	return b.String()
}

func (in *inspector) entries(n *continuation.Node, depth int) string {
	var b strings.Builder
	b.WriteString(" {")
	items := in.graph.Items(n)
	for i := 0; i+1 < len(items); i += 2 {
		if i > 0 {
			b.WriteString(", ")
		}
		if i/2 == renderItemsMax {
			b.WriteString("… " + strconv.Itoa(len(items)/2-i/2) + " more")
			break
		}
		b.WriteString(in.renderValue(items[i], depth-1) + " => " + in.renderValue(items[i+1], depth-1))
	}
	return b.String() + "}"
}

func (in *inspector) renderPromise(state continuation.Value, depth int) string {
	n := in.nodeOf(state, true)
	if n == nil {
		return "Promise"
	}
	status, _ := in.field(n, "state")
	value, _ := in.field(n, "value")
	switch status.N {
	case 1:
		return "Promise {" + in.renderValue(value, depth-1) + "}"
	case 2:
		return "Promise {rejected " + in.renderValue(value, depth-1) + "}"
	}
	return "Promise {pending}"
}

func (in *inspector) properties(n *continuation.Node, name string, depth int) string {
	g := in.graph
	var b strings.Builder
	if name != "" {
		b.WriteString(name + " ")
	}
	b.WriteString("{")
	shown := 0
	if n.Flags&continuation.HasProperties != 0 {
		shape := &g.Shapes[n.Shape]
		values := g.Properties(n)
		for i, k := range shape.Keys {
			attributes := continuation.Plain
			if shape.Attributes != nil {
				attributes = shape.Attributes[i]
			}
			var first continuation.Value
			switch {
			case attributes&continuation.Deleted != 0:
				continue
			case attributes&continuation.Accessor != 0:
				values = values[2:]
			default:
				first, values = values[0], values[1:]
			}
			if k.Kind != continuation.String {
				continue
			}
			if shown > 0 {
				b.WriteString(", ")
			}
			if shown == renderItemsMax {
				b.WriteString("…")
				break
			}
			shown++
			key := g.Text(continuation.StringID(k.N))
			if !isIdentifier(key) {
				key = strconv.Quote(key)
			}
			if attributes&continuation.Accessor != 0 {
				b.WriteString(key + ": [accessor]")
				continue
			}
			b.WriteString(key + ": " + in.renderValue(first, depth-1))
		}
	}
	for _, member := range in.private(n) {
		if shown > 0 {
			b.WriteString(", ")
		}
		if shown++; shown > renderItemsMax {
			b.WriteString("…")
			break
		}
		b.WriteString(member.name + ": " + in.renderValue(member.value, depth-1))
	}
	return b.String() + "}"
}
