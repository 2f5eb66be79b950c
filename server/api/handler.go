package api

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"kont/statemachine/command"
)

const (
	threadsLimitDefault = 100
	threadsLimitMax     = 1000
	historyLimitDefault = 50
	historyLimitMax     = 1000

	unmatchedLimitDefault = 100
	unmatchedLimitMax     = 1000

	// appBytesMax bounds the name of a deployment.
	appBytesMax = 249
)

// Options are what New needs to know besides the node.
type Options struct {
	// Hosts are the names that the Host header may have besides IP addresses and
	// localhost.
	Hosts []string
	// BodyBytesMax bounds a request's body; bodyBytesMaxDefault if 0.
	BodyBytesMax int64
	// Metrics serves /metrics; nil for none.
	Metrics http.Handler
	// Profiles serves /debug/pprof.
	Profiles bool
	// ToLeader, if there is one, lets another node answer what only the leader can, and tells whether
	// it did; onError answers when that fails.
	ToLeader func(w http.ResponseWriter, r *http.Request, onError func(http.ResponseWriter, *http.Request, error)) (isSent bool)
	// ConfirmLeader, if there is one, returns before what only the leader can answer is: without an error if this node has all that was
	// acknowledged before.
	ConfirmLeader func(context.Context) error
	// Log gets one line a request at Debug; slog.Default if nil.
	Log *slog.Logger
}

const bodyBytesMaxDefault = 64 << 20

// New returns the handler of a node's HTTP port.
func New(node Node, options Options) http.Handler {
	next := Forwarded(node, options)
	if options.ToLeader != nil {
		next = toLeader(next, options.ToLeader)
	}
	return guard(next, options.Hosts, cmp.Or(options.Log, slog.Default()))
}

// Forwarded returns the handler of what other nodes were asked: they have turned away whom guard does.
func Forwarded(node Node, options Options) http.Handler {
	var next http.Handler = newMux(node, options)
	if options.ConfirmLeader != nil {
		next = confirmed(next, options.ConfirmLeader)
	}
	return next
}

// Starting returns the handler of a node that is not there yet: it says so, and why.
func Starting(why func() string, options Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", live)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		writeJSON(w, http.StatusServiceUnavailable, Health{Reason: why()})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &Error{
			Status: http.StatusServiceUnavailable, Code: "unavailable", Message: why(),
			Hint: "ask another node, or try again; the log of this one says more",
		})
	})
	return guard(mux, options.Hosts, cmp.Or(options.Log, slog.Default()))
}

// pathsOfEachNode are about the node that is asked; all other paths are the leader's to answer.
var pathsOfEachNode = []string{"/healthz", "/readyz", "/metrics", "/debug/", "/api/v1/status", pathSnapshot, pathBackup}

func isOfEachNode(path string) bool {
	return slices.ContainsFunc(pathsOfEachNode, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
}

// confirmed refuses what is the leader's to answer when this node does not lead any more. The cluster is asked for most of all when no node leads.
func confirmed(next http.Handler, confirm func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isOfEachNode(r.URL.Path) && r.URL.Path != pathCluster {
			if err := confirm(r.Context()); err != nil {
				writeError(w, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func toLeader(next http.Handler, send func(http.ResponseWriter, *http.Request, func(http.ResponseWriter, *http.Request, error)) bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		onError := func(w http.ResponseWriter, _ *http.Request, err error) {
			if r.URL.Path == pathCluster {
				next.ServeHTTP(w, r)
				return
			}
			writeError(w, err)
		}
		if isOfEachNode(r.URL.Path) || !send(w, r, onError) {
			next.ServeHTTP(w, r)
		}
	})
}

func newMux(node Node, options Options) http.Handler {
	h := &handler{
		node:         node,
		bodyBytesMax: cmp.Or(options.BodyBytesMax, bodyBytesMaxDefault),
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", live)
	mux.HandleFunc("GET /readyz", h.ready)
	if options.Metrics != nil {
		mux.Handle("GET /metrics", options.Metrics)
	}
	if options.Profiles {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	mux.HandleFunc("GET /api/v1/status", answer(h.status))
	mux.HandleFunc("GET /api/v1/topics", answer(h.topics))
	mux.HandleFunc("GET /api/v1/deployments", answer(h.deployments))
	mux.HandleFunc("POST /api/v1/deployments", answer(h.deploy))
	mux.HandleFunc("GET /api/v1/threads", answer(h.threads))
	mux.HandleFunc("GET /api/v1/thread", answer(h.thread))
	mux.HandleFunc("GET /api/v1/thread/history", answer(h.history))
	mux.HandleFunc("GET /api/v1/thread/continuation", answer(h.continuation))
	mux.HandleFunc("GET /api/v1/bundle", answer(h.bundle))
	mux.HandleFunc("GET /api/v1/unmatched", answer(h.unmatched))
	mux.HandleFunc("POST /api/v1/thread/retry", answer(h.retryThread))
	mux.HandleFunc("DELETE /api/v1/thread", answer(h.deleteThread))
	mux.HandleFunc("GET "+pathCluster, answer(h.cluster))
	mux.HandleFunc("POST /api/v1/cluster/node", answer(h.setVote))
	mux.HandleFunc("DELETE /api/v1/cluster/node", answer(h.removeNode))
	mux.HandleFunc("POST /api/v1/cluster/transfer-leader", answer(h.transferLeadership))
	mux.HandleFunc("GET "+pathBackup, h.backup)
	mux.HandleFunc("POST "+pathSnapshot, answer(h.takeSnapshot))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &Error{
			Status: http.StatusNotFound, Code: "not_found",
			Message: fmt.Sprintf("nothing answers to %s %s", r.Method, r.URL.Path),
			Hint:    "GET /api/v1/status is a beginning",
		})
	})
	return mux
}

// NewServer returns a server for New's handler that cuts slow and idle
// connections and bounds headers. The caller listens, serves and shuts it down.
func NewServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second,
		// A CPU profile runs for 30 s by default.
		WriteTimeout:   120 * time.Second,
		IdleTimeout:    120 * time.Second,
		MaxHeaderBytes: 64 << 10,
	}
}

type handler struct {
	node         Node
	bodyBytesMax int64
}

// answer turns a function that returns a value or an error into a handler.
func answer(f func(*http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := f(r)
		if err != nil {
			writeError(w, err)
			return
		}
		writeJSON(w, http.StatusOK, body)
	}
}

// live answers as long as the process can answer at all.
func live(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
}

// ready answers 200 only while the node takes reads and writes.
func (h *handler) ready(w http.ResponseWriter, r *http.Request) {
	health := h.node.Health(r.Context())
	status := http.StatusOK
	if !health.Ready {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, health)
}

func (h *handler) status(r *http.Request) (any, error) {
	return h.node.Status(r.Context()), nil
}

func (h *handler) topics(r *http.Request) (any, error) {
	topics, err := h.node.Topics(r.Context())
	return map[string][]Topic{"topics": orEmpty(topics)}, err
}

func (h *handler) deployments(r *http.Request) (any, error) {
	deployments, err := h.node.Deployments(r.Context())
	return map[string][]Deployment{"deployments": orEmpty(deployments)}, err
}

func (h *handler) deploy(r *http.Request) (any, error) {
	app := r.URL.Query().Get("app")
	if app == "" || len(app) > appBytesMax {
		return nil, badRequest(fmt.Sprintf("deploy: app name of %d bytes, want 1 to %d", len(app), appBytesMax), "pass ?app=NAME")
	}
	if !utf8.ValidString(app) || strings.ContainsFunc(app, unicode.IsControl) {
		return nil, badRequest(fmt.Sprintf("deploy: app name %q holds characters that can't be printed", app), "choose another one")
	}
	bundle, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, h.bodyBytesMax))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, &Error{
			Status: http.StatusRequestEntityTooLarge, Code: "limit",
			Message: fmt.Sprintf("deploy %s: bundle of more than %d bytes", app, tooLarge.Limit),
			Hint:    "leave out what the workflow does not use, or raise --request-bytes-max",
		}
	case err != nil:
		return nil, badRequest(fmt.Sprintf("deploy %s: read the bundle: %v", app, err), "send it again")
	case len(bundle) == 0:
		return nil, badRequest(fmt.Sprintf("deploy %s: no bundle in the body", app), "build one with `kont build APP.ts -o FILE`")
	}
	return h.node.Deploy(r.Context(), DeployRequest{App: app, ResumeTopic: resumeTopic(r), Bundle: bundle})
}

func (h *handler) threads(r *http.Request) (any, error) {
	query := r.URL.Query()
	limit, err := limitOf(r, threadsLimitDefault, threadsLimitMax)
	if err != nil {
		return nil, err
	}
	status := query.Get("status")
	switch status {
	case "", StatusSuspended, StatusFaulted, StatusEnded:
	default:
		return nil, badRequest(fmt.Sprintf("threads: no status %q", status), "use suspended, faulted or ended")
	}
	page, err := h.node.Threads(r.Context(), ThreadsQuery{
		Topic: query.Get("topic"), Status: status, Cursor: query.Get("cursor"), Limit: limit,
	})
	page.Threads = orEmpty(page.Threads)
	return page, err
}

func (h *handler) thread(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	return h.node.Thread(r.Context(), resumeTopic(r), key)
}

func (h *handler) continuation(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	return h.node.Continuation(r.Context(), resumeTopic(r), key)
}

func (h *handler) bundle(r *http.Request) (any, error) {
	hash := r.URL.Query().Get("hash")
	if data, err := hex.DecodeString(hash); err != nil || len(data) != len(command.BundleHash{}) {
		return nil, badRequest(fmt.Sprintf("bundle: %q is no hash", hash), "pass ?hash= with the 64 hexadecimal digits that a thread or a deployment has")
	}
	return h.node.EncodedBundle(r.Context(), hash)
}

func (h *handler) history(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	limit, err := limitOf(r, historyLimitDefault, historyLimitMax)
	if err != nil {
		return nil, err
	}
	entries, err := h.node.History(r.Context(), resumeTopic(r), key, limit)
	return map[string][]HistoryEntry{"history": orEmpty(entries)}, err
}

func (h *handler) unmatched(r *http.Request) (any, error) {
	query := r.URL.Query()
	limit, err := limitOf(r, unmatchedLimitDefault, unmatchedLimitMax)
	if err != nil {
		return nil, err
	}
	page, err := h.node.Unmatched(r.Context(), UnmatchedQuery{Topic: query.Get("topic"), Cursor: query.Get("cursor"), Limit: limit})
	page.Events = orEmpty(page.Events)
	return page, err
}

func (h *handler) retryThread(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.node.RetryThread(r.Context(), resumeTopic(r), key)
}

func (h *handler) deleteThread(r *http.Request) (any, error) {
	key, err := keyOf(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.node.DeleteThread(r.Context(), resumeTopic(r), key)
}

// keyOf tells a missing key from an empty one, which is a key like any other.
func keyOf(r *http.Request) (string, error) {
	query := r.URL.Query()
	if !query.Has("key") {
		return "", badRequest("no key in the query", "pass ?key=KEY")
	}
	return query.Get("key"), nil
}

func resumeTopic(r *http.Request) string {
	query := r.URL.Query()
	return cmp.Or(query.Get("topic"), query.Get("resume_topic"), command.TopicResume)
}

func limitOf(r *http.Request, otherwise, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return otherwise, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > most {
		return 0, badRequest(fmt.Sprintf("limit %q is not between 1 and %d", text, most), "ask for a page, then for the next with its cursor")
	}
	return limit, nil
}

// orEmpty makes a list without elements [] rather than null in JSON.
func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
