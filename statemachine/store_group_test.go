package statemachine

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"kont/statemachine/command"
)

func (h *harness) storedGroups() map[string]map[string]string {
	h.Helper()
	stored, err := h.store.StoredGroups()
	if err != nil {
		h.Fatal(err)
	}
	all := map[string]map[string]string{}
	for _, g := range stored {
		parts := map[string]string{}
		for _, p := range g.Parts {
			parts[p.Name] = string(p.Value)
		}
		all[g.Group] = parts
	}
	return all
}

func TestPartsOfAGroupAreKeptReplacedAndForgotten(t *testing.T) {
	h := newHarness(t)
	h.create("t", 1)
	part := func(name, value string) command.GroupPart { return command.GroupPart{Name: name, Value: []byte(value)} }
	h.must(command.StoreGroup{Group: "g", Parts: []command.GroupPart{part("", "whole"), part("a", "1"), part("b\x00", "2")}})
	h.must(command.StoreGroup{Group: "g\x00", Parts: []command.GroupPart{part("a", "other")}})
	requireEqual(t, "groups", len(h.storedGroups()), 2)
	h.must(command.StoreGroup{Group: "g", Parts: []command.GroupPart{{Name: "a"}, part("c", "")}})
	want := map[string]map[string]string{"g": {"": "whole", "b\x00": "2", "c": ""}, "g\x00": {"a": "other"}}
	if got := h.storedGroups(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	h.must(command.StoreGroup{Group: "g", IsWhole: true, Parts: []command.GroupPart{part("", "again")}})
	want["g"] = map[string]string{"": "again"}
	if got := h.storedGroups(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	h.must(command.CommitOffsets{Group: "g", Offsets: []command.GroupOffset{{Topic: "t", Offset: 1}}})
	h.must(command.StoreGroup{Group: "g", IsWhole: true})
	delete(want, "g")
	if got := h.storedGroups(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if offsets, err := h.store.CommittedOffsets("g"); err != nil || len(offsets) != 1 {
		t.Errorf("offsets %v, %v: they are not the coordinator's to forget", offsets, err)
	}
	h.must(command.DeleteGroups{Groups: []string{"g", "g\x00"}})
	requireEqual(t, "groups", len(h.storedGroups()), 0)
}

func TestGroupThatIsTooLargeIsRefusedAsAWhole(t *testing.T) {
	h := newHarness(t)
	for name, com := range map[string]command.StoreGroup{
		"name":  {Group: strings.Repeat("g", GroupNameBytesMax+1), Parts: []command.GroupPart{{Value: []byte("v")}}},
		"parts": {Group: "g", Parts: make([]command.GroupPart, GroupPartsMax+1)},
		"bytes": {Group: "g", Parts: []command.GroupPart{{Name: "a", Value: []byte("v")}, {Name: "b", Value: make([]byte, GroupBytesMax)}}},
	} {
		if err, _ := h.apply(com).(error); !errors.Is(err, command.ErrLimit) {
			t.Errorf("%s: %v, want ErrLimit", name, err)
		}
	}
	requireEqual(t, "groups", len(h.storedGroups()), 0)
}

func TestDeletedOffsetsAreGoneAndOthersStay(t *testing.T) {
	h := newHarness(t)
	h.create("t", 3)
	h.must(command.CommitOffsets{Group: "g", Offsets: []command.GroupOffset{{Topic: "t", Offset: 1}, {Topic: "t", Partition: 1, Offset: 2}}})
	errs := h.apply(command.DeleteOffsets{Group: "g", Offsets: []command.TopicPartition{
		{Topic: "t", Partition: 0}, {Topic: "t", Partition: 2}, {Topic: "t", Partition: 3}, {Topic: "nobody"}}}).([]error)
	for i, want := range []error{nil, nil, command.ErrUnknownTopic, command.ErrUnknownTopic} {
		if !errors.Is(errs[i], want) {
			t.Errorf("offset %d: %v, want %v", i, errs[i], want)
		}
	}
	offsets, err := h.store.CommittedOffsets("g")
	if err != nil || len(offsets) != 1 || offsets[0].Partition != 1 {
		t.Errorf("%v, %v, want that of partition 1", offsets, err)
	}
}
