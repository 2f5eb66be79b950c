package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"kont/server/api"
	"kont/statemachine/command"
)

// killStory is one thread and its outside world, told in the order in which
// records are written. Each number of records is a point where the server can be
// killed.
type killStory struct {
	bundle []byte
	thread string
	// topics are read besides those of the protocol.
	topics []string
	moves  []killMove
}

// killMove is what the outside world does next, once all records before it are
// there.
type killMove struct {
	// event makes the event that is sent; nil if the world only waits.
	event func(killRecords) (string, error)
	// effects are how many records follow before the next move: outputs, timers,
	// and the event of the timer that the world waits for.
	effects int
}

func (s killStory) recordsTotal() int {
	total := 0
	for _, move := range s.moves {
		total += move.effects
		if move.event != nil {
			total++
		}
	}
	return total
}

// killRecords are records in the order seen.
type killRecords []*kgo.Record

// sorted are the records by topic and partition, in the order written.
func (r killRecords) sorted() killRecords {
	sorted := slices.Clone(r)
	slices.SortFunc(sorted, func(a, b *kgo.Record) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return sorted
}

// lines are all that the records say.
func (r killRecords) lines() string {
	var text strings.Builder
	for _, record := range r.sorted() {
		fmt.Fprintf(&text, "%s/%d %s %s\n", record.Topic, record.Partition, record.Key, record.Value)
	}
	return text.String()
}

// stopOf gives the record that has stopped the timer that sends event, nil if none
// has.
func (r killRecords) stopOf(thread, event string) *kgo.Record {
	for _, record := range r {
		if record.Topic == command.TopicScheduler && string(record.Key) == thread+"|"+event && string(record.Value) == "0" {
			return record
		}
	}
	return nil
}

// killRun plays a story once.
type killRun struct {
	t      *testing.T
	story  killStory
	server *chaosServer
	client *kgo.Client
	// seen are read by client, which begins anew after a kill.
	seen killRecords
	// sent has the offsets of the events that the world has sent.
	sent map[int64]bool
	// killAfter is the number of records after which the server is killed, once;
	// negative for never.
	killAfter int
}

// errOvertaken is of a run in which a timer has fired before the world could send
// what was to come first.
var errOvertaken = errors.New("a timer was quicker than the world")

// runKilled plays a story on a server of its own, kills it after the given number
// of records, and gives all that it has left behind: the records, and the history
// of the thread.
func runKilled(t *testing.T, story killStory, killAfter int) (records killRecords, left string, err error) {
	t.Helper()
	r := &killRun{t: t, story: story, server: newChaosServer(t), killAfter: killAfter, sent: map[int64]bool{}}
	r.server.start()
	r.server.deployBundle(story.bundle)
	r.connect()
	defer func() {
		r.client.Close()
		r.server.kill()
	}()
	err = r.tell()
	if err == nil && r.killAfter >= 0 {
		err = fmt.Errorf("the story has %d records, so none to kill the server after %d", story.recordsTotal(), killAfter)
	}
	if r.isOvertaken() {
		r.history(readAll(t, r.server.kafkaAddress, command.TopicResume)) // fails if an event was lost
		err = errOvertaken
	}
	if err != nil {
		return nil, "", err
	}
	// Not one record more than those that were waited for.
	for _, topic := range r.topics() {
		records = append(records, readAll(t, r.server.kafkaAddress, topic)...)
	}
	return records, records.lines() + r.history(records), nil
}

func (r *killRun) tell() error {
	written := 0
	for _, move := range r.story.moves {
		if err := r.await(written); err != nil {
			return err
		}
		if move.event != nil {
			event, err := move.event(r.seen)
			if err != nil {
				return err
			}
			record := &kgo.Record{Topic: command.TopicResume, Key: []byte(r.story.thread), Value: []byte(event)}
			if err := r.client.ProduceSync(r.t.Context(), record).FirstErr(); err != nil {
				return fmt.Errorf("send %s: %w", event, err)
			}
			r.sent[record.Offset] = true
			written++
			r.killAt(written) // before the step, if the kill is quick
		}
		written += move.effects
	}
	err := r.await(written)
	r.killAt(written)
	return err
}

// isOvertaken compares the order of events with that of the story. A timer that
// fires twice, or after it was stopped, is not meant, nor one that fires because
// an event was lost: the timers of a story that waits for none are long.
func (r *killRun) isOvertaken() bool {
	if !slices.ContainsFunc(r.story.moves, func(move killMove) bool { return move.event == nil }) {
		return false
	}
	fired := map[string]bool{}
	next := 0
	for _, record := range r.seen.sorted() {
		if record.Topic != command.TopicResume {
			continue
		}
		if r.sent[record.Offset] {
			next++
			continue
		}
		event := string(record.Value)
		isExpected := next < len(r.story.moves) && r.story.moves[next].event == nil
		if !isExpected {
			stop := r.seen.stopOf(r.story.thread, event)
			return !fired[event] && (stop == nil || !stop.Timestamp.Before(record.Timestamp))
		}
		fired[event] = true
		next++
	}
	return false
}

func (r *killRun) topics() []string {
	return append([]string{command.TopicResume, command.TopicScheduler, command.TopicResult, command.TopicError}, r.story.topics...)
}

func (r *killRun) connect() {
	r.seen = nil
	r.client = newChaosClient(r.t, []string{r.server.kafkaAddress}, kgo.ConsumeTopics(r.topics()...), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
}

// killAt kills the server and starts it again if it is time.
func (r *killRun) killAt(written int) {
	if r.killAfter < 0 || written < r.killAfter {
		return
	}
	r.killAfter = -1
	r.server.kill()
	r.client.Close()
	r.server.start()
	r.connect()
}

// await reads until so many records are there.
func (r *killRun) await(count int) error {
	r.killAt(len(r.seen))
	ctx, cancel := context.WithTimeout(r.t.Context(), 2*time.Minute) // longer than the longest timer of a story
	defer cancel()
	for len(r.seen) < count {
		fetches := r.client.PollFetches(ctx)
		if err := fetches.Err0(); err != nil {
			return fmt.Errorf("wait for %d records, have %d: %w", count, len(r.seen), err)
		}
		r.seen = append(r.seen, fetches.Records()...)
		r.killAt(len(r.seen))
	}
	return nil
}

// history is what each event did to the thread, once all have been looked at.
func (r *killRun) history(records killRecords) string {
	events := 0
	for _, record := range records {
		if record.Topic == command.TopicResume {
			events++
		}
	}
	var text strings.Builder
	var entries []api.HistoryEntry
	waitUntil(r.t, "every event's outcome", func() bool {
		entries = r.historyNow()
		return len(entries) >= events
	})
	for _, e := range entries {
		fmt.Fprintf(&text, "offset %d: %s %s, step %d, started %t, replaced %t, outputs %d\n", e.Offset, e.Outcome, e.Reason, e.StepID, e.Started, e.Replaced, e.Outputs)
	}
	return text.String()
}

func (r *killRun) historyNow() []api.HistoryEntry {
	response, err := http.Get("http://" + r.server.httpAddress + "/api/v1/thread/history?key=" + url.QueryEscape(r.story.thread) + "&topic=" + command.TopicResume)
	if err != nil {
		r.t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		r.t.Fatalf("history: %s %s %v", response.Status, body, err)
	}
	var page struct{ History []api.HistoryEntry }
	if err := json.Unmarshal(body, &page); err != nil {
		r.t.Fatalf("history %s: %v", body, err)
	}
	return page.History
}
