package kafkacompat_test

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// The differential tests hold the same conversation with the listener and with two others:
// franz-go's fake cluster, and Apache Kafka. Of Apache Kafka the answers are recorded, a
// file for each conversation in testdata/apache-kafka, so that these tests need only Go.
// interop/differential.sh starts a broker and records them anew: it names the broker in
// KONT_DIFFERENTIAL_BOOTSTRAP. That broker must be one of which nothing is kept, since
// all its topics and groups are deleted.
const recordedDir = "testdata/apache-kafka"

// A diffSide is one of the servers that are asked the same, and what it said that later
// requests need: the ids that it gives out are its own.
type diffSide struct {
	*txnConn
	// session is what the last Fetch was told.
	session int32
	// topics are the ids of topics that metadata told.
	topics map[string][16]byte
	// groupEpoch is what a group's epoch was before its first member joined. Apache Kafka
	// gives the first member the second epoch, and conversations speak of the first.
	groupEpoch int32
	// node is the id of the broker, as metadata told.
	node int32
	// isBroker: answers that ask for patience are asked for again, and changes are given time to arrive.
	isBroker bool
}

type dataStep struct {
	name    string
	request func(*diffSide) kmsg.Request
}

func dialSide(t *testing.T, address string) *diffSide {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(2 * time.Minute))
	return &diffSide{
		txnConn:    &txnConn{rawConn: &rawConn{Conn: conn, t: t, reader: bufio.NewReader(conn)}, id: fmt.Sprint("tx-", time.Now().UnixNano())},
		topics:     make(map[string][16]byte),
		groupEpoch: -1,
	}
}

// patience are the errors that a client doesn't show but tries again after: the coordinator
// is on its way, or the markers of the transaction before are.
var patience = regexp.MustCompile(`"ErrorCode":(14|15|16|51)\b`)

// withoutIDs describes batches in words, and JSON has bytes in base64.
var recordBatches = regexp.MustCompile(`"RecordBatches":"([^"]+)"`)

// awaitController returns when a broker knows what its controller has written so far: the controller answers before that.
// What is waited for is the last in its log, a quota of somebody who isn't there, which is taken back again.
func (side *diffSide) awaitController(t *testing.T) {
	t.Helper()
	kind, name := "user", "awaits the controller"
	isThere := func() bool {
		r := side.askOrEnd(with(kmsg.NewPtrDescribeClientQuotasRequest(), 1, func(r *kmsg.DescribeClientQuotasRequest) {
			r.Components, r.Strict = []kmsg.DescribeClientQuotasRequestComponent{{EntityType: kind, Match: &name}}, true
		})).(*kmsg.DescribeClientQuotasResponse)
		return len(r.Entries) > 0
	}
	for _, remove := range []bool{false, true} {
		side.askOrEnd(with(kmsg.NewPtrAlterClientQuotasRequest(), 1, func(r *kmsg.AlterClientQuotasRequest) {
			r.Entries = []kmsg.AlterClientQuotasRequestEntry{{
				Entity: []kmsg.AlterClientQuotasRequestEntryEntity{{Type: kind, Name: &name}},
				Ops:    []kmsg.AlterClientQuotasRequestEntryOp{{Key: "request_percentage", Value: 100, Remove: remove}},
			}}
		}))
		for deadline := time.Now().Add(30 * time.Second); isThere() == remove; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("the broker does not learn of what its controller writes")
			}
		}
	}
	// Parts of the broker hear of it one after the other.
	time.Sleep(100 * time.Millisecond)
}

// converse takes the steps with one side, and returns the answers as text.
func converse(t *testing.T, side *diffSide, steps []dataStep) map[string]string {
	t.Helper()
	answers := make(map[string]string)
	for _, step := range steps {
		if _, isTwice := answers[step.name]; isTwice {
			t.Fatalf("two steps are called %q", step.name)
		}
		response := side.askOrEnd(step.request(side))
		for deadline := time.Now().Add(10 * time.Second); side.isBroker && patience.MatchString(asJSON(t, response)) && time.Now().Before(deadline); {
			time.Sleep(50 * time.Millisecond)
			response = side.askOrEnd(step.request(side))
		}
		if response == nil {
			answers[step.name] = `"closed"`
			continue
		}
		switch r := response.(type) {
		case *kmsg.FetchResponse:
			if r.SessionID != 0 {
				side.session = r.SessionID
			}
		case *kmsg.MetadataResponse:
			side.node = r.ControllerID
			for _, topic := range r.Topics {
				if topic.Topic != nil {
					side.topics[*topic.Topic] = topic.TopicID
				}
			}
		case *kmsg.ListTransactionsResponse:
			r.TransactionStates = slices.DeleteFunc(r.TransactionStates, func(s kmsg.ListTransactionsResponseTransactionState) bool { return s.TransactionalID != side.id })
		case *kmsg.CreateTopicsResponse, *kmsg.DeleteTopicsResponse, *kmsg.CreatePartitionsResponse, *kmsg.AlterConfigsResponse,
			*kmsg.IncrementalAlterConfigsResponse, *kmsg.AlterClientQuotasResponse, *kmsg.AlterUserSCRAMCredentialsResponse:
			if side.isBroker {
				side.awaitController(t)
			}
		}
		side.learn(response)
		side.fromFirstEpoch(response)
		inOrder(response)
		answers[step.name] = recordBatches.ReplaceAllStringFunc(normalized(t, withoutIDs(t, response)), func(found string) string {
			described, err := base64.StdEncoding.DecodeString(recordBatches.FindStringSubmatch(found)[1])
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprintf("\"RecordBatches\":%q", described)
		})
		answers[step.name] = strings.ReplaceAll(answers[step.name], side.id, "tx")
	}
	return answers
}

// askOrEnd returns nil and dials anew where the connection is closed instead of an answer.
func (side *diffSide) askOrEnd(request kmsg.Request) kmsg.Response {
	side.t.Helper()
	side.last++
	side.send(frame(side.last, request))
	if _, err := side.reader.Peek(4); err != nil {
		side.rawConn = dialSide(side.t, side.RemoteAddr().String()).rawConn
		return nil
	}
	return answer[kmsg.Response](side.rawConn, side.last, request)
}

// fromFirstEpoch counts the epochs of a consumer group from 1.
func (side *diffSide) fromFirstEpoch(response kmsg.Response) {
	switch r := response.(type) {
	case *kmsg.ConsumerGroupHeartbeatResponse:
		if r.MemberEpoch > 0 && side.groupEpoch < 0 {
			side.groupEpoch = r.MemberEpoch - 1
		}
		if r.MemberEpoch > 0 {
			r.MemberEpoch -= side.groupEpoch
		}
	case *kmsg.ConsumerGroupDescribeResponse:
		for i := range r.Groups {
			g := &r.Groups[i]
			if g.Epoch > 0 {
				g.Epoch, g.AssignmentEpoch = g.Epoch-side.groupEpoch, g.AssignmentEpoch-side.groupEpoch
			}
			for j := range g.Members {
				g.Members[j].MemberEpoch -= side.groupEpoch
			}
		}
	}
}

// compareAnswers fails for each step that differs and is not listed, and for each that
// is listed and does not differ.
func compareAnswers(t *testing.T, who string, steps []dataStep, ours, theirs, differences map[string]string) {
	t.Helper()
	for _, step := range steps {
		if a, b := ours[step.name], theirs[step.name]; a != b && differences[step.name] == "" {
			t.Errorf("%s:\nours   %s\n%s %s", step.name, a, who, b)
		}
	}
	for name, reason := range differences {
		if ours[name] == theirs[name] {
			t.Errorf("%s: %s doesn't differ any more: %s", who, name, reason)
		}
	}
}

// compareWithBroker compares with the answers of Apache Kafka.
func compareWithBroker(t *testing.T, conversation string, steps []dataStep, ours, differences map[string]string) {
	t.Helper()
	file := filepath.Join(recordedDir, conversation+".txt")
	if address := os.Getenv("KONT_DIFFERENTIAL_BOOTSTRAP"); address != "" {
		emptyBroker(t, dialSide(t, address))
		side := dialSide(t, address)
		side.isBroker = true
		answers := converse(t, side, steps)
		var text bytes.Buffer
		for _, step := range steps {
			fmt.Fprintf(&text, "%s\n\t%s\n", step.name, answers[step.name])
		}
		if err := os.WriteFile(file, text.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	theirs := make(map[string]string)
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	for i := 0; i+1 < len(lines); i += 2 {
		theirs[lines[i]] = strings.TrimPrefix(lines[i+1], "\t")
	}
	if len(theirs) != len(steps) {
		t.Errorf("%s has %d answers, and the conversation %d steps: run interop/differential.sh", file, len(theirs), len(steps))
	}
	compareAnswers(t, "kafka ", steps, ours, theirs, differences)
}

// emptyBroker deletes all groups and topics, as conversations use the same names, and
// has the broker make its own: that it does when it is asked for a coordinator first.
func emptyBroker(t *testing.T, side *diffSide) {
	t.Helper()
	side.isBroker = true
	converse(t, side, []dataStep{{"groups", findRequest(0)}, {"transactions", findRequest(1)}})
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		left := 0
		groups := ask[*kmsg.ListGroupsResponse](side.rawConn, with(kmsg.NewPtrListGroupsRequest(), 4, func(*kmsg.ListGroupsRequest) {}))
		dropGroups := with(kmsg.NewPtrDeleteGroupsRequest(), 2, func(r *kmsg.DeleteGroupsRequest) {
			for _, group := range groups.Groups {
				r.Groups = append(r.Groups, group.Group)
			}
		})
		topics := ask[*kmsg.MetadataResponse](side.rawConn, with(kmsg.NewPtrMetadataRequest(), 4, func(*kmsg.MetadataRequest) {}))
		dropTopics := with(kmsg.NewPtrDeleteTopicsRequest(), 4, func(r *kmsg.DeleteTopicsRequest) {
			r.TimeoutMillis = 10_000
			for _, topic := range topics.Topics {
				if !topic.IsInternal {
					r.TopicNames = append(r.TopicNames, *topic.Topic)
				}
			}
		})
		if left = len(dropGroups.Groups) + len(dropTopics.TopicNames); left == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the broker keeps %d topics and groups", left)
		}
		if len(dropGroups.Groups) > 0 {
			ask[*kmsg.DeleteGroupsResponse](side.rawConn, dropGroups)
		}
		if len(dropTopics.TopicNames) > 0 {
			ask[*kmsg.DeleteTopicsResponse](side.rawConn, dropTopics)
		}
	}
}

func findRequest(kind int8) func(*diffSide) kmsg.Request {
	return func(*diffSide) kmsg.Request {
		return with(kmsg.NewPtrFindCoordinatorRequest(), 4, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorType, r.CoordinatorKeys = kind, []string{"any"} })
	}
}

// inOrder puts into order what may come in any, and leaves out what is of one server: our
// own configurations, directories, and the listeners of a broker and its internal topics.
func inOrder(response kmsg.Response) {
	switch r := response.(type) {
	case *kmsg.DescribeLogDirsResponse:
		for i := range r.Dirs {
			r.Dirs[i].Dir, r.Dirs[i].TotalBytes, r.Dirs[i].UsableBytes = "", 0, 0
		}
	case *kmsg.AlterClientQuotasResponse:
		for i := range r.Entries {
			slices.SortFunc(r.Entries[i].Entity, func(a, b kmsg.AlterClientQuotasResponseEntryEntity) int { return strings.Compare(a.Type, b.Type) })
		}
	case *kmsg.MetadataResponse:
		for _, topic := range r.Topics {
			slices.SortFunc(topic.Partitions, func(a, b kmsg.MetadataResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
		}
		slices.SortFunc(r.Topics, func(a, b kmsg.MetadataResponseTopic) int { return strings.Compare(deref(a.Topic), deref(b.Topic)) })
	case *kmsg.FetchResponse:
		for i := range r.Topics {
			slices.SortFunc(r.Topics[i].Partitions, func(a, b kmsg.FetchResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
		}
	case *kmsg.CreateTopicsResponse:
		slices.SortFunc(r.Topics, func(a, b kmsg.CreateTopicsResponseTopic) int { return strings.Compare(a.Topic, b.Topic) })
		for i := range r.Topics {
			r.Topics[i].Configs = slices.DeleteFunc(r.Topics[i].Configs, func(c kmsg.CreateTopicsResponseTopicConfig) bool { return strings.HasPrefix(c.Name, "kont.") })
			for j := range r.Topics[i].Configs {
				if c := &r.Topics[i].Configs[j]; c.Name == "min.insync.replicas" && c.Source == int8(kmsg.ConfigSourceDynamicDefaultBrokerConfig) {
					c.Source = int8(kmsg.ConfigSourceDefaultConfig) // a new broker sets what is the default anyway
				}
			}
			slices.SortFunc(r.Topics[i].Configs, func(a, b kmsg.CreateTopicsResponseTopicConfig) int { return strings.Compare(a.Name, b.Name) })
		}
	case *kmsg.DescribeConfigsResponse:
		for i := range r.Resources {
			r.Resources[i].Configs = slices.DeleteFunc(r.Resources[i].Configs, func(c kmsg.DescribeConfigsResponseResourceConfig) bool { return strings.HasPrefix(c.Name, "kont.") })
			for j := range r.Resources[i].Configs {
				if c := &r.Resources[i].Configs[j]; c.Name == "min.insync.replicas" && c.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig {
					c.Source = kmsg.ConfigSourceDefaultConfig
					c.ConfigSynonyms = slices.DeleteFunc(c.ConfigSynonyms, func(s kmsg.DescribeConfigsResponseResourceConfigConfigSynonym) bool {
						return s.Source == kmsg.ConfigSourceDynamicDefaultBrokerConfig
					})
				}
			}
			slices.SortFunc(r.Resources[i].Configs, func(a, b kmsg.DescribeConfigsResponseResourceConfig) int { return strings.Compare(a.Name, b.Name) })
		}
	case *kmsg.DescribeProducersResponse:
		for i := range r.Topics {
			slices.SortFunc(r.Topics[i].Partitions, func(a, b kmsg.DescribeProducersResponseTopicPartition) int {
				return cmp.Compare(a.Partition, b.Partition)
			})
		}
	case *kmsg.DescribeTransactionsResponse:
		slices.SortFunc(r.TransactionStates, func(a, b kmsg.DescribeTransactionsResponseTransactionState) int {
			return strings.Compare(a.TransactionalID, b.TransactionalID)
		})
	case *kmsg.AddPartitionsToTxnResponse:
		for i := range r.Topics {
			slices.SortFunc(r.Topics[i].Partitions, func(a, b kmsg.AddPartitionsToTxnResponseTopicPartition) int {
				return cmp.Compare(a.Partition, b.Partition)
			})
		}
	case *kmsg.DeleteGroupsResponse:
		slices.SortFunc(r.Groups, func(a, b kmsg.DeleteGroupsResponseGroup) int { return strings.Compare(a.Group, b.Group) })
	case *kmsg.DeleteRecordsResponse:
		for i := range r.Topics {
			slices.SortFunc(r.Topics[i].Partitions, func(a, b kmsg.DeleteRecordsResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
		}
	case *kmsg.ListConfigResourcesResponse:
		r.ConfigResources = slices.DeleteFunc(r.ConfigResources, func(c kmsg.ListConfigResourcesResponseConfigResource) bool { return strings.HasPrefix(c.Name, "__") })
		slices.SortFunc(r.ConfigResources, func(a, b kmsg.ListConfigResourcesResponseConfigResource) int {
			return cmp.Or(cmp.Compare(a.Type, b.Type), strings.Compare(a.Name, b.Name))
		})
	case *kmsg.DescribeClientQuotasResponse:
		for i := range r.Entries {
			slices.SortFunc(r.Entries[i].Values, func(a, b kmsg.DescribeClientQuotasResponseEntryValue) int { return strings.Compare(a.Key, b.Key) })
			slices.SortFunc(r.Entries[i].Entity, func(a, b kmsg.DescribeClientQuotasResponseEntryEntity) int { return strings.Compare(a.Type, b.Type) })
		}
		slices.SortFunc(r.Entries, func(a, b kmsg.DescribeClientQuotasResponseEntry) int {
			return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
		})
	case *kmsg.DescribeUserSCRAMCredentialsResponse:
		slices.SortFunc(r.Results, func(a, b kmsg.DescribeUserSCRAMCredentialsResponseResult) int { return strings.Compare(a.User, b.User) })
	case *kmsg.AlterUserSCRAMCredentialsResponse:
		slices.SortFunc(r.Results, func(a, b kmsg.AlterUserSCRAMCredentialsResponseResult) int { return strings.Compare(a.User, b.User) })
	case *kmsg.DeleteTopicsResponse:
		slices.SortFunc(r.Topics, func(a, b kmsg.DeleteTopicsResponseTopic) int {
			return cmp.Or(strings.Compare(deref(a.Topic), deref(b.Topic)), cmp.Compare(a.ErrorCode, b.ErrorCode))
		})
	case *kmsg.ElectLeadersResponse:
		r.Topics = slices.DeleteFunc(r.Topics, func(t kmsg.ElectLeadersResponseTopic) bool { return strings.HasPrefix(t.Topic, "__") })
		slices.SortFunc(r.Topics, func(a, b kmsg.ElectLeadersResponseTopic) int { return strings.Compare(a.Topic, b.Topic) })
		for i := range r.Topics {
			slices.SortFunc(r.Topics[i].Partitions, func(a, b kmsg.ElectLeadersResponseTopicPartition) int { return cmp.Compare(a.Partition, b.Partition) })
		}
	case *kmsg.ListGroupsResponse:
		slices.SortFunc(r.Groups, func(a, b kmsg.ListGroupsResponseGroup) int { return strings.Compare(a.Group, b.Group) })
	case *kmsg.DescribeACLsResponse:
		for i := range r.Resources {
			slices.SortFunc(r.Resources[i].ACLs, func(a, b kmsg.DescribeACLsResponseResourceACL) int { return cmp.Compare(a.Operation, b.Operation) })
		}
		slices.SortFunc(r.Resources, func(a, b kmsg.DescribeACLsResponseResource) int {
			return cmp.Or(cmp.Compare(a.ResourceType, b.ResourceType), strings.Compare(a.ResourceName, b.ResourceName), cmp.Compare(a.ResourcePatternType, b.ResourcePatternType))
		})
	case *kmsg.DeleteACLsResponse:
		for i := range r.Results {
			slices.SortFunc(r.Results[i].MatchingACLs, func(a, b kmsg.DeleteACLsResponseResultMatchingACL) int {
				return cmp.Or(strings.Compare(a.ResourceName, b.ResourceName), cmp.Compare(a.Operation, b.Operation))
			})
		}
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func asJSON(t *testing.T, response kmsg.Response) string {
	t.Helper()
	raw, err := json.Marshal(response)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
