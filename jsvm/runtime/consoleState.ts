// What the console remembers between two lines: counters, timers and groups. It belongs to the thread and is kept with it.
//
// Console standard, 1.1.2 (count), 1.2 (group), 1.3 (time) and 1.1.6 (table).

import { isObject } from "./object";
import { thread } from "./thread";

export class ConsoleState {
  counts = new Map<string, number>();
  /** Beginnings, in milliseconds since 1970. */
  timers = new Map<string, number>();
  groups = 0;
}

function state(): ConsoleState {
  const root = thread();
  if (root.console === undefined) root.console = new ConsoleState();
  return root.console;
}

const groupsMax = 40;

/** Moves a text in by the open groups. */
export function indented(text: string): string {
  const its = thread().console;
  if (its === undefined || its.groups === 0) return text;
  const space = "  ".repeat(Math.min(its.groups, groupsMax));
  return space + text.replace(/\n/g, "\n" + space);
}

type Log = (level: string, text: string) => void;

function labelOf(label: unknown): string {
  return label === undefined ? "default" : String(label);
}

export function statefulMethods(log: Log, format: (values: any[]) => string, inspect: (value: any) => string): any {
  const group = (...values: any[]) => {
    if (values.length > 0) log("info", format(values));
    state().groups++;
  };
  const elapsed = (level: string, method: string, label: string, values: any[]): void => {
    const begun = state().timers.get(label);
    if (begun === undefined) log("warn", `console.${method}: there is no timer ${label}`);
    else log(level, `${label}: ${Date.now() - begun} ms` + (values.length > 0 ? " " + format(values) : ""));
  };
  return {
    count(label?: unknown) {
      const { counts } = state();
      const name = labelOf(label);
      const next = (counts.get(name) ?? 0) + 1;
      counts.set(name, next);
      log("info", `${name}: ${next}`);
    },
    countReset(label?: unknown) {
      const name = labelOf(label);
      if (!state().counts.delete(name)) log("warn", `console.countReset: there is no counter ${name}`);
    },
    group(...values: any[]) {
      group(...values);
    },
    groupCollapsed(...values: any[]) {
      group(...values);
    },
    groupEnd() {
      const its = state();
      if (its.groups > 0) its.groups--;
    },
    time(label?: unknown) {
      const { timers } = state();
      const name = labelOf(label);
      if (timers.has(name)) log("warn", `console.time: the timer ${name} runs already`);
      else timers.set(name, Date.now());
    },
    timeLog(label?: unknown, ...values: any[]) {
      elapsed("info", "timeLog", labelOf(label), values);
    },
    timeEnd(label?: unknown) {
      const name = labelOf(label);
      elapsed("info", "timeEnd", name, []);
      state().timers.delete(name);
    },
    table(data: any, columns?: any) {
      log("info", isObject(data) ? tableOf(data, columns, inspect) : format([data]));
    },
    /** Nothing is shown anywhere that could be cleared. */
    clear() {},
  };
}

/** Rows of an array, Map, Set or object; the columns are the keys of its items, in the order in which they are met. */
function tableOf(data: any, only: unknown, inspect: (value: any) => string): string {
  const rows: [unknown, any][] = [];
  if (data instanceof Map) data.forEach((value, key) => rows.push([key, value]));
  else if (data instanceof Set) data.forEach((value) => rows.push([rows.length, value]));
  else {
    const keys = Object.keys(data);
    for (let i = 0; i < keys.length; i++) rows.push([keys[i], data[keys[i]]]);
  }
  let columns: string[] = [];
  let hasValues = false;
  for (let i = 0; i < rows.length; i++) {
    const value = rows[i][1];
    if (!isObject(value)) hasValues = true;
    else for (const key of Object.keys(value)) if (columns.indexOf(key) < 0) columns.push(key);
  }
  if (Array.isArray(only)) columns = only.map(String);
  const head = ["(index)", ...columns];
  if (hasValues) head.push("Values");
  const lines = [head];
  for (let i = 0; i < rows.length; i++) {
    const [key, value] = rows[i];
    const isRow = isObject(value);
    const line = [typeof key === "string" ? key : inspect(key)];
    for (let j = 0; j < columns.length; j++) line.push(isRow && columns[j] in (value as any) ? cell((value as any)[columns[j]], inspect) : "");
    if (hasValues) line.push(isRow ? "" : cell(value, inspect));
    lines.push(line);
  }
  const widths = head.map((_, at) => Math.max(...lines.map((line) => line[at].length)));
  return lines.map((line) => line.map((text, at) => text.padEnd(widths[at])).join(" | ").trimEnd()).join("\n");
}

function cell(value: any, inspect: (value: any) => string): string {
  return typeof value === "string" ? JSON.stringify(value) : inspect(value).replace(/\n/g, " ");
}
