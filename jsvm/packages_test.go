package jsvm

import (
	"context"
	"testing"
	"testing/fstest"

	"github.com/dop251/goja"
)

// packageFixture is a project whose files below node_modules are single modules: name, text pairs.
func packageFixture(source string, packages ...string) fstest.MapFS {
	files := fixtureFiles(source)
	for i := 0; i < len(packages); i += 2 {
		files["node_modules/"+packages[i]+"/index.js"] = &fstest.MapFile{Data: []byte(packages[i+1])}
	}
	return files
}

func compilePackages(t testing.TB, source string, packages ...string) *Bundle {
	t.Helper()
	b, err := Compile(context.Background(), CompileOptions{Entry: "app.ts", Files: packageFixture(source, packages...)})
	if err != nil {
		t.Fatalf("compile: %v", err)
	}
	return b
}

// The names of intrinsics are found once a process. What the first bundle's packages add to the intrinsics is no part of them.
func TestOneBundlesPatchesAreNotExpectedOfTheNext(t *testing.T) {
	intrinsicsOnce.Lock()
	intrinsicsOnce.table = nil
	intrinsicsOnce.Unlock()
	compilePackages(t, `import "patch"; export default async () => 1`,
		"patch", `Array.prototype.last = function () { return this[this.length - 1] }; new WeakMap([[Object.prototype, 1]]); Math.nothing = {}; export {}`)
	b := compileFixture(t, `export default async () => 1`)
	if _, err := newVM(b, goja.New(), Limits{}.withDefaults()); err != nil {
		t.Error(err)
	}
}
