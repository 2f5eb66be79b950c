package statemachine

import (
	"fmt"

	"kont/statemachine/command"
	"kont/statemachine/keys"
	"kont/statemachine/recordbatch"
)

// outputRecordBytesMax bounds one output record, so that it fits a batch.
const outputRecordBytesMax = BatchBytesMax / 2

// outbox gathers the records that a command writes, by partition, so that many
// small outputs become one batch. Order is kept within a partition, and partitions
// are written in the order in which they were first used.
type outbox struct {
	groups []outboxGroup
	// places finds a partition's group.
	places map[outboxPlace]int
}

type outboxPlace struct {
	topic     keys.TopicNumber
	partition int32
}

type outboxGroup struct {
	topic     *topic
	partition int32
	records   []recordbatch.Record
}

// add adds an output to the partition that its key belongs to. The topic exists.
func (o *outbox) add(work *image, output *command.Output, nowUnixMilli int64) {
	t := work.topics[output.Topic]
	if t == nil {
		panic(fmt.Sprintf("statemachine: output to %q, which was checked to exist", output.Topic))
	}
	partition := recordbatch.PartitionForKey(output.Key, t.spec.Partitions)
	o.addTo(t, partition, recordbatch.Record{TimestampUnixMilli: nowUnixMilli, Key: output.Key, Value: output.Value})
}

func (o *outbox) addTo(t *topic, partition int32, record recordbatch.Record) {
	place := outboxPlace{t.number, partition}
	i, exists := o.places[place]
	if !exists {
		i = len(o.groups)
		o.groups = append(o.groups, outboxGroup{topic: t, partition: partition})
		if o.places == nil {
			o.places = map[outboxPlace]int{}
		}
		o.places[place] = i
	}
	o.groups[i].records = append(o.groups[i].records, record)
}

// appendOutputs appends what was gathered, cut into batches of outputBatchBytes.
func (c *change) appendOutputs(o *outbox) {
	for i := range o.groups {
		group := &o.groups[i]
		records := group.records
		for len(records) > 0 {
			n, bytes := 0, 0
			for n < len(records) && (n == 0 || bytes < outputBatchBytes) {
				bytes += len(records[n].Key) + len(records[n].Value)
				n++
			}
			c.batchBuffer = recordbatch.Append(c.batchBuffer[:0], records[:n], recordbatch.Options{})
			c.appendBatch(group.topic, group.partition, c.batchBuffer)
			records = records[n:]
		}
	}
}
