package demos

import (
	"context"
	"encoding/json"
	"fmt"
)

var versioning = Demo{
	Name:        "versioning",
	About:       "threads move to a newer version of their workflow, by messages alone",
	Files:       files,
	Entry:       "versioning/counter/v1.0.ts",
	ResumeTopic: "counters",
	Play:        playVersioning,
	Next: []string{
		"kont demo trip-booking-saga-versioned     # the same with requests and timers under way",
		"less demos/versioning/README.md           # how it works, and how to do it by hand",
	},
}

func playVersioning(ctx context.Context, s Stage) error {
	a := versionedApp{s, "counters"}
	return inOrder(
		func() error {
			return a.begin(ctx, "Two counters start on version 1.0. Each tells the upgrade manager, a thread of an application of its own.", "")
		},
		func() error {
			return a.start(ctx, "ann", "1.0.0", `{"from":5}`)
		},
		func() error { return a.start(ctx, "ben", "1.0.0", `{"from":100}`) },
		func() error { return a.awaitNews(ctx, "started", "ben", "1.0.0") },
		func() error { return a.send(ctx, "ann", "numbers", "7") },
		func() error {
			if err := s.Deploy(ctx, "versioning/counter/v1.1.ts", a.topic); err != nil {
				return err
			}
			s.Say("New counters run 1.1 from now on, and these two stay on 1.0. Then the deployer tells the manager, and the node is killed.")
			return a.deployed(ctx, "1.1.0", `,"atOnce":1,"releaseAfter":1500`)
		},
		func() error { return s.Crash(ctx) },
		func() error { return a.awaitNews(ctx, "started", "ann", "1.1.0") },
		func() error { return a.awaitNews(ctx, "started", "ben", "1.1.0") },
		func() error {
			s.Say("The manager has asked one counter after the other. Each has started itself anew, with its state as the argument, and so runs 1.1.")
			return a.send(ctx, "ann", "numbers", "30")
		},
		func() error { return a.send(ctx, "ann", "numbers", `"sum"`) },
		func() error { _, err := s.Await(ctx, resultTopic, "ann", nil); return err },
		func() error {
			if err := s.Deploy(ctx, "versioning/counter/v2.0.ts", a.topic); err != nil {
				return err
			}
			s.Say("Version 2.0 does something else. The manager does not ask ben to go there; somebody else does, and is refused. Ben ends on 1.1.")
			return a.deployed(ctx, "2.0.0", "")
		},
		func() error { return a.send(ctx, "ben", "hand-off", `{"to":"2.0.0"}`) },
		func() error { return a.awaitNews(ctx, "refused", "ben", "1.1.0") },
		func() error { return a.send(ctx, "ben", "numbers", `"sum"`) },
		func() error { _, err := s.Await(ctx, resultTopic, "ben", nil); return err },
		func() error {
			s.Say("Nobody uses 1.0 and 1.1 any more. When that has been so for a while, whoever runs services for them alone is asked to clean up.")
			return a.cleanUp(ctx, "1.0.0")
		},
		func() error { return a.cleanUp(ctx, "1.1.0") },
	)
}

// upgradesTopic is the resume topic of versioning/index.ts.
const upgradesTopic = "upgrades"

// versionedApp is an application whose threads can hand off.
type versionedApp struct {
	Stage
	topic string // its resume topic
}

// onTopic is a stage whose default resume topic is another one.
type onTopic struct {
	Stage
	topic string
}

func (o onTopic) Send(ctx context.Context, topic, key, value string) error {
	if topic == resumeTopic {
		topic = o.topic
	}
	return o.Stage.Send(ctx, topic, key, value)
}

// begin deploys the application that looks after versions, and tells the upgrade manager, which starts by this, that 1.0.0 is deployed.
func (a versionedApp) begin(ctx context.Context, what, policy string) error {
	return inOrder(
		func() error { return a.Deploy(ctx, "versioning/index.ts", upgradesTopic) },
		func() error {
			a.Say("%s", what)
			return a.Send(ctx, upgradesTopic, a.topic, `init:{"do":"manage"}`)
		},
		func() error { return a.deployed(ctx, "1.0.0", policy) },
	)
}

// start starts a thread with an argument that is for version.
func (a versionedApp) start(ctx context.Context, thread, version, argument string) error {
	return a.Send(ctx, a.topic, thread, fmt.Sprintf(`new:{"version":%q,"event":%s}`, version, argument))
}

// send settles a ref, or fills an inbox.
func (a versionedApp) send(ctx context.Context, thread, ref, value string) error {
	return a.Send(ctx, a.topic, thread, fmt.Sprintf(`{"ref":%q,"value":%s}`, ref, value))
}

// deployed tells the upgrade manager that new threads run version; policy is JSON members.
func (a versionedApp) deployed(ctx context.Context, version, policy string) error {
	return a.Send(ctx, upgradesTopic, a.topic, fmt.Sprintf(`{"ref":"news","value":{"is":"deployed","version":%q%s}}`, version, policy))
}

// awaitNews waits until the upgrade manager has been told something about a thread.
func (a versionedApp) awaitNews(ctx context.Context, is, thread, version string) error {
	_, err := a.Await(ctx, upgradesTopic, a.topic, func(value string) bool {
		var event struct {
			Value struct{ Is, Thread, Version string }
		}
		news := &event.Value
		return json.Unmarshal([]byte(value), &event) == nil && news.Is == is && news.Thread == thread && news.Version == version
	})
	return err
}

// cleanUp waits for the request to clean up after a version, says that it is done, and waits for the end of the release.
func (a versionedApp) cleanUp(ctx context.Context, version string) error {
	release := a.topic + "@" + version
	ref, err := awaitRef(ctx, a.Stage, "releases", release)
	if err != nil {
		return err
	}
	if err := a.Send(ctx, upgradesTopic, release, fmt.Sprintf(`{"ref":%q}`, ref)); err != nil {
		return err
	}
	_, err = a.Await(ctx, resultTopic, release, nil)
	return err
}

// awaitRef waits for the first request of a thread, and gives its ref.
func awaitRef(ctx context.Context, s Stage, topic, thread string) (string, error) {
	value, err := s.Await(ctx, topic, thread, nil)
	if err != nil {
		return "", err
	}
	var r request
	err = json.Unmarshal([]byte(value), &r)
	return r.Ref, err
}
