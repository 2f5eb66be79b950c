package jsvm

import (
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
	"kont/jsvm/property"
)

// node returns the object of a node, making it if need be.
func (r *restorer) node(id continuation.NodeID) *goja.Object {
	if o := r.born[id]; o != nil || r.err != nil {
		return o
	}
	if r.busy[id] && r.early {
		r.incomplete = true
		return nil
	}
	if r.busy[id] || r.depth > birthDepthMax {
		r.fail("object %d is needed to make itself", id)
		return nil
	}
	r.busy[id] = true
	r.depth++
	o, err := r.birth(&r.graph.Nodes[id])
	r.depth--
	if err != nil {
		r.fail("%s cannot be made: %v", r.graph.Nodes[id].Kind, err)
	}
	if o == nil && r.err == nil {
		r.fail("%s cannot be made", r.graph.Nodes[id].Kind)
	}
	r.born[id] = o
	return o
}

func (r *restorer) birth(n *continuation.Node) (*goja.Object, error) {
	h := r.heap
	birth := r.graph.Birth(n)
	argument := func(i int) goja.Value { return r.value(birth[i]) }
	switch n.Kind {
	case continuation.Object:
		if p, ok := r.graph.Prototype(n); ok {
			return h.rt.CreateObject(r.object(p)), nil
		}
		return h.rt.NewObject(), nil
	case continuation.Frame:
		return h.rt.CreateObject(h.frame), nil
	case continuation.Array:
		return h.rt.NewArray(), nil
	case continuation.Closure:
		return r.closure(n)
	case continuation.RuntimeFunction:
		return r.runtimeFunction(n)
	case continuation.Class:
		return r.class(n)
	case continuation.Member:
		return r.member(n)
	case continuation.Prototype:
		f := r.object(birth[0])
		if f == nil {
			return nil, nil
		}
		o, _ := f.Get("prototype").(*goja.Object)
		return o, nil
	case continuation.Map:
		return object(h.natives.newMap(nil))
	case continuation.Set:
		return object(h.natives.newSet(nil))
	case continuation.Date:
		return h.rt.New(h.natives.date, argument(0))
	case continuation.RegExp:
		source, flags := argument(0), argument(1)
		if strings.Contains(flags.String(), "u") { // written by a build that left property escapes to the engine
			if expanded, err := property.Expand(source.String()); err == nil && expanded != source.String() {
				source = h.stringValue(expanded)
			}
		}
		return h.rt.New(h.natives.regexp, source, flags)
	case continuation.Error:
		return h.rt.New(h.natives.error)
	case continuation.Buffer:
		bytes := append([]byte(nil), r.graph.Blobs[n.Number]...)
		return h.rt.ToValue(h.rt.NewArrayBuffer(bytes)).(*goja.Object), nil
	case continuation.TypedArray, continuation.DataView:
		name := "DataView"
		if n.Kind == continuation.TypedArray {
			name = r.graph.Text(n.Text)
		}
		constructor, ok := h.natives.constructors[name]
		if !ok || birth[0].Kind != continuation.Reference {
			return nil, nil
		}
		return h.rt.New(constructor, argument(0), argument(1), argument(2))
	case continuation.Boxed:
		return object(h.natives.box(nil, argument(0)))
	case continuation.Arguments:
		items := r.graph.Items(n)
		values := make([]goja.Value, len(items))
		for i := range values {
			values[i] = undefinedSelf // the objects among them are set when the node is filled
		}
		return object(h.natives.makeArguments(nil, values...))
	}
	return nil, nil
}

func object(v goja.Value, err error) (*goja.Object, error) {
	o, _ := v.(*goja.Object)
	return o, err
}

func (r *restorer) closure(n *continuation.Node) (*goja.Object, error) {
	id := r.ids[n.Function]
	f := &r.heap.layout.functions[id]
	if f.isClass || id >= len(r.heap.factories) || r.heap.factories[id] == nil {
		r.fail("%s is no closure", f.id.Key)
		return nil, nil
	}
	return object(r.heap.factories[id](nil, r.value(r.graph.Birth(n)[0])))
}

// runtimeFunction makes a function of the library. Its factory may read the properties of the state.
func (r *restorer) runtimeFunction(n *continuation.Node) (*goja.Object, error) {
	state := r.graph.Birth(n)[0]
	value := r.value(state)
	if state.Kind == continuation.Reference && r.err == nil {
		early, incomplete := r.early, r.incomplete
		r.early, r.incomplete = true, false
		r.fill(state.Node())
		r.filled[state.Node()] = !r.incomplete
		r.early, r.incomplete = early, incomplete
	}
	if r.err != nil {
		return nil, nil
	}
	return r.heap.makeFunction(r.graph.Text(n.Text), value)
}

func (r *restorer) class(n *continuation.Node) (*goja.Object, error) {
	id := r.ids[n.Function]
	birth := r.graph.Birth(n)
	if !r.heap.layout.functions[id].isClass || len(birth) < 2 || r.heap.defineClass == nil {
		r.fail("%s is no class", r.heap.layout.functions[id].id.Key)
		return nil, nil
	}
	var keys []goja.Value
	for _, v := range birth[2:] {
		keys = append(keys, r.value(v))
	}
	return r.heap.defineClass(id, r.value(birth[0]), r.value(birth[1]), keys)
}

// member finds a method or accessor function of a class that has just been made.
func (r *restorer) member(n *continuation.Node) (*goja.Object, error) {
	class := r.object(r.graph.Birth(n)[0])
	id := r.ids[n.Function]
	if class == nil {
		return nil, nil
	}
	prototype, _ := class.Get("prototype").(*goja.Object)
	for _, holder := range []*goja.Object{prototype, class} {
		if holder == nil {
			continue
		}
		keys, err := object(r.heap.natives.ownKeys(nil, holder))
		if err != nil {
			return nil, err
		}
		for i := range int(keys.Get("length").ToInteger()) {
			d := r.heap.descriptor(holder, keys.Get(indexName(i)))
			for _, v := range []goja.Value{d.value, d.setter} {
				if f, ok := v.(*goja.Object); ok && f.ClassName() == "Function" {
					if found, ok := r.heap.functionID(f); ok && found == id {
						return f, nil
					}
				}
			}
		}
	}
	r.fail("the class has no member %s", r.heap.layout.functions[id].id.Key)
	return nil, nil
}
