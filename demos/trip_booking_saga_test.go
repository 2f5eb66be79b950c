package demos

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// trip is a thread of the saga after its first step.
type trip struct{ *world }

func startTrip(t *testing.T, more string) trip {
	t.Helper()
	w := trip{newWorld(t, tripBookingSaga)}
	w.event("t", `new:{"customer":"Ann","city":"Rome"`+more+`}`)
	patience := "60000"
	if _, after, found := strings.Cut(more, `"patience":`); found {
		patience = after
	}
	w.want("start",
		`reservations t {"action":"reserve","kind":"car","ref":"1:car:1","customer":"Ann","city":"Rome"}`,
		`reservations t {"action":"reserve","kind":"hotel","ref":"1:hotel:2","customer":"Ann","city":"Rome"}`,
		`reservations t {"action":"reserve","kind":"flight","ref":"1:flight:3","customer":"Ann","city":"Rome"}`,
		`workflow-scheduler t|{"ref":"1:sleep:4"} `+patience)
	return w
}

var reserveRefs = map[string]string{"car": "1:car:1", "hotel": "1:hotel:2", "flight": "1:flight:3"}

func (w trip) reserved(kind string, price int) {
	w.event("t", fmt.Sprintf(`{"ref":%q,"value":{"id":%q,"price":%d}}`, reserveRefs[kind], strings.ToUpper(kind[:1]), price))
}

func (w trip) refused(kind, reason string) {
	w.event("t", fmt.Sprintf(`{"ref":%q,"error":%q}`, reserveRefs[kind], reason))
}

func cancelled(kind, ref string) string {
	return fmt.Sprintf(`reservations t {"action":"cancel","kind":%q,"ref":%q,"id":%q}`, kind, ref, strings.ToUpper(kind[:1]))
}

func withdrawn(kind string) string {
	return fmt.Sprintf(`reservations t {"action":"withdraw","kind":%q,"ref":%q}`, kind, reserveRefs[kind])
}

const timerStopped = `workflow-scheduler t|{"ref":"1:sleep:4"} 0`

// confirm answers a cancellation.
func (w trip) confirm(ref string) { w.event("t", fmt.Sprintf(`{"ref":%q,"value":null}`, ref)) }

func (w trip) wantEnd() {
	w.t.Helper()
	if len(w.threads) != 0 || len(w.timers) != 0 {
		w.t.Errorf("left: %d threads, timers %v", len(w.threads), w.timers)
	}
}

func TestTripIsBookedInWhateverOrderTheRepliesCome(t *testing.T) {
	for _, order := range [][]string{{"car", "hotel", "flight"}, {"flight", "hotel", "car"}, {"hotel", "car", "flight"}} {
		w := startTrip(t, "")
		w.reserved(order[0], 1)
		w.reserved(order[1], 2)
		w.want("two replies")
		w.reserved(order[2], 3)
		w.want("last reply", timerStopped, `workflow-result t {"customer":"Ann","car":"C","hotel":"H","flight":"F","total":6}`)
		w.wantEnd()
	}
}

func TestTripThatIsRefusedAFlight(t *testing.T) {
	w := startTrip(t, "")
	w.reserved("hotel", 2)
	w.refused("flight", "sold out")
	w.want("refusal", withdrawn("car"), timerStopped, cancelled("hotel", "3:hotel:1"))
	w.reserved("car", 1)
	if !slices.Contains(w.unmatched, `{"ref":"1:car:1","value":{"id":"C","price":1}}`) {
		t.Errorf("the late reply of the car is not unmatched: %q", w.unmatched)
	}
	w.confirm("3:hotel:1")
	w.want("confirmation", `workflow-error t "sold out"`)
	w.wantEnd()
}

func TestTripThatIsRefusedAtOnceCompensatesNothing(t *testing.T) {
	w := startTrip(t, "")
	w.refused("car", "no cars")
	w.want("refusal", withdrawn("hotel"), withdrawn("flight"), timerStopped, `workflow-error t "no cars"`)
	w.wantEnd()
}

// The failure is thrown by the workflow's own code, after the reply: that reservation has been made, so it is cancelled too.
func TestTripThatGetsTooExpensive(t *testing.T) {
	w := startTrip(t, `,"budget":250`)
	w.reserved("car", 100)
	w.reserved("hotel", 200)
	w.want("too expensive", withdrawn("flight"), timerStopped, cancelled("hotel", "3:hotel:1"))
	w.confirm("3:hotel:1")
	w.want("first confirmation", cancelled("car", "4:car:1"))
	w.confirm("4:car:1")
	w.want("second confirmation", `workflow-error t "Error: the hotel is too expensive: 300 of 250"`)
	w.wantEnd()
}

// Whatever had been reserved when the time is up is undone, and nothing else.
func TestTripThatTakesTooLong(t *testing.T) {
	kinds := []string{"car", "hotel", "flight"}
	for made := range 1 << 3 {
		if made == 7 {
			continue // then the trip is booked
		}
		t.Run(fmt.Sprintf("reserved=%03b", made), func(t *testing.T) {
			w := startTrip(t, `,"patience":5000`)
			var open, undo []string
			for i, kind := range kinds {
				if made&(1<<i) != 0 {
					w.reserved(kind, 1)
					undo = append([]string{kind}, undo...)
				} else {
					open = append(open, withdrawn(kind))
				}
			}
			w.want("replies")
			w.fire()
			if w.now != 5000 {
				t.Errorf("fired at %d ms", w.now)
			}
			want := open
			for _, kind := range undo {
				ref := fmt.Sprintf("%d:%s:1", w.stepID, kind)
				w.want("before "+kind, append(want, cancelled(kind, ref))...)
				want = nil
				w.confirm(ref)
			}
			w.want("end", append(want, `workflow-error t "timeout"`)...)
			w.wantEnd()
		})
	}
}

// The last reply and the timer come at the same time, in either order.
func TestReplyAndTimeoutInEitherOrder(t *testing.T) {
	w := startTrip(t, "")
	w.reserved("car", 1)
	w.reserved("hotel", 1)
	w.reserved("flight", 1)
	w.want("the reply is first", timerStopped, `workflow-result t {"customer":"Ann","car":"C","hotel":"H","flight":"F","total":3}`)
	w.event("t", `{"ref":"1:sleep:4"}`)
	w.want("the timer fired nonetheless")

	w = startTrip(t, "")
	w.reserved("car", 1)
	w.reserved("hotel", 1)
	w.event("t", `{"ref":"1:sleep:4"}`)
	w.want("the timer is first", withdrawn("flight"), cancelled("hotel", "4:hotel:1"))
	w.reserved("flight", 1)
	w.want("the late reply")
	if len(w.unmatched) != 1 {
		t.Errorf("unmatched %q", w.unmatched)
	}
	w.confirm("4:hotel:1")
	w.want("first confirmation", cancelled("car", "6:car:1"))
	w.confirm("6:car:1")
	w.want("second confirmation", `workflow-error t "timeout"`)

	// A reply between the timeout and the end of the compensation of another.
	w = startTrip(t, "")
	w.reserved("car", 1)
	w.event("t", `{"ref":"1:sleep:4"}`)
	w.want("timeout", withdrawn("hotel"), withdrawn("flight"), cancelled("car", "3:car:1"))
	w.reserved("hotel", 1)
	w.confirm("3:car:1")
	w.want("confirmation", `workflow-error t "timeout"`)
}
