// The messages that versions of a workflow, and what looks after them, send to each other. All are records; none is known to the server.

/** The argument of a start (`new:`, `init:`): what is to be run, in the words of the version that the client knows. */
export interface Start<Event> {
  version: string;
  event: Event;
}

/**
 * The argument of the start that a thread writes to its own key when it hands off. The newest bundle runs it and so takes the thread's place, under the same
 * key: clients, services and timers go on to address it as before.
 */
export interface HandOff<State> {
  version: string;
  state: State;
  /** Ids of the refs that the successor has to wait for, by their names: requests that are out, timers that are set. */
  refs: Record<string, string>;
  /** The inboxes, with the events that came to predecessors and have not been taken. */
  unread: Record<string, Received[]>;
}

/** What an event brought. */
export type Received = { value?: unknown; error?: undefined } | { error: unknown };

/** Asks a thread to hand off; an event for HAND_OFF. */
export interface HandOffRequest {
  /** The version that is newest now, as far as who asks knows. */
  to: string;
}

/** The inbox of each versioned thread for requests. */
export const HAND_OFF = "hand-off";

/** The inbox of a successor for what came to its predecessor in the last moment; see thread.ts. */
export const PASSED_ON = "passed on";

export interface PassedOn {
  /** The inbox that it was for. */
  inbox: string;
  event: Received;
}

/** The resume topic of the application that looks after versions: index.ts. Its threads are named by the resume topics of the applications that they look after. */
export const UPGRADES = "upgrades";

/** The upgrade manager's inbox. */
export const NEWS = "news";

/** What the manager is told. */
export type News =
  /** By a deployer: new threads run this version from now on. */
  | ({ is: "deployed"; version: string } & Partial<Policy>)
  /** By a thread: it runs, on `version`; it has taken over from one on `from`. */
  | { is: "started"; thread: string; version: string; from?: string }
  /** By a thread: it has written its HandOff. Until its successor says "started", nobody runs under that key. */
  | { is: "handed off"; thread: string; version: string; to: string }
  /** By a thread: it stays as it is. */
  | { is: "refused"; thread: string; version: string; to: string; reason: string }
  /** By a thread that cannot run what it was handed: it keeps it for a version that can. `version` is the one that wrote it. */
  | { is: "parked"; thread: string; version: string; by: string; reason: string }
  /** By a thread: it is over. */
  | { is: "ended"; thread: string; version: string }
  /** By a timer of the manager's: the request with that number has not been answered in time. */
  | { is: "overdue"; thread: string; request: number }
  /** By a delayed release: may it go ahead? The answer, to `ref`, is a number of milliseconds to wait before asking again; 0 for yes, null for never. */
  | { is: "release wanted"; version: string; thread: string; ref: string }
  /** By a delayed release: it has cleaned up. */
  | { is: "released"; version: string };

/** How an application is upgraded. */
export interface Policy {
  /** Which running threads are to hand off: those that differ in more than the patch (the default), all older ones, or none. Never across an incompatible version. */
  handOff: "minor" | "patch" | "none";
  /** How many threads may be at it at once; 10 if absent. */
  atOnce: number;
  /** Milliseconds until a thread that does not answer is left alone; a minute if absent. */
  patience: number;
  /** Milliseconds for which a version has to be out of use before it is released; an hour if absent. */
  releaseAfter: number;
}
