package statemachine

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// Entry is one entry of the Raft log: proposals that take effect in order.
type Entry struct {
	Index     uint64
	Proposals [][]byte
}

// Apply applies entries and returns one result for each proposal, flattened in
// order; what the results are is said at each command. Entries at or below
// AppliedIndex are passed over, and have nil results.
//
// An entry becomes visible as a whole, often with others of its call. The outcome depends
// on the entries alone, not on how they are cut into calls.
//
// When the disk fails, or an entry is not a command that this release knows, Apply
// changes nothing from there on, now and ever after, and returns nil; Err tells why.
func (s *Store) Apply(entries []Entry) []any {
	s.applyMu.Lock()
	defer s.applyMu.Unlock()
	if s.failure.get() != nil || s.isClosing() {
		return nil
	}
	var results []any
	for {
		some, n, err := s.apply(entries)
		if err != nil {
			s.failed("apply", err)
			return nil
		}
		if entries = entries[n:]; results == nil {
			results = some // of nearly each call all
		} else {
			results = append(results, some...)
		}
		if len(entries) == 0 {
			return results
		}
	}
}

// applyBytesMax is how large the Pebble batch of several entries becomes, before the last of
// them. Raft gives 64 at a time to a node that catches up, of 32 MiB at most, and a record may
// set a hundred times its size in timers.
const applyBytesMax = 32 << 20

// apply applies some of the entries, n of them, in one Pebble batch.
func (s *Store) apply(entries []Entry) (results []any, n int, err error) {
	size, proposals := 0, 0
	for _, entry := range entries {
		proposals += len(entry.Proposals)
		for _, proposal := range entry.Proposals {
			size += len(proposal)
		}
	}
	c := &change{store: s, work: s.work, batch: s.db.NewIndexedBatchWithSize(min(size+size/4, applyBytesMax) + 256)}
	defer c.batch.Close()
	defer func() { c.fail(c.point.close()) }()

	results = make([]any, 0, proposals)
	for _, entry := range entries {
		if c.batch.Len() >= applyBytesMax {
			break
		}
		n++
		if entry.Index <= c.work.meta.appliedIndex {
			results = append(results, make([]any, len(entry.Proposals))...)
			continue
		}
		for i, proposal := range entry.Proposals {
			result, err := c.applyProposal(proposal)
			if err != nil {
				return nil, 0, fmt.Errorf("log index %d, proposal %d: %w", entry.Index, i, err)
			}
			results = append(results, result)
		}
		c.work.meta.appliedIndex = entry.Index
		c.isMetaDirty = true
	}
	if !c.isMetaDirty {
		return results, n, nil
	}
	c.writeImage()
	if c.err != nil {
		return nil, 0, c.err
	}
	if err := s.waitForRoom(); err != nil {
		return nil, 0, err
	}
	s.room.unseen += uint64(c.batch.Len())
	if err := c.batch.Commit(pebble.NoSync); err != nil {
		return nil, 0, err
	}
	c.publish()
	s.flushGraves(c.deletedBytes)
	return results, n, nil
}

// applyProposal applies one command. An error stops the node.
func (c *change) applyProposal(proposal []byte) (command.Result, error) {
	decoded, err := command.Decode(proposal)
	if err != nil {
		return nil, err
	}
	result := c.applyCommand(decoded)
	return result, c.err
}

func (c *change) applyCommand(decoded command.Command) command.Result {
	switch com := decoded.(type) {
	case *command.CreateTopics:
		return c.applyCreateTopics(com)
	case *command.DeleteTopics:
		return c.applyDeleteTopics(com)
	case *command.AlterTopicConfigs:
		return c.applyAlterTopicConfigs(com)
	case *command.AppendRecords:
		return c.applyAppendRecords(com)
	case *command.DeleteRecords:
		return c.applyDeleteRecords(com)
	case *command.AllocateProducerIDs:
		return c.applyAllocateProducerIDs(com)
	case *command.CommitOffsets:
		return c.applyCommitOffsets(com)
	case *command.DeleteGroups:
		return c.applyDeleteGroups(com)
	case *command.Deploy:
		return c.applyDeploy(com)
	case *command.CommitSteps:
		return c.applyCommitSteps(com)
	case *command.FireTimers:
		return c.applyFireTimers(com)
	case *command.KeepOffsets:
		return c.applyKeepOffsets(com)
	case *command.RenewOffsets:
		return c.applyRenewOffsets(com)
	case *command.ExpireOffsets:
		return c.applyExpireOffsets(com)
	case *command.AlterClientQuotas:
		return c.applyAlterClientQuotas(com)
	case *command.AlterGroupConfigs:
		return c.applyAlterGroupConfigs(com)
	case *command.RegisterNode:
		return c.applyRegisterNode(com)
	case *command.ForgetNode:
		return c.applyForgetNode(com)
	case *command.InitProducer:
		return c.applyInitProducer(com)
	case *command.AddToTransaction:
		return c.applyAddToTransaction(com)
	case *command.CommitTransactionOffsets:
		return c.applyCommitTransactionOffsets(com)
	case *command.EndTransaction:
		return c.applyEndTransaction(com)
	case *command.AbortTransactions:
		return c.applyAbortTransactions(com)
	case *command.ForgetTransactions:
		return c.applyForgetTransactions(com)
	case *command.StoreGroup:
		return c.applyStoreGroup(com)
	case *command.DeleteOffsets:
		return c.applyDeleteOffsets(com)
	case *command.RetryThread:
		return c.applyRetryThread(com)
	case *command.DeleteThread:
		return c.applyDeleteThread(com)
	case *command.CreateACLs:
		return c.applyCreateACLs(com)
	case *command.DeleteACLs:
		return c.applyDeleteACLs(com)
	case *command.AlterScramCredentials:
		return c.applyAlterScramCredentials(com)
	case *command.CreatePartitions:
		return c.applyCreatePartitions(com)
	case *command.CompactRecords:
		return c.applyCompactRecords(com)
	}
	c.fail(fmt.Errorf("%w: %d decodes and has no meaning here", command.ErrUnknownKind, decoded.Kind()))
	return nil
}

// change is what one call of Apply does to the state. What is in the image is
// changed there; all else is read and written through a Pebble batch, so a command
// sees what those before it in the same call did.
type change struct {
	store *Store
	// work is the image that only Apply touches.
	work  *image
	batch *pebble.Batch
	// err is the first failure of the disk. What is done after it doesn't matter,
	// since none of it will be committed.
	err error
	// now is the time of the command at hand, in milliseconds since 1970.
	now int64

	isMetaDirty      bool
	isUnmatchedDirty bool
	// dirty is the topics with dirty partitions or counters, each once.
	dirty        []*topic
	isTopicDirty map[keys.TopicNumber]bool
	dirtyBundles []keys.BundleNumber
	// structure lists topics and deployments that were made, changed or removed,
	// by name.
	topicNames      []string
	deploymentNames []string
	// transactionIDs lists the transactions that were changed, each once.
	transactionIDs []string
	isEdited       map[string]bool
	// credentialUsers lists credentials that were set or deleted.
	credentialUsers []command.ScramUser
	// earliestTimer is the least due time that was set, 0 for none.
	earliestTimer int64
	hasTimers     bool
	// deletedBytes is the size of the batches that were deleted.
	deletedBytes uint64

	point pointReader
	key   keys.Key
	other keys.Key
	value []byte
	// batchBuffer is where batches of outputs are made.
	batchBuffer []byte
}

// fail keeps the first failure.
func (c *change) fail(err error) {
	if c.err == nil && err != nil {
		c.err = err
	}
}

// setTime gives the command its time: the proposer's, but never before the last
// one, so a new leader with a slow clock cannot turn time back.
func (c *change) setTime(proposedUnixMilli int64) {
	if proposedUnixMilli > c.work.meta.timeUnixMilli {
		c.work.meta.timeUnixMilli = proposedUnixMilli
		c.isMetaDirty = true
	}
	c.now = c.work.meta.timeUnixMilli
}

// get reads a value, nil if there is none. The value is the caller's.
func (c *change) get(key []byte) []byte {
	if c.err != nil {
		return nil
	}
	value, err := c.point.get(c.batch, key)
	c.fail(err)
	return value
}

func (c *change) set(key, value []byte)            { c.fail(c.batch.Set(key, value, nil)) }
func (c *change) delete(key []byte)                { c.fail(c.batch.Delete(key, nil)) }
func (c *change) deleteRange(from, to []byte)      { c.fail(c.batch.DeleteRange(from, to, nil)) }
func (c *change) deletePrefix(prefix []byte)       { c.deleteRange(prefix, keys.After(prefix)) }
func (c *change) touchPartition(t *topic, p int32) { t.partitions[p].isDirty = true; c.touch(t) }

func (c *change) touchConsumption(t *topic, p int32) {
	t.partitions[p].isConsumptionDirty = true
	c.touch(t)
}

func (c *change) touchTally(t *topic) {
	t.tally.isDirty = true
	c.touch(t)
}

func (c *change) touch(t *topic) {
	if c.isTopicDirty[t.number] {
		return
	}
	if c.isTopicDirty == nil {
		c.isTopicDirty = map[keys.TopicNumber]bool{}
	}
	c.isTopicDirty[t.number] = true
	c.dirty = append(c.dirty, t)
}

func (c *change) touchBundle(number keys.BundleNumber, b bundle) {
	if !c.work.bundles[number].isDirty {
		c.dirtyBundles = append(c.dirtyBundles, number)
	}
	b.isDirty = true
	c.work.bundles[number] = b
}

// writeImage writes what changed in the image.
func (c *change) writeImage() {
	c.value = c.work.meta.encode(c.value[:0])
	c.set(c.key.Letter(keys.Meta), c.value)
	for _, t := range c.dirty {
		if c.work.numbers[t.number] != t {
			continue // deleted
		}
		for i := range t.partitions {
			p := &t.partitions[i]
			if p.isDirty {
				c.value = p.encode(c.value[:0])
				c.set(c.key.PartitionOnly(keys.Partition, t.number, int32(i)), c.value)
			}
			if p.isConsumptionDirty {
				c.value = p.consumed.encode(c.value[:0])
				c.set(c.key.PartitionOnly(keys.Consumption, t.number, int32(i)), c.value)
			}
			if p.isCompactionDirty {
				c.value = p.compacted.encode(c.value[:0])
				c.set(c.key.PartitionOnly(keys.Compaction, t.number, int32(i)), c.value)
			}
		}
		if t.tally.isDirty {
			c.value = t.tally.encode(c.value[:0])
			c.set(c.key.TopicOnly(keys.Tally, t.number), c.value)
		}
	}
	if c.isUnmatchedDirty {
		c.value = c.work.unmatched.encode(c.value[:0])
		c.set(c.key.Letter(keys.UnmatchedEnds), c.value)
	}
	c.writeTransactions()
	for _, number := range c.dirtyBundles {
		b := c.work.bundles[number]
		c.value = b.encode(c.value[:0])
		c.set(c.key.BundleOnly(keys.BundleHash, number), c.value)
	}
}
