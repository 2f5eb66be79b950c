package server_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"kont/jsvm"
	"kont/raftlog/link/linktest"
	"kont/statemachine/command"
)

// chaosServer is the real binary with a data directory.
type chaosServer struct {
	t            *testing.T
	binary, dir  string
	kafkaAddress string
	httpAddress  string
	// flags are further flags of serve, before is what the command begins with, environment is added to this process's.
	flags, before, environment []string
	command                    *exec.Cmd
	ready                      chan struct{}
	output                     *lockedBuffer
}

type lockedBuffer struct {
	mutex sync.Mutex
	bytes bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.bytes.String()
}

func newChaosServer(t *testing.T) *chaosServer {
	if runtime.GOOS == "windows" {
		t.Skip("there is no kill -9")
	}
	s := &chaosServer{t: t, dir: t.TempDir(), kafkaAddress: linktest.FreeAddress(t), httpAddress: linktest.FreeAddress(t), output: &lockedBuffer{}}
	var err error
	if s.binary, err = buildOnce(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if s.command != nil {
			s.kill()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.output)
		}
	})
	return s
}

// buildDir holds the binaries that all tests of the process run.
var buildDir string

var buildDirOnce = sync.OnceValues(func() (dir string, err error) {
	buildDir, err = os.MkdirTemp("", "kont-test-")
	return buildDir, err
})

var buildOnce = sync.OnceValues(func() (string, error) { return buildServer("kont") })

func buildServer(name string, flags ...string) (string, error) {
	dir, err := buildDirOnce()
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, name)
	arguments := slices.Concat([]string{"build", "-buildvcs=false", "-o", binary}, flags, []string{"kont"})
	if output, err := exec.Command("go", arguments...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the server: %w\n%s", err, output)
	}
	return binary, nil
}

// TestMain runs more tests at a time than there are processors, unless -parallel says how many: most wait for disks and elections.
func TestMain(m *testing.M) {
	flag.Parse()
	isGiven := false
	flag.Visit(func(f *flag.Flag) { isGiven = isGiven || f.Name == "test.parallel" })
	if !isGiven {
		flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0))) //nolint:errcheck // it is a number
	}
	code := m.Run()
	if buildDir != "" {
		os.RemoveAll(buildDir)
	}
	os.Exit(code)
}

// launch starts the process and returns at once.
func (s *chaosServer) launch() {
	command := slices.Concat(s.before, []string{s.binary, "serve", "--data", s.dir, "--kafka-listen", s.kafkaAddress,
		"--http-listen", s.httpAddress, "--log-level", "warn", "-o", "json"}, s.flags)
	s.command = exec.Command(command[0], command[1:]...)
	s.command.Env = append(append(os.Environ(), "KONT_CONFIG="), s.environment...)
	s.command.Stderr = s.output
	stdout, err := s.command.StdoutPipe()
	if err == nil {
		err = s.command.Start()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	ready := make(chan struct{})
	s.ready = ready
	go func() {
		reader := bufio.NewReader(stdout)
		if line, err := reader.ReadString('\n'); err == nil && strings.Contains(line, "kafka") {
			close(ready)
		}
		io.Copy(io.Discard, reader) //nolint:errcheck // until it is killed
	}()
}

// start starts the process and waits until it takes requests.
func (s *chaosServer) start() {
	s.t.Helper()
	s.launch()
	select {
	case <-s.ready:
	case <-time.After(time.Minute):
		s.t.Fatalf("the server does not start:\n%s", s.output)
	}
}

func (s *chaosServer) kill() {
	s.command.Process.Kill()
	s.command.Wait() //nolint:errcheck // killed
	s.command = nil
}

// sleep lets the load go on for a while: the instant of the kill is random time,
// not a condition.
func (s *chaosServer) sleep(d time.Duration) { <-time.After(d) }

// readAll reads a topic from its beginning to where it ends now.
func readAll(t testing.TB, address, topic string) []*kgo.Record {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxWait(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, topic)
	if err != nil {
		t.Fatal(err)
	}
	var left int64
	ends.Each(func(o kadm.ListedOffset) { left += o.Offset })
	var records []*kgo.Record
	for int64(len(records)) < left {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			t.Fatalf("read %s: %v with %d of %d records", topic, err, len(records), left)
		}
		records = append(records, fetches.Records()...)
	}
	return records
}

// waitUntil waits for a condition that other processes bring about.
func waitUntil(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(60 * time.Second)
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited a minute for %s", what)
		case <-tick.C:
		}
	}
}

// deployBundle deploys over HTTP.
func (s *chaosServer) deployBundle(encoded []byte) {
	s.t.Helper()
	s.deployOn("test", command.TopicResume, encoded)
}

func (s *chaosServer) deployOn(app, resumeTopic string, encoded []byte) {
	s.t.Helper()
	query := url.Values{"app": {app}, "resume_topic": {resumeTopic}}
	response, err := http.Post("http://"+s.httpAddress+"/api/v1/deployments?"+query.Encode(),
		"application/octet-stream", bytes.NewReader(encoded))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		s.t.Fatalf("deploy: %s: %s", response.Status, body)
	}
}

func compileSource(t testing.TB, source string) []byte {
	t.Helper()
	bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(source)}}})
	if err != nil {
		t.Fatal(err)
	}
	return bundle.Encode()
}
