//go:build unix

package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A node under chaos may have a clock that is wrong, and that is set while it runs. No process can have a clock of its own, so the server is built
// with another time.Now, which reads the variable chaosClockVariable at the start of the process:
//
//	BEFORE AFTER THEN    nanoseconds: the clock is wrong by BEFORE, and once the process has run for AFTER, by THEN
const chaosClockVariable = "CHAOS_CLOCK"

// chaosClockWrongMost is how wrong a clock is at most. Timers wait for a clock that is behind, so the load waits for twice that.
const chaosClockWrongMost = 2 * time.Second

const chaosClockSource = `package time

import "syscall"

var wrongBefore, wrongThen, wrongAfter = func() (before, then, after int64) {
	text, _ := syscall.Getenv("` + chaosClockVariable + `")
	for i, into := 0, []*int64{&before, &after, &then}; len(into) > 0 && i < len(text); i++ {
		sign := int64(1)
		if text[i] == '-' {
			sign = -1
			i++
		}
		for ; i < len(text) && text[i] != ' '; i++ {
			*into[0] = *into[0]*10 + sign*int64(text[i]-'0')
		}
		into = into[1:]
	}
	return before, then, after
}()

func wrongNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	wrong := wrongBefore
	if mono-startNano > wrongAfter {
		wrong = wrongThen
	}
	total := int64(nsec) + wrong
	sec += total / 1e9
	if total %= 1e9; total < 0 {
		total += 1e9
		sec--
	}
	return sec, int32(total), mono
}
`

// buildWithWrongClockOnce builds the server with that time.Now.
var buildWithWrongClockOnce = sync.OnceValues(func() (string, error) {
	dir, err := buildDirOnce()
	if err != nil {
		return "", err
	}
	overlay, err := makeClockOverlay(dir)
	if err != nil {
		return "", err
	}
	return buildServer("kont-wrong-clock", "-overlay", overlay)
})

// makeClockOverlay writes what go build needs to build the server with that time.Now, and returns the file that names it.
func makeClockOverlay(dir string) (string, error) {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	packageDir := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	source, err := os.ReadFile(filepath.Join(packageDir, "time.go"))
	if err != nil {
		return "", err
	}
	const before, after = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()", "func Now() Time {\n\tsec, nsec, mono := wrongNow()"
	if n := strings.Count(string(source), before); n != 1 {
		return "", fmt.Errorf("time.Now of this Go is not what it was: its beginning is there %d times", n)
	}
	files := map[string]string{"time.go": strings.Replace(string(source), before, after, 1), "wrong.go": chaosClockSource}
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return "", err
		}
		overlay.Replace[filepath.Join(packageDir, name)] = path
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "overlay.json")
	return path, os.WriteFile(path, encoded, 0o644)
}

// wrongClock draws how wrong a clock is, and when it is set.
func wrongClock(random *rand.Rand) string {
	wrong := func() int64 {
		return random.Int64N(2*int64(chaosClockWrongMost)) - int64(chaosClockWrongMost)
	}
	return fmt.Sprintf("%s=%d %d %d", chaosClockVariable, wrong(), random.Int64N(int64(20*time.Second)), wrong())
}
