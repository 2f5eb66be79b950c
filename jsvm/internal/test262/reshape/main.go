// Command reshape makes an ordinary checkout of test262 of the one in Mozilla's sources (js/src/tests/test262), which
// Debian's source packages of SpiderMonkey have.
//
//	go run ./jsvm/internal/test262/reshape FROM TO
//
// Mozilla's importer (js/src/tests/test262-update.py) keeps every test with its front matter and adds to it; this takes
// away again what it added, and stops with an error where a file is not what the importer writes:
//
//   - a first line "// |reftest| …" with what its own runner must know;
//   - for tests that are strict only, a line 'use strict'; and "-strict" in the file's name;
//   - a last line "reportCompare(0, 0);" in tests that must succeed and are not asynchronous;
//   - the harness files that a directory's tests include, one after the other in its shell.js.
//
// What the importer leaves out is lost: doneprintHandle.js, whose $DONE a runner defines for itself, and harness files that no
// test includes.
package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"kont/jsvm/internal/test262"
)

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: reshape FROM TO")
		os.Exit(2)
	}
	tests, harness, err := reshape(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, "reshape:", err)
		os.Exit(1)
	}
	fmt.Printf("%d tests, %d harness files\n", tests, harness)
}

func reshape(from, to string) (tests, harness int, err error) {
	files := map[string][]byte{} // harness files by name
	err = filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".js" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch filepath.Base(name) {
		case "browser.js":
			return nil
		case "shell.js":
			return includes(name, raw, files)
		}
		name, raw, err = original(name, raw)
		if err != nil {
			return err
		}
		tests++
		return write(filepath.Join(to, "test", name), raw)
	})
	if err != nil {
		return 0, 0, err
	}
	for name, raw := range files {
		if err := write(filepath.Join(to, "harness", name), raw); err != nil {
			return 0, 0, err
		}
	}
	return tests, len(files), nil
}

const fileMark = "// file: "

// includes takes the harness files out of a shell.js.
func includes(name string, raw []byte, files map[string][]byte) error {
	parts := strings.Split("\n"+string(raw), "\n"+fileMark)
	for _, part := range parts[1:] {
		file, text, _ := strings.Cut(part, "\n")
		if file == "test262-host.js" { // Mozilla's own
			continue
		}
		text = strings.TrimRight(text, "\n") + "\n"
		if had, ok := files[file]; ok && string(had) != text {
			return fmt.Errorf("%s: %s differs from the one in another directory", name, file)
		}
		files[file] = []byte(text)
	}
	return nil
}

// original undoes what the importer does to a test.
func original(name string, raw []byte) (string, []byte, error) {
	if bytes.HasPrefix(raw, []byte("// |reftest|")) {
		_, raw, _ = bytes.Cut(raw, []byte("\n"))
	}
	if strings.Contains(filepath.Base(name), "_FIXTURE") {
		return name, raw, nil
	}
	test, err := test262.Parse(name, string(raw))
	if err != nil {
		return "", nil, err
	}
	if test.Has("onlyStrict") && !test.Has("raw") {
		stem, cut := strings.CutSuffix(name, "-strict.js")
		rest, found := bytes.CutPrefix(raw, []byte("'use strict';\n"))
		if !cut || !found {
			return "", nil, fmt.Errorf("%s: strict only, but without the mark of the importer", name)
		}
		name, raw = stem+".js", rest
	}
	if test.Negative == nil && !test.Has("async") {
		rest, found := bytes.CutSuffix(raw, []byte("\nreportCompare(0, 0);\n"))
		if !found {
			return "", nil, fmt.Errorf("%s: no report at its end", name)
		}
		raw = rest
	}
	return name, raw, nil
}

func write(path string, raw []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, raw, 0o644)
}
