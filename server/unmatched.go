package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"kont/server/api"
	"kont/statemachine"
	"kont/statemachine/command"
)

// Unmatched lists the newest unmatched events of all threads.
func (n *Node) Unmatched(_ context.Context, query api.UnmatchedQuery) (api.UnmatchedPage, error) {
	page, err := n.store.UnmatchedEvents(statemachine.UnmatchedQuery{ResumeTopic: query.Topic, After: query.Cursor, Limit: query.Limit})
	if errors.Is(err, statemachine.ErrCursor) {
		return api.UnmatchedPage{}, &api.Error{Status: http.StatusBadRequest, Code: "invalid_cursor", Message: err.Error(), Hint: "begin again without a cursor"}
	}
	result := api.UnmatchedPage{Cursor: page.Next}
	for _, event := range page.Events {
		result.Events = append(result.Events, api.UnmatchedEvent{
			At:        time.UnixMilli(event.UnixMilli).UTC(),
			Topic:     event.ResumeTopic,
			Key:       event.Key,
			Partition: event.Partition,
			Offset:    event.Offset,
			Reason:    event.Reason,
			Event:     string(event.Value),
		})
	}
	return result, err
}

// UnmatchedByClass counts the unmatched events of all topics that there are, by
// the class of their reason.
func (n *Node) UnmatchedByClass() map[command.UnmatchedClass]uint64 {
	counts := map[command.UnmatchedClass]uint64{}
	for _, topic := range n.store.ResumeTopics() {
		for class, count := range n.store.Unmatched(topic.Name) {
			counts[class] += count
		}
	}
	return counts
}
