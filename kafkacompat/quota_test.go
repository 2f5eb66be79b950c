package kafkacompat

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"kont/statemachine/command"
)

// quotaLog has quotas and nothing else.
type quotaLog struct {
	Log
	all command.ClientQuotas
}

func (l *quotaLog) ClientQuotas() *command.ClientQuotas { return &l.all }

func quotasOf(rates map[command.QuotaEntity]float64) *quotas {
	log := &quotaLog{all: command.ClientQuotas{ByEntity: map[command.QuotaEntity]map[string]float64{}}}
	for entity, rate := range rates {
		log.all.ByEntity[entity] = map[string]float64{quotaProducerBytes: rate}
	}
	return newQuotas(log)
}

func name(text string) command.QuotaName {
	return command.QuotaName{Kind: command.QuotaNamed, Name: text}
}

var eachName = command.QuotaName{Kind: command.QuotaDefault}

func TestMostSpecialQuotaCounts(t *testing.T) {
	order := []command.QuotaEntity{
		{User: name("u"), ClientID: name("c")}, {User: name("u"), ClientID: eachName}, {User: name("u")},
		{User: eachName, ClientID: name("c")}, {User: eachName, ClientID: eachName}, {User: eachName},
		{ClientID: name("c")}, {ClientID: eachName},
	}
	all := map[command.QuotaEntity]map[string]float64{
		{User: name("x"), ClientID: name("c")}: {quotaProducerBytes: 99}, {User: name("u"), ClientID: name("x")}: {quotaProducerBytes: 99},
		{User: name("u"), ClientID: name("c")}: {quotaConsumerBytes: 99},
	}
	if _, _, ok := quotaOf(all, quotaProducerBytes, "u", "c"); ok {
		t.Error("a quota of others counts")
	}
	for i := range order {
		at := order[len(order)-1-i]
		all[at] = map[string]float64{quotaProducerBytes: float64(i)}
		if got, rate, ok := quotaOf(all, quotaProducerBytes, "u", "c"); !ok || got != at || rate != float64(i) {
			t.Errorf("%v: got %v, %v, %v", at, got, rate, ok)
		}
	}
}

// Over any stretch of time a client gets its rate and at most one window more.
func TestClientGetsItsRate(t *testing.T) {
	q := quotasOf(map[command.QuotaEntity]float64{{User: name("u")}: 100})
	start := time.Unix(1000, 0)
	now, sum := start, 0.0
	for i := range 2000 {
		amount := float64(1 + i*7%500)
		sum += amount
		if wait := q.charge(quotaProducerBytes, "u", fmt.Sprint("client ", i%3), amount, now); wait > 0 {
			now = now.Add(wait)
		}
		if most := 100*now.Sub(start).Seconds() + 100*quotaWindow.Seconds() + 1; sum > most {
			t.Fatalf("%v bytes by %s, at most %v", sum, now.Sub(start), most)
		}
	}
	if got := sum / now.Sub(start).Seconds(); got < 100 || got > 101 {
		t.Errorf("%v bytes a second in the long run, want 100", got)
	}
	if wait := q.charge(quotaProducerBytes, "other", "client 1", 1e9, now); wait != 0 {
		t.Errorf("a user without a quota waits %s", wait)
	}
	if wait := q.charge(quotaConsumerBytes, "u", "client 1", 1e9, now); wait != 0 {
		t.Errorf("another quota: waits %s", wait)
	}
	if len(q.buckets) != 1 {
		t.Errorf("%d buckets of one user", len(q.buckets))
	}
}

func TestLongestPauseFitsIntoAnAnswer(t *testing.T) {
	q := quotasOf(map[command.QuotaEntity]float64{{ClientID: eachName}: 1e-9})
	if wait := q.charge(quotaProducerBytes, "u", "c", 1e18, time.Now()); wait != quotaPauseMax || int32(wait.Milliseconds()) <= 0 {
		t.Errorf("%s", wait)
	}
}

func TestStrictChargeTakesNothingInDebt(t *testing.T) {
	q := quotasOf(map[command.QuotaEntity]float64{{ClientID: name("c")}: 1})
	now := time.Now()
	if _, isRefused := q.chargeStrictly(quotaProducerBytes, "", "c", 100, now); isRefused {
		t.Error("refused though something was left")
	}
	for range 3 {
		if wait, isRefused := q.chargeStrictly(quotaProducerBytes, "", "c", 100, now); !isRefused || wait != 90*time.Second {
			t.Errorf("refused %v, wait %s, want 90 s", isRefused, wait)
		}
	}
	if _, isRefused := q.chargeStrictly(quotaProducerBytes, "", "c", 100, now.Add(90*time.Second)); isRefused {
		t.Error("refused after the wait")
	}
}

func TestBucketsAreBounded(t *testing.T) {
	q := quotasOf(map[command.QuotaEntity]float64{{ClientID: eachName}: 1})
	now := time.Now()
	q.charge(quotaProducerBytes, "", "in debt", 1e6, now)
	for i := range 3 * quotaBucketsMax {
		if i%quotaBucketsMax == 0 {
			now = now.Add(2 * quotaWindow) // all but the one in debt are full again
		}
		q.charge(quotaProducerBytes, "", fmt.Sprint(i), 1, now)
		if i == quotaBucketsMax && q.charge(quotaProducerBytes, "", "in debt", 1, now) == 0 {
			t.Error("a debt was forgotten for full buckets")
		}
		if len(q.buckets) > quotaBucketsMax {
			t.Fatalf("%d buckets", len(q.buckets))
		}
	}
}

func BenchmarkChargeWithoutQuotas(b *testing.B) {
	q := quotasOf(nil)
	now := time.Now()
	for b.Loop() {
		q.charge(quotaProducerBytes, "u", "c", 1000, now)
	}
}

func BenchmarkCharge(b *testing.B) {
	q := quotasOf(map[command.QuotaEntity]float64{{ClientID: eachName}: 1e12})
	now := time.Now()
	for b.Loop() {
		q.charge(quotaProducerBytes, "u", "c", 1000, now)
	}
}

// A client id has up to 32 KiB, and thousands are known.
func TestQuotasKnowTheBeginningOfLongNames(t *testing.T) {
	q := quotasOf(map[command.QuotaEntity]float64{{User: eachName, ClientID: eachName}: 100})
	now := time.Unix(1000, 0)
	before := heapBytes()
	long := strings.Repeat("x", 30<<10)
	const clients = 500
	for i := range clients {
		q.charge(quotaProducerBytes, fmt.Sprint(i, long), fmt.Sprint(i, long), 1, now)
	}
	if used := heapBytes() - before; len(q.buckets) != clients || used > 4<<20 {
		t.Errorf("%d clients with %d bytes", len(q.buckets), used)
	}
	// Names that begin alike share what there is.
	if q.charge(quotaProducerBytes, long, long+"a", 2000, now); q.charge(quotaProducerBytes, long, long+"b", 1, now) == 0 {
		t.Error("no quota for a long name")
	}
	runtime.KeepAlive(q)
}
