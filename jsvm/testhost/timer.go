package testhost

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// timer is one that is set.
type timer struct {
	topic string // the scheduler topic
	key   string // "thread|value"
	due   int64  // virtual Unix milliseconds
	order uint64 // counts settings
}

func (t *timer) before(other *timer) int {
	return cmp.Or(cmp.Compare(t.due, other.due), cmp.Compare(t.order, other.order))
}

// parts are the thread and the event.
func (t *timer) parts() (thread, value string) {
	thread, value, _ = strings.Cut(t.key, "|")
	return thread, value
}

// timers are those of a host: a heap by due time and then by the order in which they were set, and an index. One that is replaced or cancelled stays in
// the heap until it comes up.
type timers struct {
	heap  []*timer
	byKey map[[2]string]*timer // by topic and key; what is in the heap only is void
	order uint64
}

func newTimers() *timers { return &timers{byKey: map[[2]string]*timer{}} }

// set sets a timer, or one anew.
func (ts *timers) set(topic, key string, due int64) {
	ts.order++
	t := &timer{topic: topic, key: key, due: due, order: ts.order}
	ts.byKey[[2]string{topic, key}] = t
	at := len(ts.heap)
	for ts.heap = append(ts.heap, t); at > 0; { // up
		above := (at - 1) / 2
		if ts.heap[above].before(ts.heap[at]) <= 0 {
			break
		}
		ts.heap[above], ts.heap[at] = ts.heap[at], ts.heap[above]
		at = above
	}
}

func (ts *timers) cancel(topic, key string) { delete(ts.byKey, [2]string{topic, key}) }

// first is the timer that is due next; nil if none is set.
func (ts *timers) first() *timer {
	for len(ts.heap) > 0 {
		if t := ts.heap[0]; ts.byKey[[2]string{t.topic, t.key}] == t {
			return t
		}
		ts.drop()
	}
	return nil
}

// take removes the timer that first gave.
func (ts *timers) take() *timer {
	t := ts.first()
	if t != nil {
		ts.cancel(t.topic, t.key)
		ts.drop()
	}
	return t
}

// drop removes the top of the heap.
func (ts *timers) drop() {
	last := len(ts.heap) - 1
	ts.heap[0] = ts.heap[last]
	ts.heap[last] = nil
	ts.heap = ts.heap[:last]
	for at := 0; ; {
		least := at
		for child := 2*at + 1; child <= 2*at+2 && child < last; child++ {
			if ts.heap[child].before(ts.heap[least]) < 0 {
				least = child
			}
		}
		if least == at {
			return
		}
		ts.heap[at], ts.heap[least] = ts.heap[least], ts.heap[at]
		at = least
	}
}

// list gives all timers that are set, the earliest first.
func (ts *timers) list() []*timer {
	var list []*timer
	for _, t := range ts.byKey {
		list = append(list, t)
	}
	slices.SortFunc(list, (*timer).before)
	return list
}

// schedule handles a record of a scheduler topic; nil is no value. It gives the reason of a refusal.
func (ts *timers) schedule(topic, key string, value *string, now int64) (reason string) {
	if value == nil || *value == "" {
		ts.cancel(topic, key)
		return ""
	}
	delay, err := strconv.ParseUint(*value, 10, 63)
	if err != nil || delay > timerDelayMilliMax {
		return fmt.Sprintf("%q is no number of milliseconds", shortened(*value))
	}
	thread, _, isWhole := strings.Cut(key, "|")
	if !isWhole {
		return fmt.Sprintf("key %q is not THREAD|EVENT", shortened(key))
	}
	if reason := checkKey(thread); reason != "" {
		return reason
	}
	if delay == 0 {
		ts.cancel(topic, key)
		return ""
	}
	ts.set(topic, key, now+int64(delay))
	return ""
}

// timerDelayMilliMax is a server's bound: some 285,000 years.
const timerDelayMilliMax = 1<<53 - 1

// refOf is the ref that a timer's event names; "" if it names none.
func refOf(event string) string {
	var named struct {
		Ref string `json:"ref"`
	}
	if json.Unmarshal([]byte(event), &named) != nil {
		return ""
	}
	return named.Ref
}

var durationPart = regexp.MustCompile(`^\s*(\d+(?:\.\d+)?)\s*([a-zµ]+)\s*(?:,|and\b)?`)

var durationUnits = map[string]time.Duration{}

func init() {
	for names, unit := range map[string]time.Duration{
		"ms millisecond milliseconds": time.Millisecond, "s sec secs second seconds": time.Second,
		"m min mins minute minutes": time.Minute, "h hour hours": time.Hour,
		"d day days": 24 * time.Hour, "w week weeks": 7 * 24 * time.Hour,
	} {
		for _, name := range strings.Fields(names) {
			durationUnits[name] = unit
		}
	}
}

// parseDuration reads texts such as "3 days", "1h 30m", "250ms" as milliseconds.
func parseDuration(text string) (int64, error) {
	refused := fmt.Errorf(`%q is no duration; write milliseconds as a number, or a text such as "3 days", "1h 30m" or "250ms"`, shortened(text))
	total := 0.0
	rest := strings.ToLower(strings.TrimSpace(text))
	for isFirst := true; rest != "" || isFirst; isFirst = false {
		part := durationPart.FindStringSubmatch(rest)
		if part == nil || durationUnits[part[2]] == 0 {
			return 0, refused
		}
		count, err := strconv.ParseFloat(part[1], 64)
		if err != nil {
			return 0, refused
		}
		total += count * float64(durationUnits[part[2]]/time.Millisecond)
		rest = strings.TrimSpace(rest[len(part[0]):])
	}
	if total > timerDelayMilliMax {
		return 0, refused
	}
	return int64(math.Round(total)), nil
}
