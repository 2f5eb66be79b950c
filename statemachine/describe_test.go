package statemachine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// contents is all that a store holds, in words: key to value.
func contents(t testing.TB, s *Store) map[string]string {
	t.Helper()
	names := map[keys.TopicNumber]string{}
	if err := scan(s.db, keys.Topic, func(key, value []byte) error {
		number, _, err := decodeTopic(value)
		names[number] = string(key[1:])
		return err
	}); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	if err := eachIn(s.db, nil, nil, func(key, value []byte) (bool, error) {
		name, text, err := describe(names, key, value)
		if _, exists := all[name]; exists {
			t.Errorf("two keys are described as %q", name)
		}
		all[name] = text
		return true, err
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// describe puts a key and its value into words.
func describe(names map[keys.TopicNumber]string, key, value []byte) (name, text string, err error) {
	letter := key[0]
	topic, rest := "", []byte(nil)
	if slices.Contains(keys.OfTopic, letter) {
		number, after, err := keys.InTopic(key)
		if err != nil {
			return "", "", err
		}
		rest = after
		if topic = names[number]; topic == "" {
			return "", "", fmt.Errorf("key %q of a topic that isn't there", key)
		}
	}
	partition := func() int { return int(rest[3]) }
	last := func() int64 { n, _ := keys.LastNumber(key); return n }
	numbered := func() string { return fmt.Sprintf("%s #%d", rest[:len(rest)-6], rest[len(rest)-1]) }
	switch letter {
	case keys.ACL:
		kind, pattern, operation, permission, name, principal, host, err := keys.ParseACL(key)
		word := map[int8]string{2: "deny", 3: "allow"}[permission]
		return fmt.Sprintf("%s %s %d on %d:%s", word, principal, operation, kind, name), fmt.Sprintf("pattern %d, host %s", pattern, host), err
	case keys.Credential:
		user, mechanism, err := keys.ParseCredential(key)
		c, decodeErr := decodeCredential(value)
		return fmt.Sprintf("credential of %s for %d", user, mechanism),
			fmt.Sprintf("iterations %d, salt %q, keys of %d and %d bytes", c.Iterations, c.Salt, len(c.StoredKey), len(c.ServerKey)), errors.Join(err, decodeErr)
	case keys.Meta:
		m, err := decodeMeta(value)
		return "store", fmt.Sprintf("time %d, last step %d, next producer %d", m.timeUnixMilli, m.lastStepID, m.nextProducerID), err
	case keys.Topic:
		_, spec, err := decodeTopic(value)
		return "topic " + string(key[1:]), fmt.Sprintf("partitions %d, configs %v", spec.Partitions, spec.Configs), err
	case keys.Partition:
		p, err := decodePartition(value)
		return fmt.Sprintf("partition %s/%d", topic, partition()),
			fmt.Sprintf("%d to %d, bytes %d, max time %d", p.start, p.next, p.appended-p.trimmed, p.maxTimestamp), err
	case keys.Batch:
		text, err := describeBatch(value)
		return fmt.Sprintf("batch %s/%d ..%d", topic, partition(), last()), text, err
	case keys.BatchIndex:
		e, err := decodeIndexEntry(last(), value)
		return fmt.Sprintf("index %s/%d ..%d", topic, partition(), last()), fmt.Sprintf("appended %d, max time %d", e.appended, e.maxTimestamp), err
	case keys.Producer:
		p, err := decodeProducer(value)
		return fmt.Sprintf("producer %d on %s/%d", last(), topic, partition()), fmt.Sprintf("epoch %d, hour %d, batches %v", p.epoch, p.hour, p.batches), err
	case keys.ProducerExpiry:
		hour, number, partition, producer, err := keys.ParseProducerExpiry(key)
		return fmt.Sprintf("look at producer %d on topic %d/%d in hour %d", producer, number, partition, hour), "", err
	case keys.Consumption:
		c, err := decodeConsumption(value)
		return fmt.Sprintf("consumed %s/%d", topic, partition()), fmt.Sprintf("below %d and %v", c.next, c.beyond), err
	case keys.Compaction:
		c, err := decodeCompaction(value)
		return fmt.Sprintf("compaction %s/%d", topic, partition()),
			fmt.Sprintf("clean to %d, rewritten to %d, %d bytes less, horizon %d", c.cleanTo, c.rewritten, c.cleaned, c.horizonUnixMilli), err
	case keys.Tally:
		tl, err := decodeTally(value)
		return "counters " + topic, fmt.Sprintf("suspended %d, faulted %d, ended %d, timers %d, rejected %d, lost %d, unmatched %v",
			tl.suspended, tl.faulted, tl.ended, tl.timers, tl.timersRejected, tl.timersLost, tl.unmatched), err
	case keys.Thread, keys.Ended:
		th, err := decodeThread(value)
		kind := map[byte]string{keys.Thread: "thread", keys.Ended: "ended thread"}[letter]
		text := fmt.Sprintf("status %d, bundle %d, step %d, steps %d, started %d, updated %d", th.status, th.bundle, th.stepID, th.steps, th.startedUnixMilli, th.updatedUnixMilli)
		if th.isLive() {
			text += fmt.Sprintf(", refs %v, continuation %q (%d)", th.refs, th.continuation, th.continuationBytes)
		}
		if th.fault != "" {
			text += fmt.Sprintf(", fault %q, kept %d", th.fault, th.kept)
		}
		return fmt.Sprintf("%s %s of %s", kind, rest, topic), text, err
	case keys.Continuation:
		return fmt.Sprintf("continuation %s of %s", rest, topic), fmt.Sprintf("%d bytes", len(value)-1), nil
	case keys.Faulted:
		return fmt.Sprintf("faulted %s of %s", rest, topic), "", nil
	case keys.EndedByTime:
		at, thread, err := keys.ParseEndedAt(key)
		return fmt.Sprintf("ended at %d: %s of %s", at, thread, topic), "", err
	case keys.History:
		e, err := decodeHistory(value)
		text := fmt.Sprintf("at %d, event %d@%d, outcome %d, step %d, outputs %d", e.UnixMilli, e.Partition, e.Offset, e.Outcome, e.StepID, e.Outputs)
		if e.Started {
			text += ", started"
		}
		if e.Replaced {
			text += ", replaced"
		}
		if e.Reason != "" {
			text += fmt.Sprintf(", reason %q", e.Reason)
		}
		if e.Event != nil {
			text += fmt.Sprintf(", event %q", e.Event)
		}
		return fmt.Sprintf("history %s of %s", numbered(), topic), text, err
	case keys.Unmatched:
		n, err := keys.ParseUnmatched(key)
		if err != nil {
			return "", "", err
		}
		e, err := decodeUnmatchedEvent(value)
		return fmt.Sprintf("unmatched #%d", n), fmt.Sprintf("at %d, %s of %s, event %d@%d, reason %q, event %q",
			e.unixMilli, e.key, names[e.topic], e.partition, e.offset, e.reason, e.value), err
	case keys.UnmatchedEnds:
		e, err := decodeUnmatchedEnds(value)
		return "list of unmatched events", fmt.Sprintf("%d to %d, bytes %d", e.first, e.next, e.bytes), err
	case keys.Quota:
		user, clientID, ip, err := keys.ParseQuota(key)
		if err != nil {
			return "", "", err
		}
		quotas, err := decodeQuotas(value)
		return fmt.Sprintf("quotas of user %v, client id %v, address %v", user, clientID, ip), fmt.Sprint(quotas), err
	case keys.GroupConfig:
		configs, err := decodeGroupConfigs(value)
		return fmt.Sprintf("configs of group %s", key[1:]), fmt.Sprint(configs), err
	case keys.Node:
		id, isNode := keys.ParseNode(key)
		if !isNode {
			level, err := decodeClusterLevel(value)
			return "level of the cluster", fmt.Sprint(level), err
		}
		node, err := decodeNode(value)
		return fmt.Sprintf("node %d", id), fmt.Sprintf("%+v", node), err
	case keys.KeptEvent:
		e, err := decodeKeptEvent(value)
		return fmt.Sprintf("kept %s of %s", numbered(), topic), fmt.Sprintf("from partition %d: %q", e.partition, e.value), err
	case keys.Timer:
		due, err := decodeTimer(value)
		return fmt.Sprintf("timer %s of %s", rest, topic), fmt.Sprintf("due %d", due), err
	case keys.TimerByDue:
		due, number, timer, err := keys.ParseTimerDue(key)
		return fmt.Sprintf("due at %d: %s of %s", due, timer, names[number]), "", err
	case keys.GroupOffset:
		group, number, partition, err := keys.ParseGroup(key)
		if err != nil {
			return "", "", err
		}
		o, at, err := decodeGroupOffset(value)
		return fmt.Sprintf("group %s on %s/%d", group, names[number], partition),
			fmt.Sprintf("offset %d, epoch %d, metadata %q, at %d", o.Offset, o.LeaderEpoch, o.Metadata, at), err
	case keys.Transaction:
		id, rest, isOffset, err := keys.ParseTransaction(key)
		if err != nil {
			return "", "", err
		}
		if isOffset {
			group, number, partition, err := keys.ParseTransactionOffset(rest)
			if err != nil {
				return "", "", err
			}
			o, at, err := decodeGroupOffset(value)
			return fmt.Sprintf("transaction %s for group %s on %s/%d (%d)", id, group, names[number], partition, number),
				fmt.Sprintf("offset %d, epoch %d, metadata %q, at %d", o.Offset, o.LeaderEpoch, o.Metadata, at), err
		}
		tx, err := decodeTransaction(value)
		text := fmt.Sprintf("producer %v, last %v, %s, timeout %d, started %d, updated %d", tx.producer, tx.last, tx.status,
			tx.timeoutMilli, tx.startedUnixMilli, tx.updatedUnixMilli)
		for _, p := range tx.partitions {
			text += fmt.Sprintf(", %s/%d", names[p.topic], p.partition)
		}
		return "transaction " + id, text + fmt.Sprintf(", groups %v", tx.groups), err
	case keys.OpenTransaction:
		first, err := decodeOpenTransaction(value)
		return fmt.Sprintf("open transaction of producer %d on %s/%d", last(), topic, partition()), fmt.Sprintf("from %d", first), err
	case keys.EndedTransaction:
		e, err := decodeEndedTransaction(last(), value)
		return fmt.Sprintf("ended transaction %s/%d @%d", topic, partition(), last()),
			fmt.Sprintf("producer %d, aborted %v, from %d, stable %d", e.producerID, e.isAborted, e.first, e.stable), err
	case keys.GroupPart:
		group, part, err := keys.ParseGroupPart(key)
		if err != nil {
			return "", "", err
		}
		kept, err := decodeGroupPart(value)
		return fmt.Sprintf("part %q of group %s", part, group), fmt.Sprintf("%q", kept), err
	case keys.Bundle:
		return fmt.Sprintf("bundle %d", key[4]), string(value[1:]), nil
	case keys.BundleHash:
		b, err := decodeBundle(value)
		return fmt.Sprintf("uses of bundle %d", key[4]), fmt.Sprintf("threads %d, deployments %d", b.threads, b.deployments), err
	case keys.Deployment:
		d, err := decodeDeployment(value)
		return "deployment " + string(key[1:]), fmt.Sprintf("app %s, bundle %d, outputs %v, at %d", d.app, d.bundle, d.outputTopics, d.deployedUnixMilli), err
	}
	return "", "", fmt.Errorf("key %q: no such letter", key)
}

func describeBatch(batch []byte) (string, error) {
	h, err := recordbatch.ValidateCompacted(batch)
	if err != nil {
		return "", err
	}
	var parts []string
	if h.ProducerID >= 0 {
		parts = append(parts, fmt.Sprintf("producer %d epoch %d sequence %d", h.ProducerID, h.ProducerEpoch, h.BaseSequence))
	}
	if m, isMarker, err := recordbatch.ParseMarker(batch); err != nil || isMarker {
		return fmt.Sprintf("marker of producer %d epoch %d at %d: commit %v, coordinator epoch %d", m.ProducerID, m.ProducerEpoch, m.UnixMilli,
			m.IsCommit, m.CoordinatorEpoch), err
	}
	if h.IsTransactional() {
		parts = append(parts, "transactional")
	}
	for r, err := range recordbatch.Records(batch) {
		if err != nil {
			return "", err
		}
		value := fmt.Sprintf("%q", r.Value)
		if r.Value == nil {
			value = "null"
		}
		parts = append(parts, fmt.Sprintf("%d at %d: %s = %s", r.Offset, r.TimestampUnixMilli, r.Key, value))
	}
	return strings.Join(parts, "; "), nil
}
