package bundle

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"

	"github.com/evanw/esbuild/pkg/api"
)

// sourceMapComment is the comment at the end of a file that names its source map.
var sourceMapComment = regexp.MustCompile(`(?:^|[\r\n])[ \t]*(?://|/\*)[#@][ \t]*sourceMappingURL=[^\s*]*[ \t]*(?:\*/)?\s*$`)

// withoutSourceMap takes that comment off a text.
func withoutSourceMap(text []byte) []byte {
	tail := max(bytes.LastIndex(text, []byte("sourceMappingURL"))-8, 0)
	if at := sourceMapComment.FindIndex(text[tail:]); at != nil {
		return text[:tail+at[0]]
	}
	return text
}

// packageSources is the plugin that hides the source maps of packages. They name files of the package's authors, as "../src/index.ts", which
// are seldom installed and lead out of the package: two packages would have the same module path, and so would one of the
// author's own files, whose objects are frozen. Positions are in the file that is installed.
func packageSources() api.Plugin {
	return api.Plugin{Name: "package sources", Setup: func(build api.PluginBuild) {
		build.OnLoad(api.OnLoadOptions{Filter: `[\\/]node_modules[\\/].*\.[mc]?jsx?$`, Namespace: "file"}, func(args api.OnLoadArgs) (api.OnLoadResult, error) {
			text, err := os.ReadFile(args.Path)
			if err != nil {
				return api.OnLoadResult{}, err
			}
			contents := string(withoutSourceMap(text))
			return api.OnLoadResult{Contents: &contents, Loader: api.LoaderDefault, ResolveDir: filepath.Dir(args.Path)}, nil
		})
	}}
}
