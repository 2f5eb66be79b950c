package jsvm

import (
	"strings"

	"kont/jsvm/continuation"
)

// privateMember is a private field of an object.
type privateMember struct {
	name  string
	value continuation.Value
}

// private are the private fields of an object. The bundler makes a WeakMap of each, in a variable _x for #x; the entries of a key lie
// on the key (runtime/weak.ts).
func (in *inspector) private(n *continuation.Node) []privateMember {
	entries := in.nodeOf(in.field(n, "@kont.weak"))
	if entries == nil {
		return nil
	}
	values := in.nodeOf(in.field(entries, "values"))
	if values == nil || values.Kind != continuation.Map {
		return nil
	}
	var members []privateMember
	for items := in.graph.Items(values); len(items) > 1; items = items[2:] {
		if name := in.privateName(items[0]); name != "" {
			members = append(members, privateMember{name, items[1]})
		}
	}
	return members
}

// privateName is the name that the author gave to what a WeakMap keeps; empty if it is the author's own WeakMap.
func (in *inspector) privateName(collection continuation.Value) string {
	variable := ""
	switch collection.Kind {
	case continuation.Named:
		variable = in.graph.Text(continuation.StringID(collection.N))
		variable = variable[strings.LastIndexByte(variable, ':')+1:]
	case continuation.Reference:
		variable = in.collectionNames()[collection.Node()]
	}
	name, ok := strings.CutPrefix(sourceName(variable), "_")
	if !ok {
		return ""
	}
	// A second one of that name has a number, as one may that the author has given it.
	for _, name := range []string{name, strings.TrimRight(name, "0123456789")} {
		for _, m := range in.bundle.modules {
			if name != "" && says(m.Text, "#"+name) {
				return "#" + name
			}
		}
	}
	return ""
}

// says reports whether a text has a name, and not as the beginning of a longer one.
func says(text, name string) bool {
	for {
		at := strings.Index(text, name)
		if at < 0 {
			return false
		}
		text = text[at+len(name):]
		if text == "" || !isIdentifier("x"+text[:1]) {
			return true
		}
	}
}

func (in *inspector) isCollection(n *continuation.Node) bool {
	_, ok := in.field(n, "@kont.weakMap")
	return ok
}

// collectionNames names the WeakMaps that the thread has made itself, of classes inside functions, by the variables that hold them.
func (in *inspector) collectionNames() map[continuation.NodeID]string {
	if in.collections != nil {
		return in.collections
	}
	g := in.graph
	in.collections = map[continuation.NodeID]string{}
	note := func(keys, values []continuation.Value) {
		for i, key := range keys {
			if key.Kind != continuation.String || i >= len(values) || values[i].Kind != continuation.Reference {
				continue
			}
			if name := g.Text(continuation.StringID(key.N)); strings.HasPrefix(name, "_") && in.isCollection(&g.Nodes[values[i].Node()]) {
				in.collections[values[i].Node()] = name
			}
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		if n.Kind == continuation.Frame {
			note(g.Shapes[n.Slots].Keys, g.Items(n)[2:])
		} else if n.Kind == continuation.Object && n.Flags&continuation.HasProperties != 0 {
			note(g.Shapes[n.Shape].Keys, g.Properties(n))
		}
	}
	return in.collections
}
