//go:build unix

package server_test

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// chaosJournal has what idempotent producers count, one of them a partition.
	chaosJournal           = "chaos-journal"
	chaosJournalPartitions = 4
	// chaosReaders read the journal and commit; chaosCopiers read it and commit together with what they write to chaosCopies.
	chaosReaders = "chaos-readers"
	chaosCopiers = "chaos-copiers"
	chaosCopies  = "chaos-copies"
	// chaosSessionTimeout is shorter than some of the harms are long.
	chaosSessionTimeout = 3 * time.Second
)

// chaosGroups are idempotent producers that write 0, 1, 2… without waiting for one another's acknowledgements, a group of two members that
// reads and commits, and one that copies in transactions, exactly once.
type chaosGroups struct {
	t         *testing.T
	addresses []string
	producing sync.WaitGroup
	consuming sync.WaitGroup
	stop      chan struct{}
	ctx       context.Context
	cancel    context.CancelFunc
	mutex     sync.Mutex
	// The mutex guards all that follows. sent is how many records were acknowledged of each partition; they were in order. delivered are those that
	// a reader has got, acknowledged are the offsets that it has committed for sure.
	sent         [chaosJournalPartitions]int
	delivered    [chaosJournalPartitions]map[int]bool
	acknowledged [chaosJournalPartitions]int64
	// audits counts the answers to audit, and answered are the greatest committed offsets in them.
	audits   int
	answered [chaosJournalPartitions]int64
}

func newChaosGroups(t *testing.T, addresses []string) *chaosGroups {
	g := &chaosGroups{t: t, addresses: addresses, stop: make(chan struct{})}
	g.ctx, g.cancel = context.WithCancel(t.Context())
	admin := kadm.NewClient(newChaosClient(t, addresses))
	if _, err := admin.CreateTopics(t.Context(), chaosJournalPartitions, 1, nil, chaosJournal, chaosCopies); err != nil {
		t.Fatal(err)
	}
	for i := range g.delivered {
		g.delivered[i] = map[int]bool{}
	}
	t.Cleanup(func() {
		g.cancel()
		g.producing.Wait()
		g.consuming.Wait()
	})
	return g
}

func (g *chaosGroups) start() {
	for partition := range int32(chaosJournalPartitions) {
		g.producing.Go(func() { g.write(partition) })
	}
	for member := range 2 {
		g.consuming.Go(func() { g.read(member) })
		g.consuming.Go(func() { g.copy(member) })
	}
	for _, address := range g.addresses {
		g.consuming.Go(func() { g.audit(address) })
	}
}

// write counts on one partition. Many records are under way at a time, in several requests, so that a leader that goes away leaves some of
// them written and others not.
func (g *chaosGroups) write(partition int32) {
	client := newChaosClient(g.t, g.addresses, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(50), kgo.ProducerBatchMaxBytes(512), kgo.RecordRetries(1<<30))
	for i := 0; ; i++ {
		select {
		case <-g.stop:
			if err := client.Flush(g.ctx); err != nil && g.ctx.Err() == nil {
				g.t.Errorf("flush %s %d: %v", chaosJournal, partition, err)
			}
			return
		case <-g.ctx.Done(): // the test has failed
			return
		case <-time.After(2 * time.Millisecond): // the load, not a wait
		}
		client.Produce(g.ctx, &kgo.Record{Topic: chaosJournal, Partition: partition, Value: strconv.AppendInt(nil, int64(i), 10)}, func(_ *kgo.Record, err error) {
			if err != nil {
				if g.ctx.Err() == nil {
					g.t.Errorf("write %d to %s %d: %v", i, chaosJournal, partition, err)
				}
				return
			}
			g.mutex.Lock()
			defer g.mutex.Unlock()
			g.sent[partition]++
		})
	}
}

// read is a member of a group. It commits what it has got, and waits for the answer, while it surely has the partitions.
func (g *chaosGroups) read(member int) {
	client := newChaosClient(g.t, g.addresses, kgo.ConsumerGroup(chaosReaders), kgo.ConsumeTopics(chaosJournal), kgo.BlockRebalanceOnPoll(),
		kgo.DisableAutoCommit(), kgo.SessionTimeout(chaosSessionTimeout), kgo.HeartbeatInterval(500*time.Millisecond), kgo.ClientID(fmt.Sprint("reader-", member)), kgo.Rack(chaosRack(member)),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for g.ctx.Err() == nil {
		fetches := client.PollFetches(g.ctx)
		g.mutex.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			n, err := strconv.Atoi(string(r.Value))
			if err != nil {
				g.t.Errorf("%s %d at %d has %q", chaosJournal, r.Partition, r.Offset, r.Value)
			}
			g.delivered[r.Partition][n] = true
		})
		g.mutex.Unlock()
		ends := map[int32]int64{}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				ends[p.Partition] = p.Records[len(p.Records)-1].Offset + 1
			}
		})
		err := client.CommitUncommittedOffsets(g.ctx)
		if err == nil {
			g.mutex.Lock()
			for partition, end := range ends {
				g.acknowledged[partition] = max(g.acknowledged[partition], end)
			}
			g.mutex.Unlock()
		}
		client.AllowRebalance()
	}
}

// copy is a member of a group whose offsets are part of its transactions.
func (g *chaosGroups) copy(member int) {
	for g.ctx.Err() == nil {
		g.copyUntilFenced(member)
	}
}

func (g *chaosGroups) copyUntilFenced(member int) {
	session, err := kgo.NewGroupTransactSession(kgo.SeedBrokers(g.addresses...), kgo.ConsumerGroup(chaosCopiers), kgo.ConsumeTopics(chaosJournal),
		kgo.TransactionalID(fmt.Sprint("copier-", member)), kgo.Rack(chaosRack(member+1)), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.RetryBackoffFn(func(int) time.Duration { return 10 * time.Millisecond }), kgo.MetadataMinAge(50*time.Millisecond), kgo.FetchMaxWait(100*time.Millisecond),
		kgo.SessionTimeout(chaosSessionTimeout), kgo.HeartbeatInterval(500*time.Millisecond), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.TransactionTimeout(20*time.Second), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		g.t.Error(err)
		g.cancel()
		return
	}
	defer session.Client().CloseAllowingRebalance()
	for g.ctx.Err() == nil {
		fetches := session.PollFetches(g.ctx)
		if fetches.NumRecords() == 0 {
			continue
		}
		if session.Begin() != nil {
			return
		}
		ctx, cancel := context.WithTimeout(g.ctx, time.Minute)
		var copies []*kgo.Record
		fetches.EachRecord(func(r *kgo.Record) {
			copies = append(copies, &kgo.Record{Topic: chaosCopies, Partition: r.Partition, Value: r.Value})
		})
		err := session.ProduceSync(ctx, copies...).FirstErr()
		_, endErr := session.End(ctx, kgo.TransactionEndTry(err == nil))
		cancel()
		if endErr != nil {
			return
		}
	}
}

// audit asks a node for the committed offsets all the time, whoever leads. What it answers never goes back behind what it, or another node, has
// answered before, nor behind what a commit has acknowledged.
func (g *chaosGroups) audit(address string) {
	client := newChaosClient(g.t, []string{address})
	for g.ctx.Err() == nil {
		g.auditOnce(address, client)
		select {
		case <-g.ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (g *chaosGroups) auditOnce(address string, client *kgo.Client) {
	g.mutex.Lock()
	acknowledged, answered := g.acknowledged, g.answered
	g.mutex.Unlock()
	ctx, cancel := context.WithTimeout(g.ctx, 10*time.Second)
	defer cancel()
	request := kmsg.NewPtrOffsetFetchRequest()
	asked := kmsg.NewOffsetFetchRequestGroup()
	asked.Group = chaosReaders
	request.Groups = append(request.Groups, asked)
	response, err := client.SeedBrokers()[0].Request(ctx, request)
	if err != nil {
		return // it is away
	}
	answer := response.(*kmsg.OffsetFetchResponse).Groups[0]
	if answer.ErrorCode != 0 {
		return // it does not lead
	}
	var committed [chaosJournalPartitions]int64
	for _, topic := range answer.Topics { // the group reads one
		for _, p := range topic.Partitions {
			committed[p.Partition] = p.Offset
		}
	}
	g.mutex.Lock()
	defer g.mutex.Unlock()
	g.audits++
	for partition, at := range committed {
		if at < answered[partition] || at < acknowledged[partition] {
			g.t.Errorf("%s answers that the committed offset of %s %d is %d, after %d was answered and %d acknowledged",
				address, chaosJournal, partition, at, answered[partition], acknowledged[partition])
		}
		g.answered[partition] = max(g.answered[partition], at)
	}
}

// finish writes no more, and waits until both groups have got all.
func (g *chaosGroups) finish() {
	g.t.Helper()
	close(g.stop)
	g.producing.Wait()
	admin := kadm.NewClient(newChaosClient(g.t, g.addresses))
	var ends kadm.ListedOffsets
	if !chaosEventually(func() bool {
		var err error
		ends, err = admin.ListEndOffsets(g.ctx, chaosJournal)
		return err == nil && ends.Error() == nil
	}) {
		g.t.Errorf("%v after the last fault nobody tells the ends of %s", chaosPatience, chaosJournal)
	}
	behind := ""
	isThere := func() bool {
		for _, group := range []string{chaosReaders, chaosCopiers} {
			answer, err := admin.FetchOffsets(g.ctx, group)
			if err = errors.Join(err, answer.Error()); err != nil {
				behind = fmt.Sprintf("%s: %v", group, err)
				return false
			}
			for partition := range int32(chaosJournalPartitions) {
				end, _ := ends.Lookup(chaosJournal, partition)
				if committed, _ := answer.Lookup(chaosJournal, partition); committed.At != end.Offset {
					behind = fmt.Sprintf("%s has committed %d of %d of partition %d", group, committed.At, end.Offset, partition)
					return false
				}
			}
		}
		return true
	}
	if !chaosEventually(isThere) {
		g.t.Errorf("%v after the last fault a group has not got everything: %s", chaosPatience, behind)
	}
	g.cancel()
	g.consuming.Wait()
}

// check compares the journal with what was acknowledged, its copies with the journal, and both with what the groups have got.
func (g *chaosGroups) check(address string) (counts chaosCounts) {
	g.t.Helper()
	g.mutex.Lock()
	defer g.mutex.Unlock()
	if g.audits == 0 {
		g.t.Error("nobody could be asked for committed offsets")
	}
	var journal, copies [chaosJournalPartitions][]string
	for _, r := range readAll(g.t, address, chaosJournal) {
		journal[r.Partition] = append(journal[r.Partition], string(r.Value))
	}
	for _, r := range readCommitted(g.t, address, chaosCopies) {
		copies[r.Partition] = append(copies[r.Partition], string(r.Value))
	}
	for partition := range journal {
		if g.sent[partition] == 0 {
			g.t.Errorf("nothing was acknowledged on partition %d", partition)
		}
		if len(journal[partition]) != g.sent[partition] {
			g.t.Errorf("partition %d of %s has %d records, %d were acknowledged", partition, chaosJournal, len(journal[partition]), g.sent[partition])
		}
		g.checkCounts(chaosJournal, partition, journal[partition])
		g.checkCounts(chaosCopies, partition, copies[partition])
		if len(copies[partition]) != len(journal[partition]) {
			g.t.Errorf("partition %d has %d records, and %d copies", partition, len(journal[partition]), len(copies[partition]))
		}
		times := map[string]int{}
		for _, value := range journal[partition] {
			times[value]++
		}
		for i := range g.sent[partition] {
			counts.add(times[strconv.Itoa(i)])
		}
		for i := range g.sent[partition] {
			if !g.delivered[partition][i] {
				g.t.Errorf("record %d of partition %d was acknowledged, committed by the group and never delivered to it", i, partition)
				break
			}
		}
	}
	return counts
}

// checkCounts tells the first place where values are not 0, 1, 2…
func (g *chaosGroups) checkCounts(topic string, partition int, values []string) {
	g.t.Helper()
	for i, value := range values {
		if value != strconv.Itoa(i) {
			around := values[max(0, i-3):min(len(values), i+4)]
			n := 0
			for _, other := range values {
				if other == value {
					n++
				}
			}
			g.t.Errorf("%s %d has %s as record %d (%s there; %s is there %d times)", topic, partition, value, i, strings.Join(around, " "), value, n)
			return
		}
	}
}

func (g *chaosGroups) String() string {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	total := 0
	for _, n := range g.sent {
		total += n
	}
	return fmt.Sprintf("%d records counted by idempotent producers, read and copied by groups", total)
}
