// Values as text: whole, without cuts, in lines that can be compared one by one.

export interface Line {
  text: string;
  /** The way from the value printed: `.items[2].price`; "" for the value itself. */
  path: string;
}

/** More lines than a person or a snapshot could want. What shares parts could be printed in no time otherwise. */
const linesMax = 200_000;

const identifier = /^[A-Za-z_$][\w$]*$/;

/** What inline cuts. */
export const inlineMax = 200;

/** A value in one line, for messages and for keys of a Map. */
export function inline(value: unknown): string {
  const lines = print(value).map((line) => line.text.trim());
  const text = lines.join(" ").replace(/,? ([}\])])/g, (_, close) => (close === "]" || close === ")" ? close : " " + close)).replace(/([[(]) /g, "$1");
  return text.length > inlineMax ? text.slice(0, inlineMax - 1) + "…" : text;
}

/** The lines of a value. Where `like` is given, properties and entries come in the order in which it has them. */
export function print(value: unknown, like?: unknown): Line[] {
  const printer = new Printer();
  printer.value(value, like, "", "", "", "");
  return printer.lines;
}

export function property(path: string, key: PropertyKey): string {
  if (typeof key === "symbol") return `${path}[${String(key)}]`;
  return identifier.test(String(key)) ? `${path}.${String(key)}` : `${path}[${JSON.stringify(key)}]`;
}

class Printer {
  lines: Line[] = [];
  /** The objects that are being printed, and where they are. */
  #above = new Map<object, string>();

  #line(text: string, path: string): void {
    if (this.lines.length >= linesMax) throw new RangeError(`a value of more than ${linesMax} lines`);
    this.lines.push({ text, path });
  }

  /** Prints a value; before stands in front of its first line, after behind its last. */
  value(value: any, like: any, indent: string, before: string, after: string, path: string): void {
    if (typeof value === "string") return this.#string(value, indent, before, after, path);
    if (typeof value !== "object" || value === null) return this.#line(indent + before + atom(value) + after, path);
    const outer = this.#above.get(value);
    if (outer !== undefined) return this.#line(`${indent}${before}<the value ${outer === "" ? "itself" : "at " + outer}>${after}`, path);
    this.#above.set(value, path);
    this.#object(value, typeof like === "object" && like !== null ? like : undefined, indent, before, after, path);
    this.#above.delete(value);
  }

  /** A text of several lines is printed in several. */
  #string(value: string, indent: string, before: string, after: string, path: string): void {
    const parts = value.split(/(?<=\n)/);
    parts.forEach((part, i) => {
      const isLast = i === parts.length - 1;
      this.#line(indent + (i === 0 ? before : "  ") + JSON.stringify(part) + (isLast ? after : " +"), path);
    });
  }

  #object(value: any, like: any, indent: string, before: string, after: string, path: string): void {
    const { head, open, close, skip } = shape(value);
    const entries: (() => void)[] = [];
    const inner = indent + "  ";
    if (Array.isArray(value) || ArrayBuffer.isView(value)) {
      const items = value as any;
      for (let i = 0; i < (items.length ?? 0); i++) {
        const at = `${path}[${i}]`;
        entries.push(i in items ? () => this.value(items[i], like?.[i], inner, "", ",", at) : () => this.#line(inner + "<empty>,", at));
      }
    } else if (value instanceof Map) {
      for (const key of inOrderOf(Array.from(value.keys()), like instanceof Map ? Array.from(like.keys()) : [])) {
        const text = inline(key);
        entries.push(() => this.value(value.get(key), like instanceof Map ? like.get(key) : undefined, inner, text + " => ", ",", `${path}.get(${text})`));
      }
    } else if (value instanceof Set) {
      inOrderOf(Array.from(value), like instanceof Set ? Array.from(like) : []).forEach((item, i) => entries.push(() => this.value(item, undefined, inner, "", ",", `${path}<${i}>`)));
    }
    for (const key of inOrderOf(enumerableKeys(value), like === undefined ? [] : enumerableKeys(like))) {
      if (skip(key)) continue;
      const name = typeof key === "symbol" ? `[${String(key)}]` : identifier.test(key) ? key : JSON.stringify(key);
      entries.push(() => this.value(value[key], like?.[key], inner, name + ": ", ",", property(path, key)));
    }
    if (entries.length === 0) return this.#line(indent + before + (head.endsWith(") ") ? head.trim() : head + open + close) + after, path);
    this.#line(indent + before + head + open, path);
    entries.forEach((entry) => entry());
    this.#line(indent + close + after, path);
  }
}

/** Own enumerable properties, of symbols too. */
export function enumerableKeys(value: object): (string | symbol)[] {
  const symbols = Object.getOwnPropertySymbols(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
  return [...Object.keys(value), ...symbols];
}

/** First those that order has, in its order. */
function inOrderOf<T>(keys: T[], order: T[]): T[] {
  if (order.length === 0) return keys;
  const left = new Set(keys);
  const first = order.filter((key) => left.delete(key));
  return [...first, ...keys.filter((key) => left.has(key))];
}

function atom(value: unknown): string {
  switch (typeof value) {
    case "bigint":
      return value + "n";
    case "number":
      return Object.is(value, -0) ? "-0" : String(value);
    case "function":
      return `[${/^class\b/.test(Function.prototype.toString.call(value)) ? "class" : "function"} ${value.name || "(anonymous)"}]`;
    default:
      return String(value);
  }
}

const never = () => false;
const isIndex = (key: PropertyKey) => typeof key === "string" && /^(0|[1-9]\d*)$/.test(key);

/** How an object is written: what stands before its parentheses, these, and the properties that are shown already. */
function shape(value: any): { head: string; open: string; close: string; skip: (key: PropertyKey) => boolean } {
  const prototype = Object.getPrototypeOf(value);
  const constructor = prototype === null ? undefined : prototype.constructor;
  const name = prototype === null ? "[no prototype]" : typeof constructor === "function" && constructor.name !== "" ? constructor.name : "[unnamed class]";
  if (Array.isArray(value)) return { head: constructor === Array ? "" : name + " ", open: "[", close: "]", skip: isIndex };
  if (ArrayBuffer.isView(value)) return { head: name + " ", open: "[", close: "]", skip: isIndex };
  if (value instanceof Map || value instanceof Set) return { head: name + " ", open: "{", close: "}", skip: never };
  let head = constructor === Object ? "" : name + " ";
  if (value instanceof Date) head = `${name}(${isNaN(value.getTime()) ? "invalid" : value.toISOString()}) `;
  else if (value instanceof RegExp) head = `${name}(${value}) `;
  else if (value instanceof Error) head = `${value.name}(${JSON.stringify(value.message)}) `;
  else if (value instanceof String || value instanceof Number || value instanceof Boolean) head = `${name}(${inline(value.valueOf())}) `;
  return { head, open: "{", close: "}", skip: value instanceof Error ? (key) => key === "name" || key === "message" || key === "stack" : value instanceof String ? isIndex : never };
}
