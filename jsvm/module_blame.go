package jsvm

import (
	"regexp"
	"slices"
	"strings"

	"github.com/dop251/goja"
)

// refusedChange is goja's message about a change that an object does not take.
var refusedChange = regexp.MustCompile(`^Cannot (?:assign to read only|add|define|delete|redefine) property '?([^',]+)`)

// variablesMax bounds the variables that an error names.
const variablesMax = 3

// blamesMax bounds the errors of one step that are explained. To explain one may take a look at every object of module scope, some milliseconds in a large
// bundle, and a loop can catch a hundred thousand; the first tell the author as much as all.
const blamesMax = 32

// blames are what explaining errors remembers.
type blames struct {
	made int                 // in this step
	own  map[string][]string // by property, the author's variables that may have refused a change: what these hold never changes
}

// sharedBy says what in the author's sources a refused change belongs to. The compiler names the variable of `limits.max = 1` (lower/shared.go), but
// `this.state = …` in a package, or `list.push(x)` in a function that is handed the list, says nothing of the variable. It is asked when a function
// of the workflow ends with a TypeError; so it may look at every object that is shared. In the author's own sources it can only guess, since the
// author may have frozen an object with the same properties.
func (v *vm) sharedBy(message, stack string) string {
	match := refusedChange.FindStringSubmatch(message)
	if match == nil || strings.Contains(message, "shared by all threads") || v.blames.made >= blamesMax {
		return ""
	}
	v.blames.made++
	if !isCalledByPackage(v.bundle.layout.stackText(stack, nil)) {
		variables := v.ownVariablesWith(match[1])
		if len(variables) == 0 || len(variables) > variablesMax {
			return ""
		}
		return message + ": perhaps it is a part of " + strings.Join(variables, " or ") + ", made while the module loaded and shared by all threads; make it in the entry function"
	}
	variables := v.variablesWith(match[1], v.module.lent)
	const advice = " made while the module loaded and shared by all threads; make it in the entry function"
	switch {
	case len(variables) == 0:
		return ""
	case len(variables) == 1:
		return message + ": a part of " + variables[0] + "," + advice
	case len(variables) <= variablesMax:
		slices.Sort(variables)
		return message + ": a part of " + strings.Join(variables, " or ") + "," + advice
	}
	return message + ": a part of what a package has" + advice
}

// ownVariablesWith is variablesWith of the author's own objects.
func (v *vm) ownVariablesWith(key string) []string {
	variables, isKnown := v.blames.own[key]
	if !isKnown {
		if v.blames.own == nil || len(v.blames.own) >= blamesMax {
			v.blames.own = map[string][]string{}
		}
		variables = v.variablesWith(key, v.ownObjects())
		slices.Sort(variables)
		v.blames.own[key] = variables
	}
	return variables
}

// variablesWith lists variables that lead to one of the objects and may have refused a change of a property; one more than variablesMax at most.
func (v *vm) variablesWith(key string, objects []named) (variables []string) {
	for _, item := range objects {
		if !v.mayHaveRefused(item.object, key) {
			continue
		}
		name := displayName(item.name)
		if end := strings.IndexAny(name, ".%[ "); end > 0 {
			name = name[:end]
		}
		if slices.Contains(variables, name) {
			continue
		}
		if variables = append(variables, name); len(variables) > variablesMax {
			break
		}
	}
	return variables
}

// ownObjects are the objects that the author's own module code has made, without those that packages have made for it: they are not frozen.
func (v *vm) ownObjects() []named {
	lent := map[*goja.Object]bool{}
	for _, item := range v.module.lent {
		lent[item.object] = true
	}
	var own []named
	for object, name := range v.heap.names {
		if lent[object] {
			continue
		}
		if path, _, isModule := strings.Cut(name, ":"); isModule && isOwnModule(path) {
			own = append(own, named{object: object, name: name})
		}
	}
	return own
}

// mayHaveRefused: the object has the property, or is an array that would get it next.
func (v *vm) mayHaveRefused(o *goja.Object, key string) bool {
	if o.ExportType() == typeProxy { // asking it would run code of the workflow
		return false
	}
	if o.ClassName() == "Array" {
		if i := arrayIndex(key); i >= 0 {
			return i <= lengthOf(o)
		}
	}
	has, err := v.heap.natives.hasOwn(nil, o, v.rt.ToValue(key))
	return err == nil && has.ToBoolean()
}

// isCalledByPackage: the innermost place in a source is one of a package.
func isCalledByPackage(stack string) bool {
	place := stackLine.FindStringSubmatch(stack)
	return place != nil && !isOwnModule(place[1])
}

// explain is the host function that completes the message of a TypeError.
func (v *vm) explain(error goja.Value) {
	o, ok := error.(*goja.Object)
	if !ok || o.ClassName() != "Error" {
		return
	}
	// Own values only: an accessor is code of the workflow, which may throw.
	text, isText := v.ownText(o, "message")
	stack, isStack := v.ownText(o, "stack")
	if !isText || !isStack {
		return
	}
	if said := v.sharedBy(text, stack); said != "" {
		_ = o.Set("message", said) // of the thread's own error; a frozen one stays as it is
		_ = o.Set("stack", strings.Replace(stack, text, said, 1))
	}
}

// ownText is the value of an own property that is a text.
func (v *vm) ownText(o *goja.Object, key string) (string, bool) {
	d := v.heap.descriptor(o, v.rt.ToValue(key))
	text, ok := d.value.(goja.String)
	if !ok || !d.isData() {
		return "", false
	}
	return text.String(), true
}
