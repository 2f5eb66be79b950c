package server_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"kont/demos"
	"kont/jsvm"
	"kont/statemachine/command"
)

// Each of the saga's stories is told on a real server, once in peace, and once for
// each record with a kill -9 right after that record. Whatever the instant, the
// server leaves the same behind: each record once, with the same refs, in the same
// order, and each event with the same outcome.
func TestSagaEndsTheSameWhereverTheServerIsKilled(t *testing.T) {
	every := 4
	if *chaosFlag {
		every = 1
	}
	saga := demos.All()[slices.IndexFunc(demos.All(), func(d demos.Demo) bool { return d.Name == "trip-booking-saga" })]
	bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: saga.Entry, Files: saga.Files})
	if err != nil {
		t.Fatal(err)
	}
	for name, story := range sagaStories {
		t.Run(name, func(t *testing.T) {
			tell := func(t *testing.T, killAfter int) string { return tellInTime(t, story, bundle.Encode(), killAfter) }
			want := tell(t, -1)
			points := 0
			for killAfter := 0; killAfter <= story(0).recordsTotal(); killAfter += every {
				points++
				t.Run(fmt.Sprintf("kill_after=%d", killAfter), func(t *testing.T) {
					if got := tell(t, killAfter); got != want {
						t.Errorf("the server has left\n%s\nwant what it leaves undisturbed\n%s", got, want)
					}
				})
			}
			t.Logf("killed at %d points; undisturbed, the server leaves\n%s", points, want)
		})
	}
}

// tellInTime tells a story until the world has been quicker than the timer: a
// machine that is slow to start the server gets more patience. What was left
// behind is the same but for the patience.
func tellInTime(t *testing.T, story func(patience time.Duration) killStory, bundle []byte, killAfter int) string {
	t.Helper()
	for patience := 257 * time.Millisecond; ; patience *= 2 {
		told := story(patience)
		told.bundle = bundle
		records, left, err := runKilled(t, told, killAfter)
		if isLate(records) && patience < time.Minute {
			t.Logf("the world was slower than %v", patience)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		checkTimer(t, records)
		return strings.ReplaceAll(left, fmt.Sprint(patience.Milliseconds()), "PATIENCE")
	}
}

const sagaTimer = `{"ref":"1:sleep:4"}`

// isLate says whether the timer has overtaken a reply that the world meant to come
// before it.
func isLate(records killRecords) bool {
	fired, fireErr := records.find(command.TopicResume, isValue(sagaTimer))
	reply, replyErr := records.find(command.TopicResume, func(value string) bool { return strings.Contains(value, `"price"`) })
	return fireErr == nil && (replyErr != nil || reply.Offset > fired.Offset)
}

// checkTimer fails the test if the timer has fired before its time.
func checkTimer(t *testing.T, records killRecords) {
	t.Helper()
	if _, err := records.find(command.TopicScheduler, isValue("0")); err == nil {
		return // stopped
	}
	fired, err := records.find(command.TopicResume, isValue(sagaTimer))
	if err != nil {
		t.Fatal(err)
	}
	set, err := records.find(command.TopicScheduler, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	var delay int64
	if _, err := fmt.Sscan(string(set.Value), &delay); err != nil {
		t.Fatal(err)
	}
	if due := set.Timestamp.Add(time.Duration(delay) * time.Millisecond); fired.Timestamp.Before(due) {
		t.Errorf("the timer was due at %v and fired at %v", due, fired.Timestamp)
	}
}

func isValue(want string) func(string) bool { return func(value string) bool { return value == want } }

// sagaStories are what can become of a trip.
var sagaStories = map[string]func(patience time.Duration) killStory{
	"success": func(time.Duration) killStory {
		return trip("",
			move(0, reply("reserve", "hotel", `"value":{"id":"H","price":200}`)),
			move(0, reply("reserve", "flight", `"value":{"id":"F","price":300}`)),
			move(2, reply("reserve", "car", `"value":{"id":"C","price":100}`)), // the timer is stopped, the result
			move(0, timerFiresNonetheless),
		)
	},
	"refusal": func(time.Duration) killStory {
		return trip("",
			move(0, reply("reserve", "hotel", `"value":{"id":"H","price":200}`)),
			move(3, reply("reserve", "flight", `"error":"sold out"`)),          // the timer, withdraw the car, cancel the hotel
			move(0, reply("reserve", "car", `"value":{"id":"C","price":100}`)), // too late
			move(1, reply("cancel", "hotel", `"value":null`)),                  // the error
		)
	},
	"timeout": func(patience time.Duration) killStory {
		return trip(fmt.Sprintf(`,"patience":%d`, patience.Milliseconds()),
			move(0, reply("reserve", "car", `"value":{"id":"C","price":100}`)),
			killMove{effects: 4}, // the timer's event, withdraw two, cancel the car
			move(0, reply("reserve", "hotel", `"value":{"id":"H","price":200}`)), // too late
			move(1, reply("cancel", "car", `"value":null`)),                      // the error
		)
	},
}

func trip(more string, moves ...killMove) killStory {
	start := move(4, func(killRecords) (string, error) { return `new:{"customer":"Ann","city":"Rome"` + more + `}`, nil })
	return killStory{thread: "rome", topics: []string{"reservations"}, moves: append([]killMove{start}, moves...)}
}

func move(effects int, event func(killRecords) (string, error)) killMove {
	return killMove{event, effects}
}

// reply settles the ref of a request.
func reply(action, kind, outcome string) func(killRecords) (string, error) {
	return func(seen killRecords) (string, error) {
		var ref string
		_, err := seen.find("reservations", func(value string) bool {
			var request struct{ Action, Kind, Ref string }
			if json.Unmarshal([]byte(value), &request) != nil || request.Action != action || request.Kind != kind {
				return false
			}
			ref = request.Ref
			return true
		})
		return fmt.Sprintf(`{"ref":%q,%s}`, ref, outcome), err
	}
}

// timerFiresNonetheless is the event of a timer that was stopped, as if it had
// been on its way already.
func timerFiresNonetheless(killRecords) (string, error) { return sagaTimer, nil }
