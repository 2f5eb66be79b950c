package continuation

import (
	"fmt"
	"strconv"
	"strings"
)

// Dump writes a graph as text for people: one line an object, in the order of the bytes.
func (g *Graph) Dump() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version %d, runtime ABI %d, bundle %x\n", FormatVersion, g.ABI, g.Bundle)
	for i, f := range g.Functions {
		fmt.Fprintf(&b, "function %d: %s %016x\n", i, f.Key, f.Fingerprint)
	}
	for i := range g.Nodes {
		g.dumpNode(&b, i)
	}
	for _, m := range g.Module {
		fmt.Fprintf(&b, "module %s = %s\n", g.Text(m.Name), g.valueText(m.Value))
	}
	fmt.Fprintf(&b, "root %s\n", g.valueText(g.Root))
	return b.String()
}

func (g *Graph) dumpNode(b *strings.Builder, i int) {
	n := &g.Nodes[i]
	fmt.Fprintf(b, "#%d %s", i, n.Kind)
	fields := fieldsOf(n.Kind)
	if fields.function {
		b.WriteString(" " + g.Functions[n.Function].Key)
	}
	if fields.text {
		b.WriteString(" " + g.Text(n.Text))
	}
	if fields.number {
		fmt.Fprintf(b, " length %d", n.Number)
	}
	if fields.blob {
		fmt.Fprintf(b, " %x", g.Blobs[n.Number])
	}
	for _, v := range g.Birth(n) {
		b.WriteString(" " + g.valueText(v))
	}
	if p, ok := g.Prototype(n); ok {
		b.WriteString(" : " + g.valueText(p))
	}
	if n.Flags&NonExtensible != 0 {
		b.WriteString(" fixed")
	}
	items := g.Items(n)
	if fields.slots {
		fmt.Fprintf(b, " env %s this %s", g.valueText(items[0]), g.valueText(items[1]))
		for i, k := range g.Shapes[n.Slots].Keys {
			b.WriteString(" " + g.valueText(k) + "=" + g.valueText(items[i+2]))
		}
	} else if len(items) > 0 {
		texts := make([]string, len(items))
		for i, v := range items {
			texts[i] = g.valueText(v)
		}
		b.WriteString(" [" + strings.Join(texts, " ") + "]")
	}
	if n.Flags&HasProperties != 0 {
		g.dumpProperties(b, n)
	}
	b.WriteByte('\n')
}

func (g *Graph) dumpProperties(b *strings.Builder, n *Node) {
	values := g.Properties(n)
	shape := &g.Shapes[n.Shape]
	b.WriteString(" {")
	for i, k := range shape.Keys {
		a := Plain
		if shape.Attributes != nil {
			a = shape.Attributes[i]
		}
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(g.valueText(k))
		if a != Plain {
			fmt.Fprintf(b, "(%#x)", uint8(a))
		}
		for range a.values() {
			b.WriteString("=" + g.valueText(values[0]))
			values = values[1:]
		}
	}
	b.WriteByte('}')
}

func (g *Graph) valueText(v Value) string {
	switch v.Kind {
	case Reference:
		return "#" + strconv.FormatUint(v.N, 10)
	case String:
		return strconv.Quote(g.Text(StringID(v.N)))
	case Int:
		return strconv.FormatInt(int64(v.N), 10)
	case Double:
		return strconv.FormatFloat(v.Float(), 'g', -1, 64)
	case BigInt:
		return g.Text(StringID(v.N)) + "n"
	case Named:
		return g.Text(StringID(v.N))
	case SymbolValue:
		return "@" + g.Text(g.Symbols[v.N].Text)
	}
	return [...]string{"undefined", "null", "false", "true", "hole", "uninitialized"}[v.Kind]
}
