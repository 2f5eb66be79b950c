package bundle

import "testing"

func TestAdviceAboutTheBundlerIsReplaced(t *testing.T) {
	for text, c := range map[string]struct{ hint, wantText, wantHint string }{
		`Could not resolve "x"`:                                                   {`Use the relative path "./x" to reference the file "x.ts". Without the leading "./", the path "x" is being interpreted as a package path instead.`, `there is no package or file "x" in node_modules`, `write "./x": without ./ it names a package`},
		`Could not resolve "a/b.js"`:                                              {`You can mark the path "a/b.js" as external to exclude it from the bundle, which will remove this error and leave the unresolved path in the bundle. You can also surround this "require" call with a try/catch block to handle this failure at run-time instead of bundle-time.`, `there is no package or file "a/b.js" in node_modules`, "install it with `npm install a`, or begin the path of a file of your own with ./"},
		`Could not resolve "../x.js"`:                                             {"", `there is no file "../x.js"`, "the path is relative to this file; .ts, .tsx, .js, .jsx, .mjs, .cjs and .json can be left out"},
		`Could not resolve "preact/jsx-runtime"`:                                  {"", `JSX needs the package of "preact/jsx-runtime", which is not installed`, "install it, or name another package with jsxImportSource in tsconfig.json"},
		`Top-level await is currently not supported with the "cjs" output format`: {"", "top-level `await` is not supported: module code runs at every load, not once a thread", "await inside the entry function"},
		"The JSX syntax extension is not currently enabled":                       {`The esbuild loader for this file is currently set to "js" but it must be set to "jsx" to be able to parse JSX syntax. You can use 'Loader: map[string]api.Loader{".js": api.LoaderJSX}' to do that.`, "JSX is not known in a file with this ending", "name the file .tsx or .jsx"},
		"Something new":  {`Keep this, of "a.ts". You can use "--keep-names" with esbuild. And this.`, "Something new", `Keep this, of "a.ts". And this`},
		`Unexpected ";"`: {"", `Unexpected ";"`, ""},
	} {
		if gotText, gotHint := reword(text, c.hint); gotText != c.wantText || gotHint != c.wantHint {
			t.Errorf("%s\ngot  %s; %s\nwant %s; %s", text, gotText, gotHint, c.wantText, c.wantHint)
		}
	}
}
