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
//	polyfill.ts iteratorMethods.ts        what goja lacks and every VM has
//	family.ts core.ts slot.ts             parts that are evaluated when they are first used:
//	  abort.ts event.ts                     AbortController, events
//	  async.ts iterators.ts dispose.ts weakref.ts clone.ts  what ECMAScript has and goja lacks; structuredClone
//	  url*.ts punycode.ts encoding.ts       URL, texts and bytes
//
// # Families
//
// Most workflows never touch a URL, so a VM must not pay for one. A family is a script of its own. Its globals lie on an object of the host between globalThis and
// Object.prototype (family.go), which evaluates the family at the first read: `typeof URL`, `"URL" in globalThis` and `globalThis["U" + "RL"]` find it as they would a property;
// only Object.getOwnPropertyNames(globalThis) and hasOwnProperty do not. What it makes is named and frozen at once, and is the same in every VM, so a thread cannot tell whether
// another has used it before. A continuation that names an object or a function of a family has it evaluated in the VM that restores it. Methods that all iterators inherit are
// there from the beginning (iteratorMethods.ts) and call the family. The other way that was considered, to install what the text of the bundle mentions, misses names that are put together.
// Evaluating a family takes 0.1 to 2 ms in a VM, and 2 to 20 ms more for the first one of a process, which compiles it.
//
// It refuses host access: no timers, no network. It knows no continuation format; the codec reads its objects.
//
// The caller runs one step at a time in a VM: begin or attach, start or settle, drain, takeEffects. In between, rt.thread holds everything
// that has to be kept. kont.d.ts (Types) declares the module `kont` for editors and tsc.
//
// Names of classes, functions and private symbols are stored in continuations: they are given by hand and never change their meaning.
// A golden test keeps the list.
package runtime
