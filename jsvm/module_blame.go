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

// sharedBy says what in the author's sources a refused change belongs to, if code of a package has tried it: in the author's own code the compiler
// names the variable (lower/shared.go), but a package's `this.state = …` says nothing of the store that it belongs to. It is asked when a function
// of the workflow ends with a TypeError; so it may look at every object that was lent.
func (v *vm) sharedBy(message, stack string) string {
	match := refusedChange.FindStringSubmatch(message)
	if match == nil || !isCalledByPackage(stack) {
		return ""
	}
	var variables []string
	for _, item := range v.module.lent {
		o := item.object
		if o.ClassName() == "Array" {
			if arrayIndex(match[1]) < 0 {
				continue
			}
		} else if has, err := v.heap.natives.hasOwn(nil, o, v.rt.ToValue(match[1])); err != nil || !has.ToBoolean() {
			continue
		}
		name := displayName(item.name)
		if end := strings.IndexAny(name, ".%[ "); end > 0 {
			name = name[:end]
		}
		if !slices.Contains(variables, name) {
			variables = append(variables, name)
		}
	}
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

// isCalledByPackage: the innermost place in a source is one of a package.
func isCalledByPackage(stack string) bool {
	place := stackLine.FindStringSubmatch(stack)
	return place != nil && !isOwnModule(place[1])
}

// explain is the host function that completes the message of a TypeError.
func (v *vm) explain(error goja.Value) {
	o, ok := error.(*goja.Object)
	if !ok || len(v.module.lent) == 0 || o.ClassName() != "Error" {
		return
	}
	text, stack := o.Get("message"), o.Get("stack")
	if text == nil || stack == nil {
		return
	}
	before := text.String()
	if said := v.sharedBy(before, v.bundle.layout.stackText(stack.String(), nil)); said != "" {
		_ = o.Set("message", said) // of the thread's own error; a frozen one stays as it is
		_ = o.Set("stack", strings.Replace(stack.String(), before, said, 1))
	}
}
