// Package metrics counts what a node does and serves the counts to Prometheus.
//
// New makes the metrics of one node with a registry of its own, so two nodes in
// one process (tests, demos) do not meet. The node's parts call the Observe
// methods; gauges are read from Source when somebody asks for /metrics, so they
// cost nothing in between.
//
// The package refuses labels that a user can grow without bound: no topic, thread
// or client is ever a label. The label reason is a command.UnmatchedClass, kind
// the name of a command.Kind, outcome a command.Outcome in a word, node the id of a node of the cluster. It
// stores nothing. The caller owes it a Source that may be
// called from any goroutine until the node is closed.
package metrics

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kont/server/api"
	"kont/statemachine/command"
)

// Source is where the gauges are read from; a node is one.
type Source interface {
	Status(ctx context.Context) api.Status
	// UnmatchedByClass counts unmatched events by the class of their reason.
	UnmatchedByClass() map[command.UnmatchedClass]uint64
	// FailedLogins counts Kafka clients that were refused when they said who they are,
	// since the node was started; OpenTransactions are those that have not ended.
	FailedLogins() int64
	OpenTransactions() int
	// Followers are the other nodes of the cluster while this one leads, none otherwise.
	Followers() []api.Follower
}

// Metrics are the counts of one node.
type Metrics struct {
	registry *prometheus.Registry

	steps         *prometheus.CounterVec
	stepSeconds   prometheus.Histogram
	stepsRefused  prometheus.Counter
	queueEvents   prometheus.Gauge
	queueBytes    prometheus.Gauge
	timersFired   prometheus.Counter
	timerLateness prometheus.Histogram
	proposals     *prometheus.CounterVec
	proposal      prometheus.Histogram
	requests      *prometheus.CounterVec
	request       *prometheus.HistogramVec
	connections   prometheus.Gauge

	compactions      prometheus.Counter
	compactedRecords prometheus.Counter
	compactedBytes   prometheus.Counter
	compaction       prometheus.Histogram
}

// outcomes are the words of the outcome label, the same as in a thread's history.
var outcomes = map[command.Outcome]string{
	command.OutcomeSuspended: "suspended",
	command.OutcomeEnded:     "ended",
	command.OutcomeUnmatched: "unmatched",
	command.OutcomeFaulted:   "faulted",
	command.OutcomeKept:      "kept",
}

// durations are bucket bounds in seconds from 100 µs to 13 s, each twice the one
// before.
var durations = prometheus.ExponentialBuckets(0.0001, 2, 18)

// New makes the metrics of a node.
func New(source Source) *Metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "kont_" + name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kont_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "kont_" + name, Help: help})
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kont_" + name, Help: help, Buckets: durations})
	}
	m := &Metrics{
		registry:      prometheus.NewRegistry(),
		steps:         counters("steps_total", "Events of threads by what they did.", "outcome"),
		stepSeconds:   histogram("step_seconds", "Time that a step ran, without its commit."),
		stepsRefused:  counter("steps_refused_total", "Steps whose effects were dropped because the thread had moved on."),
		queueEvents:   gauge("queue_events", "Events that are read and not yet consumed."),
		queueBytes:    gauge("queue_bytes", "Values of events in memory."),
		timersFired:   counter("timers_fired_total", "Timers that fired."),
		timerLateness: histogram("timer_lateness_seconds", "Time from due to fired."),
		proposals:     counters("proposals_total", "Commands proposed, by kind and whether they were agreed.", "kind", "agreed"),
		proposal:      histogram("proposal_seconds", "Time from proposed to applied."),
		requests:      counters("kafka_requests_total", "Kafka requests by API and error code.", "api", "code"),
		request: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "kont_kafka_request_seconds", Help: "Time to answer a Kafka request; long polls included.", Buckets: durations,
		}, []string{"api"}),
		connections: gauge("kafka_connections", "Kafka connections open now."),

		compactions:      counter("compactions_total", "Passes of compaction over a partition."),
		compactedRecords: counter("compaction_records_dropped_total", "Records that compaction left out."),
		compactedBytes:   counter("compaction_freed_bytes_total", "Bytes of batches that compaction left out."),
		compaction:       histogram("compaction_seconds", "Time of a pass of compaction over a partition, pauses included."),
	}
	m.registry.MustRegister(
		m.steps, m.stepSeconds, m.stepsRefused, m.queueEvents, m.queueBytes, m.timersFired, m.timerLateness, m.proposals, m.proposal,
		m.requests, m.request, m.connections, m.compactions, m.compactedRecords, m.compactedBytes, m.compaction,
		&statusCollector{source},
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	// A rate of a counter that is not there yet is no number; start all at zero.
	for _, outcome := range outcomes {
		m.steps.WithLabelValues(outcome)
	}
	return m
}

// Handler serves the metrics.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4, Timeout: 10 * time.Second})
}

// ObserveStep counts an event that a step, or the runner without one, took care
// of.
func (m *Metrics) ObserveStep(outcome command.Outcome, ran time.Duration) {
	m.steps.WithLabelValues(outcomes[outcome]).Inc()
	if outcome == command.OutcomeSuspended || outcome == command.OutcomeEnded || outcome == command.OutcomeFaulted {
		m.stepSeconds.Observe(ran.Seconds())
	}
}

// ObserveRefusedStep counts a step that Apply answered with ErrStaleStep.
func (m *Metrics) ObserveRefusedStep() { m.stepsRefused.Inc() }

// ObserveQueue tells what the runner has in its queue now.
func (m *Metrics) ObserveQueue(events int, bytes int64) {
	m.queueEvents.Set(float64(events))
	m.queueBytes.Set(float64(bytes))
}

// ObserveTimer counts a timer that fired late by lateness.
func (m *Metrics) ObserveTimer(lateness time.Duration) {
	m.timersFired.Inc()
	m.timerLateness.Observe(lateness.Seconds())
}

// ObserveProposal counts a command; err is of the log, not of Apply.
func (m *Metrics) ObserveProposal(kind command.Kind, took time.Duration, err error) {
	m.proposals.WithLabelValues(kind.String(), strconv.FormatBool(err == nil)).Inc()
	m.proposal.Observe(took.Seconds())
}

// ObserveCompaction counts a pass over a partition. Bytes may be fewer than none: a
// tombstone is noted in its batch.
func (m *Metrics) ObserveCompaction(recordsDropped, bytesFreed int64, took time.Duration) {
	m.compactions.Inc()
	m.compactedRecords.Add(float64(recordsDropped))
	m.compactedBytes.Add(float64(max(bytesFreed, 0)))
	m.compaction.Observe(took.Seconds())
}

// ObserveRequest counts a Kafka request by its API's name; code is the first
// Kafka error code in the answer, 0 for none.
func (m *Metrics) ObserveRequest(apiName string, code int16, took time.Duration) {
	m.requests.WithLabelValues(apiName, strconv.Itoa(int(code))).Inc()
	m.request.WithLabelValues(apiName).Observe(took.Seconds())
}

// ObserveConnections counts Kafka connections: +1 for one opened, -1 for one
// closed.
func (m *Metrics) ObserveConnections(change int) { m.connections.Add(float64(change)) }
