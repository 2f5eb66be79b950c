package testhost

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// runFiles runs test files and prints what became of them.
func runFiles(t *testing.T, o Options, files ...string) (results []FileResult, text string) {
	t.Helper()
	var out bytes.Buffer
	reporter := TextReporter{Out: &out}
	Run(context.Background(), files, o, func(r FileResult) {
		results = append(results, r)
		reporter.File(r)
	})
	return results, slowMark.ReplaceAllString(out.String(), "")
}

// slowMark is the time of a slow test, which is another in each run.
var slowMark = regexp.MustCompile(`(?m) \(\d+\.\d s\)$`)

// The tests of testdata test what a test imports, with itself: what they say fails is caught by assert.throws.
func TestLibraryAndHostByTestsOfTheirOwn(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test.ts")
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	results, text := runFiles(t, Options{Snapshots: SnapshotsKeep, Seed: 7}, files...)
	if counts := CountsOf(results); counts.Failed > 0 || counts.Passed < 30 || counts.Skipped > 0 {
		t.Errorf("%+v\n%s", counts, text)
	}
	for i, r := range results {
		if r.File != files[i] {
			t.Errorf("result %d is of %s, want %s", i, r.File, files[i])
		}
	}
}

func TestSameSeedSameChance(t *testing.T) {
	draw := func(seed uint64) []string {
		results, text := runFiles(t, Options{Seed: seed}, "testdata/chance.test.ts")
		var lines []string
		for _, r := range results[0].Tests {
			lines = append(lines, r.Console...)
		}
		if len(lines) != 3 {
			t.Fatal(text)
		}
		return lines
	}
	first, again, other := draw(7), draw(7), draw(8)
	if strings.Join(first, "\n") != strings.Join(again, "\n") {
		t.Errorf("seed 7 gives\n%s\nand\n%s", first, again)
	}
	if strings.Join(first, "\n") == strings.Join(other, "\n") {
		t.Errorf("seeds 7 and 8 give %s", first)
	}
}

// A failure that is run again alone, with its seed, is the same failure; also where module code asks for the time or chance.
func TestChanceOfATestDependsOnNoOtherTest(t *testing.T) {
	for _, restore := range []string{"await", "step", "never"} {
		project(t, "app.ts", `import * as W from "kont";
const at = Date.now(), salt = Math.random();
export default async function main() { await W.ref("go"); await null; return [at, salt, Math.random(), crypto.randomUUID()] }`,
			"a.test.ts", testImports+`for (const now of [1, 2, 3]) {
  const draw = () => workflow("./app.ts", { now }).start("t").resume("go").result;
  test("at " + now, () => { console.log([Math.random(), draw(), draw()]) });
}`)
		draw := func(filter string) (console []string) {
			results, _ := runFiles(t, Options{Seed: 7, Restore: restore, Filter: regexp.MustCompile(filter)}, "a.test.ts")
			for _, r := range results[0].Tests {
				console = append(console, r.Console...)
			}
			return console
		}
		alone, among := draw("at 3"), draw("")
		if len(alone) != 1 || len(among) != 3 || alone[0] != among[2] {
			t.Errorf("restored at %s, alone it draws\n%s\nand behind others\n%s", restore, alone, among)
		}
	}
}

// Every workflow and every snapshot in testdata belongs to a test.
func TestTestdataIsUsed(t *testing.T) {
	var tests strings.Builder
	paths, err := filepath.Glob("testdata/*.ts")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if text, err := os.ReadFile(path); err == nil && strings.HasSuffix(path, ".test.ts") {
			tests.Write(text)
		}
	}
	snapshots, err := filepath.Glob("testdata/*.snap")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(paths, snapshots...) {
		stem := strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		switch {
		case strings.HasSuffix(stem, ".test"):
			if _, err := os.Stat("testdata/" + stem + ".ts"); err != nil {
				t.Error(err)
			}
		case !strings.Contains(tests.String(), `"./`+stem+`.ts"`):
			t.Errorf("%s: no test opens it", path)
		}
	}
}
