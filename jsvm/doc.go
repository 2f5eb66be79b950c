// Package jsvm runs durable JavaScript: a step takes a stored continuation and an event, and
// returns the next continuation and what the workflow wrote.
//
// Compile makes a Bundle of TypeScript or JavaScript sources; a Pool runs steps of a bundle on
// warm VMs; Inspect shows a suspended thread to a person; Fit tells whether one can go on under another build of
// its source, and Move makes it so. A ten-line program can use it:
//
//	b, err := jsvm.Compile(ctx, jsvm.CompileOptions{Entry: "app.ts"})
//	p := jsvm.NewPool(b, jsvm.PoolOptions{})
//	e, err := p.Step(ctx, jsvm.Input{Thread: "order-1", StepID: 1, Event: []byte(`{"sku":"a1"}`)})
//	e, err = p.Step(ctx, jsvm.Input{Thread: "order-1", StepID: 2, Continuation: e.Continuation,
//		Event: []byte(`{"ref":"1:ref:1","value":true}`)})
//
// Package testhost runs tests of workflows on it, with virtual time: `kont test`.
//
// It refuses host access: a step reads no disk, no wire and no environment, and its only
// effect is its answer. What cannot be kept across an await is refused at the await, with the path to the
// value and the position in the author's source, and never dropped in silence.
//
// The caller owes it one step at a time for a thread, a StepID that it never reuses, and the bundle that
// the continuation was written with.
//
// # How a bundle comes to run
//
// Package bundle makes one script of the sources; package compile rewrites it so that what can
// be alive at an await is plain data (frames, environments) and compiles it for goja; package
// runtime is the library that every VM has; package continuation is the stored form. This package
// joins them: it walks goja's heap into a continuation (save*.go) and builds the heap again
// (restore*.go), through goja's public API only.
//
// # What is stored
//
// Bundle.Encode: one version byte, then zstd of script, source map, entry, modules, topics and dictionary,
// each with its length. Continuations: package continuation; their meaning is in
// docs/continuation-abi.md.
//
// # Invariants
//
//   - A step finds nothing of another thread in its VM: module variables are put back to their values
//     just after loading, intrinsics and the author's module-level objects are frozen.
//   - A thread whose objects have stayed in a VM (PoolOptions.LiveThreadsMax) is used only by a step that presents, byte for byte, the
//     continuation that was made of them, and gives the effects, bytes included, that restoring it would give.
//   - A VM of a pool has one goroutine, which ends with the VM: after a fault, with Close, or when the pool is garbage.
//   - A VM is dropped after a fault, an interrupt or a panic; a panic inside goja never leaves Step.
//   - The same bundle loaded twice gives every module-level object the same name.
package jsvm
