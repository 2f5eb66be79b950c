package bundle

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

var (
	entryNamespace = regexp.MustCompile(`(?m)^module\.exports = __toCommonJS\(([\w$]+)\);$`)
	exportedName   = regexp.MustCompile(`(?m)^  (?:"((?:[^"\\]|\\.)*)"|([\w$]+)): \(\) => `)
)

// esmExports gives the names that an entry file in ECMAScript module format exports. esbuild writes them as
//
//	__export(entry_exports, {
//	  default: () => main,
//	  manifest: () => manifest
//	});
//	module.exports = __toCommonJS(entry_exports);
//
// ok is false for an entry file in CommonJS format. esbuild's metafile would give the names only for its ESM format.
func esmExports(script []byte) (names []string, ok bool) {
	entry := entryNamespace.FindSubmatch(script)
	if entry == nil {
		return nil, false
	}
	_, table, found := bytes.Cut(script, []byte("__export("+string(entry[1])+", {\n"))
	if !found {
		return nil, true
	}
	table, _, _ = bytes.Cut(table, []byte("\n});"))
	for _, m := range exportedName.FindAllSubmatch(table, -1) {
		names = append(names, string(m[1])+string(m[2]))
	}
	return names, true
}

// findEntryFunction sets r.Export and r.IsCommonJS.
func (r *Result) findEntryFunction() {
	names, esm := esmExports(r.Script)
	// A file that neither imports nor exports has no format.
	r.IsCommonJS = !esm && (bytes.Contains(r.Script, []byte("require_")) || bytes.Contains(r.Script, []byte("exports")))
	for _, wanted := range []string{"default", "main"} {
		if slices.Contains(names, wanted) {
			r.Export = wanted
			return
		}
	}
}

// topicNameBytesMax is Kafka's bound.
const topicNameBytesMax = 249

// CheckTopic says whether name can be a topic: 1 to 249 of a-z A-Z 0-9 . _ -, and not "." or "..".
func CheckTopic(name string) error {
	switch {
	case name == "":
		return errors.New("a topic name is empty")
	case name == "." || name == "..":
		return fmt.Errorf("topic %q: the name is reserved", name)
	case len(name) > topicNameBytesMax:
		return fmt.Errorf("topic %q: %d bytes, at most %d", name[:40]+"…", len(name), topicNameBytesMax)
	}
	for _, c := range name {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-') {
			return fmt.Errorf("topic %q: character %q is not allowed; use letters, digits, '.', '_', '-'", name, c)
		}
	}
	return nil
}
