// Package acl decides by access control lists, as Apache Kafka's StandardAuthorizer
// does.
//
// It knows no requests and stores nothing: which ACLs there are it is given, as a list
// that doesn't change; which of them a filter means, and whether one can be made, it
// tells.
//
// # How it is decided
//
// An ACL counts for a resource of its type if its name is the resource's, or is * , or,
// if it is prefixed, begins the resource's. It counts for a principal if it names it or
// User:*, for a host if it names it or *, and for an operation if it names it or ALL.
// If a DENY counts, the answer is no. Else it is yes if an ALLOW counts; there READ,
// WRITE, DELETE and ALTER stand for DESCRIBE too, and ALTER_CONFIGS for
// DESCRIBE_CONFIGS. Else it is no, but for resources that no ACL is about, of which the
// caller may decide otherwise.
package acl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

const (
	// ClusterName is the name of the one resource of type cluster.
	ClusterName = "kafka-cluster"
	// Anything is the name of an ACL that is about all resources of its type, and the
	// host of one about all hosts.
	Anything = "*"
	// Everybody is the principal of an ACL about all of them.
	Everybody = "User:*"
)

// Decision is what an Index says.
type Decision int

// The decisions.
const (
	// Unspecified: no ACL is about the resource.
	Unspecified Decision = iota
	Allowed
	Denied
)

// Index finds the ACLs about a resource. It doesn't change; many goroutines may ask.
type Index struct {
	types map[kmsg.ACLResourceType]*typeIndex
}

type typeIndex struct {
	literal  map[string][]command.ACL
	prefixed map[string][]command.ACL
	// lengths are those of the prefixes, each once.
	lengths []int
}

// NewIndex makes an index of a list, which it keeps no part of.
func NewIndex(list []command.ACL) *Index {
	x := &Index{types: make(map[kmsg.ACLResourceType]*typeIndex)}
	for _, acl := range list {
		acl.Host = HostOf(acl.Host)
		kind := kmsg.ACLResourceType(acl.ResourceType)
		t := x.types[kind]
		if t == nil {
			t = &typeIndex{literal: make(map[string][]command.ACL), prefixed: make(map[string][]command.ACL)}
			x.types[kind] = t
		}
		if kmsg.ACLResourcePatternType(acl.Pattern) == kmsg.ACLResourcePatternTypePrefixed {
			if t.prefixed[acl.Name] == nil && !slices.Contains(t.lengths, len(acl.Name)) {
				t.lengths = append(t.lengths, len(acl.Name))
			}
			t.prefixed[acl.Name] = append(t.prefixed[acl.Name], acl)
		} else {
			t.literal[acl.Name] = append(t.literal[acl.Name], acl)
		}
	}
	return x
}

// Decide tells whether a principal that connects from a host may do something with a
// resource. The host is one of HostOf.
func (x *Index) Decide(principal, host string, operation kmsg.ACLOperation, kind kmsg.ACLResourceType, name string) Decision {
	t := x.types[kind]
	if t == nil {
		return Unspecified
	}
	decision := Unspecified
	consider := func(acls []command.ACL) {
		if len(acls) > 0 && decision == Unspecified {
			decision = undecided
		}
		for i := range acls {
			if decision == Denied || !isFor(&acls[i], principal, host) {
				continue
			}
			switch {
			case acls[i].Permission == int8(kmsg.ACLPermissionTypeDeny):
				if names(&acls[i], operation) {
					decision = Denied
				}
			case allows(&acls[i], operation):
				decision = Allowed
			}
		}
	}
	consider(t.literal[name])
	if name != Anything {
		consider(t.literal[Anything])
	}
	for _, length := range t.lengths {
		if length <= len(name) {
			consider(t.prefixed[name[:length]])
		}
	}
	if decision == undecided {
		return Denied
	}
	return decision
}

// HostOf writes an address in the one way in which addresses are compared, however it was written: who denies
// something to 2001:DB8:0::1 means 2001:db8::1.
func HostOf(text string) string {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return text // nobody comes from there, or it is *
	}
	return address.Unmap().WithZone("").String()
}

// undecided: there are ACLs about the resource, and none counted yet.
const undecided Decision = -1

// DecideAny tells whether there can be a resource of the type with which the principal
// may do something: an ALLOW that no DENY takes back as a whole (KIP-679). Unspecified
// is that there is no ACL of the type.
func (x *Index) DecideAny(principal, host string, operation kmsg.ACLOperation, kind kmsg.ACLResourceType) Decision {
	t := x.types[kind]
	if t == nil {
		return Unspecified
	}
	denies := func(acls []command.ACL) bool {
		return slices.ContainsFunc(acls, func(acl command.ACL) bool {
			return acl.Permission == int8(kmsg.ACLPermissionTypeDeny) && isFor(&acl, principal, host) && names(&acl, operation)
		})
	}
	mayAllow := func(acls []command.ACL) bool {
		return slices.ContainsFunc(acls, func(acl command.ACL) bool {
			return acl.Permission == int8(kmsg.ACLPermissionTypeAllow) && isFor(&acl, principal, host) && allows(&acl, operation)
		})
	}
	isTakenBack := func(name string) bool {
		return slices.ContainsFunc(t.lengths, func(length int) bool { return length <= len(name) && denies(t.prefixed[name[:length]]) })
	}
	if denies(t.literal[Anything]) {
		return Denied
	}
	if mayAllow(t.literal[Anything]) {
		return Allowed
	}
	for name, acls := range t.literal {
		if mayAllow(acls) && !denies(acls) && !isTakenBack(name) {
			return Allowed
		}
	}
	for prefix, acls := range t.prefixed {
		if mayAllow(acls) && !isTakenBack(prefix) {
			return Allowed
		}
	}
	return Denied
}

func isFor(acl *command.ACL, principal, host string) bool {
	return (acl.Principal == principal || acl.Principal == Everybody) && (acl.Host == host || acl.Host == Anything)
}

func names(acl *command.ACL, operation kmsg.ACLOperation) bool {
	return kmsg.ACLOperation(acl.Operation) == operation || kmsg.ACLOperation(acl.Operation) == kmsg.ACLOperationAll
}

// allows is names, with what an operation that is allowed stands for besides.
func allows(acl *command.ACL, operation kmsg.ACLOperation) bool {
	if names(acl, operation) {
		return true
	}
	switch allowed := kmsg.ACLOperation(acl.Operation); operation {
	case kmsg.ACLOperationDescribe:
		return allowed == kmsg.ACLOperationRead || allowed == kmsg.ACLOperationWrite || allowed == kmsg.ACLOperationDelete || allowed == kmsg.ACLOperationAlter
	case kmsg.ACLOperationDescribeConfigs:
		return allowed == kmsg.ACLOperationAlterConfigs
	default:
		return false
	}
}

// Filter is which ACLs a request is about. Nil is any.
type Filter struct {
	ResourceType kmsg.ACLResourceType
	Pattern      kmsg.ACLResourcePatternType
	Name         *string
	Principal    *string
	Host         *string
	Operation    kmsg.ACLOperation
	Permission   kmsg.ACLPermissionType
}

// Check says what is wrong with a filter.
func (f Filter) Check() error {
	switch {
	case f.ResourceType < kmsg.ACLResourceTypeAny || f.ResourceType > kmsg.ACLResourceTypeUser:
		return fmt.Errorf("unknown resource type %d", f.ResourceType)
	case f.Pattern < kmsg.ACLResourcePatternTypeAny || f.Pattern > kmsg.ACLResourcePatternTypePrefixed:
		return fmt.Errorf("unknown pattern type %d", f.Pattern)
	case f.Operation < kmsg.ACLOperationAny || f.Operation > operationMax:
		return fmt.Errorf("unknown operation %d", f.Operation)
	case f.Permission < kmsg.ACLPermissionTypeAny || f.Permission > kmsg.ACLPermissionTypeAllow:
		return fmt.Errorf("unknown permission type %d", f.Permission)
	}
	return nil
}

// operationMax is TWO_PHASE_COMMIT (KIP-939), which kmsg has no name for.
const operationMax kmsg.ACLOperation = 15

// Matches tells whether an ACL is one of those. With the pattern MATCH, these are the
// ACLs that are about a resource of the name (KIP-290).
func (f Filter) Matches(acl command.ACL) bool {
	pattern := kmsg.ACLResourcePatternType(acl.Pattern)
	return (f.ResourceType == kmsg.ACLResourceTypeAny || f.ResourceType == kmsg.ACLResourceType(acl.ResourceType)) &&
		(f.Pattern == kmsg.ACLResourcePatternTypeAny || f.Pattern == kmsg.ACLResourcePatternTypeMatch || f.Pattern == pattern) &&
		f.matchesName(acl.Name, pattern) &&
		(f.Principal == nil || *f.Principal == acl.Principal) &&
		(f.Host == nil || *f.Host == acl.Host) &&
		(f.Operation == kmsg.ACLOperationAny || f.Operation == kmsg.ACLOperation(acl.Operation)) &&
		(f.Permission == kmsg.ACLPermissionTypeAny || f.Permission == kmsg.ACLPermissionType(acl.Permission))
}

func (f Filter) matchesName(name string, pattern kmsg.ACLResourcePatternType) bool {
	switch {
	case f.Name == nil:
		return true
	case f.Pattern != kmsg.ACLResourcePatternTypeMatch:
		return *f.Name == name
	case pattern == kmsg.ACLResourcePatternTypePrefixed:
		return strings.HasPrefix(*f.Name, name)
	default:
		return *f.Name == name || name == Anything
	}
}

// Check says why an ACL can't be made.
func Check(acl command.ACL) error {
	kind, operation := kmsg.ACLResourceType(acl.ResourceType), kmsg.ACLOperation(acl.Operation)
	switch pattern, permission := kmsg.ACLResourcePatternType(acl.Pattern), kmsg.ACLPermissionType(acl.Permission); {
	case kind < kmsg.ACLResourceTypeTopic || kind > kmsg.ACLResourceTypeUser:
		return fmt.Errorf("resource type %s is not one of a resource", kind)
	case pattern != kmsg.ACLResourcePatternTypeLiteral && pattern != kmsg.ACLResourcePatternTypePrefixed:
		return fmt.Errorf("pattern type %s is neither LITERAL nor PREFIXED", pattern)
	case operation < kmsg.ACLOperationAll || operation > operationMax:
		return fmt.Errorf("operation %s is none that can be allowed", operation)
	case permission != kmsg.ACLPermissionTypeDeny && permission != kmsg.ACLPermissionTypeAllow:
		return fmt.Errorf("permission type %s is neither DENY nor ALLOW", permission)
	case acl.Name == "":
		return fmt.Errorf("the resource's name is empty")
	case kind == kmsg.ACLResourceTypeCluster && acl.Name != ClusterName:
		return fmt.Errorf("the only name of the resource of type cluster is %s", ClusterName)
	case !isPrincipal(acl.Principal):
		return fmt.Errorf("principal %q is not TYPE:NAME", acl.Principal)
	case acl.Host == "":
		return fmt.Errorf("the host is empty; * is any")
	}
	return nil
}

func isPrincipal(text string) bool {
	kind, name, hasColon := strings.Cut(text, ":")
	return hasColon && kind != "" && name != ""
}
