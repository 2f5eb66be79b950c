package server

import (
	"fmt"
	"testing"
	"time"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// What a node does without JavaScript and without a wire: events go into the log
// with fsync, the runner takes them through the puppet, their effects go into the
// log and the store. In each round every thread gets one event.
func BenchmarkNodeSteps(b *testing.B) {
	for _, threads := range []int{1, 64, 1024} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			n := startNode(b, testConfig(b.TempDir()))
			deployPuppet(b, n)
			appendEvents(b, n, threads, `new:"x"`)
			b.ResetTimer()
			for done := 0; done < b.N; done += threads {
				appendEvents(b, n, threads, `{"ref":"r","value":""}`)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "steps/s")
		})
	}
}

// appendEvents appends one event for each thread and waits until all are consumed.
func appendEvents(b *testing.B, n *Node, threads int, value string) {
	partitions := n.config.ResumePartitions
	records := make([][]recordbatch.Record, partitions)
	for i := range threads {
		key := fmt.Append(nil, "t", i)
		partition := recordbatch.PartitionForKey(key, partitions)
		records[partition] = append(records[partition], recordbatch.Record{Key: key, Value: []byte(value), TimestampUnixMilli: time.Now().UnixMilli()})
	}
	c := command.AppendRecords{NowUnixMilli: time.Now().UnixMilli()}
	for partition, list := range records {
		if len(list) > 0 {
			c.Appends = append(c.Appends, command.Append{
				Topic: command.TopicResume, Partition: int32(partition), Batch: recordbatch.Append(nil, list, recordbatch.Options{}),
			})
		}
	}
	if _, err := n.proposer.Propose(b.Context(), c); err != nil {
		b.Fatal(err)
	}
	for {
		changed := make(chan struct{}, 1)
		isBehind := false
		for i := range partitions {
			state, _ := n.store.Partition(command.TopicResume, i)
			consumed, _ := n.store.ConsumedOffset(command.TopicResume, i)
			isBehind = isBehind || consumed < state.NextOffset
		}
		if !isBehind {
			return
		}
		select {
		case <-changed:
		case <-time.After(200 * time.Microsecond):
		}
	}
}

// A burst: so many timers are due at the same instant. Lateness is from then until
// the last event is in its topic.
func BenchmarkNodeTimerBurst(b *testing.B) {
	const timers = 5000
	n := startNode(b, testConfig(b.TempDir()))
	for b.Loop() {
		b.StopTimer()
		delay := 3 * time.Second
		now := time.Now()
		records := make([]recordbatch.Record, timers)
		for i := range records {
			records[i] = recordbatch.Record{Key: fmt.Appendf(nil, `t%d|{"ref":"1:sleep:1"}`, i), Value: fmt.Append(nil, delay.Milliseconds()), TimestampUnixMilli: now.UnixMilli()}
		}
		if _, err := n.proposer.Propose(b.Context(), command.AppendRecords{NowUnixMilli: now.UnixMilli(), Appends: []command.Append{
			{Topic: command.TopicScheduler, Batch: recordbatch.Append(nil, records, recordbatch.Options{})},
		}}); err != nil {
			b.Fatal(err)
		}
		due := now.Truncate(time.Millisecond).Add(delay)
		if late := time.Since(due); late > 0 {
			b.Fatalf("the timers were set %v after they were due", late)
		}
		<-time.After(time.Until(due))
		b.StartTimer()
		for {
			stats, err := n.store.Stats()
			if err != nil {
				b.Fatal(err)
			}
			if stats.Timers == 0 {
				break
			}
			<-time.After(200 * time.Microsecond)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N), "ms/burst")
}
