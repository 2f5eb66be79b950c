// Package runtime is the workflow runtime library: what a goja VM has before a bundle is loaded.
//
// It is written in TypeScript (the files beside this one), stripped and bundled once a process, and run natively by goja; it is
// not rewritten by the continuation compiler. So it has no async functions and no generators, and it keeps nothing that outlives a step
// in a closure: what may be reachable at a suspension is an object of a class listed in intrinsics.ts, or a function made by
// makeFunction(id, state) (function.ts).
//
//	promise.ts combinator.ts job.ts       Promise, ECMAScript 27.2, with state that can be read
//	scope.ts cancel.ts token.ts           structured cancellation
//	ref.ts wait.ts inbox.ts effects.ts    the module `kont`: waiting for events, writing records
//	thread.ts                             the root of what outlives a step
//	iterator.ts weak.ts bind.ts bounds.ts source.ts what goja keeps in private, replaced
//	reflect.ts intrinsics.ts              marks and names for the codec
//	kernel*.ts                            what compiled code calls (frames, generators, classes)
//
// It refuses host access: no timers, no network. It knows no continuation format; the codec reads its objects.
//
// The caller runs one step at a time in a VM: begin or attach, start or settle, drain, takeEffects. In between, rt.thread holds everything
// that has to be kept. kont.d.ts (Types) declares the module `kont` for editors and tsc.
//
// Names of classes, functions and private symbols are stored in continuations: they are given by hand and never change their meaning.
// A golden test keeps the list.
package runtime
