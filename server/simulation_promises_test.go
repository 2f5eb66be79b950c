package server

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// check holds what clients and workflows were promised.
func (c *simulatedClients) check(store *statemachine.Store) {
	t := c.simulation.t
	ended := map[string][]string{}
	errors := map[string]int{}
	for _, r := range c.all(store, command.TopicResult) {
		ended[string(r.Key)] = append(ended[string(r.Key)], string(r.Value))
	}
	for _, r := range c.all(store, command.TopicError) {
		ended[string(r.Key)] = append(ended[string(r.Key)], "error "+string(r.Value))
		errors[string(r.Key)]++
	}
	wrote := map[string]map[string]int{}
	for _, r := range c.all(store, "reservations") {
		request := simulatedRequestOf(r.Value)
		if wrote[string(r.Key)] == nil {
			wrote[string(r.Key)] = map[string]int{}
		}
		wrote[string(r.Key)][request.Action+" "+request.Kind]++
	}
	sections := 0
	for _, key := range c.started {
		if len(ended[key]) != 1 {
			t.Errorf("seed %d: thread %s has the results %q, want one", c.simulation.seed, key, ended[key])
			continue
		}
		result := ended[key][0]
		kind, _, _ := strings.Cut(key, "-")
		if errors[key] > 0 != (kind == "trip" && errors[key] == 1 && result != "") && kind != "trip" {
			t.Errorf("seed %d: thread %s ended with %s", c.simulation.seed, key, result)
			continue
		}
		switch kind {
		case "trip":
			c.checkTrip(key, wrote[key], errors[key] == 0)
		case "holder":
			sections++
		case "nap":
			var naps []string
			if json.Unmarshal([]byte(result), &naps) != nil || len(naps) != 3 || slices.ContainsFunc(naps, func(n string) bool { return n != "slept" && n != "rung" }) {
				t.Errorf("seed %d: %s ended with %s", c.simulation.seed, key, result)
			}
		case "edition":
			if n := result[1]; result != fmt.Sprintf("[%c,%c,%c]", n, n, n) {
				t.Errorf("seed %d: %s has run the editions %s", c.simulation.seed, key, result)
			}
		case "faulty":
			c.checkNumbers(key, result, c.items[key], true)
		case "counter":
			c.checkNumbers(key, result, c.numbers[key], false)
		}
	}
	c.checkSections(store, sections)
	for _, thread := range c.again {
		if n := len(ended[thread.key]); n > 1 || n == 0 && thread.generation == c.generation {
			t.Errorf("seed %d: thread %s of topic %d of %d has the results %q", c.simulation.seed, thread.key, thread.generation, c.generation, ended[thread.key])
		}
	}
}

// all lists the records of a topic that readers of committed ones see.
func (c *simulatedClients) all(store *statemachine.Store, topic string) []runner.Record {
	var all []runner.Record
	for partition := range int32(simulatedPartitions) {
		for offset := int64(0); ; {
			records, err := storeForRunner{store}.ReadEvents(topic, partition, offset, 1<<20)
			if err != nil {
				c.simulation.failf("read %s: %v", topic, err)
			}
			if len(records) == 0 {
				break
			}
			offset = records[len(records)-1].Offset + 1
			for _, r := range records {
				if !r.IsSkipped {
					all = append(all, r)
				}
			}
		}
	}
	return all
}

// checkNumbers: a thread has got each number once, and nothing else.
func (c *simulatedClients) checkNumbers(key, result string, want []int, isInOrder bool) {
	var got []int
	if err := json.Unmarshal([]byte(result), &got); err != nil {
		c.simulation.t.Errorf("seed %d: %s ended with %s", c.simulation.seed, key, result)
		return
	}
	want = slices.Clone(want)
	if !isInOrder {
		slices.Sort(got)
		slices.Sort(want)
	}
	if !slices.Equal(got, want) {
		c.simulation.t.Errorf("seed %d: %s has got %v, want %v", c.simulation.seed, key, got, want)
	}
}

// checkTrip: what was taken has been undone exactly once if the trip was not booked, and not at all if it was.
func (c *simulatedClients) checkTrip(key string, wrote map[string]int, isBooked bool) {
	for _, kind := range []string{"car", "hotel", "flight"} {
		takes, answers := simulatedTaking(key, kind)
		undone := wrote["cancel "+kind] + wrote["withdraw "+kind]
		switch {
		case wrote["reserve "+kind] != 1:
		case isBooked && (undone > 0 || !takes):
		case !isBooked && takes && undone != 1:
		case !isBooked && !takes && wrote["cancel "+kind] > 0:
		case !isBooked && !answers && undone != 1:
		case undone > 1:
		default:
			continue
		}
		c.simulation.t.Errorf("seed %d: %s, which is booked: %v, the %s is taken: %v, has written %v", c.simulation.seed, key, isBooked, kind, takes, wrote)
	}
}

// checkSections: one enters, leaves, and only then the next enters.
func (c *simulatedClients) checkSections(store *statemachine.Store, holders int) {
	next := map[string]int{}
	for _, r := range c.all(store, "sections") {
		n := next[string(r.Key)]
		next[string(r.Key)]++
		if want := fmt.Sprintf(`{"token":%d,"does":"%s"}`, n/2+1, []string{"enters", "leaves"}[n%2]); string(r.Value) != want {
			c.simulation.t.Errorf("seed %d: %s: %s, want %s", c.simulation.seed, r.Key, r.Value, want)
			return
		}
	}
	if total := next["lock-0"] + next["lock-1"]; total != 2*holders {
		c.simulation.t.Errorf("seed %d: %d times one entered or left, %d threads wanted to do both", c.simulation.seed, total, holders)
	}
}
