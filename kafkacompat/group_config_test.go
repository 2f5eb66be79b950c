package kafkacompat_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// groupConfigsOf describes a group as kafka-configs prints it.
func groupConfigsOf(c *rawConn, group string) string {
	request := kmsg.NewPtrDescribeConfigsRequest()
	request.Version, request.IncludeSynonyms = 4, true
	request.Resources = []kmsg.DescribeConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: group}}
	r := ask[*kmsg.DescribeConfigsResponse](c, request).Resources[0]
	if r.ErrorCode != 0 {
		return kerr.TypedErrorForCode(r.ErrorCode).Message
	}
	var lines []string
	for _, config := range r.Configs {
		text := fmt.Sprintf("%s=%s %s", config.Name, *config.Value, config.Source)
		for _, s := range config.ConfigSynonyms {
			text += fmt.Sprintf(" %s=%s", s.Name, *s.Value)
		}
		lines = append(lines, text)
	}
	return strings.Join(lines, "\n")
}

func alterGroup(c *rawConn, group string, isValidateOnly bool, configs ...kmsg.IncrementalAlterConfigsRequestResourceConfig) int16 {
	request := kmsg.NewPtrIncrementalAlterConfigsRequest()
	request.Version, request.ValidateOnly = 1, isValidateOnly
	request.Resources = []kmsg.IncrementalAlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: group, Configs: configs}}
	return ask[*kmsg.IncrementalAlterConfigsResponse](c, request).Resources[0].ErrorCode
}

func groupOp(op kmsg.IncrementalAlterConfigOp, name, value string) kmsg.IncrementalAlterConfigsRequestResourceConfig {
	return kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: name, Op: op, Value: &value}
}

func TestConfigurationOfAGroupIsWhatItsMembersAreTold(t *testing.T) {
	s := startServer(t)
	c := s.dial()
	const set, remove = kmsg.IncrementalAlterConfigOpSet, kmsg.IncrementalAlterConfigOpDelete
	const session, heartbeat = "consumer.session.timeout.ms", "consumer.heartbeat.interval.ms"
	const otherwise = "consumer.heartbeat.interval.ms=5000 DEFAULT_CONFIG group.consumer.heartbeat.interval.ms=5000\n" +
		"consumer.session.timeout.ms=45000 DEFAULT_CONFIG group.consumer.session.timeout.ms=45000"
	check := func(want string) {
		t.Helper()
		if got := groupConfigsOf(c, "g"); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
	interval := func(group string) int32 {
		t.Helper()
		request := kmsg.NewPtrConsumerGroupHeartbeatRequest()
		request.Version, request.Group, request.MemberID = 1, group, "member-of-"+group
		request.RebalanceTimeoutMillis, request.SubscribedTopicNames, request.Topics = 60_000, []string{"t"}, []kmsg.ConsumerGroupHeartbeatRequestTopic{}
		r := ask[*kmsg.ConsumerGroupHeartbeatResponse](c, request)
		if r.ErrorCode != 0 {
			t.Fatalf("heartbeat: %+v", r)
		}
		return r.HeartbeatIntervalMillis
	}
	check(otherwise)
	if code := alterGroup(c, "g", true, groupOp(set, session, "50000")); code != 0 {
		t.Errorf("validate: %d", code)
	}
	check(otherwise)
	if code := alterGroup(c, "g", false, groupOp(set, session, "50000"), groupOp(set, heartbeat, " 3000 ")); code != 0 {
		t.Fatalf("set: %d", code)
	}
	const altered = "consumer.heartbeat.interval.ms=3000 GROUP_CONFIG consumer.heartbeat.interval.ms=3000 group.consumer.heartbeat.interval.ms=5000\n" +
		"consumer.session.timeout.ms=50000 GROUP_CONFIG consumer.session.timeout.ms=50000 group.consumer.session.timeout.ms=45000"
	check(altered)
	if mine, others := interval("g"), interval("h"); mine != 3000 || others != 5000 {
		t.Errorf("intervals %d and %d", mine, others)
	}
	for name, op := range map[string]kmsg.IncrementalAlterConfigsRequestResourceConfig{
		"no number": groupOp(set, session, "soon"), "zero": groupOp(set, session, "0"), "long": groupOp(set, session, "2000000000"),
		"unknown": groupOp(set, "share.isolation.level", "read_committed"), "session before the next heartbeat": groupOp(set, session, "3000"),
		"append": groupOp(kmsg.IncrementalAlterConfigOpAppend, session, "1"),
	} {
		if code := alterGroup(c, "g", false, op); code != kerr.InvalidConfig.Code {
			t.Errorf("%s: code %d", name, code)
		}
	}
	for name, code := range map[string]int16{
		"twice":    alterGroup(c, "g", false, groupOp(set, session, "50000"), groupOp(remove, session, "")),
		"null":     alterGroup(c, "g", false, kmsg.IncrementalAlterConfigsRequestResourceConfig{Name: session, Op: set}),
		"no group": alterGroup(c, "", false, groupOp(set, session, "50000")),
	} {
		if code != kerr.InvalidRequest.Code {
			t.Errorf("%s: code %d", name, code)
		}
	}
	check(altered)
	if got := groupConfigsOf(c, ""); got != kerr.InvalidRequest.Message {
		t.Errorf("no group: %s", got)
	}
	list := kmsg.NewPtrListConfigResourcesRequest()
	list.Version, list.ResourceTypes = 1, []int8{int8(kmsg.ConfigResourceTypeGroupConfig)}
	if r := ask[*kmsg.ListConfigResourcesResponse](c, list); len(r.ConfigResources) != 1 || r.ConfigResources[0].Name != "g" {
		t.Errorf("%+v", r)
	}
	// What AlterConfigs does not name goes back.
	value := "48000"
	replace := kmsg.NewPtrAlterConfigsRequest()
	replace.Version = 2
	replace.Resources = []kmsg.AlterConfigsRequestResource{{ResourceType: kmsg.ConfigResourceTypeGroupConfig, ResourceName: "g",
		Configs: []kmsg.AlterConfigsRequestResourceConfig{{Name: session, Value: &value}}}}
	if code := ask[*kmsg.AlterConfigsResponse](c, replace).Resources[0].ErrorCode; code != 0 {
		t.Errorf("AlterConfigs: %d", code)
	}
	check("consumer.heartbeat.interval.ms=5000 DEFAULT_CONFIG group.consumer.heartbeat.interval.ms=5000\n" +
		"consumer.session.timeout.ms=48000 GROUP_CONFIG consumer.session.timeout.ms=48000 group.consumer.session.timeout.ms=45000")
	if code := alterGroup(c, "g", false, groupOp(remove, session, "")); code != 0 {
		t.Errorf("remove: %d", code)
	}
	check(otherwise)
}
