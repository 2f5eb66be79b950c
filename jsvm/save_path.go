package jsvm

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// UnsavableError says that a value which is alive at an await cannot be kept.
type UnsavableError struct {
	Path     string   // from the innermost waiting function: `tripBooking.cart.items[3]`
	Reason   string   // what is wrong with the value there: `is a Proxy`
	Function string   // the waiting function, as the source names it
	Await    Position // where it waits, in the author's source; zero when unknown

	frame goja.Value // the waiting function's frame
}

func (e *UnsavableError) Error() string {
	if e.Await.Line == 0 {
		return fmt.Sprintf("%q %s, which cannot be kept across an await", e.Path, e.Reason)
	}
	return fmt.Sprintf("%s: %q %s, which cannot be kept across this await", e.Await, e.Path, e.Reason)
}

// fail notes the first reason why the current object cannot be kept.
func (s *saver) fail(reason string) {
	if s.err != nil {
		return
	}
	e := &UnsavableError{Reason: reason}
	s.err = e
	var path []string
	scope := "" // of the innermost variable on the path, once known
	for at := s.current; at != noParent; at = s.origins[at].parent {
		if s.graph.Nodes[at].Kind == continuation.Frame && at != s.current {
			s.nameFrame(e, at)
			break
		}
		if scope != "" {
			continue
		}
		path = append(path, step(s.origins[at]))
		if parent := s.origins[at].parent; s.origins[at].label == "%env" && parent != noParent && s.graph.Nodes[parent].Kind == continuation.Closure {
			// A captured variable is named after the function that declares it, not after the closure that leads to it.
			key := s.graph.Functions[s.graph.Nodes[parent].Function].Key
			scope = pathOf(key[:max(strings.LastIndexByte(key, '/'), 0)])
		}
	}
	if scope == "" {
		scope = e.Function
	}
	var b strings.Builder
	b.WriteString(scope)
	for i := len(path) - 1; i >= 0; i-- {
		b.WriteString(path[i])
	}
	e.Path = strings.TrimPrefix(b.String(), ".")
	if e.Path == "" {
		e.Path = "the thread"
	}
}

// nameFrame notes function and await of a frame.
func (s *saver) nameFrame(e *UnsavableError, frame continuation.NodeID) {
	o := s.objects[frame]
	e.frame = o
	id := int(o.Get("fn").ToInteger())
	if id < 0 || id >= len(s.heap.layout.functions) {
		return
	}
	f := &s.heap.layout.functions[id]
	e.Function = f.name
	if pc := int(o.Get("pc").ToInteger()); pc >= 0 && pc < len(f.points) {
		e.Await = f.points[pc].position
	}
}

// step is one property access of a path. Steps that an author has no word for, through
// environments and the runtime's own objects, are left out.
func step(o origin) string {
	switch {
	case o.index >= 0 && o.label == "":
		return "[" + strconv.Itoa(o.index) + "]"
	case o.label == "" || o.label[0] == '%':
		return ""
	case o.label[0] == '[':
		return o.label
	case isIdentifier(o.label):
		return "." + o.label
	}
	return "[" + strconv.Quote(o.label) + "]"
}

func isIdentifier(s string) bool {
	for i, c := range s {
		switch {
		case c == '_' || c == '$' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= 0x80 || c == '#':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return s != ""
}
