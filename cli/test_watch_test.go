package cli

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestWatchedTestsRunAgainWhenTheirSourcesChange(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	const opens = `import { test, workflow, assert } from "kont/test";
test("it says", () => { assert.equal(workflow("./app.ts").start("t").result, "one"); });`
	save(t, "app.ts", `import { word } from "./word"; export default async function main() { return word }`)
	save(t, "word.ts", `export const word: string = "one";`)
	save(t, "app.test.ts", opens)
	save(t, "other.test.ts", `import { test } from "kont/test"; test("other", () => {});`)
	out := &screen{}
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() { code <- Main(ctx, Process{Args: []string{"test", "--watch"}, Out: out, Err: out}) }()
	const waiting = "waiting for changes; Ctrl-C ends it"
	out.waitFor(t, waiting, 1)
	out.waitFor(t, "2 passed, 0 failed", 1)

	save(t, "word.ts", `export const word: string = "two";`) // of the workflow that the test opens
	out.waitFor(t, waiting, 2)
	out.waitFor(t, `"two" is not "one"`, 1)
	out.waitFor(t, "0 passed, 1 failed", 1) // the other file has not run

	save(t, "word.ts", `export const word: string = ;`)
	out.waitFor(t, waiting, 3)
	out.waitFor(t, `word.ts:1:29: Unexpected ";"`, 1)

	save(t, "word.ts", `export const word: string = "one";`)
	out.waitFor(t, waiting, 4)
	out.waitFor(t, "1 passed, 0 failed", 1)

	if err := os.Mkdir("more", 0o700); err != nil {
		t.Fatal(err)
	}
	save(t, filepath.Join("more", "new.test.ts"), `import { test } from "kont/test"; test("new", () => {});`)
	out.waitFor(t, waiting, 5)
	out.waitFor(t, "ok   new", 1)

	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
	out.waitFor(t, waiting, 5)
}

// What lies elsewhere is watched as well: the workflows of tests, though they did not compile, and each directory that was named.
func TestWatchedTestsRunAgainWhenSourcesElsewhereChange(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for _, name := range []string{"src", "one", "two", filepath.Join("two", "more")} {
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	save(t, filepath.Join("src", "app.ts"), `export default async function main() { return ; }}`)
	save(t, filepath.Join("one", "app.test.ts"), `import { test, workflow, assert } from "kont/test";
test("it says", () => { assert.equal(workflow("../src/app.ts").start("t").result, "one"); });`)
	out := &screen{}
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, Process{Args: []string{"test", "--watch", "one", "two"}, Out: out, Err: out})
	}()
	const waiting = "waiting for changes; Ctrl-C ends it"
	out.waitFor(t, waiting, 1)
	out.waitFor(t, "src/app.ts:1:50: ", 1)

	save(t, filepath.Join("src", "app.ts"), `export default async function main() { return "one"; }`)
	out.waitFor(t, waiting, 2)
	out.waitFor(t, "1 passed, 0 failed", 1)

	save(t, filepath.Join("two", "more", "new.test.ts"), `import { test } from "kont/test"; test("new", () => {});`)
	out.waitFor(t, waiting, 3)
	out.waitFor(t, "ok   new", 1)

	cancel()
	if got := <-code; got != exitOK {
		t.Errorf("exit code %d", got)
	}
}
