package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"kont/statemachine/command"
)

// Error is a refusal, as Node returns it and as JSON carries it.
type Error struct {
	// Status is the HTTP status.
	Status int `json:"-"`
	// Code names the kind of refusal for programs: "unknown_thread".
	Code string `json:"code"`
	// Message says what was attempted, on which thing, with the numbers.
	Message string `json:"error"`
	// Hint says what to do next.
	Hint string `json:"hint,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// known gives the errors of package command their status, code and hint. A test
// walks the sentinels and fails on any without a row.
var known = []struct {
	err    error
	status int
	code   string
	hint   string
}{
	{command.ErrUnknownThread, http.StatusNotFound, "unknown_thread", "list the threads with `kont threads`"},
	{command.ErrNotFaulted, http.StatusConflict, "not_faulted", "look at the thread with `kont inspect KEY`"},
	{command.ErrUnknownTopic, http.StatusNotFound, "unknown_topic", "list the topics with `kont topics`"},
	{command.ErrTopicExists, http.StatusConflict, "topic_exists", ""},
	{command.ErrInvalidTopic, http.StatusBadRequest, "invalid_topic", "use letters, digits, '.', '_' and '-', at most 249 of them"},
	{command.ErrInvalidPartitions, http.StatusBadRequest, "invalid_partitions", ""},
	{command.ErrLimit, http.StatusRequestEntityTooLarge, "limit", ""},
	{command.ErrUnknownGroup, http.StatusNotFound, "unknown_group", ""},
	{command.ErrOffsetOutOfRange, http.StatusBadRequest, "offset_out_of_range", ""},
	{command.ErrInvalidBatch, http.StatusBadRequest, "invalid_batch", ""},
	{command.ErrOutOfOrderSequence, http.StatusConflict, "out_of_order_sequence", ""},
	{command.ErrInvalidProducerEpoch, http.StatusConflict, "invalid_producer_epoch", ""},
	{command.ErrProducerFenced, http.StatusConflict, "producer_fenced", ""},
	{command.ErrProducerIDMapping, http.StatusConflict, "invalid_producer_id_mapping", ""},
	{command.ErrTransactionState, http.StatusConflict, "invalid_transaction_state", ""},
	{command.ErrInvalidACL, http.StatusBadRequest, "invalid_acl", ""},
	{command.ErrUnknownACL, http.StatusNotFound, "unknown_acl", ""},
	{command.ErrInvalidCredential, http.StatusBadRequest, "invalid_credential", ""},
	{command.ErrUnknownCredential, http.StatusNotFound, "unknown_credential", ""},
	{command.ErrNodeIDTaken, http.StatusConflict, "node_id_taken", ""},
	{command.ErrNodeTooOld, http.StatusConflict, "node_too_old", "start a newer release"},
	{command.ErrStaleStep, http.StatusConflict, "stale_step", "try again"},
	{command.ErrNotLeader, http.StatusServiceUnavailable, "not_leader", "ask the leader"},
	{command.ErrUnavailable, http.StatusServiceUnavailable, "unavailable", "look at the server's log; data stays readable"},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout", "try again"},
	{context.Canceled, statusClientClosed, "canceled", ""},
}

// statusClientClosed is for a request whose client has gone; nobody reads it.
const statusClientClosed = 499

// errorOf puts err into the shape that the wire has.
func errorOf(err error) *Error {
	var refusal *Error
	if errors.As(err, &refusal) {
		return refusal
	}
	for _, row := range known {
		if errors.Is(err, row.err) {
			return &Error{Status: row.status, Code: row.code, Message: err.Error(), Hint: row.hint}
		}
	}
	return &Error{Status: http.StatusInternalServerError, Code: "internal", Message: err.Error(), Hint: "look at the server's log"}
}

func badRequest(message, hint string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "bad_request", Message: message, Hint: hint}
}

func writeError(w http.ResponseWriter, err error) {
	refusal := errorOf(err)
	writeJSON(w, refusal.Status, refusal)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	data, err := json.Marshal(body)
	if err != nil {
		status = http.StatusInternalServerError
		data = []byte(`{"code":"internal","error":"encode the answer"}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/json")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(append(data, '\n')) //nolint:errcheck // the client has gone; there is nobody to tell
}
