package statemachine

import (
	"errors"
	"slices"
	"testing"

	"kont/statemachine/command"
)

func nodeOf(id int32, directory, start byte, level command.Level) command.Node {
	return command.Node{ID: id, DirectoryID: [16]byte{directory}, StartID: [16]byte{start}, Level: level}
}

func TestNodesRegister(t *testing.T) {
	h := newHarness(t)
	register := func(want error, node command.Node) {
		t.Helper()
		if err, _ := h.apply(command.RegisterNode{Node: node}).(error); !errors.Is(err, want) {
			t.Errorf("node %d: got %v, want %v", node.ID, err, want)
		}
	}
	expect := func(level command.Level, want ...command.Node) {
		t.Helper()
		for range 2 {
			got := h.store.Nodes()
			if got.Level != level || !slices.EqualFunc(got.ByID, want, func(a, b command.Node) bool { return a.ID == b.ID && a.StartID == b.StartID && a.Level == b.Level }) {
				t.Errorf("nodes %+v, want %v at level %d", got, want, level)
			}
			h.reopen()
		}
	}
	expect(1)
	before := h.store.Nodes()
	register(nil, nodeOf(3, 'c', 1, 1))
	register(nil, nodeOf(1, 'a', 1, 1))
	if len(before.ByID) > 0 {
		t.Error("what a reader has is changed")
	}
	expect(1, nodeOf(1, 'a', 1, 1), nodeOf(3, 'c', 1, 1))

	// A start takes the place of the one before, another disk does not.
	register(nil, nodeOf(3, 'c', 2, 1))
	register(command.ErrNodeIDTaken, nodeOf(3, 'd', 3, 1))
	expect(1, nodeOf(1, 'a', 1, 1), nodeOf(3, 'c', 2, 1))
	h.apply(command.ForgetNode{NodeID: 3})
	h.apply(command.ForgetNode{NodeID: 3})
	register(nil, nodeOf(3, 'd', 3, 1))
	expect(1, nodeOf(1, 'a', 1, 1), nodeOf(3, 'd', 3, 1))
}

// The level is raised by the last node that learns of newer commands, and stays when it goes.
func TestLevelOfTheClusterIsWhatAllNodesKnow(t *testing.T) {
	h := newHarness(t)
	for _, step := range []struct {
		com  command.Command
		err  error
		want command.Level
	}{
		{com: command.RegisterNode{Node: nodeOf(1, 1, 1, 1)}, want: 1},
		{com: command.RegisterNode{Node: nodeOf(2, 2, 1, 1)}, want: 1},
		{com: command.RegisterNode{Node: nodeOf(1, 1, 2, 3)}, want: 1},
		{com: command.RegisterNode{Node: nodeOf(2, 2, 2, 2)}, want: 2},
		{com: command.RegisterNode{Node: nodeOf(3, 3, 1, 1)}, err: command.ErrNodeTooOld, want: 2},
		{com: command.RegisterNode{Node: nodeOf(2, 2, 3, 1)}, err: command.ErrNodeTooOld, want: 2},
		{com: command.ForgetNode{NodeID: 2}, want: 3},
		{com: command.ForgetNode{NodeID: 1}, want: 3},
		{com: command.RegisterNode{Node: nodeOf(2, 2, 4, 2)}, err: command.ErrNodeTooOld, want: 3},
		{com: command.RegisterNode{Node: nodeOf(2, 2, 4, 3)}, want: 3},
	} {
		err, _ := h.apply(step.com).(error)
		if got := h.store.Nodes().Level; !errors.Is(err, step.err) || got != step.want {
			t.Errorf("%+v: level %d, %v; want %d, %v", step.com, got, err, step.want, step.err)
		}
		h.reopen()
		if got := h.store.Nodes().Level; got != step.want {
			t.Errorf("%+v: level %d after it is opened again, want %d", step.com, got, step.want)
		}
	}
}

func TestNodesAreBounded(t *testing.T) {
	h := newHarness(t)
	half := string(make([]byte, NodeBytesMax/2))
	most := command.Node{ID: NodesMax - 1, Level: 1, DirectoryID: nodeOf(NodesMax-1, 1, 1, 1).DirectoryID, Version: half, RaftAddress: half}
	many := most
	many.Version, many.Listeners = "", make([]command.NodeListener, ListenersMax)
	for _, node := range []command.Node{most, many} {
		if err, _ := h.apply(command.RegisterNode{Node: node}).(error); err != nil {
			t.Errorf("of the greatest size: %v", err)
		}
	}
	for _, node := range []command.Node{
		{ID: 1, Level: 1, Version: half, RaftAddress: half, Rack: "r"},
		{ID: 1, Level: 1, HTTPAddress: half, Rack: half, Version: "v"},
		{ID: 1, Level: 1, Version: half, Listeners: []command.NodeListener{{Name: half, Host: "h"}}},
		{ID: 1, Level: 1, Listeners: []command.NodeListener{{Name: half}, {Host: half}, {Name: "n"}}},
		{ID: 1, Level: 1, Rack: string(make([]byte, NodeBytesMax+1))},
		{ID: 1, Level: 1, Listeners: make([]command.NodeListener, ListenersMax+1)},
		{ID: 1, Level: 1, Listeners: []command.NodeListener{{Host: string(make([]byte, NodeBytesMax+1))}}},
	} {
		if err, _ := h.apply(command.RegisterNode{Node: node}).(error); !errors.Is(err, command.ErrLimit) {
			t.Errorf("got %v", err)
		}
	}
	for i := range NodesMax {
		if err, _ := h.apply(command.RegisterNode{Node: nodeOf(int32(i), 1, 1, 1)}).(error); err != nil {
			t.Fatal(err)
		}
	}
	if err, _ := h.apply(command.RegisterNode{Node: nodeOf(NodesMax, 1, 1, 1)}).(error); !errors.Is(err, command.ErrLimit) {
		t.Errorf("one too many: %v", err)
	}
	if err, _ := h.apply(command.RegisterNode{Node: nodeOf(NodesMax-1, 1, 2, 1)}).(error); err != nil {
		t.Errorf("one that is there: %v", err)
	}
}
