package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	urfave "github.com/urfave/cli/v2"

	"kont/cli/client"
	"kont/server/api"
)

func resumeCommand(p Process) *urfave.Command {
	return &urfave.Command{
		Name: "resume", Category: categoryThreads, ArgsUsage: "KEY REF [JSON]",
		Usage: "settle a pending ref of a thread",
		Description: "REF is the ref's id, or its name where only one pending ref of the thread has it:\n" +
			"\"answer\" stands for \"7:answer:1\". `kont inspect KEY` lists the pending refs.",
		Flags: append(serverFlags(), topicFlag(),
			&urfave.BoolFlag{Name: "error", Usage: "make the await throw JSON instead of returning it"},
			&urfave.BoolFlag{Name: "unchecked", Usage: "send REF as it is, also if the thread has no such ref"},
		),
		Action: func(c *urfave.Context) error {
			if err := wantArgs(c, 2, 3); err != nil {
				return err
			}
			key, ref, value := c.Args().Get(0), c.Args().Get(1), c.Args().Get(2)
			if err := checkKey(key); err != nil {
				return err
			}
			if value != "" {
				if err := checkJSON(value); err != nil {
					return err
				}
			}
			if !c.Bool("unchecked") && (c.String("kafka") == "" || c.String("server") != "") {
				server, err := newClient(c, p)
				if err != nil {
					return err
				}
				if ref, err = pendingRef(c.Context, server, c.String("topic"), key, ref); err != nil {
					return err
				}
			}
			kafka, err := newKafka(c.Context, c, p)
			if err != nil {
				return err
			}
			defer kafka.Close()
			record := &kgo.Record{Topic: c.String("topic"), Key: []byte(key), Value: resumeEvent(ref, value, c.Bool("error"))}
			if err := produceOne(c.Context, kafka, record); err != nil {
				return unacknowledged(c, p, err)
			}
			where := writtenOf(record)
			return newPrinter(c, p).line(struct {
				written
				Ref string `json:"ref"`
			}{where, ref}, fmt.Sprintf("%s of %s written to %s", ref, key, where))
		},
	}
}

// resumeEvent is the event of PROTOCOL: {"ref", "value"} or {"ref", "error"}. No
// value resumes with undefined.
func resumeEvent(ref, value string, isError bool) []byte {
	event := struct {
		Ref   string          `json:"ref"`
		Value json.RawMessage `json:"value,omitempty"`
		Error json.RawMessage `json:"error,omitempty"`
	}{Ref: ref}
	switch {
	case isError && value == "":
		event.Error = json.RawMessage("null")
	case isError:
		event.Error = json.RawMessage(value)
	case value != "":
		event.Value = json.RawMessage(value)
	}
	encoded, err := json.Marshal(event)
	if err != nil { // value is checked, ref is text
		panic(fmt.Sprintf("encode resume event of ref %q: %v", ref, err))
	}
	return encoded
}

const (
	// refWait is how long a ref may take to appear: a thread started a moment ago
	// has run its first step by then.
	refWait = time.Second
	refPoll = 20 * time.Millisecond
)

// pendingRef finds the id of the pending ref that a person means by text.
func pendingRef(ctx context.Context, server *client.Client, topic, key, text string) (string, error) {
	deadline := time.Now().Add(refWait)
	for {
		thread, err := server.Thread(ctx, topic, key)
		if err == nil {
			id, err := matchRef(thread, text)
			if err == nil || time.Now().After(deadline) {
				return id, err
			}
		} else if !client.IsCode(err, "unknown_thread") || time.Now().After(deadline) {
			return "", err
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(refPoll):
		}
	}
}

func matchRef(thread api.Thread, text string) (string, error) {
	if slices.Contains(thread.Refs, text) {
		return text, nil
	}
	var named []string
	for _, ref := range thread.Refs {
		parts := strings.SplitN(ref, ":", 3) // <stepId>:<name>:<n>
		if len(parts) == 3 && (parts[1] == text || parts[1]+":"+parts[2] == text) {
			named = append(named, ref)
		}
	}
	switch {
	case len(named) == 1:
		return named[0], nil
	case len(named) > 1:
		return "", failf("name one by its id: "+strings.Join(named, ", "), "thread %s has %d pending refs named %s", thread.Key, len(named), text)
	case len(thread.Refs) == 0:
		return "", failf("look at it with `kont inspect "+thread.Key+topicArg(thread.Topic)+"`", "thread %s (%s) has no pending ref", thread.Key, thread.Status)
	default:
		return "", failf("pending: "+strings.Join(thread.Refs, ", "), "thread %s has no pending ref %s", thread.Key, text)
	}
}
