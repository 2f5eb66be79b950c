package keys

import (
	"bytes"
	"encoding/hex"
	"slices"
	"testing"
)

// The layouts of version 1. Lines are added; none is ever changed.
func TestGoldenKeys(t *testing.T) {
	var k Key
	for _, test := range []struct {
		name string
		key  []byte
		want string
	}{
		{"meta", k.Letter(Meta), "6d"},
		{"topic", bytes.Clone(k.TopicByName(Topic, "ab")), "746162"},
		{"deployment", bytes.Clone(k.TopicByName(Deployment, "ab")), "796162"},
		{"partition", bytes.Clone(k.PartitionOnly(Partition, 1, 2)), "700000000100000002"},
		{"batch", bytes.Clone(k.InPartition(Batch, 1, 2, 3)), "7200000001000000020000000000000003"},
		{"batch index", bytes.Clone(k.InPartition(BatchIndex, 1, 2, 3)), "6900000001000000020000000000000003"},
		{"producer", bytes.Clone(k.InPartition(Producer, 1, 2, 3)), "6400000001000000020000000000000003"},
		{"producer expiry", bytes.Clone(k.ProducerExpiryAt(9, 1, 2, 3)), "440000000900000001000000020000000000000003"},
		{"consumption", bytes.Clone(k.PartitionOnly(Consumption, 1, 2)), "630000000100000002"},
		{"tally", bytes.Clone(k.TopicOnly(Tally, 1)), "7800000001"},
		{"thread", bytes.Clone(k.Name(Thread, 1, "a")), "6b0000000161"},
		{"continuation", bytes.Clone(k.Name(Continuation, 1, "a")), "6c0000000161"},
		{"faulted", bytes.Clone(k.Name(Faulted, 1, "a")), "660000000161"},
		{"ended", bytes.Clone(k.Name(Ended, 1, "a")), "650000000161"},
		{"ended by time", bytes.Clone(k.EndedAt(1, 2, "a")), "4500000001000000000000000261"},
		{"history", bytes.Clone(k.Numbered(History, 1, "a\x00b", 2)), "68000000016100ff62000100000002"},
		{"kept event", bytes.Clone(k.Numbered(KeptEvent, 1, "a", 2)), "760000000161000100000002"},
		{"timer", bytes.Clone(k.Name(Timer, 1, "a|b")), "7300000001617c62"},
		{"timer by due", bytes.Clone(k.TimerDue(2, 1, "a")), "5300000000000000020000000161"},
		{"group offset", bytes.Clone(k.GroupPartition("g", 1, 2)), "676700010000000100000002"},
		{"group part", bytes.Clone(k.GroupPartNamed("g", "ab")), "47670001" + "6162"},
		{"bundle", bytes.Clone(k.BundleOnly(Bundle, 1)), "6200000001"},
		{"bundle hash", bytes.Clone(k.BundleOnly(BundleHash, 1)), "4200000001"},
		{"unmatched event", bytes.Clone(k.UnmatchedAt(3)), "750000000000000003"},
		{"quota", bytes.Clone(k.QuotaOf(QuotaPart{1, "a\x00"}, QuotaPart{2, ""}, QuotaPart{})), "51016100ff0001020001000001"},
		{"group config", bytes.Clone(k.GroupConfigOf("g")), "4a67"},
		{"node", bytes.Clone(k.NodeOf(2)), "4e00000002"},
		{"level of the cluster", bytes.Clone(k.ClusterLevel()), "4e"},
		{"transaction", bytes.Clone(k.TransactionOnly("tx")), "6e74780001"},
		{"offset of a transaction", bytes.Clone(k.TransactionOffset("tx", "g", 1, 2)), "6e7478000167000100" + "00000100000002"},
		{"open transaction", bytes.Clone(k.InPartition(OpenTransaction, 1, 2, 3)), "6f00000001000000020000000000000003"},
		{"ended transaction", bytes.Clone(k.InPartition(EndedTransaction, 1, 2, 3)), "6100000001000000020000000000000003"},
		{"acl", bytes.Clone(k.ACLOf(2, 4, 3, 3, "a\x00", "User:b", "*")), "41020403036100ff0001557365723a6200012a"},
		{"credential", bytes.Clone(k.CredentialOf("u", 1)), "4375000101"},
		{"unmatched ends", bytes.Clone(k.Letter(UnmatchedEnds)), "55"},
	} {
		want, err := hex.DecodeString(test.want)
		if err != nil {
			t.Fatal(err)
		}
		if test.name != "meta" && !bytes.Equal(test.key, want) {
			t.Errorf("%s: got %x, want %s", test.name, test.key, test.want)
		}
	}
}

func TestKeysAreReadBack(t *testing.T) {
	var k Key
	if n, err := LastNumber(k.InPartition(Batch, 1, 2, 1<<40)); err != nil || n != 1<<40 {
		t.Error(n, err)
	}
	if topic, partition, err := InPartitionOnly(k.PartitionOnly(Partition, 7, 8)); err != nil || topic != 7 || partition != 8 {
		t.Error(topic, partition, err)
	}
	if hour, topic, partition, producer, err := ParseProducerExpiry(k.ProducerExpiryAt(9, 1, 2, 3)); err != nil ||
		hour != 9 || topic != 1 || partition != 2 || producer != 3 {
		t.Error(hour, topic, partition, producer, err)
	}
	if at, thread, err := ParseEndedAt(k.EndedAt(1, 5, "x\x00")); err != nil || at != 5 || thread != "x\x00" {
		t.Error(at, thread, err)
	}
	if due, topic, timer, err := ParseTimerDue(k.TimerDue(5, 1, "a|b")); err != nil || due != 5 || topic != 1 || timer != "a|b" {
		t.Error(due, topic, timer, err)
	}
	for _, name := range []string{"", "g", "\x00", "a\x00\x01b", "\xff\x00\xff"} {
		if group, topic, partition, err := ParseGroup(k.GroupPartition(name, 3, 4)); err != nil || group != name || topic != 3 || partition != 4 {
			t.Errorf("%q: %q %d %d %v", name, group, topic, partition, err)
		}
	}
	for _, name := range []string{"", "g", "\x00", "\x00\x01", "\xff"} {
		user, client, ip := QuotaPart{1, name}, QuotaPart{0, ""}, QuotaPart{2, "x" + name}
		key := bytes.Clone(k.QuotaOf(user, client, ip))
		if a, b, c, err := ParseQuota(key); err != nil || a != user || b != client || c != ip {
			t.Errorf("%q: %v %v %v %v", name, a, b, c, err)
		}
		for length := range key {
			if _, _, _, err := ParseQuota(key[:length]); err == nil {
				t.Errorf("%x: cut to %d bytes", key, length)
			}
		}
		if _, _, _, err := ParseQuota(append(key, 0)); err == nil {
			t.Errorf("%x: a byte too many", key)
		}
	}
	for _, name := range []string{"", "tx", "\x00", "a\x00\x01b"} {
		if id, _, isOffset, err := ParseTransaction(k.TransactionOnly(name)); err != nil || id != name || isOffset {
			t.Errorf("%q: %q %v %v", name, id, isOffset, err)
		}
		id, rest, isOffset, err := ParseTransaction(k.TransactionOffset(name, name+"g", 3, 4))
		if err != nil || id != name || !isOffset {
			t.Errorf("%q: %q %v %v", name, id, isOffset, err)
		}
		if group, topic, partition, err := ParseTransactionOffset(rest); err != nil || group != name+"g" || topic != 3 || partition != 4 {
			t.Errorf("%q: %q %d %d %v", name, group, topic, partition, err)
		}
	}
	for _, name := range []string{"", "g", "\x00", "a\x00\x01b", "\xff\x00\xff"} {
		if kind, pattern, operation, permission, resource, principal, host, err := ParseACL(k.ACLOf(2, 3, 4, 5, name, name+"p", name+"h")); err != nil ||
			kind != 2 || pattern != 3 || operation != 4 || permission != 5 || resource != name || principal != name+"p" || host != name+"h" {
			t.Error(kind, pattern, operation, permission, resource, principal, host, err)
		}
		if user, mechanism, err := ParseCredential(k.CredentialOf(name, 2)); err != nil || user != name || mechanism != 2 {
			t.Error(user, mechanism, err)
		}
	}
	if n, err := ParseUnmatched(k.UnmatchedAt(1 << 40)); err != nil || n != 1<<40 {
		t.Error(n, err)
	}
	if bundle, err := ParseBundle(k.BundleOnly(Bundle, 6)); err != nil || bundle != 6 {
		t.Error(bundle, err)
	}
}

// Keys of one thread are never among those of another, whatever the names.
func TestEscapedNamesKeepTheirOrder(t *testing.T) {
	names := []string{"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", "a", "a\x00", "a\x00b", "a\x01", "ab", "b", "\xff"}
	if !slices.IsSorted(names) {
		t.Fatal("names are to be sorted")
	}
	var k Key
	var last []byte
	for _, name := range names {
		for _, n := range []uint32{0, 1, 0xffffffff} {
			key := bytes.Clone(k.Numbered(History, 1, name, n))
			if bytes.Compare(last, key) >= 0 {
				t.Errorf("%q %d does not come after the one before", name, n)
			}
			if !bytes.HasPrefix(key, k.NumberedPrefix(History, 1, name)) {
				t.Errorf("%q: not its own prefix", name)
			}
			last = key
		}
	}
}

func TestAfter(t *testing.T) {
	if got := After([]byte("k\x00\xff\xff")); !bytes.Equal(got, []byte("k\x01")) {
		t.Errorf("%x", got)
	}
}

// FuzzParse holds that no key makes a reader panic.
func FuzzParse(f *testing.F) {
	f.Add([]byte("g\x00\x01"))
	f.Fuzz(func(_ *testing.T, key []byte) {
		_, _ = LastNumber(key)
		_, _, _ = InTopic(key)
		_, _, _, _, _, _, _, _ = ParseACL(key)
		_, _, _ = ParseCredential(key)
		_, _, _ = InPartitionOnly(key)
		_, _, _, _, _ = ParseProducerExpiry(key)
		_, _, _ = ParseEndedAt(key)
		_, _, _, _ = ParseTimerDue(key)
		_, _, _, _ = ParseGroup(key)
		_, _ = ParseBundle(key)
		_, _ = ParseUnmatched(key)
		if _, rest, isOffset, err := ParseTransaction(key); err == nil && isOffset {
			_, _, _, _ = ParseTransactionOffset(rest)
		}
	})
}
