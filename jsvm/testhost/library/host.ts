// Host, Thread and Record: thin objects over the Go side.

import { engine } from "./engine";
import type { RawRecord } from "./engine";
import { inline } from "./print";

function jsonOf(what: string, value: unknown): string {
  const text = JSON.stringify(value === undefined ? null : value);
  if (text === undefined) throw new TypeError(`${what}: ${inline(value)} has no JSON text`);
  return text;
}

function textOf(what: string, value: unknown): string {
  if (typeof value !== "string") throw new TypeError(`${what} is no text: ${inline(value)}`);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function recordOf(raw: RawRecord): object {
  return { topic: raw.topic, key: raw.key, text: raw.text, value: parsed(raw.text), time: raw.time };
}

function topicOf(options: any): string | undefined {
  return options === undefined || options === null ? undefined : options.topic;
}

/** Milliseconds of what `now` may be given as. */
function instant(now: unknown): number | undefined {
  if (now === undefined) return undefined;
  const milliseconds = now instanceof Date ? now.getTime() : typeof now === "string" ? new Date(now).getTime() : now;
  if (typeof milliseconds !== "number" || !Number.isSafeInteger(Math.trunc(milliseconds))) throw new TypeError(`workflow: now is no time: ${inline(now)}`);
  return Math.trunc(milliseconds);
}

class Host {
  readonly #id: number;
  constructor(id: number) {
    this.#id = id;
  }
  deploy(path: string, options?: any): void {
    engine.deploy(this.#id, textOf("deploy: the path", path), topicOf(options));
  }
  thread(key: string, options?: any): Thread {
    engine.checkTopic(this.#id, topicOf(options));
    return new Thread(this.#id, textOf("thread: the key", key), topicOf(options));
  }
  start(key: string, argument?: unknown, options?: any): Thread {
    return this.thread(key, options).start(argument);
  }
  send(topic: string, key: string, value: unknown): void {
    if (value === undefined) throw new TypeError("send: the value is undefined; null is a record without a value");
    engine.send(this.#id, textOf("send: the topic", topic), textOf("send: the key", key), value === null ? null : typeof value === "string" ? value : jsonOf("send", value));
  }
  advance(duration: number | string): void {
    engine.advance(this.#id, duration);
  }
  settle(limit: number = 10_000): number {
    return engine.settle(this.#id, limit);
  }
  get now(): number {
    return engine.now(this.#id);
  }
  records(topic?: string): object[] {
    return engine.records(this.#id, topic, undefined, false).map(recordOf);
  }
  take(topic?: string): object[] {
    return engine.records(this.#id, topic, undefined, true).map(recordOf);
  }
  get timers(): object[] {
    return engine.timers(this.#id);
  }
  get unmatched(): object[] {
    return engine.unmatched(this.#id);
  }
  get logs(): object[] {
    return engine.logs(this.#id);
  }
  get threads(): string[] {
    return engine.threads(this.#id);
  }
}

const freshId = /^\d+:(.*):\d+$/s;

class Thread {
  readonly #host: number;
  readonly #topic: string | undefined;
  readonly key: string;
  constructor(host: number, key: string, topic: string | undefined) {
    this.#host = host;
    this.#topic = topic;
    this.key = key;
  }
  get #state() {
    return engine.thread(this.#host, this.#topic, this.key);
  }
  get status(): string {
    return this.#state.status;
  }
  start(argument?: unknown): this {
    return this.send("new:" + jsonOf("start", argument));
  }
  init(argument?: unknown): this {
    return this.send("init:" + jsonOf("init", argument));
  }
  resume(ref: string, value?: unknown): this {
    const event: any = { ref: this.#id("resume", ref) };
    if (value !== undefined) event.value = value;
    jsonOf("resume", value);
    return this.send(JSON.stringify(event));
  }
  reject(ref: string, error: unknown): this {
    if (error instanceof Error) throw new TypeError("reject: an event carries JSON, and an Error has none; pass a text or a plain object");
    return this.send(`{"ref":${JSON.stringify(this.#id("reject", ref))},"error":${jsonOf("reject", error)}}`);
  }
  send(event: string): this {
    engine.event(this.#host, this.#topic, this.key, textOf("send: the event", event));
    return this;
  }
  /** The id that ref means: a name must be that of one pending ref. An id of the form that W.ref makes need not be pending. */
  #id(what: string, ref: string): string {
    const { refs, status } = this.#state;
    if (refs.includes(textOf(what + ": the ref", ref))) return ref;
    const named = refs.filter((id) => freshId.exec(id)?.[1] === ref);
    if (named.length === 1) return named[0];
    if (named.length > 1) throw new Error(`${what}: ${named.length} pending refs of thread ${JSON.stringify(this.key)} are named ${JSON.stringify(ref)}: ${named.join(", ")}; name one by its id`);
    if (freshId.test(ref)) return ref;
    const waits = refs.length > 0 ? "pending are " + refs.join(", ") : status === "running" ? "none is pending" : `the thread is ${status}`;
    throw new Error(`${what}: thread ${JSON.stringify(this.key)} has no pending ref ${JSON.stringify(ref)}: ${waits}`);
  }
  get refs(): string[] {
    return this.#state.refs;
  }
  records(topic?: string): object[] {
    return engine.records(this.#host, topic, this.key, false).map(recordOf);
  }
  take(topic?: string): object[] {
    return engine.records(this.#host, topic, this.key, true).map(recordOf);
  }
  get result(): any {
    const { result } = this.#state;
    return result === undefined ? undefined : parsed(result);
  }
  get error(): any {
    const { error } = this.#state;
    return error === undefined ? undefined : parsed(error);
  }
  get fault(): string | undefined {
    return engine.fault(this.#host, this.#topic, this.key);
  }
  retry(): this {
    engine.retry(this.#host, this.#topic, this.key);
    return this;
  }
  get bytes(): number {
    return this.#state.bytes;
  }
}

export function workflow(path: string, options: any = {}): Host {
  const { restore } = options;
  if (restore !== undefined && !["await", "step", "never"].includes(restore)) throw new TypeError(`workflow: restore is ${inline(restore)}; say "await", "step" or "never"`);
  return new Host(engine.open(textOf("workflow: the path", path), options.topic, restore, instant(options.now)));
}
