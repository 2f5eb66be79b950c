package bench

import (
	"context"
	"embed"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Files hold the workflow that the scenarios run, with its entry; the caller
// compiles it, and a Server deploys it to ResumeTopic.
//
//go:embed bench.ts
var Files embed.FS

// Entry is the entry file in Files.
const Entry = "bench.ts"

// The topics of the scenarios.
const (
	ResumeTopic  = "bench-resume"
	requestTopic = "bench-request"
	resultTopic  = "workflow-result"
	errorTopic   = "workflow-error"
	recordTopic  = "bench-records"
)

// stallTime without any progress ends a run with an error.
const stallTime = 20 * time.Second

// Options say what to run. The zero value of a field takes the scenario's
// default.
type Options struct {
	Scenario string
	// Clients is how many logical clients work at a time.
	Clients int
	// Duration is how long is measured.
	Duration time.Duration
	// Count is the number of threads or timers of scenarios that have a fixed
	// amount of work, and the waits of a thread of chain.
	Count int
	// Server is what is measured.
	Server Server
	// Say tells a person what is going on.
	Say func(format string, args ...any)
}

// Server is a server under measurement.
type Server interface {
	KafkaAddress() string
	// Usage is what the server takes now.
	Usage(ctx context.Context) (Usage, error)
	// SuspendedThreads counts the threads that wait.
	SuspendedThreads(ctx context.Context) (int64, error)
	// Deploy gives the server the compiled workflow.
	Deploy(ctx context.Context) error
}

// Restarter is a Server that may be killed; a child process is one.
type Restarter interface {
	Server
	// Kill ends the process at once, as kill -9 does.
	Kill() error
	// Start starts the process again and returns when it takes requests.
	Start(ctx context.Context) error
}

// LeaderKiller is a Server of several nodes.
type LeaderKiller interface {
	Restarter
	// KillLeader kills the node that leads, once all others follow it.
	KillLeader(ctx context.Context) error
}

// Usage is what a server takes of the machine. Fields that are not known are 0.
type Usage struct {
	Nodes               int
	RSSBytes, DiskBytes int64
	CPU                 time.Duration
}

// Result is what a scenario measured. Fields that do not apply are 0.
type Result struct {
	Scenario string `json:"scenario"`
	// Nodes is how many the server has, 0 where that is not known.
	Nodes      int     `json:"nodes,omitempty"`
	Clients    int     `json:"clients"`
	Seconds    float64 `json:"seconds"`
	Operations int     `json:"operations"`
	// Unit is what is counted: cycles, steps, records.
	Unit      string  `json:"unit"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`
	Max       float64 `json:"max_ms"`

	ServerRSSBytes   int64   `json:"server_rss_bytes"`
	DiskBytes        int64   `json:"disk_bytes"`
	ServerCPUPercent float64 `json:"server_cpu_percent,omitempty"`
	DriverCPUPercent float64 `json:"driver_cpu_percent,omitempty"`

	// MegabytesPerSecond is of keys and values, in 10^6 bytes.
	MegabytesPerSecond float64 `json:"megabytes_per_second,omitempty"`
	// DiskBytesPerThread and MemoryBytesPerThread are the growth of the data
	// directory and of the resident set, by parked thread.
	DiskBytesPerThread   float64 `json:"disk_bytes_per_thread,omitempty"`
	MemoryBytesPerThread float64 `json:"memory_bytes_per_thread,omitempty"`
	// HealthyMS is from the start of the process to its line that says that it is
	// ready; FirstResumeMS from the start to the first result after a kill. Both
	// are medians.
	HealthyMS     float64 `json:"healthy_ms,omitempty"`
	FirstResumeMS float64 `json:"first_resume_ms,omitempty"`
}

// Scenario is one way to load a server.
type Scenario struct {
	Name, Usage string
	// Clients, Duration and Count are defaults.
	Clients  int
	Duration time.Duration
	Count    int
	// NeedsChild says that the server is killed or started, so it has to be a
	// Restarter.
	NeedsChild bool
	// NodesMin is how many nodes the server has to have at least. If they are several, one is killed, and it has to be a LeaderKiller.
	NodesMin int

	// unit is what is counted.
	unit string
	run  func(ctx context.Context, r *run) error
}

var scenarios = []Scenario{
	{Name: "cycle", Usage: "start a thread, resume it, read its result; latency from resume sent to result read", Clients: 64, Duration: 10 * time.Second, unit: "cycles", run: runCycle},
	{Name: "chain", Usage: "resume threads with many waits; latency from resume sent to next request read", Clients: 64, Duration: 10 * time.Second, Count: 1000, unit: "steps", run: runChain},
	{Name: "park", Usage: "leave --count threads suspended; bytes by thread on disk and in memory", Clients: 1024, Count: 100_000, unit: "threads", run: runPark},
	{Name: "timers", Usage: "let --count threads sleep to the same instant; latency from then to result read", Clients: 1, Count: 5000, unit: "timers", run: runTimers},
	{Name: "produce", Usage: "write records of 1 KiB; latency from sent to acknowledged", Clients: 64, Duration: 10 * time.Second, unit: "records", run: runProduce},
	{Name: "fetch", Usage: "read --count records of 1 KiB from the beginning, again and again", Clients: 1, Duration: 10 * time.Second, Count: 200_000, unit: "records", run: runFetch},
	{Name: "restart", Usage: "kill -9 with --count threads parked, start, resume one; five times", Clients: 1, Count: 1000, NeedsChild: true, unit: "restarts", run: runRestart},
	{Name: "failover", Usage: "kill -9 the leader of three nodes while threads are resumed; five times; latency is the longest time without a step", Clients: 16, Duration: 2 * time.Second, Count: 1000, NodesMin: 3, NeedsChild: true, unit: "failovers", run: runFailover},
	{Name: "start", Usage: "start an empty server until it is ready; five times", Clients: 1, Count: 5, NeedsChild: true, unit: "starts", run: runStart},
}

// Scenarios lists what Run can run.
func Scenarios() []Scenario { return scenarios }

// Find returns the scenario with that name.
func Find(name string) (Scenario, error) {
	i := slices.IndexFunc(scenarios, func(s Scenario) bool { return s.Name == name })
	if i < 0 {
		var names []string
		for _, scenario := range scenarios {
			names = append(names, scenario.Name)
		}
		return Scenario{}, fmt.Errorf("no scenario %q; there are %s", name, strings.Join(names, ", "))
	}
	return scenarios[i], nil
}

// run is one run of a scenario.
type run struct {
	Options
	result Result
	// latencies of what is counted.
	latencies latencies
	// counting goes from the end of the warm-up to the end of the run.
	counting window
}

// Run runs a scenario and returns what it measured.
func Run(ctx context.Context, options Options) (Result, error) {
	scenario, err := Find(options.Scenario)
	if err != nil {
		return Result{}, err
	}
	if options.Clients == 0 {
		options.Clients = scenario.Clients
	}
	if options.Duration == 0 {
		options.Duration = scenario.Duration
	}
	if options.Count == 0 {
		options.Count = scenario.Count
	}
	if options.Say == nil {
		options.Say = func(string, ...any) {}
	}
	if _, may := options.Server.(Restarter); scenario.NeedsChild && !may {
		return Result{}, fmt.Errorf("scenario %s kills the server, so it needs one of its own; leave out --server", scenario.Name)
	}
	if _, may := options.Server.(LeaderKiller); scenario.NodesMin > 1 && !may {
		return Result{}, fmt.Errorf("scenario %s kills the leader of %d nodes; the server has one", scenario.Name, scenario.NodesMin)
	}
	r := &run{Options: options}
	r.result = Result{Scenario: scenario.Name, Clients: options.Clients, Unit: scenario.unit}
	if err := scenario.run(ctx, r); err != nil {
		return Result{}, fmt.Errorf("scenario %s: %w", scenario.Name, err)
	}
	r.result.P50, r.result.P99, r.result.Max = r.latencies.summary()
	if r.result.Seconds > 0 {
		r.result.PerSecond = float64(r.result.Operations) / r.result.Seconds
	}
	usage, err := options.Server.Usage(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("scenario %s: ask for the server's size: %w", scenario.Name, err)
	}
	r.result.Nodes = usage.Nodes
	r.result.ServerRSSBytes, r.result.DiskBytes = usage.RSSBytes, usage.DiskBytes
	return r.result, nil
}
