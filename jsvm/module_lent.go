package jsvm

import (
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// What a package makes for a variable of the author's (a schema, a state machine, a slice of a store) is lent to all threads, but it cannot be frozen:
// packages compute much of it when it is first used, and keep it in the object or in variables of its closures. Nor can it be left open, or a thread
// could keep state in it (dispatch to a store, start an actor) that its next step would not find, and another thread would. So it may gain what it
// has not had, and what is no state may change:
//
//   - properties that are not there can be added, and undefined and null replaced: what is computed later;
//   - accessors and functions can be replaced: by their result, or by one that knows more;
//   - booleans and dates can be replaced: whether something has been computed, and when something was looked at.
//
// Other properties stay as they are, as do the items of its arrays, Maps and Sets; a change throws, as in the author's own objects.

// lending finds out what of the author's variables packages have made: what can be reached only through objects of theirs.
type lending struct {
	index map[*goja.Object]int // of the objects that the author's variables lead to, in the order of their naming
	edges [][]int
	at    int // whose parts are being named, -1: the variables
	roots []int
}

func (l *lending) begin() { l.index, l.at = map[*goja.Object]int{}, -1 }

func (l *lending) add(o *goja.Object) {
	if l.index == nil {
		return
	}
	l.index[o] = len(l.edges)
	l.edges = append(l.edges, nil)
	l.leadsTo(o)
}

// leadsTo notes that the current object has another as a part.
func (l *lending) leadsTo(o *goja.Object) {
	i, ok := l.index[o]
	switch {
	case !ok:
	case l.at < 0:
		l.roots = append(l.roots, i)
	default:
		l.edges[l.at] = append(l.edges[l.at], i)
	}
}

func (l *lending) from(o *goja.Object) {
	if l.index != nil {
		l.at = l.index[o]
	}
}

// authors says which of the objects, in the order of their naming, are the author's.
func (n *namer) authors(objects []named) []bool {
	isAuthors := make([]bool, len(objects))
	queue := n.lent.roots
	for len(queue) > 0 {
		i := queue[0]
		queue = queue[1:]
		if isAuthors[i] || n.isOfPackage(objects[i].object) {
			continue
		}
		isAuthors[i] = true
		queue = append(queue, n.lent.edges[i]...)
	}
	return isAuthors
}

// isOfPackage reports whether code of a package made an object, as far as it shows: a function or a class of a package, or an instance of one.
func (n *namer) isOfPackage(o *goja.Object) bool {
	h := n.v.heap
	if o.ExportType() == typeProxy {
		return false
	}
	if o.ClassName() == "Function" {
		id, ok := h.functionID(o)
		return ok && !n.v.bundle.isOwnVariable(strings.Replace(h.layout.functions[id].id.Key, "#", ":", 1))
	}
	p := o.Prototype()
	if p == nil || p == h.natives.objectPrototype {
		return false
	}
	if _, isAuthors := n.lent.index[p]; !isAuthors {
		return isPackageName(h.names[p])
	}
	maker, ok := h.descriptor(p, h.constructorKey).value.(*goja.Object)
	return ok && maker.ExportType() != typeProxy && maker.ClassName() == "Function" && n.isOfPackage(maker)
}

// isPackageName tells names of what a package's variables lead to.
func isPackageName(name string) bool {
	module, _, _ := strings.Cut(strings.TrimPrefix(name, "%module:"), ":")
	return strings.Contains(module, "node_modules/") && !isOwnModule(module)
}

func isOwnModule(path string) bool { return !strings.Contains("/"+path, "/node_modules/") }

// lend makes an object that a package has made for the author safe to share by threads.
func (n *namer) lend(item named) {
	h, o := n.v.heap, item.object
	n.v.module.lent = append(n.v.module.lent, item)
	if o.ClassName() == "Function" || o.ExportType() == typeProxy || n.isPrototypeObject(o) {
		return // packages configure classes by their statics
	}
	isPlain := o.ClassName() == "Object" && o.ExportType() == typePlain || o.ClassName() == "Error"
	if o.ExportType() == typeMap && strings.HasSuffix(item.name, entriesOfKey) {
		n.lendEntries(item)
		return
	}
	if _, isLibrarys := h.classes[o.Prototype()]; isLibrarys || !isPlain || h.symbols["kont.iterator"] != nil && h.hasPrivate(o, h.symbols["kont.iterator"]) {
		n.share(item)
		return
	}
	keys, err := object(h.natives.ownKeys(nil, o))
	if err != nil {
		return
	}
	for i := range int(keys.Get("length").ToInteger()) {
		key := keys.Get(indexName(i))
		if sym, ok := key.(*goja.Symbol); ok && (h.isPrivate[sym] || h.isInternal(sym)) {
			continue
		}
		d := h.descriptor(o, key)
		if d.isData() && d.attributes&continuation.Writable != 0 && !n.isReplaceable(d.value) {
			n.fix(o, key, &d)
		}
	}
}

// entriesOfKey ends the name of the Map with what WeakMaps have for an object, see runtime/weak.ts. The private fields of its class are among them.
const entriesOfKey = "[kont.weak].values"

// lendEntries lets private fields change as properties do.
func (n *namer) lendEntries(item named) {
	h, o := n.v.heap, item.object
	n.refuse(item, "delete", "clear")
	get, _ := goja.AssertFunction(o.Get("get"))
	set := h.natives.mapSet
	refused := n.refusal(item.name)
	replace := h.rt.ToValue(func(call goja.FunctionCall) goja.Value {
		before, err := get(o, call.Argument(0))
		if err == nil && !n.isReplaceable(before) {
			return refused(call)
		}
		if _, err = set(o, call.Argument(0), call.Argument(1)); err != nil {
			panic(err)
		}
		return o
	})
	_ = o.DefineDataProperty("set", replace, goja.FLAG_FALSE, goja.FLAG_FALSE, goja.FLAG_FALSE)
}

// isReplaceable: by itself, the value of a property is no state.
func (n *namer) isReplaceable(value goja.Value) bool {
	if value == nil || goja.IsUndefined(value) || goja.IsNull(value) || value.SameAs(n.v.heap.uninitialized) {
		return true
	}
	if o, ok := value.(*goja.Object); ok {
		return o.ExportType() != typeProxy && (o.ClassName() == "Function" || o.ClassName() == "Date")
	}
	return value.ExportType() == typeBool
}

// fix makes a property one that cannot be changed.
func (n *namer) fix(o *goja.Object, key goja.Value, d *descriptor) {
	h := n.v.heap
	h.mark(o)
	var err error
	if sym, ok := key.(*goja.Symbol); ok {
		err = o.DefineDataPropertySymbol(sym, d.value, goja.FLAG_FALSE, goja.FLAG_FALSE, flagOf(d.attributes, continuation.Enumerable))
	} else if text := key.String(); !strings.Contains(text, "\uFFFD") {
		err = o.DefineDataProperty(text, d.value, goja.FLAG_FALSE, goja.FLAG_FALSE, flagOf(d.attributes, continuation.Enumerable))
	}
	if err != nil && n.err == nil {
		n.err = err
	}
}
