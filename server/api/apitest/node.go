// Package apitest has a node without a store behind it, for tests of what talks
// to the HTTP API: maps and a mutex, filled by the test. It refuses what a real
// node refuses, with the same errors.
package apitest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"kont/server/api"
	"kont/statemachine/command"
)

// Node is an api.Node. The fields may be set before it is used, and read after.
type Node struct {
	// StatusValue and HealthValue are what Status and Health answer.
	StatusValue api.Status
	HealthValue api.Health
	TopicList   []api.Topic
	// FailedLoginsValue, OpenTransactionsValue and FollowersValue are what these answer.
	FailedLoginsValue     int64
	OpenTransactionsValue int
	FollowersValue        []api.Follower
	// BackupValue is what Backup writes before it fails with BackupErr.
	BackupValue []byte
	BackupErr   error
	// ClusterValue is what Cluster answers, and SetVote, RemoveNode and TransferLeadership change.
	ClusterValue api.Cluster
	// Err, if set, is what every method but Status and Health returns.
	Err error

	mu sync.Mutex // guards what follows, and ClusterValue
	// snapshots is how often TakeSnapshot was called.
	snapshots   int
	deployments []api.Deployment
	threads     []api.Thread
	history     map[[2]string][]api.HistoryEntry
	bundles     map[string][]byte
	unmatched   []api.UnmatchedEvent

	continuations map[[2]string]api.Continuation
	stored        map[string][]byte // bundles by hash
}

var _ api.Node = (*Node)(nil)

// epoch is the time of everything that the twin dates.
var epoch = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// AddThread adds a thread with its history.
func (n *Node) AddThread(thread api.Thread, history ...api.HistoryEntry) {
	n.mu.Lock()
	defer n.mu.Unlock()
	thread.Topic = cmp.Or(thread.Topic, command.TopicResume)
	thread.Status = cmp.Or(thread.Status, api.StatusSuspended)
	thread.StartedAt, thread.UpdatedAt = epoch, epoch
	if n.history == nil {
		n.history = map[[2]string][]api.HistoryEntry{}
	}
	n.threads = append(n.threads, thread)
	n.history[[2]string{thread.Topic, thread.Key}] = history
	slices.SortFunc(n.threads, func(a, b api.Thread) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Key, b.Key))
	})
}

// AddUnmatched adds an event that nothing waited for.
func (n *Node) AddUnmatched(event api.UnmatchedEvent) {
	n.mu.Lock()
	defer n.mu.Unlock()
	event.At = epoch
	event.Topic = cmp.Or(event.Topic, command.TopicResume)
	n.unmatched = append(n.unmatched, event)
}

// Bundle is what was deployed to a resume topic last.
func (n *Node) Bundle(resumeTopic string) []byte {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.bundles[resumeTopic]
}

func (n *Node) Status(ctx context.Context) api.Status {
	status := n.StatusValue
	status.Health = n.HealthValue
	return status
}

func (n *Node) Health(ctx context.Context) api.Health { return n.HealthValue }

func (n *Node) Topics(ctx context.Context) ([]api.Topic, error) { return n.TopicList, n.Err }

func (n *Node) Deployments(ctx context.Context) ([]api.Deployment, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return slices.Clone(n.deployments), n.Err
}

func (n *Node) Deploy(ctx context.Context, request api.DeployRequest) (api.Deployment, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.Err != nil {
		return api.Deployment{}, n.Err
	}
	if string(request.Bundle) == "not a bundle" {
		return api.Deployment{}, &api.Error{
			Status: http.StatusBadRequest, Code: "bad_bundle", Message: "deploy " + request.App + ": not a bundle",
			Hint: "build one with `kont build APP.ts -o FILE`",
		}
	}
	hash := sha256.Sum256(request.Bundle)
	deployment := api.Deployment{
		App: request.App, ResumeTopic: request.ResumeTopic, Hash: hex.EncodeToString(hash[:]), DeployedAt: epoch,
	}
	if n.bundles == nil {
		n.bundles = map[string][]byte{}
	}
	n.bundles[request.ResumeTopic] = request.Bundle
	n.deployments = slices.DeleteFunc(n.deployments, func(d api.Deployment) bool { return d.ResumeTopic == request.ResumeTopic })
	n.deployments = append(n.deployments, deployment)
	return deployment, nil
}

func (n *Node) Threads(ctx context.Context, query api.ThreadsQuery) (api.ThreadsPage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var page api.ThreadsPage
	for _, thread := range n.threads {
		place := thread.Topic + "/" + thread.Key
		switch {
		case query.Topic != "" && query.Topic != thread.Topic,
			query.Status != "" && query.Status != thread.Status,
			place <= query.Cursor:
			continue
		}
		if len(page.Threads) == query.Limit {
			last := page.Threads[len(page.Threads)-1]
			page.Cursor = last.Topic + "/" + last.Key
			break
		}
		page.Threads = append(page.Threads, thread.ThreadSummary)
	}
	return page, n.Err
}

func (n *Node) Thread(ctx context.Context, topic, key string) (api.Thread, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, err := n.findLocked(topic, key)
	if err != nil {
		return api.Thread{}, err
	}
	return n.threads[i], n.Err
}

// AddContinuation gives a thread what is stored of it, with its bundle.
func (n *Node) AddContinuation(topic, key string, continuation api.Continuation, bundle []byte) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.continuations == nil {
		n.continuations, n.stored = map[[2]string]api.Continuation{}, map[string][]byte{}
	}
	n.continuations[[2]string{cmp.Or(topic, command.TopicResume), key}] = continuation
	n.stored[continuation.Hash] = bundle
}

func (n *Node) Continuation(ctx context.Context, topic, key string) (api.Continuation, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, ok := n.continuations[[2]string{topic, key}]
	if !ok {
		return c, fmt.Errorf("%w: %q on topic %q waits for nothing", command.ErrUnknownThread, key, topic)
	}
	return c, n.Err
}

func (n *Node) EncodedBundle(ctx context.Context, hash string) (api.EncodedBundle, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	data, ok := n.stored[hash]
	if !ok {
		return api.EncodedBundle{}, &api.Error{Status: http.StatusNotFound, Code: "unknown_bundle", Message: "bundle " + hash[:12] + " is not in the store"}
	}
	return api.EncodedBundle{Hash: hash, Bytes: data}, n.Err
}

func (n *Node) History(ctx context.Context, topic, key string, limit int) ([]api.HistoryEntry, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	entries := n.history[[2]string{topic, key}]
	return entries[max(0, len(entries)-limit):], n.Err
}

// Unmatched cuts pages by index: the cursor is that of the last event on the page.
func (n *Node) Unmatched(ctx context.Context, query api.UnmatchedQuery) (api.UnmatchedPage, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var page api.UnmatchedPage
	last := len(n.unmatched)
	if query.Cursor != "" {
		var err error
		if last, err = strconv.Atoi(query.Cursor); err != nil || last < 0 || last > len(n.unmatched) {
			return page, &api.Error{Status: http.StatusBadRequest, Code: "invalid_cursor", Message: "invalid cursor", Hint: "begin again without a cursor"}
		}
	}
	for i := last - 1; i >= 0; i-- {
		if query.Topic != "" && query.Topic != n.unmatched[i].Topic {
			continue
		}
		if len(page.Events) == query.Limit {
			page.Cursor = strconv.Itoa(last)
			break
		}
		page.Events = append(page.Events, n.unmatched[i])
		last = i
	}
	return page, n.Err
}

// FailedLogins is the value of the field.
func (n *Node) FailedLogins() int64 { return n.FailedLoginsValue }

// OpenTransactions is the value of the field.
func (n *Node) OpenTransactions() int { return n.OpenTransactionsValue }

func (n *Node) Followers() []api.Follower { return n.FollowersValue }

// UnmatchedByClass counts the events that were added.
func (n *Node) UnmatchedByClass() map[command.UnmatchedClass]uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	counts := map[command.UnmatchedClass]uint64{}
	for _, event := range n.unmatched {
		counts[command.UnmatchedClassOf(event.Reason)]++
	}
	return counts
}

func (n *Node) RetryThread(ctx context.Context, topic, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, err := n.findLocked(topic, key)
	if err != nil {
		return err
	}
	if n.threads[i].Status != api.StatusFaulted {
		return fmt.Errorf("retry %s: %w", key, command.ErrNotFaulted)
	}
	n.threads[i].Status, n.threads[i].Fault, n.threads[i].KeptEvents = api.StatusSuspended, "", nil
	return n.Err
}

func (n *Node) DeleteThread(ctx context.Context, topic, key string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	i, err := n.findLocked(topic, key)
	if err != nil {
		return err
	}
	n.threads = slices.Delete(n.threads, i, i+1)
	return n.Err
}

func (n *Node) findLocked(topic, key string) (int, error) {
	i := slices.IndexFunc(n.threads, func(t api.Thread) bool { return t.Topic == topic && t.Key == key })
	if i < 0 {
		return 0, fmt.Errorf("thread %s of %s: %w", key, topic, command.ErrUnknownThread)
	}
	return i, nil
}
