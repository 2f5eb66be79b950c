package statemachine

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// transaction is a transactional id: who may use it, and its open transaction if there
// is one. The image has all of them; one that is in an image is never written to, but
// replaced by a copy (see change.edit), so both images may have the same.
//
// Invariant: partitions and groups are empty unless the status is Ongoing.
type transaction struct {
	id       string
	producer command.ProducerEpoch
	// last is who producer was before its epoch was raised at its own wish, so that it
	// can ask again; NoProducerID if there is no such.
	last         command.ProducerEpoch
	status       command.TransactionStatus
	timeoutMilli int32
	// startedUnixMilli is of the open transaction, 0 for none.
	startedUnixMilli int64
	updatedUnixMilli int64
	// partitions are sorted. Some may be of topics that were deleted.
	partitions []transactionPartition
	// groups are those that it may hold offsets for, sorted.
	groups []string
}

type transactionPartition struct {
	topic     keys.TopicNumber
	partition int32
}

func compareTransactionPartitions(a, b transactionPartition) int {
	if a.topic != b.topic {
		return int(int64(a.topic) - int64(b.topic))
	}
	return int(a.partition - b.partition)
}

var nobody = command.ProducerEpoch{ProducerID: command.NoProducerID, Epoch: command.NoProducerEpoch}

func (tx *transaction) isOpen() bool { return tx.status == command.TransactionOngoing }

// dueUnixMilli is when the transaction takes too long.
func (tx *transaction) dueUnixMilli() int64 { return tx.startedUnixMilli + int64(tx.timeoutMilli) }

func (tx *transaction) hasPartition(p transactionPartition) bool {
	_, found := slices.BinarySearchFunc(tx.partitions, p, compareTransactionPartitions)
	return found
}

func (tx *transaction) hasGroup(group string) bool {
	_, found := slices.BinarySearch(tx.groups, group)
	return found
}

func (tx *transaction) encode(dst []byte) []byte {
	dst = append(dst, valueVersion)
	for _, p := range []command.ProducerEpoch{tx.producer, tx.last} {
		dst = binary.AppendVarint(dst, p.ProducerID)
		dst = binary.AppendVarint(dst, int64(p.Epoch))
	}
	dst = append(dst, byte(tx.status))
	dst = binary.AppendVarint(dst, int64(tx.timeoutMilli))
	dst = binary.AppendVarint(dst, tx.startedUnixMilli)
	dst = binary.AppendVarint(dst, tx.updatedUnixMilli-tx.startedUnixMilli)
	dst = binary.AppendUvarint(dst, uint64(len(tx.partitions)))
	for _, p := range tx.partitions {
		dst = binary.AppendUvarint(dst, uint64(p.topic))
		dst = binary.AppendUvarint(dst, uint64(p.partition))
	}
	return appendStrings(dst, tx.groups)
}

// decodeTransaction reads all but the id, which is in the key.
func decodeTransaction(value []byte) (transaction, error) {
	r := readValue(value)
	var tx transaction
	for _, p := range []*command.ProducerEpoch{&tx.producer, &tx.last} {
		*p = command.ProducerEpoch{ProducerID: r.int(), Epoch: int16(r.int())}
	}
	tx.status = command.TransactionStatus(r.byte())
	tx.timeoutMilli = int32(r.int())
	tx.startedUnixMilli = r.int()
	tx.updatedUnixMilli = r.int() + tx.startedUnixMilli
	n := r.count()
	for i := 0; i < n && !r.bad; i++ {
		tx.partitions = append(tx.partitions, transactionPartition{keys.TopicNumber(r.uint()), int32(r.uint())})
	}
	tx.groups = r.strings()
	return tx, r.end("transaction")
}

// epochMax is the last epoch that a producer can get. The one after it is for markers
// that fence it.
const epochMax = math.MaxInt16 - 1

// nextEpoch is who comes after a producer: the next epoch, or another id when there is
// none.
func (c *change) nextEpoch(p command.ProducerEpoch) command.ProducerEpoch {
	if p.Epoch < epochMax {
		return command.ProducerEpoch{ProducerID: p.ProducerID, Epoch: p.Epoch + 1}
	}
	return c.newProducer()
}

// newProducer is a producer with an id that nobody had.
func (c *change) newProducer() command.ProducerEpoch {
	id := c.work.meta.nextProducerID
	c.work.meta.nextProducerID++
	c.isMetaDirty = true
	return command.ProducerEpoch{ProducerID: id}
}

// transactionOf finds the transaction that a producer says it has.
func (c *change) transactionOf(id string, p command.ProducerEpoch) (*transaction, error) {
	tx := c.work.transactions.byID[id]
	if tx == nil || tx.producer.ProducerID != p.ProducerID {
		return nil, fmt.Errorf("%w: transactional id %q, producer %d", command.ErrProducerIDMapping, id, p.ProducerID)
	}
	// The epoch behind the last one fences and is nobody's; there is none to follow it.
	if tx.producer.Epoch != p.Epoch || p.Epoch > epochMax {
		return nil, fmt.Errorf("%w: transactional id %q: epoch %d, the current one is %d", command.ErrProducerFenced, id, p.Epoch, tx.producer.Epoch)
	}
	return tx, nil
}

// edit returns a transaction that may be written to, and will be stored. It is a copy
// the first time. The producer and the status are changed by setProducer and setStatus.
func (c *change) edit(tx *transaction) *transaction {
	if c.isEdited[tx.id] {
		return tx
	}
	if c.isEdited == nil {
		c.isEdited = map[string]bool{}
	}
	c.isEdited[tx.id] = true
	c.transactionIDs = append(c.transactionIDs, tx.id)
	edited := *tx
	edited.partitions, edited.groups = slices.Clone(tx.partitions), slices.Clone(tx.groups)
	c.work.transactions.remove(tx)
	c.work.transactions.add(&edited)
	return &edited
}

// setProducer and setStatus keep the places where a transaction is found in step.
func (c *change) setProducer(tx *transaction, p command.ProducerEpoch) {
	c.work.transactions.remove(tx)
	tx.producer = p
	c.work.transactions.add(tx)
}

func (c *change) setStatus(tx *transaction, status command.TransactionStatus) {
	c.work.transactions.remove(tx)
	tx.status = status
	tx.updatedUnixMilli = c.now
	c.work.transactions.add(tx)
}

// begin opens a transaction if none is open. tx may be written to.
func (c *change) begin(tx *transaction) {
	if !tx.isOpen() {
		c.setStatus(tx, command.TransactionOngoing)
		tx.startedUnixMilli = c.now
	}
	tx.updatedUnixMilli = c.now
}

// addPartition makes a partition part of the transaction, which it begins if need be.
func (c *change) addPartition(tx *transaction, p transactionPartition) error {
	if tx.isOpen() && tx.hasPartition(p) {
		return nil
	}
	if n := len(tx.partitions); n >= TransactionPartitionsMax {
		return limitError("partitions of a transaction", n+1, TransactionPartitionsMax)
	}
	tx = c.edit(tx)
	c.begin(tx)
	i, _ := slices.BinarySearchFunc(tx.partitions, p, compareTransactionPartitions)
	tx.partitions = slices.Insert(tx.partitions, i, p)
	return nil
}

func (c *change) addGroup(tx *transaction, group string) error {
	if tx.isOpen() && tx.hasGroup(group) {
		return nil
	}
	if len(group) > GroupNameBytesMax {
		return limitError("bytes of a group's name", len(group), GroupNameBytesMax)
	}
	if n := len(tx.groups); n >= TransactionGroupsMax {
		return limitError("groups of a transaction", n+1, TransactionGroupsMax)
	}
	tx = c.edit(tx)
	c.begin(tx)
	i, _ := slices.BinarySearch(tx.groups, group)
	tx.groups = slices.Insert(tx.groups, i, group)
	return nil
}

// transactions are all transactional ids, and where to find them.
type transactions struct {
	byID       map[string]*transaction
	byProducer map[int64]*transaction
	// open are those with an open transaction, by id.
	open map[string]*transaction
}

func newTransactions() transactions {
	return transactions{map[string]*transaction{}, map[int64]*transaction{}, map[string]*transaction{}}
}

func (t *transactions) add(tx *transaction) {
	t.byID[tx.id] = tx
	t.byProducer[tx.producer.ProducerID] = tx
	if tx.isOpen() {
		t.open[tx.id] = tx
	}
}

func (t *transactions) remove(tx *transaction) {
	delete(t.byID, tx.id)
	delete(t.byProducer, tx.producer.ProducerID)
	delete(t.open, tx.id)
}

// openWithGroup are the ids of the open transactions that may hold offsets of a group,
// sorted.
func (t *transactions) openWithGroup(group string) []string {
	var ids []string
	for id, tx := range t.open {
		if tx.hasGroup(group) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

func (im *image) loadTransaction(key, value []byte) error {
	id, _, isOffset, err := keys.ParseTransaction(key)
	if err != nil || isOffset {
		return err
	}
	tx, err := decodeTransaction(value)
	tx.id = id
	im.transactions.add(&tx)
	return err
}

// writeTransactions writes what was edited.
func (c *change) writeTransactions() {
	for _, id := range c.transactionIDs {
		if tx := c.work.transactions.byID[id]; tx != nil {
			c.value = tx.encode(c.value[:0])
			c.set(c.key.TransactionOnly(id), c.value)
		}
	}
}

// publishTransactions lets readers see what was edited.
func (c *change) publishTransactions(view *image) {
	for _, id := range c.transactionIDs {
		if old := view.transactions.byID[id]; old != nil {
			view.transactions.remove(old)
		}
	}
	for _, id := range c.transactionIDs {
		if tx := c.work.transactions.byID[id]; tx != nil {
			view.transactions.add(tx)
		}
	}
}

// sortedIDs are the ids of a map of transactions.
func sortedIDs(all map[string]*transaction) []string {
	ids := make([]string, 0, len(all))
	for id := range all {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}
