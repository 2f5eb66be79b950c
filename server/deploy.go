package server

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"time"

	"kont/jsvm"
	"kont/server/api"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// Deployments lists what is bound to the resume topics.
func (n *Node) Deployments(context.Context) ([]api.Deployment, error) {
	var list []api.Deployment
	for _, deployment := range n.store.Deployments() {
		list = append(list, deploymentOf(deployment))
	}
	return list, nil
}

func deploymentOf(d command.Deployment) api.Deployment {
	return api.Deployment{
		App:          d.App,
		ResumeTopic:  d.ResumeTopic,
		Hash:         hex.EncodeToString(d.Hash[:]),
		OutputTopics: d.OutputTopics,
		DeployedAt:   time.UnixMilli(d.DeployedUnixMilli).UTC(),
	}
}

// Deploy checks that a bundle can be loaded, makes the topics that it declares and
// binds it to its resume topic.
func (n *Node) Deploy(ctx context.Context, request api.DeployRequest) (api.Deployment, error) {
	bundle, err := jsvm.DecodeBundle(request.Bundle)
	if err != nil {
		return api.Deployment{}, &api.Error{
			Status: http.StatusBadRequest, Code: "invalid_bundle",
			Message: fmt.Sprintf("deploy %s: %v", request.App, err),
			Hint:    "build it again with this release's `kont build`, or use `kont deploy APP.ts`",
		}
	}
	if err := n.checkResumeTopic(request.ResumeTopic); err != nil {
		return api.Deployment{}, err
	}
	if err := n.makeScheduler(ctx, request.ResumeTopic); err != nil {
		return api.Deployment{}, fmt.Errorf("deploy %s: %w", request.App, err)
	}
	deploy := command.Deploy{
		App:          request.App,
		ResumeTopic:  request.ResumeTopic,
		Hash:         bundle.Hash(),
		Bundle:       request.Bundle,
		Topics:       n.deployTopics(request.ResumeTopic, bundle.OutputTopics()),
		NowUnixMilli: time.Now().UnixMilli(),
	}
	if _, err := n.proposer.Propose(ctx, deploy); err != nil {
		return api.Deployment{}, fmt.Errorf("deploy %s on %q: %w", request.App, request.ResumeTopic, err)
	}
	deployment, exists := n.store.Deployment(request.ResumeTopic)
	if !exists {
		return api.Deployment{}, fmt.Errorf("deploy %s on %q: %w", request.App, request.ResumeTopic, command.ErrUnknownTopic)
	}
	n.logger.Info("deployed", "app", request.App, "topic", request.ResumeTopic, "bundle", hex.EncodeToString(deploy.Hash[:6]))
	return deploymentOf(deployment), nil
}

// deployTopics are the topics that a deployment needs, each once.
func (n *Node) deployTopics(resumeTopic string, outputTopics []string) []command.Topic {
	names := append([]string{resumeTopic}, outputTopics...)
	slices.Sort(names)
	var topics []command.Topic
	for _, name := range slices.Compact(names) {
		topics = append(topics, newTopic(name, n.config.ResumePartitions))
	}
	return topics
}

// checkResumeTopic refuses topics whose records are no events.
func (n *Node) checkResumeTopic(name string) error {
	spec, _ := n.store.Topic(name)
	switch {
	case name == command.TopicResult, name == command.TopicError, name == command.TopicScheduler, spec.Configs[command.ConfigScheduler] == "builtin":
		return &api.Error{
			Status: http.StatusBadRequest, Code: "not_a_resume_topic",
			Message: fmt.Sprintf("deploy on %q: its records are results, errors or timers, not events", name),
			Hint:    "choose another resume topic, such as orders-resume",
		}
	}
	return nil
}

// makeScheduler makes the scheduler topic of a resume topic's threads, after that
// topic itself: a name that can't be one leaves nothing behind. That of the default
// one is there.
func (n *Node) makeScheduler(ctx context.Context, resumeTopic string) error {
	name := runner.SchedulerTopic(resumeTopic)
	if n.store.HasTopic(name) {
		return nil
	}
	if err := n.createTopics(ctx, []command.Topic{newTopic(resumeTopic, n.config.ResumePartitions)}); err != nil {
		return err
	}
	topic := newTopic(name, n.config.ResumePartitions)
	topic.Configs = map[string]string{
		command.ConfigScheduler:            "builtin",
		command.ConfigSchedulerResumeTopic: resumeTopic,
	}
	return n.createTopics(ctx, []command.Topic{topic})
}
