package jsvm

import (
	"fmt"
	"math/big"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// restorer builds the objects of a graph in a heap.
//
// In two passes: every node is born (made, with what must be known to make it), then filled. A
// node whose birth needs another node is born after it; cycles go through contents.
type restorer struct {
	heap   *heap
	graph  *continuation.Graph
	born   []*goja.Object
	busy   []bool // being born, to find cycles that no heap can have
	filled []bool
	// early is set while the state of a function of the library is filled before the function is made; what
	// is not born by then makes it incomplete, and it is filled again later.
	early, incomplete bool
	strings           []goja.Value
	symbols           []*goja.Symbol
	ids               []int  // of the functions, in this build
	shapes            []bool // whether the keys of a shape may be set by plain assignment
	depth             int
	err               error
}

// IncompatibleError says why a continuation does not fit the bundle or the engine that
// shall resume it. The continuation itself is sound.
type IncompatibleError struct{ Reason string }

func (e *IncompatibleError) Error() string { return "continuation does not fit: " + e.Reason }

// birthDepthMax bounds chains of prototypes, heritages and bound functions.
const birthDepthMax = 10_000

// restore builds the graph that the heap holds and returns its root and the module bindings.
func (h *heap) restore(g *continuation.Graph) (root *goja.Object, module []moduleBinding, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("restore: %v", p)
		}
	}()
	r := &h.restorer
	r.reset(h, g)
	r.functions()
	r.makeSymbols()
	for i := range g.Shapes {
		r.shapes[i] = r.isAssignable(&g.Shapes[i])
	}
	for i := range g.Nodes {
		r.node(continuation.NodeID(i))
	}
	for i := range g.Nodes {
		if r.err != nil {
			break
		}
		r.fill(continuation.NodeID(i))
	}
	if r.err == nil && g.Root.Kind == continuation.Reference {
		root = r.born[g.Root.Node()]
	} else {
		r.fail("no root object")
	}
	for _, b := range g.Module {
		module = append(module, moduleBinding{g.Text(b.Name), r.value(b.Value)})
	}
	err = r.err
	r.reset(h, &continuation.Graph{})
	return root, module, err
}

// reset makes room for a graph. The restorer keeps nothing of the last one.
func (r *restorer) reset(h *heap, g *continuation.Graph) {
	*r = restorer{heap: h, graph: g, born: fit(r.born, len(g.Nodes)), busy: fit(r.busy, len(g.Nodes)), filled: fit(r.filled, len(g.Nodes)),
		strings: fit(r.strings, len(g.Strings)), symbols: fit(r.symbols, len(g.Symbols)), ids: fit(r.ids, len(g.Functions)), shapes: fit(r.shapes, len(g.Shapes))}
}

// fit is a zeroed slice of length n, in the memory of s if that is large enough and not much too large.
func fit[T any](s []T, n int) []T {
	clear(s)
	if cap(s) < n || cap(s) > 64*n+4096 {
		return make([]T, n)
	}
	return s[:n]
}

func (r *restorer) fail(format string, args ...any) {
	if r.err == nil {
		r.err = &IncompatibleError{fmt.Sprintf(format, args...)}
	}
}

// functions finds the functions that the continuation uses in this build.
func (r *restorer) functions() {
	for i, f := range r.graph.Functions {
		id, ok := r.heap.layout.byKey[f.Key]
		if !ok {
			r.fail("the bundle has no function %s", f.Key)
			return
		}
		if now := r.heap.layout.functions[id].id.Fingerprint; now != f.Fingerprint {
			r.fail("function %s has another source (%016x, was %016x)", f.Key, now, f.Fingerprint)
			return
		}
		r.ids[i] = id
	}
}

func (r *restorer) makeSymbols() {
	h := r.heap
	for i, s := range r.graph.Symbols {
		text := r.graph.Text(s.Text)
		switch s.Kind {
		case continuation.SymbolWellKnown:
			r.symbols[i] = h.natives.wellKnownByName[text]
		case continuation.SymbolNamed:
			r.symbols[i] = h.symbols[text]
		case continuation.SymbolRegistered:
			v, err := h.natives.symbolFor(nil, h.stringValue(text))
			if err == nil {
				r.symbols[i], _ = v.(*goja.Symbol)
			}
		case continuation.SymbolLocal:
			if v, err := h.natives.newSymbol(nil, h.stringValue(text)); err == nil {
				r.symbols[i], _ = v.(*goja.Symbol)
			}
		case continuation.SymbolAnonymous:
			if v, err := h.natives.newSymbol(nil); err == nil {
				r.symbols[i], _ = v.(*goja.Symbol)
			}
		}
		if r.symbols[i] == nil {
			r.fail("unknown symbol %q", text)
			return
		}
	}
}

// stringValue makes a JavaScript string of WTF-8.
func (h *heap) stringValue(text string) goja.Value {
	if continuation.IsWellFormed(text) {
		return h.rt.ToValue(text)
	}
	return goja.StringFromUTF16(continuation.UnitsFromText(text))
}

func (r *restorer) string(id continuation.StringID) goja.Value {
	cache, i := r.heap.dictionaryValues, int(id)
	if i >= len(cache) {
		cache, i = r.strings, i-len(cache)
	}
	if cache[i] == nil {
		cache[i] = r.heap.stringValue(r.graph.Text(id))
	}
	return cache[i]
}

func (r *restorer) value(v continuation.Value) goja.Value {
	switch v.Kind {
	case continuation.Reference:
		return r.reference(v.Node())
	case continuation.String:
		return r.string(continuation.StringID(v.N))
	case continuation.Int:
		return r.heap.rt.ToValue(int64(v.N))
	case continuation.Double:
		return r.heap.rt.ToValue(v.Float())
	case continuation.Null:
		return nullSelf
	case continuation.False:
		return valueFalse
	case continuation.True:
		return valueTrue
	case continuation.BigInt:
		n, ok := new(big.Int).SetString(r.graph.Text(continuation.StringID(v.N)), 10)
		if !ok {
			r.fail("bad BigInt")
			return undefinedSelf
		}
		return r.heap.rt.ToValue(n)
	case continuation.SymbolValue:
		return r.symbols[v.N]
	case continuation.Named:
		name := r.graph.Text(continuation.StringID(v.N))
		if o, ok := r.heap.named(name); ok {
			return o
		}
		r.fail("the bundle has no object %q", name)
	case continuation.Uninitialized:
		return r.heap.uninitialized
	}
	return undefinedSelf
}

var (
	valueTrue  = goja.New().ToValue(true)
	valueFalse = goja.New().ToValue(false)
)

// reference is the object of a node; during the first pass it is born on demand.
func (r *restorer) reference(id continuation.NodeID) goja.Value {
	if o := r.node(id); o != nil {
		return o
	}
	return undefinedSelf
}

// object is a value that must be an object or null.
func (r *restorer) object(v continuation.Value) *goja.Object {
	o, _ := r.value(v).(*goja.Object)
	return o
}

// isAssignable reports whether keys of an ordinary object can be set by assignment: no
// property of Object.prototype intercepts any of them.
func (r *restorer) isAssignable(s *continuation.Shape) bool {
	if s.Attributes != nil {
		return false
	}
	for _, k := range s.Keys {
		if k.Kind == continuation.SymbolValue && r.heap.isPrivate[r.symbols[k.N]] {
			continue
		}
		if k.Kind != continuation.String {
			return false
		}
		text := r.graph.Text(continuation.StringID(k.N))
		if _, taken := r.heap.objectProtoNames[text]; taken || !continuation.IsWellFormed(text) {
			return false
		}
	}
	return true
}
