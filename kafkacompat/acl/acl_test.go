package acl

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"

	"kont/statemachine/command"
)

// model decides by the words of Kafka's documentation, one ACL after the other. It
// shares nothing with the index.
func model(list []command.ACL, principal, host string, operation, kind int8, name string) Decision {
	about := func(a command.ACL) bool {
		return a.ResourceType == kind && (a.Pattern == 3 && (a.Name == name || a.Name == "*") || a.Pattern == 4 && strings.HasPrefix(name, a.Name))
	}
	isThere, isAllowed := false, false
	for _, a := range list {
		if !about(a) {
			continue
		}
		isThere = true
		if a.Principal != principal && a.Principal != "User:*" || a.Host != host && a.Host != "*" {
			continue
		}
		if a.Permission == 2 && (a.Operation == operation || a.Operation == 2) {
			return Denied
		}
		implied := map[int8][]int8{8: {3, 4, 6, 7}, 10: {11}}[operation]
		isAllowed = isAllowed || a.Permission == 3 && (a.Operation == operation || a.Operation == 2 || contains(implied, a.Operation))
	}
	switch {
	case isAllowed:
		return Allowed
	case isThere:
		return Denied
	default:
		return Unspecified
	}
}

func contains(list []int8, n int8) bool {
	for _, m := range list {
		if m == n {
			return true
		}
	}
	return false
}

// randomACLs draws from few values, so that ACLs often are about the same.
func randomACLs(random *rand.Rand, count int) []command.ACL {
	list := make([]command.ACL, count)
	for i := range list {
		list[i] = command.ACL{
			ResourceType: int8(2 + random.IntN(2)), Pattern: int8(3 + random.IntN(2)),
			Name:      []string{"*", "o", "or", "orders", "other", "x"}[random.IntN(6)],
			Principal: []string{"User:*", "User:a", "User:b"}[random.IntN(3)],
			Host:      []string{"*", "10.0.0.1"}[random.IntN(2)],
			Operation: int8(2 + random.IntN(11)), Permission: int8(2 + random.IntN(2)),
		}
	}
	return list
}

func TestDecisionsAreThoseOfTheModel(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 9))
	counts := map[Decision]int{}
	for range 3000 {
		list := randomACLs(random, random.IntN(8))
		index := NewIndex(list)
		for _, name := range []string{"orders", "other", "o", "", "xyz", "*"} {
			principal, host := []string{"User:a", "User:b", "User:c"}[random.IntN(3)], []string{"10.0.0.1", "10.0.0.2"}[random.IntN(2)]
			operation, kind := int8(3+random.IntN(10)), int8(2+random.IntN(2))
			got := index.Decide(principal, host, kmsg.ACLOperation(operation), kmsg.ACLResourceType(kind), name)
			want := model(list, principal, host, operation, kind, name)
			if got != want {
				t.Fatalf("%s from %s, operation %d on %d:%s: %d, want %d by\n%+v", principal, host, operation, kind, name, got, want, list)
			}
			counts[got]++
		}
	}
	if counts[Allowed] < 200 || counts[Denied] < 1000 || counts[Unspecified] < 1000 {
		t.Errorf("the lists decide little: %v", counts)
	}
}

// There is a resource that one may write to exactly if some name is allowed; names that
// stand for all of a pattern are enough to find one.
func TestAnyResourceIsThatOfSomeName(t *testing.T) {
	random := rand.New(rand.NewPCG(2, 9))
	counts := map[Decision]int{}
	for range 3000 {
		list := randomACLs(random, 1+random.IntN(5))
		got := NewIndex(list).DecideAny("User:a", "10.0.0.1", kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic)
		want, isOfType := Denied, false
		for _, acl := range list {
			isOfType = isOfType || acl.ResourceType == 2
			for _, name := range []string{acl.Name, acl.Name + "zzz", "zzz"} {
				if model(list, "User:a", "10.0.0.1", 4, 2, name) == Allowed {
					want = Allowed
				}
			}
		}
		if !isOfType {
			want = Unspecified
		}
		if got != want {
			t.Fatalf("%d, want %d by\n%+v", got, want, list)
		}
		counts[got]++
	}
	if counts[Allowed] < 200 || counts[Denied] < 200 {
		t.Errorf("the lists decide little: %v", counts)
	}
}

func TestFiltersMatchAsKafkas(t *testing.T) {
	text := func(s string) *string { return &s }
	literal := command.ACL{ResourceType: 2, Pattern: 3, Name: "orders", Principal: "User:a", Host: "*", Operation: 3, Permission: 3}
	anything, prefixed := literal, literal
	anything.Name = "*"
	prefixed.Name, prefixed.Pattern = "ord", 4
	all := Filter{ResourceType: kmsg.ACLResourceTypeAny, Pattern: kmsg.ACLResourcePatternTypeAny, Operation: kmsg.ACLOperationAny, Permission: kmsg.ACLPermissionTypeAny}
	with := func(change func(*Filter)) Filter {
		f := all
		change(&f)
		return f
	}
	named := func(pattern kmsg.ACLResourcePatternType, name string) Filter {
		return with(func(f *Filter) { f.Pattern, f.Name = pattern, &name })
	}
	for i, test := range []struct {
		filter                      Filter
		literal, anything, prefixed bool
	}{
		{all, true, true, true},
		{named(kmsg.ACLResourcePatternTypeAny, "orders"), true, false, false},
		{named(kmsg.ACLResourcePatternTypeMatch, "orders"), true, true, true},
		{named(kmsg.ACLResourcePatternTypeMatch, "order"), false, true, true},
		{named(kmsg.ACLResourcePatternTypeMatch, "*"), false, true, false},
		{named(kmsg.ACLResourcePatternTypeLiteral, "*"), false, true, false},
		{named(kmsg.ACLResourcePatternTypeLiteral, "ord"), false, false, false},
		{named(kmsg.ACLResourcePatternTypePrefixed, "ord"), false, false, true},
		{with(func(f *Filter) { f.Pattern = kmsg.ACLResourcePatternTypePrefixed }), false, false, true},
		{with(func(f *Filter) { f.ResourceType = kmsg.ACLResourceTypeGroup }), false, false, false},
		{with(func(f *Filter) { f.Principal = text("User:a") }), true, true, true},
		{with(func(f *Filter) { f.Principal = text("User:*") }), false, false, false},
		{with(func(f *Filter) { f.Host = text("10.0.0.1") }), false, false, false},
		{with(func(f *Filter) { f.Operation = kmsg.ACLOperationRead }), true, true, true},
		{with(func(f *Filter) { f.Operation = kmsg.ACLOperationAll }), false, false, false},
		{with(func(f *Filter) { f.Permission = kmsg.ACLPermissionTypeDeny }), false, false, false},
	} {
		if got := [3]bool{test.filter.Matches(literal), test.filter.Matches(anything), test.filter.Matches(prefixed)}; got != [3]bool{test.literal, test.anything, test.prefixed} {
			t.Errorf("%d: %+v matches %v", i, test.filter, got)
		}
	}
	for _, bad := range []Filter{{}, with(func(f *Filter) { f.Operation = 16 }), with(func(f *Filter) { f.Permission = 4 }), with(func(f *Filter) { f.Pattern = 5 }), with(func(f *Filter) { f.ResourceType = -1 })} {
		if bad.Check() == nil {
			t.Errorf("%+v passes", bad)
		}
	}
	if err := all.Check(); err != nil {
		t.Error(err)
	}
}

func TestACLsThatCannotBeAreRefused(t *testing.T) {
	good := command.ACL{ResourceType: 2, Pattern: 3, Name: "orders", Principal: "User:a", Host: "*", Operation: 3, Permission: 3}
	if err := Check(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*command.ACL){
		"any type":          func(a *command.ACL) { a.ResourceType = 1 },
		"match":             func(a *command.ACL) { a.Pattern = 2 },
		"any operation":     func(a *command.ACL) { a.Operation = 1 },
		"any permission":    func(a *command.ACL) { a.Permission = 1 },
		"no name":           func(a *command.ACL) { a.Name = "" },
		"another cluster":   func(a *command.ACL) { a.ResourceType = 4 },
		"bare principal":    func(a *command.ACL) { a.Principal = "alice" },
		"principal no name": func(a *command.ACL) { a.Principal = "User:" },
		"no host":           func(a *command.ACL) { a.Host = "" },
	} {
		bad := good
		change(&bad)
		if Check(bad) == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	for _, count := range []int{10, 10_000} {
		b.Run(fmt.Sprint("acls=", count), func(b *testing.B) {
			list := make([]command.ACL, count)
			for i := range list {
				list[i] = command.ACL{ResourceType: 2, Pattern: int8(3 + i%2), Name: fmt.Sprint("topic-", i), Principal: "User:a", Host: "*", Operation: 4, Permission: 3}
			}
			index := NewIndex(list)
			for b.Loop() {
				index.Decide("User:a", "10.0.0.1", kmsg.ACLOperationWrite, kmsg.ACLResourceTypeTopic, "topic-8")
			}
		})
	}
}

// An address can be written in many ways, and an ACL is for all of them.
func TestHostsAreComparedAsAddresses(t *testing.T) {
	for _, test := range []struct {
		acl, client string
		want        Decision
	}{
		{"127.0.0.1", "127.0.0.1", Allowed},
		{"127.0.0.1", "::ffff:127.0.0.1", Allowed},
		{"::ffff:127.0.0.1", "127.0.0.1", Allowed},
		{"2001:DB8:0:0::1", "2001:db8::1", Allowed},
		{"0:0:0:0:0:0:0:1", "::1", Allowed}, // as Java writes it
		{"fe80::1", "fe80::1%eth0", Allowed},
		{"2001:db8::1", "2001:db8::2", Denied},
		{"*", "2001:db8::2", Allowed},
		{"a.example", "a.example", Allowed},
	} {
		x := NewIndex([]command.ACL{{ResourceType: 2, Pattern: 3, Name: "orders", Principal: "User:a", Host: test.acl, Operation: 3, Permission: 3}})
		if got := x.Decide("User:a", HostOf(test.client), 3, 2, "orders"); got != test.want {
			t.Errorf("ACL for %s, client from %s: %d, want %d", test.acl, test.client, got, test.want)
		}
	}
}

// What a DENY takes back of the very resource, or of a prefix of it, is no resource that somebody may write to.
func TestAnyIsNoneWhereAllIsDenied(t *testing.T) {
	rule := func(pattern, permission int8, name string) command.ACL {
		return command.ACL{ResourceType: 2, Pattern: pattern, Name: name, Principal: "User:a", Host: "*", Operation: 4, Permission: permission}
	}
	for name, test := range map[string]struct {
		list []command.ACL
		want Decision
	}{
		"the same topic":              {[]command.ACL{rule(3, 3, "orders"), rule(3, 2, "orders")}, Denied},
		"its prefix":                  {[]command.ACL{rule(3, 3, "orders"), rule(4, 2, "or")}, Denied},
		"the same prefix":             {[]command.ACL{rule(4, 3, "or"), rule(4, 2, "or")}, Denied},
		"a longer prefix":             {[]command.ACL{rule(4, 3, "or"), rule(4, 2, "orders")}, Allowed},
		"another topic":               {[]command.ACL{rule(3, 3, "orders"), rule(3, 2, "other")}, Allowed},
		"all topics":                  {[]command.ACL{rule(3, 3, "orders"), rule(3, 2, "*")}, Denied},
		"one, where all are allowed":  {[]command.ACL{rule(3, 3, "*"), rule(3, 2, "orders")}, Allowed},
		"nothing, and nothing is for": {[]command.ACL{rule(3, 2, "other")}, Denied},
	} {
		if got := NewIndex(test.list).DecideAny("User:a", "10.0.0.1", 4, 2); got != test.want {
			t.Errorf("denied is %s: %d, want %d", name, got, test.want)
		}
	}
}
