package server

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"kont/server/api"
	"kont/statemachine"
	"kont/statemachine/command"
)

// statuses are the words for a thread's status.
var statuses = map[command.ThreadStatus]string{
	command.ThreadSuspended: api.StatusSuspended,
	command.ThreadFaulted:   api.StatusFaulted,
	command.ThreadEnded:     api.StatusEnded,
}

// outcomes are the words for what an event did.
var outcomes = map[command.Outcome]string{
	command.OutcomeSuspended: "suspended",
	command.OutcomeEnded:     "ended",
	command.OutcomeUnmatched: "unmatched",
	command.OutcomeFaulted:   "faulted",
	command.OutcomeKept:      "kept",
}

// Threads lists threads.
func (n *Node) Threads(_ context.Context, query api.ThreadsQuery) (api.ThreadsPage, error) {
	selected := statemachine.ThreadsQuery{ResumeTopic: query.Topic, After: query.Cursor, Limit: query.Limit}
	for status, word := range statuses {
		if word == query.Status {
			selected.Status = status
		}
	}
	page, err := n.store.Threads(selected)
	if errors.Is(err, statemachine.ErrCursor) {
		return api.ThreadsPage{}, &api.Error{Status: http.StatusBadRequest, Code: "invalid_cursor", Message: err.Error(), Hint: "begin again without a cursor"}
	}
	result := api.ThreadsPage{Cursor: page.Next}
	for _, thread := range page.Threads {
		summary := summaryOf(thread)
		if query.Status != "" && query.Status != summary.Status {
			continue // a key that never had a thread, stored like one that has ended
		}
		result.Threads = append(result.Threads, summary)
	}
	return result, err
}

func summaryOf(t command.Thread) api.ThreadSummary {
	refs := t.Refs
	if refs == nil {
		refs = []string{}
	}
	status, hash := statuses[t.Status], hex.EncodeToString(t.Hash[:])
	if t.Hash == (command.BundleHash{}) { // no step of it has run
		status, hash = api.StatusUnknown, ""
	}
	return api.ThreadSummary{
		Topic:     t.ResumeTopic,
		Key:       t.Key,
		Status:    status,
		Hash:      hash,
		StepID:    t.StepID,
		Steps:     t.Steps,
		Refs:      refs,
		Fault:     t.Fault,
		StartedAt: time.UnixMilli(t.StartedUnixMilli).UTC(),
		UpdatedAt: time.UnixMilli(t.UpdatedUnixMilli).UTC(),
	}
}

// Thread opens one thread, with where it waits.
func (n *Node) Thread(_ context.Context, topic, key string) (api.Thread, error) {
	stored, exists, err := n.store.Thread(topic, key)
	if err != nil {
		return api.Thread{}, err
	}
	if !exists {
		return api.Thread{}, fmt.Errorf("%w: %q on topic %q", command.ErrUnknownThread, key, topic)
	}
	thread := api.Thread{ThreadSummary: summaryOf(stored), ContinuationBytes: len(stored.Continuation), Waits: []api.Wait{}}
	for _, deployment := range n.store.Deployments() {
		if deployment.Hash == stored.Hash {
			thread.App = deployment.App
		}
	}
	for _, event := range stored.KeptEvents {
		thread.KeptEvents = append(thread.KeptEvents, string(event))
	}
	if len(stored.Continuation) > 0 {
		if err := n.inspect(&stored, &thread); err != nil {
			thread.WaitsError = err.Error()
		}
	}
	return thread, nil
}

// Continuation is what is stored of a suspended thread.
func (n *Node) Continuation(_ context.Context, topic, key string) (api.Continuation, error) {
	stored, exists, err := n.store.Thread(topic, key)
	if err != nil {
		return api.Continuation{}, err
	}
	if !exists || len(stored.Continuation) == 0 {
		return api.Continuation{}, fmt.Errorf("%w: %q on topic %q waits for nothing", command.ErrUnknownThread, key, topic)
	}
	return api.Continuation{Hash: hex.EncodeToString(stored.Hash[:]), Bytes: stored.Continuation}, nil
}

// EncodedBundle is a stored bundle.
func (n *Node) EncodedBundle(_ context.Context, hash string) (api.EncodedBundle, error) {
	var id command.BundleHash
	if data, err := hex.DecodeString(hash); err != nil || copy(id[:], data) != len(id) {
		return api.EncodedBundle{}, unknownBundle(hash)
	}
	data, exists, err := n.store.Bundle(id)
	if err == nil && !exists {
		err = unknownBundle(hash)
	}
	return api.EncodedBundle{Hash: hash, Bytes: data}, err
}

func unknownBundle(hash string) error {
	return &api.Error{Status: http.StatusNotFound, Code: "unknown_bundle", Message: fmt.Sprintf("bundle %.12s is not in the store", hash),
		Hint: "bundles are kept as long as they are deployed or a thread needs them"}
}

// History lists the newest entries of a thread's history.
func (n *Node) History(_ context.Context, topic, key string, limit int) ([]api.HistoryEntry, error) {
	entries, err := n.store.History(topic, key, limit)
	if err != nil {
		return nil, err
	}
	var list []api.HistoryEntry
	for _, entry := range entries {
		list = append(list, api.HistoryEntry{
			At:            time.UnixMilli(entry.UnixMilli).UTC(),
			Partition:     entry.Partition,
			Offset:        entry.Offset,
			Outcome:       outcomes[entry.Outcome],
			StepID:        entry.StepID,
			Started:       entry.Started,
			Replaced:      entry.Replaced,
			Outputs:       entry.Outputs,
			Reason:        entry.Reason,
			DurationMicro: entry.DurationMicro,
		})
	}
	return list, nil
}

// RetryThread puts the kept events of a faulted thread back.
func (n *Node) RetryThread(ctx context.Context, topic, key string) error {
	_, err := n.proposer.Propose(ctx, command.RetryThread{ResumeTopic: topic, Thread: key, NowUnixMilli: time.Now().UnixMilli()})
	if errors.Is(err, command.ErrUnknownThread) {
		if ended, exists, readErr := n.store.Thread(topic, key); readErr == nil && exists && ended.Status == command.ThreadEnded {
			err = fmt.Errorf("%w: %s has ended", command.ErrNotFaulted, key)
		}
	}
	if err != nil {
		return fmt.Errorf("retry thread: %w", err)
	}
	return nil
}

// DeleteThread drops a thread's state and history.
func (n *Node) DeleteThread(ctx context.Context, topic, key string) error {
	_, err := n.proposer.Propose(ctx, command.DeleteThread{ResumeTopic: topic, Thread: key, NowUnixMilli: time.Now().UnixMilli()})
	if err != nil {
		return fmt.Errorf("delete thread: %w", err)
	}
	return nil
}
