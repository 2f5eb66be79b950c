// Stacks of errors, for people.
//
// The engine's text of a stack ends with the job that ran, names functions of this library, and counts columns its own way. When
// an error leaves an async function, its stack is written anew: the author's calls, then a line `at async f (…)` for each function
// that awaits the one that ran, up to the entry function. That is done once for an error, where it is first thrown through an
// async function: those that it passes later are in the text already.

import { theHost } from "./object";
import { Combinator, ElementReaction } from "./combinator";
import { isFrame, LockReaction, stateOf, ThenReaction } from "./promise";
import { reactionAtWork } from "./job";

/** How many awaiting functions are listed. */
const awaitersMax = 32;

/** An awaiting function by its number and resume point, or a combinator as text. */
type Awaiter = [fn: number, pc: number] | string;

let textOf: (stack: string, awaiters: Awaiter[]) => string = (stack) => stack;

/** Sets what writes stacks: the host program knows the author's positions. */
export function setStackText(write: (stack: string, awaiters: Awaiter[]) => string): void {
  textOf = write;
}

const { getOwnPropertyDescriptor, defineProperty } = Object;

/** Writes the stack of an error that leaves an async function, and of its causes. */
export function trace(error: any): void {
  for (let depth = 0; depth < awaitersMax && isError(error); depth++) {
    const stack = stackOf(error);
    // Every line of the engine's begins with a tab.
    if (stack === undefined || typeof stack.value !== "string" || stack.value.indexOf("\n\tat ") < 0) return;
    // A frozen error keeps the engine's text.
    if (stack.configurable) defineProperty(error, "stack", { value: textOf(stack.value, awaitersOf(reactionAtWork())) });
    const cause = getOwnPropertyDescriptor(error, "cause");
    error = cause === undefined ? undefined : cause.value;
  }
}

/** The engine writes a stack when it is first read, and takes the message for it: that may be an accessor of the workflow's, which throws. */
function stackOf(error: object): PropertyDescriptor | undefined {
  try {
    return getOwnPropertyDescriptor(error, "stack");
  } catch {
    return undefined;
  }
}

/** Runs no code of the workflow, as a Proxy would. */
export function isError(value: any): boolean {
  return typeof value === "object" && value !== null && !theHost.isProxy(value) && value instanceof Error;
}

/** What the host program asks for when a step has been stopped: who awaits what ran. */
export function awaitersNow(): Awaiter[] {
  return awaitersOf(reactionAtWork());
}

/** Who awaits what a reaction will settle, from the inside out. Of several that await the same promise, the first. */
export function awaitersOf(reaction: any): Awaiter[] {
  const list: Awaiter[] = [];
  let promise = settledBy(reaction);
  while (promise !== undefined && list.length < awaitersMax) {
    const state = stateOf(promise);
    if (state === undefined) break; // of another Promise class
    const { reactions } = state;
    const first: any = Array.isArray(reactions) ? reactions[0] : reactions;
    if (first === undefined) break;
    if (isFrame(first)) list.push([first.fn, first.pc]);
    else if (first instanceof ElementReaction) list.push(`Promise.${first.combinator.kind} (index ${first.index})`);
    promise = settledBy(first);
  }
  return list;
}

/** The promise that a reaction settles when it has run. */
function settledBy(reaction: any): any {
  if (reaction === undefined) return undefined;
  if (isFrame(reaction)) return reaction.d;
  if (reaction instanceof ThenReaction) return reaction.capability === undefined ? undefined : reaction.capability.promise;
  if (reaction instanceof LockReaction) return reaction.promise;
  if (reaction instanceof ElementReaction) return (reaction.combinator as Combinator).capability.promise;
  return undefined;
}
