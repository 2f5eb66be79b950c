package statemachine

import (
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// image is the part of the state that is kept in memory: what there is little of
// and every command needs. Threads, timers, producers and records are not in it.
//
// A store has two: Apply reads and writes one; what it changed is copied to the
// other, which readers see, when Pebble has it.
type image struct {
	meta meta
	// topics, numbers and ids hold the same topics.
	topics  map[string]*topic
	numbers map[keys.TopicNumber]*topic
	ids     map[command.TopicID]*topic
	// partitionsInAll counts the partitions of the topics.
	partitionsInAll int
	deployments     map[string]deployment
	bundles         map[keys.BundleNumber]bundle
	// hashes finds a bundle's number.
	hashes    map[command.BundleHash]keys.BundleNumber
	unmatched unmatchedEnds
	// quotas and groupConfigs are replaced as a whole, never written to.
	quotas       *command.ClientQuotas
	groupConfigs *command.GroupConfigs
	// nodes are replaced as a whole too.
	nodes        *command.Nodes
	transactions transactions
	// acls is replaced as a whole, its list never written to.
	acls        *command.ACLs
	credentials map[command.ScramUser]command.ScramCredential
}

// topic is a topic with all that is kept for it in memory.
type topic struct {
	number keys.TopicNumber
	// spec is replaced as a whole, its map never written to.
	spec       command.Topic
	partitions []partition
	tally      tally
}

func (t *topic) hasPartition(p int32) bool { return p >= 0 && int(p) < len(t.partitions) }

// load reads an image from a store.
func load(db *pebble.DB) (*image, error) {
	im := &image{
		meta:         meta{nextTopic: 1, nextBundle: 1},
		topics:       map[string]*topic{},
		numbers:      map[keys.TopicNumber]*topic{},
		ids:          map[command.TopicID]*topic{},
		deployments:  map[string]deployment{},
		bundles:      map[keys.BundleNumber]bundle{},
		hashes:       map[command.BundleHash]keys.BundleNumber{},
		quotas:       noQuotas,
		groupConfigs: noGroupConfigs,
		nodes:        noNodes,
		transactions: newTransactions(),
		acls:         noACLs,
		credentials:  map[command.ScramUser]command.ScramCredential{},
	}
	err := errors.Join(
		im.loadMeta(db),
		scan(db, keys.UnmatchedEnds, im.loadUnmatchedEnds),
		scan(db, keys.Topic, im.loadTopic),
		scan(db, keys.Partition, im.loadPartition),
		scan(db, keys.Consumption, im.loadConsumption),
		scan(db, keys.Compaction, im.loadCompaction),
		scan(db, keys.Tally, im.loadTally),
		scan(db, keys.Quota, im.loadQuotas),
		scan(db, keys.GroupConfig, im.loadGroupConfigs),
		scan(db, keys.Node, im.loadNode),
		scan(db, keys.Deployment, im.loadDeployment),
		scan(db, keys.BundleHash, im.loadBundle),
		scan(db, keys.Transaction, im.loadTransaction),
		scan(db, keys.OpenTransaction, im.loadOpenTransaction),
		scan(db, keys.ACL, im.loadACL),
		scan(db, keys.Credential, im.loadCredential))
	if err != nil {
		return nil, err
	}
	return im, nil
}

// scan calls f with every key of a letter and its value.
func scan(db pebble.Reader, letter byte, f func(key, value []byte) error) error {
	var k keys.Key
	prefix := k.Letter(letter)
	iterator, err := db.NewIter(&pebble.IterOptions{LowerBound: prefix, UpperBound: keys.After(prefix)})
	if err != nil {
		return err
	}
	for iterator.First(); iterator.Valid(); iterator.Next() {
		value, err := iterator.ValueAndErr()
		if err == nil {
			err = f(iterator.Key(), value)
		}
		if err != nil {
			return errors.Join(fmt.Errorf("key %q: %w", iterator.Key(), err), iterator.Close())
		}
	}
	return iterator.Close()
}

func (im *image) loadMeta(db *pebble.DB) error {
	value, closer, err := db.Get([]byte{keys.Meta})
	if errors.Is(err, pebble.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	im.meta, err = decodeMeta(value)
	return errors.Join(err, closer.Close())
}

func (im *image) loadTopic(key, value []byte) error {
	number, spec, err := decodeTopic(value)
	if err != nil {
		return err
	}
	spec.Name = string(key[1:])
	t := &topic{number: number, spec: spec, partitions: make([]partition, spec.Partitions)}
	for i := range t.partitions {
		t.partitions[i] = newPartition()
	}
	im.add(t)
	return nil
}

func (im *image) loadPartition(key, value []byte) error {
	t, p, err := im.partitionOf(key)
	if err != nil {
		return err
	}
	consumed, compacted := t.partitions[p].consumed, t.partitions[p].compacted
	t.partitions[p], err = decodePartition(value)
	t.partitions[p].consumed, t.partitions[p].compacted = consumed, compacted
	return err
}

func (im *image) loadCompaction(key, value []byte) error {
	t, p, err := im.partitionOf(key)
	if err != nil {
		return err
	}
	t.partitions[p].compacted, err = decodeCompaction(value)
	return err
}

func (im *image) loadConsumption(key, value []byte) error {
	t, p, err := im.partitionOf(key)
	if err != nil {
		return err
	}
	t.partitions[p].consumed, err = decodeConsumption(value)
	return err
}

func (im *image) loadTally(key, value []byte) error {
	number, rest, err := keys.InTopic(key)
	if err != nil {
		return err
	}
	t := im.numbers[number]
	if t == nil || len(rest) > 0 {
		return fmt.Errorf("%w: no such topic", errMalformed)
	}
	t.tally, err = decodeTally(value)
	return err
}

func (im *image) loadDeployment(key, value []byte) error {
	d, err := decodeDeployment(value)
	im.deployments[string(key[1:])] = d
	return err
}

func (im *image) loadBundle(key, value []byte) error {
	number, err := keys.ParseBundle(key)
	if err != nil {
		return err
	}
	b, err := decodeBundle(value)
	im.bundles[number] = b
	im.hashes[b.hash] = number
	return err
}

func (im *image) loadUnmatchedEnds(_, value []byte) (err error) {
	im.unmatched, err = decodeUnmatchedEnds(value)
	return err
}

func (im *image) partitionOf(key []byte) (*topic, int32, error) {
	number, p, err := keys.InPartitionOnly(key)
	if err != nil {
		return nil, 0, err
	}
	t := im.numbers[number]
	if t == nil || !t.hasPartition(p) {
		return nil, 0, fmt.Errorf("%w: no such partition", errMalformed)
	}
	return t, p, nil
}

func (im *image) add(t *topic) {
	im.topics[t.spec.Name] = t
	im.numbers[t.number] = t
	im.ids[t.spec.ID] = t
	im.partitionsInAll += len(t.partitions)
}

func (im *image) remove(t *topic) {
	delete(im.topics, t.spec.Name)
	delete(im.numbers, t.number)
	im.partitionsInAll -= len(t.partitions)
	if im.ids[t.spec.ID] == t { // identities are the proposer's, and may be double
		delete(im.ids, t.spec.ID)
	}
}

// find returns a topic that has the partition, else nil.
func (im *image) find(name string, p int32) *topic {
	t := im.topics[name]
	if t == nil || !t.hasPartition(p) {
		return nil
	}
	return t
}

// findSame is find, but nil if the topic has another identity than the one that is
// asked for, which may be zero.
func (im *image) findSame(name string, id command.TopicID, p int32) *topic {
	t := im.find(name, p)
	if t == nil || id != (command.TopicID{}) && id != t.spec.ID {
		return nil
	}
	return t
}

// isResume says whether records of the topic are events.
func (im *image) isResume(name string) bool {
	_, isBound := im.deployments[name]
	return isBound || name == command.TopicResume
}
