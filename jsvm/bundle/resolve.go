package bundle

import (
	"encoding/json"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// nodeModules are the modules of Node.js. Most names have an npm package of the same name that imitates the module
// in plain JavaScript; where such a package is installed, it is used. A package may also say in the field `browser` of its package.json that it does without
// one: then it gets an empty module. One that is found in neither way is refused, see wording.
var nodeModules = map[string]bool{}

func init() {
	for _, name := range strings.Fields(`assert async_hooks buffer child_process cluster console constants crypto dgram
		diagnostics_channel dns domain events fs http http2 https inspector module net os path perf_hooks process punycode
		querystring readline repl stream string_decoder sys timers tls trace_events tty url util v8 vm wasi worker_threads zlib`) {
		nodeModules[name] = true
	}
}

// isNodeModule tells `node:fs`, `fs` and `fs/promises` from packages.
func isNodeModule(name string) bool {
	if strings.HasPrefix(name, "node:") {
		return true
	}
	first, _, _ := strings.Cut(name, "/")
	return nodeModules[first]
}

// resolving marks a lookup that the plugin itself started, so that it does not answer it again.
type resolving struct{}

// hostModules is the plugin that keeps the runtime library external.
//
// A package may ask for a module of Node.js in a function that no workflow calls, or only where it finds itself in Node.js. So what packages require
// or import by a call, and nobody has, stays a call of `require`, which throws.
func hostModules(isPlain bool) api.Plugin {
	names := ModuleNames
	if isPlain {
		names = append([]string{TestModule}, names...)
	}
	return api.Plugin{Name: "kont", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `^[^./]`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			if _, ours := args.PluginData.(resolving); ours || args.Kind == api.ResolveEntryPoint {
				return api.OnResolveResult{}, nil
			}
			if slices.Contains(names, args.Path) {
				return api.OnResolveResult{Path: args.Path, External: true}, nil
			}
			isCall := args.Kind == api.ResolveJSRequireCall || args.Kind == api.ResolveJSDynamicImport
			if !isCall || !isNodeModule(args.Path) || isOwn(filepath.ToSlash(args.Importer)) {
				return api.OnResolveResult{}, nil
			}
			found := build.Resolve(args.Path, api.ResolveOptions{
				Importer: args.Importer, Namespace: args.Namespace, ResolveDir: args.ResolveDir, Kind: args.Kind, PluginData: resolving{}})
			if len(found.Errors) > 0 {
				return api.OnResolveResult{Path: args.Path, External: true}, nil
			}
			return api.OnResolveResult{}, nil
		})
	}}
}

// extensions are tried in this order, as esbuild does on disk.
var extensions = []string{"", ".tsx", ".ts", ".jsx", ".js", ".mjs", ".cjs", ".json"}

// memory is the plugin that reads sources from files instead of the disk. It knows relative imports, and packages below node_modules
// by `module`, `main` or index; it does not know `exports` maps, which need the disk.
func memory(files fs.FS, root string) api.Plugin {
	isFile := func(name string) bool {
		info, err := fs.Stat(files, name)
		return err == nil && !info.IsDir()
	}
	asFile := func(name string) string {
		for _, extension := range extensions {
			if isFile(name + extension) {
				return name + extension
			}
		}
		// TypeScript lets one write the name of the file that it would be compiled to.
		for js, ts := range map[string]string{".js": ".ts", ".mjs": ".mts", ".cjs": ".cts"} {
			if stem, ok := strings.CutSuffix(name, js); ok && isFile(stem+ts) {
				return stem + ts
			}
		}
		for _, extension := range extensions[1:] {
			if isFile(path.Join(name, "index"+extension)) {
				return path.Join(name, "index"+extension)
			}
		}
		return ""
	}
	asPackage := func(dir, name string) string {
		for ; ; dir = path.Dir(dir) {
			at := path.Join(dir, "node_modules", name)
			if raw, err := fs.ReadFile(files, path.Join(at, "package.json")); err == nil {
				var p struct{ Module, Main string }
				if json.Unmarshal(raw, &p) == nil {
					for _, main := range []string{p.Module, p.Main} {
						if main != "" {
							if found := asFile(path.Join(at, main)); found != "" {
								return found
							}
						}
					}
				}
			}
			if found := asFile(at); found != "" {
				return found
			}
			if dir == "." {
				return ""
			}
		}
	}
	inside := func(file string) string { return strings.TrimPrefix(strings.TrimPrefix(file, root), "/") }
	return api.Plugin{Name: "memory", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			dir, found := path.Dir(inside(args.Importer)), ""
			switch {
			case args.Kind == api.ResolveEntryPoint:
				found = inside(args.Path)
			case strings.HasPrefix(args.Path, "."):
				found = asFile(path.Join(dir, args.Path))
			default:
				found = asPackage(dir, args.Path)
			}
			if found == "" {
				return api.OnResolveResult{Errors: []api.Message{{Text: `Could not resolve "` + args.Path + `"`}}}, nil
			}
			return api.OnResolveResult{Path: path.Join(root, found), Namespace: "file"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "file"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := fs.ReadFile(files, inside(args.Path))
			if err != nil {
				return api.OnLoadResult{}, err
			}
			if refused := notText(inside(args.Path), text); refused != nil {
				return api.OnLoadResult{Errors: refused}, nil
			}
			if !isOwn(inside(args.Path)) {
				text = withoutSourceMap(text)
			}
			contents := string(text)
			return api.OnLoadResult{Contents: &contents, Loader: api.LoaderDefault, ResolveDir: path.Dir(args.Path)}, nil
		})
	}}
}
