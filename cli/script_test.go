package cli_test

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/twmb/franz-go/pkg/kfake"

	"kont/cli"
	"kont/server"
	"kont/server/api"
	"kont/server/api/apitest"
	"kont/server/config"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"kont": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Main(ctx, cli.Process{Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

// Each script is an archive of commands and what they must print. The server is a
// twin: the real HTTP API over a node of maps, and franz-go's fake cluster.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("KONT_UPDATE_SCRIPTS") != "",
		Setup: func(env *testscript.Env) error {
			for _, name := range []string{"KONT_SERVER", "KONT_KAFKA"} {
				env.Setenv(name, "")
			}
			env.Setenv("NOBODY", "127.0.0.1:1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"twin": startTwin},
	})
}

// The same, with a real node: what the archives of testdata/script can't show.
func TestScriptsOnARealNode(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/node",
		RequireExplicitExec: true,
		UpdateScripts:       os.Getenv("KONT_UPDATE_SCRIPTS") != "",
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"node": startNode, "secured": startSecured},
	})
}

// startNode starts a node and names it in KONT_SERVER: `node` in a script. A second
// `node` stops the first and starts another on its data. `node 100ms` gives each step
// so long.
func startNode(ts *testscript.TestScript, neg bool, args []string) {
	if running, ok := nodes.LoadAndDelete(ts); ok {
		ts.Check(running.(*server.Node).Close())
	}
	settings := config.Default()
	settings.DataDir = ts.MkAbs(".node")
	settings.KafkaListen, settings.HTTPListen = "127.0.0.1:0", "127.0.0.1:0"
	if len(args) > 0 {
		var err error
		settings.StepTimeout, err = time.ParseDuration(args[0])
		ts.Check(err)
	}
	running, err := server.Start(context.Background(), server.Config{
		Config: settings, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: cli.Version,
	})
	ts.Check(err)
	if _, isSecond := nodes.Swap(ts, running); !isSecond {
		ts.Defer(func() {
			if last, ok := nodes.LoadAndDelete(ts); ok {
				last.(*server.Node).Close() //nolint:errcheck // the script has its result
			}
		})
	}
	ts.Setenv("KONT_SERVER", running.HTTPAddress())
}

// startSecured starts a node whose Kafka clients log in, alice with wonderland, and
// names its listener in KAFKA: `secured` in a script.
func startSecured(ts *testscript.TestScript, neg bool, args []string) {
	users := ts.MkAbs(".users")
	ts.Check(os.WriteFile(users, []byte("alice:wonderland\n"), 0o600))
	listener, err := config.ParseListener("kafka://127.0.0.1:0?sasl=plain,scram-sha-256,scram-sha-512")
	ts.Check(err)
	settings := config.Default()
	settings.DataDir, settings.HTTPListen, settings.ScramUsers = ts.MkAbs(".secured"), "127.0.0.1:0", users
	settings.Listeners = []config.Listener{listener}
	running, err := server.Start(context.Background(), server.Config{
		Config: settings, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Version: cli.Version,
	})
	ts.Check(err)
	ts.Defer(func() { running.Close() }) //nolint:errcheck // the script has its result
	ts.Setenv("KAFKA", running.KafkaAddress())
}

// nodes holds the running node of each script.
var nodes sync.Map

// startTwin starts the twin and names it in KONT_SERVER: `twin` in a script.
func startTwin(ts *testscript.TestScript, neg bool, args []string) {
	kafka, err := kfake.NewCluster(
		kfake.NumBrokers(1), kfake.DefaultNumPartitions(2),
		kfake.SeedTopics(2, "workflow-resume", "workflow-result", "workflow-error"),
	)
	ts.Check(err)
	node := &apitest.Node{HealthValue: api.Health{Ready: true, IsLeader: true}}
	node.StatusValue.KafkaAddress = kafka.ListenAddrs()[0]
	addThreads(node)
	node.ClusterValue = threeNodes
	server := httptest.NewServer(api.New(node, api.Options{Log: slog.New(slog.NewTextHandler(io.Discard, nil))}))
	ts.Defer(func() { server.Close(); kafka.Close() })
	ts.Setenv("KONT_SERVER", strings.TrimPrefix(server.URL, "http://"))
}

var threeNodes = api.Cluster{
	ID: "nodes", LeaderID: 2, Level: 1, AppliedIndex: 100,
	Nodes: []api.ClusterNode{
		{ID: 1, State: api.NodeCatchesUp, RaftAddress: "n1:7000", Kafka: map[string]string{"a": "n1:9092", "b": "n1:9093"}, HTTPAddress: "n1:8080", Version: "v1", AppliedIndex: 40},
		{ID: 2, State: api.NodeLeads, IsVoter: true, RaftAddress: "n2:7000", Kafka: map[string]string{"a": "n2:9092"}, HTTPAddress: "n2:8080", Version: "v1", AppliedIndex: 101},
		{ID: 3, State: api.NodeUnreachable, Problem: "dial n3:7000: connection refused", IsVoter: true, RaftAddress: "n3:7000"},
	},
}

func addThreads(node *apitest.Node) {
	if _, err := node.Deploy(context.Background(), api.DeployRequest{App: "orders", ResumeTopic: "workflow-resume", Bundle: []byte("a bundle")}); err != nil {
		panic(err)
	}
	suspended := api.Thread{
		App: "orders", ContinuationBytes: 321,
		Waits: []api.Wait{{
			Stack: []api.Frame{
				{Function: "pay", File: "orders.ts", Line: 14, Column: 9, Source: "  await W.ref('payment')", Refs: []string{"3:payment:1"}, Locals: []api.Local{{Name: "amount", Value: "12.5"}}},
				{Function: "main", File: "orders.ts", Line: 31, Column: 3},
			},
		}},
		Module: []api.Local{{Name: "attempts", Value: "2"}},
	}
	suspended.Key, suspended.Hash, suspended.StepID, suspended.Steps = "order-1", "0123456789abcdef", 3, 2
	suspended.Refs = []string{"3:payment:1", "3:item:1", "3:item:2"}
	node.AddThread(suspended,
		api.HistoryEntry{Outcome: "suspended", Started: true, StepID: 2, Offset: 5, DurationMicro: 1500, Outputs: 1},
		api.HistoryEntry{Outcome: "unmatched", Offset: 6, Reason: "no pending ref \"x\"\x1b[31m"},
	)
	node.AddUnmatched(api.UnmatchedEvent{Key: "order-9", Offset: 3, Partition: 1, Reason: "no such thread", Event: `{"ref":"1:ref:1"}`})
	node.AddUnmatched(api.UnmatchedEvent{Topic: "other", Offset: 4, Reason: "record has no key", Event: "\x1b[31m"})
	node.AddUnmatched(api.UnmatchedEvent{Key: "order-1", Offset: 6, Reason: `ref "x" is not pending`, Event: `{"ref":"x","value":"` + strings.Repeat("long", 30) + `"}`})
	faulted := api.Thread{KeptEvents: []string{`{"ref":"3:payment:1","value":1}`}}
	faulted.Key, faulted.Status, faulted.Fault, faulted.Steps = "order-2", api.StatusFaulted, "step ran longer than 10s", 4
	node.AddThread(faulted)
}
