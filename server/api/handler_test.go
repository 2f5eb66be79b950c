package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"kont/server/api"
	"kont/server/api/apitest"
	"kont/statemachine/command"
)

// exchange is one request as a test writes it.
type exchange struct {
	method, target, host, body string
	header                     map[string]string
}

func (e exchange) to(h http.Handler) *httptest.ResponseRecorder {
	request := httptest.NewRequest(e.method, e.target, strings.NewReader(e.body))
	request.Host = "127.0.0.1:8080"
	if e.host != "" {
		request.Host = e.host
	}
	for name, value := range e.header {
		request.Header.Set(name, value)
	}
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, request)
	return recorder
}

func quiet(options api.Options) api.Options {
	options.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return options
}

func decode[T any](t *testing.T, recorder *httptest.ResponseRecorder) T {
	t.Helper()
	var value T
	if err := json.Unmarshal(recorder.Body.Bytes(), &value); err != nil {
		t.Fatalf("%v in %q", err, recorder.Body)
	}
	return value
}

func TestThreadsAreListedInPages(t *testing.T) {
	node := &apitest.Node{}
	for i := range 5 {
		thread := api.Thread{}
		thread.Key = fmt.Sprintf("order-%d", i)
		if i%2 == 1 {
			thread.Status = api.StatusFaulted
		}
		node.AddThread(thread)
	}
	h := api.New(node, quiet(api.Options{}))
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"limit=2", []string{"order-0", "order-1", "order-2", "order-3", "order-4"}},
		{"limit=2&status=faulted", []string{"order-1", "order-3"}},
		{"limit=1&status=suspended", []string{"order-0", "order-2", "order-4"}},
		{"topic=elsewhere", nil},
	} {
		var got []string
		cursor := ""
		for {
			page := decode[api.ThreadsPage](t, exchange{method: "GET", target: "/api/v1/threads?" + test.query + "&cursor=" + url.QueryEscape(cursor)}.to(h))
			for _, thread := range page.Threads {
				got = append(got, thread.Key)
			}
			if cursor = page.Cursor; cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != strings.Join(test.want, " ") {
			t.Errorf("%s: %v, want %v", test.query, got, test.want)
		}
	}
}

func TestUnmatchedEventsAreListedInPages(t *testing.T) {
	node := &apitest.Node{}
	for i := range 5 {
		event := api.UnmatchedEvent{Key: fmt.Sprint("key-", i), Offset: int64(i)}
		if i%2 == 1 {
			event.Topic = "other"
		}
		node.AddUnmatched(event)
	}
	h := api.New(node, quiet(api.Options{}))
	for query, want := range map[string]string{
		"limit=2": "4 3 2 1 0", "limit=5": "4 3 2 1 0", "": "4 3 2 1 0", "limit=1&topic=other": "3 1", "topic=workflow-resume": "4 2 0", "topic=none": "",
	} {
		var got []string
		cursor := ""
		for {
			page := decode[api.UnmatchedPage](t, exchange{method: "GET", target: "/api/v1/unmatched?" + query + "&cursor=" + url.QueryEscape(cursor)}.to(h))
			if page.Events == nil {
				t.Errorf("%s: events is null", query)
			}
			for _, event := range page.Events {
				got = append(got, fmt.Sprint(event.Offset))
			}
			if cursor = page.Cursor; cursor == "" {
				break
			}
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %v, want %s", query, got, want)
		}
	}
}

func TestAnyKeyNamesAThread(t *testing.T) {
	for _, key := range []string{"plain", "", "..", "a/b", "a%2Fb", "ключ", "a b?c&d=e#f", "line\nbreak"} {
		node := &apitest.Node{}
		thread := api.Thread{}
		thread.Key = key
		node.AddThread(thread, api.HistoryEntry{Outcome: "suspended", Offset: 7})
		h := api.New(node, quiet(api.Options{}))
		query := "?key=" + url.QueryEscape(key)
		if got := decode[api.Thread](t, exchange{method: "GET", target: "/api/v1/thread" + query}.to(h)); got.Key != key {
			t.Errorf("%q: got thread %q", key, got.Key)
		}
		got := decode[struct{ History []api.HistoryEntry }](t, exchange{method: "GET", target: "/api/v1/thread/history" + query}.to(h))
		if len(got.History) != 1 || got.History[0].Offset != 7 {
			t.Errorf("%q: history %v", key, got.History)
		}
		if status := (exchange{method: "DELETE", target: "/api/v1/thread" + query}).to(h).Code; status != http.StatusOK {
			t.Errorf("%q: delete answers %d", key, status)
		}
		if status := (exchange{method: "GET", target: "/api/v1/thread" + query}).to(h).Code; status != http.StatusNotFound {
			t.Errorf("%q: after the delete: %d", key, status)
		}
	}
}

func TestContinuationsComeWithTheHashOfTheirBundle(t *testing.T) {
	node := &apitest.Node{}
	hash := strings.Repeat("ab", 32)
	node.AddContinuation("", "k 1", api.Continuation{Hash: hash, Bytes: []byte{1, 0, 255}}, []byte("bundle"))
	h := api.New(node, quiet(api.Options{}))
	got := decode[api.Continuation](t, exchange{method: "GET", target: "/api/v1/thread/continuation?key=k+1"}.to(h))
	if got.Hash != hash || string(got.Bytes) != "\x01\x00\xff" {
		t.Errorf("got %+v", got)
	}
	if got := decode[api.EncodedBundle](t, exchange{method: "GET", target: "/api/v1/bundle?hash=" + hash}.to(h)); string(got.Bytes) != "bundle" || got.Hash != hash {
		t.Errorf("got %+v", got)
	}
	for target, want := range map[string]int{
		"/api/v1/thread/continuation?key=other": http.StatusNotFound, "/api/v1/thread/continuation": http.StatusBadRequest,
		"/api/v1/bundle?hash=" + strings.Repeat("cd", 32): http.StatusNotFound, "/api/v1/bundle?hash=abc": http.StatusBadRequest, "/api/v1/bundle": http.StatusBadRequest,
	} {
		if status := (exchange{method: "GET", target: target}).to(h).Code; status != want {
			t.Errorf("%s answers %d, want %d", target, status, want)
		}
	}
}

func TestRefusalsSayWhatToDoNext(t *testing.T) {
	node := &apitest.Node{}
	thread := api.Thread{}
	thread.Key = "awake"
	node.AddThread(thread)
	h := api.New(node, quiet(api.Options{BodyBytesMax: 16}))
	for _, test := range []struct {
		exchange exchange
		status   int
		code     string
	}{
		{exchange{method: "GET", target: "/api/v1/thread"}, 400, "bad_request"},
		{exchange{method: "GET", target: "/api/v1/thread?key=nobody"}, 404, "unknown_thread"},
		{exchange{method: "POST", target: "/api/v1/thread/retry?key=awake"}, 409, "not_faulted"},
		{exchange{method: "GET", target: "/api/v1/threads?limit=0"}, 400, "bad_request"},
		{exchange{method: "GET", target: "/api/v1/threads?limit=1001"}, 400, "bad_request"},
		{exchange{method: "GET", target: "/api/v1/threads?status=asleep"}, 400, "bad_request"},
		{exchange{method: "GET", target: "/api/v1/unmatched?limit=1001"}, 400, "bad_request"},
		{exchange{method: "GET", target: "/api/v1/unmatched?cursor=x"}, 400, "invalid_cursor"},
		{exchange{method: "POST", target: "/api/v1/deployments"}, 400, "bad_request"},
		{exchange{method: "POST", target: "/api/v1/deployments?app=a"}, 400, "bad_request"},
		{exchange{method: "POST", target: "/api/v1/deployments?app=a%0Ab", body: "a bundle"}, 400, "bad_request"},
		{exchange{method: "POST", target: "/api/v1/deployments?app=a", body: "not a bundle"}, 400, "bad_bundle"},
		{exchange{method: "POST", target: "/api/v1/deployments?app=a", body: "seventeen bytes.."}, 413, "limit"},
		{exchange{method: "GET", target: "/api/v2"}, 404, "not_found"},
	} {
		recorder := test.exchange.to(h)
		refusal := decode[api.Error](t, recorder)
		if recorder.Code != test.status || refusal.Code != test.code || refusal.Message == "" || refusal.Hint == "" {
			t.Errorf("%s %s: %d %s", test.exchange.method, test.exchange.target, recorder.Code, recorder.Body)
		}
	}
}

func TestDeployedBundleArrivesWhole(t *testing.T) {
	node := &apitest.Node{}
	h := api.New(node, quiet(api.Options{}))
	body := strings.Repeat("\x00\xff bundle", 10_000)
	recorder := exchange{method: "POST", target: "/api/v1/deployments?app=orders&resume_topic=orders-resume", body: body}.to(h)
	if recorder.Code != http.StatusOK || string(node.Bundle("orders-resume")) != body {
		t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
	list := decode[struct{ Deployments []api.Deployment }](t, exchange{method: "GET", target: "/api/v1/deployments"}.to(h))
	if len(list.Deployments) != 1 || list.Deployments[0].App != "orders" {
		t.Fatalf("deployments %v", list.Deployments)
	}
}

func TestReadinessIsNotLiveness(t *testing.T) {
	node := &apitest.Node{HealthValue: api.Health{Reason: "disk full"}}
	h := api.New(node, quiet(api.Options{}))
	if status := (exchange{method: "GET", target: "/healthz"}).to(h).Code; status != 200 {
		t.Errorf("/healthz of a node that is not ready: %d", status)
	}
	recorder := exchange{method: "GET", target: "/readyz"}.to(h)
	if recorder.Code != 503 || decode[api.Health](t, recorder).Reason != "disk full" {
		t.Errorf("/readyz of a node that is not ready: %d %s", recorder.Code, recorder.Body)
	}
	node.HealthValue = api.Health{Ready: true}
	if status := (exchange{method: "GET", target: "/readyz"}).to(h).Code; status != 200 {
		t.Errorf("/readyz of a ready node: %d", status)
	}
}

func TestPagesOfOtherSitesAreKeptOut(t *testing.T) {
	h := api.New(&apitest.Node{}, quiet(api.Options{Hosts: []string{"kont.example"}}))
	for host, status := range map[string]int{
		"127.0.0.1:8080": 200, "localhost": 200, "localhost:8080": 200, "[::1]:8080": 200, "192.0.2.7": 200,
		"kont.example": 200, "KONT.example:8080": 200, "kont.example.": 200,
		"rebound.attacker.example:8080": 421, "localhost.attacker.example": 421, "127.0.0.1.attacker.example": 421, "": 421,
	} {
		request := httptest.NewRequest("GET", "/api/v1/status", nil)
		request.Host = host
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, request)
		if recorder.Code != status {
			t.Errorf("host %q: %d, want %d", host, recorder.Code, status)
		}
	}
	for _, test := range []struct {
		method, name, value string
		status              int
	}{
		{"DELETE", "Origin", "http://attacker.example", 403},
		{"DELETE", "Origin", "null", 403},
		{"DELETE", "Origin", "http://127.0.0.1:8080", 404},
		{"DELETE", "Sec-Fetch-Site", "cross-site", 403},
		{"DELETE", "Sec-Fetch-Site", "same-origin", 404},
		{"DELETE", "User-Agent", "curl", 404},
		{"GET", "Origin", "http://attacker.example", 404},
	} {
		recorder := exchange{
			method: test.method, target: "/api/v1/thread?key=nobody", header: map[string]string{test.name: test.value},
		}.to(h)
		if recorder.Code != test.status {
			t.Errorf("%s with %s: %s: %d, want %d", test.method, test.name, test.value, recorder.Code, test.status)
		}
		for name := range recorder.Header() {
			if strings.HasPrefix(name, "Access-Control") {
				t.Errorf("%s is sent", name)
			}
		}
	}
}

type panickingNode struct{ apitest.Node }

func (*panickingNode) Topics(ctx context.Context) ([]api.Topic, error) { panic("a bug") }

func TestAPanicIsOneFailedRequest(t *testing.T) {
	h := api.New(&panickingNode{}, quiet(api.Options{}))
	if recorder := (exchange{method: "GET", target: "/api/v1/topics"}).to(h); recorder.Code != 500 {
		t.Fatalf("%d %s", recorder.Code, recorder.Body)
	}
}

func TestNodeErrorsKeepTheirMeaning(t *testing.T) {
	for err, status := range map[error]int{
		command.ErrUnavailable: 503, command.ErrNotLeader: 503, command.ErrLimit: 413, io.ErrUnexpectedEOF: 500,
	} {
		h := api.New(&apitest.Node{Err: fmt.Errorf("list: %w", err)}, quiet(api.Options{}))
		if recorder := (exchange{method: "GET", target: "/api/v1/topics"}).to(h); recorder.Code != status {
			t.Errorf("%v: %d, want %d", err, recorder.Code, status)
		}
	}
}

// What is the leader's to answer is answered once it is known that this node leads; what each node answers for itself, and the cluster, always.
func TestOnlyAConfirmedLeaderAnswersForTheCluster(t *testing.T) {
	node := &apitest.Node{HealthValue: api.Health{Ready: true}}
	for _, isConfirmed := range []bool{true, false} {
		asked := 0
		options := quiet(api.Options{ConfirmLeader: func(context.Context) error {
			asked++
			if isConfirmed {
				return nil
			}
			return command.ErrNotLeader
		}})
		for name, h := range map[string]http.Handler{"client's": api.New(node, options), "forwarded": api.Forwarded(node, options)} {
			for _, request := range []exchange{
				{method: "GET", target: "/api/v1/topics"}, {method: "GET", target: "/api/v1/threads"}, {method: "GET", target: "/api/v1/deployments"},
				{method: "POST", target: "/api/v1/deployments?app=a", body: "bundle"},
			} {
				asked = 0
				want := http.StatusOK
				if !isConfirmed {
					want = http.StatusServiceUnavailable
				}
				if recorder := request.to(h); recorder.Code != want || asked != 1 {
					t.Errorf("%s %s %s, confirmed %v: %d %s, asked %d times", name, request.method, request.target, isConfirmed, recorder.Code, recorder.Body, asked)
				}
			}
			for _, target := range []string{"/healthz", "/readyz", "/api/v1/status", "/api/v1/cluster"} {
				asked = 0
				if recorder := (exchange{method: "GET", target: target}).to(h); recorder.Code != http.StatusOK || asked != 0 {
					t.Errorf("%s GET %s, confirmed %v: %d %s, asked %d times", name, target, isConfirmed, recorder.Code, recorder.Body, asked)
				}
			}
		}
	}
}

func TestNodeThatStartsSaysWhyAndTurnsAwayStrangers(t *testing.T) {
	h := api.Starting(func() string { return "node waits for node 2" }, quiet(api.Options{}))
	if got := (exchange{method: "GET", target: "/healthz"}).to(h); got.Code != http.StatusOK {
		t.Errorf("GET /healthz: %d %s", got.Code, got.Body)
	}
	ready := exchange{method: "GET", target: "/readyz"}.to(h)
	if health := decode[api.Health](t, ready); ready.Code != http.StatusServiceUnavailable || health.Ready || health.Reason != "node waits for node 2" {
		t.Errorf("GET /readyz: %d %s", ready.Code, ready.Body)
	}
	for _, e := range []exchange{{method: "GET", target: "/metrics"}, {method: "POST", target: "/api/v1/thread/retry?key=a"}} {
		got := e.to(h)
		if refusal := decode[api.Error](t, got); got.Code != http.StatusServiceUnavailable || refusal.Code != "unavailable" || refusal.Message != "node waits for node 2" {
			t.Errorf("%s %s: %d %s", e.method, e.target, got.Code, got.Body)
		}
	}
	if got := (exchange{method: "GET", target: "/readyz", host: "evil.example"}).to(h); got.Code != http.StatusMisdirectedRequest {
		t.Errorf("by another host name: %d %s", got.Code, got.Body)
	}
}
