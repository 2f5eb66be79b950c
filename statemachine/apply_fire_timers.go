package statemachine

import (
	"strings"

	"kont/statemachine/command"
	"kont/statemachine/recordbatch"
)

// applyFireTimers takes the timers that are still set for the time that is named.
// The events are appended in the order of the command, one batch a partition.
func (c *change) applyFireTimers(com *command.FireTimers) int {
	c.setTime(com.NowUnixMilli)
	fired := 0
	events := outbox{}
	for i := range com.Timers {
		if c.fireTimer(&com.Timers[i], &events) {
			fired++
		}
	}
	c.appendOutputs(&events)
	return fired
}

func (c *change) fireTimer(timer *command.TimerKey, events *outbox) bool {
	t := c.work.topics[timer.Topic]
	if t == nil {
		return false
	}
	due, isSet := c.timerDue(t, timer.Key)
	if !isSet || due != timer.DueUnixMilli {
		return false
	}
	c.removeTimer(t, timer.Key, due)
	target := c.work.topics[t.timersTo()]
	if target == nil {
		t.tally.timersLost++
		c.touchTally(t)
		return false
	}
	thread, event, _ := strings.Cut(timer.Key, "|")
	partition := recordbatch.PartitionForKey([]byte(thread), target.spec.Partitions)
	events.addTo(target, partition, recordbatch.Record{
		TimestampUnixMilli: c.now, Key: []byte(thread), Value: []byte(event)})
	return true
}
