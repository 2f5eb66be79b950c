package jsvm

import (
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"regexp"
	"strings"

	"github.com/dop251/goja"

	"kont/jsvm/bundle"
	"kont/jsvm/compile"
	"kont/jsvm/position"
)

// What an entry file has to export is checked twice: the names before the script runs, as far as they are known by
// then, and the values when it has run. The bundler knows names, but not where in the sources their values stand: that takes
// the compiler's reading of the script. So both are refused here.

const hintEntry = "write `export default async function main(event) { … }`"

// mainDeclared finds an entry function that lacks only its `export`.
var mainDeclared = regexp.MustCompile(`(?m)^(?:async[ \t]+)?function[ \t]+main\b|^(?:const|let|var)[ \t]+main[ \t]*=`)

// checkEntryFile refuses an entry file that exports no entry function, as far as that is known before it runs.
func (o CompileOptions) checkEntryFile(built *bundle.Result) error {
	if built.Export != "" || built.IsCommonJS {
		return nil
	}
	d := Diagnostic{File: built.Entry, Line: 1, Column: 1, Hint: hintEntry}
	exports, err := compile.FindExports(compile.Script{Name: scriptName, Text: string(built.Script), SourceMap: built.SourceMap})
	if err == nil && len(exports.Names) > 0 {
		d.Text = noEntryText(exports.Names)
		if at, ok := exports.Place(exports.Names[0]); ok {
			d.File, d.Line, d.Column = at.Module, at.Line, at.Column
		}
		return &CompileError{[]Diagnostic{d}}
	}
	text := o.entryText(built.Entry)
	declared := mainDeclared.FindStringIndex(text)
	switch {
	case strings.TrimSpace(text) == "":
		d.Text = "no entry function: the file is empty"
	case declared != nil:
		d.Text, d.Hint = "no entry function: `main` is not exported", "write `export` before it"
		d.Line, d.Column = position.In(text, declared[0])
	default:
		d.Text = "no entry function: the file exports no value (types are none)"
	}
	return &CompileError{[]Diagnostic{d}}
}

// entryText is the entry file as the author wrote it. A bundle has no text of a file that nothing is left of, such as one
// that only declares `main`. Nothing is lost if it cannot be read again.
func (o CompileOptions) entryText(module string) string {
	var text []byte
	if o.Files != nil {
		text, _ = fs.ReadFile(o.Files, module)
	} else {
		text, _ = os.ReadFile(o.Entry)
	}
	return string(text)
}

func noEntryText(names []string) string {
	return "no entry function: the file exports " + strings.Join(names, ", ") + ", but neither `default` nor `main`"
}

// exportError says that an export is not what it has to be.
type exportError struct {
	export     string // "" for the file as a whole
	path       []string
	config     string // in place of an export: a property of W.config
	text, hint string
}

func (e *exportError) Error() string { return e.text }

func (e *exportError) look(exports *compile.Exports) (compile.Position, bool) {
	if e.config != "" {
		return exports.Config(e.config)
	}
	return exports.Place(e.export, e.path...)
}

const hintTopics = "write `export const manifest = { outputTopics: [\"a-topic\"] }`"

// checkExports refuses what the runtime library would refuse next, which knows no places.
func (v *vm) checkExports(exports goja.Value) error {
	o, ok := exports.(*goja.Object)
	if !ok {
		return &exportError{text: "no entry function: the file exports " + kindOf(exports), hint: hintEntry}
	}
	var failed error
	// A getter of the author may throw.
	if exception := v.rt.Try(func() { failed = checkEntry(o) }); exception != nil {
		return exception
	}
	return failed
}

func checkEntry(exports *goja.Object) error {
	name, entry := "default", exports.Get("default")
	if inner, ok := entry.(*goja.Object); ok && !isFunction(inner) && !isTrue(exports.Get("__esModule")) {
		entry = inner.Get("default")
	}
	if isMissing(entry) {
		name, entry = "main", exports.Get("main")
	}
	switch {
	case isMissing(entry) && isFunction(exports): // module.exports = function
	case isMissing(entry):
		return &exportError{text: noEntryText(exports.Keys()), hint: hintEntry}
	case !isFunction(entry):
		return &exportError{export: name, text: "the export `" + name + "` is " + kindOf(entry) + ", not a function", hint: hintEntry}
	}
	return checkManifest(exports.Get("manifest"))
}

func checkManifest(value goja.Value) error {
	if isMissing(value) {
		return nil
	}
	manifest, ok := value.(*goja.Object)
	if !ok {
		return &exportError{export: "manifest", text: "the export `manifest` is " + kindOf(value) + ", not an object", hint: hintTopics}
	}
	value = manifest.Get("outputTopics")
	if isMissing(value) {
		return nil
	}
	topics, ok := value.(*goja.Object)
	if !ok || topics.ClassName() != "Array" {
		return &exportError{export: "manifest", path: []string{"outputTopics"}, text: "manifest.outputTopics is " + kindOf(value) + ", not an array of topic names", hint: hintTopics}
	}
	for i := range lengthOf(topics) {
		if topic := topics.Get(indexName(i)); !isText(topic) {
			return &exportError{export: "manifest", path: []string{"outputTopics", indexName(i)},
				text: fmt.Sprintf("manifest.outputTopics[%d] is %s, not the name of a topic", i, kindOf(topic)), hint: hintTopics}
		}
	}
	return nil
}

func isMissing(v goja.Value) bool { return v == nil || goja.IsUndefined(v) }

func isTrue(v goja.Value) bool { return v != nil && v.StrictEquals(valueTrue) }

func isText(v goja.Value) bool {
	_, ok := v.(goja.String)
	return ok
}

func isFunction(v goja.Value) bool {
	_, ok := goja.AssertFunction(v)
	return ok
}

// kindOf says what a value is, for people.
func kindOf(v goja.Value) string {
	switch {
	case isMissing(v):
		return "undefined"
	case goja.IsNull(v):
		return "null"
	case isText(v):
		return "a string"
	case isFunction(v):
		return "a function"
	}
	switch v := v.(type) {
	case *goja.Symbol:
		return "a symbol"
	case *goja.Object:
		if v.ClassName() == "Array" {
			return "an array"
		}
		return "an object"
	}
	switch v.ExportType().Kind() {
	case reflect.Bool:
		return "a boolean"
	case reflect.Int64, reflect.Float64:
		return "a number"
	}
	return "a " + v.ExportType().String()
}
