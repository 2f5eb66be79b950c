package statemachine

import (
	"fmt"
	"strings"
	"testing"

	"kont/statemachine/command"
)

func TestListOfACLsStaysTheSameUntilOneChanges(t *testing.T) {
	h := newHarness(t)
	acl := command.ACL{ResourceType: 2, Pattern: 3, Name: "orders", Principal: "User:a", Host: "*", Operation: 3, Permission: 3}
	h.must(command.CreateACLs{ACLs: []command.ACL{acl}})
	first := h.store.ACLs()
	h.must(command.CreateACLs{ACLs: []command.ACL{acl}})
	h.create("orders", 1)
	if h.store.ACLs() != first {
		t.Error("nothing was changed, and the list is another")
	}
	other := acl
	other.Name = "invoices"
	h.must(command.CreateACLs{ACLs: []command.ACL{other}})
	if second := h.store.ACLs(); second == first || len(second.List) != 2 || len(first.List) != 1 {
		t.Errorf("%v, before %v", second, first)
	}
	h.must(command.DeleteACLs{ACLs: []command.ACL{acl, other}})
	if list := h.store.ACLs().List; len(list) != 0 {
		t.Errorf("%v is left", list)
	}
}

func TestACLsAndCredentialsHaveBounds(t *testing.T) {
	h := newHarness(t)
	acl := command.ACL{ResourceType: 2, Pattern: 3, Principal: "User:a", Host: "*", Operation: 3, Permission: 3}
	acls := make([]command.ACL, ACLsMax+1)
	for i := range acls {
		acls[i] = acl
		acls[i].Name = fmt.Sprintf("topic-%06d", i)
	}
	errs := h.apply(command.CreateACLs{ACLs: acls}).([]error)
	requireErrors(t, errs[ACLsMax-1:], nil, command.ErrLimit)
	// One that is there already needs no room.
	requireErrors(t, h.apply(command.CreateACLs{ACLs: acls[:1]}).([]error), nil)

	acl.Name = strings.Repeat("n", ACLTextBytesMax+1)
	requireErrors(t, h.apply(command.CreateACLs{ACLs: []command.ACL{acl}}).([]error), command.ErrLimit)
	credential := command.ScramCredential{ScramUser: command.ScramUser{User: strings.Repeat("u", UserNameBytesMax+1), Mechanism: 1},
		Iterations: 4096, Salt: []byte{1}, StoredKey: make([]byte, 32), ServerKey: make([]byte, 32)}
	requireErrors(t, h.apply(command.AlterScramCredentials{Upserts: []command.ScramCredential{credential}}).([]error), command.ErrLimit)
	h.requireConsistent()
}

// Whoever prints a credential, prints no secret.
func TestCredentialsAreNotPrinted(t *testing.T) {
	credential := command.ScramCredential{ScramUser: command.ScramUser{User: "alice"}, Salt: []byte("salt"), StoredKey: []byte("stored"), ServerKey: []byte("server")}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		for _, printed := range []any{credential, &credential, []command.ScramCredential{credential}, command.AlterScramCredentials{Upserts: []command.ScramCredential{credential}}} {
			if text := fmt.Sprintf(verb, printed); strings.Contains(text, "salt") || strings.Contains(text, fmt.Sprint([]byte("stored"))) || strings.Contains(text, "0x73") {
				t.Errorf("%s: %s", verb, text)
			}
		}
	}
}
