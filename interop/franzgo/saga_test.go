package franzgo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"flag"
	"fmt"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

var isSaga = flag.Bool("saga", false, "the trip-booking saga is deployed")

// A world is what is outside of the trip-booking saga.
type world struct {
	t       *testing.T
	ctx     context.Context
	client  *kgo.Client
	waiting []*kgo.Record
}

func (w *world) send(thread, event string) {
	w.t.Helper()
	record := &kgo.Record{Topic: "workflow-resume", Key: []byte(thread), Value: []byte(event)}
	if err := w.client.ProduceSync(w.ctx, record).FirstErr(); err != nil {
		w.t.Fatal(err)
	}
}

// reply settles the ref that a request names.
func (w *world) reply(thread string, request map[string]any, outcome string, value any) {
	w.t.Helper()
	event, err := json.Marshal(map[string]any{"ref": request["ref"], outcome: value})
	if err != nil {
		w.t.Fatal(err)
	}
	w.send(thread, string(event))
}

// expect waits for a record of the thread that has the fields.
func (w *world) expect(thread, topic string, fields map[string]any) map[string]any {
	w.t.Helper()
	for {
		for i, record := range w.waiting {
			var value map[string]any
			if record.Topic == topic && string(record.Key) == thread && json.Unmarshal(record.Value, &value) == nil && has(value, fields) {
				w.waiting = append(w.waiting[:i:i], w.waiting[i+1:]...)
				return value
			}
		}
		w.poll("%s of %s with %v", topic, thread, fields)
	}
}

func has(value, fields map[string]any) bool {
	for name, want := range fields {
		if fmt.Sprint(value[name]) != fmt.Sprint(want) {
			return false
		}
	}
	return true
}

func (w *world) expectError(thread, reason string) {
	w.t.Helper()
	for {
		for _, record := range w.waiting {
			if record.Topic == "workflow-error" && string(record.Key) == thread && string(record.Value) == `"`+reason+`"` {
				return
			}
		}
		w.poll("error %q of %s", reason, thread)
	}
}

func (w *world) poll(claim string, arguments ...any) {
	w.t.Helper()
	fetches := w.client.PollFetches(w.ctx)
	if err := fetches.Err(); err != nil {
		w.t.Fatalf("waiting for "+claim+": %v", append(arguments, err)...)
	}
	w.waiting = append(w.waiting, fetches.Records()...)
}

func TestTripBookingSaga(t *testing.T) {
	if !*isSaga {
		t.Skip("no -saga")
	}
	feature(t, "trip-booking saga")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := &world{t: t, ctx: ctx, client: client(t, kgo.ConsumeTopics("reservations", "workflow-result", "workflow-error"),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))}
	type fields = map[string]any

	booked := "trip-franzgo-" + rand.Text()
	w.send(booked, `new:{"customer":"Ada","city":"Lisbon"}`)
	for _, kind := range []string{"flight", "car", "hotel"} {
		request := w.expect(booked, "reservations", fields{"action": "reserve", "kind": kind, "customer": "Ada", "city": "Lisbon"})
		w.reply(booked, request, "value", fields{"id": kind + "-1", "price": 100})
	}
	w.expect(booked, "workflow-result", fields{"car": "car-1", "hotel": "hotel-1", "flight": "flight-1", "total": 300})

	failed := "trip-franzgo-" + rand.Text()
	w.send(failed, `new:{"customer":"Bob","city":"Oslo"}`)
	car := w.expect(failed, "reservations", fields{"action": "reserve", "kind": "car"})
	w.reply(failed, car, "value", fields{"id": "car-2", "price": 100})
	hotel := w.expect(failed, "reservations", fields{"action": "reserve", "kind": "hotel"})
	w.reply(failed, hotel, "error", "no rooms")
	w.expect(failed, "reservations", fields{"action": "withdraw", "kind": "flight"})
	cancelled := w.expect(failed, "reservations", fields{"action": "cancel", "kind": "car", "id": "car-2"})
	w.reply(failed, cancelled, "value", nil)
	w.expectError(failed, "no rooms")
}
