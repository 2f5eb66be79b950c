// The module `kont`: what `import * as W from "kont"` gives. kont.d.ts declares it for authors.

import { CancelToken } from "./token";
import { addCanceler, CancellationScope, currentCancellationScope, removeCanceler, withCancellationScope } from "./scope";
import { cancelScope } from "./cancel";
import { useFamily } from "./family";
import { ensureThread, output, outputJSON } from "./effects";
import { inbox } from "./inbox";
import { label } from "./label";
import { WorkflowPromise } from "./promise";
import { Ref, ref, refId, sleep, suspend, Suspension, wait } from "./ref";
import { ownConfig, thread } from "./thread";

const { abortSignal, cancelOnAbort } = {
  abortSignal(scope?: unknown): any {
    return useFamily("abort").internal!.abortSignal(scope);
  },
  cancelOnAbort(signal: unknown, scope?: unknown): void {
    useFamily("abort").internal!.cancelOnAbort(signal, scope);
  },
};

export const kont: any = {
  CancelToken,
  CancellationScope,
  Promise: WorkflowPromise,
  Ref,
  Suspension,
  abortSignal,
  addCanceler,
  cancelOnAbort,
  cancelScope,
  currentCancellationScope,
  ensureThread,
  inbox,
  label,
  output,
  outputJSON,
  ref,
  refId,
  removeCanceler,
  sleep,
  suspend,
  wait,
  withCancellationScope,
  // Live bindings: an import reads them at each use.
  get config() {
    return ownConfig();
  },
  get stepId() {
    return thread().stepId;
  },
  get threadId() {
    return thread().id;
  },
};
Object.defineProperty(kont, "__esModule", { value: true });
