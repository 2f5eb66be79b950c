package statemachine

import (
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"kont/statemachine/command"
)

func TestQuotasAreKeptByEntity(t *testing.T) {
	h := newHarness(t)
	named := func(name string) command.QuotaName {
		return command.QuotaName{Kind: command.QuotaNamed, Name: name}
	}
	alter := func(alterations ...command.QuotaAlteration) []error {
		return h.apply(command.AlterClientQuotas{Alterations: alterations}).([]error)
	}
	ann, everyone := command.QuotaEntity{User: named("ann")}, command.QuotaEntity{User: command.QuotaName{Kind: command.QuotaDefault}}
	before := h.store.ClientQuotas()
	if len(before.ByEntity) != 0 {
		t.Fatalf("%v at first", before)
	}
	errs := alter(
		command.QuotaAlteration{Entity: ann, Set: map[string]float64{"producer_byte_rate": 10, "consumer_byte_rate": 20}},
		command.QuotaAlteration{Entity: everyone, Set: map[string]float64{"producer_byte_rate": 5}},
		command.QuotaAlteration{Entity: ann, Set: map[string]float64{"producer_byte_rate": 15}, Remove: []string{"consumer_byte_rate", "none"}})
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	check := func(want map[command.QuotaEntity]map[string]float64) {
		t.Helper()
		if got := h.store.ClientQuotas().ByEntity; !maps.EqualFunc(got, want, maps.Equal) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	both := map[command.QuotaEntity]map[string]float64{ann: {"producer_byte_rate": 15}, everyone: {"producer_byte_rate": 5}}
	check(both)
	if len(before.ByEntity) != 0 {
		t.Errorf("what readers had has become %v", before)
	}
	h.reopen()
	check(both)
	alter(command.QuotaAlteration{Entity: ann, Remove: []string{"producer_byte_rate"}})
	h.reopen()
	check(map[command.QuotaEntity]map[string]float64{everyone: {"producer_byte_rate": 5}})
}

func TestQuotasAreBounded(t *testing.T) {
	h := newHarness(t)
	entity := command.QuotaEntity{ClientID: command.QuotaName{Kind: command.QuotaNamed, Name: "c"}}
	many := map[string]float64{}
	for i := range QuotasOfEntityMax + 1 {
		many[fmt.Sprint(i)] = 1
	}
	long := command.QuotaEntity{User: command.QuotaName{Kind: command.QuotaNamed, Name: strings.Repeat("u", QuotaEntityBytesMax+1)}}
	for i, err := range h.apply(command.AlterClientQuotas{Alterations: []command.QuotaAlteration{
		{Entity: entity, Set: many},
		{Entity: long, Set: map[string]float64{"a": 1}},
		{Entity: entity, Set: map[string]float64{strings.Repeat("a", TopicConfigBytesMax+1): 1}},
	}}).([]error) {
		if !errors.Is(err, command.ErrLimit) {
			t.Errorf("alteration %d: %v", i, err)
		}
	}
	var all command.AlterClientQuotas
	for i := range QuotaEntitiesMax + 1 {
		name := command.QuotaName{Kind: command.QuotaNamed, Name: fmt.Sprint(i)}
		all.Alterations = append(all.Alterations, command.QuotaAlteration{Entity: command.QuotaEntity{User: name}, Set: map[string]float64{"a": 1}})
	}
	for i, err := range h.apply(all).([]error) {
		if isTooMany := i == QuotaEntitiesMax; isTooMany != errors.Is(err, command.ErrLimit) {
			t.Fatalf("entity %d: %v", i, err)
		}
	}
}

// reopen closes the store and opens it again.
func (h *harness) reopen() {
	h.Helper()
	if err := errors.Join(h.store.Flush(), h.store.Close()); err != nil {
		h.Fatal(err)
	}
	store, err := Open("/srv/data", testOptions(h.fs))
	if err != nil {
		h.Fatal(err)
	}
	h.store = store
}
