// console: lines go to the host, which knows thread and step. Texts are made here, because the values are here.

import { theHost } from "./object";
import { isPromise, stateOf } from "./promise";
import { indented, statefulMethods } from "./consoleState";

const depthMax = 4;
const itemsMax = 100;
const textBytesMax = 16384;

export function log(level: string, text: string): void {
  text = indented(text);
  theHost.log(level, text.length > textBytesMax ? text.slice(0, textBytesMax) + "…" : text);
}

const identifier = /^[A-Za-z_$][\w$]*$/;

/** A short text of any value, for people. Runs no code of the workflow but its getters. */
export function inspect(value: any, depth = 0, above: any[] = []): string {
  switch (typeof value) {
    case "string":
      return depth === 0 && above.length === 0 ? value : JSON.stringify(value);
    case "bigint":
      return value + "n";
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "symbol":
      return value.toString();
    case "function":
      return (/^class\b/.test(Function.prototype.toString.call(value)) ? "[class " : "[Function ") + (value.name || "(anonymous)") + "]";
    case "object":
      break;
    default:
      return String(value);
  }
  if (value === null) return "null";
  if (theHost.isProxy(value)) return "[Proxy]";
  if (above.indexOf(value) >= 0) return "[Circular]";
  const inner = above.concat([value]);
  const of = (item: any) => inspect(item, depth + 1, inner);
  if (value instanceof Error) {
    const text = typeof value.stack === "string" && value.stack !== "" ? value.stack : String(value);
    return (value as any).cause === undefined ? text : text + " { cause: " + of((value as any).cause) + " }";
  }
  if (value instanceof Date) return isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  if (isPromise(value)) {
    const { state, value: result } = stateOf(value);
    return "Promise { " + (state === 0 ? "<pending>" : (state === 2 ? "<rejected> " : "") + of(result)) + " }";
  }
  const prototype = Object.getPrototypeOf(value);
  const name = prototype === null ? "[null prototype] " : nameOf(prototype);
  if (depth >= depthMax) return Array.isArray(value) ? "[Array]" : "[" + (name.trim() || "Object") + "]";
  if (Array.isArray(value)) return list("[", items(value, of), "]");
  if (value instanceof Map) {
    const entries: string[] = [];
    value.forEach((item, key) => entries.push(of(key) + " => " + of(item)));
    return list(`Map(${value.size}) {`, entries, "}");
  }
  if (value instanceof Set) {
    const entries: string[] = [];
    value.forEach((item) => entries.push(of(item)));
    return list(`Set(${value.size}) {`, entries, "}");
  }
  const keys = Object.keys(value);
  return list(
    name + "{",
    keys.map((key) => (identifier.test(key) ? key : JSON.stringify(key)) + ": " + of(value[key])),
    "}",
  );
}

function nameOf(prototype: any): string {
  const { constructor } = prototype;
  return constructor === Object || typeof constructor !== "function" ? "" : constructor.name + " ";
}

function items(array: any[], of: (item: any) => string): string[] {
  const texts: string[] = [];
  for (let i = 0; i < array.length && i <= itemsMax; i++) texts.push(i in array ? of(array[i]) : "<empty>");
  return texts;
}

function list(open: string, texts: string[], close: string): string {
  if (texts.length === 0) return open + close;
  const shown = texts.slice(0, itemsMax);
  if (texts.length > itemsMax) shown.push("… " + (texts.length - itemsMax) + " more");
  const space = open === "[" ? "" : " ";
  return open + space + shown.join(", ") + space + close;
}

/** Joins arguments as the Console standard's Formatter does: %s %d %i %f %j %o %O %% in a leading string. */
export function format(values: any[]): string {
  let from = 0;
  const texts: string[] = [];
  if (typeof values[0] === "string") {
    from = 1;
    texts.push(
      values[0].replace(/%[sdifjoO%]/g, (part: string) => {
        if (part === "%%") return "%";
        if (from >= values.length) return part;
        const value = values[from++];
        switch (part) {
          case "%s":
            return typeof value === "string" ? value : inspect(value, 1);
          case "%d":
          case "%f":
            return String(Number(value));
          case "%i":
            return String(Math.trunc(Number(value)));
          case "%j":
            return String(JSON.stringify(value));
          default:
            return inspect(value, 1);
        }
      }),
    );
  }
  for (; from < values.length; from++) texts.push(typeof values[from] === "string" ? values[from] : inspect(values[from]));
  return texts.join(" ");
}

const levels: Record<string, string> = { log: "info", info: "info", warn: "warn", error: "error", debug: "debug", trace: "debug", dir: "info", dirxml: "info" };

export function installConsole(): void {
  const console: any = {};
  const names = Object.keys(levels);
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    const level = levels[name];
    const holder: any = {
      [name](...values: any[]) {
        log(level, format(values));
      },
    };
    console[name] = holder[name];
  }
  console.assert = {
    assert(condition: unknown, ...values: any[]) {
      if (!condition) log("error", "Assertion failed" + (values.length > 0 ? ": " + format(values) : ""));
    },
  }.assert;
  Object.assign(console, statefulMethods(log, format, inspect));
  Object.defineProperty(globalThis, "console", { value: console, writable: true, configurable: true });
}
