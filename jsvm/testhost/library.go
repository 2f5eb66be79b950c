package testhost

import (
	"embed"
	"fmt"
	"path"
	"strings"
	"sync"

	"github.com/dop251/goja"
	"github.com/evanw/esbuild/pkg/api"
)

//go:embed library/*.ts
var librarySources embed.FS

// Types is the text of kont-test.d.ts: the declarations of the module `kont/test`.
//
//go:embed kont-test.d.ts
var Types string

// libraryName is the file name of the library in stacks.
const libraryName = "kont-test.js"

// library compiles the library once a process.
var library = sync.OnceValues(func() (*goja.Program, error) {
	built := api.Build(api.BuildOptions{
		EntryPoints: []string{"index.ts"}, Bundle: true, Outfile: libraryName, Format: api.FormatIIFE, GlobalName: "library",
		Platform: api.PlatformNeutral, Target: api.ES2022, Charset: api.CharsetASCII, Plugins: []api.Plugin{embeddedLibrary()},
	})
	if len(built.Errors) > 0 {
		return nil, fmt.Errorf("test library: %s", built.Errors[0].Text)
	}
	program, err := goja.Compile(libraryName, "(function (engineOfTheHost) {\n"+string(built.OutputFiles[0].Contents)+"\nreturn library.default; })", true)
	if err != nil {
		return nil, fmt.Errorf("test library: %w", err)
	}
	return program, nil
})

func embeddedLibrary() api.Plugin {
	return api.Plugin{Name: "embedded", Setup: func(build api.PluginBuild) {
		build.OnResolve(api.OnResolveOptions{Filter: `.*`}, func(args api.OnResolveArgs) (api.OnResolveResult, error) {
			return api.OnResolveResult{Path: strings.TrimSuffix(path.Base(args.Path), ".ts") + ".ts", Namespace: "library"}, nil
		})
		build.OnLoad(api.OnLoadOptions{Filter: `.*`, Namespace: "library"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := librarySources.ReadFile("library/" + args.Path)
			contents := string(text)
			return api.OnLoadResult{Contents: &contents, Loader: api.LoaderTS}, err
		})
	}}
}
