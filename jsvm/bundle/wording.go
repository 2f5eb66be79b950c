package bundle

import (
	"regexp"
	"strings"
)

// wording puts messages of esbuild in our words. It knows nothing of kont: its advice is
// about options that an author of a workflow cannot set.
var wording = []struct {
	pattern    *regexp.Regexp
	text, hint string // with $1 of the pattern
}{
	{regexp.MustCompile(`^Top-level await is .*`), "top-level `await` is not supported: module code runs at every load, not once a thread", "await inside the entry function"},
	{regexp.MustCompile(`^"import\.meta" is not available.*`), "`import.meta` is not available: a workflow has no files", "pass what you need in the start event"},
	{regexp.MustCompile(`^With statements cannot be used.*`), "`with` statements are not supported", "name the object"},
	{regexp.MustCompile(`^(Multiple exports with the same name .*)`), "$1", "keep one of them"},
	{regexp.MustCompile(`^The JSX syntax extension is not currently enabled.*`), "JSX is not known in a file with this ending", "name the file .tsx or .jsx"},
	{regexp.MustCompile(`^No loader is configured for "(?:\.module)?\.css" files: (?:.*/)?(.*)$`), "$1 cannot be imported: a workflow has no page to style", "remove the import"},
	{regexp.MustCompile(`^No loader is configured for "(.*?)" files: (.*)$`), "$2 cannot be imported: $1 is no kind of source", "import TypeScript, JavaScript, .json or .txt; other data comes in an event"},
	{regexp.MustCompile(`^No matching export in "(.*)" for import "(.*)"$`), "$1 exports no `$2`", "export it there, or import another name; a type is imported with `import type`"},
	{regexp.MustCompile(`^Could not resolve "((?:kont|@effectful/kafka-workflow-rt)/.*)"$`), `there is no module "$1"`, `import from "kont"`},
	{regexp.MustCompile(`^Could not resolve "([^"]*/jsx(?:-dev)?-runtime)"$`), `JSX needs the package of "$1", which is not installed`, "install it, or name another package with jsxImportSource in tsconfig.json"},
	{regexp.MustCompile(`^Could not resolve "(\.{0,2}/.*|\.{1,2})"$`), `there is no file "$1"`, "the path is relative to this file; .ts, .tsx, .js, .jsx, .mjs, .cjs and .json can be left out"},
	{regexp.MustCompile(`^Could not resolve "((?:@[^/"]*/)?[^/"]*)(.*)"$`), `there is no package or file "$1$2" in node_modules`, "install it with `npm install $1`, or begin the path of a file of your own with ./"},
}

// relative is esbuild's hint for a file that was taken for a package.
var relative = regexp.MustCompile(`^Use the relative path ("[^"]*")`)

// foreign are sentences about esbuild, its options or its output.
var foreign = regexp.MustCompile(`(?i)esbuild|\bapi\.|loader|mark (?:the|it)\b.*external|bundle-time|output format|target environment|--\w`)

// sentence is up to a full stop that ends one.
var sentence = regexp.MustCompile(`[^.]+(?:\.\S[^.]*)*(?:\.|$)\s*`)

// unresolved is what nobody could find.
var unresolved = regexp.MustCompile(`^Could not resolve "(.*)"$`)

// reword gives a message of esbuild and its way out in our words.
func reword(text, hint string) (newText, newHint string) {
	if match := unresolved.FindStringSubmatch(text); match != nil && isNodeModule(match[1]) {
		return `"` + match[1] + `" is a module of Node.js: ` + noHostAccess, "let a service do it: send it a record and await its reply"
	}
	for _, w := range wording {
		if w.pattern.MatchString(text) {
			newText, newHint = w.pattern.ReplaceAllString(text, w.text), w.pattern.ReplaceAllString(text, w.hint)
			if match := relative.FindStringSubmatch(hint); match != nil {
				newHint = "write " + match[1] + ": without ./ it names a package"
			}
			return newText, newHint
		}
	}
	var kept []string
	for _, s := range sentence.FindAllString(hint, -1) {
		if !foreign.MatchString(s) {
			kept = append(kept, strings.TrimSpace(s))
		}
	}
	return text, strings.TrimSuffix(strings.Join(kept, " "), ".")
}

// plainHints are the ways out in a plain script, where those of a workflow lead nowhere.
var plainHints = map[string]struct{ text, hint string }{
	"top-level `await` is not supported: module code runs at every load, not once a thread": {"top-level `await` is not supported", "await in the body of a test"},
	"`import.meta` is not available: a workflow has no files":                               {"`import.meta` is not available", "name files relative to the test's"},
}

const noHostAccess = "workflow code has no host access"

// forPlain puts diagnostics of a plain script in words that fit it.
func forPlain(found []Diagnostic) {
	for i := range found {
		if fitting, ok := plainHints[found[i].Text]; ok {
			found[i].Text, found[i].Hint = fitting.text, fitting.hint
		}
		if text, ok := strings.CutSuffix(found[i].Text, noHostAccess); ok {
			found[i].Text, found[i].Hint = text+"a test has no host access", "keep what it needs in a module or a .json file and import that"
		}
	}
}
