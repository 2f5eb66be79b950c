package kafkacompat

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// aFetch is a full fetch of so many partitions.
func aFetch(partitions int) *fetchRead {
	read := &fetchRead{wantsSession: true}
	for i := range partitions {
		read.partitions = append(read.partitions, &fetchPartition{topic: "t", partition: int32(i)})
	}
	return read
}

// Who makes room for whom, with a clock that the test moves.
func TestFetchSessionsMakeRoom(t *testing.T) {
	sessions := newFetchSessions(3)
	now := time.Unix(1_000_000, 0)
	sessions.now = func() time.Time { return now }
	sessions.partitionsMax = 100
	add := func(partitions int) int32 { return sessions.add(aFetch(partitions)) }
	isThere := func(id int32) bool { return sessions.byID[id] != nil }

	if add(0) != 0 || add(101) != 0 {
		t.Error("a session of nothing, or of more than there may be")
	}
	small, middle, large := add(5), add(10), add(20)
	if small == 0 || middle == 0 || large == 0 {
		t.Fatal("no room in an empty cache")
	}
	if add(50) != 0 {
		t.Error("a session made room that is young")
	}
	now = now.Add(fetchSessionIdle + time.Second)
	for _, id := range []int32{small, middle, large} {
		sessions.find(id)
	}
	if add(5) != 0 {
		t.Error("a session made room for one that is no larger")
	}
	six := add(6)
	if six == 0 || isThere(small) || !isThere(middle) || !isThere(large) {
		t.Error("the smallest old session did not make room for a larger one")
	}
	now = now.Add(fetchSessionIdle / 2)
	sessions.find(six)
	sessions.find(large)
	now = now.Add(fetchSessionIdle/2 + time.Second)
	if id := add(1); id == 0 || isThere(middle) || !isThere(large) || !isThere(six) {
		t.Error("the one that was not used did not make room for a small one")
	}
	if n, evicted := sessions.stats(); n != 3 || evicted != 2 {
		t.Errorf("%d sessions, %d evicted", n, evicted)
	}
	// Partitions are bounded as sessions are: 20 + 6 + 1 are there, all are idle.
	now = now.Add(time.Hour)
	if id := add(98); id == 0 || sessions.partitions > 100 {
		t.Errorf("id %d, %d partitions", id, sessions.partitions)
	}
	total := 0
	for _, s := range sessions.byID {
		total += len(s.order)
	}
	if total != sessions.partitions {
		t.Errorf("%d partitions are counted, there are %d", sessions.partitions, total)
	}
}

func TestFetchSessionThatGrowsTooLargeIsGone(t *testing.T) {
	sessions := newFetchSessions(3)
	sessions.partitionsMax = 30
	id := sessions.add(aFetch(10))
	session := sessions.find(id)
	if !sessions.count(session, 30) || sessions.partitions != 30 {
		t.Fatalf("%d partitions", sessions.partitions)
	}
	if sessions.count(session, 31) || sessions.find(id) != nil || sessions.partitions != 0 {
		t.Errorf("it is there still, %d partitions", sessions.partitions)
	}
	if !sessions.count(session, 5) || sessions.partitions != 0 {
		t.Error("a session that is gone is counted")
	}
}

// heapBytes is what is alive.
func heapBytes() int64 {
	runtime.GC()
	runtime.GC() // pools are emptied by the second one
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// A session has the memory of the partitions that it has, whatever came with them.
func TestFetchSessionKeepsNothingOfForgottenPartitions(t *testing.T) {
	const count, rounds = 5000, 30
	sessions := newFetchSessions(3)
	before := heapBytes()
	session := sessions.find(sessions.add(aFetch(1)))
	for round := range int32(rounds) {
		request := kmsg.NewPtrFetchRequest()
		request.Version, request.SessionEpoch = 12, session.epoch
		var topic kmsg.FetchRequestTopic
		var forgotten kmsg.FetchRequestForgottenTopic
		topic.Topic, forgotten.Topic = "t", "t"
		for i := range int32(count) {
			asked := kmsg.NewFetchRequestTopicPartition()
			asked.Partition = (round+1)*count + i
			topic.Partitions = append(topic.Partitions, asked)
			if i > 0 {
				forgotten.Partitions = append(forgotten.Partitions, asked.Partition-count)
			}
		}
		request.Topics, request.ForgottenTopics = []kmsg.FetchRequestTopic{topic}, []kmsg.FetchRequestForgottenTopic{forgotten}
		read, err := session.begin(request)
		if err != nil {
			t.Fatal(err)
		}
		session.advance(read)
		read.release()
	}
	if len(session.order) > count+rounds {
		t.Errorf("%d partitions", len(session.order))
	}
	if used := heapBytes() - before; used > 8<<20 {
		t.Errorf("%d bytes for %d partitions", used, len(session.order))
	}
	runtime.KeepAlive(session)
}

// An incremental request of random changes leaves the session with what a map would have.
func TestFetchSessionIsThatOfAMap(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 31))
	session := newFetchSession(aFetch(5))
	twin := map[int32]int64{0: 0, 1: 0, 2: 0, 3: 0, 4: 0}
	for epoch := int32(1); epoch < 400; epoch++ {
		request := kmsg.NewPtrFetchRequest()
		request.Version, request.SessionEpoch = 12, epoch
		var forgotten kmsg.FetchRequestForgottenTopic
		forgotten.Topic = "t"
		var topic kmsg.FetchRequestTopic
		topic.Topic = "t"
		for range random.IntN(4) {
			p := random.Int32N(12)
			forgotten.Partitions = append(forgotten.Partitions, p)
			delete(twin, p)
		}
		for range random.IntN(4) {
			asked := kmsg.NewFetchRequestTopicPartition()
			asked.Partition, asked.FetchOffset = random.Int32N(12), random.Int64N(100)
			topic.Partitions = append(topic.Partitions, asked)
			twin[asked.Partition] = asked.FetchOffset
		}
		request.ForgottenTopics = append(request.ForgottenTopics, forgotten)
		request.Topics = append(request.Topics, topic)
		read, err := session.begin(request)
		if err != nil {
			t.Fatal(err)
		}
		got := map[int32]int64{}
		for _, p := range read.partitions {
			got[p.partition] = p.offset
			if random.IntN(3) == 0 {
				p.batches = []byte{1}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(twin) || len(read.partitions) != len(twin) {
			t.Fatalf("epoch %d: %v, want %v", epoch, got, twin)
		}
		var last []int32
		for _, p := range read.partitions {
			if len(p.batches) > 0 {
				last = append(last, p.partition)
			}
		}
		session.advance(read)
		read.release()
		for i, p := range session.order[len(session.order)-len(last):] {
			if p.partition != last[i] || len(p.batches) > 0 {
				t.Fatalf("epoch %d: those with records are not last", epoch)
			}
		}
	}
	stale := kmsg.NewPtrFetchRequest()
	stale.Version, stale.SessionEpoch = 12, 7
	if _, err := session.begin(stale); err != kerr.InvalidFetchSessionEpoch {
		t.Errorf("an old epoch: %v", err)
	}
	byID := kmsg.NewPtrFetchRequest()
	byID.Version, byID.SessionEpoch = 13, session.epoch
	if _, err := session.begin(byID); err != kerr.FetchSessionTopicIDError {
		t.Errorf("topics by id in a session of names: %v", err)
	}
}

// BenchmarkIncrementalFetch is what a session costs a fetch that finds nothing new.
func BenchmarkIncrementalFetch(b *testing.B) {
	for _, partitions := range []int{1, 100, 10_000} {
		b.Run(fmt.Sprintf("partitions=%d", partitions), func(b *testing.B) {
			session := newFetchSession(aFetch(partitions))
			request := kmsg.NewPtrFetchRequest()
			request.Version = 12
			b.ReportAllocs()
			for b.Loop() {
				request.SessionEpoch = session.epoch
				read, err := session.begin(request)
				if err != nil {
					b.Fatal(err)
				}
				session.advance(read)
				read.release()
			}
		})
	}
}
