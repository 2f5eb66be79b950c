// Families: parts of the library that most workflows never use. Each is a script of its own, which is evaluated when one of its globals is first read, so a VM
// costs nothing for the others. family.go has the table of them and makes the globals.
//
// What a family makes is named and frozen like the other intrinsics, by the host program (`onMade`), at once. A thread that comes from another VM may hold an object of
// a family that has not been evaluated here: it is found by its name.
//
// A family exports `globals` and `hidden`, objects by name. Objects of a family have their state in plain records under symSlot, and its functions that may be
// alive at a suspension are made by makeFunction with ids that begin with the family's name and a dot.

import { makeCore } from "./core";
import { theHost } from "./object";
import { Intrinsics } from "./intrinsics";

export interface Family {
  globals: Record<string, any>;
  /** Objects that are no globals, as `%Name%`; append only, as the globals are. */
  hidden?: Record<string, any>;
  /** What the library itself uses. */
  internal?: Record<string, any>;
  /** Intrinsics that it leads to and that have names already. */
  known?: any[];
}

const made: Record<string, Family> = Object.create(null);
let given: unknown;
let onMade: ((byName: Record<string, any>) => void) | undefined;
let waiting: string[] = [];

/** The family, evaluated when it is first asked for. */
export function useFamily(name: string): Family {
  let family = made[name];
  if (family === undefined) {
    family = made[name] = theHost.family(name + ".ts")((given ??= makeCore()));
    if (onMade === undefined) waiting.push(name);
    else onMade(namesOf(name));
  }
  return family;
}

/** The objects of a family that has been made by their names. */
export function namesOf(name: string): Record<string, any> {
  const { globals, hidden = {}, known = [] } = made[name];
  const table = new Intrinsics();
  for (let i = 0; i < known.length; i++) table.names.set(known[i], "");
  const all = { ...globals, ...hidden };
  const roots = Object.keys(all);
  for (let i = 0; i < roots.length; i++) table.walk(roots[i], all[roots[i]]);
  return table.byName;
}

/** Sets who names and freezes what families make; those that have been made are given to it at once. */
export function setOnMade(then: (byName: Record<string, any>) => void): void {
  onMade = then;
  const before = waiting;
  waiting = [];
  for (let i = 0; i < before.length; i++) then(namesOf(before[i]));
}

/** The value of a family's global. */
export function familyGlobal(family: string, name: string): any {
  return useFamily(family).globals[name];
}
