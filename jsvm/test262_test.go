package jsvm

import (
	"bufio"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/jsvm/internal/test262"
)

var (
	test262Dir   = flag.String("test262", "", "run the tests of this checkout of test262")
	test262Only  = flag.String("test262-only", "", "only tests whose path matches this regular expression")
	test262Every = flag.Int("test262-every", 1, "only every n-th of the tests")
	test262Log   = flag.String("test262-log", "", "write a line for each test to this file")
)

// test262Known lists the tests that fail, each with the reason. A test of the list that passes is an error too.
const test262Known = "testdata/test262.txt"

// TestTest262PassesRewrittenWhatPassesPlain runs the public conformance suite. A test that plain goja passes must pass rewritten, and saved and restored
// in another VM before every job. What is not looked at is left out for the reasons in test262_scope_test.go, and counted.
func TestTest262PassesRewrittenWhatPassesPlain(t *testing.T) {
	if *test262Dir == "" {
		t.Skip("needs the suite: interop/test262.sh fetches it and runs this test, or give -test262 a checkout of test262")
	}
	root, err := filepath.Abs(*test262Dir)
	if err != nil {
		t.Fatal(err)
	}
	suite, err := test262.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := suite.Paths(test262Dirs)
	if err != nil {
		t.Fatal(err)
	}
	paths = selectTests(t, paths)
	known := readKnown(t)
	results := runConformance(t, newConformance(suite), paths)
	writeConformanceLog(t, results)
	t.Log("\n" + conformanceTable(results))
	failed := map[string]bool{}
	for _, r := range results {
		if r.failure == "" {
			continue
		}
		failed[r.path] = true
		if _, listed := known[r.path]; !listed {
			t.Errorf("%s: %s", r.path, r.failure)
		}
	}
	for _, r := range results {
		if reason, listed := known[r.path]; listed && !failed[r.path] {
			t.Errorf("%s: stale in %s (%s): it passes, or is left out: %s", r.path, test262Known, reason, r.category)
		}
	}
	t.Logf("%d of %d known failures seen", len(failed), len(known))
}

func selectTests(t *testing.T, paths []string) []string {
	only, err := regexp.Compile(*test262Only)
	if err != nil {
		t.Fatalf("-test262-only: %v", err)
	}
	paths = slices.DeleteFunc(paths, func(p string) bool { return !only.MatchString(p) })
	var chosen []string
	for i, p := range paths {
		if i%max(*test262Every, 1) == 0 {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		t.Fatal("no test matches")
	}
	return chosen
}

func readKnown(t *testing.T) map[string]string {
	file, err := os.Open(test262Known)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	known := map[string]string{}
	reason := ""
	for lines := bufio.NewScanner(file); lines.Scan(); {
		switch line := strings.TrimSpace(lines.Text()); {
		case line == "":
			reason = ""
		case strings.HasPrefix(line, "#"):
			reason = strings.TrimSpace(reason + " " + strings.TrimSpace(line[1:]))
		case reason == "":
			t.Errorf("%s: %s has no reason above it", test262Known, line)
		default:
			known[line] = reason
		}
	}
	return known
}

// conformanceWorkers run tests in parallel; each test has a VM or two.
func runConformance(t *testing.T, c *conformance, paths []string) []conformanceResult {
	results := make([]conformanceResult, len(paths))
	next := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range next {
				results[i] = c.watched(paths[i])
			}
		})
	}
	began, said := time.Now(), time.Now()
	for i := range paths {
		next <- i
		if time.Since(said) > 15*time.Second {
			said = time.Now()
			fmt.Printf("    %d of %d tests, %s\n", i, len(paths), time.Since(began).Round(time.Second))
		}
	}
	close(next)
	workers.Wait()
	t.Logf("%d tests in %s", len(paths), time.Since(began).Round(time.Second))
	return results
}

func writeConformanceLog(t *testing.T, results []conformanceResult) {
	if *test262Log == "" {
		return
	}
	var text strings.Builder
	for _, r := range results {
		fmt.Fprintf(&text, "%s\t%s\t%s\t%s\n", r.path, r.stage(), r.category, strings.ReplaceAll(r.failure, "\n", " | "))
	}
	if err := os.WriteFile(*test262Log, []byte(text.String()), 0o644); err != nil {
		t.Error(err)
	}
}

// conformanceTable has totals by directory, and by reason for what was left out.
func conformanceTable(results []conformanceResult) string {
	type counts struct{ all, plain, rewritten, restored, failed int }
	byDir, total := map[string]*counts{}, &counts{}
	reasons := map[string]int{}
	for _, r := range results {
		parts := strings.Split(path.Dir(r.path), "/")
		dir := strings.Join(parts[:min(len(parts), 3)], "/")
		if byDir[dir] == nil {
			byDir[dir] = &counts{}
		}
		for _, n := range []*counts{byDir[dir], total} {
			n.all++
			if r.plain {
				n.plain++
			}
			if r.rewritten {
				n.rewritten++
			}
			if r.restored {
				n.restored++
			}
			if r.failure != "" {
				n.failed++
			}
		}
		if r.category != "" {
			reasons[r.category]++
		}
	}
	var text strings.Builder
	line := func(name string, n *counts) {
		fmt.Fprintf(&text, "%-50s %6d %6d %9d %8d %6d\n", name, n.all, n.plain, n.rewritten, n.restored, n.failed)
	}
	fmt.Fprintf(&text, "%-50s %6s %6s %9s %8s %6s\n", "directory", "tests", "plain", "rewritten", "restored", "failed")
	for _, dir := range sortedKeys(byDir) {
		line(dir, byDir[dir])
	}
	line("all", total)
	text.WriteString("\nleft out, in all or from restoring\n")
	for _, reason := range sortedKeys(reasons) {
		fmt.Fprintf(&text, "%6d %s\n", reasons[reason], reason)
	}
	return text.String()
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
