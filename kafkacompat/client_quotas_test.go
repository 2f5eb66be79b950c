package kafkacompat_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

type quotaOp struct {
	key      string
	value    float64
	isRemove bool
}

// quotaEntry is an entry about an entity like "user=ann client-id=" (the default).
func quotaEntry(entity string, ops ...quotaOp) kmsg.AlterClientQuotasRequestEntry {
	entry := kmsg.NewAlterClientQuotasRequestEntry()
	for part := range strings.FieldsSeq(entity) {
		kind, name, _ := strings.Cut(part, "=")
		answer := kmsg.NewAlterClientQuotasRequestEntryEntity()
		if answer.Type = kind; name != "" {
			answer.Name = &name
		}
		entry.Entity = append(entry.Entity, answer)
	}
	for _, op := range ops {
		o := kmsg.NewAlterClientQuotasRequestEntryOp()
		o.Key, o.Value, o.Remove = op.key, op.value, op.isRemove
		entry.Ops = append(entry.Ops, o)
	}
	return entry
}

func alterQuotas(c *rawConn, entries ...kmsg.AlterClientQuotasRequestEntry) (codes []int16) {
	request := kmsg.NewPtrAlterClientQuotasRequest()
	request.Version, request.Entries = 1, entries
	for _, entry := range ask[*kmsg.AlterClientQuotasResponse](c, request).Entries {
		codes = append(codes, entry.ErrorCode)
	}
	return codes
}

func TestQuotasAreDescribedAsTheyWereAltered(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	codes := alterQuotas(c,
		quotaEntry("user=ann", quotaOp{key: "producer_byte_rate", value: 1024}, quotaOp{key: "controller_mutation_rate", value: 0.5}),
		quotaEntry("user=ann client-id=app", quotaOp{key: "producer_byte_rate", value: 2048}),
		quotaEntry("client-id=", quotaOp{key: "consumer_byte_rate", value: 10}),
		quotaEntry("user=", quotaOp{key: "consumer_byte_rate", value: 20}),
		quotaEntry("ip=::0001", quotaOp{key: "connection_creation_rate", value: 7}))
	if !slices.Equal(codes, make([]int16, 5)) {
		t.Fatalf("errors %v", codes)
	}
	type component = kmsg.DescribeClientQuotasRequestComponent
	describe := func(version int16, isStrict bool, components ...component) string {
		request := kmsg.NewPtrDescribeClientQuotasRequest()
		request.Version, request.Strict, request.Components = version, isStrict, components
		response := ask[*kmsg.DescribeClientQuotasResponse](c, request)
		if response.ErrorCode != 0 {
			return kerr.TypedErrorForCode(response.ErrorCode).Message
		}
		var lines []string
		for _, entry := range response.Entries {
			text := ""
			for _, part := range entry.Entity {
				name := "<default>"
				if part.Name != nil {
					name = *part.Name
				}
				text += part.Type + "=" + name + " "
			}
			for _, value := range entry.Values {
				text += fmt.Sprintf("%s=%v ", value.Key, value.Value)
			}
			lines = append(lines, strings.TrimSpace(text))
		}
		return strings.Join(lines, "; ")
	}
	match := func(kind string, how kmsg.QuotasMatchType, name ...string) component {
		one := component{EntityType: kind, MatchType: how}
		if len(name) > 0 {
			one.Match = &name[0]
		}
		return one
	}
	const exact, theDefault, anyOne = kmsg.QuotasMatchTypeExact, kmsg.QuotasMatchTypeDefault, kmsg.QuotasMatchTypeAny
	for version := int16(0); version <= 1; version++ {
		for _, test := range []struct {
			isStrict   bool
			components []component
			want       string
		}{
			{false, nil, "client-id=app user=ann producer_byte_rate=2048; client-id=<default> consumer_byte_rate=10; ip=::1 connection_creation_rate=7; " +
				"user=ann controller_mutation_rate=0.5 producer_byte_rate=1024; user=<default> consumer_byte_rate=20"},
			{false, []component{match("user", exact, "ann")}, "client-id=app user=ann producer_byte_rate=2048; user=ann controller_mutation_rate=0.5 producer_byte_rate=1024"},
			{true, []component{match("user", exact, "ann")}, "user=ann controller_mutation_rate=0.5 producer_byte_rate=1024"},
			{true, []component{match("user", theDefault)}, "user=<default> consumer_byte_rate=20"},
			{false, []component{match("client-id", anyOne), match("user", anyOne)}, "client-id=app user=ann producer_byte_rate=2048"},
			{true, []component{match("ip", anyOne)}, "ip=::1 connection_creation_rate=7"},
			{true, []component{match("user", exact, "nobody")}, ""},
			{true, []component{match("user", exact)}, "INVALID_REQUEST"},
			{true, []component{match("user", anyOne), match("user", anyOne)}, "INVALID_REQUEST"},
			{true, []component{match("user", anyOne), match("ip", anyOne)}, "INVALID_REQUEST"},
			{true, []component{match("user", 9)}, "INVALID_REQUEST"},
			{true, []component{match("colour", anyOne)}, "UNSUPPORTED_VERSION"},
		} {
			if got := describe(version, test.isStrict, test.components...); got != test.want {
				t.Errorf("version %d, %v: %s\nwant %s", version, test.components, got, test.want)
			}
		}
	}
	alterQuotas(c, quotaEntry("user=ann client-id=app", quotaOp{key: "producer_byte_rate", isRemove: true}))
	if got := describe(1, false, match("client-id", exact, "app")); got != "" {
		t.Errorf("after its removal: %s", got)
	}
}

func TestNoQuotasAreDescribedAsAnEmptyList(t *testing.T) {
	c := startServer(t).dial()
	request := kmsg.NewPtrDescribeClientQuotasRequest()
	for request.Version = 0; request.Version <= 1; request.Version++ {
		if response := ask[*kmsg.DescribeClientQuotasResponse](c, request); response.ErrorCode != 0 || response.Entries == nil || len(response.Entries) != 0 {
			t.Errorf("version %d: %+v; the Java client fails where the list is null", request.Version, response)
		}
	}
}

func TestQuotasThatCannotBeKeptToAreRefused(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	rate := quotaOp{key: "producer_byte_rate", value: 1}
	twice := quotaEntry("user=a user=b", rate)
	empty := quotaEntry("user=a", rate)
	*empty.Entity[0].Name = ""
	for name, entry := range map[string]kmsg.AlterClientQuotasRequestEntry{
		"nobody": quotaEntry("", rate), "twice": twice, "no name": empty, "colour": quotaEntry("colour=red", rate),
		"no address": quotaEntry("ip=example", quotaOp{key: "connection_creation_rate", value: 1}), "address and user": quotaEntry("ip=::1 user=a"),
		"bytes of an address": quotaEntry("ip=::1", rate), "connections of a user": quotaEntry("user=a", quotaOp{key: "connection_creation_rate", value: 1}),
		"zero": quotaEntry("user=a", quotaOp{key: "producer_byte_rate"}), "negative": quotaEntry("user=a", quotaOp{key: "producer_byte_rate", value: -1}),
		"half a byte": quotaEntry("user=a", quotaOp{key: "producer_byte_rate", value: 0.5}), "unknown": quotaEntry("user=a", quotaOp{key: "x", value: 1}),
		"percentage": quotaEntry("user=a", quotaOp{key: "request_percentage", value: 50}), "one quota twice": quotaEntry("user=a", rate, rate),
	} {
		if got := alterQuotas(c, entry); !slices.Equal(got, []int16{kerr.InvalidRequest.Code}) {
			t.Errorf("%s: errors %v", name, got)
		}
	}
	if got := alterQuotas(c, quotaEntry("user=a", rate), quotaEntry("user=a", rate)); got[1] != kerr.InvalidRequest.Code {
		t.Errorf("an entity twice: %v", got)
	}
	request := kmsg.NewPtrAlterClientQuotasRequest()
	request.ValidateOnly = true
	request.Entries = append(request.Entries, quotaEntry("user=z", rate))
	if got := ask[*kmsg.AlterClientQuotasResponse](c, request).Entries[0].ErrorCode; got != 0 {
		t.Errorf("validate only: error %d", got)
	}
	if all := s.log.ClientQuotas().ByEntity; len(all) != 1 {
		t.Errorf("%v", all)
	}
	s.cluster.SetLeader(2)
	if got := alterQuotas(c, quotaEntry("user=a", rate)); got[0] != kerr.NotController.Code {
		t.Errorf("on another node: %v", got)
	}
}

// A client that takes more than its quota is told for how long to wait, and heard again after that.
func TestThrottledClientWaits(t *testing.T) {
	s := startServer(t)
	s.createTopic("orders", 1)
	c := s.dial()
	alterQuotas(c, quotaEntry("client-id=test", quotaOp{key: "producer_byte_rate", value: 1000}, quotaOp{key: "consumer_byte_rate", value: 1}))
	produce := func() int32 {
		batch := oneBatch(strings.Repeat("a", 10_200))
		return ask[*kmsg.ProduceResponse](c, produceRequest(-1, 9, "orders", batch)).ThrottleMillis
	}
	first := produce()
	if first <= 0 || first > 1000 {
		t.Fatalf("%d ms for a bit more than 10 seconds' worth", first)
	}
	// Were it not held back until then, the next request would be answered with the rest of the first wait, too.
	if second := produce(); second > 10_000+first+1 {
		t.Errorf("throttled for %d ms and then for %d", first, second)
	}
	if fetched := ask[*kmsg.FetchResponse](s.dial(), fetchRequest("orders", 0, 1, 0)); fetched.ThrottleMillis == 0 || len(fetched.Topics[0].Partitions[0].RecordBatches) == 0 {
		t.Errorf("%d ms for a fetch", fetched.ThrottleMillis)
	}
	// Others aren't held back.
	if other := ask[*kmsg.MetadataResponse](s.dial(), kmsg.NewPtrMetadataRequest()); other.ThrottleMillis != 0 {
		t.Errorf("%+v", other)
	}
}

func TestTooManyTopicsAreRefusedByQuota(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	alterQuotas(c, quotaEntry("user=ANONYMOUS", quotaOp{key: "controller_mutation_rate", value: 0.001}))
	create := func(version int16, name string) *kmsg.CreateTopicsResponse {
		request := kmsg.NewPtrCreateTopicsRequest()
		request.Version = version
		one := kmsg.NewCreateTopicsRequestTopic()
		one.Topic, one.NumPartitions, one.ReplicationFactor = name, 5, 1
		request.Topics = append(request.Topics, one)
		return ask[*kmsg.CreateTopicsResponse](c, request)
	}
	if got := create(6, "a"); got.Topics[0].ErrorCode != 0 {
		t.Fatalf("%+v", got)
	}
	request := kmsg.NewPtrCreateTopicsRequest()
	request.Version = 6
	one := kmsg.NewCreateTopicsRequestTopic()
	one.Topic, one.NumPartitions, one.ReplicationFactor = "b", 1, 1
	request.Topics = append(request.Topics, one)
	if got := ask[*kmsg.CreateTopicsResponse](s.dial(), request); got.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code || got.ThrottleMillis == 0 {
		t.Errorf("%+v", got)
	}
	if got := ask[*kmsg.CreatePartitionsResponse](s.dial(), createPartitionsRequest(3, "a", 9)); got.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code || got.ThrottleMillis == 0 {
		t.Errorf("%+v", got)
	}
	if topic, _ := s.log.Topic("a"); topic.Partitions != 5 {
		t.Errorf("topic a has %d partitions", topic.Partitions)
	}
	remove := kmsg.NewPtrDeleteTopicsRequest()
	remove.Version, remove.TopicNames = 5, []string{"a"}
	if got := ask[*kmsg.DeleteTopicsResponse](s.dial(), remove); got.Topics[0].ErrorCode != kerr.ThrottlingQuotaExceeded.Code {
		t.Errorf("%+v", got)
	}
	if _, ok := s.log.Topic("b"); ok {
		t.Error("topic b was made")
	}
}

func TestTooManyConnectionsOfAnAddressAreClosed(t *testing.T) {
	s := startServer(t)
	if _, err := s.log.Propose(t.Context(), command.AlterClientQuotas{Alterations: []command.QuotaAlteration{{
		Entity: command.QuotaEntity{IP: command.QuotaName{Kind: command.QuotaDefault}}, Set: map[string]float64{"connection_creation_rate": 0.001},
	}}}); err != nil {
		t.Fatal(err)
	}
	s.dial() // takes what is there, and more
	eventually(t, "a connection too many is closed", func() bool {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return false
		}
		defer conn.Close()
		_, err = conn.Read(make([]byte, 1))
		return err != nil && s.server.Stats().Refused > 0
	})
}
