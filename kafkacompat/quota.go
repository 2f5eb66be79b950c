package kafkacompat

import (
	"math"
	"strings"
	"sync"
	"time"

	"kont/statemachine/command"
)

// The quotas that are kept to, by Kafka's names (KIP-13, KIP-599, KIP-612).
const (
	quotaProducerBytes     = "producer_byte_rate"
	quotaConsumerBytes     = "consumer_byte_rate"
	quotaMutations         = "controller_mutation_rate"
	quotaConnectionsOfAnIP = "connection_creation_rate"
)

const (
	// quotaWindow is how long a client may save up what it doesn't use: a Kafka broker looks at the rate of the last ten seconds
	// (quota.window.num and quota.window.size.seconds).
	quotaWindow = 10 * time.Second
	// quotaBucketsMax bounds the clients whose use is known. A client that hasn't used anything for quotaWindow needs no bucket.
	quotaBucketsMax = 20_000
	// quotaNameBytesMax bounds what is known of a client's name. Who shares the beginning of longer ones shares a bucket.
	quotaNameBytesMax = 256
	// quotaPauseMax is the longest time that fits into an answer.
	quotaPauseMax = math.MaxInt32 * time.Millisecond
)

// quotas holds clients back that use more than they may.
//
// A client has a bucket of what it may still use, which fills at the rate of its quota up to what comes in quotaWindow. Whoever takes more than is there is answered
// at once, told for how long to wait, and not heard until then (KIP-219): the next request of its connection begins when the bucket is level again.
//
// Invariant: without quotas nothing is held and nothing is locked but for reading them.
type quotas struct {
	log Log

	mu      sync.Mutex // guards what follows
	buckets map[quotaClient]*quotaBucket
}

// quotaClient is who shares a bucket: those of a quota for a user share it whatever their client ids.
type quotaClient struct {
	quota    string
	user     string
	clientID string
}

type quotaBucket struct {
	level float64 // negative: debt
	rate  float64 // a second
	at    time.Time
}

func newQuotas(log Log) *quotas {
	return &quotas{log: log, buckets: map[quotaClient]*quotaBucket{}}
}

// charge takes an amount from what a client may use, and tells for how long it has to wait.
func (q *quotas) charge(quota, user, clientID string, amount float64, now time.Time) time.Duration {
	b, ok := q.lock(quota, user, clientID, now)
	if !ok {
		return 0
	}
	defer q.mu.Unlock()
	b.level -= amount
	return b.wait()
}

// chargeStrictly is charge, but takes nothing while there is debt, and then says so.
func (q *quotas) chargeStrictly(quota, user, clientID string, amount float64, now time.Time) (wait time.Duration, isRefused bool) {
	b, ok := q.lock(quota, user, clientID, now)
	if !ok {
		return 0, false
	}
	defer q.mu.Unlock()
	if isRefused = b.level < 0; !isRefused {
		b.level -= amount
	}
	return b.wait(), isRefused
}

func (b *quotaBucket) wait() time.Duration {
	if b.level >= 0 {
		return 0
	}
	return time.Duration(min(math.Ceil(-b.level/b.rate*1000)*float64(time.Millisecond), float64(quotaPauseMax)))
}

// lock finds a client's bucket as it is now. If the client has a quota, q.mu is locked.
func (q *quotas) lock(quota, user, clientID string, now time.Time) (*quotaBucket, bool) {
	all := q.log.ClientQuotas().ByEntity
	if len(all) == 0 {
		return nil, false
	}
	entity, rate, ok := quotaOf(all, quota, user, clientID)
	if !ok {
		return nil, false
	}
	client := quotaClient{quota: quota}
	if entity.User.Kind != command.QuotaAbsent {
		client.user = user
	}
	if entity.ClientID.Kind != command.QuotaAbsent {
		client.clientID = clientID
	}
	if entity.IP.Kind != command.QuotaAbsent {
		client.clientID = clientID
	}
	client.user = client.user[:min(len(client.user), quotaNameBytesMax)]
	client.clientID = client.clientID[:min(len(client.clientID), quotaNameBytesMax)]
	q.mu.Lock()
	b := q.buckets[client]
	full := rate * quotaWindow.Seconds()
	if b == nil {
		q.makeRoom(now)
		b = &quotaBucket{level: full, at: now}
		client.user, client.clientID = strings.Clone(client.user), strings.Clone(client.clientID)
		q.buckets[client] = b
	}
	b.rate = rate
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.level, b.at = b.level+passed*rate, now
	}
	b.level = min(b.level, full)
	return b, true
}

// makeRoom forgets buckets that are full again, and if all are in use, any.
func (q *quotas) makeRoom(now time.Time) {
	if len(q.buckets) < quotaBucketsMax {
		return
	}
	for client, b := range q.buckets {
		if b.level+now.Sub(b.at).Seconds()*b.rate >= b.rate*quotaWindow.Seconds() {
			delete(q.buckets, client)
		}
	}
	for client := range q.buckets {
		if len(q.buckets) < quotaBucketsMax {
			return
		}
		delete(q.buckets, client)
	}
}

// quotaOf finds the quota that counts for a client, in Kafka's order (KIP-55): what is said of it and its user together, of its user, of all users, of
// it, of all. For an address the name stands in the place of the client id.
func quotaOf(all map[command.QuotaEntity]map[string]float64, quota, user, clientID string) (command.QuotaEntity, float64, bool) {
	none, each := command.QuotaName{}, command.QuotaName{Kind: command.QuotaDefault}
	named := func(name string) command.QuotaName { return command.QuotaName{Kind: command.QuotaNamed, Name: name} }
	order := []command.QuotaEntity{
		{User: named(user), ClientID: named(clientID)}, {User: named(user), ClientID: each}, {User: named(user)},
		{User: each, ClientID: named(clientID)}, {User: each, ClientID: each}, {User: each},
		{User: none, ClientID: named(clientID)}, {User: none, ClientID: each},
	}
	if quota == quotaConnectionsOfAnIP {
		order = []command.QuotaEntity{{IP: named(clientID)}, {IP: each}}
	}
	for _, entity := range order {
		if rate, ok := all[entity][quota]; ok {
			return entity, rate, true
		}
	}
	return command.QuotaEntity{}, 0, false
}
