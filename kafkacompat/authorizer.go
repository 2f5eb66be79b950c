package kafkacompat

import (
	"strings"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/kafkacompat/acl"
	"kont/statemachine/command"
)

// AuthorizerConfig is how it is decided who may do what.
type AuthorizerConfig struct {
	// IsOn asks ACLs. Without it everybody may do everything.
	IsOn bool
	// SuperUsers are principals who may do everything, such as User:admin.
	SuperUsers []string
	// AllowIfNoACL lets everybody do with a resource what they like as long as no ACL
	// is about it (allow.everyone.if.no.acl.found).
	AllowIfNoACL bool
}

// authorizer decides by ACLs. Its index is made anew when the list is another.
type authorizer struct {
	config     AuthorizerConfig
	superUsers map[string]bool
	log        Log
	indexed    atomic.Pointer[indexedACLs]
}

// indexedACLs is an index, and the list that it was made of.
type indexedACLs struct {
	acls  *command.ACLs
	index *acl.Index
}

// newAuthorizer is nil where everybody may do everything.
func newAuthorizer(config AuthorizerConfig, log Log) *authorizer {
	if !config.IsOn {
		return nil
	}
	a := &authorizer{config: config, superUsers: make(map[string]bool), log: log}
	for _, user := range config.SuperUsers {
		a.superUsers[user] = true
	}
	return a
}

// current is the index of the ACLs that there are now. Two that come at once after a
// change both make it.
func (a *authorizer) current() *indexedACLs {
	acls := a.log.ACLs()
	if indexed := a.indexed.Load(); indexed != nil && indexed.acls == acls {
		return indexed
	}
	indexed := &indexedACLs{acls, acl.NewIndex(acls.List)}
	a.indexed.Store(indexed)
	return indexed
}

// allows turns a decision of the ACLs into a yes or no.
func (a *authorizer) allows(decision acl.Decision) bool {
	return decision == acl.Allowed || decision == acl.Unspecified && a.config.AllowIfNoACL
}

// A permit is what was decided for a connection. Principal and host are the
// connection's, and stay: see login.
type permit struct {
	operation kmsg.ACLOperation
	kind      kmsg.ACLResourceType
	name      string
	// isAny: some resource of the type, whatever its name. Clients choose names, so none can stand for that.
	isAny bool
}

const (
	// permitsMax bounds what a connection remembers; beyond that it forgets everything.
	permitsMax = 4096
	// permitNameBytesMax bounds the name of what is remembered. Longer ones, up to 32 KiB, are no topic's, and
	// hardly those of groups and transactional ids.
	permitNameBytesMax = topicNameBytesMax
)

// permits are the decisions for one connection by one list of ACLs. They belong to the
// answering goroutine and need no lock, so that a producer pays a look into a map for
// each partition.
type permits struct {
	indexed *indexedACLs
	decided map[permit]bool
	host    string
}

// may tells whether the client may do something with a resource. The name is not kept.
func (c *conn) may(operation kmsg.ACLOperation, kind kmsg.ACLResourceType, name string) bool {
	return c.has(permit{operation: operation, kind: kind, name: name})
}

// mayAny tells whether there can be a resource of the type with which the client may do something.
func (c *conn) mayAny(operation kmsg.ACLOperation, kind kmsg.ACLResourceType) bool {
	return c.has(permit{operation: operation, kind: kind, isAny: true})
}

func (c *conn) has(asked permit) bool {
	a := c.server.authorizer
	if a == nil {
		return true
	}
	p := &c.permits
	if indexed := a.current(); p.indexed != indexed || len(p.decided) >= permitsMax {
		p.indexed, p.decided = indexed, make(map[permit]bool)
	}
	if isAllowed, isDecided := p.decided[asked]; isDecided {
		return isAllowed
	}
	if p.host == "" {
		p.host = acl.HostOf(remoteHost(c.net))
	}
	isAllowed := a.decide(p.indexed, c.principal, p.host, asked)
	if len(asked.name) <= permitNameBytesMax {
		asked.name = strings.Clone(asked.name)
		p.decided[asked] = isAllowed
	}
	if !isAllowed {
		c.logger.Debug("kafka client may not", "principal", c.principal, "operation", asked.operation, "resource_type", asked.kind, "resource", asked.name)
	}
	return isAllowed
}

// decide asks the ACLs, unless the principal is a super user.
func (a *authorizer) decide(indexed *indexedACLs, principal, host string, asked permit) bool {
	switch {
	case a.superUsers[principal]:
		return true
	case asked.isAny:
		return a.allows(indexed.index.DecideAny(principal, host, asked.operation, asked.kind))
	default:
		return a.allows(indexed.index.Decide(principal, host, asked.operation, asked.kind, asked.name))
	}
}

// A viewer is whom topics are hidden from, for those who look on behalf of a client when its connection doesn't. The zero
// viewer sees all.
type viewer struct {
	authorizer      *authorizer
	principal, host string
}

func (c *conn) viewer() viewer {
	if c.server.authorizer == nil {
		return viewer{}
	}
	return viewer{c.server.authorizer, c.principal, acl.HostOf(remoteHost(c.net))}
}

// acls are those by which the viewer sees now; the same pointer, the same view.
func (v viewer) acls() *indexedACLs {
	if v.authorizer == nil {
		return nil
	}
	return v.authorizer.current()
}

func (v viewer) sees(topic string) bool {
	return v.authorizer == nil ||
		v.authorizer.decide(v.acls(), v.principal, v.host, permit{operation: opDescribe, kind: kmsg.ACLResourceTypeTopic, name: topic})
}

func (c *conn) mayTopic(operation kmsg.ACLOperation, name string) bool {
	return c.may(operation, kmsg.ACLResourceTypeTopic, name)
}

func (c *conn) mayGroup(operation kmsg.ACLOperation, name string) bool {
	return c.may(operation, kmsg.ACLResourceTypeGroup, name)
}

func (c *conn) mayTransaction(operation kmsg.ACLOperation, id string) bool {
	return c.may(operation, kmsg.ACLResourceTypeTransactionalId, id)
}

func (c *conn) mayCluster(operation kmsg.ACLOperation) bool {
	return c.may(operation, kmsg.ACLResourceTypeCluster, acl.ClusterName)
}

// operationsOf are the operations that there are for each type of resource.
var operationsOf = map[kmsg.ACLResourceType][]kmsg.ACLOperation{
	kmsg.ACLResourceTypeTopic: {kmsg.ACLOperationRead, kmsg.ACLOperationWrite, kmsg.ACLOperationCreate, kmsg.ACLOperationDescribe, kmsg.ACLOperationDelete,
		kmsg.ACLOperationAlter, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs},
	kmsg.ACLResourceTypeGroup: {kmsg.ACLOperationRead, kmsg.ACLOperationDescribe, kmsg.ACLOperationDelete, kmsg.ACLOperationDescribeConfigs,
		kmsg.ACLOperationAlterConfigs},
	kmsg.ACLResourceTypeCluster: {kmsg.ACLOperationCreate, kmsg.ACLOperationClusterAction, kmsg.ACLOperationDescribeConfigs, kmsg.ACLOperationAlterConfigs,
		kmsg.ACLOperationIdempotentWrite, kmsg.ACLOperationAlter, kmsg.ACLOperationDescribe},
}

// authorizedOperations are those that the client may do with a resource, a bit each, as
// clients ask for them (KIP-430). Where nobody decides, these are all.
func (c *conn) authorizedOperations(kind kmsg.ACLResourceType, name string) int32 {
	var bits int32
	for _, operation := range operationsOf[kind] {
		if c.may(operation, kind, name) {
			bits |= 1 << operation
		}
	}
	return bits
}
