package runner

import (
	"context"
	"time"

	"kont/jsvm"
	"kont/statemachine/command"
)

// Store is what the runner reads of the state machine. All methods are safe for
// concurrent use and see only what is committed. An error means that the disk or
// the node fails: the runner waits and tries again.
type Store interface {
	// ResumePartitions lists the partitions of every topic that holds events:
	// the default resume topic and each one that a deployment is bound to.
	ResumePartitions() ([]Partition, error)
	// IsTopic tells whether the topic of that name has that identity: it was not
	// deleted, nor made again.
	IsTopic(topic string, id command.TopicID) bool
	// Consumption tells which events of a partition are consumed; none for a
	// partition that does not exist.
	Consumption(topic string, partition int32) (Consumption, error)
	// Consumed tells whether one event is consumed; an error for a partition that
	// does not exist.
	Consumed(topic string, partition int32, offset int64) (bool, error)
	// ReadEvents returns records from offset on, in order, of about bytesMax
	// bytes but at least one record if there is any. Offsets may have gaps; an
	// offset below the partition's start reads from the start. What an open
	// transaction may still abort, and all behind it, is not there yet.
	ReadEvents(topic string, partition int32, offset int64, bytesMax int) ([]Record, error)
	// Thread returns a thread, false if there is none. One that has ended may be
	// either; kept events are not needed.
	Thread(topic, key string) (command.Thread, bool, error)
	// Deployment returns what is bound to a resume topic, false if nothing is.
	Deployment(topic string) (command.Deployment, bool, error)
	// Bundle returns a bundle's bytes, false if the store has none.
	Bundle(hash command.BundleHash) ([]byte, bool, error)
	// HasTopic tells whether a topic exists.
	HasTopic(topic string) bool
	// LastStepID is the greatest StepID committed.
	LastStepID() uint64
	// Changed returns a channel that is closed once records have been appended
	// to a resume topic, or a topic or deployment was made, after the call.
	Changed() <-chan struct{}
}

// Partition names a partition of a resume topic over the topic's whole life.
type Partition struct {
	Topic     string
	ID        command.TopicID
	Partition int32
}

// Consumption is how far a partition's events are consumed: all below Offset, and
// those in Beyond, which come after it, in ascending order, and do not overlap.
type Consumption struct {
	Offset int64
	Beyond []OffsetRange
}

// OffsetRange is the offsets from First to Last, both included.
type OffsetRange struct{ First, Last int64 }

// Record is one record of a resume topic.
type Record struct {
	Offset int64
	// Key and Value are nil where the record has none.
	Key   []byte
	Value []byte
	// IsSkipped is set where there is no event, up to this offset from the record before:
	// a transaction was aborted, or ended, which the store has consumed already, or
	// compaction has taken records, which it passes over.
	IsSkipped bool
	// Unreadable is set in place of Key and Value where the batch that holds the
	// record cannot be decoded.
	Unreadable string
}

// Proposer puts commands into the log.
type Proposer interface {
	// Propose returns when the command is applied. After an error it may or may
	// not be applied later.
	Propose(ctx context.Context, c command.Command) (command.Result, error)
}

// Engine loads bundles.
type Engine interface {
	// Load makes a program of a bundle's bytes.
	Load(bundle []byte) (Program, error)
}

// Program runs the steps of one bundle; *jsvm.Pool is the real one. Step is safe
// for concurrent use and returns soon after ctx is done.
type Program interface {
	Step(ctx context.Context, in jsvm.Input) (jsvm.Effects, error)
	Close()
}

// Observer is told what the runner does, for metrics. Methods must not block and
// are called by many goroutines.
type Observer interface {
	// ObserveStep reports one committed step of any outcome. The duration is 0
	// where no JavaScript ran.
	ObserveStep(outcome command.Outcome, duration time.Duration)
	// ObserveUnmatched reports the reason of each committed OutcomeUnmatched.
	ObserveUnmatched(reason command.UnmatchedClass)
	// ObserveRefusedStep reports a step that ran but does not fit any more.
	ObserveRefusedStep()
	// ObserveQueue reports the events and the bytes of values in memory.
	ObserveQueue(events int, bytes int64)
}

type noObserver struct{}

func (noObserver) ObserveStep(command.Outcome, time.Duration) {}
func (noObserver) ObserveUnmatched(command.UnmatchedClass)    {}
func (noObserver) ObserveRefusedStep()                        {}
func (noObserver) ObserveQueue(int, int64)                    {}
