package statemachine

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// A timer is set by a record of a scheduler topic. Its key is the record's key,
// "thread|event", so a second record with the same key replaces the first.

func encodeTimer(dst []byte, dueUnixMilli int64) []byte {
	dst = append(dst, valueVersion)
	return binary.AppendVarint(dst, dueUnixMilli)
}

func decodeTimer(value []byte) (dueUnixMilli int64, err error) {
	r := readValue(value)
	dueUnixMilli = r.int()
	return dueUnixMilli, r.end("timer")
}

// errTimer: the record is no timer. It is counted and nothing else.
var errTimer = errors.New("not a timer")

// timerDelay reads the value of a scheduler record. A cancellation is "0", empty
// or null.
func timerDelay(value []byte) (delayMilli int64, isCancel bool, err error) {
	if len(value) == 0 {
		return 0, true, nil
	}
	delay, err := strconv.ParseUint(string(value), 10, 63)
	if err != nil || delay > timerDelayMilliMax {
		return 0, false, errTimer
	}
	return int64(delay), delay == 0, nil
}

// checkTimerKey holds that the key is "thread|event" with a thread that can be.
func checkTimerKey(key []byte) error {
	thread, _, isWhole := strings.Cut(string(key), "|")
	if !isWhole || !isThreadKey(thread) || len(key) > TimerKeyBytesMax {
		return errTimer
	}
	return nil
}

// setTimers sets, replaces and cancels the timers of a batch that is appended to a
// scheduler topic. The batch is valid. Of the records that are no timers, all are
// counted and the first is logged.
func (c *change) setTimers(t *topic, batch []byte) {
	rejected := 0
	var first recordbatch.Record
	for record, err := range recordbatch.Records(batch) {
		if err != nil {
			c.fail(err)
			return
		}
		if err := c.setTimer(t, record); err != nil {
			if rejected++; rejected == 1 {
				first = record
			}
			t.tally.timersRejected++
			c.touchTally(t)
		}
	}
	if rejected > 0 {
		c.store.options.Logger.Warn("scheduler records rejected", "topic", t.spec.Name, "count", rejected, "offset", first.Offset,
			"key", cutText(string(first.Key), loggedBytesMax), "value", cutText(string(first.Value), loggedBytesMax))
	}
}

// loggedBytesMax cuts what is logged of a client's record.
const loggedBytesMax = 128

func (c *change) setTimer(t *topic, record recordbatch.Record) error {
	delay, isCancel, err := timerDelay(record.Value)
	if err != nil {
		return err
	}
	if err := checkTimerKey(record.Key); err != nil {
		return err
	}
	key := string(record.Key)
	c.cancelTimer(t, key)
	if isCancel {
		return nil
	}
	// Producers without a clock send -1; then the time of the append counts.
	from := record.TimestampUnixMilli
	if from < 0 || from > timerDelayMilliMax {
		from = c.now
	}
	due := from + delay
	c.value = encodeTimer(c.value[:0], due)
	c.set(c.key.Name(keys.Timer, t.number, key), c.value)
	c.set(c.key.TimerDue(due, t.number, key), []byte{valueVersion})
	t.tally.timers++
	c.touchTally(t)
	if !c.hasTimers || due < c.earliestTimer {
		c.hasTimers, c.earliestTimer = true, due
	}
	return nil
}

// timerDue reads when a timer is due, and whether it is set.
func (c *change) timerDue(t *topic, key string) (dueUnixMilli int64, isSet bool) {
	value := c.get(c.key.Name(keys.Timer, t.number, key))
	if value == nil {
		return 0, false
	}
	due, err := decodeTimer(value)
	c.fail(err)
	return due, err == nil
}

// cancelTimer removes a timer, if it is set.
func (c *change) cancelTimer(t *topic, key string) {
	if due, isSet := c.timerDue(t, key); isSet {
		c.removeTimer(t, key, due)
	}
}

// removeTimer removes a timer that is set for dueUnixMilli.
func (c *change) removeTimer(t *topic, key string, dueUnixMilli int64) {
	c.delete(c.key.Name(keys.Timer, t.number, key))
	c.delete(c.key.TimerDue(dueUnixMilli, t.number, key))
	t.tally.timers--
	c.touchTally(t)
}
