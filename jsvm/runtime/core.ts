// What the families (family.ts) use of the library. Each family is a script of its own, so it cannot import the modules: it would get copies of them.

import { createWith, define, isConstructor, isObject, mark, symDetached, symFunction, symIterator, symPromise, symSlot, symWeakMap, theHost } from "./object";
import { makeFunction, registerFunction } from "./function";
import { isPromise, newPromise, performThen, promiseResolve, rejectPromise, reportError, resolvePromise, WorkflowPromise } from "./promise";
import { CallbackJob, enqueue } from "./job";
import { currentOwner, isLoading, setOwner } from "./thread";
import { CancellationScope, currentCancellationScope } from "./scope";
import { cancelScope } from "./cancel";
import { sleep } from "./ref";
import { waitOf } from "./wait";
import { log } from "./console";
import { useFamily } from "./family";

/** Makes the given of every family; not before the first is made. */
export const makeCore = () => ({
  createWith, define, isConstructor, isObject, mark, symDetached, symFunction, symIterator, symPromise, symSlot, symWeakMap, theHost, makeFunction, registerFunction,
  isPromise, newPromise, performThen, promiseResolve, rejectPromise, reportError, resolvePromise, WorkflowPromise, CallbackJob, enqueue, currentOwner, isLoading, setOwner,
  CancellationScope, currentCancellationScope, cancelScope, sleep, waitOf, log, useFamily,
});

/** What makeCore made, in a family. */
export declare const core: ReturnType<typeof makeCore>;
