// Package runner executes workflow steps on the leader.
//
// It reads the events of all resume topics in order, runs the JavaScript step
// that each one asks for and proposes the outcome as CommitSteps. It stores
// nothing: where to go on is read from the state machine (the consumed offsets,
// the threads, the greatest StepID), so a leader that dies in the middle of a
// step leaves nothing behind but work to be done again.
//
// # What it refuses to do
//
// It takes no part in what events mean to the log: Apply alone decides whether a
// step takes effect. It has no clock but for durations and the time that a
// proposal carries, and it knows no wire and no disk.
//
// # The way of an event
//
//	reader ──▶ queue ──▶ worker ──────────▶ outbox ──▶ committer ──▶ Propose
//	(one)      a line     reads the thread,  finished   batches what   │
//	            a thread  decides, runs      units      has finished   │
//	             ▲        the engine                                   │
//	             └──────── the thread's next events ◀── settled ───────┘
//
// A thread is named by its resume topic and key. Its events run one after the
// other, in the order read; other threads run in parallel. A worker that takes a
// thread runs a *unit*: the thread's next few queued events, each continuing from
// the effects of the one before. The steps of a unit travel in one command, in
// order, so Apply sees them one after the other, and the thread is taken again
// only when the command's result is known. Hence proposals may overlap without
// ever swapping two steps of a thread.
//
// # What an event does
//
//	event                          thread                    outcome
//	new:<json>                     any                       a start (replaces)
//	init:<json>                    none or ended             a start
//	init:<json>                    any other                 unmatched: ignored
//	{"ref":…}                      suspended, ref pending    a resume
//	{"ref":…}                      suspended, ref unknown    unmatched
//	{"ref":…}                      faulted                   kept
//	{"ref":…}                      none or ended             unmatched
//	anything else                  any                       unmatched
//
// All but starts and resumes are decided without starting JavaScript. A start or
// resume that fails in the engine is a fault: the thread is faulted and keeps the
// event. So is one whose bundle is missing or unreadable, and one that writes to
// a topic that does not exist.
//
// The states of suspended threads are remembered for their next event. What Apply
// finds stale is forgotten and read again, so who else changes a thread (a retry, a
// deletion) need not tell the runner.
//
// # Invariants
//
//   - At most one unit of a thread exists at any time, from the moment that a
//     worker takes it until its proposal is settled.
//   - A proposal whose outcome is unknown is proposed again, never run again:
//     Apply answers ErrStaleStep for a step whose event is consumed.
//   - An event leaves the queue only when its step is committed, the store says
//     that the event is consumed, or its topic is gone.
//   - The values in memory are bounded by Config.QueueBytesMax, the effects that
//     wait for the log by Config.OutcomeBytesMax. Behind a thread that is slow
//     only offsets are queued; values are read again when their turn comes. So a
//     thread that runs away holds its worker and nothing else: after
//     Config.SlowAfter another worker takes its place.
//
// # What the caller owes
//
// Start only on a leader whose state machine has applied all entries of earlier
// terms, Stop when leadership is lost. StepIDs continue from the greatest that is
// committed at Start.
package runner
