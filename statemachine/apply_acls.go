package statemachine

import (
	"cmp"
	"fmt"
	"slices"

	"kont/statemachine/command"
	"kont/statemachine/keys"
)

// noACLs is the list of a store that has none.
var noACLs = &command.ACLs{}

func (c *change) applyCreateACLs(com *command.CreateACLs) []error {
	errs := make([]error, len(com.ACLs))
	list := slices.Clone(c.work.acls.List)
	for i, acl := range com.ACLs {
		at, exists := slices.BinarySearchFunc(list, acl, compareACLs)
		switch {
		case exists:
		case checkACL(acl) != nil:
			errs[i] = checkACL(acl)
		case len(list) >= ACLsMax:
			errs[i] = limitError("ACLs", len(list)+1, ACLsMax)
		default:
			list = slices.Insert(list, at, acl)
			c.set(c.aclKey(acl), []byte{valueVersion})
		}
	}
	c.replaceACLs(list)
	return errs
}

func (c *change) applyDeleteACLs(com *command.DeleteACLs) []error {
	errs := make([]error, len(com.ACLs))
	list := slices.Clone(c.work.acls.List)
	for i, acl := range com.ACLs {
		at, exists := slices.BinarySearchFunc(list, acl, compareACLs)
		if !exists {
			errs[i] = command.ErrUnknownACL
			continue
		}
		list = slices.Delete(list, at, at+1)
		c.delete(c.aclKey(acl))
	}
	c.replaceACLs(list)
	return errs
}

// replaceACLs puts another list in the place of the one that readers may have.
func (c *change) replaceACLs(list []command.ACL) {
	if len(list) == len(c.work.acls.List) && slices.Equal(list, c.work.acls.List) {
		return // what was made of it is still right
	}
	c.work.acls = &command.ACLs{List: list}
}

func (c *change) aclKey(acl command.ACL) []byte {
	return c.key.ACLOf(acl.ResourceType, acl.Pattern, acl.Operation, acl.Permission, acl.Name, acl.Principal, acl.Host)
}

// compareACLs is the order of the keys, so that the list that is loaded is sorted.
func compareACLs(a, b command.ACL) int {
	return cmp.Or(
		cmp.Compare(uint8(a.ResourceType), uint8(b.ResourceType)),
		cmp.Compare(uint8(a.Pattern), uint8(b.Pattern)),
		cmp.Compare(uint8(a.Operation), uint8(b.Operation)),
		cmp.Compare(uint8(a.Permission), uint8(b.Permission)),
		cmp.Compare(a.Name, b.Name),
		cmp.Compare(a.Principal, b.Principal),
		cmp.Compare(a.Host, b.Host))
}

// checkACL refuses what could never match anything, or is no number of Kafka's.
func checkACL(acl command.ACL) error {
	const (
		resourceTypeMin, resourceTypeMax = 2, 7
		patternLiteral, patternPrefixed  = 3, 4
		operationMin, operationMax       = 2, 15
		permissionDeny, permissionAllow  = 2, 3
	)
	switch {
	case acl.ResourceType < resourceTypeMin || acl.ResourceType > resourceTypeMax:
		return fmt.Errorf("%w: resource type %d", command.ErrInvalidACL, acl.ResourceType)
	case acl.Pattern != patternLiteral && acl.Pattern != patternPrefixed:
		return fmt.Errorf("%w: pattern type %d", command.ErrInvalidACL, acl.Pattern)
	case acl.Operation < operationMin || acl.Operation > operationMax:
		return fmt.Errorf("%w: operation %d", command.ErrInvalidACL, acl.Operation)
	case acl.Permission != permissionDeny && acl.Permission != permissionAllow:
		return fmt.Errorf("%w: permission %d", command.ErrInvalidACL, acl.Permission)
	case acl.Name == "" || acl.Principal == "" || acl.Host == "":
		return fmt.Errorf("%w: resource %q, principal %q, host %q: none may be empty", command.ErrInvalidACL, acl.Name, acl.Principal, acl.Host)
	}
	for _, bound := range []struct {
		what string
		text string
	}{{"name of an ACL's resource", acl.Name}, {"an ACL's principal", acl.Principal}, {"an ACL's host", acl.Host}} {
		if len(bound.text) > ACLTextBytesMax {
			return limitError("bytes of the "+bound.what, len(bound.text), ACLTextBytesMax)
		}
	}
	return nil
}

func (im *image) loadACL(key, value []byte) error {
	r := readValue(value)
	var acl command.ACL
	var err error
	acl.ResourceType, acl.Pattern, acl.Operation, acl.Permission, acl.Name, acl.Principal, acl.Host, err = keys.ParseACL(key)
	if err != nil {
		return err
	}
	if im.acls == noACLs {
		im.acls = &command.ACLs{}
	}
	im.acls.List = append(im.acls.List, acl)
	return r.end("ACL")
}

// ACLs are all ACLs, sorted. Two calls that return the same pointer return the same
// list.
func (s *Store) ACLs() *command.ACLs {
	var acls *command.ACLs
	s.view(func(im *image) { acls = im.acls })
	return acls
}
