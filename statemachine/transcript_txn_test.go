package statemachine

import (
	"strings"
	"testing"

	"kont/statemachine/command"
)

// parseTransaction reads the commands of transactions. PRODUCER is ID/EPOCH; + after the
// name of a command stands for what KIP-890, part 2, brought: partitions and groups are
// added, or the epoch is raised.
//
//	begin ID TIMEOUT [PRODUCER]                     join ID PRODUCER [TOPIC/PARTITION|GROUP]...
//	write[+] ID TOPIC PARTITION producer=ID/EPOCH/SEQUENCE [KEY=VALUE|KEY]...
//	hold[+] ID PRODUCER GROUP TOPIC PARTITION OFFSET
//	end[+] ID PRODUCER commit|abort                 timeout ID...
//	drop TIME ID...
func parseTransaction(t *testing.T, words []string, now int64) command.Command {
	verb, isNew := strings.CutSuffix(words[0], "+")
	switch verb {
	case "begin":
		com := command.InitProducer{TransactionalID: words[1], TimeoutMilli: number[int32](t, words[2]), Expected: nobody, CoordinatorEpoch: 1, NowUnixMilli: now}
		if len(words) > 3 {
			com.Expected = parseProducer(t, words[3])
		}
		return com
	case "join":
		com := command.AddToTransaction{TransactionalID: words[1], Producer: parseProducer(t, words[2]), NowUnixMilli: now}
		for _, word := range words[3:] {
			if topic, partition, isPartition := strings.Cut(word, "/"); isPartition {
				com.Partitions = append(com.Partitions, command.TopicPartition{Topic: topic, Partition: number[int32](t, partition)})
			} else {
				com.Groups = append(com.Groups, word)
			}
		}
		return com
	case "write":
		com := parseAppend(t, words[1:], now, true).(command.AppendRecords)
		com.Appends[0].TransactionalID, com.Appends[0].AddsPartition = words[1], isNew
		return com
	case "hold":
		return command.CommitTransactionOffsets{TransactionalID: words[1], Producer: parseProducer(t, words[2]), Group: words[3], AddsGroup: isNew, NowUnixMilli: now,
			Offsets: []command.GroupOffset{{Topic: words[4], Partition: number[int32](t, words[5]), Offset: number[int64](t, words[6]), LeaderEpoch: -1}}}
	case "end":
		return command.EndTransaction{TransactionalID: words[1], Producer: parseProducer(t, words[2]), Commit: words[3] == "commit", BumpsEpoch: isNew,
			CoordinatorEpoch: 1, NowUnixMilli: now}
	case "timeout":
		return command.AbortTransactions{TransactionalIDs: words[1:], CoordinatorEpoch: 1, NowUnixMilli: now}
	case "drop":
		return command.ForgetTransactions{TransactionalIDs: words[2:], BeforeUnixMilli: number[int64](t, words[1])}
	}
	return nil
}

func parseProducer(t *testing.T, text string) command.ProducerEpoch {
	t.Helper()
	id, epoch, _ := strings.Cut(text, "/")
	return command.ProducerEpoch{ProducerID: number[int64](t, id), Epoch: int16(number[int](t, epoch))}
}
