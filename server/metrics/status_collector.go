package metrics

import (
	"context"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"kont/statemachine/command"
)

var (
	readyDesc     = prometheus.NewDesc("kont_ready", "1 if the node takes reads and writes.", nil, nil)
	leaderDesc    = prometheus.NewDesc("kont_leader", "1 if the node leads.", nil, nil)
	threadsDesc   = prometheus.NewDesc("kont_threads", "Threads by status.", []string{"status"}, nil)
	timersDesc    = prometheus.NewDesc("kont_timers_pending", "Timers that are set and not due.", nil, nil)
	rejectedDesc  = prometheus.NewDesc("kont_timers_rejected_total", "Scheduler records that set no timer because they are malformed.", nil, nil)
	lostDesc      = prometheus.NewDesc("kont_timers_lost_total", "Timers that came due when the topic that they write to was gone.", nil, nil)
	topicsDesc    = prometheus.NewDesc("kont_topics", "Topics.", nil, nil)
	appliedDesc   = prometheus.NewDesc("kont_applied_index", "Log index that the store stands at.", nil, nil)
	unmatchedDesc = prometheus.NewDesc("kont_unmatched_events_total", "Events that no thread waited for, by the class of the reason.", []string{"reason"}, nil)
	loginsDesc    = prometheus.NewDesc("kont_kafka_failed_logins_total", "Kafka clients that were refused when they said who they are.", nil, nil)
	openDesc      = prometheus.NewDesc("kont_transactions_open", "Transactions of Kafka clients that have not ended.", nil, nil)
	receivedDesc  = prometheus.NewDesc("kont_snapshots_received_total", "Snapshots that the node got because the Raft log began after what it had.", nil, nil)
	firstDesc     = prometheus.NewDesc("kont_log_first_index", "Log index that the Raft log begins with.", nil, nil)
	stallsDesc    = prometheus.NewDesc("kont_log_stalls_total", "Writes of the Raft log for which the disk took longer than raft-log-stall-max.", nil, nil)
	leftDesc      = prometheus.NewDesc("kont_leaderships_left_total", "How often the node has left leadership because a write of the Raft log took longer than raft-log-stall-max.", nil, nil)
	writeDesc     = prometheus.NewDesc("kont_log_write_seconds", "How long the present write of the Raft log has taken, 0 if there is none.", nil, nil)
	thereDesc     = prometheus.NewDesc("kont_follower_up", "1 if another node of the cluster answers, at the leader alone.", []string{"node"}, nil)
	behindDesc    = prometheus.NewDesc("kont_follower_behind_entries", "Entries of the log that another node which answers lacks, at the leader alone.", []string{"node"}, nil)
	diskDesc      = prometheus.NewDesc("kont_disk_bytes", "Size of the data directory.", nil, nil)
)

// statusTimeout bounds how long a scrape waits for the node.
const statusTimeout = 5 * time.Second

// statusCollector reads the gauges from the node when it is asked.
type statusCollector struct{ source Source }

func (c *statusCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, desc := range []*prometheus.Desc{readyDesc, leaderDesc, threadsDesc, timersDesc, rejectedDesc, lostDesc, topicsDesc, unmatchedDesc, loginsDesc, openDesc, appliedDesc, firstDesc, receivedDesc, stallsDesc, leftDesc, writeDesc, thereDesc, behindDesc, diskDesc} {
		descs <- desc
	}
}

func (c *statusCollector) Collect(metrics chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), statusTimeout)
	defer cancel()
	status := c.source.Status(ctx)
	gauge := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, labels...)
	}
	gauge(readyDesc, zeroOrOne(status.Health.Ready))
	gauge(leaderDesc, zeroOrOne(status.Health.IsLeader))
	gauge(threadsDesc, float64(status.Stats.ThreadsSuspended), "suspended")
	gauge(threadsDesc, float64(status.Stats.ThreadsFaulted), "faulted")
	gauge(threadsDesc, float64(status.Stats.ThreadsEnded), "ended")
	gauge(timersDesc, float64(status.Stats.TimersPending))
	gauge(topicsDesc, float64(status.Stats.Topics))
	count := func(desc *prometheus.Desc, value float64, labels ...string) {
		metrics <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, value, labels...)
	}
	count(rejectedDesc, float64(status.Stats.TimersRejected))
	count(lostDesc, float64(status.Stats.TimersLost))
	gauge(firstDesc, float64(status.Stats.LogFirstIndex))
	count(receivedDesc, float64(status.Stats.SnapshotsReceived))
	count(stallsDesc, float64(status.Stats.LogStalls))
	count(leftDesc, float64(status.Stats.LeadershipsLeft))
	gauge(writeDesc, float64(status.Stats.LogWriteMilli)/1000)
	for _, follower := range c.source.Followers() {
		node := strconv.Itoa(int(follower.ID))
		gauge(thereDesc, zeroOrOne(follower.IsThere), node)
		if follower.IsThere {
			gauge(behindDesc, float64(follower.BehindEntries), node)
		}
	}
	unmatched := c.source.UnmatchedByClass()
	for _, class := range command.UnmatchedClasses {
		count(unmatchedDesc, float64(unmatched[class]), string(class))
	}
	count(loginsDesc, float64(c.source.FailedLogins()))
	gauge(openDesc, float64(c.source.OpenTransactions()))
	gauge(appliedDesc, float64(status.Stats.AppliedIndex))
	gauge(diskDesc, float64(status.Stats.DiskBytes))
}

func zeroOrOne(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
