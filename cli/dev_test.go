package cli

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/server/api"
	"kont/server/api/apitest"
	"kont/server/config"
)

// twinNode is the HTTP API over a node of maps.
type twinNode struct {
	apitest.Node
	http     *httptest.Server
	settings config.Config
	failed   chan struct{}
	closed   sync.Once
	isClosed bool
}

func startTwinNode(settings config.Config) *twinNode {
	n := &twinNode{settings: settings, failed: make(chan struct{})}
	n.http = httptest.NewServer(api.New(&n.Node, api.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}))
	return n
}

func (n *twinNode) KafkaAddress() string { return "127.0.0.1:9" }
func (n *twinNode) KafkaListeners() map[string]string {
	return map[string]string{"PLAINTEXT": "127.0.0.1:9", "SSL": "127.0.0.1:10"}
}
func (n *twinNode) HTTPAddress() string   { return strings.TrimPrefix(n.http.URL, "http://") }
func (n *twinNode) Done() <-chan struct{} { return n.failed }
func (n *twinNode) Err() error            { return errors.New("disk full") }
func (n *twinNode) Close() error {
	n.closed.Do(func() { n.http.Close(); n.isClosed = true })
	return nil
}

// screen is what a command has printed so far.
type screen struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (s *screen) Write(data []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(data)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// waitFor returns once the screen shows text count times.
func (s *screen) waitFor(t *testing.T, text string, count int) {
	t.Helper()
	for deadline := time.Now().Add(changeWait); strings.Count(s.String(), text) < count; {
		if time.Now().After(deadline) {
			t.Fatalf("%q is not there %d times in:\n%s", text, count, s)
		}
		<-time.After(time.Millisecond)
	}
}

// compileTwin takes a file for a bundle unless it says "syntax error".
func compileTwin(ctx context.Context, path string) (workflow, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return workflow{}, err
	}
	if name, isImport := strings.CutPrefix(string(text), "import "); isImport {
		name, _, _ = strings.Cut(name, " ")
		imported := filepath.Join(filepath.Dir(path), name)
		app, err := compileTwin(ctx, imported)
		if errors.Is(err, os.ErrNotExist) {
			err = &compileError{[]diagnostic{{File: path, Line: 1, Column: 8, Text: "could not resolve " + name}}}
		}
		return workflow{encoded: text, hash: sha256.Sum256(text), sources: append(app.sources, path)}, err
	}
	if strings.Contains(string(text), "syntax error") {
		return workflow{}, &compileError{[]diagnostic{{File: path, Line: 3, Column: 7, Text: "expected a brace", Hint: "close it"}}}
	}
	return workflow{encoded: text, hash: sha256.Sum256(text), sources: []string{path}}, nil
}

// runDev runs `kont dev` on a workflow until the test ends it.
func runDev(t *testing.T, text string, args ...string) (path string, out *screen, started chan *twinNode, end func() int) {
	path = filepath.Join(t.TempDir(), "orders.ts")
	save(t, path, text)
	out, started = &screen{}, make(chan *twinNode, 1)
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, Process{
			Args: append([]string{"dev", path}, args...), Out: out, Err: out, compile: compileTwin,
			startNode: func(_ context.Context, settings config.Config, _ *slog.Logger) (node, error) {
				n := startTwinNode(settings)
				started <- n
				return n, nil
			},
		})
	}()
	return path, out, started, func() int { cancel(); return <-code }
}

// save changes a file at one instant: dev might read one that is half written, and then the rest.
func save(t *testing.T, path, text string) {
	t.Helper()
	err := os.WriteFile(path+"~", []byte(text), 0o600)
	if err == nil {
		err = os.Rename(path+"~", path)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestDevDeploysWhatIsSaved(t *testing.T) {
	path, out, started, end := runDev(t, "version 1", "--data", "elsewhere")
	n := <-started
	out.waitFor(t, "orders deployed on workflow-resume", 1)
	out.waitFor(t, "kont start my-key '{}' --server "+n.HTTPAddress(), 1)
	out.waitFor(t, "kont types "+filepath.Dir(path), 1)
	if n.settings.DataDir != "elsewhere" {
		t.Errorf("data directory %q", n.settings.DataDir)
	}
	save(t, path, "version 2")
	out.waitFor(t, "orders deployed on workflow-resume", 2)
	if got := string(n.Bundle("workflow-resume")); got != "version 2" {
		t.Errorf("deployed %q", got)
	}

	// A file that does not compile is shown, and the last good one stays.
	save(t, path, "syntax error")
	out.waitFor(t, "orders.ts:3:7: expected a brace; close it", 1)
	out.waitFor(t, "does not compile (1 problem); it is tried again when a source changes", 1)
	if got := string(n.Bundle("workflow-resume")); got != "version 2" {
		t.Errorf("after the error, deployed is %q", got)
	}
	save(t, path, "version 3")
	out.waitFor(t, "orders deployed on workflow-resume", 3)
	if code := end(); code != exitOK || !n.isClosed {
		t.Errorf("exit code %d, node closed: %v", code, n.isClosed)
	}
}

func TestDevWaitsForASourceThatCompiles(t *testing.T) {
	path, out, started, end := runDev(t, "syntax error")
	n := <-started
	out.waitFor(t, "does not compile", 1)
	save(t, path, "version 1")
	out.waitFor(t, "orders deployed on workflow-resume", 1)
	if code := end(); code != exitOK || !n.isClosed {
		t.Errorf("exit code %d, node closed: %v", code, n.isClosed)
	}
}

// What a source imports that does not compile is not known: a file that is written
// for the first time may be what was missing.
func TestDevSeesTheSourceThatMendsAnImport(t *testing.T) {
	path, out, started, end := runDev(t, "version 1")
	n := <-started
	out.waitFor(t, "orders deployed on workflow-resume", 1)
	save(t, path, "import lib/parcel.ts version 2")
	out.waitFor(t, "does not compile", 1)
	lib := filepath.Join(filepath.Dir(path), "lib")
	if err := os.Mkdir(lib, 0o700); err != nil {
		t.Fatal(err)
	}
	out.waitFor(t, "does not compile", 2)
	save(t, filepath.Join(lib, "parcel.ts"), "syntax error")
	out.waitFor(t, "parcel.ts:3:7: expected a brace", 1)
	save(t, filepath.Join(lib, "parcel.ts"), "a parcel")
	out.waitFor(t, "orders deployed on workflow-resume", 2)
	if got := string(n.Bundle("workflow-resume")); got != "import lib/parcel.ts version 2" {
		t.Errorf("deployed %q", got)
	}
	if code := end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
}

func TestDevReadsItsSettingsFromTheEnvironmentToo(t *testing.T) {
	for name, test := range map[string]struct {
		args, env                 []string
		dataDir, logLevel, listen string
	}{
		"defaults":  {nil, nil, ".kont", "WARN", "127.0.0.1:9092"},
		"variables": {nil, []string{"KONT_DATA=elsewhere", "KONT_KAFKA_LISTEN=127.0.0.1:7"}, "elsewhere", "WARN", "127.0.0.1:7"},
		"flags win": {[]string{"--data", "here"}, []string{"KONT_DATA=elsewhere", "KONT_LOG_LEVEL=debug"}, "here", "DEBUG", "127.0.0.1:9092"},
	} {
		t.Run(name, func(t *testing.T) {
			settings := make(chan config.Config, 1)
			code := Main(context.Background(), Process{
				Args: append([]string{"dev", "orders.ts"}, test.args...), Env: test.env, Out: io.Discard, Err: io.Discard,
				startNode: func(_ context.Context, c config.Config, _ *slog.Logger) (node, error) {
					settings <- c
					return nil, errors.New("enough")
				},
			})
			if code != exitFailure {
				t.Fatalf("exit code %d", code)
			}
			c := <-settings
			if c.DataDir != test.dataDir || c.LogLevel.String() != test.logLevel || c.KafkaListen != test.listen {
				t.Errorf("data %s, log level %s, listens on %s", c.DataDir, c.LogLevel, c.KafkaListen)
			}
		})
	}
}

func TestDevPrintsJSONLines(t *testing.T) {
	path, out, started, end := runDev(t, "version 1", "-o", "json")
	<-started
	out.waitFor(t, `"app":"orders"`, 1)
	save(t, path, "syntax error")
	out.waitFor(t, "expected a brace", 1)
	if code := end(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	for line := range strings.Lines(out.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
}

func TestDevEndsWithItsNode(t *testing.T) {
	_, out, started, end := runDev(t, "version 1")
	n := <-started
	out.waitFor(t, "orders deployed", 1)
	close(n.failed)
	out.waitFor(t, "kont: the node has stopped: disk full", 1)
	if code := end(); code != exitFailure || !n.isClosed {
		t.Errorf("exit code %d, node closed: %v", code, n.isClosed)
	}
}

func TestServePrintsItsAddressesAndStopsWhenAsked(t *testing.T) {
	var n *twinNode
	out := &screen{}
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- Main(ctx, Process{
			Args: []string{"serve", "-o", "json", "--step-timeout=3s"}, Env: []string{"KONT_DATA=from-env"}, Out: out, Err: out,
			startNode: func(_ context.Context, settings config.Config, _ *slog.Logger) (node, error) {
				n = startTwinNode(settings)
				return n, nil
			},
		})
	}()
	out.waitFor(t, `"kafka":"127.0.0.1:9","listeners":{"PLAINTEXT":"127.0.0.1:9","SSL":"127.0.0.1:10"}`, 1)
	cancel()
	if got := <-code; got != exitOK || !n.isClosed {
		t.Errorf("exit code %d, node closed: %v", got, n.isClosed)
	}
	if n.settings.StepTimeout != 3*time.Second || n.settings.DataDir != "from-env" {
		t.Errorf("settings %+v", n.settings)
	}
}

func TestServeFailsWithItsNode(t *testing.T) {
	out := &screen{}
	code := Main(context.Background(), Process{
		Args: []string{"serve"}, Out: out, Err: out,
		startNode: func(_ context.Context, settings config.Config, _ *slog.Logger) (node, error) {
			n := startTwinNode(settings)
			close(n.failed)
			return n, nil
		},
	})
	if code != exitFailure || !strings.Contains(out.String(), "kont: the node has stopped: disk full; look at its log above") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
}
