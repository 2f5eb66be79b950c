package demos

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
)

//go:embed minimal trip-booking-saga ecommerce expense-approval versioning trip-booking-saga-versioned ecommerce-versioned
var files embed.FS

// Demo is one workflow and a play that shows it.
type Demo struct {
	Name  string // its folder
	About string // what it shows, in half a line
	Files fs.FS  // its sources
	Entry string // the entry file, in Files
	// ResumeTopic is what Entry is deployed on; the default one if empty.
	ResumeTopic string
	// Play is the outside world. It returns when the last record that it waits for has passed.
	Play func(ctx context.Context, s Stage) error
	// Next are commands to try afterwards.
	Next []string
}

// Stage is where a demo plays.
type Stage interface {
	// Send writes a record.
	Send(ctx context.Context, topic, key, value string) error
	// Await gives the value of the first record of the topic with that key that matches, from the beginning of the play; nil matches all.
	Await(ctx context.Context, topic, key string, matches func(value string) bool) (string, error)
	// Deploy compiles entry, another file in the demo's Files, and deploys it on resumeTopic: a newer bundle of what is there, or an application of its own.
	Deploy(ctx context.Context, entry, resumeTopic string) error
	// Crash ends the node without a warning, as kill -9 does, and starts it again.
	Crash(ctx context.Context) error
	// Say prints a line for people.
	Say(format string, args ...any)
}

// The topics of the protocol.
const (
	resumeTopic = "workflow-resume"
	resultTopic = "workflow-result"
	errorTopic  = "workflow-error"
)

// All gives the demos, the simplest first.
func All() []Demo {
	return []Demo{minimal, tripBookingSaga, ecommerce, expenseApproval, versioning, tripBookingSagaVersioned, ecommerceVersioned}
}

// folder is the part of files below a demo's name.
func folder(name string) fs.FS {
	sub, err := fs.Sub(files, name)
	if err != nil {
		panic(err) // the name is a constant
	}
	return sub
}

// request is what the demos' workflows write for a service: more fields than these, but these tell a request and where its reply goes.
type request struct {
	Action string `json:"action"`
	Kind   string `json:"kind"`
	Ref    string `json:"ref"`
}

// actor is a stage, one thread, and the topic of its requests.
type actor struct {
	Stage
	thread, topic string
}

// start starts the thread.
func (a actor) start(ctx context.Context, argument string) error {
	return a.Send(ctx, resumeTopic, a.thread, "new:"+argument)
}

// awaitRequest waits for a request and gives its ref.
func (a actor) awaitRequest(ctx context.Context, action, kind string) (ref string, err error) {
	_, err = a.Await(ctx, a.topic, a.thread, func(value string) bool {
		var r request
		if json.Unmarshal([]byte(value), &r) != nil || r.Action != action || r.Kind != kind {
			return false
		}
		ref = r.Ref
		return true
	})
	return ref, err
}

// reply fulfils a ref with value, which is JSON.
func (a actor) reply(ctx context.Context, ref, value string) error {
	return a.Send(ctx, resumeTopic, a.thread, fmt.Sprintf(`{"ref":%q,"value":%s}`, ref, value))
}

// refuse makes the await of a ref throw reason, which is JSON.
func (a actor) refuse(ctx context.Context, ref, reason string) error {
	return a.Send(ctx, resumeTopic, a.thread, fmt.Sprintf(`{"ref":%q,"error":%s}`, ref, reason))
}

// answer waits for a request and fulfils it.
func (a actor) answer(ctx context.Context, action, kind, value string) error {
	ref, err := a.awaitRequest(ctx, action, kind)
	if err != nil {
		return err
	}
	return a.reply(ctx, ref, value)
}

// inOrder runs steps until one fails.
func inOrder(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}
