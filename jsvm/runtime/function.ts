// Functions that the runtime hands out and that may be alive at a suspension.
//
// They close over nothing but one state object, and carry their factory's id and that object, so the codec writes
// `{id, state}` and makes the same function again. Ids are given by hand and are never reused: continuations name them.

import { define, symFunction } from "./object";

type Factory = (state: any) => Function;

/** The factories by id. */
export const functions: Record<string, Factory> = Object.create(null);

export function registerFunction(id: string, factory: Factory): void {
  if (functions[id] !== undefined) throw new Error(`function id ${id} is taken`);
  functions[id] = factory;
}

export function makeFunction(id: string, state: unknown): any {
  const made = functions[id](state);
  define(made, symFunction, { id, state });
  return made;
}
