package command

import (
	"bytes"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// examples has one command of every kind with every field set.
func examples() map[string]Command {
	id := TopicID{1, 2, 3, 15: 16}
	hash := BundleHash{0xaa, 31: 0xbb}
	topics := []Topic{{Name: "orders", ID: id, Partitions: 3, Configs: map[string]string{"retention.ms": "1000", "a": "b"}}}
	value := "builtin"
	return map[string]Command{
		"create_topics":         &CreateTopics{Topics: topics, NowUnixMilli: 1700000000000},
		"delete_topics":         &DeleteTopics{Names: []string{"orders", "x"}, NowUnixMilli: 1},
		"alter_topic_configs":   &AlterTopicConfigs{Topic: "t", Configs: map[string]*string{"kont.scheduler": &value, "retention.ms": nil}},
		"delete_topics_by_id":   &DeleteTopics{Names: []string{"orders"}, NowUnixMilli: 1, TopicIDs: []TopicID{id}},
		"alter_topic_by_id":     &AlterTopicConfigs{Topic: "t", Configs: map[string]*string{"retention.ms": nil}, TopicID: id},
		"append_records":        &AppendRecords{Appends: []Append{{Topic: "t", Partition: 1, Batch: []byte{1, 2}}}, NowUnixMilli: 2},
		"delete_records":        &DeleteRecords{Trims: []Trim{{Topic: "t", Partition: 1, Offset: 99}}},
		"allocate_producer_ids": &AllocateProducerIDs{Count: 10},
		"commit_offsets": &CommitOffsets{Group: "g", Offsets: []GroupOffset{
			{Topic: "t", Partition: 1, Offset: 5, LeaderEpoch: -1, Metadata: "m"}}, NowUnixMilli: 3},
		"delete_groups": &DeleteGroups{Groups: []string{"g"}},
		"deploy": &Deploy{App: "orders", ResumeTopic: TopicResume, Hash: hash, Bundle: []byte("bundle"),
			Topics: topics, NowUnixMilli: 4},
		"commit_steps": &CommitSteps{Steps: []Step{{ResumeTopic: TopicResume, Partition: 2, Offset: 7, Thread: "order-\xff",
			Outcome: OutcomeSuspended, StepID: 12, PreviousStepID: 11, Started: true, Hash: hash,
			Continuation: []byte{9, 9}, Refs: []string{"12:ref:1"},
			Outputs: []Output{{Topic: "out", Key: []byte("k"), Value: nil}, {Topic: "out", Key: nil, Value: []byte{}}},
			Reason:  "why", Event: []byte("new:1"), DurationMicro: 1500}}, NowUnixMilli: 5},
		"fire_timers":  &FireTimers{Timers: []TimerKey{{Topic: TopicScheduler, Key: "k|v", DueUnixMilli: 6}}, NowUnixMilli: 6},
		"retry_thread": &RetryThread{ResumeTopic: TopicResume, Thread: "k", NowUnixMilli: 7},
		"alter_client_quotas": &AlterClientQuotas{Alterations: []QuotaAlteration{
			{Entity: QuotaEntity{User: QuotaName{QuotaNamed, "u"}, ClientID: QuotaName{QuotaDefault, ""}}, Set: map[string]float64{"b": 1.5, "a": 1024}, Remove: []string{"c"}},
			{Entity: QuotaEntity{IP: QuotaName{QuotaNamed, "::1"}}, Remove: []string{"c"}}}},
		"alter_group_configs": &AlterGroupConfigs{Group: "g", Set: map[string]string{"consumer.session.timeout.ms": "50000", "a": "b"}, Remove: []string{"c"}},
		"keep_offsets":        &KeepOffsets{Groups: []string{"g", "h"}, NowUnixMilli: 9},
		"renew_offsets":       &RenewOffsets{Of: []GroupTopic{{"g", "t"}, {"h", "u"}}, NowUnixMilli: 18},
		"register_node": &RegisterNode{Node: Node{ID: 2, DirectoryID: [16]byte{1, 15: 2}, StartID: [16]byte{3, 15: 4}, Level: 1, Version: "v1", RaftAddress: "n2:7000",
			HTTPAddress: "n2:8080", Listeners: []NodeListener{{"kafka", "n2", 9092}, {"tls", "::1", 9093}}, Rack: "a", Nonvoter: true}},
		"forget_node":    &ForgetNode{NodeID: 2},
		"expire_offsets": &ExpireOffsets{Groups: []string{"g"}, BeforeUnixMilli: 10},
		"init_producer":  &InitProducer{TransactionalID: "tx", TimeoutMilli: 60_000, Expected: ProducerEpoch{7, 3}, CoordinatorEpoch: 2, NowUnixMilli: 11},
		"add_to_transaction": &AddToTransaction{TransactionalID: "tx", Producer: ProducerEpoch{7, 3},
			Partitions: []TopicPartition{{"t", 1}}, Groups: []string{"g"}, NowUnixMilli: 12},
		"commit_transaction_offsets": &CommitTransactionOffsets{TransactionalID: "tx", Producer: ProducerEpoch{7, 3}, Group: "g",
			Offsets: []GroupOffset{{Topic: "t", Partition: 1, Offset: 5, LeaderEpoch: -1, Metadata: "m"}}, AddsGroup: true, NowUnixMilli: 13},
		"end_transaction": &EndTransaction{TransactionalID: "tx", Producer: ProducerEpoch{7, 3}, Commit: true, BumpsEpoch: true,
			CoordinatorEpoch: 2, NowUnixMilli: 14},
		"abort_transactions":  &AbortTransactions{TransactionalIDs: []string{"tx"}, CoordinatorEpoch: 2, NowUnixMilli: 15},
		"forget_transactions": &ForgetTransactions{TransactionalIDs: []string{"tx"}, BeforeUnixMilli: 16},
		"append_in_transaction": &AppendRecords{Appends: []Append{{Topic: "t", Partition: 1, Batch: []byte{1, 2}, TopicID: id,
			TransactionalID: "tx", AddsPartition: true}}, NowUnixMilli: 17},
		"store_group":    &StoreGroup{Group: "g", IsWhole: true, Parts: []GroupPart{{Name: "", Value: []byte{1, 2}}, {Name: "member", Value: nil}}},
		"delete_offsets": &DeleteOffsets{Group: "g", Offsets: []TopicPartition{{Topic: "t", Partition: 1}}},
		"create_acls": &CreateACLs{ACLs: []ACL{{ResourceType: 2, Pattern: 4, Name: "orders-", Principal: "User:alice", Host: "*",
			Operation: 3, Permission: 3}}},
		"delete_acls": &DeleteACLs{ACLs: []ACL{{ResourceType: 4, Pattern: 3, Name: "kafka-cluster", Principal: "User:*", Host: "10.0.0.1",
			Operation: 12, Permission: 2}}},
		"alter_scram_credentials": &AlterScramCredentials{Deletions: []ScramUser{{User: "bob", Mechanism: ScramSHA512}},
			Upserts: []ScramCredential{{ScramUser: ScramUser{User: "alice", Mechanism: ScramSHA256}, Iterations: 4096,
				Salt: []byte{1}, StoredKey: []byte{2, 2}, ServerKey: []byte{3, 3}}}, IfNone: true},
		"create_partitions": &CreatePartitions{Topics: []PartitionCount{{Topic: "t", TopicID: id, Count: 12}}},
		"compact_records": &CompactRecords{Topic: "t", Partition: 1, TopicID: id, CleanTo: 500, HorizonUnixMilli: 1700000000000,
			Changes: []BatchChange{{LastOffset: 7, CRC: 0xdeadbeef, Batch: []byte{1, 2}}, {LastOffset: 9, CRC: 1}}},
		"delete_thread": &DeleteThread{ResumeTopic: TopicResume, Thread: "k", NowUnixMilli: 8},
	}
}

var writeGolden = flag.Bool("write-golden", false, "write golden files that are missing; those there are never changed")

// The bytes of every command as version 1 wrote them. Files are added to testdata
// when a kind is; they are never regenerated.
func TestGoldenBytesAreReadAndWritten(t *testing.T) {
	covered := map[Kind]bool{}
	for name, want := range examples() {
		t.Run(name, func(t *testing.T) {
			covered[want.Kind()] = true
			data, err := Encode(want)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", "v1", name+".hex")
			golden, err := os.ReadFile(path)
			if errors.Is(err, os.ErrNotExist) && *writeGolden {
				golden = []byte(hex.EncodeToString(data) + "\n")
				if err := os.WriteFile(path, golden, 0o644); err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
			stored, err := hex.DecodeString(strings.TrimSpace(string(golden)))
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(data, stored) {
				t.Errorf("bytes changed\n got %x\nwant %x", data, stored)
			}
			got, err := Decode(stored)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
		})
	}
	for kind := range kinds {
		if !covered[kind] {
			t.Errorf("kind %d has no example", kind)
		}
		if kind.String() == "unknown" {
			t.Errorf("kind %d has no name", kind)
		}
	}
}

func TestNullAndEmptyValuesStayApart(t *testing.T) {
	data, err := Encode(CommitSteps{Steps: []Step{{Outputs: []Output{{Value: nil}, {Value: []byte{}}}}}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	outputs := c.(*CommitSteps).Steps[0].Outputs
	if outputs[0].Value != nil || outputs[1].Value == nil {
		t.Errorf("got %#v", outputs)
	}
}

// A part without an identity has no bytes of one; the golden files hold such.
func TestIdentitiesOfTopicsAreReadAndWritten(t *testing.T) {
	id := TopicID{15: 1}
	for _, want := range []Command{
		&AppendRecords{Appends: []Append{{Topic: "t", TopicID: id}}},
		&DeleteRecords{Trims: []Trim{{Topic: "t", TopicID: id}}},
		&CommitOffsets{Offsets: []GroupOffset{{Topic: "t", TopicID: id}}},
		&CommitSteps{Steps: []Step{{ResumeTopic: "t", TopicID: id}}},
	} {
		data, err := Encode(want)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := Decode(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	good, err := Encode(AllocateProducerIDs{Count: 10})
	if err != nil {
		t.Fatal(err)
	}
	edit := func(at int, b ...byte) []byte {
		return append(append(bytes.Clone(good[:at]), b...), good[at+len(b):]...)
	}
	for _, test := range []struct {
		name string
		data []byte
		want error
	}{
		{"nothing", nil, ErrMalformed},
		{"version only", good[:1], ErrMalformed},
		{"later version", edit(0, 2), ErrUnknownVersion},
		{"version 0", edit(0, 0), ErrUnknownVersion},
		{"kind 0", edit(1, 0), ErrUnknownKind},
		{"kind 200", edit(1, 200), ErrUnknownKind},
		{"no body", good[:2], ErrMalformed},
		{"cut body", good[:len(good)-1], ErrMalformed},
		{"something left over", append(bytes.Clone(good), 0), ErrMalformed},
		{"unknown field", []byte{1, byte(KindAllocateProducerIDs), 0xa1, 0x18, 0x63, 0x01}, ErrMalformed},
		{"field twice", []byte{1, byte(KindAllocateProducerIDs), 0xa2, 0x01, 0x01, 0x01, 0x02}, ErrMalformed},
		{"text for a number", []byte{1, byte(KindAllocateProducerIDs), 0xa1, 0x01, 0x61, 'x'}, ErrMalformed},
		{"array of 2^32 topics", []byte{1, byte(KindDeleteTopics), 0xa1, 0x01, 0x9a, 0xff, 0xff, 0xff, 0xff}, ErrMalformed},
		{"indefinite length", []byte{1, byte(KindAllocateProducerIDs), 0xbf, 0x01, 0x01, 0xff}, ErrMalformed},
		{"tagged number", []byte{1, byte(KindAllocateProducerIDs), 0xa1, 0x01, 0xc2, 0x41, 0x01}, ErrMalformed},
	} {
		t.Run(test.name, func(t *testing.T) {
			if c, err := Decode(test.data); !errors.Is(err, test.want) {
				t.Errorf("got %v, %v, want %v", c, err, test.want)
			}
		})
	}
}

// FuzzDecode holds that nothing panics, and that what decodes has one encoding.
func FuzzDecode(f *testing.F) {
	for _, c := range examples() {
		data, err := Encode(c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(c)
		if err != nil {
			t.Fatal(err)
		}
		back, err := Decode(again)
		if err != nil {
			t.Fatalf("%x: %v", again, err)
		}
		if third, err := Encode(back); err != nil || !bytes.Equal(third, again) {
			t.Fatalf("%x then %x, %v", again, third, err)
		}
	})
}

func BenchmarkEncodeDecode(b *testing.B) {
	for _, size := range []int{100, 1 << 10, 16 << 10} {
		c := AppendRecords{Appends: []Append{{Topic: "orders", Partition: 3, Batch: make([]byte, size)}}, NowUnixMilli: 1700000000000}
		b.Run(fmt.Sprintf("append_bytes=%d", size), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				data, err := Encode(&c)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
