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
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"kont/raftlog/link"
	"kont/statemachine/command"
)

// fake answers as it is told.
type fake struct {
	status Status
	err    error
	// joined and registered are who called.
	joined, registered []command.Node
	fenced             []int32
}

func (f *fake) Status() Status { return f.status }

func (f *fake) Join(_ context.Context, node command.Node) (string, error) {
	f.joined = append(f.joined, node)
	return "A", f.err
}

func (f *fake) Register(_ context.Context, node command.Node) error {
	f.registered = append(f.registered, node)
	return f.err
}

func (f *fake) Committed(context.Context) (uint64, error) { return f.status.AppliedIndex, f.err }

func (f *fake) Fenced(nodeIDs []int32) { f.fenced = nodeIDs }

func (f *fake) Kafka(request json.RawMessage) ([]byte, error) {
	return append([]byte("answer to "), request...), f.err
}

// serve makes a node that answers, and returns its port.
func serve(t *testing.T, id int32, cluster string, node Node, forwarded http.Handler) *link.Port {
	t.Helper()
	port := openPort(t, id, cluster)
	server := Serve(port, node, forwarded, slog.New(slog.DiscardHandler))
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return port
}

func openPort(t *testing.T, id int32, cluster string) *link.Port {
	t.Helper()
	port, err := link.Open(link.Config{NodeID: NameOf(id), ClusterID: cluster, Bind: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { port.Close() }) //nolint:errcheck // its server has the error
	return port
}

func clientOf(t *testing.T, port *link.Port) *Client {
	c := NewClient(port)
	t.Cleanup(c.Close)
	return c
}

func TestAnswersAndErrorsArriveAsTheyWere(t *testing.T) {
	node := &fake{status: Status{NodeID: 2, DirectoryID: ID{1, 15: 2}, ClusterID: "A", Peers: "1=a:1", LeaderID: 3, LeaderAddress: "c:1", IsNew: true, Starts: map[int32]ID{2: {3}}, AppliedIndex: 1 << 60}}
	address := serve(t, 2, "A", node, nil).Address()
	client := clientOf(t, openPort(t, 1, "A"))
	if got, err := client.Status(t.Context(), address); err != nil || !reflect.DeepEqual(got, node.status) {
		t.Errorf("status %+v, %v", got, err)
	}
	self := command.Node{ID: 1, DirectoryID: [16]byte{7}, Listeners: []command.NodeListener{{Name: "kafka", Host: "a", Port: 9092}}, Rack: "r"}
	for _, want := range []error{nil, command.ErrNodeIDTaken, command.ErrNodeTooOld, command.ErrUnavailable, command.ErrNotLeader, ErrRemoved} {
		node.err = nil
		if want != nil {
			node.err = fmt.Errorf("told: %w", want)
		}
		id, joinErr := client.Join(t.Context(), address, self)
		index, committedErr := client.Committed(t.Context(), address)
		for _, err := range []error{joinErr, committedErr, client.Register(t.Context(), address, self)} {
			if !errors.Is(err, want) || want == nil && err != nil {
				t.Errorf("got %v, want %v", err, want)
			}
		}
		if want == nil && (id != "A" || index != node.status.AppliedIndex) {
			t.Errorf("cluster %q, index %d", id, index)
		}
	}
	for _, all := range [][]command.Node{node.joined, node.registered} {
		if got := all[0]; got.ID != 1 || got.DirectoryID != self.DirectoryID || len(got.Listeners) != 1 || got.Rack != "r" {
			t.Errorf("arrived as %+v", got)
		}
	}
	if err := client.Fenced(t.Context(), address, []int32{3}); err != nil || !slices.Equal(node.fenced, []int32{3}) {
		t.Errorf("fenced %v, %v", node.fenced, err)
	}
	node.err = errors.New("disk on fire")
	if err := client.Register(t.Context(), address, self); err == nil || err.Error() != "disk on fire" {
		t.Errorf("got %v", err)
	}
}

func TestCallsFindTheLeader(t *testing.T) {
	leader := &fake{status: Status{AppliedIndex: 7}}
	follower := &fake{err: &NotLeaderError{serve(t, 3, "A", leader, nil).Address()}}
	address := serve(t, 2, "A", follower, nil).Address()
	client := clientOf(t, openPort(t, 1, "A"))
	if _, err := client.Join(t.Context(), address, command.Node{ID: 1}); err != nil || len(leader.joined) != 1 {
		t.Errorf("%v, joined %v", err, leader.joined)
	}
	if index, err := client.Committed(t.Context(), address); err != nil || index != leader.status.AppliedIndex {
		t.Errorf("committed: %d, %v", index, err)
	}
	// They send it to each other, and nobody leads.
	leader.err = &NotLeaderError{address}
	if err := client.Register(t.Context(), address, command.Node{ID: 1}); !errors.Is(err, command.ErrNotLeader) {
		t.Errorf("got %v", err)
	}
	// One that has just become the leader is sent to itself.
	self := openPort(t, 1, "A")
	follower.err = &NotLeaderError{self.Address()}
	if err := clientOf(t, self).Register(t.Context(), address, command.Node{ID: 1}); !errors.Is(err, command.ErrNotLeader) || errors.Is(err, link.ErrSameID) {
		t.Errorf("got %v", err)
	}
}

func TestStrangersMayAskOnlyToBeTakenIn(t *testing.T) {
	node := &fake{}
	forwarded := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "secret") })
	address := serve(t, 2, "A", node, forwarded).Address()
	port := openPort(t, 1, "")
	client := clientOf(t, port)
	if _, err := client.Status(t.Context(), address); err != nil {
		t.Error(err)
	}
	if _, err := client.Join(t.Context(), address, command.Node{ID: 1}); err != nil {
		t.Error(err)
	}
	if err := client.Register(t.Context(), address, command.Node{ID: 1}); !errors.Is(err, ErrStranger) || len(node.registered) > 0 {
		t.Errorf("register: %v", err)
	}
	if _, err := client.Committed(t.Context(), address); !errors.Is(err, ErrStranger) {
		t.Errorf("committed: %v", err)
	}
	if got, err := kafka(t, client, address, `{}`); !errors.Is(err, ErrStranger) {
		t.Errorf("request of a Kafka client: %s, %v", got, err)
	}
	if got := forward(client, address, "/api/v1/topics"); strings.Contains(got, "secret") {
		t.Errorf("forwarded: %s", got)
	}
	// Nobody speaks for another.
	for _, id := range []int32{0, 2, 3} {
		if _, err := client.Join(t.Context(), address, command.Node{ID: id}); err == nil || !strings.Contains(err.Error(), "speaks for") {
			t.Errorf("as node %d: %v", id, err)
		}
	}
	// It is taken in, and no connection of before is used any more.
	port.EnterCluster("A")
	if err := client.Register(t.Context(), address, command.Node{ID: 1}); err != nil {
		t.Error(err)
	}
	large := `"` + strings.Repeat("x", 2*answerBytesMax) + `"`
	if got, err := kafka(t, client, address, large); err != nil || string(got) != "answer to "+large {
		t.Errorf("request of a Kafka client: %d bytes, %v", len(got), err)
	}
	if got := forward(client, address, "/api/v1/topics"); got != "secret" {
		t.Errorf("forwarded: %s", got)
	}
}

// A node that enters a cluster is forwarded to at once, though others have called it before.
func TestNodeThatHasEnteredTheClusterIsNoStrangerAnyMore(t *testing.T) {
	entering := serve(t, 2, "", &fake{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "answer") }))
	client := clientOf(t, openPort(t, 1, "A"))
	for range 3 {
		if _, err := client.Status(t.Context(), entering.Address()); err != nil {
			t.Error(err)
		}
	}
	entering.EnterCluster("A")
	if got := forward(client, entering.Address(), "/api/v1/topics"); got != "answer" {
		t.Errorf("forwarded: %s", got)
	}
}

func always() bool { return true }

func forward(client *Client, address, path string) string {
	recorder := httptest.NewRecorder()
	client.Forward(recorder, httptest.NewRequest(http.MethodGet, path, nil), address, always, func(err error) { fmt.Fprint(recorder, "failed: ", err) })
	body, _ := io.ReadAll(recorder.Result().Body)
	return string(body)
}

func TestForwardedRequestsAreWhatTheClientSent(t *testing.T) {
	address := serve(t, 2, "A", &fake{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusTeapot)
		fmt.Fprint(w, r.Method, " ", r.URL.RequestURI(), " ", string(body))
	})).Address()
	client := clientOf(t, openPort(t, 1, "A"))
	recorder := httptest.NewRecorder()
	request := httptest.NewRequest(http.MethodPut, "/api/v1/thread?key=a%2Fb%00&x=", strings.NewReader("body"))
	client.Forward(recorder, request, address, always, func(err error) { t.Error(err) })
	if got, want := recorder.Body.String(), "PUT /api/v1/thread?key=a%2Fb%00&x= body"; got != want || recorder.Code != http.StatusTeapot {
		t.Errorf("%d %s, want %s", recorder.Code, got, want)
	}
	if got := forward(client, "127.0.0.1:1", "/"); !strings.HasPrefix(got, "failed: ") {
		t.Errorf("of a node that is not there: %s", got)
	}
}

// A leader that hangs takes connections and requests, and answers none.
func TestForwardedRequestEndsWithTheLeadershipUnlessItsAnswerHasBegun(t *testing.T) {
	arrived, goOn := make(chan struct{}), make(chan struct{})
	address := serve(t, 2, "A", &fake{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hangs":
			close(arrived)
			<-r.Context().Done()
		case "/begins":
			fmt.Fprint(w, "begun, ")
			http.NewResponseController(w).Flush() //nolint:errcheck // the answer shows it
			<-goOn
			fmt.Fprint(w, "ended")
		case "/hands-over":
			<-goOn
			fmt.Fprint(w, "another leads")
		}
	})).Address()
	client := clientOf(t, openPort(t, 1, "A"))
	client.partingMax = 0
	// leadsUntil is for a node that leads until something happens, and is told once that this was seen.
	leadsUntil := func(happens <-chan struct{}, seen func()) func() bool {
		seen = sync.OnceFunc(seen)
		return func() bool {
			select {
			case <-happens:
				seen()
				return false
			default:
				return true
			}
		}
	}
	var failed error
	client.Forward(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/hangs", nil), address, leadsUntil(arrived, func() {}), func(err error) { failed = err })
	if !errors.Is(failed, errLeadsNoMore) {
		t.Errorf("of one that hangs: %v", failed)
	}

	recorder := &beginning{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{})}
	client.Forward(recorder, httptest.NewRequest(http.MethodGet, "/begins", nil), address, leadsUntil(recorder.begun, func() { close(goOn) }), func(err error) { t.Error(err) })
	if got := recorder.Body.String(); got != "begun, ended" {
		t.Errorf("of one that has begun: %q", got)
	}

	// It may lead no more because it was asked to hand over.
	client.partingMax, goOn, arrived = time.Minute, make(chan struct{}), make(chan struct{})
	close(arrived)
	recorder = &beginning{ResponseRecorder: httptest.NewRecorder(), begun: make(chan struct{})}
	client.Forward(recorder, httptest.NewRequest(http.MethodPost, "/hands-over", nil), address, leadsUntil(arrived, func() { close(goOn) }), func(err error) { t.Error(err) })
	if got := recorder.Body.String(); got != "another leads" {
		t.Errorf("of one that has handed over: %q", got)
	}
}

// beginning tells when an answer has begun.
type beginning struct {
	*httptest.ResponseRecorder
	once  sync.Once
	begun chan struct{}
}

func (b *beginning) Write(data []byte) (int, error) {
	b.once.Do(func() { close(b.begun) })
	return b.ResponseRecorder.Write(data)
}

// kafka has a node answer a request of a Kafka client, which must be sent.
func kafka(t *testing.T, client *Client, address, request string) ([]byte, error) {
	t.Helper()
	answer, isSent, err := client.Kafka(t.Context(), address, json.RawMessage(request), always)
	if !isSent {
		t.Errorf("not sent: %v", err)
	}
	return answer, err
}

// hanging takes requests of Kafka clients and keeps them until it may go on.
type hanging struct {
	fake
	arrived, goOn chan struct{}
}

func (h *hanging) Kafka(json.RawMessage) ([]byte, error) {
	h.arrived <- struct{}{}
	<-h.goOn
	return []byte("another leads"), nil
}

func TestRequestOfAKafkaClientEndsWithTheLeadership(t *testing.T) {
	node := &hanging{arrived: make(chan struct{}, 1), goOn: make(chan struct{})}
	address := serve(t, 2, "A", node, nil).Address()
	client := clientOf(t, openPort(t, 1, "A"))
	client.partingMax = 0
	leads := func() bool { return len(node.arrived) == 0 }
	if answer, isSent, err := client.Kafka(t.Context(), address, json.RawMessage(`{}`), leads); !errors.Is(err, errLeadsNoMore) || !isSent {
		t.Errorf("of one that hangs: %s, sent: %v, %v", answer, isSent, err)
	}
	<-node.arrived
	close(node.goOn)

	// One that is seen to lead no more may have done what it was asked for.
	client.partingMax = time.Minute
	if answer, _, err := client.Kafka(t.Context(), address, json.RawMessage(`{}`), func() bool { return false }); string(answer) != "another leads" {
		t.Errorf("of one that has handed over: %s, %v", answer, err)
	}
}

// Where nobody listens, or a node is frozen before it says who it is, nothing can have been done.
func TestRequestOfAKafkaClientIsNotSentWithoutAConnection(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	client := clientOf(t, openPort(t, 1, "A"))
	client.partingMax = 0
	for _, address := range []string{"127.0.0.1:1", mute.Addr().String()} {
		if answer, isSent, err := client.Kafka(t.Context(), address, json.RawMessage(`{}`), func() bool { return false }); err == nil || isSent {
			t.Errorf("%s: %s, sent: %v, %v", address, answer, isSent, err)
		}
	}
}

func TestNamesOfNodes(t *testing.T) {
	for name, want := range map[string]int32{"node-1": 1, "node-2147483647": 1<<31 - 1, "": 0, "node-": 0, "node-01": 0, "node-1x": 0, "n1": 0, "node-99999999999": 0} {
		if got := NodeIDOf(name); got != want {
			t.Errorf("%q is node %d, want %d", name, got, want)
		}
	}
	var id ID
	if err := id.UnmarshalText([]byte("00")); err == nil {
		t.Error("an id of two digits")
	}
}
