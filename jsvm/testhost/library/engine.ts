// The Go side: see library.go. A host is named by a number. Functions throw an Error where something is wrong.

export interface RawRecord {
  topic: string;
  key: string;
  text: string;
  time: number;
}

export interface ThreadState {
  status: "absent" | "running" | "ended" | "faulted";
  refs: string[];
  result: string | undefined;
  error: string | undefined;
  bytes: number;
}

export interface Engine {
  isLoading(): boolean;
  open(path: string, topic: string | undefined, restore: string | undefined, now: number | undefined): number;
  deploy(host: number, path: string, topic: string | undefined): void;
  send(host: number, topic: string, key: string, value: string | null): void;
  event(host: number, topic: string | undefined, key: string, value: string): void;
  advance(host: number, duration: number | string): void;
  settle(host: number, limit: number): number;
  now(host: number): number;
  /** All, or those of a topic, a key; with take: those that no earlier take has given. */
  records(host: number, topic: string | undefined, key: string | undefined, take: boolean): RawRecord[];
  timers(host: number): any[];
  unmatched(host: number): any[];
  logs(host: number): any[];
  threads(host: number): string[];
  checkTopic(host: number, topic: string | undefined): void;
  thread(host: number, topic: string | undefined, key: string): ThreadState;
  fault(host: number, topic: string | undefined, key: string): string | undefined;
  retry(host: number, topic: string | undefined, key: string): void;
  /** A text of the differences of two lists of lines. */
  diff(actual: string[], actualPaths: string[], expected: string[], expectedPaths: string[]): string;
  /** What is stored under the name, if it is another text. */
  snapshot(name: string | undefined, text: string): string | undefined;
}

declare const engineOfTheHost: Engine;
export const engine: Engine = engineOfTheHost;
