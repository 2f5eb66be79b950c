package jsvm

import (
	"strings"

	"kont/jsvm/continuation"
)

// Inspection is what a person may want to know of a suspended thread.
type Inspection struct {
	Bytes   int            `json:"bytes"`
	Refs    []string       `json:"refs"`
	Waiting []WaitingFrame `json:"waiting"`
	Module  []Local        `json:"module,omitempty"` // module variables that the thread has changed
}

// WaitingFrame is a function that waits for something from outside.
type WaitingFrame struct {
	Function string    `json:"function"`
	Await    Position  `json:"await"`
	Label    string    `json:"label,omitempty"` // the author's name of the await
	Refs     []string  `json:"refs,omitempty"`  // what it waits for itself, of Inspection.Refs
	Locals   []Local   `json:"locals"`
	Callers  []Awaiter `json:"callers,omitempty"` // who awaits it, innermost first
}

// Awaiter is a function that awaits the one below it, and maybe refs of its own beside it.
type Awaiter struct {
	Function string   `json:"function"`
	Await    Position `json:"await"`
	Label    string   `json:"label,omitempty"`
	Refs     []string `json:"refs,omitempty"`
	Locals   []Local  `json:"locals"`
}

// Local is a variable with its value as short text.
type Local struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Inspect reads a continuation of the bundle. It starts no engine and runs no code.
func (b *Bundle) Inspect(data []byte) (*Inspection, error) {
	g := &continuation.Graph{}
	if err := decodeFor(b, g, data); err != nil {
		return nil, faultOfDecode(err)
	}
	in := &inspector{bundle: b, graph: g}
	result := &Inspection{Bytes: len(data), Refs: in.refs()}
	for _, frame := range in.blocked() {
		node := &g.Nodes[frame]
		w := WaitingFrame{Locals: in.locals(node), Refs: in.waitsFor(node)}
		w.Function, w.Await, w.Label = in.place(node)
		for _, caller := range in.callers(frame) {
			a := Awaiter{Locals: in.locals(&g.Nodes[caller]), Refs: in.waitsFor(&g.Nodes[caller])}
			a.Function, a.Await, a.Label = in.place(&g.Nodes[caller])
			w.Callers = append(w.Callers, a)
		}
		result.Waiting = append(result.Waiting, w)
	}
	for _, m := range g.Module {
		result.Module = append(result.Module, Local{displayName(g.Text(m.Name)), in.render(m.Value, renderDepth)})
	}
	return result, nil
}

type inspector struct {
	bundle *Bundle
	graph  *continuation.Graph
	// collections are the names of the variables that hold WeakMaps of the thread's own; nil until asked for.
	collections map[continuation.NodeID]string
}

// field returns an own property of a node.
func (in *inspector) field(n *continuation.Node, name string) (continuation.Value, bool) {
	if n.Flags&continuation.HasProperties == 0 {
		return continuation.Value{}, false
	}
	g := in.graph
	shape := &g.Shapes[n.Shape]
	values := g.Properties(n)
	for i, k := range shape.Keys {
		if shape.Attributes != nil && shape.Attributes[i]&(continuation.Accessor|continuation.Deleted) != 0 {
			return continuation.Value{}, false // positions differ from here on; the library's objects have none
		}
		key := ""
		switch k.Kind {
		case continuation.String:
			key = g.Text(continuation.StringID(k.N))
		case continuation.SymbolValue:
			key = "@" + g.Text(g.Symbols[k.N].Text)
		}
		if key == name {
			return values[i], true
		}
	}
	return continuation.Value{}, false
}

func (in *inspector) nodeOf(v continuation.Value, ok bool) *continuation.Node {
	if !ok || v.Kind != continuation.Reference {
		return nil
	}
	return &in.graph.Nodes[v.Node()]
}

func (in *inspector) root() *continuation.Node { return in.nodeOf(in.graph.Root, true) }

// refs are the keys of thread.refs.
func (in *inspector) refs() []string {
	refs := []string{}
	if root := in.root(); root != nil {
		if m := in.nodeOf(in.field(root, "refs")); m != nil && m.Kind == continuation.Map {
			for items := in.graph.Items(m); len(items) > 1; items = items[2:] {
				if items[0].Kind == continuation.String {
					refs = append(refs, in.graph.Text(continuation.StringID(items[0].N)))
				}
			}
		}
	}
	return refs
}

// blocked are the frames that wait for something that no other frame will bring: the leaves of the
// stacks of awaiting functions.
func (in *inspector) blocked() []continuation.NodeID {
	g := in.graph
	var frames []continuation.NodeID
	isCaller := map[continuation.NodeID]bool{}
	for i := range g.Nodes {
		if g.Nodes[i].Kind != continuation.Frame || !in.isWaiting(&g.Nodes[i]) {
			continue
		}
		frames = append(frames, continuation.NodeID(i))
		for _, c := range in.reactions(continuation.NodeID(i)) {
			isCaller[c] = true
		}
	}
	leaves := frames[:0:0]
	for _, f := range frames {
		if !isCaller[f] {
			leaves = append(leaves, f)
		}
	}
	return leaves
}

// isWaiting tells an async function's frame that waits for a promise; the library keeps that in w.
func (in *inspector) isWaiting(n *continuation.Node) bool {
	w, ok := in.field(n, "w")
	return ok && w.Kind == continuation.Reference
}

// reactions are the frames that wait for the result of a frame.
func (in *inspector) reactions(frame continuation.NodeID) []continuation.NodeID {
	g := in.graph
	promise := in.nodeOf(in.field(&g.Nodes[frame], "d"))
	if promise == nil {
		return nil
	}
	return in.reactionsOf(promise, map[*continuation.Node]bool{})
}

// reactionsOf follows a promise to the frames that wait for it, through combinators and chained promises.
func (in *inspector) reactionsOf(promise *continuation.Node, seen map[*continuation.Node]bool) []continuation.NodeID {
	if seen[promise] {
		return nil
	}
	seen[promise] = true
	g := in.graph
	state := in.nodeOf(in.field(promise, "@kont.promise"))
	if state == nil {
		return nil
	}
	one, ok := in.field(state, "reactions")
	list := in.nodeOf(one, ok)
	if list == nil {
		return nil
	}
	reactions := []continuation.Value{one}
	if list.Kind == continuation.Array {
		reactions = g.Items(list)
	}
	var frames []continuation.NodeID
	for _, v := range reactions {
		reaction := in.nodeOf(v, true)
		switch {
		case reaction == nil:
		case reaction.Kind == continuation.Frame:
			frames = append(frames, v.Node())
		default:
			for _, name := range []string{"promise", "capability", "combinator"} {
				if next := in.nodeOf(in.field(reaction, name)); next != nil {
					if deeper := in.nodeOf(in.field(next, "promise")); deeper != nil {
						next = deeper
					} else if c := in.nodeOf(in.field(next, "capability")); c != nil {
						if deeper := in.nodeOf(in.field(c, "promise")); deeper != nil {
							next = deeper
						}
					}
					frames = append(frames, in.reactionsOf(next, seen)...)
				}
			}
		}
	}
	return frames
}

// waitsFor are the ids of the refs and inboxes that a frame waits for, by way of combinators and chained promises, but not of other frames.
func (in *inspector) waitsFor(frame *continuation.Node) []string {
	var ids []string
	seen := map[*continuation.Node]bool{}
	var follow func(v continuation.Value, ok bool)
	follow = func(v continuation.Value, ok bool) {
		n := in.nodeOf(v, ok)
		if n == nil || seen[n] || n.Kind == continuation.Frame {
			return
		}
		seen[n] = true
		if state := in.nodeOf(in.field(n, "@kont.promise")); state != nil {
			follow(in.field(state, "source"))
			return
		}
		if id, ok := in.field(n, "id"); ok && id.Kind == continuation.String { // a Wait
			ids = append(ids, in.graph.Text(continuation.StringID(id.N)))
			return
		}
		follow(in.field(n, "on")) // a ThenReaction, an ElementReaction
		if branches := in.nodeOf(in.field(n, "branches")); branches != nil && branches.Kind == continuation.Array {
			for _, branch := range in.graph.Items(branches) {
				follow(branch, true)
			}
		}
	}
	follow(in.field(frame, "w"))
	return ids
}

const callersMax = 64

func (in *inspector) callers(frame continuation.NodeID) []continuation.NodeID {
	var stack []continuation.NodeID
	seen := map[continuation.NodeID]bool{frame: true}
	for at := frame; len(stack) < callersMax; {
		next := in.reactions(at)
		if len(next) == 0 || seen[next[0]] {
			break
		}
		at = next[0]
		seen[at] = true
		stack = append(stack, at)
	}
	return stack
}

// place is the name of a frame's function, and the position and the label of its await.
func (in *inspector) place(n *continuation.Node) (function string, at Position, label string) {
	g := in.graph
	f := g.Functions[n.Function]
	id, ok := in.bundle.layout.byKey[f.Key]
	if !ok {
		return f.Key, Position{}, ""
	}
	layout := &in.bundle.layout.functions[id]
	if pc := layout.point(g.Text(n.Text)); pc >= 0 {
		return layout.name, layout.points[pc].position, layout.points[pc].label
	}
	return layout.name, Position{}, ""
}

// locals are the variables of a frame that the source names: its slots, and those that closures share, in environments.
func (in *inspector) locals(n *continuation.Node) []Local {
	g := in.graph
	locals := []Local{}
	seen := map[string]bool{}
	add := func(name string, v continuation.Value) {
		if name = sourceName(name); name != "" && !seen[name] {
			seen[name] = true
			locals = append(locals, Local{name, in.render(v, renderDepth)})
		}
	}
	addEnv := func(env *continuation.Node) {
		if env == nil || env.Kind != continuation.Object || env.Flags&continuation.HasProperties == 0 {
			return
		}
		values := g.Properties(env)
		for i, k := range g.Shapes[env.Shape].Keys {
			if k.Kind == continuation.String && i < len(values) {
				add(g.Text(continuation.StringID(k.N)), values[i])
			}
		}
	}
	items := g.Items(n)[2:]
	for i, k := range g.Shapes[n.Slots].Keys {
		name := g.Text(continuation.StringID(k.N))
		if strings.HasPrefix(name, "%e") {
			addEnv(in.nodeOf(items[i], true))
			continue
		}
		add(name, items[i])
	}
	// A variable that only closures of the function still use is alive in their environment.
	own := g.Functions[n.Function].Key + "/"
	for _, v := range items {
		if c := in.nodeOf(v, true); c != nil && c.Kind == continuation.Closure && strings.HasPrefix(g.Functions[c.Function].Key, own) {
			addEnv(in.nodeOf(g.Birth(c)[0], true))
		}
	}
	// Outer variables that the function can see, from the inside out.
	env := in.nodeOf(g.Items(n)[0], true)
	for depth := 0; env != nil && depth < callersMax; depth++ {
		addEnv(env)
		env = in.nodeOf(in.field(env, "%p"))
	}
	return locals
}

// sourceName is the author's name of a slot or environment field; empty for the compiler's own.
func sourceName(name string) string {
	switch {
	case name == "%this":
		return "this"
	case name == "" || name[0] == '%':
		return ""
	}
	if i := strings.IndexByte(name, '#'); i > 0 {
		return name[:i]
	}
	return name
}

// faultOfDecode gives an incompatible continuation its kind.
func faultOfDecode(err error) error {
	return &Fault{Kind: FaultIncompatible, Message: err.Error()}
}
