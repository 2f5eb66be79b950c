package peers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"kont/raftlog/link"
	"kont/statemachine/command"
)

const (
	pathStatus    = "/peers/v1/status"
	pathJoin      = "/peers/v1/join"
	pathRegister  = "/peers/v1/register"
	pathCommitted = "/peers/v1/committed"
	pathForwarded = "/peers/v1/forwarded"
	pathFenced    = "/peers/v1/fenced"
	pathKafka     = "/peers/v1/kafka"

	// requestBytesMax bounds what a node says of itself.
	requestBytesMax = 64 << 10
	// kafkaBytesMax bounds a request of a Kafka client: 16 MiB, a third more as JSON, and who sent it.
	kafkaBytesMax = 24 << 20
)

type joinAnswer struct {
	ClusterID string `json:"cluster_id"`
}

type committedAnswer struct {
	Index uint64 `json:"index"`
}

// Server answers the calls of other nodes.
type Server struct {
	http    *http.Server
	serving chan struct{}
}

// Serve answers calls that come in at a port from now on. forwarded answers requests of the HTTP API that
// other nodes were asked; it is a handler that has no more guests to turn away.
func Serve(port *link.Port, node Node, forwarded http.Handler, logger *slog.Logger) *Server {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+pathStatus, func(w http.ResponseWriter, r *http.Request) { answer(w, node.Status(), nil) })
	mux.HandleFunc("POST "+pathJoin, func(w http.ResponseWriter, r *http.Request) {
		about, err := nodeIn(r, false)
		if err != nil {
			answer(w, nil, err)
			return
		}
		clusterID, err := node.Join(r.Context(), about)
		answer(w, joinAnswer{clusterID}, err)
	})
	mux.HandleFunc("POST "+pathRegister, func(w http.ResponseWriter, r *http.Request) {
		about, err := nodeIn(r, true)
		if err == nil {
			err = node.Register(r.Context(), about)
		}
		answer(w, struct{}{}, err)
	})
	mux.Handle("POST "+pathCommitted, membersOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		index, err := node.Committed(r.Context())
		answer(w, committedAnswer{index}, err)
	})))
	mux.Handle("POST "+pathFenced, membersOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var nodeIDs []int32
		err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, requestBytesMax)).Decode(&nodeIDs)
		if err == nil {
			node.Fenced(nodeIDs)
		}
		answer(w, struct{}{}, err)
	})))
	mux.Handle("POST "+pathKafka, membersOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		request, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, kafkaBytesMax))
		var response []byte
		if err == nil {
			response, err = node.Kafka(request)
		}
		answer(w, response, err)
	})))
	mux.Handle(pathForwarded+"/", membersOnly(http.StripPrefix(pathForwarded, forwarded)))
	s := &Server{
		http: &http.Server{
			Handler:           strangersOnce(mux),
			ReadHeaderTimeout: 10 * time.Second,
			IdleTimeout:       2 * idleTimeout,
			ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
			ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
				return context.WithValue(ctx, peerKey{}, conn)
			},
		},
		serving: make(chan struct{}),
	}
	go func() {
		defer close(s.serving)
		if err := s.http.Serve(port.Listener(link.Calls)); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			logger.Warn("calls of other nodes", "error", err)
		}
	}()
	return s
}

// Close ends calls under way and returns when none is left.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.serving
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

type peerKey struct{}

// peerOf is who sent a request.
func peerOf(r *http.Request) link.Peer {
	conn, _ := r.Context().Value(peerKey{}).(net.Conn)
	peer, _ := link.PeerOf(conn)
	return peer
}

// strangersOnce closes a connection after a request when one of both nodes is in no cluster: it will be a stranger's for as long as it is open, and
// the node may enter the cluster meanwhile.
func strangersOnce(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !peerOf(r).IsMember {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func membersOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !peerOf(r).IsMember {
			answer(w, nil, ErrStranger)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// nodeIn reads what a node says of itself, and nobody else.
func nodeIn(r *http.Request, isForMembers bool) (command.Node, error) {
	var node command.Node
	if err := json.NewDecoder(http.MaxBytesReader(nil, r.Body, requestBytesMax)).Decode(&node); err != nil {
		return node, fmt.Errorf("read what the node says of itself: %w", err)
	}
	peer := peerOf(r)
	if isForMembers && !peer.IsMember {
		return node, ErrStranger
	}
	if want := NameOf(node.ID); peer.NodeID != want {
		return node, fmt.Errorf("node %q speaks for %q", peer.NodeID, want)
	}
	return node, nil
}

// NameOf is what a node is called between nodes, and in Raft.
func NameOf(nodeID int32) string { return fmt.Sprint("node-", nodeID) }

// NodeIDOf is the opposite of NameOf, 0 for a name that is none of its.
func NodeIDOf(name string) int32 {
	var id int32
	if _, err := fmt.Sscanf(name, "node-%d", &id); err != nil || NameOf(id) != name {
		return 0
	}
	return id
}

func answer(w http.ResponseWriter, body any, err error) {
	w.Header().Set("Content-Type", "application/json")
	if err != nil {
		w.WriteHeader(http.StatusConflict)
		body = failureOf(err)
	}
	json.NewEncoder(w).Encode(body) //nolint:errcheck // the other side is gone
}
