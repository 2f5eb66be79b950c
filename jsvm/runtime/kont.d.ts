// Declarations of the module `kont`, for editors and tsc. docs/javascript.md says how workflows behave.
//
// In tsconfig.json: { "compilerOptions": { "lib": ["esnext"], "types": [], "paths": { "kont": ["./kont.d.ts"] } } }

declare module "kont" {
  /** A durable wait: a promise that an event on `workflow-resume` settles. Pending from the moment that it is made. */
  export class Suspension<T = unknown> extends globalThis.Promise<T> {
    /** The id that an event names: `{"ref": id, "value": …}` or `{"ref": id, "error": …}`. */
    readonly id: string;
    constructor(id?: string);
  }

  export class Ref<T = unknown> extends Suspension<T> {
    /** `<thread id>|{"ref":"<id>"}`: a record with this key on `workflow-scheduler`, and a delay in milliseconds as its value, fulfils the ref after that delay. */
    readonly key: string;
    constructor(id?: string, key?: string);
  }

  /** A ref with a fresh id, `<stepId>:<name>:<n>`. */
  export function ref<T = unknown>(name?: string): Ref<T>;
  /** A ref with an id of your own, unique among the thread's pending refs. */
  export function refId<T = unknown>(id: string, key?: string): Ref<T>;
  export function suspend<T = unknown>(id?: string): Suspension<T>;
  export function wait<T>(thenable: PromiseLike<T> | T): globalThis.Promise<T>;

  /** A durable timer. It is stopped when the branch that it belongs to is cancelled. At most 2^53 - 1 milliseconds, rounded up; at least 1. */
  export function sleep(milliseconds: number): Ref<void>;

  /**
   * Names the resume point of the await or yield right before it: `await W.label("paid", charge())` is `await charge()`, at a place
   * that a suspended thread is found again by when the source around it changes. The name is a text in quotes, once in a function.
   */
  export function label<T>(name: string, value: T): T;

  /** A buffered receiver of many events with one id: from the moment that it is made none is lost. One per id and thread. */
  export function inbox<T = unknown>(id: string): Inbox<T>;
  export interface Inbox<T> extends AsyncIterable<T> {
    readonly id: string;
    readonly key: string;
    /** How many events can be taken without waiting. */
    readonly size: number;
    /** The next event. An error event rejects. */
    next(): globalThis.Promise<T>;
    /** Ends receiving: later events are unmatched. */
    close(): void;
  }

  /** Queues a record. The topic must be in the exported `manifest.outputTopics`, or in `config.outputTopics`. The key is the thread's id if none is given. */
  export function output(value: string, topic: string, key?: string): void;
  /** The same with `JSON.stringify(value)`. */
  export function outputJSON(value: unknown, topic: string, key?: string): void;
  /** Starts the thread `key` with the argument `value`, unless it runs. */
  export function ensureThread(value: unknown, key: string): void;

  /** The error thrown into the awaits of a cancelled branch. */
  export class CancelToken extends Error {
    readonly name: "CancelToken";
    readonly cause?: unknown;
  }
  export class CancellationScope {
    /** A child of `parent`; of the current scope if none is given; of none if it is null. */
    constructor(parent?: CancellationScope | null);
    readonly cancelled: boolean;
  }
  export function currentCancellationScope(): CancellationScope | undefined;
  /** Calls `fn` in `scope`; with `undefined`, what `fn` starts is shielded from cancellation. */
  export function withCancellationScope<T>(scope: CancellationScope | undefined, fn: () => T): T;
  /** Throws a CancelToken at the awaits where what runs in `scope` and its children is blocked. The reason, if there is one, is its `cause`. */
  export function cancelScope(scope: CancellationScope, reason?: unknown): void;
  /** A signal that is aborted when `scope` is cancelled; without one, when the running branch is. Its reason is the CancelToken. */
  export function abortSignal(scope?: CancellationScope): AbortSignal;
  /** Cancels `scope`, or the current scope if none is given, when `signal` is aborted. The signal's reason is the `cause` of the CancelToken. */
  export function cancelOnAbort(signal: AbortSignal, scope?: CancellationScope): void;
  export function addCanceler(canceler: (token: CancelToken) => void): void;
  export function removeCanceler(canceler: (token: CancelToken) => void): void;

  /** The key of this run of the workflow. */
  export const threadId: string;
  /** Decimal text; unique, and increasing within a thread. */
  export const stepId: string;
  export const config: {
    outputTopics: Set<string>;
    /** Default `workflow-result`. */
    resultTopic: string;
    /** Default `workflow-error`. */
    errorTopic: string;
  };
  /** The workflow Promise; also the global one. */
  export const Promise: PromiseConstructor;
}

declare module "@effectful/kafka-workflow-rt" {
  export * from "kont";
}

interface Console {
  assert(condition?: unknown, ...data: unknown[]): void;
  clear(): void;
  /** Counters, timers and groups belong to the thread and are kept with it. */
  count(label?: string): void;
  countReset(label?: string): void;
  debug(...data: unknown[]): void;
  dir(item?: unknown, options?: unknown): void;
  error(...data: unknown[]): void;
  group(...data: unknown[]): void;
  groupCollapsed(...data: unknown[]): void;
  groupEnd(): void;
  info(...data: unknown[]): void;
  log(...data: unknown[]): void;
  table(data?: unknown, columns?: string[]): void;
  time(label?: string): void;
  timeEnd(label?: string): void;
  timeLog(label?: string, ...data: unknown[]): void;
  trace(...data: unknown[]): void;
  warn(...data: unknown[]): void;
}
declare var console: Console;
declare function queueMicrotask(callback: () => void): void;
declare var crypto: typeof globalThis extends { onmessage: any; crypto: infer T } ? T : { randomUUID(): `${string}-${string}-${string}-${string}-${string}`; getRandomValues<T extends ArrayBufferView>(array: T): T };

// What browsers and Node.js have and the language has not. If the library "dom" is there too, its declarations count.

declare function structuredClone<T>(value: T, options?: { transfer?: readonly ArrayBuffer[] }): T;
declare function atob(data: string): string;
declare function btoa(data: string): string;

interface DOMException extends Error {
  readonly code: number;
}
declare var DOMException: typeof globalThis extends { onmessage: any; DOMException: infer T } ? T : { prototype: DOMException; new (message?: string, name?: string): DOMException };

interface EventInit {
  bubbles?: boolean;
  cancelable?: boolean;
  composed?: boolean;
}
interface Event {
  readonly type: string;
  readonly target: EventTarget | null;
  readonly currentTarget: EventTarget | null;
  readonly bubbles: boolean;
  readonly cancelable: boolean;
  readonly composed: boolean;
  readonly defaultPrevented: boolean;
  readonly eventPhase: number;
  readonly isTrusted: boolean;
  readonly timeStamp: number;
  composedPath(): EventTarget[];
  preventDefault(): void;
  stopImmediatePropagation(): void;
  stopPropagation(): void;
}
declare var Event: typeof globalThis extends { onmessage: any; Event: infer T } ? T : { prototype: Event; new (type: string, options?: EventInit): Event };
interface CustomEventInit<T = any> extends EventInit {
  detail?: T;
}
interface CustomEvent<T = any> extends Event {
  readonly detail: T;
}
declare var CustomEvent: typeof globalThis extends { onmessage: any; CustomEvent: infer T }
  ? T
  : { prototype: CustomEvent; new <T>(type: string, options?: CustomEventInit<T>): CustomEvent<T> };
interface EventListenerObject {
  handleEvent(event: Event): void;
}
interface EventListenerOptions {
  capture?: boolean;
}
interface AddEventListenerOptions extends EventListenerOptions {
  once?: boolean;
  passive?: boolean;
  signal?: AbortSignal;
}
interface EventTarget {
  addEventListener(type: string, listener: ((event: Event) => void) | EventListenerObject | null, options?: AddEventListenerOptions | boolean): void;
  removeEventListener(type: string, listener: ((event: Event) => void) | EventListenerObject | null, options?: EventListenerOptions | boolean): void;
  dispatchEvent(event: Event): boolean;
}
declare var EventTarget: typeof globalThis extends { onmessage: any; EventTarget: infer T } ? T : { prototype: EventTarget; new (): EventTarget };

interface AbortSignal extends EventTarget {
  readonly aborted: boolean;
  readonly reason: any;
  onabort: ((this: AbortSignal, event: Event) => any) | null;
  throwIfAborted(): void;
}
declare var AbortSignal: typeof globalThis extends { onmessage: any; AbortSignal: infer T }
  ? T
  : {
      prototype: AbortSignal;
      abort(reason?: any): AbortSignal;
      any(signals: Iterable<AbortSignal>): AbortSignal;
      /** A durable timer, like `W.sleep`. It does not keep the thread alive. */
      timeout(milliseconds: number): AbortSignal;
    };
interface AbortController {
  readonly signal: AbortSignal;
  abort(reason?: any): void;
}
declare var AbortController: typeof globalThis extends { onmessage: any; AbortController: infer T } ? T : { prototype: AbortController; new (): AbortController };

interface URLSearchParams extends Iterable<[string, string]> {
  readonly size: number;
  append(name: string, value: string): void;
  delete(name: string, value?: string): void;
  entries(): IterableIterator<[string, string]>;
  forEach(callback: (value: string, name: string, params: URLSearchParams) => void, self?: any): void;
  get(name: string): string | null;
  getAll(name: string): string[];
  has(name: string, value?: string): boolean;
  keys(): IterableIterator<string>;
  set(name: string, value: string): void;
  sort(): void;
  toString(): string;
  values(): IterableIterator<string>;
}
declare var URLSearchParams: typeof globalThis extends { onmessage: any; URLSearchParams: infer T }
  ? T
  : { prototype: URLSearchParams; new (init?: Iterable<[string, string]> | Record<string, string> | string | URLSearchParams): URLSearchParams };
interface URL {
  hash: string;
  host: string;
  hostname: string;
  href: string;
  readonly origin: string;
  password: string;
  pathname: string;
  port: string;
  protocol: string;
  search: string;
  readonly searchParams: URLSearchParams;
  username: string;
  toJSON(): string;
  toString(): string;
}
declare var URL: typeof globalThis extends { onmessage: any; URL: infer T }
  ? T
  : { prototype: URL; new (url: string | URL, base?: string | URL): URL; canParse(url: string | URL, base?: string | URL): boolean; parse(url: string | URL, base?: string | URL): URL | null };

interface TextEncoder {
  readonly encoding: string;
  encode(input?: string): Uint8Array;
  encodeInto(source: string, destination: Uint8Array): { read: number; written: number };
}
declare var TextEncoder: typeof globalThis extends { onmessage: any; TextEncoder: infer T } ? T : { prototype: TextEncoder; new (): TextEncoder };
interface TextDecoder {
  readonly encoding: string;
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  decode(input?: ArrayBuffer | ArrayBufferView, options?: { stream?: boolean }): string;
}
declare var TextDecoder: typeof globalThis extends { onmessage: any; TextDecoder: infer T }
  ? T
  : {
      prototype: TextDecoder;
      /** utf-8, utf-16le, utf-16be and windows-1252, which is also called latin1 and ascii. */
      new (label?: string, options?: { fatal?: boolean; ignoreBOM?: boolean }): TextDecoder;
    };
