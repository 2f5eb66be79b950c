// Package linktest finds addresses for the nodes of tests.
package linktest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// Loopback is a host of this process's own, where the machine has more than one for itself. Connections to it come from
// 127.0.0.1.
var Loopback = sync.OnceValue(func() string {
	host := fmt.Sprintf("127.%d.%d.%d", 1+rand.IntN(254), rand.IntN(256), 1+rand.IntN(254))
	listener, err := net.Listen("tcp", host+":0")
	if err != nil {
		return "127.0.0.1"
	}
	listener.Close()
	return host
})

// given are the addresses that FreeAddress has returned.
var given sync.Map

// FreeAddress is host:port on Loopback that nobody listens on. It is given once, so a node
// can have it over all its restarts; where Loopback is 127.0.0.1, the port may be given to a connection of another
// process while the node is down.
func FreeAddress(t testing.TB) string {
	t.Helper()
	for {
		listener, err := net.Listen("tcp", Loopback()+":0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		listener.Close()
		if _, isGiven := given.LoadOrStore(address, true); !isGiven {
			return address
		}
	}
}
