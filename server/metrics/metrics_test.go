package metrics_test

import (
	"errors"
	"io"
	"maps"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"kont/server/api"
	"kont/server/api/apitest"
	"kont/server/metrics"
	"kont/statemachine/command"
)

func TestScrapeShowsWhatWasObserved(t *testing.T) {
	node := &apitest.Node{
		FailedLoginsValue: 9, OpenTransactionsValue: 4, FollowersValue: []api.Follower{{ID: 2, IsThere: true, BehindEntries: 5}, {ID: 3}},
		HealthValue: api.Health{Ready: true},
		StatusValue: api.Status{Stats: api.Stats{ThreadsSuspended: 3, ThreadsFaulted: 1, TimersRejected: 5, TimersLost: 6, LogFirstIndex: 30, SnapshotsReceived: 3, LogStalls: 7, LeadershipsLeft: 2, LogWriteMilli: 1500, AppliedIndex: 42, DiskBytes: 4096}},
	}
	for range 2 {
		node.AddUnmatched(api.UnmatchedEvent{Reason: "no such thread"})
	}
	m := metrics.New(node)
	m.ObserveStep(command.OutcomeSuspended, 3*time.Millisecond)
	m.ObserveStep(command.OutcomeUnmatched, 0)
	m.ObserveRefusedStep()
	m.ObserveQueue(7, 700)
	m.ObserveTimer(2 * time.Millisecond)
	m.ObserveProposal(command.KindCommitSteps, time.Millisecond, nil)
	m.ObserveProposal(command.KindCommitSteps, time.Millisecond, errors.New("not the leader"))
	m.ObserveRequest("Produce", 3, time.Millisecond)
	m.ObserveConnections(+1)
	m.ObserveConnections(+1)
	m.ObserveConnections(-1)

	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	body, _ := io.ReadAll(recorder.Result().Body)
	for _, line := range []string{
		`kont_steps_total{outcome="suspended"} 1`,
		`kont_steps_total{outcome="unmatched"} 1`,
		`kont_steps_total{outcome="faulted"} 0`,
		`kont_step_seconds_count 1`,
		`kont_steps_refused_total 1`,
		`kont_queue_events 7`, `kont_queue_bytes 700`,
		`kont_timers_fired_total 1`,
		`kont_timers_rejected_total 5`, `kont_timers_lost_total 6`,
		`kont_timer_lateness_seconds_bucket{le="0.0032"} 1`,
		`kont_proposals_total{agreed="true",kind="CommitSteps"} 1`,
		`kont_proposals_total{agreed="false",kind="CommitSteps"} 1`,
		`kont_kafka_requests_total{api="Produce",code="3"} 1`,
		`kont_kafka_connections 1`,
		`kont_ready 1`, `kont_leader 0`,
		`kont_threads{status="suspended"} 3`, `kont_threads{status="faulted"} 1`,
		`kont_unmatched_events_total{reason="no_thread"} 2`, `kont_unmatched_events_total{reason="invalid_key"} 0`,
		`kont_kafka_failed_logins_total 9`, `kont_transactions_open 4`,
		`kont_log_first_index 30`, `kont_snapshots_received_total 3`, `kont_log_stalls_total 7`, `kont_leaderships_left_total 2`,
		`# HELP kont_leaderships_left_total How often the node has left leadership because a write of the Raft log took longer than raft-log-stall-max.`,
		`kont_log_write_seconds 1.5`,
		`kont_follower_up{node="2"} 1`, `kont_follower_up{node="3"} 0`, `kont_follower_behind_entries{node="2"} 5`,
		`kont_applied_index 42`, `kont_disk_bytes 4096`,
		`go_goroutines `, `process_resident_memory_bytes `,
	} {
		if !strings.Contains(string(body), "\n"+line) {
			t.Errorf("the scrape lacks %q", line)
		}
	}
}

func TestTwoNodesInOneProcessDoNotMeet(t *testing.T) {
	first, second := metrics.New(&apitest.Node{}), metrics.New(&apitest.Node{})
	first.ObserveRefusedStep()
	recorder := httptest.NewRecorder()
	second.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	if !strings.Contains(recorder.Body.String(), "\nkont_steps_refused_total 0") {
		t.Error("the second node shows the first one's count")
	}
}

// Outcomes are append only; a new one needs a word here.
func TestEveryOutcomeHasAWord(t *testing.T) {
	m := metrics.New(&apitest.Node{})
	for outcome := command.OutcomeSuspended; outcome <= command.OutcomeKept; outcome++ {
		m.ObserveStep(outcome, 0)
	}
	recorder := httptest.NewRecorder()
	m.Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	if strings.Contains(recorder.Body.String(), `outcome=""`) {
		t.Error("an outcome without a word was counted")
	}
}

// What a producer puts into its keys and values must not become a label.
func TestReasonsOfUnmatchedEventsAreAClosedSet(t *testing.T) {
	node := &apitest.Node{}
	for _, reason := range []string{"key is not UTF-8", "key of 5000 bytes, the limit is 4096", `ref "é" is not pending`, "whatever else", ""} {
		node.AddUnmatched(api.UnmatchedEvent{Reason: reason})
	}
	recorder := httptest.NewRecorder()
	metrics.New(node).Handler().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	got := map[string]string{}
	for line := range strings.Lines(recorder.Body.String()) {
		if label, ok := strings.CutPrefix(line, `kont_unmatched_events_total{reason="`); ok {
			class, count, _ := strings.Cut(strings.TrimSpace(label), `"} `)
			got[class] = count
		}
	}
	want := map[string]string{}
	for _, class := range command.UnmatchedClasses {
		want[string(class)] = "0"
	}
	want["invalid_key"], want["ref_not_pending"], want["other"] = "2", "1", "2"
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
