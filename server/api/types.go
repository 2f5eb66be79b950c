package api

import (
	"time"

	"kont/statemachine"
	"kont/statemachine/command"
)

// The topics of the workflow protocol, for clients.
const (
	TopicResume    = command.TopicResume
	TopicResult    = command.TopicResult
	TopicError     = command.TopicError
	TopicScheduler = command.TopicScheduler
)

// ThreadKeyBytesMax bounds a thread's key.
const ThreadKeyBytesMax = statemachine.ThreadKeyBytesMax

// Status is a node at a glance.
type Status struct {
	Version string `json:"version"`
	// KafkaAddress is host:port for Kafka clients, as metadata gives it.
	KafkaAddress string `json:"kafka_address"`
	HTTPAddress  string `json:"http_address"`
	DataDir      string `json:"data_dir"`
	Health       Health `json:"health"`
	Stats        Stats  `json:"stats"`
}

// Health says whether a node can do its work.
type Health struct {
	// Ready: the node leads (or follows a leader) and takes reads and writes.
	Ready    bool `json:"ready"`
	IsLeader bool `json:"is_leader"`
	// Reason says why the node is not ready; empty if it is.
	Reason string `json:"reason,omitempty"`
}

// Stats are a node's counts; also the gauges at /metrics.
type Stats struct {
	ThreadsSuspended int64 `json:"threads_suspended"`
	ThreadsFaulted   int64 `json:"threads_faulted"`
	ThreadsEnded     int64 `json:"threads_ended"`
	TimersPending    int64 `json:"timers_pending"`
	// TimersRejected are scheduler records that set nothing: their value is no whole
	// number, or their key names no thread. TimersLost came due when the topic that
	// they write to was gone.
	TimersRejected int64 `json:"timers_rejected"`
	TimersLost     int64 `json:"timers_lost"`
	Topics         int64 `json:"topics"`
	// AppliedIndex is the log index that the store stands at.
	AppliedIndex uint64 `json:"applied_index"`
	// LogFirstIndex is where the Raft log begins: a follower that lacks more gets a snapshot. SnapshotsReceived counts those that this node has
	// got since its start.
	LogFirstIndex     uint64 `json:"log_first_index"`
	SnapshotsReceived int64  `json:"snapshots_received"`
	// LogStalls are writes of the Raft log for which the disk took longer than it may, LeadershipsLeft is how often the node has left
	// leadership because of one, both since its start. LogWriteMilli is how long the present write has taken, 0 if there is none.
	LogStalls       int64 `json:"log_stalls"`
	LeadershipsLeft int64 `json:"leaderships_left"`
	LogWriteMilli   int64 `json:"log_write_ms"`
	// DiskBytes is the size of the data directory; MemoryBytes the process's
	// resident set.
	DiskBytes   int64 `json:"disk_bytes"`
	MemoryBytes int64 `json:"memory_bytes"`
}

// Topic is a topic with its partitions.
type Topic struct {
	Name       string            `json:"name"`
	Partitions []Partition       `json:"partitions"`
	Configs    map[string]string `json:"configs,omitempty"`
}

// Partition is the readable range of one partition: StartOffset up to and
// without NextOffset.
type Partition struct {
	Partition   int32 `json:"partition"`
	StartOffset int64 `json:"start_offset"`
	NextOffset  int64 `json:"next_offset"`
	Bytes       int64 `json:"bytes"`
}

// Deployment is the bundle that threads of a resume topic start with.
type Deployment struct {
	App         string `json:"app"`
	ResumeTopic string `json:"resume_topic"`
	// Hash is the SHA-256 of the bundle, in hexadecimal.
	Hash         string    `json:"hash"`
	OutputTopics []string  `json:"output_topics"`
	DeployedAt   time.Time `json:"deployed_at"`
}

// The values of ThreadSummary.Status.
const (
	StatusSuspended = "suspended"
	StatusFaulted   = "faulted"
	StatusEnded     = "ended"
	// StatusUnknown is of a key that never had a thread, only unmatched events.
	StatusUnknown = "unknown"
)

// ThreadSummary is one line of a list of threads.
type ThreadSummary struct {
	Topic     string    `json:"topic"`
	Key       string    `json:"key"`
	Status    string    `json:"status"`
	Hash      string    `json:"hash"`
	StepID    uint64    `json:"step_id"`
	Steps     uint64    `json:"steps"`
	Refs      []string  `json:"refs"`
	Fault     string    `json:"fault,omitempty"`
	StartedAt time.Time `json:"started_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ThreadsPage is a part of a list of threads.
type ThreadsPage struct {
	Threads []ThreadSummary `json:"threads"`
	// Cursor asks for what follows; empty at the end.
	Cursor string `json:"cursor,omitempty"`
}

// Thread is one thread, opened for a person.
type Thread struct {
	ThreadSummary
	App string `json:"app,omitempty"`
	// ContinuationBytes is the size of what is stored.
	ContinuationBytes int `json:"continuation_bytes"`
	// KeptEvents wait, in order, for the retry of a faulted thread; the first is
	// the one that faulted it.
	KeptEvents []string `json:"kept_events,omitempty"`
	// Waits are where the thread is blocked. WaitsError says why they can't be
	// told.
	Waits      []Wait `json:"waits"`
	WaitsError string `json:"waits_error,omitempty"`
	// Module holds the module-level variables that the workflow reassigned.
	Module []Local `json:"module,omitempty"`
}

// Wait is one function that is blocked at an await.
type Wait struct {
	// Stack has the blocked function first, then the functions that await it.
	Stack []Frame `json:"stack"`
}

// Continuation is the stored state of a suspended thread.
type Continuation struct {
	// Hash names the bundle that it belongs to.
	Hash string `json:"hash"`
	// Bytes are as package jsvm wrote them.
	Bytes []byte `json:"bytes"`
}

// EncodedBundle is a bundle as it was deployed.
type EncodedBundle struct {
	Hash  string `json:"hash"`
	Bytes []byte `json:"bytes"`
}

// Frame is one function at an await.
type Frame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	// Line and Column count from 1, in the author's source.
	Line   int `json:"line"`
	Column int `json:"column"`
	// Label is the author's name of the await, if it has one.
	Label string `json:"label,omitempty"`
	// Source is the text of that line.
	Source string `json:"source,omitempty"`
	// Refs are the pending refs that it waits for itself; none where it waits for
	// another function.
	Refs   []string `json:"refs,omitempty"`
	Locals []Local  `json:"locals,omitempty"`
}

// Local is a variable and its value, shortened for reading.
type Local struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// HistoryEntry is what one event did to its thread.
type HistoryEntry struct {
	At        time.Time `json:"at"`
	Partition int32     `json:"partition"`
	Offset    int64     `json:"offset"`
	// Outcome is suspended, ended, unmatched, faulted or kept.
	Outcome string `json:"outcome"`
	StepID  uint64 `json:"step_id,omitempty"`
	// Started: the event began the thread. Replaced: it took the place of one that
	// was still running.
	Started  bool   `json:"started,omitempty"`
	Replaced bool   `json:"replaced,omitempty"`
	Outputs  int    `json:"outputs,omitempty"`
	Reason   string `json:"reason,omitempty"`
	// DurationMicro is how long the step ran, in microseconds.
	DurationMicro int64 `json:"duration_us,omitempty"`
}

// UnmatchedEvent is an event that no thread waited for. The node keeps the newest
// of all threads, statemachine.UnmatchedEventsMax at most.
type UnmatchedEvent struct {
	// At is when it was found to be unmatched.
	At    time.Time `json:"at"`
	Topic string    `json:"topic"`
	// Key is the record's, empty if it has none.
	Key       string `json:"key"`
	Partition int32  `json:"partition"`
	Offset    int64  `json:"offset"`
	Reason    string `json:"reason"`
	// Event is the beginning of the record's value; the record itself has all of
	// it.
	Event string `json:"event"`
}

// UnmatchedPage is a part of the list, the newest first.
type UnmatchedPage struct {
	Events []UnmatchedEvent `json:"events"`
	// Cursor asks for what follows, which is older; empty at the end.
	Cursor string `json:"cursor,omitempty"`
}
