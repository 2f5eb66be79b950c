package testhost

import (
	"os"
	"strings"
	"testing"
)

func snapshotFile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("a.test.snap")
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(string(text), snapshotHead)
}

func TestSnapshotsFollowThePolicy(t *testing.T) {
	write := func(value string) {
		source := testImports + `test("a", () => { assert.snapshot(` + value + `); assert.snapshot({ n: 1 }, "named") });
test("b", () => { assert.snapshot("b") });`
		if err := os.WriteFile("a.test.ts", []byte(source), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	project(t)
	write("[1, 2]")
	results, text := runFiles(t, Options{Snapshots: SnapshotsKeep}, "a.test.ts")
	if CountsOf(results).Failed != 2 || !strings.Contains(text, `there is no snapshot "a: 1" in a.test.snap, and none is written where CI=true`) || snapshotFile(t) != "" {
		t.Errorf("kept:\n%s", text)
	}
	results, text = runFiles(t, Options{}, "a.test.ts")
	first := "\n=== a: 1\n[\n  1,\n  2,\n]\n\n=== a: named\n{\n  n: 1,\n}\n\n=== b: 1\n\"b\"\n"
	if CountsOf(results).Passed != 2 || results[0].SnapshotsAdded != 3 || !strings.Contains(text, "snapshots: 3 written") || snapshotFile(t) != first {
		t.Errorf("added:\n%s%s", text, snapshotFile(t))
	}
	write("[1, 3]")
	results, text = runFiles(t, Options{}, "a.test.ts")
	if CountsOf(results).Failed != 1 || !strings.Contains(text, "    [\n             1,\n         -   2,\n         +   3,\n           ]\n") || snapshotFile(t) != first {
		t.Errorf("changed:\n%s%s", text, snapshotFile(t))
	}
	results, text = runFiles(t, Options{Snapshots: SnapshotsUpdate}, "a.test.ts")
	if CountsOf(results).Passed != 2 || results[0].SnapshotsUpdated != 1 || snapshotFile(t) != strings.Replace(first, "2,\n", "3,\n", 1) {
		t.Errorf("updated:\n%s%s", text, snapshotFile(t))
	}
	// A failed test has not asked for all of its snapshots: none is dropped.
	rewrite := func(source string) {
		if err := os.WriteFile("a.test.ts", []byte(testImports+source), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	rewrite(`test("a", () => { assert.fail() });`)
	results, _ = runFiles(t, Options{Snapshots: SnapshotsUpdate}, "a.test.ts")
	if results[0].SnapshotsRemoved != 0 || !strings.Contains(snapshotFile(t), "a: named") {
		t.Errorf("dropped by a failed test:\n%s", snapshotFile(t))
	}
	rewrite(`test("b", () => { assert.snapshot("b") });`)
	results, text = runFiles(t, Options{Snapshots: SnapshotsUpdate}, "a.test.ts")
	if results[0].SnapshotsRemoved != 2 || !strings.Contains(text, "snapshots: 2 removed") || snapshotFile(t) != "\n=== b: 1\n\"b\"\n" {
		t.Errorf("removed:\n%s%s", text, snapshotFile(t))
	}
	rewrite(`test("b", () => {});`)
	runFiles(t, Options{Snapshots: SnapshotsUpdate}, "a.test.ts")
	if snapshotFile(t) != "" {
		t.Errorf("of no snapshots is left:\n%s", snapshotFile(t))
	}
	rewrite(`test("b", () => { assert.snapshot(1, "x"); assert.snapshot(1, "x") });`)
	if _, text = runFiles(t, Options{}, "a.test.ts"); !strings.Contains(text, `the test has a snapshot named "x" already`) {
		t.Errorf("two of one name:\n%s", text)
	}
}

func TestSnapshotsThatCannotBeWrittenLeaveNothingBehind(t *testing.T) {
	project(t, "a.test.ts", "")
	s, err := readSnapshots("a.test.ts", SnapshotsAdd)
	if err != nil {
		t.Fatal(err)
	}
	if _, isSame, err := s.check("a", "", "1"); !isSame || err != nil {
		t.Fatal(isSame, err)
	}
	if err := os.Mkdir("a.test.snap", 0o777); err != nil { // no file can take its place
		t.Fatal(err)
	}
	if err := s.write(true); err == nil || !strings.HasPrefix(err.Error(), "write snapshots: ") {
		t.Errorf("it says %v", err)
	}
	entries, err := os.ReadDir(".")
	if err != nil || len(entries) != 2 {
		t.Errorf("there are %v, %v", entries, err)
	}
}
