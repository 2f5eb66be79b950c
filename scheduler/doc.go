// Package scheduler wakes threads whose timers are due.
//
// It stores nothing. Timers live in the state machine, which sets and cancels
// them as records come into a scheduler topic; on the leader, the scheduler reads
// the earliest, waits, and proposes FireTimers in due order. After a change of
// leader the same timer may be proposed twice. It still fires once, because Apply
// passes over timers that are no longer in the table.
//
// # What it refuses to do
//
// It does not know what a timer is for, and it never decides that one has fired:
// it only says that it is time. It proposes no timer before its due time by this
// node's clock, and never two commands at once, so timers fire in due order.
//
// # What the caller owes
//
// Start only on a leader that has applied all entries of earlier terms, Stop when
// leadership is lost. A store whose timers are read in due order, and a wake for
// each timer that is set: without it, one that is due earlier than those before
// would wait for the next look at the clock.
//
// # Lateness
//
// A timer is late by the time that Go's runtime takes to wake (well under a
// millisecond on an idle machine) and one proposal. A burst is cut into commands
// of timersMax timers, or of keyBytesMax bytes of keys. The wall clock is looked at
// once a second at least, so a clock that is set forward delays nothing for longer.
package scheduler
