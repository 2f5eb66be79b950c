package server

import (
	"strings"

	"kont/jsvm"
	"kont/server/api"
	"kont/statemachine/command"
)

// inspect tells where a thread waits, from its continuation and its bundle. No
// JavaScript runs.
func (n *Node) inspect(stored *command.Thread, thread *api.Thread) error {
	bundle, err := n.bundle(stored.Hash)
	if err != nil {
		return err
	}
	inspection, err := bundle.Inspect(stored.Continuation)
	if err != nil {
		return err
	}
	for _, waiting := range inspection.Waiting {
		wait := api.Wait{Stack: []api.Frame{frameOf(bundle, jsvm.Awaiter{
			Function: waiting.Function, Await: waiting.Await, Label: waiting.Label, Refs: waiting.Refs, Locals: waiting.Locals,
		})}}
		for _, caller := range waiting.Callers {
			wait.Stack = append(wait.Stack, frameOf(bundle, caller))
		}
		thread.Waits = append(thread.Waits, wait)
	}
	thread.Module = localsOf(inspection.Module)
	return nil
}

func frameOf(bundle *jsvm.Bundle, f jsvm.Awaiter) api.Frame {
	return api.Frame{
		Function: f.Function,
		File:     f.Await.File,
		Line:     f.Await.Line,
		Column:   f.Await.Column,
		Label:    f.Label,
		Source:   sourceLine(bundle, f.Await),
		Refs:     f.Refs,
		Locals:   localsOf(f.Locals),
	}
}

// sourceLine is the text of a position's line, "" where it is not known.
func sourceLine(bundle *jsvm.Bundle, at jsvm.Position) string {
	text, _ := bundle.Source(at.File)
	number := 0
	for line := range strings.SplitSeq(text, "\n") {
		if number++; number == at.Line {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

func localsOf(locals []jsvm.Local) []api.Local {
	var list []api.Local
	for _, local := range locals {
		list = append(list, api.Local(local))
	}
	return list
}
