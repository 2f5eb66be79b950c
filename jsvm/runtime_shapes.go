package jsvm

import (
	"slices"
	"sort"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/continuation"
)

// fixedFields are all fields that objects of the runtime classes can have. One that is undefined may be missing. With
// them an object is read without asking for its keys. Classes that workflow code sees are not among them: it may add properties of its own.
var fixedFields = map[string][]string{
	"Capability":      {"promise", "resolve", "reject"},
	"Combinator":      {"kind", "scope", "capability", "values", "branches", "unsettled", "decided", "value", "cancelledBefore", "pc"},
	"ConsoleState":    {"counts", "timers", "groups"},
	"ElementReaction": {"on", "combinator", "index", "scope"},
	"Iteration":       {"i", "n", "done"},
	"KeyList":         {"o", "keys", "n"},
	"LockReaction":    {"on", "promise"},
	"PromiseState":    {"owner", "state", "value", "reactions", "handled", "source", "debt"},
	"ReactionJob":     {"reaction", "state", "value"},
	"ThenReaction":    {"on", "scope", "onFulfilled", "onRejected", "capability", "debt"},
	"Thread":          {"id", "stepId", "refCount", "refs", "blocked", "main", "scope", "config", "aside", "console"},
	"Wait":            {"promise", "scope", "id", "timer", "inbox", "after"},
}

// promiseClasses are the prototypes of objects that have nothing but the slot of a promise.
var promiseClasses = []string{"Promise.prototype", "kont.Suspension.prototype"}

// privatePromise is the name of the symbol of that slot.
const privatePromise = "kont.promise"

// runtimeShapes are the shapes that most continuations have.
func runtimeShapes() []continuation.DictionaryShape {
	var names []string
	for name := range fixedFields {
		names = append(names, name)
	}
	sort.Strings(names)
	var shapes []continuation.DictionaryShape
	for _, name := range names {
		shapes = append(shapes, continuation.DictionaryShape{Class: "kont." + name + ".prototype", Keys: fixedFields[name]})
	}
	for _, class := range promiseClasses {
		shapes = append(shapes, continuation.DictionaryShape{Class: class, Private: privatePromise})
	}
	return append(shapes,
		continuation.DictionaryShape{Class: "kont.CancellationScope.prototype", Keys: []string{"scope"}},
		continuation.DictionaryShape{Class: "kont.CancellationScope.prototype", Keys: []string{"scope", "token"}},
		continuation.DictionaryShape{Class: "kont.Ref.prototype", Keys: []string{"id", "key"}, Private: privatePromise},
		continuation.DictionaryShape{Class: "%ArrayIteratorPrototype%", Private: "kont.iterator"},
		continuation.DictionaryShape{Class: "kont.Generator.prototype", Private: "kont.iterator"},
		continuation.DictionaryShape{Keys: []string{"d", "w"}},
		continuation.DictionaryShape{Keys: []string{"d", "scope"}},
		continuation.DictionaryShape{Keys: []string{"d", "scope", "w"}})
}

// dictionaryNames are the strings of the runtime library that continuations hold, and the names of module objects.
func (v *vm) dictionaryNames() []string {
	var names []string
	classes := v.lib.Get("classes").(*goja.Object)
	for _, name := range classes.GetOwnPropertyNames() {
		names = append(names, fixedFields[name]...)
		names = append(names, "kont."+name+".prototype")
	}
	for sym, name := range v.heap.symbolNames {
		if v.heap.isPrivate[sym] {
			names = append(names, name)
		}
	}
	sort.Strings(names)
	for _, shape := range runtimeShapes() {
		names = append(names, shape.Class, shape.Private)
		names = append(names, shape.Keys...)
	}
	names = append(names, "Object.prototype", "Map.prototype", "Set.prototype", "Error.prototype", "%p", "%ArrayIteratorPrototype%.next", "array",
		"workflow-result", "workflow-error", "workflow-resume", "workflow-scheduler", "message", "stack", "ref", "value")
	functions := v.lib.Get("functions").(*goja.Object)
	names = append(names, functions.GetOwnPropertyNames()...)
	var module []string
	for name := range v.heap.objects {
		if strings.Contains(name, ":") {
			module = append(module, name)
		}
	}
	sort.Strings(module)
	names = append(names, module[:min(len(module), dictionaryWordsMax)]...)
	return slices.DeleteFunc(names, func(s string) bool { return s == "" })
}
