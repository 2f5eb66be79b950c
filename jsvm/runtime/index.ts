// The runtime library: what every VM has before a bundle is loaded. See doc.go for the whole.

import * as kernel from "./kernel";
import * as classDefinitions from "./class";
import { define, mark, privateSymbols, symClass, symFunction, symIterator, symMark, symPromise, symPrototypeOf, symWeak, symWeakMap } from "./object";
import { functions, makeFunction } from "./function";
import * as promise from "./promise";
import { installCombinators } from "./combinator";
import { installIterators, quiesce, revive, reviveAgain } from "./iterator";
import { installIteratorMethods } from "./iteratorMethods";
import { installWeak } from "./weak";
import { installBind } from "./bind";
import { arrayLength, exponent, installBounds, power, shiftCount } from "./bounds";
import { regexpArguments } from "./regexp";
import { installReflection } from "./reflect";
import { installPolyfills } from "./polyfill";
import { inspect, installConsole } from "./console";
import { functionTag, installSource, setFunctionText } from "./source";
import { classes, Intrinsics, nameIntrinsics } from "./intrinsics";
import { familyGlobal, namesOf, setOnMade, useFamily } from "./family";
import { entryOf, finishLoading } from "./exports";
import { attach, begin, currentOwner, outputTopics, putAside, setOutputTopics, setOwner, thread } from "./thread";
import { afterEachDrain, drain, drainOne, hasJobs } from "./job";
import { settle } from "./wait";
import { start, takeEffects } from "./effects";
import type { Effects } from "./effects";
import { awaitersNow, awaitersOf, setStackText, trace } from "./trace";
import { kont } from "./kont";

installPolyfills();
installIterators();
installIteratorMethods();
installWeak();
installCombinators();
Object.defineProperty(globalThis, "Promise", { value: promise.WorkflowPromise, writable: true, configurable: true });
installConsole();
afterEachDrain(quiesce);

// Workflow code never sees an object of these classes. Without Object.prototype above them it is known sooner that a property is missing, and so that
// it can be added.
const kernelClasses: Record<string, any> = (kernel as any).classes ?? {}; // the kernel of this package's tests has none
const all = { ...classes, ...kernelClasses };
[
  "CallbackJob", "Capability", "Combinator", "ConsoleState", "ElementReaction", "Frame", "Iteration", "KeyList", "LockReaction", "PromiseState", "ReactionJob", "ThenReaction",
  "ThenableJob", "Thread", "Wait", "WeakEntries", "WeakState", "ArrayIteratorState", "CollectionIteratorState", "RegExpStringIteratorState", "StringIteratorState",
].forEach((name) => all[name] !== undefined && Object.setPrototypeOf(all[name].prototype, null));

let table: Intrinsics | undefined;
/** The table of intrinsics, built when it is first asked for. */
function intrinsics(): Intrinsics {
  if (table === undefined) table = nameIntrinsics(kernelClasses);
  return table;
}

const rt: any = {
  // Kernel and promise side, for compiled code.
  ...kernel,
  ...classDefinitions,
  power,
  exponent,
  shiftCount,
  arrayLength,
  regexpArguments,
  newPromise: promise.newPromise,
  resolvePromise: promise.resolvePromise,
  rejectPromise: promise.rejectPromise,
  awaitValue: promise.awaitValue,
  enterFrame: promise.enterFrame,
  leaveFrame: promise.leaveFrame,
  makeFunction,
  mark,
  define,
  currentOwner,
  setOwner,
  // For the codec.
  symClass,
  symFunction,
  symIterator,
  symMark,
  symPromise,
  symPrototypeOf,
  symWeak,
  symWeakMap,
  privateSymbols,
  functions,
  classes: { ...classes, ...(kernel as any).classes },
  functionTag,
  setFunctionText,
  setStackText,
  trace,
  awaitersNow,
  awaitersOf,
  familyGlobal,
  setOnMade,
  namesOf,
  useFamily,
  inspect,
  /** Call it before the thread is saved. */
  quiesce() {
    quiesce();
    putAside();
  },
  get intrinsics() {
    return intrinsics().byName;
  },
  // For the host.
  get thread() {
    return thread();
  },
  begin(id: string, stepId: string) {
    revive();
    return begin(id, stepId);
  },
  /** Call it when everything of the thread has been restored. */
  attach(restored: any, id: string, stepId: string) {
    if (restored !== thread()) revive();
    return attach(restored, id, stepId);
  },
  // A step is one call: the host's calls are dear.
  /** The first step of a thread. */
  startStep(id: string, stepId: string, entry: Function, argument: unknown, previous: unknown): Effects {
    revive();
    begin(id, stepId);
    start(entry, argument, previous);
    drain();
    return takeEffects();
  },
  /**
   * A later step; undefined if nothing waits for the ref, and then nothing of the thread has changed. A thread that was not restored, but
   * has stayed here, comes with its iterators at work, if it has any.
   */
  resumeStep(restored: any, id: string, stepId: string, ref: string, isError: boolean, value: unknown, atWork?: any[]): Effects | undefined {
    revive();
    if (!restored.refs.has(ref)) return undefined;
    if (atWork !== undefined) reviveAgain(atWork);
    attach(restored, id, stepId);
    settle(ref, isError, value);
    drain();
    return takeEffects();
  },
  // The same in smaller parts.
  start,
  settle,
  drain,
  drainOne,
  hasJobs,
  takeEffects,
  setOutputTopics,
  outputTopics,
  loaded: finishLoading,
  exports: entryOf,
  kont,
  require(name: string) {
    if (name === "kont" || name === "@effectful/kafka-workflow-rt") return kont;
    throw new Error(`"${name}" is a module of Node.js: workflow code has no host access`); // the bundler has left nothing else
  },
};

installBind();
installBounds();
installReflection();
installSource();

export default rt;
