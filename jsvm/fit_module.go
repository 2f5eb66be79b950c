package jsvm

import (
	"fmt"
	"regexp"
	"sort"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// module looks at everything that the continuation has by name: variables of modules, and what they have made.
func (f *fitting) module() {
	g := f.graph
	var names []string
	seen := map[string]bool{}
	add := func(id continuation.StringID) {
		if name := g.Text(id); !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	values := func(list []continuation.Value) {
		for _, v := range list {
			if v.Kind == continuation.Named {
				add(continuation.StringID(v.N))
			}
		}
	}
	for i := range g.Nodes {
		n := &g.Nodes[i]
		values(g.Birth(n))
		values(g.Items(n))
		values(g.Properties(n))
		values([]continuation.Value{n.Proto})
	}
	for i := range g.Shapes {
		values([]continuation.Value{g.Shapes[i].Class})
	}
	for _, b := range g.Module {
		values([]continuation.Value{b.Value})
	}
	for _, name := range names {
		f.object(name)
	}
	for _, s := range g.Symbols {
		if s.Kind == continuation.SymbolNamed {
			f.symbol(g.Text(s.Text))
		}
	}
	for _, b := range g.Module {
		f.variable(g.Text(b.Name))
	}
}

func (f *fitting) moduleProblem(format string, args ...any) {
	f.problem(FitProblem{Kind: FitModule, Text: fmt.Sprintf(format, args...), Hint: "keep it as long as a thread uses it"})
}

// variable looks for a module variable that the thread has changed, or the place of a regular expression in its text.
func (f *fitting) variable(name string) {
	if object, ok := strings.CutSuffix(name, lastIndexSuffix); ok {
		if to, ok := f.renamed(object); ok {
			f.names[name] = to + lastIndexSuffix
			if o := f.toVM.heap.objects[to]; o == nil || o.ClassName() != "RegExp" {
				f.moduleProblem("the regular expression `%s` is gone", displayName(object))
			}
		}
		return
	}
	to, ok := f.renamed(name)
	if !ok {
		return
	}
	f.names[name] = to
	for _, field := range f.toVM.module.fields {
		if field == to {
			return
		}
	}
	f.moduleProblem("the thread has changed the module variable `%s`, and the new source has none that functions change", displayName(name))
}

func (f *fitting) symbol(name string) {
	to, ok := f.renamed(name)
	if !ok {
		return
	}
	f.names[name] = to
	if f.toVM.heap.symbols[to] == nil {
		f.moduleProblem("the symbol `%s` is gone", displayName(name))
	}
}

// byPlace is a name that counts places: items of an array, entries of a Map.
var byPlace = regexp.MustCompile(`\.\d+(?:$|[.\[%])|%(?:key|value)\d+`)

// object looks for an object that module code has made. What it holds may have changed, as the source's constants may; but where
// its name counts places, the same place must hold the same.
func (f *fitting) object(name string) {
	to, ok := f.renamed(name)
	if !ok {
		return
	}
	f.names[name] = to
	was, is := f.fromVM.heap.objects[name], f.toVM.heap.objects[to]
	switch {
	case was == nil:
		f.moduleProblem("its own bundle has no object `%s`", displayName(name))
	case is == nil:
		f.moduleProblem("the thread holds `%s`, which the new source does not make", displayName(name))
	case f.kindOfObject(f.fromVM, was) != f.kindOfObject(f.toVM, is):
		f.moduleProblem("`%s` was %s and is %s now", displayName(name), f.kindOfObject(f.fromVM, was), f.kindOfObject(f.toVM, is))
	case byPlace.MatchString(name[strings.LastIndexByte(name, ':')+1:]) && contentsOf(f.fromVM, f.from, was) != contentsOf(f.toVM, f.to, is):
		f.problem(FitProblem{Kind: FitModule, Text: fmt.Sprintf("the thread holds `%s`, which is told by its place, and something else is there now", displayName(name)),
			Hint: "add at the end, or keep such objects by name: `{basic: …, pro: …}`"})
	}
}

func (f *fitting) kindOfObject(v *vm, o *goja.Object) string {
	switch name := o.ClassName(); name {
	case "Object":
		switch o.ExportType() {
		case typeMap:
			return "a Map"
		case typeSet:
			return "a Set"
		}
		return "an object"
	case "Function":
		if id, ok := v.heap.functionID(o); ok && v.heap.layout.functions[id].isClass {
			return "a class"
		}
		return "a function"
	case "Array":
		return "an array"
	default:
		return "a " + name
	}
}

// renamed is a name of the one build in the other. It reports false for one that has a problem.
func (f *fitting) renamed(name string) (string, bool) {
	prefix, rest := "", name
	for _, p := range []string{"get ", "set ", "%module:"} {
		if s, ok := strings.CutPrefix(rest, p); ok {
			prefix, rest = prefix+p, s
		}
	}
	path := ""
	for _, m := range f.fromBundle.modules {
		if strings.HasPrefix(rest, m.Path+":") && len(m.Path) > len(path) {
			path = m.Path
		}
	}
	if path == "" {
		return name, true // of the language, of the library, or of a helper of the bundler
	}
	binding := rest[len(path)+1:]
	end := strings.IndexAny(binding, ".[%")
	if end < 0 {
		end = len(binding)
	}
	root, ok := f.generated(path, binding[:end])
	if !ok {
		f.problem(FitProblem{Kind: FitModule, Text: fmt.Sprintf("private members of `%s` in %s are numbered otherwise", strings.TrimLeft(unnumbered(binding[:end]), "_"), path),
			Hint: "private fields of one name in several classes of a module are told by those who use them: keep them apart, or give them names of their own"})
		return "", false
	}
	return prefix + f.matcher.module(path) + ":" + root + binding[end:], true
}

// generated is the new name of a variable that the bundler has made; others keep theirs.
func (f *fitting) generated(path, name string) (string, bool) {
	users, ok := f.from.Generated[path+":"+name]
	if !ok {
		return name, true
	}
	alike := func(generated map[string]string, path string) (names []string) {
		for full := range generated {
			if other, ok := strings.CutPrefix(full, path+":"); ok && unnumbered(other) == unnumbered(name) {
				names = append(names, other)
			}
		}
		sort.Strings(names)
		return names
	}
	to := f.matcher.module(path)
	olds, news := alike(f.from.Generated, path), alike(f.to.Generated, to)
	if len(olds) == 1 && len(news) == 1 {
		return news[0], true
	}
	found, count := "", 0
	for _, other := range news {
		if f.usersOf(users) == f.to.Generated[to+":"+other] {
			found, count = other, count+1
		}
	}
	if count != 1 {
		// Nobody has it any more: the object is missed by its old name.
		return name, len(news) == 0
	}
	return found, true
}

func unnumbered(name string) string { return strings.TrimRight(name, "0123456789") }

// usersOf are the keys of users in the other build.
func (f *fitting) usersOf(users string) string {
	var list []string
	for _, key := range strings.Split(users, "\n") {
		if id, ok := f.fromBundle.layout.byKey[key]; ok {
			if found := f.match(id); found.id >= 0 {
				key = f.to.manifest.Functions[found.id].Key
			}
		}
		list = append(list, key)
	}
	sort.Strings(list)
	return strings.Join(list, "\n")
}

// Bounds of what contentsOf looks at. Beyond them nothing is equal.
const (
	contentsDepthMax = 8
	contentsBytesMax = 64 << 10
)

// contentsOf describes what a module-level object holds, to tell whether two builds have made the same.
func contentsOf(v *vm, o *outlined, object *goja.Object) string {
	c := contents{vm: v, outlined: o, seen: map[*goja.Object]int{}}
	c.value(object, 0)
	if c.isCut {
		return fmt.Sprintf("too much to compare in %p", v)
	}
	return c.text.String()
}

type contents struct {
	vm       *vm
	outlined *outlined
	seen     map[*goja.Object]int
	text     strings.Builder
	isCut    bool
}

func (c *contents) value(v goja.Value, depth int) {
	if c.isCut = c.isCut || depth > contentsDepthMax || c.text.Len() > contentsBytesMax; c.isCut {
		return
	}
	o, ok := v.(*goja.Object)
	if !ok {
		if v == nil {
			v = undefinedSelf
		}
		fmt.Fprintf(&c.text, "%T %q ", v, v.String())
		return
	}
	if n, ok := c.seen[o]; ok {
		fmt.Fprintf(&c.text, "#%d ", n)
		return
	}
	c.seen[o] = len(c.seen)
	h := c.vm.heap
	if name, ok := h.names[o]; ok && !strings.Contains(name, ":") {
		fmt.Fprintf(&c.text, "%s ", name)
		return
	}
	if id, ok := h.functionID(o); ok {
		fmt.Fprintf(&c.text, "function %s ", c.outlined.Functions[id].Whole)
		return
	}
	fmt.Fprintf(&c.text, "%s{", o.ClassName())
	switch o.ClassName() {
	case "Date", "RegExp":
		fmt.Fprintf(&c.text, "%q ", o.String())
	}
	entry := func(call goja.FunctionCall) goja.Value {
		c.value(call.Argument(1), depth+1)
		c.value(call.Argument(0), depth+1)
		return nil
	}
	switch o.ExportType() {
	case typeMap:
		_, _ = h.natives.mapForEach(o, h.rt.ToValue(entry))
	case typeSet:
		_, _ = h.natives.setForEach(o, h.rt.ToValue(entry))
	}
	for _, key := range o.GetOwnPropertyNames() {
		d := h.descriptor(o, h.rt.ToValue(key))
		fmt.Fprintf(&c.text, "%q ", key)
		if d.isData() {
			c.value(d.value, depth+1)
		} else {
			c.value(d.value, depth+1)
			c.value(d.setter, depth+1)
		}
	}
	c.text.WriteString("[[Prototype]] ")
	if p := o.Prototype(); p != nil {
		c.value(p, depth+1)
	}
	c.text.WriteString("} ")
}
