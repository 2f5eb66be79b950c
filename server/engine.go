package server

import (
	"fmt"

	"kont/jsvm"
	"kont/server/config"
	"kont/statemachine"
	"kont/statemachine/command"
	"kont/statemachine/runner"
)

// liveThreadsMax and liveBytesMax bound the threads of one bundle that stay in memory between their steps. Those that a burst of events wakes
// again and again are few; one that sleeps for a month has long made room.
const (
	liveThreadsMax = 1024
	liveBytesMax   = 8 << 20
)

// engine loads bundles for the runner.
type engine struct {
	limits  jsvm.Limits
	workers int
}

var _ runner.Engine = (*engine)(nil)

func newEngine(c config.Config) *engine {
	return &engine{workers: c.StepWorkers, limits: jsvm.Limits{
		StepWall:             c.StepTimeout,
		ContinuationBytesMax: min(c.ContinuationBytesMax, statemachine.ContinuationBytesMax),
		OutputsMax:           min(c.OutputsMax, statemachine.OutputsMax),
		OutputBytesMax:       min(c.OutputBytesMax, statemachine.OutputBytesMax),
	}}
}

func (e *engine) Load(data []byte) (runner.Program, error) {
	bundle, err := jsvm.DecodeBundle(data)
	if err != nil {
		return nil, err
	}
	// As many as the runner may run: a step that waits for a machine held by a slow
	// one would stall its thread. They are made when they are needed.
	return jsvm.NewPool(bundle, jsvm.PoolOptions{Limits: e.limits, VMsMax: runner.StepsMax(e.workers), LiveThreadsMax: liveThreadsMax, LiveBytesMax: liveBytesMax}), nil
}

// bundle decodes a stored bundle for people who look into threads.
func (n *Node) bundle(hash command.BundleHash) (*jsvm.Bundle, error) {
	data, exists, err := n.store.Bundle(hash)
	if err != nil {
		return nil, err
	}
	if !exists {
		return nil, fmt.Errorf("bundle %x is not in the store", hash[:6])
	}
	return jsvm.DecodeBundle(data)
}
