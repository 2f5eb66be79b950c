package statemachine

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"kont/statemachine/command"
)

func TestGroupConfigsAreKeptByGroup(t *testing.T) {
	h := newHarness(t)
	before := h.store.GroupConfigs()
	alter := func(com command.AlterGroupConfigs) {
		t.Helper()
		if err, _ := h.apply(com).(error); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want map[string]map[string]string) {
		t.Helper()
		if got := h.store.GroupConfigs().ByGroup; !maps.EqualFunc(got, want, maps.Equal) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	alter(command.AlterGroupConfigs{Group: "g\x00", Set: map[string]string{"a": "1", "b": "2"}})
	alter(command.AlterGroupConfigs{Group: "h", Set: map[string]string{"a": "3"}})
	alter(command.AlterGroupConfigs{Group: "g\x00", Set: map[string]string{"a": "4"}, Remove: []string{"b", "none"}})
	alter(command.AlterGroupConfigs{Group: "nothing", Remove: []string{"a"}})
	check(map[string]map[string]string{"g\x00": {"a": "4"}, "h": {"a": "3"}})
	if len(before.ByGroup) != 0 {
		t.Errorf("what readers had has become %v", before)
	}
	// A group that is deleted keeps its configuration, as on Kafka.
	h.must(command.StoreGroup{Group: "h", Parts: []command.GroupPart{{Value: []byte{1}}}})
	h.must(command.DeleteGroups{Groups: []string{"h"}})
	h.reopen()
	check(map[string]map[string]string{"g\x00": {"a": "4"}, "h": {"a": "3"}})
	alter(command.AlterGroupConfigs{Group: "g\x00", Remove: []string{"a"}})
	h.reopen()
	check(map[string]map[string]string{"h": {"a": "3"}})
}

func TestGroupConfigsAreBounded(t *testing.T) {
	h := newHarness(t)
	many := map[string]string{}
	for i := range ConfigsOfGroupMax + 1 {
		many[fmt.Sprint(i)] = "1"
	}
	one := map[string]string{"a": "1"}
	for name, com := range map[string]command.AlterGroupConfigs{
		"many":        {Group: "g", Set: many},
		"long name":   {Group: strings.Repeat("g", GroupNameBytesMax+1), Set: one},
		"long config": {Group: "g", Set: map[string]string{"a": strings.Repeat("v", TopicConfigBytesMax)}},
	} {
		if err, _ := h.apply(com).(error); !errors.Is(err, command.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range GroupsWithConfigsMax + 1 {
		err, _ := h.apply(command.AlterGroupConfigs{Group: fmt.Sprint(i), Set: one}).(error)
		if isTooMany := i == GroupsWithConfigsMax; isTooMany != errors.Is(err, command.ErrLimit) {
			t.Fatalf("group %d: %v", i, err)
		}
	}
	if got := len(h.store.GroupConfigs().ByGroup); got != GroupsWithConfigsMax {
		t.Errorf("%d groups", got)
	}
}
