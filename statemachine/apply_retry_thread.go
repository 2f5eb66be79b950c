package statemachine

import (
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

func (c *change) applyRetryThread(com *command.RetryThread) error {
	c.setTime(com.NowUnixMilli)
	t := c.work.topics[com.ResumeTopic]
	if t == nil {
		return fmt.Errorf("%w: %s: topic %q", command.ErrUnknownThread, com.Thread, com.ResumeTopic)
	}
	old := c.loadThread(t, com.Thread)
	if !old.isLive() {
		return fmt.Errorf("%w: %s", command.ErrUnknownThread, com.Thread)
	}
	if old.status != command.ThreadFaulted {
		return fmt.Errorf("%w: %s", command.ErrNotFaulted, com.Thread)
	}
	c.appendKept(t, com.Thread, &old)
	c.deleteKept(t, com.Thread, &old)
	changed := old
	changed.status = command.ThreadSuspended
	if old.continuationBytes == 0 {
		changed.status = command.ThreadEnded // its start faulted: there is nothing to go on from
	}
	changed.fault, changed.kept, changed.keptBytes = "", 0, 0
	changed.updatedUnixMilli = c.now
	c.storeThread(t, com.Thread, &old, &changed, false)
	return nil
}

// appendKept appends the kept events of a thread to where they came from.
func (c *change) appendKept(t *topic, key string, th *thread) {
	events := outbox{}
	for n := range th.kept {
		value := c.get(c.key.Numbered(keys.KeptEvent, t.number, key, n))
		e, err := decodeKeptEvent(value)
		if err != nil {
			c.fail(err)
			return
		}
		record := recordbatch.Record{TimestampUnixMilli: c.now, Key: []byte(key), Value: e.value}
		events.addTo(t, e.partition, record)
	}
	c.appendOutputs(&events)
}
