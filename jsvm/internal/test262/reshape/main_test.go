package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestReshapeTakesAwayWhatTheImporterAdded(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	put := func(name, text string) {
		if err := write(filepath.Join(from, filepath.FromSlash(name)), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	put("shell.js", "// GENERATED, DO NOT EDIT\n// file: assert.js\nfunction assert() {}\n\n// file: sta.js\nsta\n\n// file: test262-host.js\nhost")
	put("language/shell.js", "")
	put("language/browser.js", "")
	put("built-ins/shell.js", "// GENERATED, DO NOT EDIT\n// file: sta.js\nsta\n")
	put("language/a.js", "/*---\nflags: [noStrict]\n---*/\na\n\nreportCompare(0, 0);\n")
	put("language/b-strict.js", "// |reftest| skip -- no\n'use strict';\n/*---\nflags: [onlyStrict, async]\n---*/\nb\n")
	put("language/c.js", "// |reftest| error:SyntaxError\n/*---\nnegative:\n  phase: parse\n  type: SyntaxError\n---*/\nc")
	put("language/d_FIXTURE.js", "// |reftest| skip -- not a test file\nd")
	tests, harness, err := reshape(from, to)
	if err != nil || tests != 4 || harness != 2 {
		t.Fatalf("%d tests, %d harness files, %v", tests, harness, err)
	}
	for name, want := range map[string]string{
		"harness/assert.js":            "function assert() {}\n",
		"harness/sta.js":               "sta\n",
		"test/language/a.js":           "/*---\nflags: [noStrict]\n---*/\na\n",
		"test/language/b.js":           "/*---\nflags: [onlyStrict, async]\n---*/\nb\n",
		"test/language/c.js":           "/*---\nnegative:\n  phase: parse\n  type: SyntaxError\n---*/\nc",
		"test/language/d_FIXTURE.js":   "d",
		"test/language/b-strict.js":    "",
		"harness/test262-host.js":      "",
		"test/language/browser.js":     "",
		"test/built-ins/shell.js":      "",
		"test/language/c_unwritten.js": "",
	} {
		got, _ := os.ReadFile(filepath.Join(to, filepath.FromSlash(name)))
		if string(got) != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestReshapeRefusesWhatTheImporterDoesNotWrite(t *testing.T) {
	for name, text := range map[string]string{
		"a.js":        "/*---\nflags: []\n---*/\na\n",
		"b.js":        "'use strict';\n/*---\nflags: [onlyStrict]\n---*/\nb\n\nreportCompare(0, 0);\n",
		"c-strict.js": "/*---\nflags: [onlyStrict]\n---*/\nb\n\nreportCompare(0, 0);\n",
	} {
		if _, _, err := original(name, []byte(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	files := map[string][]byte{}
	if err := includes("x", []byte("// file: a.js\n1"), files); err != nil {
		t.Fatal(err)
	}
	if err := includes("y", []byte("// file: a.js\n2"), files); err == nil {
		t.Error("two texts of one harness file are taken")
	}
}
