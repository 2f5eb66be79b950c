package command

// BundleHash is the SHA-256 of a bundle's stored bytes.
type BundleHash [32]byte

// Deploy stores a bundle and binds it to a resume topic: threads that start
// there from now on run it. Threads that run stay on the bundle that they
// started with. Topics that do not exist are made. Its result is nil, ErrLimit or
// the error of a topic that can't be made.
type Deploy struct {
	// App names the deployment for people, such as "orders".
	App         string     `cbor:"1,keyasint"`
	ResumeTopic string     `cbor:"2,keyasint"`
	Hash        BundleHash `cbor:"3,keyasint"`
	// Bundle is opaque to the state machine: what jsvm.Bundle.Encode returned.
	Bundle []byte `cbor:"4,keyasint"`
	// Topics are the bundle's declared output topics and the resume topic.
	Topics       []Topic `cbor:"5,keyasint"`
	NowUnixMilli int64   `cbor:"6,keyasint"`
}

// Deployment is what the state machine knows of the bundle bound to a topic.
type Deployment struct {
	App               string     `cbor:"1,keyasint"`
	ResumeTopic       string     `cbor:"2,keyasint"`
	Hash              BundleHash `cbor:"3,keyasint"`
	OutputTopics      []string   `cbor:"4,keyasint"`
	DeployedUnixMilli int64      `cbor:"5,keyasint"`
}

// Outcome tells what an event did to its thread. Values are stored; append only.
type Outcome uint8

const (
	// OutcomeSuspended: the step ran, and the thread waits again.
	OutcomeSuspended Outcome = 1
	// OutcomeEnded: the step ran, and the thread is over; its state goes.
	OutcomeEnded Outcome = 2
	// OutcomeUnmatched: no step ran, nothing changed but the thread's history;
	// Reason says why.
	OutcomeUnmatched Outcome = 3
	// OutcomeFaulted: the step failed in the engine. The thread keeps its last
	// good continuation, and the event, for a retry.
	OutcomeFaulted Outcome = 4
	// OutcomeKept: the thread is faulted, so the event waits, in order, behind
	// the one that faulted it.
	OutcomeKept Outcome = 5
)

// CommitSteps makes the effects of steps durable and visible. Steps take effect
// one by one, in order, each wholly or not at all. Its result is []error, one
// per step in order: nil, or ErrStaleStep for a step that does not fit (its
// event is consumed already, the thread has moved on, the bundle of a start is
// gone, or, from LevelStepsInARow on, a step of the thread before it in the command
// was refused), whose effects are dropped. A proposer that checks what it proposes never
// sees the others: ErrUnknownTopic (of the event or an output),
// ErrOffsetOutOfRange (no such event), ErrLimit.
type CommitSteps struct {
	Steps        []Step `cbor:"1,keyasint"`
	NowUnixMilli int64  `cbor:"2,keyasint"`
}

// Step is the outcome of one event of one thread.
type Step struct {
	// ResumeTopic, Partition and Offset name the consumed event. Each event is
	// consumed once, in any order across threads.
	ResumeTopic string `cbor:"1,keyasint"`
	Partition   int32  `cbor:"2,keyasint"`
	Offset      int64  `cbor:"3,keyasint"`
	// Thread is the event's key.
	Thread  string  `cbor:"4,keyasint"`
	Outcome Outcome `cbor:"5,keyasint"`
	// StepID is greater than every StepID committed before on any thread; see
	// Store.LastStepID. Zero for OutcomeUnmatched.
	StepID uint64 `cbor:"6,keyasint"`
	// PreviousStepID is the thread's StepID that this step continues from, 0
	// where the thread had no state. A thread that has another is not touched:
	// ErrStaleStep.
	PreviousStepID uint64 `cbor:"7,keyasint"`
	// Started says that the event began the thread anew (new:, or init: on a key
	// without state).
	Started bool       `cbor:"8,keyasint,omitempty"`
	Hash    BundleHash `cbor:"9,keyasint"`
	// Continuation is set for OutcomeSuspended only.
	Continuation []byte `cbor:"10,keyasint,omitempty"`
	// Refs are the pending refs after the step, in the order made.
	Refs []string `cbor:"11,keyasint,omitempty"`
	// Outputs are appended in this order. Records to a resume topic are events,
	// records to a scheduler topic set timers, as if a client had sent them.
	Outputs []Output `cbor:"12,keyasint,omitempty"`
	// Reason is the text of an unmatched event or a fault.
	Reason string `cbor:"13,keyasint,omitempty"`
	// Event is the event's value: whole with OutcomeFaulted and OutcomeKept, for
	// the retry; cut to a limit with OutcomeUnmatched, for people.
	Event []byte `cbor:"14,keyasint,omitempty"`
	// DurationMicro is how long the step ran, in microseconds.
	DurationMicro int64 `cbor:"15,keyasint,omitempty"`
	// TopicID is the resume topic's.
	TopicID TopicID `cbor:"16,keyasint,omitzero"`
}

// Output is one record that a step wrote. The partition follows from the key, as
// Kafka's default partitioner would choose (murmur2).
type Output struct {
	Topic string `cbor:"1,keyasint"`
	Key   []byte `cbor:"2,keyasint"`
	// Value nil is a null value.
	Value []byte `cbor:"3,keyasint"`
}

// FireTimers fires timers: for each one that is still set for its DueUnixMilli, a
// record is appended to the resume topic and the timer is gone. Others are passed
// over, so a proposal may be repeated. Its result is the int that were fired.
type FireTimers struct {
	Timers       []TimerKey `cbor:"1,keyasint"`
	NowUnixMilli int64      `cbor:"2,keyasint"`
}

// TimerKey names a timer: the scheduler record's key and the due time.
type TimerKey struct {
	// Topic is the scheduler topic.
	Topic        string `cbor:"1,keyasint"`
	Key          string `cbor:"2,keyasint"`
	DueUnixMilli int64  `cbor:"3,keyasint"`
}

// RetryThread puts the kept events of a faulted thread back: the thread is
// suspended again (gone, if its start faulted) and the events are appended to the
// partitions that they came from once more. Events of the thread in these partitions
// that are not consumed yet came after them; they are appended behind them and
// count as consumed where they were. So a partition's events for a thread keep
// their order. Its result is nil, ErrUnknownThread, ErrNotFaulted, or ErrLimit where
// too much is not consumed yet: try again when the runner has caught up.
type RetryThread struct {
	ResumeTopic  string `cbor:"1,keyasint"`
	Thread       string `cbor:"2,keyasint"`
	NowUnixMilli int64  `cbor:"3,keyasint"`
}

// DeleteThread drops a thread's state and history. Its timers stay and will be
// unmatched. Its result is nil or ErrUnknownThread.
type DeleteThread struct {
	ResumeTopic  string `cbor:"1,keyasint"`
	Thread       string `cbor:"2,keyasint"`
	NowUnixMilli int64  `cbor:"3,keyasint"`
}

func (Deploy) Kind() Kind       { return KindDeploy }
func (CommitSteps) Kind() Kind  { return KindCommitSteps }
func (FireTimers) Kind() Kind   { return KindFireTimers }
func (RetryThread) Kind() Kind  { return KindRetryThread }
func (DeleteThread) Kind() Kind { return KindDeleteThread }

// ThreadStatus is a thread's state of life. Values are stored; append only.
type ThreadStatus uint8

const (
	// ThreadSuspended: waiting for an event.
	ThreadSuspended ThreadStatus = 1
	// ThreadFaulted: its last step failed in the engine; events that come now
	// are kept behind the failed one until a retry. A new: event replaces the
	// thread.
	ThreadFaulted ThreadStatus = 2
	// ThreadEnded: only history is left, for a while.
	ThreadEnded ThreadStatus = 3
)

// Thread is a thread as stored.
type Thread struct {
	ResumeTopic  string       `cbor:"1,keyasint"`
	Key          string       `cbor:"2,keyasint"`
	Status       ThreadStatus `cbor:"3,keyasint"`
	Hash         BundleHash   `cbor:"4,keyasint"`
	StepID       uint64       `cbor:"5,keyasint"`
	Steps        uint64       `cbor:"6,keyasint"`
	Refs         []string     `cbor:"7,keyasint,omitempty"`
	Continuation []byte       `cbor:"8,keyasint,omitempty"`
	// Fault and KeptEvents are set while the thread is faulted; the first kept
	// event is the one that faulted it.
	Fault            string   `cbor:"9,keyasint,omitempty"`
	KeptEvents       [][]byte `cbor:"10,keyasint,omitempty"`
	StartedUnixMilli int64    `cbor:"11,keyasint"`
	UpdatedUnixMilli int64    `cbor:"12,keyasint"`
}

// HistoryEntry is one line of a thread's bounded history.
type HistoryEntry struct {
	UnixMilli int64   `cbor:"1,keyasint"`
	Partition int32   `cbor:"2,keyasint"`
	Offset    int64   `cbor:"3,keyasint"`
	Outcome   Outcome `cbor:"4,keyasint"`
	StepID    uint64  `cbor:"5,keyasint,omitempty"`
	// Started and Replaced: the event began the thread; it took the place of one
	// that was still running.
	Started       bool   `cbor:"6,keyasint,omitempty"`
	Replaced      bool   `cbor:"7,keyasint,omitempty"`
	Outputs       int    `cbor:"8,keyasint,omitempty"`
	Reason        string `cbor:"9,keyasint,omitempty"`
	DurationMicro int64  `cbor:"10,keyasint,omitempty"`
	// Event is the value of an unmatched event, cut to a limit.
	Event []byte `cbor:"11,keyasint,omitempty"`
}
