// URL and URLSearchParams: the URL standard, 6. Their state is plain: the fields of a URL record, a list of pairs.
//
// Left out: createObjectURL and revokeObjectURL (there are no Blobs), origins of blob: URLs, and what punycode.ts says of names in other scripts.

import { core } from "./core";
import { emptyRecord, isOpaque, isSpecial, parse, State, takesCredentials, write, writePath } from "./urlParser";
import type { Record_ } from "./urlParser";
import { parseForm, percentEncode, sets, writeForm } from "./urlEncode";
import type { Pair } from "./urlEncode";
import { finishClass, giveSlot, slotOf } from "./slot";

const { isObject } = core;
const { apply } = Reflect;

/** A USVString. */
const toUSV = (value: unknown): string => String(value).toWellFormed();

interface URLState {
  record: Record_;
  /** Its URLSearchParams. */
  params: any;
}

const urlOf = (url: unknown, member: string): URLState => slotOf(url, "URL", "URL.prototype." + member);
const recordOf = (url: unknown, member: string): Record_ => urlOf(url, member).record;

/** The record of a text and its base; undefined for a failure. */
function resolve(text: unknown, base: unknown): Record_ | undefined {
  let parsedBase: Record_ | undefined;
  if (base !== undefined) {
    const parsed = parse(toUSV(base), undefined);
    if (parsed === false) return undefined;
    parsedBase = parsed;
  }
  const parsed = parse(toUSV(text), parsedBase);
  return parsed === false ? undefined : parsed;
}

const hasNoPort = (url: Record_): boolean => !takesCredentials(url);

const URL: any = class {
  constructor(url: unknown, base?: unknown) {
    if (arguments.length === 0) throw new TypeError("URL: the text is missing");
    const record = resolve(url, base);
    if (record === undefined) {
      const error: any = new TypeError("Invalid URL");
      error.code = "ERR_INVALID_URL";
      error.input = toUSV(url);
      if (base !== undefined) error.base = toUSV(base);
      throw error;
    }
    initialise(this, record);
  }
  static canParse(url: unknown, base?: unknown): boolean {
    return resolve(url, base) !== undefined;
  }
  static parse(url: unknown, base?: unknown): any {
    const record = resolve(url, base);
    if (record === undefined) return null;
    const made = Object.create(URL.prototype);
    initialise(made, record);
    return made;
  }
  get href() {
    return write(recordOf(this, "href"));
  }
  set href(value: unknown) {
    const state = urlOf(this, "href");
    const record = parse(toUSV(value), undefined);
    if (record === false) throw new TypeError("Invalid URL");
    Object.assign(state.record, record);
    updateParams(state);
  }
  get origin() {
    const record = recordOf(this, "origin");
    return isSpecial(record) && record.scheme !== "file" ? record.scheme + "://" + hostOf(record) : "null";
  }
  get protocol() {
    return recordOf(this, "protocol").scheme + ":";
  }
  set protocol(value: unknown) {
    change(recordOf(this, "protocol"), toUSV(value) + ":", State.SchemeStart);
  }
  get username() {
    return recordOf(this, "username").username;
  }
  set username(value: unknown) {
    const record = recordOf(this, "username");
    const text = toUSV(value);
    if (!hasNoPort(record)) record.username = percentEncode(text, sets.userinfo);
  }
  get password() {
    return recordOf(this, "password").password;
  }
  set password(value: unknown) {
    const record = recordOf(this, "password");
    const text = toUSV(value);
    if (!hasNoPort(record)) record.password = percentEncode(text, sets.userinfo);
  }
  get host() {
    return hostOf(recordOf(this, "host"));
  }
  set host(value: unknown) {
    const record = recordOf(this, "host");
    const text = toUSV(value);
    if (!isOpaque(record)) change(record, text, State.Host);
  }
  get hostname() {
    return recordOf(this, "hostname").host ?? "";
  }
  set hostname(value: unknown) {
    const record = recordOf(this, "hostname");
    const text = toUSV(value);
    if (!isOpaque(record)) change(record, text, State.Hostname);
  }
  get port() {
    const { port } = recordOf(this, "port");
    return port === null ? "" : String(port);
  }
  set port(value: unknown) {
    const record = recordOf(this, "port");
    const text = toUSV(value);
    if (hasNoPort(record)) return;
    if (text === "") record.port = null;
    else change(record, text, State.Port);
  }
  get pathname() {
    return writePath(recordOf(this, "pathname"));
  }
  set pathname(value: unknown) {
    const record = recordOf(this, "pathname");
    const text = toUSV(value);
    if (isOpaque(record)) return;
    record.path = [];
    parse(text, undefined, record, State.PathStart);
  }
  get search() {
    const { query } = recordOf(this, "search");
    return query === null || query === "" ? "" : "?" + query;
  }
  set search(value: unknown) {
    const state = urlOf(this, "search");
    const text = toUSV(value);
    if (text === "") state.record.query = null;
    else {
      state.record.query = "";
      parse(text[0] === "?" ? text.slice(1) : text, undefined, state.record, State.Query);
    }
    updateParams(state);
  }
  get searchParams() {
    return urlOf(this, "searchParams").params;
  }
  get hash() {
    const { fragment } = recordOf(this, "hash");
    return fragment === null || fragment === "" ? "" : "#" + fragment;
  }
  set hash(value: unknown) {
    const record = recordOf(this, "hash");
    const text = toUSV(value);
    if (text === "") {
      record.fragment = null;
      return;
    }
    record.fragment = "";
    parse(text[0] === "#" ? text.slice(1) : text, undefined, record, State.Fragment);
  }
  toString() {
    return write(recordOf(this, "toString"));
  }
  toJSON() {
    return write(recordOf(this, "toJSON"));
  }
};
finishClass(URL, "URL", 1);
for (const name of ["canParse", "parse"]) Object.defineProperty(URL[name], "length", { value: 1, configurable: true });

/** Not when they are first asked for: a URL that the module code has made is frozen by then. */
function initialise(url: object, record: Record_): void {
  const params = Object.create(URLSearchParams.prototype);
  giveSlot(params, "URLSearchParams", { list: parseForm(record.query ?? ""), url: record });
  giveSlot(url, "URL", { record, params });
}

function hostOf({ host, port }: Record_): string {
  return host === null ? "" : port === null ? host : host + ":" + port;
}

/** Runs the parser on a copy, so that a failure changes nothing. */
function change(record: Record_, text: string, state: State): void {
  const copy: Record_ = Object.assign(emptyRecord(), record);
  // A port that begins with digits counts up to them; so does a host whose port is wrong.
  const result = parse(text, undefined, copy, state);
  if (result !== false || state === State.Host) Object.assign(record, { scheme: copy.scheme, host: copy.host, port: copy.port });
}

function updateParams({ record, params }: URLState): void {
  slotOf(params, "URLSearchParams", "search").list = parseForm(record.query ?? "");
}

interface ParamsState {
  list: Pair[];
  /** The record that its changes are written to. */
  url: Record_ | null;
}

const paramsOf = (params: unknown, member: string): ParamsState => slotOf(params, "URLSearchParams", "URLSearchParams.prototype." + member);

function update({ list, url }: ParamsState): void {
  if (url === null) return;
  const text = writeForm(list);
  url.query = text === "" ? null : text;
}

function required(count: number, least: number, member: string): void {
  if (count < least) throw new TypeError(`URLSearchParams.prototype.${member}: ${least} arguments are required, ${count} given`);
}

/** The pairs that the constructor takes: another's, a sequence of pairs, a record, or a text. */
function pairsOf(init: unknown): Pair[] {
  if (init === undefined) return [];
  if (!isObject(init)) {
    const text = toUSV(init);
    return parseForm(text[0] === "?" ? text.slice(1) : text);
  }
  const list: Pair[] = [];
  const method = (init as any)[Symbol.iterator];
  if (method !== undefined && method !== null) {
    if (typeof method !== "function") throw new TypeError("URLSearchParams: the argument is not iterable");
    for (const pair of init as Iterable<any>) {
      if (!isObject(pair) || typeof (pair as any)[Symbol.iterator] !== "function") throw new TypeError("URLSearchParams: each item must be a pair");
      const parts = Array.from(pair as Iterable<unknown>);
      if (parts.length !== 2) throw new TypeError("URLSearchParams: each item must be a pair of name and value");
      list.push([toUSV(parts[0]), toUSV(parts[1])]);
    }
    return list;
  }
  // A record: of two keys that become the same text the last one counts, at the place of the first.
  const source: any = init;
  const places: Record<string, number> = Object.create(null);
  for (const key of Reflect.ownKeys(source)) {
    if (!Object.getOwnPropertyDescriptor(source, key)?.enumerable) continue;
    if (typeof key === "symbol") throw new TypeError("URLSearchParams: a symbol is no name");
    const name = toUSV(key);
    const value = toUSV(source[key]);
    if (places[name] === undefined) places[name] = list.push([name, value]) - 1;
    else list[places[name]][1] = value;
  }
  return list;
}

const URLSearchParams: any = class {
  constructor(init?: unknown) {
    giveSlot(this, "URLSearchParams", { list: init === null ? parseForm("null") : pairsOf(init), url: null });
  }
  get size(): number {
    return paramsOf(this, "size").list.length;
  }
  append(name: unknown, value: unknown): void {
    const state = paramsOf(this, "append");
    required(arguments.length, 2, "append");
    state.list.push([toUSV(name), toUSV(value)]);
    update(state);
  }
  delete(name: unknown, value?: unknown): void {
    const state = paramsOf(this, "delete");
    required(arguments.length, 1, "delete");
    const [key, its] = [toUSV(name), value === undefined ? undefined : toUSV(value)];
    state.list = state.list.filter((pair) => pair[0] !== key || (its !== undefined && pair[1] !== its));
    update(state);
  }
  get(name: unknown): string | null {
    const { list } = paramsOf(this, "get");
    required(arguments.length, 1, "get");
    const key = toUSV(name);
    const found = list.find((pair) => pair[0] === key);
    return found === undefined ? null : found[1];
  }
  getAll(name: unknown): string[] {
    const { list } = paramsOf(this, "getAll");
    required(arguments.length, 1, "getAll");
    const key = toUSV(name);
    return list.filter((pair) => pair[0] === key).map((pair) => pair[1]);
  }
  has(name: unknown, value?: unknown): boolean {
    const { list } = paramsOf(this, "has");
    required(arguments.length, 1, "has");
    const [key, its] = [toUSV(name), value === undefined ? undefined : toUSV(value)];
    return list.some((pair) => pair[0] === key && (its === undefined || pair[1] === its));
  }
  set(name: unknown, value: unknown): void {
    const state = paramsOf(this, "set");
    required(arguments.length, 2, "set");
    const [key, its] = [toUSV(name), toUSV(value)];
    const first = state.list.find((pair) => pair[0] === key);
    if (first === undefined) state.list.push([key, its]);
    else {
      first[1] = its;
      state.list = state.list.filter((pair) => pair === first || pair[0] !== key);
    }
    update(state);
  }
  /** By code units, equal names in their order. */
  sort(): void {
    const state = paramsOf(this, "sort");
    state.list = state.list.map((pair, index) => ({ pair, index })).sort((a, b) => (a.pair[0] < b.pair[0] ? -1 : a.pair[0] > b.pair[0] ? 1 : a.index - b.index)).map(({ pair }) => pair);
    update(state);
  }
  forEach(callback: unknown, self?: unknown): void {
    const state = paramsOf(this, "forEach");
    if (typeof callback !== "function") throw new TypeError("URLSearchParams.prototype.forEach: the callback is no function");
    for (let i = 0; i < state.list.length; i++) apply(callback, self, [state.list[i][1], state.list[i][0], this]);
  }
  entries(): any {
    return iterate(this, "entries");
  }
  keys(): any {
    return iterate(this, "keys");
  }
  values(): any {
    return iterate(this, "values");
  }
  toString(): string {
    return writeForm(paramsOf(this, "toString").list);
  }
};
finishClass(URLSearchParams, "URLSearchParams", 0);
const lengths: Record<string, number> = { delete: 1, has: 1, forEach: 1 };
for (const name of Object.keys(lengths)) Object.defineProperty(URLSearchParams.prototype[name], "length", { value: lengths[name], configurable: true });
Object.defineProperty(URLSearchParams.prototype, Symbol.iterator, { value: URLSearchParams.prototype.entries, writable: true, enumerable: false, configurable: true });

const iteratorKind = "URLSearchParams Iterator";
const iteratorPrototype: any = Object.create(Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())));

function iterate(params: unknown, what: string): any {
  paramsOf(params, what);
  const iterator = Object.create(iteratorPrototype);
  giveSlot(iterator, iteratorKind, { params, what, index: 0 });
  return iterator;
}

const { next } = {
  /** It looks at the list as it is at each call. */
  next(this: unknown): any {
    const state = slotOf(this, iteratorKind, "next");
    const { list } = paramsOf(state.params, "entries");
    if (state.index >= list.length) return { value: undefined, done: true };
    const [name, value] = list[state.index++];
    return { value: state.what === "keys" ? name : state.what === "values" ? value : [name, value], done: false };
  },
};
Object.defineProperty(iteratorPrototype, "next", { value: next, writable: true, enumerable: true, configurable: true });
Object.defineProperty(iteratorPrototype, Symbol.toStringTag, { value: iteratorKind, configurable: true });

export default { globals: { URL, URLSearchParams }, hidden: { "%URLSearchParamsIteratorPrototype%": iteratorPrototype } };
