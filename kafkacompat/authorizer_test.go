package kafkacompat

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"kont/statemachine/command"
)

// What a connection remembers is bounded in bytes: a name has up to 32 KiB in a request, and is remembered if it is refused, too.
func TestPermitsOfLongNamesAreNotRemembered(t *testing.T) {
	here, there := net.Pipe()
	defer here.Close()
	defer there.Close()
	c := &conn{server: &Server{}, net: here, principal: "User:a", logger: slog.New(slog.DiscardHandler)}
	c.server.authorizer = newAuthorizer(AuthorizerConfig{IsOn: true}, aclsOnly{acls: &command.ACLs{}})
	long := strings.Repeat("x", 32<<10-10)
	bytes := 0
	for i := range permitsMax - 1 {
		if c.mayTopic(opWrite, fmt.Sprint(long[:i*8], i)) {
			t.Fatal("allowed")
		}
	}
	for remembered := range c.permits.decided {
		bytes += len(remembered.name)
	}
	if bytes > 1<<20 || len(c.permits.decided) == 0 {
		t.Errorf("%d names of %d bytes are remembered", len(c.permits.decided), bytes)
	}
}
