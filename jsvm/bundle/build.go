package bundle

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// ModuleNames are the names under which a workflow imports the runtime library. They stay `require(name)` in the script.
var ModuleNames = []string{"kont", "@effectful/kafka-workflow-rt"}

// Options say what to bundle.
type Options struct {
	// Entry is the path of the entry file: on disk, or slash-separated inside Files.
	Entry string
	// Files, if not nil, holds all sources; the disk is not read. The root of Files is the project's root.
	Files fs.FS
	// IsPlain makes a script that the engine runs as it is, such as a test of workflows: nothing of it is ever stored.
	IsPlain bool
}

// TestModule is the name under which a plain script imports the test host; it stays `require(name)`.
const TestModule = "kont/test"

// Result is a bundle before the continuation compiler.
type Result struct {
	Script    []byte // CommonJS (a plain one: to be run for itself), ASCII only, ends without a source map comment
	SourceMap []byte // version 3, with sourcesContent; its sources are the paths of Modules
	Entry     string // module path of the entry file
	// Export is "default" or "main": what the entry file exports as its entry function. Empty: it exports neither, or
	// it is in CommonJS format.
	Export string
	// IsCommonJS says that the entry file is in CommonJS format: what it exports is known only when it has run.
	IsCommonJS bool
	Modules    []Module // in the order of the source map
	Inputs     []string // every file read, also those that hold only types: absolute paths, or paths in Files; sorted
	Warnings   []Diagnostic
}

// Module is one source that contributed code.
type Module struct {
	Path string // relative to the project's root, slash-separated; stable over builds
	Text string
	Own  bool // the author's: not below a node_modules directory
}

// scriptName is the name that esbuild thinks it writes to; what source map paths are relative to.
const scriptName = "workflow.js"

// features overrides the ES2022 target: false is lowered by esbuild, because goja's parser does not know it.
// Async generators and `for await` become calls of esbuild's helpers __asyncGenerator, __await, __yieldStar and __forAwait,
// which are declared at the top of the script and are compiled as if the author had written them.
var features = map[string]bool{
	"async-generator":                  false,
	"for-await":                        false,
	"decorators":                       false,
	"using":                            false,
	"dynamic-import":                   false,
	"hashbang":                         false,
	"import-attributes":                false,
	"arbitrary-module-namespace-names": false,
	// The continuation compiler does not lower private names yet; goja's own would hide their state from the codec, the WeakMaps of
	// esbuild's helpers do not (runtime/weak.ts).
	"class-private-accessor":        false,
	"class-private-brand-check":     false,
	"class-private-field":           false,
	"class-private-method":          false,
	"class-private-static-accessor": false,
	"class-private-static-field":    false,
	"class-private-static-method":   false,
	"regexp-set-notation":           false,
	"regexp-match-indices":          false,
}

// plainFeatures are those of features that goja lacks itself: nothing of a plain script has to be seen by the codec.
var plainFeatures = func() map[string]bool {
	lacking := maps.Clone(features)
	maps.DeleteFunc(lacking, func(name string, _ bool) bool { return strings.HasPrefix(name, "class-private-") })
	return lacking
}()

// defines replaces what npm packages read from their host.
var defines = map[string]string{
	"process.env.NODE_ENV": `"production"`,
	"global":               "globalThis",
	"self":                 "globalThis",
}

// conditions choose among the variants of a package, in its `exports`, together with those for `import` and `require`. A workflow has neither
// Node.js nor a page: what is written for a worker of a browser has neither too. Some packages know only "browser"; where they know both, their
// own order decides, and "worker" comes first because the other may want a page.
var conditions = []string{"worker", "browser", "module"}

// refused are warnings of esbuild that refuse the author's own sources: what they are about is undefined when the script runs. In a
// package they stay what they are to every other bundler.
var refused = map[string]bool{"empty-import-meta": true, "import-is-undefined": true}

// overrides has esbuild report them at all places.
var overrides = map[string]api.LogLevel{"empty-import-meta": api.LogLevelWarning, "import-is-undefined": api.LogLevelWarning}

// takeRefusals makes errors of the warnings that refuse the author's sources and drops those about packages.
func takeRefusals(built *api.BuildResult) {
	var kept []api.Message
	for _, m := range built.Warnings {
		switch {
		case !refused[m.ID]:
			kept = append(kept, m)
		case m.Location == nil || isOwn(m.Location.File):
			built.Errors = append(built.Errors, m)
		}
	}
	built.Warnings = kept
}

// isOwn tells the author's sources from packages.
func isOwn(file string) bool { return !strings.Contains("/"+file, "/node_modules/") }

// noStyles refuses style sheets like any other unknown ending. esbuild would write them to an output beside the script.
var noStyles = map[string]api.Loader{".css": api.LoaderNone, ".module.css": api.LoaderNone}

// Build bundles the entry file. Files on disk are named relative to the project's root: the nearest directory above the entry
// file that has a package.json, or else the entry file's own directory. A refusal is an *Error.
func Build(o Options) (*Result, error) {
	root, entry, err := locate(o)
	if err != nil {
		return nil, err
	}
	build := api.BuildOptions{
		EntryPoints:    []string{entry},
		Bundle:         true,
		Outfile:        filepath.Join(root, scriptName),
		AbsWorkingDir:  root,
		Format:         api.FormatCommonJS,
		Platform:       api.PlatformBrowser,
		Conditions:     conditions,
		Target:         api.ES2022,
		Supported:      features,
		Define:         defines,
		Charset:        api.CharsetASCII,
		LegalComments:  api.LegalCommentsNone,
		Sourcemap:      api.SourceMapExternal,
		SourcesContent: api.SourcesContentInclude,
		Metafile:       true,
		JSX:            api.JSXAutomatic,
		Loader:         noStyles,
		Plugins:        []api.Plugin{hostModules(o.IsPlain)},
		LogOverride:    overrides,
	}
	if o.IsPlain {
		build.Format, build.Supported = api.FormatIIFE, plainFeatures
	}
	if o.Files != nil {
		if raw, err := fs.ReadFile(o.Files, "tsconfig.json"); err == nil {
			build.TsconfigRaw = string(raw)
		}
		build.Plugins = append(build.Plugins, memory(o.Files, root))
	} else {
		build.Plugins = append(build.Plugins, textOnly(), packageSources())
	}
	built := api.Build(build)
	takeRefusals(&built)
	r := &Result{Entry: modulePath(root, entry)}
	if len(built.Errors) > 0 {
		found := diagnostics(built.Errors, r.Entry)
		if o.IsPlain {
			forPlain(found)
		}
		return nil, &Error{Diagnostics: found}
	}
	r.Warnings = diagnostics(built.Warnings, r.Entry)
	for _, f := range built.OutputFiles {
		switch filepath.Base(f.Path) {
		case scriptName:
			r.Script = f.Contents
		case scriptName + ".map":
			r.SourceMap = f.Contents
		}
	}
	if err := r.readModules(); err != nil {
		return nil, err
	}
	if err := r.readInputs(built.Metafile, root, o.Files != nil); err != nil {
		return nil, err
	}
	if !o.IsPlain {
		r.findEntryFunction()
		r.runLazyModules()
	}
	return r, nil
}

// memoryRoot is where in-memory files seem to lie. Nothing is looked up there.
const memoryRoot = "/kont-in-memory"

// locate gives the project's root and the absolute path of the entry file.
func locate(o Options) (root, entry string, err error) {
	if o.Entry == "" {
		return "", "", refusal("", "no entry file given", "name the file that exports `default` or `main`")
	}
	if o.Files != nil {
		name := path.Clean(strings.TrimPrefix(o.Entry, "./"))
		if info, err := fs.Stat(o.Files, name); err != nil || info.IsDir() {
			return "", "", refusal(o.Entry, "no such file", "")
		}
		return memoryRoot, path.Join(memoryRoot, name), nil
	}
	if entry, err = filepath.Abs(o.Entry); err != nil {
		return "", "", fmt.Errorf("entry file %s: %w", o.Entry, err)
	}
	info, err := os.Stat(entry)
	switch {
	case err != nil:
		return "", "", refusal(o.Entry, "cannot be read: "+errorText(err), "")
	case info.IsDir():
		return "", "", refusal(o.Entry, "is a directory", "name the entry file, as in "+filepath.Join(o.Entry, "index.ts"))
	}
	for dir := filepath.Dir(entry); ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "package.json")); err == nil {
			return dir, entry, nil
		}
		if dir == filepath.Dir(dir) {
			return filepath.Dir(entry), entry, nil
		}
	}
}

// errorText drops the path, which the diagnostic has already.
func errorText(err error) string {
	if e, ok := err.(*fs.PathError); ok {
		return e.Err.Error()
	}
	return err.Error()
}

func modulePath(root, file string) string {
	rel, err := filepath.Rel(root, file)
	if err != nil {
		rel = file
	}
	return filepath.ToSlash(rel)
}

// readModules lists the sources of the source map.
func (r *Result) readModules() error {
	var sourceMap struct {
		Sources        []string `json:"sources"`
		SourcesContent []string `json:"sourcesContent"`
	}
	if err := json.Unmarshal(r.SourceMap, &sourceMap); err != nil {
		return fmt.Errorf("source map of %s: %w", r.Entry, err)
	}
	for i, source := range sourceMap.Sources {
		m := Module{Path: source, Own: isOwn(source)}
		if i < len(sourceMap.SourcesContent) {
			m.Text = sourceMap.SourcesContent[i]
		}
		r.Modules = append(r.Modules, m)
	}
	return nil
}

// readInputs lists the files that esbuild read.
func (r *Result) readInputs(metafile, root string, inMemory bool) error {
	var meta struct {
		Inputs map[string]json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal([]byte(metafile), &meta); err != nil {
		return fmt.Errorf("metafile of %s: %w", r.Entry, err)
	}
	for name := range meta.Inputs {
		if strings.HasPrefix(name, "<") {
			continue
		}
		if !inMemory {
			name = filepath.Join(root, filepath.FromSlash(name))
		}
		r.Inputs = append(r.Inputs, name)
	}
	sort.Strings(r.Inputs)
	return nil
}
