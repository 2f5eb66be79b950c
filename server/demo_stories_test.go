package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"kont/demos"
	"kont/jsvm"
	"kont/statemachine/command"
)

// Stories of the demos are told on a real server, once in peace, and once for each
// record with a kill -9 right after that record. Whatever the instant, the server
// leaves the same behind: each record once, with the same refs, in the same order,
// and each event with the same outcome.
func TestDemosEndTheSameWhereverTheServerIsKilled(t *testing.T) {
	t.Parallel()
	first, every := 1, 8
	if *chaosFlag {
		first, every = 0, 1
	}
	for _, demo := range demos.All() {
		stories := demoStories[demo.Name]
		if len(stories) == 0 {
			continue
		}
		bundle, err := jsvm.Compile(t.Context(), jsvm.CompileOptions{Entry: demo.Entry, Files: demo.Files})
		if err != nil {
			t.Fatal(err)
		}
		for name, story := range stories {
			t.Run(demo.Name+"/"+name, func(t *testing.T) {
				tell := func(t *testing.T, killAfter int) string { return tellInTime(t, story, bundle.Encode(), killAfter) }
				want := tell(t, -1)
				for killAfter := first; killAfter <= story(1).recordsTotal(); killAfter += every {
					t.Run(fmt.Sprintf("kill_after=%d", killAfter), func(t *testing.T) {
						if got := tell(t, killAfter); got != want {
							t.Errorf("the server has left\n%s\nwant what it leaves undisturbed\n%s", got, want)
						}
					})
				}
				t.Logf("undisturbed, the server leaves\n%s", want)
			})
		}
	}
}

// tellInTime tells a story until the world has been quicker than the timers: where
// it takes long to start a server, timers get longer. What was left behind is the
// same but for their length.
func tellInTime(t *testing.T, story func(milliseconds int) killStory, bundle []byte, killAfter int) string {
	t.Helper()
	for milliseconds := 257; ; milliseconds *= 2 {
		told := story(milliseconds)
		told.bundle = bundle
		records, left, err := runKilled(t, told, killAfter)
		if errors.Is(err, errOvertaken) && milliseconds < 60_000 {
			t.Logf("the world was slower than timers of %d ms", milliseconds)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		checkTimers(t, told.thread, records)
		return strings.ReplaceAll(left, fmt.Sprint(milliseconds), "MILLISECONDS")
	}
}

// demoStories are what can become of a thread, by demo. A timer that is part of the
// story takes so many milliseconds.
var demoStories = map[string]map[string]func(milliseconds int) killStory{
	"trip-booking-saga": {
		"success": func(int) killStory {
			return killStory{thread: "rome", topics: []string{"reservations"}, moves: []killMove{
				send(`new:{"customer":"Ann","city":"Rome","patience":86400000}`, 4), // three requests and a timer
				reply("reserve", "hotel", `"value":{"id":"H","price":200}`, 0),
				reply("reserve", "flight", `"value":{"id":"F","price":300}`, 0),
				reply("reserve", "car", `"value":{"id":"C","price":100}`, 2), // the timer is stopped, the result
				send(`{"ref":"1:sleep:4"}`, 0),                               // the timer, as if it had been on its way already
			}}
		},
		"refusal": func(int) killStory {
			return killStory{thread: "rome", topics: []string{"reservations"}, moves: []killMove{
				send(`new:{"customer":"Ann","city":"Rome","patience":86400000}`, 4),
				reply("reserve", "hotel", `"value":{"id":"H","price":200}`, 0),
				reply("reserve", "flight", `"error":"sold out"`, 3),          // the timer is stopped, the car withdrawn, the hotel to be cancelled
				reply("reserve", "car", `"value":{"id":"C","price":100}`, 0), // too late
				reply("cancel", "hotel", `"value":null`, 1),                  // the error
			}}
		},
		"timeout": func(milliseconds int) killStory {
			return killStory{thread: "rome", topics: []string{"reservations"}, moves: []killMove{
				send(fmt.Sprintf(`new:{"customer":"Ann","city":"Rome","patience":%d}`, milliseconds), 4),
				reply("reserve", "car", `"value":{"id":"C","price":100}`, 0),
				timerFires(3), // two are withdrawn, the car is to be cancelled
				reply("reserve", "hotel", `"value":{"id":"H","price":200}`, 0), // too late
				reply("cancel", "car", `"value":null`, 1),                      // the error
			}}
		},
	},
	"ecommerce": {
		"ordered": func(int) killStory {
			return killStory{thread: "cart", topics: []string{"carts"}, moves: []killMove{
				send(`new:{}`, 1),
				send(`{"ref":"cart","value":{"action":"add","item":"socks","quantity":2}}`, 3), // the answer, a timer stopped, a timer set
				send(`{"ref":"cart","value":{"action":"checkout"}}`, 3),
				send(`{"ref":"cart","value":{"action":"email","email":"ann@example.com"}}`, 3),
				send(`{"ref":"cart","value":{"action":"checkout"}}`, 3), // the answer, the timer is stopped, the result
			}}
		},
		"abandoned": func(milliseconds int) killStory {
			return killStory{thread: "cart", topics: []string{"carts", "emails"}, moves: []killMove{
				send(fmt.Sprintf(`new:{"email":"ann@example.com","remindAfter":%d,"abandonAfter":%d}`, milliseconds, milliseconds), 1),
				send(`{"ref":"cart","value":{"action":"add","item":"socks"}}`, 3),
				timerFires(2), // the reminder, the next timer
				timerFires(1), // the result
				send(`{"ref":"cart","value":{"action":"checkout"}}`, 0), // too late
			}}
		},
	},
	"expense-approval": {
		"escalation": func(milliseconds int) killStory {
			return killStory{thread: "taxi", topics: []string{"approvals"}, moves: []killMove{
				send(fmt.Sprintf(`new:{"approvers":["lead","head"],"reminders":1,"interval":%d}`, milliseconds), 2), // the request, a timer
				timerFires(2), // the reminder, a timer
				timerFires(3), // the request is withdrawn, another one, a timer
				send(`{"ref":"1:decision:1","value":{"approved":true}}`, 0),  // too late
				send(`{"ref":"3:decision:1","value":{"approved":false}}`, 2), // the timer is stopped, the result
			}}
		},
	},
}

// send is an event, and how many records the step writes for it.
func send(event string, effects int) killMove {
	return killMove{func(killRecords) (string, error) { return event, nil }, effects}
}

// timerFires waits for a timer, and for as many records that the step writes then.
func timerFires(effects int) killMove { return killMove{nil, 1 + effects} }

// reply settles the ref of a request to a reservation service.
func reply(action, kind, outcome string, effects int) killMove {
	return killMove{func(seen killRecords) (string, error) {
		for _, record := range seen {
			var request struct{ Action, Kind, Ref string }
			if record.Topic == "reservations" && json.Unmarshal(record.Value, &request) == nil && request.Action == action && request.Kind == kind {
				return fmt.Sprintf(`{"ref":%q,%s}`, request.Ref, outcome), nil
			}
		}
		return "", fmt.Errorf("no request to %s a %s", action, kind)
	}, effects}
}

// checkTimers fails the test if a timer has fired before its time.
func checkTimers(t *testing.T, thread string, records killRecords) {
	t.Helper()
	due := map[string]time.Time{} // by event
	for _, record := range records {
		var milliseconds int64
		if record.Topic != command.TopicScheduler {
			continue
		} else if _, err := fmt.Sscan(string(record.Value), &milliseconds); err != nil {
			t.Fatal(err)
		} else if milliseconds > 0 {
			due[strings.TrimPrefix(string(record.Key), thread+"|")] = record.Timestamp.Add(time.Duration(milliseconds) * time.Millisecond)
		}
	}
	for _, record := range records {
		event := string(record.Value)
		at, isTimer := due[event]
		if isTimer && record.Topic == command.TopicResume && record.Timestamp.Before(at) && records.stopOf(thread, event) == nil {
			t.Errorf("the timer of %s was due at %v and fired at %v", event, at, record.Timestamp)
		}
	}
}
