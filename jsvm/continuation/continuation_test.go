package continuation

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"math"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"
)

var dictionary = &Dictionary{
	Strings:   []string{"order", "items", "%start"},
	Functions: []Function{{Key: "app.ts/book", Fingerprint: 0x1122334455667788}},
	Shapes:    []DictionaryShape{{Keys: []string{"order", "items"}}, {Keys: []string{"order"}, Class: "items", Private: "kont.promise"}, {Keys: []string{"missing"}}},
}

// sample has a node of every kind, every kind of value, flags and attributes.
func sample(d *Dictionary) *Graph {
	g := &Graph{}
	g.Reset(d)
	g.ABI = 3
	copy(g.Bundle[:], "0123456789abcdef")
	text := func(s string) StringID {
		if id, ok := d.Lookup(s); ok {
			return id
		}
		for i, have := range g.Strings {
			if have == s {
				return StringID(d.Size() + i)
			}
		}
		g.Strings = append(g.Strings, s)
		return StringID(d.Size() + len(g.Strings) - 1)
	}
	str := func(s string) Value { return Value{String, uint64(text(s))} }
	g.Functions = []Function{{Key: "app.ts/book", Fingerprint: 0x1122334455667788}, {Key: "lib.ts/other", Fingerprint: 7}}
	g.Symbols = []Symbol{{SymbolWellKnown, text("iterator")}, {SymbolRegistered, text("r")}, {SymbolNamed, text("kont.promise")}, {SymbolLocal, text("l")}, {SymbolAnonymous, text("")}}
	g.Shapes = []Shape{
		NewShape([]Value{str("order"), str("ключ"), {SymbolValue, 1}}, nil),
		NewShape([]Value{str("a"), str("b"), str("gone")}, []Attributes{Plain, Enumerable | Accessor, Deleted}),
		NewShape([]Value{str("items"), str("%t1")}, nil),
	}
	g.Shapes[1].Class = Value{Named, uint64(text("Map.prototype"))}
	if shape, ok := d.FindShape(ShapeKey(nil, []string{"order"}, "items", "kont.promise")); ok {
		g.Shapes = append(g.Shapes, shape.AddKey(Value{SymbolValue, 2}))
	}
	values := []Value{{Kind: Undefined}, {Kind: Null}, {Kind: False}, {Kind: True}, {Kind: Hole}, {Kind: Uninitialized},
		IntValue(0), IntValue(-1), IntValue(1 << 53), IntValue(math.MinInt64), IntValue(math.MaxInt64), DoubleValue(1.5), DoubleValue(math.Copysign(0, -1)),
		DoubleValue(math.Float64frombits(0x7ff8000000000123)), {BigInt, uint64(text("-12345678901234567890"))}, {SymbolValue, 3}, {Named, uint64(text("Map.prototype"))},
		str("order"), str("own"), RefValue(0)}
	add := func(n Node, births, items, properties []Value) {
		g.Nodes = append(g.Nodes, n)
		id := NodeID(len(g.Nodes) - 1)
		g.Begin(id)
		for _, v := range births {
			g.AddBirth(id, v)
		}
		for _, v := range items {
			g.AddItem(id, v)
		}
		for _, v := range properties {
			g.AddProperty(id, v)
		}
	}
	undefined := Value{}
	add(Node{Kind: Object, Flags: HasProperties, Shape: 0}, nil, nil, []Value{RefValue(1), str("x"), RefValue(2)})
	add(Node{Kind: Array, Number: 100}, nil, values, nil)
	add(Node{Kind: Object, Flags: HasProperties | HasPrototype | NonExtensible, Shape: 1, Proto: Value{Kind: Null}}, nil, nil, []Value{IntValue(5), RefValue(3), undefined})
	add(Node{Kind: Closure, Function: 1}, []Value{RefValue(0)}, nil, nil)
	add(Node{Kind: RuntimeFunction, Text: text("promise.resolve")}, []Value{RefValue(1)}, nil, nil)
	add(Node{Kind: Class, Function: 1}, []Value{undefined, RefValue(3), str("key"), {SymbolValue, 0}}, nil, nil)
	add(Node{Kind: Member, Function: 0}, []Value{RefValue(5)}, nil, nil)
	add(Node{Kind: Prototype}, []Value{RefValue(5)}, nil, nil)
	add(Node{Kind: Frame, Function: 0, Text: text("await 1 ab"), Slots: 2}, nil, []Value{RefValue(0), undefined, RefValue(1), IntValue(3)}, nil)
	add(Node{Kind: Map, Flags: HasPrototype, Proto: RefValue(7)}, nil, []Value{str("k"), RefValue(9)}, nil)
	add(Node{Kind: Set}, nil, []Value{RefValue(10)}, nil)
	add(Node{Kind: Date}, []Value{DoubleValue(math.NaN())}, nil, nil)
	add(Node{Kind: RegExp}, []Value{str("a+"), str("g")}, nil, nil)
	add(Node{Kind: Error}, nil, nil, nil)
	add(Node{Kind: Buffer, Number: 0}, nil, nil, nil)
	g.Blobs = append(g.Blobs, []byte{1, 2, 3})
	add(Node{Kind: TypedArray, Text: text("Uint8Array")}, []Value{RefValue(14), IntValue(0), IntValue(3)}, nil, nil)
	add(Node{Kind: DataView}, []Value{RefValue(14), IntValue(1), IntValue(2)}, nil, nil)
	add(Node{Kind: Boxed}, []Value{str("box")}, nil, nil)
	add(Node{Kind: Arguments}, nil, []Value{IntValue(1)}, nil)
	g.Module = []Binding{{text("app.ts:counter"), IntValue(9)}}
	g.Root = RefValue(0)
	return g
}

func TestGraphSurvivesMarshalling(t *testing.T) {
	for name, d := range map[string]*Dictionary{"with a dictionary": dictionary, "without": nil} {
		t.Run(name, func(t *testing.T) {
			want := sample(d)
			data := want.Marshal(nil)
			var got Graph
			if err := got.Unmarshal(data, d, DefaultLimits); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(&got, want) {
				t.Errorf("got\n%+v\nwant\n%+v", &got, want)
			}
			if again := got.Marshal(nil); !bytes.Equal(again, data) {
				t.Errorf("marshalled again:\n%x\n%x", again, data)
			}
			id, err := ReadBundleID(data)
			if err != nil || string(id[:]) != "0123456789abcdef" {
				t.Errorf("bundle id %q, %v", id, err)
			}
		})
	}
}

var update = flag.Bool("add-golden", false, "write golden files that are missing; existing ones are never changed")

// Bytes of a released version must be readable for ever, and mean the same.
func TestGoldenBytesOfVersion1(t *testing.T) {
	const file = "testdata/version1.hex"
	if _, err := os.Stat(file); *update && errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(hex.EncodeToString(sample(dictionary).Marshal(nil))+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	data, err := hex.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	var got Graph
	if err := got.Unmarshal(data, dictionary, DefaultLimits); err != nil {
		t.Fatal(err)
	}
	if want := sample(dictionary); !reflect.DeepEqual(&got, want) {
		t.Errorf("got\n%+v\nwant\n%+v", &got, want)
	}
}

// Every proper prefix is refused, and every flip of a bit is refused or gives a graph with valid indexes.
func TestDamagedBytesAreRefusedOrHarmless(t *testing.T) {
	data := sample(dictionary).Marshal(nil)
	var g Graph
	for n := range data {
		if err := g.Unmarshal(data[:n], dictionary, DefaultLimits); err == nil {
			t.Errorf("the first %d of %d bytes are accepted", n, len(data))
		}
	}
	for i := range data {
		for bit := range 8 {
			damaged := bytes.Clone(data)
			damaged[i] ^= 1 << bit
			if err := g.Unmarshal(damaged, dictionary, DefaultLimits); err == nil {
				requireValid(t, &g)
			}
		}
	}
}

func TestOtherVersionsAndDictionariesAreNamed(t *testing.T) {
	data := sample(dictionary).Marshal(nil)
	var g Graph
	if err := g.Unmarshal(data, nil, DefaultLimits); !errors.Is(err, ErrDictionary) {
		t.Errorf("another dictionary: %v", err)
	}
	newer := bytes.Clone(data)
	newer[0] = 9
	if err := g.Unmarshal(newer, dictionary, DefaultLimits); !errors.Is(err, ErrVersion) || !strings.Contains(err.Error(), "version 9, newest known is 1") {
		t.Errorf("a newer version: %v", err)
	}
	if err := g.Unmarshal(data, dictionary, Limits{Bytes: 10, Nodes: 1000, Values: 1000}); !errors.Is(err, ErrMalformed) {
		t.Errorf("too long: %v", err)
	}
	if err := g.Unmarshal(data, dictionary, Limits{Bytes: 1000, Nodes: 3, Values: 1000}); !errors.Is(err, ErrMalformed) {
		t.Errorf("too many objects: %v", err)
	}
	if err := g.Unmarshal(data, dictionary, Limits{Bytes: 1000, Nodes: 1000, Values: 3}); !errors.Is(err, ErrMalformed) {
		t.Errorf("too many values: %v", err)
	}
}

func requireValid(t *testing.T, g *Graph) {
	t.Helper()
	check := func(v Value) {
		switch v.Kind {
		case Reference:
			_ = g.Nodes[v.N]
		case String, BigInt, Named:
			_ = g.Text(StringID(v.N))
		case SymbolValue:
			_ = g.Symbols[v.N]
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		for _, vs := range [][]Value{g.Birth(n), g.Items(n), g.Properties(n), {n.Proto}} {
			for _, v := range vs {
				check(v)
			}
		}
		if fieldsOf(n.Kind).text {
			_ = g.Text(n.Text)
		}
		if n.Flags&HasProperties != 0 && len(g.Properties(n)) != g.Shapes[n.Shape].Values() {
			t.Fatalf("node %d has %d values, its shape %d", i, len(g.Properties(n)), g.Shapes[n.Shape].Values())
		}
		if f := fieldsOf(n.Kind); f.function {
			_ = g.Functions[n.Function]
		} else if f.blob {
			_ = g.Blobs[n.Number]
		}
	}
	check(g.Root)
}

func FuzzUnmarshal(f *testing.F) {
	f.Add(sample(dictionary).Marshal(nil))
	f.Add(sample(nil).Marshal(nil))
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, d := range []*Dictionary{dictionary, nil} {
			var g, again Graph
			if g.Unmarshal(data, d, Limits{Bytes: 1 << 20, Nodes: 1 << 16, Values: 1 << 18}) != nil {
				continue
			}
			requireValid(t, &g)
			if err := again.Unmarshal(g.Marshal(nil), d, DefaultLimits); err != nil {
				t.Fatalf("what was read cannot be read again: %v", err)
			}
			if !reflect.DeepEqual(normal(&g), normal(&again)) {
				t.Fatalf("read again as\n%+v\nwas\n%+v", &again, &g)
			}
		}
	})
}

// normal hides the difference between nil and empty.
func normal(g *Graph) Graph {
	c := *g
	if len(c.Blobs) == 0 {
		c.Blobs = nil
	}
	for i := range c.Blobs {
		c.Blobs[i] = append([]byte{}, c.Blobs[i]...)
	}
	for _, s := range []func(){
		func() { c.Strings = append([]string{}, c.Strings...) }, func() { c.Functions = append([]Function{}, c.Functions...) },
		func() { c.Symbols = append([]Symbol{}, c.Symbols...) }, func() { c.Shapes = append([]Shape{}, c.Shapes...) },
		func() { c.Nodes = append([]Node{}, c.Nodes...) }, func() { c.Module = append([]Binding{}, c.Module...) },
		func() { c.values = append([]Value{}, c.values...) },
	} {
		s()
	}
	return c
}

func TestLoneSurrogatesSurvive(t *testing.T) {
	for _, units := range [][]uint16{{}, {'a'}, {0xD800}, {0xDC00}, {0xD83D, 0xDE00}, {0xDE00, 0xD83D}, {0xD800, 0xD800, 0xDC00}, {0xFFFD}, {0xD7FF, 0xE000}, utf16.Encode([]rune("é漢😀"))} {
		if got := UnitsFromText(TextFromUnits(units)); !reflect.DeepEqual(got, append([]uint16{}, units...)) {
			t.Errorf("%x came back as %x", units, got)
		}
	}
}

func BenchmarkMarshal(b *testing.B) {
	g := sample(dictionary)
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		data = g.Marshal(data[:0])
	}
}

func BenchmarkUnmarshal(b *testing.B) {
	data := sample(dictionary).Marshal(nil)
	var g Graph
	b.ReportAllocs()
	for b.Loop() {
		if err := g.Unmarshal(data, dictionary, DefaultLimits); err != nil {
			b.Fatal(err)
		}
	}
}
