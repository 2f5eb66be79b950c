package continuation

// Change says what the names of a graph become in another bundle.
type Change struct {
	// Function is the entry of the table of functions used that takes the place of f.
	Function func(f Function) Function
	// Name is the name of an object, symbol or variable that belongs to a module, and of everything else that has one.
	Name func(name string) string
	// Frame says of a frame at a point where the function of the other bundle goes on, with which slots, and which of
	// the old ones, by index, each of them takes its value from.
	Frame func(function FunctionID, point string, slots []string) (newPoint string, newSlots []string, from []int)
	// Keys has the properties of single objects that get other names.
	Keys map[NodeID]map[string]string
}

// Rebase returns the graph over another bundle's dictionary, with its names changed. Objects keep their numbers.
func (g *Graph) Rebase(bundle [BundleIDSize]byte, dictionary *Dictionary, change Change) *Graph {
	r := rebaser{from: g, change: change, strings: map[string]StringID{}, to: &Graph{}}
	r.to.Reset(dictionary)
	r.to.ABI, r.to.Bundle = g.ABI, bundle
	for _, f := range g.Functions {
		r.to.Functions = append(r.to.Functions, change.Function(f))
	}
	for _, s := range g.Symbols {
		text := g.Text(s.Text)
		if s.Kind == SymbolNamed {
			text = change.Name(text)
		}
		r.to.Symbols = append(r.to.Symbols, Symbol{s.Kind, r.text(text)})
	}
	for i := range g.Shapes {
		r.to.Shapes = append(r.to.Shapes, r.shape(&g.Shapes[i]))
	}
	r.to.Blobs = append(r.to.Blobs, g.Blobs...)
	for i := range g.Nodes {
		r.node(NodeID(i))
	}
	for _, b := range g.Module {
		r.to.Module = append(r.to.Module, Binding{Name: r.text(change.Name(g.Text(b.Name))), Value: r.value(b.Value)})
	}
	r.to.Root = r.value(g.Root)
	return r.to
}

type rebaser struct {
	from, to *Graph
	change   Change
	strings  map[string]StringID
}

func (r *rebaser) text(text string) StringID {
	if id, ok := r.to.Dictionary.Lookup(text); ok {
		return id
	}
	id, ok := r.strings[text]
	if !ok {
		id = StringID(r.to.Dictionary.Size() + len(r.to.Strings))
		r.to.Strings = append(r.to.Strings, text)
		r.strings[text] = id
	}
	return id
}

func (r *rebaser) value(v Value) Value {
	switch v.Kind {
	case String, BigInt:
		v.N = uint64(r.text(r.from.Text(StringID(v.N))))
	case Named:
		v.N = uint64(r.text(r.change.Name(r.from.Text(StringID(v.N)))))
	}
	return v
}

// shape looks for the dictionary's own: its number stands for it in the bytes.
func (r *rebaser) shape(s *Shape) Shape {
	keys := make([]Value, len(s.Keys))
	var texts []string
	private, isPlain := "", s.Attributes == nil
	for i, k := range s.Keys {
		keys[i] = r.value(k)
		switch {
		case k.Kind == String:
			texts = append(texts, r.from.Text(StringID(k.N)))
			isPlain = isPlain && private == ""
		case private == "" && r.to.Symbols[k.N].Kind == SymbolNamed:
			private = r.to.Text(r.to.Symbols[k.N].Text)
		default:
			isPlain = false
		}
	}
	class := ""
	if s.Class.Kind == Named {
		class = r.change.Name(r.from.Text(StringID(s.Class.N)))
	}
	if isPlain {
		if known, ok := r.to.Dictionary.FindShape(ShapeKey(nil, texts, class, private)); ok {
			if private != "" {
				known = known.AddKey(keys[len(keys)-1])
			}
			return known
		}
	}
	shape := NewShape(keys, s.Attributes)
	shape.Class = r.value(s.Class)
	return shape
}

// slots is the shape with these slots.
func (r *rebaser) slots(names []string) ShapeID {
	shape, ok := r.to.Dictionary.FindShape(ShapeKey(nil, names, "", ""))
	if !ok {
		keys := make([]Value, len(names))
		for i, name := range names {
			keys[i] = Value{String, uint64(r.text(name))}
		}
		shape = NewShape(keys, nil)
	}
	for i := range r.to.Shapes {
		if same := &r.to.Shapes[i]; shape.InDictionary != 0 && same.InDictionary == shape.InDictionary {
			return ShapeID(i)
		}
	}
	r.to.Shapes = append(r.to.Shapes, shape)
	return ShapeID(len(r.to.Shapes) - 1)
}

func (r *rebaser) node(id NodeID) {
	g := r.from
	n := &g.Nodes[id]
	r.to.Nodes = append(r.to.Nodes, *n)
	to := &r.to.Nodes[id]
	to.birth, to.items, to.props = 0, 0, 0
	r.to.Begin(id)
	if fieldsOf(n.Kind).text {
		to.Text = r.text(g.Text(n.Text))
	}
	if n.Flags&HasPrototype != 0 {
		to.Proto = r.value(n.Proto)
	}
	for _, v := range g.Birth(n) {
		r.to.AddBirth(id, r.value(v))
	}
	items := g.Items(n)
	if n.Kind == Frame {
		items = r.frame(id, items)
	}
	for _, v := range items {
		r.to.AddItem(id, r.value(v))
	}
	for _, v := range g.Properties(n) {
		r.to.AddProperty(id, r.value(v))
	}
	if names := r.change.Keys[id]; names != nil && n.Flags&HasProperties != 0 {
		shape := g.Shapes[n.Shape]
		shape.Keys = append([]Value(nil), shape.Keys...)
		// The texts go through the old graph's numbers, as those of all shapes do.
		for i, k := range shape.Keys {
			if k.Kind == String && names[g.Text(StringID(k.N))] != "" {
				g.Strings = append(g.Strings, names[g.Text(StringID(k.N))])
				shape.Keys[i].N = uint64(g.Dictionary.size() + len(g.Strings) - 1)
			}
		}
		r.to.Shapes = append(r.to.Shapes, r.shape(&shape))
		to.Shape = ShapeID(len(r.to.Shapes) - 1)
	}
}

// frame sets the point and the slots of a frame, and returns its items.
func (r *rebaser) frame(id NodeID, items []Value) []Value {
	n := &r.from.Nodes[id]
	slots := make([]string, 0, len(items))
	for _, k := range r.from.Shapes[n.Slots].Keys {
		name := "" // of no slot: what is no text came of damaged bytes
		if k.Kind == String {
			name = r.from.Text(StringID(k.N))
		}
		slots = append(slots, name)
	}
	point, names, from := r.change.Frame(n.Function, r.from.Text(n.Text), slots)
	r.to.Nodes[id].Text, r.to.Nodes[id].Slots = r.text(point), r.slots(names)
	moved := append([]Value(nil), items[:2]...)
	for _, i := range from {
		moved = append(moved, items[2+i])
	}
	return moved
}
