// Declarations of the module `kont`, for editors and tsc. docs/javascript.md says how workflows behave.
//
// In tsconfig.json: { "compilerOptions": { "lib": ["es2023", "esnext.disposable"], "types": [], "paths": { "kont": ["./kont.d.ts"] } } }

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
  }
  export class CancellationScope {
    /** A child of `parent`; of the current scope if none is given; of none if it is null. */
    constructor(parent?: CancellationScope | null);
    readonly cancelled: boolean;
  }
  export function currentCancellationScope(): CancellationScope | undefined;
  /** Calls `fn` in `scope`; with `undefined`, what `fn` starts is shielded from cancellation. */
  export function withCancellationScope<T>(scope: CancellationScope | undefined, fn: () => T): T;
  /** Throws a CancelToken at the awaits where what runs in `scope` and its children is blocked. */
  export function cancelScope(scope: CancellationScope): void;
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
  debug(...data: unknown[]): void;
  error(...data: unknown[]): void;
  info(...data: unknown[]): void;
  log(...data: unknown[]): void;
  warn(...data: unknown[]): void;
}
declare var console: Console;
declare function queueMicrotask(callback: () => void): void;
declare function structuredClone<T>(value: T): T;
declare var crypto: { randomUUID(): `${string}-${string}-${string}-${string}-${string}`; getRandomValues<T extends ArrayBufferView>(array: T): T };
