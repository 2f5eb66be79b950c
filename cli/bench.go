package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	urfave "github.com/urfave/cli/v2"

	"kont/cli/bench"
	"kont/cli/child"
	"kont/cli/client"
)

func benchCommand(p Process) *urfave.Command {
	description := "Without --server, a server of its own is started: a child process with an empty\ndata directory on disk, and removed after. Scenarios:\n"
	for _, scenario := range bench.Scenarios() {
		description += fmt.Sprintf("\n%-8s %s", scenario.Name, scenario.Usage)
	}
	return &urfave.Command{
		Name: "bench", Category: categoryOther, ArgsUsage: "SCENARIO",
		Usage: "measure a server", Description: description,
		Flags: []urfave.Flag{
			&urfave.IntFlag{Name: "clients", Aliases: []string{"c"}, Usage: "`N` logical clients at a time", DefaultText: "the scenario's"},
			&urfave.DurationFlag{Name: "duration", Aliases: []string{"d"}, Usage: "measure for `DURATION`", DefaultText: "the scenario's"},
			&urfave.IntFlag{Name: "count", Aliases: []string{"n"}, Usage: "`N` threads, timers or records, where the scenario has a fixed number", DefaultText: "the scenario's"},
			&urfave.StringFlag{Name: "server", Usage: "HTTP `ADDR` of a server to measure", DefaultText: "one of its own"},
			&urfave.IntFlag{Name: "nodes", Usage: "let its own server have `N` nodes", DefaultText: "1, or what the scenario needs"},
			&urfave.StringFlag{Name: "dir", Usage: "make the data directory of its own server in `DIR`", DefaultText: "the system's for temporary files"},
			&urfave.StringSliceFlag{Name: "serve-arg", Usage: "`ARG` for its own server, such as --serve-arg=--raft-log-store=boltdb; may be given many times"},
			outputFlag(),
		},
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 1, 1); err != nil {
				return err
			}
			scenario, err := bench.Find(c.Args().First())
			if err != nil {
				return usagef("`kont bench --help` explains them", "%w", err)
			}
			for _, name := range []string{"clients", "count", "nodes"} {
				if c.IsSet(name) && c.Int(name) < 1 {
					return usagef("use 1 or more", "--%s %d", name, c.Int(name))
				}
			}
			nodes := max(scenario.NodesMin, 1)
			if c.IsSet("nodes") {
				if c.IsSet("server") {
					return usagef("leave one of them out", "--nodes is for a server of its own, --server for one that runs")
				}
				if c.Int("nodes") < nodes {
					return usagef("leave --nodes out, or use more", "scenario %s needs %d nodes", scenario.Name, nodes)
				}
				nodes = c.Int("nodes")
			}
			progress := newProgress(p, "")
			progress.say("compiling the workflow")
			server, stop, err := benchServer(c, p, nodes)
			if err != nil {
				return err
			}
			defer stop()
			if err := server.Deploy(c.Context); err != nil {
				return err
			}
			progress.say("running %s", scenario.Name)
			result, err := bench.Run(c.Context, bench.Options{
				Scenario: scenario.Name, Clients: c.Int("clients"), Duration: c.Duration("duration"), Count: c.Int("count"),
				Server: server, Say: progress.say,
			})
			progress.done()
			if err != nil {
				return failf("look at the server's log", "%w", err)
			}
			return newPrinter(c, p).document(result, func(w io.Writer) { printResult(w, result) })
		},
	}
}

// benchServer is the server named by --server, or a child of this process.
func benchServer(c *urfave.Context, p Process, nodes int) (server bench.Server, stop func(), err error) {
	app, err := compileEmbedded(c.Context, bench.Files, bench.Entry)
	if err != nil {
		return nil, nil, err
	}
	if address := c.String("server"); address != "" {
		remote, err := client.New(address)
		if err != nil {
			return nil, nil, usagef("write host:port, such as 127.0.0.1:8080", "%w", err)
		}
		status, err := remote.Status(c.Context)
		if err != nil {
			return nil, nil, err
		}
		return &bench.Remote{Client: remote, Kafka: status.KafkaAddress, Bundle: app.encoded}, func() {}, nil
	}
	return benchChildren(c, p, nodes, app.encoded)
}

// benchChildren starts a server of this process's own, in a directory that goes with it.
func benchChildren(c *urfave.Context, p Process, count int, bundle []byte) (server bench.Server, stop func(), err error) {
	executable, err := os.Executable()
	if err != nil {
		return nil, nil, fmt.Errorf("find the executable of this process: %w", err)
	}
	dir, err := os.MkdirTemp(c.String("dir"), "kont-bench-*")
	if err != nil {
		return nil, nil, failf("name another directory with --dir", "make a data directory: %w", err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		removeAll(p, dir)
		return nil, nil, fmt.Errorf("make the server's log: %w", err)
	}
	stop = func() {
		log.Close()
		removeAll(p, dir)
	}
	nodes, err := child.NewCluster(count, executable, dir, append([]string{"--log-level", "warn"}, c.StringSlice("serve-arg")...), log)
	if err != nil {
		stop()
		return nil, nil, err
	}
	served := &bench.Children{Bundle: bundle, Cluster: nodes}
	release := stop
	stop = func() {
		served.Kill() //nolint:errcheck // its data goes too
		release()
	}
	if err := served.Start(context.WithoutCancel(c.Context)); err != nil {
		text, _ := os.ReadFile(log.Name())
		stop()
		return nil, nil, failf("", "%w\n%s", err, text)
	}
	return served, stop, nil
}

func printResult(w io.Writer, r bench.Result) {
	milliseconds := func(ms float64) string {
		return time.Duration(ms * float64(time.Millisecond)).Round(time.Microsecond).String()
	}
	rows := [][]string{{"scenario", r.Scenario}}
	if r.Nodes > 1 {
		rows = append(rows, []string{"nodes", fmt.Sprint(r.Nodes)})
	}
	counted := fmt.Sprintf("%d in %.1f s", r.Operations, r.Seconds)
	if r.PerSecond >= 1 {
		counted += fmt.Sprintf(", %.0f/s", r.PerSecond)
	}
	rows = append(rows, []string{"clients", fmt.Sprint(r.Clients)}, []string{r.Unit, counted})
	add := func(name, format string, value float64) {
		if value != 0 {
			rows = append(rows, []string{name, fmt.Sprintf(format, value)})
		}
	}
	if r.Max > 0 {
		rows = append(rows, []string{"latency", fmt.Sprintf("p50 %s, p99 %s, greatest %s", milliseconds(r.P50), milliseconds(r.P99), milliseconds(r.Max))})
	}
	add("throughput", "%.1f MB/s", r.MegabytesPerSecond)
	add("healthy after", "%.0f ms", r.HealthyMS)
	add("first result after", "%.0f ms", r.FirstResumeMS)
	add("disk", "%.1f MB", float64(r.DiskBytes)/1e6)
	add("disk a thread", "%.0f B", r.DiskBytesPerThread)
	add("memory", "%.1f MB", float64(r.ServerRSSBytes)/1e6)
	add("memory a thread", "%.0f B", r.MemoryBytesPerThread)
	add("server CPU", "%.0f%%", r.ServerCPUPercent)
	add("driver CPU", "%.0f%%", r.DriverCPUPercent)
	table(w, rows)
}
