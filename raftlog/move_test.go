package raftlog_test

import (
	"io"
	"net"
	"sync"
	"testing"

	"kont/raftlog/link/linktest"
)

// forward lets a second address lead to a first one.
func forward(t *testing.T, to string) (address string) {
	listener, err := net.Listen("tcp", linktest.FreeAddress(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer from.Close()
				conn, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer conn.Close()
				go io.Copy(conn, from) //nolint:errcheck // ends with the connections
				io.Copy(from, conn)    //nolint:errcheck // the same
			}()
		}
	}()
	return listener.Addr().String()
}

// The library changes a member's address beside what sends to it; the race detector found them at the same words.
func TestMemberMovesWhileItGetsEntries(t *testing.T) {
	c := newCluster(t, 2, nil)
	leader, member := c.leader(), c.nodes["n2"]
	addresses := []string{forward(t, member.port.Bind), member.port.Bind}
	stop, written := make(chan struct{}), 0
	var writing sync.WaitGroup
	writing.Go(func() {
		for ; ; written++ {
			select {
			case <-stop:
				return
			default:
				if _, err := leader.Propose(deadline(t), []byte(numbered(written))); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for i := range 20 {
		if err := leader.AddVoter(deadline(t), "n2", addresses[i%2]); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	writing.Wait()
	c.waitSameState(written)
	members, err := leader.Members()
	if err != nil || len(members) != 2 || members[1].Address != addresses[1] {
		t.Errorf("members %+v, %v", members, err)
	}
}
