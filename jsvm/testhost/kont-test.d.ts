// Declarations of the module `kont/test`, which tests import that `kont test` runs. docs/testing-workflows.md tells how. All calls of a host are synchronous: a call
// returns when every step that it caused, directly or through records between threads, has run. Test bodies may still be async.

declare module "kont/test" {
  /** Registers a test. They run one after the other, in the order of the file; each has a time limit of its own. */
  export function test(name: string, body: () => void | Promise<void>): void;
  export namespace test {
    /** Only these of the file run. */
    function only(name: string, body: () => void | Promise<void>): void;
    function skip(name: string, body?: () => void | Promise<void>): void;
  }

  export interface WorkflowOptions {
    /**
     * How often a thread is written to bytes and goes on from them in another VM, as after a crash.
     * "await": before every promise job, which is at every await (the default; what lives across an await must be savable even if the await is over at once);
     * "step": between two steps; "never": between two steps too, since every host does so, but in the same VM.
     */
    restore?: "await" | "step" | "never";
    /** The resume topic; default "workflow-resume". */
    topic?: string;
    /** Virtual time at the start; default 2020-01-01T00:00:00Z. */
    now?: string | number | Date;
  }

  /**
   * Compiles the workflow at `path`, relative to the test's file, and gives it an empty host of its own, until the test is over; for the file, if it is called
   * outside of tests. A path that ends with .kont is a bundle of `kont build`.
   */
  export function workflow(path: string, options?: WorkflowOptions): Host;

  export interface Host {
    /** Deploys another bundle, or a newer one: on the same topic new threads take it and running threads stay on theirs; on another topic it is an application beside it. */
    deploy(path: string, options?: { topic?: string }): void;
    /** The thread with that key; it need not run. Of the application on `options.topic`, default the first. */
    thread(key: string, options?: { topic?: string }): Thread;
    /** Starts (`new:`) a thread with an argument (JSON; without one it is null), replacing one that runs, and returns it. */
    start(key: string, argument?: unknown, options?: { topic?: string }): Thread;
    /** Writes a record as any Kafka client would; an object is sent as its JSON text, and null is a record without a value. */
    send(topic: string, key: string, value: unknown): void;
    /** Lets virtual time pass: milliseconds or text such as "3 days", "1h 30m", "250ms". Due timers fire in due order; what they cause has run before the next fires. */
    advance(duration: number | string): void;
    /** Lets time pass until no timer is left (at most `limit` firings, default 10,000); returns how many fired. */
    settle(limit?: number): number;
    /** Virtual time in Unix milliseconds; `Date` in the workflow shows the same. */
    readonly now: number;
    /** All records written by workflows, in order, but for those on resume topics and the scheduler; of one topic if named. */
    records(topic?: string): Record[];
    /** Those that no earlier `take` has given, of one topic or of all: each record once. Takes of a thread know nothing of those of the host. */
    take(topic?: string): Record[];
    /** Timers that are set, the earliest first. */
    readonly timers: Timer[];
    /** Events that no step ran for, in order. */
    readonly unmatched: Unmatched[];
    /** What workflows wrote to the console. */
    readonly logs: { level: string; text: string; thread: string }[];
    /** Keys of the threads that run or are faulted, sorted. */
    readonly threads: string[];
  }

  export interface Thread {
    readonly key: string;
    /** "absent" before a start, "running", "ended" after a result or an error, "faulted". */
    readonly status: "absent" | "running" | "ended" | "faulted";
    start(argument?: unknown): this; // new:
    init(argument?: unknown): this; // init:
    /**
     * Fulfils a pending ref: its full id; or the name that `W.ref(name)` was given, if just one pending ref has it. A name that none or several have is an
     * error; an id of the form that `W.ref` makes is sent as it is, and the event is unmatched if it is not pending.
     */
    resume(ref: string, value?: unknown): this;
    /** Makes the await of a ref throw: JSON, so no Error. */
    reject(ref: string, error: unknown): this;
    /** Any event as text. */
    send(event: string): this;
    /** Ids of the pending refs, in the order of their making. */
    readonly refs: string[];
    /** Records with this thread's key (see Host.records). */
    records(topic?: string): Record[];
    take(topic?: string): Record[];
    /** The value on the result topic, parsed, of the last run; undefined if there is none (yet). */
    readonly result: any;
    /** The text on the error topic, parsed, of the last run; undefined if there is none. */
    readonly error: any;
    /** Of a faulted thread: message with the path and position, else undefined. A test that leaves a thread faulted fails, unless it has looked at this. */
    readonly fault: string | undefined;
    /** Runs the kept events of a faulted thread again. */
    retry(): this;
    /** Size of the stored continuation; 0 if there is none. */
    readonly bytes: number;
  }

  export interface Record {
    readonly topic: string;
    readonly key: string;
    /** As written. */
    readonly text: string;
    /** Parsed as JSON; the text itself if it is none. */
    readonly value: any;
    /** Virtual Unix milliseconds. */
    readonly time: number;
  }
  export interface Timer { readonly thread: string; readonly ref: string | undefined; readonly value: string; readonly due: number }
  export interface Unmatched { readonly thread: string; readonly event: string; readonly reason: string }

  export const assert: {
    /** Truthy. */
    (value: unknown, message?: string): asserts value;
    ok(value: unknown, message?: string): asserts value;
    /** Object.is for primitives and identity. */
    equal<T>(actual: T, expected: T, message?: string): void;
    notEqual(actual: unknown, expected: unknown, message?: string): void;
    /** Structure, prototypes, Map, Set, Date, -0 and NaN told apart; a diff on failure. */
    deepEqual<T>(actual: T, expected: T, message?: string): void;
    notDeepEqual(actual: unknown, expected: unknown, message?: string): void;
    /** Each property of expected, deeply; others may be there. Arrays have the same length. */
    matches(actual: unknown, expected: unknown, message?: string): void;
    match(text: string, pattern: RegExp, message?: string): void;
    /** Gives what was thrown. A pattern matches its message or its text (`TypeError: …`), a string is a part of one of them. */
    throws(body: () => unknown, expected?: RegExp | string, message?: string): unknown;
    rejects(body: () => PromiseLike<unknown>, expected?: RegExp | string, message?: string): Promise<unknown>;
    fail(message?: string): never;
    /** Compares with what an earlier run stored in FILE.test.snap beside the test; `kont test --update` writes it. A missing one fails in CI (CI=true), else is written. */
    snapshot(value: unknown, name?: string): void;
  };
}
