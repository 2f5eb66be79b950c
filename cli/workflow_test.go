package cli

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestAppIsNamedForItsFile(t *testing.T) {
	for path, want := range map[string]string{
		"/src/orders.ts": "orders", "/src/orders/index.ts": "orders", "/src/orders/main.js": "orders", "/index.ts": "index", "/src/a.b.ts": "a.b",
	} {
		if got := appName(path); got != want {
			t.Errorf("%s is named %q, want %q", path, got, want)
		}
	}
}

// runOnce runs a command with the compiler's twin.
func runOnce(args ...string) (code int, out, problems string) {
	var stdout, stderr screen
	code = Main(context.Background(), Process{Args: args, In: strings.NewReader(""), Out: &stdout, Err: &stderr, compile: compileTwin})
	return code, stdout.String(), stderr.String()
}

func TestCheckShowsDiagnosticsForPeopleAndPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.ts")
	save(t, path, "syntax error")
	code, out, problems := runOnce("check", path)
	if code != exitFailure || out != "" || problems != path+":3:7: expected a brace; close it\n" {
		t.Errorf("exit code %d, %q, %q", code, out, problems)
	}
	code, out, problems = runOnce("check", path, "-o", "json")
	var answer struct {
		OK          bool
		Diagnostics []diagnostic
	}
	if err := json.Unmarshal([]byte(out), &answer); err != nil || code != exitFailure || problems != "" ||
		answer.OK || len(answer.Diagnostics) != 1 || answer.Diagnostics[0].Line != 3 {
		t.Errorf("exit code %d, %q, %q", code, out, problems)
	}
	save(t, path, "fine")
	if code, out, problems = runOnce("check", path); code != exitOK || !strings.Contains(out, "compiles") || problems != "" {
		t.Errorf("exit code %d, %q, %q", code, out, problems)
	}
}

func TestFilesThatAreNoWorkflowAreRefused(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct{ path, want string }{
		{filepath.Join(dir, "missing.ts"), "no file " + filepath.Join(dir, "missing.ts")},
		{dir, "is a directory; name the file with the entry function, such as " + filepath.Join(dir, "index.ts")},
	} {
		if code, _, problems := runOnce("check", test.path); code != exitFailure || !strings.Contains(problems, test.want) {
			t.Errorf("%s: exit code %d, %q", test.path, code, problems)
		}
	}
}

func TestBuildWritesAllOrNothing(t *testing.T) {
	dir := t.TempDir()
	source, target := filepath.Join(dir, "app.ts"), filepath.Join(dir, "app.kont")
	save(t, source, "version 1")
	if code, _, problems := runOnce("build", source, "-o", target); code != exitOK {
		t.Fatalf("exit code %d, %q", code, problems)
	}
	save(t, source, "syntax error")
	if code, _, _ := runOnce("build", source, "-o", target); code != exitFailure {
		t.Fatalf("exit code %d", code)
	}
	if got, err := os.ReadFile(target); err != nil || string(got) != "version 1" {
		t.Errorf("the bundle is %q, %v", got, err)
	}
	if code, _, problems := runOnce("build", source, "-o", filepath.Join(dir, "no", "app.kont")); code == exitOK {
		t.Errorf("into a directory that is not there: %q", problems)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("left behind: %v, %v", entries, err)
	}
}
