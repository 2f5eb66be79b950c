// Cancellation: a CancelToken is thrown where a branch is blocked now.
//
// What is below a cancelled scope in the cancellation tree (scope.ts) is treated by what it does at that moment.
//
// 1. A call that is blocked at an await: the promise is followed down its `source`s to what it really waits for.
//    - A ref that was made in the scope is taken back: it is pending no more (a late event for it is unmatched), its promise is
//      rejected with the token. If somebody outside the scope waits for it as well, it stays, and only this await throws. If
//      only somebody outside does, it is taken back, as a call would be cancelled.
//    - Another call in the scope: that one is thrown at, and this one gets what it throws, after its cleanup.
//    - A combinator called in the scope passes the token on to its branches, and settles after them.
//    - What does not belong to the scope (a call or a ref of somebody else, a foreign promise): the await throws, and the
//      promise is left alone.
//    - A shielded part: the await does not throw; the token is owed (below).
// 2. A call that is not blocked, because what it waited for has been settled in this step: nothing that has been received may be lost, so it
//    goes on with the value, and owes the token (`debt`): the next await that would block throws it. Calls that it starts meanwhile
//    owe it too; if it ends first, the debt passes to whoever in the scope waits for its result.
// 3. A timer of `sleep` that was started in the scope and that nobody waits for: it is stopped. Other refs that nobody waits for stay
//    pending: the cleanup may want their reply.
//
// Only the first cancellation counts for a call: cleanup is never interrupted (scope.ts).

import { CancelToken } from "./token";
import { now, running, currentOwner } from "./thread";
import { CancellationScope, cancelledAbove, isBelow, isWithin, isShielded, takeCancelers } from "./scope";
import { enqueueReaction, ReactionJob } from "./job";
import { countReactions, listReactions, pending, rejected, isFrame, isPromise, rejectPromise, stateOf, stopWaiting, waitedFor, ThenReaction, LockReaction, WorkflowPromise, newPromise } from "./promise";
import type { PromiseState } from "./promise";
import { Combinator, decide, finish, letGo } from "./combinator";
import { Wait, takeBack, pendingWaits } from "./wait";

/** What becomes of a wait when its scope is cancelled. */
const enum Verdict {
  /** It ends by itself: what it waits for is being cancelled. */
  Ends,
  /** It waits for a shielded part. */
  Shielded,
  /** Nothing else will end it. */
  Blocked,
}

/** Cancels what runs in scope and in its children. Does nothing the second time. The reason, if there is one, is the cause of the token. */
export function cancelScope(scope: CancellationScope, reason?: unknown): void {
  if (!(scope instanceof CancellationScope)) throw new TypeError("cancelScope: scope is no CancellationScope");
  if (scope.token !== undefined) return;
  const token = new CancelToken();
  if (reason !== undefined) Object.defineProperty(token, "cause", { value: reason, writable: true, enumerable: false, configurable: true });
  scope.token = token;
  owe(scope, token);
  const inside: any[] = [];
  running.blocked.forEach((frame) => {
    if (isWithin(frame, scope) && hasCancelersAbove(frame)) inside[inside.length] = frame;
  });
  const waits = pendingWaits();
  for (let i = 0; i < waits.length; i++) {
    const wait = waits[i];
    if (!isWithin(wait.scope, scope)) continue;
    const state = stateOf(wait.promise);
    if (countReactions(state) > 0 ? !(isAwaitedOutside(state, scope) && isAwaitedInside(state, scope)) : wait.timer) takeBack(wait, token);
  }
  const blocked: any[] = [];
  running.blocked.forEach((frame) => {
    if (isWithin(frame, scope)) blocked[blocked.length] = frame;
  });
  for (let i = 0; i < blocked.length; i++) if (blocked[i].a !== undefined && isWithin(blocked[i], scope)) cancelWait(blocked[i], scope, token);
  callCancelers(scope, token);
  // Those of the scopes between: a scope's cancellation reaches its children.
  for (let i = 0; i < inside.length; i++) for (let node = inside[i]; node !== undefined && node !== scope; node = node.scope) callCancelers(node, token);
}

function hasCancelersAbove(node: any): boolean {
  for (; node !== undefined; node = node.scope) if (node.cancelers !== undefined || node.added !== undefined) return true;
  return false;
}

/**
 * Cancels a branch of a combinator; true if it has to be waited for. If a scope above the combinator has been cancelled since it was
 * called, that has cancelled the branch already.
 */
export function cancelBranch(element: any): boolean {
  const { combinator } = element;
  let scope: CancellationScope = element.scope;
  if (cancelledAbove(combinator) > (combinator.cancelledBefore ?? 0)) {
    scope = combinator;
    while (scope.token === undefined) scope = scope.scope;
  } else cancelScope(scope);
  return endsByItself(element, scope);
}

/** Whether the branch ends now that scope, which it is in, has been cancelled; if not, it is let go of. */
function endsByItself(element: any, scope: CancellationScope): boolean {
  const promise = element.on;
  if (promise === undefined) return false; // a thenable of somebody else's, or settled: its job is due
  if (follow(promise, scope, scope.token!) === Verdict.Ends) return true;
  detach(element, promise);
  return false;
}

/** A call that owes its token has come to an await that blocks. */
export function payDebt(frame: any): void {
  const token: CancelToken = frame.debt;
  frame.debt = undefined;
  const scope = scopeOf(frame, token);
  if (scope !== undefined) cancelWait(frame, scope, token);
}

/** A promise of a chain of `then` that owes its token has been resolved with one that may be pending. */
export function payLink(promise: any): void {
  const state = stateOf(promise);
  const token = state.debt!;
  state.debt = undefined;
  const scope = scopeOf(currentOwner(), token);
  if (scope === undefined) return;
  const verdict = follow(promise, scope, token);
  if (verdict === Verdict.Blocked) rejectPromise(promise, token);
  else if (verdict === Verdict.Shielded) state.debt = token;
}

/** The scope above node that was cancelled with token. */
function scopeOf(node: any, token: CancelToken): CancellationScope | undefined {
  while (node !== undefined && node.token !== token) node = node.scope;
  return node;
}

/** Lets the calls that are not blocked owe the token: those with a job in the queue, and the running one. */
function owe(scope: CancellationScope, token: CancelToken): void {
  const { jobs } = now;
  for (let i = 0; i < jobs.length; i++) {
    const job = jobs[i];
    if (!(job instanceof ReactionJob)) continue;
    const { reaction } = job;
    if (isFrame(reaction) ? isWithin(reaction, scope) : reaction instanceof ThenReaction && isWithin(reaction.scope, scope)) {
      if (reaction.debt === undefined) reaction.debt = token;
    }
  }
  const owner = currentOwner();
  if (owner !== undefined && owner.fn !== undefined && isWithin(owner, scope)) owner.debt = token;
}

/** Ends the wait of a Frame or ThenReaction. */
function cancelWait(waiting: any, scope: CancellationScope, token: CancelToken): void {
  const promise = waitedFor(waiting);
  if (promise === undefined) return;
  switch (follow(promise, scope, token)) {
    case Verdict.Shielded:
      waiting.debt = token;
      return;
    case Verdict.Blocked:
      detach(waiting, promise);
      enqueueReaction(waiting, rejected, token);
  }
}

/** Goes down from promise to what it waits for and cancels what belongs to scope. */
function follow(promise: any, scope: CancellationScope, token: CancelToken): Verdict {
  const state = stateOf(promise);
  if (state.state !== pending) return Verdict.Ends;
  const { source } = state;
  if (source === undefined) return Verdict.Blocked;
  if (isPromise(source)) return follow(source, scope, token);
  if (source instanceof Wait) {
    if (isWithin(source.scope, scope) && !isAwaitedOutside(state, scope)) {
      takeBack(source, token);
      return Verdict.Ends;
    }
    return isShielded(source.scope) ? Verdict.Shielded : Verdict.Blocked;
  }
  const node = isFrame(source) ? source : source.scope;
  if (!isBelow(node, scope)) return isShielded(node) ? Verdict.Shielded : Verdict.Blocked;
  if (source instanceof ThenReaction) cancelWait(source, scope, token);
  else if (source instanceof Combinator) cancelCombinator(source, scope, token);
  return Verdict.Ends;
}

/**
 * The calls in its branches have been thrown at by what cancelled scope, or owe the token since they were made; so the branches' own scopes
 * are not cancelled: that would be a second time.
 */
function cancelCombinator(combinator: Combinator, scope: CancellationScope, token: CancelToken): void {
  decide(combinator, rejected, token);
  letGo(combinator, (element) => endsByItself(element, scope));
  finish(combinator);
}

/** Whether something that does not belong to scope waits for the promise. */
function isAwaitedOutside(state: PromiseState, scope: CancellationScope): boolean {
  return isAwaitedBy(state, (waiting) => !isBelow(waiting, scope));
}

function isAwaitedInside(state: PromiseState, scope: CancellationScope): boolean {
  return isAwaitedBy(state, (waiting) => isBelow(waiting, scope));
}

/** Whether a node of the tree with that property waits for the promise, or for one that follows it. */
function isAwaitedBy(state: PromiseState, test: (node: any) => boolean): boolean {
  if (state.reactions === undefined) return false;
  const reactions = listReactions(state);
  for (let i = 0; i < reactions.length; i++) {
    const reaction = reactions[i];
    if (reaction instanceof LockReaction) {
      if (isAwaitedBy(stateOf(reaction.promise), test)) return true;
    } else if (test(isFrame(reaction) ? reaction : reaction.scope)) return true;
  }
  return false;
}

function detach(waiting: any, promise: any): void {
  const state = stateOf(promise);
  const others = listReactions(state).filter((reaction: any) => reaction !== waiting);
  state.reactions = others.length > 0 ? others : undefined;
  stopWaiting(waiting);
}

function callCancelers(scope: CancellationScope, token: CancelToken): void {
  takeCancelers(scope)?.forEach((canceler) => {
    try {
      canceler(token);
    } catch (error) {
      rejectPromise(newPromise(), error);
    }
  });
}
