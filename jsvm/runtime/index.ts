// The runtime library: what every VM has before a bundle is loaded. See doc.go for the whole.

import * as kernel from "./kernel";
import { define, mark, privateSymbols, symClass, symFunction, symIterator, symMark, symPromise, symWeak, symWeakMap } from "./object";
import { functions, makeFunction } from "./function";
import * as promise from "./promise";
import { installCombinators } from "./combinator";
import { installIterators, quiesce, revive } from "./iterator";
import { installWeak } from "./weak";
import { installBind } from "./bind";
import { installReflection } from "./reflect";
import { installPolyfills } from "./polyfill";
import { inspect, installConsole } from "./console";
import { functionTag, installSource, setFunctionText } from "./source";
import { classes, Intrinsics, nameIntrinsics } from "./intrinsics";
import { entryOf, finishLoading } from "./exports";
import { attach, begin, currentOwner, outputTopics, setOutputTopics, setOwner, thread } from "./thread";
import { afterEachDrain, drain, drainOne } from "./job";
import { settle } from "./wait";
import { start, takeEffects } from "./effects";
import { kont } from "./kont";

installPolyfills();
installIterators();
installWeak();
installCombinators();
Object.defineProperty(globalThis, "Promise", { value: promise.WorkflowPromise, writable: true, configurable: true });
installConsole();
afterEachDrain(quiesce);

let table: Intrinsics | undefined;
/** The table of intrinsics, built when it is first asked for. */
function intrinsics(): Intrinsics {
  if (table === undefined) table = nameIntrinsics((kernel as any).classes ?? {});
  return table;
}

const rt: any = {
  // Kernel and promise side, for compiled code.
  ...kernel,
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
  symWeak,
  symWeakMap,
  privateSymbols,
  functions,
  classes: { ...classes, ...(kernel as any).classes },
  functionTag,
  setFunctionText,
  inspect,
  quiesce,
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
  start,
  settle,
  drain,
  drainOne,
  takeEffects,
  setOutputTopics,
  outputTopics,
  loaded: finishLoading,
  exports: entryOf,
  kont,
  require(name: string) {
    if (name === "kont" || name === "@effectful/kafka-workflow-rt") return kont;
    throw new Error(`Cannot find module '${name}'`);
  },
};

installBind();
installReflection();
installSource();

export default rt;
