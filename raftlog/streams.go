package raftlog

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/raft"

	"kont/raftlog/link"
)

// streams gives raft its connections, and ends them. Raft itself waits for the other side: a snapshot that it sends may take hours before
// the library's deadline is over, one that it receives has none, and until then the node neither votes nor stops.
type streams struct {
	net.Listener
	port *link.Port
	// idOf finds the id of the member with an address, "" if there is none.
	idOf *atomic.Pointer[func(address string) string]

	mu sync.Mutex
	// open has a connection, and whether it came in; guarded by mu, nil once closed.
	open map[*stream]bool
}

func newStreams(port *link.Port, idOf *atomic.Pointer[func(address string) string]) *streams {
	return &streams{Listener: port.Listener(link.Raft), port: port, idOf: idOf, open: map[*stream]bool{}}
}

// Accept is raft's.
func (s *streams) Accept() (net.Conn, error) {
	conn, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return s.add(conn, true)
}

// Dial is raft's too.
func (s *streams) Dial(address raft.ServerAddress, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	id := ""
	if idOf := s.idOf.Load(); idOf != nil {
		id = (*idOf)(string(address))
	}
	conn, err := s.port.Dial(ctx, link.Raft, id, string(address))
	if err != nil {
		return nil, err
	}
	return s.add(conn, false)
}

func (s *streams) add(conn net.Conn, cameIn bool) (net.Conn, error) {
	added := &stream{Conn: conn, streams: s}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		conn.Close()
		return nil, net.ErrClosed
	}
	s.open[added] = cameIn
	return added, nil
}

// closeIncoming ends all connections that others have made. They make new ones.
func (s *streams) closeIncoming() {
	s.mu.Lock()
	var ended []*stream
	for stream, cameIn := range s.open {
		if cameIn {
			ended = append(ended, stream)
		}
	}
	s.mu.Unlock()
	for _, stream := range ended {
		stream.Close()
	}
}

// closeAll ends all connections, and there will be no new ones.
func (s *streams) closeAll() {
	s.mu.Lock()
	ended := s.open
	s.open = nil
	s.mu.Unlock()
	for stream := range ended {
		stream.Conn.Close()
	}
}

// stream is a connection of raft's whose other side must take what is written.
type stream struct {
	net.Conn
	streams *streams
}

func (s *stream) Write(data []byte) (int, error) {
	if err := s.SetWriteDeadline(time.Now().Add(rpcTimeout)); err != nil {
		return 0, err
	}
	return s.Conn.Write(data)
}

func (s *stream) Close() error {
	s.streams.mu.Lock()
	delete(s.streams.open, s)
	s.streams.mu.Unlock()
	return s.Conn.Close()
}
