package kafkacompat

import (
	"fmt"
	"log/slog"
	"net"
	"testing"

	"kont/statemachine/command"
)

// What a client pays for each partition of a Produce or Fetch request.
func BenchmarkMay(b *testing.B) {
	for _, count := range []int{-1, 10, 10_000} {
		name := fmt.Sprint("acls=", count)
		if count < 0 {
			name = "no authorizer"
		}
		b.Run(name, func(b *testing.B) {
			acls := &command.ACLs{}
			for i := range count {
				acls.List = append(acls.List, command.ACL{ResourceType: 2, Pattern: int8(3 + i%2), Name: fmt.Sprint("topic-", i), Principal: "User:a",
					Host: "*", Operation: 4, Permission: 3})
			}
			here, there := net.Pipe()
			defer here.Close()
			defer there.Close()
			c := &conn{server: &Server{}, net: here, principal: "User:a", logger: slog.New(slog.DiscardHandler)}
			if count >= 0 {
				c.server.authorizer = newAuthorizer(AuthorizerConfig{IsOn: true}, aclsOnly{acls: acls})
			}
			b.ReportAllocs()
			for b.Loop() {
				if !c.mayTopic(opWrite, "topic-8") {
					b.Fatal("denied")
				}
			}
		})
	}
}

// aclsOnly is a log that has nothing else.
type aclsOnly struct {
	Log
	acls *command.ACLs
}

func (l aclsOnly) ACLs() *command.ACLs { return l.acls }
