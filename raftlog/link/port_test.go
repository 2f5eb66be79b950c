package link_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"kont/raftlog/link"
)

const patience = 20 * time.Second

func open(t *testing.T, node, cluster string) *link.Port {
	t.Helper()
	port, err := link.Open(link.Config{NodeID: node, ClusterID: cluster, Bind: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() })
	return port
}

// Who may connect with whom, what for, and what those are told who may not.
func TestWhoIsRefused(t *testing.T) {
	for _, c := range []struct {
		name          string
		node, cluster string
		purpose       link.Purpose
		to            string
		here          string
		want          string
		isMember      bool
	}{
		{name: "raft of a member", node: "n1", cluster: "A", purpose: link.Raft, to: "n2", here: "A", isMember: true},
		{name: "a call of a member", node: "n1", cluster: "A", purpose: link.Calls, here: "A", isMember: true},
		{name: "a call of a node without a cluster", node: "n1", purpose: link.Calls, here: "A"},
		{name: "a call to a node without a cluster", node: "n1", cluster: "A", purpose: link.Calls},
		{name: "a call between nodes without a cluster", node: "n1", purpose: link.Calls},
		{name: "raft of another cluster", node: "n1", cluster: "B", purpose: link.Raft, here: "A", want: "it belongs to cluster B, and this node to A"},
		{name: "a call of another cluster", node: "n1", cluster: "B", purpose: link.Calls, here: "A", want: "it belongs to cluster B, and this node to A"},
		{name: "raft of a node without a cluster", node: "n1", purpose: link.Raft, here: "A", want: "it is in no cluster yet"},
		{name: "raft to a node without a cluster", node: "n1", cluster: "A", purpose: link.Raft, want: "this node is in no cluster yet"},
		{name: "raft between nodes without a cluster", node: "n1", purpose: link.Raft, want: "in no cluster yet"},
		{name: "one that looks for another", node: "n1", cluster: "A", purpose: link.Raft, to: "n3", here: "A", want: `it looks for node "n3", and this is node "n2"`},
		{name: "an unknown purpose", node: "n1", cluster: "A", purpose: 'x', here: "A", want: `purpose 'x' is not known here`},
	} {
		t.Run(c.name, func(t *testing.T) {
			here, there := open(t, "n2", c.here), open(t, c.node, c.cluster)
			type incoming struct {
				conn net.Conn
				err  error
			}
			accepted := make(chan incoming, 1)
			go func() {
				conn, err := here.Listener(c.purpose).Accept()
				accepted <- incoming{conn, err}
			}()
			conn, err := there.Dial(t.Context(), c.purpose, c.to, here.Address())
			if c.want != "" {
				if !errors.Is(err, link.ErrRefused) || !strings.Contains(err.Error(), c.want) {
					t.Fatalf("got %v, want a refusal: %s", err, c.want)
				}
				here.Close()
				if in := <-accepted; in.err == nil {
					t.Error("it is accepted nevertheless")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			in := <-accepted
			if in.err != nil {
				t.Fatal(in.err)
			}
			for conn, want := range map[net.Conn]link.Peer{in.conn: {NodeID: c.node, IsMember: c.isMember}, conn: {NodeID: "n2", IsMember: c.isMember}} {
				if peer, isLink := link.PeerOf(conn); !isLink || peer != want {
					t.Errorf("the peer is %+v, want %+v", peer, want)
				}
			}
			// What goes over it begins right after the hello.
			for _, ends := range [][2]net.Conn{{conn, in.conn}, {in.conn, conn}} {
				if _, err := ends[0].Write([]byte("first words")); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len("first words"))
				if _, err := io.ReadFull(ends[1], got); err != nil || string(got) != "first words" {
					t.Fatalf("read %q, %v", got, err)
				}
			}
		})
	}
}

func TestNodesWithTheSameIDNotice(t *testing.T) {
	var log bytes.Buffer
	here, err := link.Open(link.Config{NodeID: "n2", ClusterID: "A", Bind: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	there := open(t, "n2", "")
	for _, purpose := range []link.Purpose{link.Raft, link.Calls} {
		if _, err := there.Dial(t.Context(), purpose, "", here.Address()); !errors.Is(err, link.ErrSameID) {
			t.Errorf("got %v", err)
		}
	}
	here.Close()
	if !strings.Contains(log.String(), "give each node an id of its own") {
		t.Errorf("the one that was there says %s", &log)
	}
}

func TestANodeEntersAClusterOnce(t *testing.T) {
	member, newcomer := open(t, "n1", "A"), open(t, "n2", "")
	if _, err := newcomer.Dial(t.Context(), link.Raft, "n1", member.Address()); !errors.Is(err, link.ErrRefused) {
		t.Fatalf("before: %v", err)
	}
	newcomer.EnterCluster("A")
	conn, err := newcomer.Dial(t.Context(), link.Raft, "n1", member.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// Whatever is sent instead of a hello, the port goes on.
func TestMalformedHelloesAreRefused(t *testing.T) {
	port := open(t, "n1", "A")
	for _, sent := range []string{
		"", "k", "GET / HTTP/1.1\r\n\r\n", "kont", "kont\x01", "kont\x02r\x00\x00\x00", "kont\x01r", "kont\x01r\x05A", "kont\x01r\x01A\x02n2", "kont\x01r\x01A\xffn2",
	} {
		conn, err := net.Dial("tcp", port.Address())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte(sent)); err != nil {
			t.Fatal(err)
		}
		conn.(*net.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(patience))
		if answer, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) || len(answer) > 0 {
			t.Errorf("%q is answered with %q, %v", sent, answer, err)
		}
		conn.Close()
	}
	conn, err := open(t, "n2", "A").Dial(t.Context(), link.Calls, "n1", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// Connections that say nothing are bounded, and make room when they end.
func TestSilentConnectionsAreBounded(t *testing.T) {
	port, err := link.Open(link.Config{NodeID: "n1", ClusterID: "A", Bind: "127.0.0.1:0", HelloTimeout: time.Hour, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	var silent []net.Conn
	for range 128 {
		conn, err := net.Dial("tcp", port.Address())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		silent = append(silent, conn)
	}
	one, err := net.Dial("tcp", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	one.SetReadDeadline(time.Now().Add(patience))
	if _, err := one.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("one too many is kept: %v", err)
	}
	for _, conn := range silent {
		conn.Close()
	}
	n2 := open(t, "n2", "A")
	for deadline := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		conn, err := n2.Dial(t.Context(), link.Calls, "n1", port.Address())
		if err == nil {
			conn.Close()
			break
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestSilentConnectionsEnd(t *testing.T) {
	port, err := link.Open(link.Config{NodeID: "n1", ClusterID: "A", Bind: "127.0.0.1:0", HelloTimeout: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	conn, err := net.Dial("tcp", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetReadDeadline(time.Now().Add(patience))
	if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("it ends with %v", err)
	}
}

// A node that answers nothing holds up its caller no longer than the caller likes.
func TestDialEndsWithItsContext(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := mute.Accept()
		if err == nil {
			io.ReadFull(conn, make([]byte, 5))
			cancel()
			defer conn.Close()
			io.Copy(io.Discard, conn)
		}
	}()
	if _, err := open(t, "n1", "A").Dial(ctx, link.Raft, "n2", mute.Addr().String()); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "\n") {
		t.Fatalf("got %v", err)
	}
}

func TestCloseEndsAcceptedConnections(t *testing.T) {
	port, other := open(t, "n1", "A"), open(t, "n2", "A")
	waits, err := other.Dial(t.Context(), link.Calls, "n1", port.Address()) // that nobody accepts
	if err != nil {
		t.Fatal(err)
	}
	defer waits.Close()
	taken, err := other.Dial(t.Context(), link.Raft, "n1", port.Address())
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if _, err := port.Listener(link.Raft).Accept(); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(port.Close(), port.Close()); err != nil {
		t.Fatal(err)
	}
	for name, conn := range map[string]net.Conn{"that waits": waits, "that was taken": taken} {
		conn.SetReadDeadline(time.Now().Add(patience))
		if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("the connection %s is still open: %v", name, err)
		}
	}
	if _, err := port.Listener(link.Calls).Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept on a closed port: %v", err)
	}
}

func TestEveryAddressOfAMachineIsNoAddressForOthers(t *testing.T) {
	_, err := link.Open(link.Config{NodeID: "n1", Bind: "0.0.0.0:0"})
	if err == nil || !strings.Contains(err.Error(), "advertise") {
		t.Fatalf("got %v", err)
	}
	port, err := link.Open(link.Config{NodeID: "n1", Bind: "0.0.0.0:0", Advertise: "n1.example:7000"})
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	if got := port.Address(); got != "n1.example:7000" {
		t.Errorf("advertises %s", got)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []link.Config{
		{Bind: "127.0.0.1:0"}, {NodeID: strings.Repeat("n", 256), Bind: "127.0.0.1:0"}, {NodeID: "n1", ClusterID: strings.Repeat("n", 256), Bind: "127.0.0.1:0"},
		{NodeID: "n1"}, {NodeID: "n1", Bind: "7000"}, {NodeID: "n1", Bind: "127.0.0.1:0", Advertise: "n1"},
	} {
		if port, err := link.Open(c); err == nil {
			port.Close()
			t.Errorf("%+v is taken", c)
		}
	}
}

// Refusals of a node that tries again and again fill no log.
func TestRefusalsAreLoggedOnceInAWhile(t *testing.T) {
	var log bytes.Buffer
	port, err := link.Open(link.Config{NodeID: "n1", ClusterID: "A", Bind: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	stranger := open(t, "n2", "B")
	for range 20 {
		if _, err := stranger.Dial(t.Context(), link.Raft, "n1", port.Address()); !errors.Is(err, link.ErrRefused) {
			t.Fatal(err)
		}
	}
	port.Close()
	if got := strings.Count(log.String(), "\n"); got != 1 || !strings.Contains(log.String(), "it belongs to cluster B") {
		t.Errorf("%d lines: %s", got, log.String())
	}
}
