package kafkacompat_test

import (
	"bufio"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat"
)

// securityDifferences are the steps about login and ACLs that kfake answers otherwise, each
// with the reason.
var securityDifferences = map[string]string{
	"handshake of an unknown mechanism":           "kfake has no OAUTHBEARER",
	"handshake after an unknown mechanism":        "a broker closes the connection after it has said so",
	"handshake":                                   mechanismsAlways,
	"handshake with the wrong password":           mechanismsAlways,
	"handshake of nobody":                         mechanismsAlways,
	"handshake with nonsense":                     mechanismsAlways,
	"handshake of SCRAM":                          mechanismsAlways,
	"handshake of SCRAM with nonsense":            mechanismsAlways,
	"handshake on the way in":                     mechanismsAlways,
	"wrong password":                              failureIsTold,
	"unknown user":                                failureIsTold,
	"nonsense":                                    failureIsTold,
	"nonsense of SCRAM":                           failureIsTold,
	"unknown user of SCRAM":                       "kfake closes the connection; we go on as if there were one, so that nobody learns who is there (docs/kafka.md)",
	"produce without ACLs":                        errorOffset,
	"fetch without ACLs":                          errorWatermark,
	"fetch with a denial":                         errorWatermark,
	"heartbeat without ACLs":                      "a broker asks whether the group may be read before it looks for it",
	"create without a name":                       "a broker refuses what can be no ACL; kfake keeps it",
	"create of a wrong cluster":                   "the same",
	"create of no principal":                      "the same",
	"describe all":                                "kfake has those that it should have refused",
	"delete all":                                  "the same",
	"describe what matches":                       wildcards,
	"describe of a group that a wildcard matches": wildcards,
}

const (
	mechanismsAlways = "a broker names its mechanisms also to who has chosen one of them"
	failureIsTold    = "a broker answers SASL_AUTHENTICATION_FAILED before it closes the connection (KIP-152); kfake just closes it"
	wildcards        = "the pattern type MATCH finds prefixes and wildcards that apply to the name (KIP-290); kfake looks for the name alone"
)

// A securityStep is one request on the connection of that name. Who is named like a user
// has logged in; anybody else has not.
type securityStep struct {
	name    string
	on      string
	request kmsg.Request
}

// securityPasswords are those of the users; bob may do everything.
var securityPasswords = map[string]string{"alice": "wonderland", "bob": "builder"}

// answerOrEnd asks and returns the normalized answer, or that the connection was closed.
func answerOrEnd(t *testing.T, c *rawConn, request kmsg.Request) string {
	t.Helper()
	c.last++
	if _, err := c.Write(frame(c.last, request)); err != nil {
		return "closed"
	}
	raw, err := c.readAnswer()
	if err != nil {
		return "closed"
	}
	if got := int32(binary.BigEndian.Uint32(raw)); got != c.last {
		t.Fatalf("answer has correlation id %d, want %d", got, c.last)
	}
	response, body := request.ResponseKind(), raw[4:]
	if response.IsFlexible() && response.Key() != 18 {
		body = body[1:]
	}
	if err := response.ReadFrom(body); err != nil {
		t.Fatal(err)
	}
	inOrder(response)
	return normalized(t, response)
}

func handshakeRequest(mechanism string) kmsg.Request {
	return with(kmsg.NewPtrSASLHandshakeRequest(), 1, func(r *kmsg.SASLHandshakeRequest) { r.Mechanism = mechanism })
}

func authenticateRequest(message string) kmsg.Request {
	return with(kmsg.NewPtrSASLAuthenticateRequest(), 1, func(r *kmsg.SASLAuthenticateRequest) { r.SASLAuthBytes = []byte(message) })
}

func securityConversation() (steps []securityStep) {
	say := func(name, on string, request kmsg.Request) { steps = append(steps, securityStep{name, on, request}) }
	metadata := func(topics ...string) kmsg.Request {
		return with(kmsg.NewPtrMetadataRequest(), 8, func(r *kmsg.MetadataRequest) {
			for _, topic := range topics {
				r.Topics = append(r.Topics, kmsg.MetadataRequestTopic{Topic: &topic})
			}
		})
	}
	// Login.
	say("metadata before login", "stranger", metadata())
	say("message before the handshake", "eager", authenticateRequest("\x00alice\x00wonderland"))
	say("handshake of an unknown mechanism", "exotic", handshakeRequest("GSSAPI"))
	say("handshake after an unknown mechanism", "exotic", handshakeRequest("PLAIN"))
	say("handshake", "hasty", handshakeRequest("PLAIN"))
	say("metadata between the messages", "hasty", metadata())
	say("handshake with the wrong password", "wrong", handshakeRequest("PLAIN"))
	say("wrong password", "wrong", authenticateRequest("\x00alice\x00hunter2"))
	say("handshake of nobody", "nobody", handshakeRequest("PLAIN"))
	say("unknown user", "nobody", authenticateRequest("\x00mallory\x00hunter2"))
	say("handshake with nonsense", "nonsense", handshakeRequest("PLAIN"))
	say("nonsense", "nonsense", authenticateRequest("nonsense"))
	say("handshake of SCRAM", "scram", handshakeRequest("SCRAM-SHA-256"))
	say("unknown user of SCRAM", "scram", authenticateRequest("n,,n=mallory,r=rOprNGfwEbeRWgbNEkqO"))
	say("handshake of SCRAM with nonsense", "scrambled", handshakeRequest("SCRAM-SHA-512"))
	say("nonsense of SCRAM", "scrambled", authenticateRequest("nonsense"))
	say("handshake on the way in", "in", handshakeRequest("PLAIN"))
	say("right password", "in", authenticateRequest("\x00alice\x00wonderland"))
	say("message after login", "in", authenticateRequest("\x00alice\x00wonderland"))

	// ACLs: who makes them, and how they are found.
	create := func(name, on string, creations ...kmsg.CreateACLsRequestCreation) {
		say(name, on, with(kmsg.NewPtrCreateACLsRequest(), 1, func(r *kmsg.CreateACLsRequest) { r.Creations = creations }))
	}
	acl := func(kind kmsg.ACLResourceType, name string, pattern kmsg.ACLResourcePatternType, operation kmsg.ACLOperation, permission kmsg.ACLPermissionType) kmsg.CreateACLsRequestCreation {
		return kmsg.CreateACLsRequestCreation{ResourceType: kind, ResourceName: name, ResourcePatternType: pattern, Principal: "User:alice", Host: "*", Operation: operation, PermissionType: permission}
	}
	const topic, group = kmsg.ACLResourceTypeTopic, kmsg.ACLResourceTypeGroup
	const literal, prefixed = kmsg.ACLResourcePatternTypeLiteral, kmsg.ACLResourcePatternTypePrefixed
	const allow, deny = kmsg.ACLPermissionTypeAllow, kmsg.ACLPermissionTypeDeny
	create("create as alice", "alice", acl(topic, "orders", literal, kmsg.ACLOperationRead, allow))
	newTopics := kmsg.NewPtrCreateTopicsRequest()
	newTopics.Version, newTopics.TimeoutMillis = 4, 5000
	for _, name := range []string{"orders", "secret"} {
		newTopics.Topics = append(newTopics.Topics, kmsg.CreateTopicsRequestTopic{Topic: name, NumPartitions: 1, ReplicationFactor: 1})
	}
	say("create topics as alice", "alice", newTopics)
	say("create topics as bob", "bob", newTopics)
	denied := func(when string) {
		say("produce "+when, "alice", produceRequest(-1, 8, "orders", oneBatch("a")))
		fetch := fetchRequest("orders", 0, 0, 0)
		fetch.Version = 11
		say("fetch "+when, "alice", fetch)
		say("metadata "+when, "alice", metadata("orders", "secret", "nowhere"))
		say("join "+when, "alice", with(kmsg.NewPtrJoinGroupRequest(), 4, func(r *kmsg.JoinGroupRequest) {
			r.Group, r.SessionTimeoutMillis, r.RebalanceTimeoutMillis, r.ProtocolType = "g", 10_000, 10_000, "consumer"
			r.Protocols = []kmsg.JoinGroupRequestProtocol{{Name: "range"}}
		}))
		say("heartbeat "+when, "alice", with(kmsg.NewPtrHeartbeatRequest(), 3, func(r *kmsg.HeartbeatRequest) { r.Group, r.MemberID = "g", "me" }))
		say("find the coordinator "+when, "alice", with(kmsg.NewPtrFindCoordinatorRequest(), 4, func(r *kmsg.FindCoordinatorRequest) { r.CoordinatorKeys = []string{"g"} }))
		say("describe configs "+when, "alice", with(describeConfigsRequest(kmsg.ConfigResourceTypeTopic, "orders"), 3, func(r *kmsg.DescribeConfigsRequest) {
			r.Resources[0].ConfigNames = []string{"retention.bytes"}
		}))
		say("delete the topic "+when, "alice", with(kmsg.NewPtrDeleteTopicsRequest(), 4, func(r *kmsg.DeleteTopicsRequest) { r.TopicNames, r.TimeoutMillis = []string{"orders"}, 5000 }))
		say("producer id "+when, "alice", with(kmsg.NewPtrInitProducerIDRequest(), 3, func(*kmsg.InitProducerIDRequest) {}))
	}
	denied("without ACLs")
	create("create", "bob", acl(topic, "orders", literal, kmsg.ACLOperationRead, allow), acl(topic, "ord", prefixed, kmsg.ACLOperationWrite, allow),
		acl(group, "*", literal, kmsg.ACLOperationRead, allow))
	create("create it again", "bob", acl(topic, "orders", literal, kmsg.ACLOperationRead, allow))
	create("create without a name", "bob", acl(topic, "", literal, kmsg.ACLOperationRead, allow))
	create("create a pattern that matches", "bob", acl(topic, "orders", kmsg.ACLResourcePatternTypeMatch, kmsg.ACLOperationRead, allow))
	create("create of any operation", "bob", acl(topic, "orders", literal, kmsg.ACLOperationAny, allow))
	create("create of any resource", "bob", acl(kmsg.ACLResourceTypeAny, "orders", literal, kmsg.ACLOperationRead, allow))
	create("create of a wrong cluster", "bob", acl(kmsg.ACLResourceTypeCluster, "orders", literal, kmsg.ACLOperationAlter, allow))
	noPrincipal := acl(topic, "orders", literal, kmsg.ACLOperationRead, allow)
	noPrincipal.Principal = "alice"
	create("create of no principal", "bob", noPrincipal)
	denied("with ACLs")
	create("create a denial", "bob", acl(topic, "orders", literal, kmsg.ACLOperationRead, deny))
	denied("with a denial")

	describe := func(name, on string, change func(*kmsg.DescribeACLsRequest)) {
		say(name, on, with(kmsg.NewPtrDescribeACLsRequest(), 1, func(r *kmsg.DescribeACLsRequest) {
			r.ResourceType, r.ResourcePatternType, r.Operation, r.PermissionType = kmsg.ACLResourceTypeAny, kmsg.ACLResourcePatternTypeAny, kmsg.ACLOperationAny, kmsg.ACLPermissionTypeAny
			change(r)
		}))
	}
	describe("describe as alice", "alice", func(*kmsg.DescribeACLsRequest) {})
	describe("describe all", "bob", func(*kmsg.DescribeACLsRequest) {})
	describe("describe what matches", "bob", func(r *kmsg.DescribeACLsRequest) {
		r.ResourceType, r.ResourceName, r.ResourcePatternType = topic, textOf("orders"), kmsg.ACLResourcePatternTypeMatch
	})
	describe("describe a literal", "bob", func(r *kmsg.DescribeACLsRequest) {
		r.ResourceType, r.ResourceName, r.ResourcePatternType = topic, textOf("ord"), literal
	})
	describe("describe the prefixed", "bob", func(r *kmsg.DescribeACLsRequest) { r.ResourcePatternType = prefixed })
	describe("describe of a group that a wildcard matches", "bob", func(r *kmsg.DescribeACLsRequest) {
		r.ResourceType, r.ResourceName, r.ResourcePatternType = group, textOf("g"), kmsg.ACLResourcePatternTypeMatch
	})
	describe("describe of nobody", "bob", func(r *kmsg.DescribeACLsRequest) { r.Principal = textOf("User:mallory") })
	describe("describe the unknown", "bob", func(r *kmsg.DescribeACLsRequest) { r.Operation = kmsg.ACLOperationUnknown })
	remove := func(name, on string, filters ...kmsg.DeleteACLsRequestFilter) {
		say(name, on, with(kmsg.NewPtrDeleteACLsRequest(), 1, func(r *kmsg.DeleteACLsRequest) { r.Filters = filters }))
	}
	all := kmsg.DeleteACLsRequestFilter{ResourceType: kmsg.ACLResourceTypeAny, ResourcePatternType: kmsg.ACLResourcePatternTypeAny,
		Operation: kmsg.ACLOperationAny, PermissionType: kmsg.ACLPermissionTypeAny}
	denials := all
	denials.PermissionType = deny
	unknown := all
	unknown.PermissionType = kmsg.ACLPermissionTypeUnknown
	remove("delete as alice", "alice", all)
	remove("delete the denial", "bob", denials)
	remove("delete the unknown", "bob", unknown)
	fetch := fetchRequest("orders", 0, 0, 0)
	fetch.Version = 11
	say("fetch again", "alice", fetch)
	remove("delete all", "bob", all)
	remove("delete all once more", "bob", all)
	describe("describe nothing", "bob", func(*kmsg.DescribeACLsRequest) {})
	return steps
}

// The same conversation about login and ACLs is held with the listener and with franz-go's
// fake cluster.
func TestLoginAndACLsAreAsThoseOfAnotherImplementation(t *testing.T) {
	s := startServer(t, withAuthorizer(func(c *kafkacompat.AuthorizerConfig) { c.SuperUsers = []string{"User:bob"} })).listenWithSASL()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.EnableSASL(), kfake.EnableACLs(), kfake.Superuser("PLAIN", "bob", "builder"),
		kfake.User("PLAIN", "alice", "wonderland"), kfake.Superuser("SCRAM-SHA-256", "bob", "builder"), kfake.Superuser("SCRAM-SHA-512", "bob", "builder"))
	if err != nil {
		t.Fatal(err)
	}
	defer fake.Close()
	var conns [2]map[string]*rawConn
	connOf := func(side int, name string) *rawConn {
		if c := conns[side][name]; c != nil {
			return c
		}
		conn, err := net.Dial("tcp", [2]string{s.address, fake.ListenAddrs()[0]}[side])
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(time.Minute))
		c := &rawConn{Conn: conn, t: t, reader: bufio.NewReader(conn)}
		conns[side][name] = c
		if password, isUser := securityPasswords[name]; isUser {
			ask[*kmsg.SASLHandshakeResponse](c, handshakeRequest("PLAIN"))
			ask[*kmsg.SASLAuthenticateResponse](c, authenticateRequest("\x00"+name+"\x00"+password))
		}
		return c
	}
	conns[0], conns[1] = map[string]*rawConn{}, map[string]*rawConn{}
	differ := make(map[string]bool)
	for _, step := range securityConversation() {
		ours, theirs := answerOrEnd(t, connOf(0, step.on), step.request), answerOrEnd(t, connOf(1, step.on), step.request)
		if ours != theirs {
			differ[step.name] = true
			if securityDifferences[step.name] == "" {
				t.Errorf("%s:\nours   %s\ntheirs %s", step.name, ours, theirs)
			}
		}
	}
	for name, reason := range securityDifferences {
		if !differ[name] {
			t.Errorf("%s doesn't differ any more: %s", name, reason)
		}
	}
}
