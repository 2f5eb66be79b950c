package test262

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestFrontMatterIsRead(t *testing.T) {
	test, err := Parse("a.js", "// c\r/*---\rdescription: >\r  a: b\rflags: [async, onlyStrict]\rincludes:\r  - a.js\r  - b.js\rnegative:\r  phase: parse\r  type: SyntaxError\r---*/\rx")
	if err != nil {
		t.Fatal(err)
	}
	if !test.Has("async") || test.Has("raw") || !slices.Equal(test.Includes, []string{"a.js", "b.js"}) || !test.IsEarly() || test.Negative.Type != "SyntaxError" {
		t.Errorf("read %+v", test.Meta)
	}
	if _, err := Parse("b.js", "/*--- flags: [async"); err == nil {
		t.Error("front matter without an end is read")
	}
}

func TestSuiteListsTestsAndNotTheirFixtures(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"harness/assert.js", "harness/sta.js", "test/language/a/x.js", "test/language/a/x_FIXTURE.js", "test/language/b.js", "test/built-ins/c.js"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	suite, err := Open(root)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := suite.Paths([]string{"language", "language/a", "none"})
	if err != nil || !slices.Equal(paths, []string{"language/a/x.js", "language/b.js"}) {
		t.Errorf("listed %v, %v", paths, err)
	}
	if text, err := suite.Harness("sta.js"); err != nil || text != "harness/sta.js" {
		t.Errorf("harness: %q, %v", text, err)
	}
	if _, err := Open(filepath.Join(root, "test")); err == nil {
		t.Error("any directory is taken for a suite")
	}
}
