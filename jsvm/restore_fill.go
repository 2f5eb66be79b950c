package jsvm

import (
	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// fill gives a born object its contents.
func (r *restorer) fill(id continuation.NodeID) {
	if r.filled[id] {
		return
	}
	r.filled[id] = true
	g, h := r.graph, r.heap
	n, o := &g.Nodes[id], r.born[id]
	var err error
	switch n.Kind {
	case continuation.Array:
		err = r.fillArray(n, o)
	case continuation.Map:
		for items := g.Items(n); len(items) > 1 && err == nil; items = items[2:] {
			_, err = h.natives.mapSet(o, r.value(items[0]), r.value(items[1]))
		}
	case continuation.Set:
		for _, v := range g.Items(n) {
			if _, err = h.natives.setAdd(o, r.value(v)); err != nil {
				break
			}
		}
	case continuation.Frame:
		err = r.fillFrame(n, o)
	case continuation.Arguments:
		for i, v := range g.Items(n) {
			err = o.Set(indexName(i), r.value(v))
		}
	case continuation.Error:
		for _, name := range o.GetOwnPropertyNames() {
			err = o.Delete(name) // the stack of the restore is nobody's
		}
	}
	if p, ok := g.Prototype(n); ok && err == nil && n.Kind != continuation.Object {
		err = o.SetPrototype(r.object(p))
	}
	if err == nil && n.Flags&continuation.HasProperties != 0 {
		err = r.fillProperties(n, o)
	}
	if mark := h.symbols[detachedMark]; n.Kind == continuation.Buffer && mark != nil && h.hasPrivate(o, mark) {
		o.Export().(goja.ArrayBuffer).Detach()
	}
	if err == nil && n.Flags&continuation.NonExtensible != 0 {
		h.mark(o)
		_, err = h.natives.preventExtensions(nil, o)
	}
	if err != nil {
		r.fail("%s cannot be filled: %v", n.Kind, err)
	}
}

func (r *restorer) fillArray(n *continuation.Node, o *goja.Object) error {
	items := r.graph.Items(n)
	for i, v := range items {
		if v.Kind == continuation.Hole {
			continue
		}
		if err := o.Set(indexName(i), r.value(v)); err != nil {
			return err
		}
	}
	if len(items) == 0 && n.Number == 0 || len(items) > 0 && n.Number == uint64(len(items)) && items[len(items)-1].Kind != continuation.Hole {
		return nil
	}
	return o.Set("length", int64(n.Number))
}

func (r *restorer) fillFrame(n *continuation.Node, o *goja.Object) error {
	g := r.graph
	id := r.ids[n.Function]
	f := &r.heap.layout.functions[id]
	items := g.Items(n)
	pc, saved := 0, goja.Value(undefinedSelf)
	switch key := g.Text(n.Text); key {
	case pointFinished:
		pc = finished
	default:
		if pc = f.point(key); pc < 0 {
			r.fail("%s has no resume point %s", f.id.Key, key)
			return nil
		}
		slots := r.slots(f, pc, &g.Shapes[n.Slots], items[2:])
		if slots == nil {
			return nil
		}
		saved = slots
	}
	for _, field := range []struct {
		name  string
		value goja.Value
	}{
		{"fn", r.heap.rt.ToValue(id)}, {"pc", r.heap.rt.ToValue(pc)}, {"e", r.value(items[0])}, {"t", r.value(items[1])}, {"s", saved},
	} {
		if field.value == undefinedSelf {
			continue
		}
		if err := o.Set(field.name, field.value); err != nil {
			return err
		}
	}
	return nil
}

// slots puts the saved locals into the order of this build. A local that this build keeps must have been saved;
// one that it keeps no more is dropped.
func (r *restorer) slots(f *functionLayout, pc int, shape *continuation.Shape, saved []continuation.Value) *goja.Object {
	wanted := f.points[pc].slots
	values := make([]any, len(wanted))
	for i, name := range wanted {
		at := i
		if at >= len(shape.Keys) || r.graph.Text(continuation.StringID(shape.Keys[at].N)) != name {
			at = -1
			for j, k := range shape.Keys {
				if k.Kind == continuation.String && r.graph.Text(continuation.StringID(k.N)) == name {
					at = j
					break
				}
			}
		}
		if at < 0 {
			r.fail("%s waits at %s without %q, which this build needs there", f.id.Key, f.points[pc].key, name)
			return nil
		}
		values[i] = r.value(saved[at])
	}
	return r.heap.rt.NewArray(values...)
}

func (r *restorer) fillProperties(n *continuation.Node, o *goja.Object) error {
	g := r.graph
	shape := &g.Shapes[n.Shape]
	values := g.Properties(n)
	_, hasPrototype := g.Prototype(n)
	var class *runtimeClass
	if hasPrototype && n.Kind == continuation.Object {
		class = r.heap.classes[o.Prototype()]
	}
	if r.shapes[n.Shape] && (!hasPrototype || class != nil) {
		isFixed := n.Kind == continuation.Frame || class != nil && class.fields != nil
		for i, k := range shape.Keys {
			if isFixed && values[i].Kind == continuation.Undefined {
				continue // to the library, a field that is not there is as good
			}
			if k.Kind == continuation.SymbolValue {
				var err error
				if r.symbols[k.N] == r.heap.symPromise {
					err = o.SetSymbol(r.heap.symPromise, r.value(values[i])) // in half the time: goja would make a text of the symbol
				} else {
					err = r.define(o, k, continuation.Plain, r.value(values[i]), nil)
				}
				if err != nil {
					return err
				}
				continue
			}
			name := g.Text(continuation.StringID(k.N))
			if n.Kind == continuation.Frame {
				name = frameField(name)
			}
			if err := o.Set(name, r.value(values[i])); err != nil {
				return err
			}
		}
		return nil
	}
	if shape.Attributes != nil && n.Kind != continuation.Error {
		r.heap.mark(o)
	}
	for i, k := range shape.Keys {
		a := continuation.Plain
		if shape.Attributes != nil {
			a = shape.Attributes[i]
		}
		var value, setter goja.Value
		if a&continuation.Deleted != 0 {
			if err := o.Delete(g.Text(continuation.StringID(k.N))); err != nil {
				return err
			}
			continue
		}
		value = r.value(values[0])
		values = values[1:]
		if a&continuation.Accessor != 0 {
			setter = r.value(values[0])
			values = values[1:]
		}
		if err := r.define(o, k, a, value, setter); err != nil {
			return err
		}
	}
	return nil
}

// frameField is the field of a frame for a name in a continuation.
func frameField(stored string) string {
	for _, f := range &frameFields {
		if f.stored == stored {
			return f.name
		}
	}
	return stored
}

func (h *heap) mark(o *goja.Object) {
	_ = o.DefineDataPropertySymbol(h.symMark, valueTrue, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
}

func flagOf(a, bit continuation.Attributes) goja.Flag {
	if a&bit != 0 {
		return goja.FLAG_TRUE
	}
	return goja.FLAG_FALSE
}

func (r *restorer) define(o *goja.Object, key continuation.Value, a continuation.Attributes, value, setter goja.Value) error {
	enumerable, configurable, writable := flagOf(a, continuation.Enumerable), flagOf(a, continuation.Configurable), flagOf(a, continuation.Writable)
	isAccessor := a&continuation.Accessor != 0
	if key.Kind == continuation.SymbolValue {
		sym := r.symbols[key.N]
		if r.heap.isPrivate[sym] && sym != r.heap.symPromise { // the library makes promises by literals
			enumerable = goja.FLAG_FALSE
		}
		if isAccessor {
			return o.DefineAccessorPropertySymbol(sym, value, setter, configurable, enumerable)
		}
		return o.DefineDataPropertySymbol(sym, value, writable, configurable, enumerable)
	}
	text := r.graph.Text(continuation.StringID(key.N))
	if !continuation.IsWellFormed(text) {
		return r.defineByDescriptor(o, r.string(continuation.StringID(key.N)), a, value, setter)
	}
	if isAccessor {
		return o.DefineAccessorProperty(text, value, setter, configurable, enumerable)
	}
	return o.DefineDataProperty(text, value, writable, configurable, enumerable)
}

// defineByDescriptor defines a property whose key has lone surrogates, which Go's side of the API cannot name.
func (r *restorer) defineByDescriptor(o *goja.Object, key goja.Value, a continuation.Attributes, value, setter goja.Value) error {
	d := r.heap.rt.NewObject()
	fields := map[string]goja.Value{"value": value, "writable": r.heap.rt.ToValue(a&continuation.Writable != 0)}
	if a&continuation.Accessor != 0 {
		fields = map[string]goja.Value{"get": value, "set": setter}
	}
	fields["enumerable"] = r.heap.rt.ToValue(a&continuation.Enumerable != 0)
	fields["configurable"] = r.heap.rt.ToValue(a&continuation.Configurable != 0)
	for name, v := range fields {
		if err := d.Set(name, v); err != nil {
			return err
		}
	}
	_, err := r.heap.natives.defineProperty(nil, o, key, d)
	return err
}
