// The cancellation tree: who started what.
//
// Its nodes are async calls (Frame), combinators (Combinator) and explicit scopes (CancellationScope); each names the node
// that it was started in by its field `scope`. The root is thread.scope. A node whose way up ends elsewhere is shielded.
//
//	thread.scope ── main() ── Promise.race ── scope of branch 0 ── car() ── …
//	                                       └─ scope of branch 1 ── sleep
//
// A call belongs to the branch that it is passed to, not to the caller: the arguments of a combinator are evaluated before
// it is called, so the combinator adopts them (combinator.ts).
//
// A scope is cancelled once. A branch that is being cancelled already is left to finish its cleanup when an outer scope is
// cancelled too: else a timeout would cut compensations short.

import type { CancelToken } from "./token";
import { currentOwner, setOwner, thread } from "./thread";

/** A node of the tree, or undefined: shielded. */
export type Owner = any;

export class CancellationScope {
  scope: Owner;
  /** The token, once the scope has been cancelled. */
  token: CancelToken | undefined;
  /** Cancelers as builds before `added` kept them. */
  cancelers: Set<Function> | undefined;
  /** What addCanceler has been given, in order. */
  added: Canceler[] | undefined;

  /** A child of parent; of the current scope if none is given; a tree of its own if null is. */
  constructor(parent?: Owner) {
    this.scope = parent === null ? undefined : parent === undefined ? currentOwner() : parent;
  }

  get cancelled(): boolean {
    return this.token !== undefined;
  }
}

/**
 * A function that is called when its scope is cancelled. `scope` is the node that it was added in, as of every node: an async call may become a
 * branch of its own only after it has added one (moveCancelers).
 */
interface Canceler {
  scope: Owner;
  canceler: Function;
}

/** Links node to the nearest node above it that has not finished. */
export function skipFinished(node: any): void {
  while (node.scope !== undefined && node.scope.pc === -1) node.scope = node.scope.scope;
}

/** Whether cancelling scope is for node to answer: no scope between them has been cancelled before. */
export function isWithin(node: Owner, scope: CancellationScope): boolean {
  for (; node !== undefined; node = node.scope) {
    if (node === scope) return true;
    if (node.token !== undefined) return false;
  }
  return false;
}

/** Whether node is in a cancelled scope, cancelled now or before. */
export function isCancelled(node: Owner): boolean {
  for (; node !== undefined; node = node.scope) if (node.token !== undefined) return true;
  return false;
}

/** How many scopes above node have been cancelled. */
export function cancelledAbove(node: Owner): number {
  let count = 0;
  for (; node !== undefined; node = node.scope) if (node.token !== undefined) count++;
  return count;
}

export function isShielded(node: Owner): boolean {
  const root = thread().scope;
  for (; node !== undefined; node = node.scope) if (node === root) return false;
  return true;
}

/** The nearest explicit or branch scope; undefined where shielded. */
export function currentCancellationScope(): CancellationScope | undefined {
  let node = currentOwner();
  while (node !== undefined && !(node instanceof CancellationScope)) node = node.scope;
  return node;
}

/** Calls fn in scope; with undefined, what fn starts is shielded from every cancellation. */
export function withCancellationScope<T>(scope: CancellationScope | undefined, fn: () => T): T {
  if (scope !== undefined && !(scope instanceof CancellationScope)) throw new TypeError("withCancellationScope: scope is no CancellationScope");
  if (typeof fn !== "function") throw new TypeError("withCancellationScope: fn is no function");
  const before = setOwner(scope);
  try {
    return fn();
  } finally {
    setOwner(before);
  }
}

/** Whether cancelling scope reaches node, also if it has been cancelled before. */
export function isBelow(node: Owner, scope: Owner): boolean {
  for (; node !== undefined; node = node.scope) if (node === scope) return true;
  return false;
}

/** Calls canceler with the token when the current scope is cancelled. */
export function addCanceler(canceler: (token: CancelToken) => void): void {
  if (typeof canceler !== "function") throw new TypeError("addCanceler: canceler is no function");
  const scope = currentCancellationScope();
  if (scope === undefined) return;
  if (scope.added === undefined) scope.added = [];
  scope.added.push({ scope: currentOwner(), canceler });
}

/** Takes back what the running call, one that it has called, or one that has called it has added to the current scope. */
export function removeCanceler(canceler: (token: CancelToken) => void): void {
  const scope = currentCancellationScope();
  if (scope === undefined) return;
  scope.cancelers?.delete(canceler);
  if (scope.added === undefined) return;
  const owner = currentOwner();
  scope.added = scope.added.filter((entry) => {
    skipFinished(entry);
    return entry.canceler !== canceler || !(isBelow(owner, entry.scope) || isBelow(entry.scope, owner));
  });
}

/** Takes the cancelers of a cancelled scope: each is called once. */
export function takeCancelers(scope: any): Set<Function> | undefined {
  const { cancelers, added } = scope;
  if (cancelers !== undefined) scope.cancelers = undefined;
  if (added === undefined) return cancelers;
  scope.added = undefined;
  const all = new Set<Function>(cancelers);
  for (let i = 0; i < added.length; i++) all.add(added[i].canceler);
  return all;
}

/** A call has become a branch with a scope of its own: what it has added to the scope around it belongs to that one. */
export function moveCancelers(call: Owner, branch: CancellationScope): void {
  let from = call.scope;
  while (from !== undefined && !(from instanceof CancellationScope)) from = from.scope;
  if (from === undefined || from.added === undefined) return;
  const stay: Canceler[] = [];
  from.added.forEach((entry: Canceler) => {
    if (!isBelow(entry.scope, call)) stay.push(entry);
    else if (branch.added === undefined) branch.added = [entry];
    else branch.added.push(entry);
  });
  from.added = stay.length > 0 ? stay : undefined;
}
