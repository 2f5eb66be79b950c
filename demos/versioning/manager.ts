// The upgrade manager of one application: it knows which threads run on which version, and tells them to hand off when there is a newer one.
//
// All that it hears comes to one inbox, also its own timers, and is handled to the end before the next: no two events ever meet half-way.

import * as W from "kont";
import { HAND_OFF, NEWS, type HandOffRequest, type News, type Policy } from "./messages";
import type { ReleaseJob } from "./release";
import { compare, isCompatible, isPatch } from "./semver";

interface Running {
  /** The version that it is on; undefined between "handed off" and "started". */
  version?: string;
  isParked?: boolean;
  /** The request that it has not answered. */
  request?: { number: number; to: string };
  /** For which version it was asked last: each is tried once. */
  triedFor?: string;
}

/** A version that is in use, or may not have been released. */
interface Known {
  threads: number;
  unusedSince: number;
  /** Where its release is: it waits, or it has been told to go ahead and the version has not been used since. */
  release?: "waiting" | "granted";
}

/** Runs for good. Its thread is named by the application's resume topic. */
export async function manage(): Promise<never> {
  const app = W.threadId;
  W.config.outputTopics.add(app);
  const news = W.inbox<News>(NEWS);
  const threads = new Map<string, Running>();
  /** Those that are to be asked. */
  const due = new Set<string>();
  const versions = new Map<string, Known>();
  let newest: string | undefined;
  let policy: Policy = { handOff: "minor", atOnce: 10, patience: 60_000, releaseAfter: 3_600_000 };
  let requests = 0;
  let asked = 0; // Invariant: the number of threads with a request.

  function known(version: string): Known {
    let found = versions.get(version);
    if (found === undefined) versions.set(version, (found = { threads: 0, unusedSince: Date.now() }));
    return found;
  }

  /** The version, which has new use: what has been cleaned up after it, or is being so, will have to be again. */
  function used(version: string): Known {
    const found = known(version);
    if (found.release === "granted") found.release = "waiting";
    return found;
  }

  /** Notes that a thread has come to be on a version, or on none. */
  function move(thread: Running, version: string | undefined) {
    if (thread.version !== undefined) {
      const old = known(thread.version);
      if (--old.threads === 0) old.unusedSince = Date.now();
    }
    thread.version = version;
    if (version !== undefined) used(version).threads++;
  }

  function overdueTimer(thread: string, request: number): string {
    const overdue: News = { is: "overdue", thread, request };
    return `${W.threadId}|${JSON.stringify({ ref: NEWS, value: overdue })}`;
  }

  function shouldHandOff({ version, isParked, triedFor }: Running): boolean {
    if (version === undefined || newest === undefined || triedFor === newest || !isCompatible(version, newest)) return false;
    if (isParked) return true;
    return compare(version, newest) < 0 && policy.handOff !== "none" && (policy.handOff === "patch" || !isPatch(version, newest));
  }

  /** Notes whether a thread is to be asked, after a change. */
  function consider(key: string, thread: Running) {
    if (thread.request === undefined && shouldHandOff(thread)) due.add(key);
    else due.delete(key);
  }

  function askSome() {
    for (const key of due) {
      if (asked >= policy.atOnce) return;
      due.delete(key);
      asked++;
      const thread = threads.get(key)!;
      thread.request = { number: ++requests, to: newest! };
      thread.triedFor = newest;
      const request: HandOffRequest = { to: newest! };
      W.outputJSON({ ref: HAND_OFF, value: request }, app, key);
      W.output(String(policy.patience), "workflow-scheduler", overdueTimer(key, requests));
    }
  }

  /** The thread has answered, or will not: another may be asked. */
  function isAnswered(key: string, thread: Running) {
    if (thread.request === undefined) return;
    W.output("0", "workflow-scheduler", overdueTimer(key, thread.request.number));
    thread.request = undefined;
    asked--;
  }

  function startReleases() {
    if (newest === undefined) return;
    for (const [version, found] of versions) {
      if (found.threads > 0 || version === newest || found.release !== undefined) continue;
      found.release = "waiting";
      const job: ReleaseJob = { do: "release", app, version };
      W.ensureThread(job, `${app}@${version}`);
    }
  }

  /** How long a release has to wait; 0 if it may go ahead, null if it is off. */
  function timeToRelease(version: string): number | null {
    const found = known(version);
    if (found.threads > 0 || version === newest) {
      found.release = undefined;
      return null;
    }
    const wait = Math.max(0, found.unusedSince + policy.releaseAfter - Date.now());
    if (wait === 0) found.release = "granted";
    return wait;
  }

  function publish(what: object) {
    W.outputJSON(what, "versions");
  }

  function handle(event: News) {
    switch (event.is) {
      case "deployed": {
        const { is, version, ...changes } = event;
        if (newest !== undefined) known(newest).unusedSince = Date.now(); // if it is unused
        newest = version;
        policy = { ...policy, ...changes };
        used(version);
        threads.forEach((thread, key) => {
          thread.triedFor = undefined;
          consider(key, thread);
        });
        publish(event);
        break;
      }
      case "started":
      case "parked": {
        const thread = threads.get(event.thread) ?? {};
        isAnswered(event.thread, thread);
        // A thread that is new under its key has not been asked yet.
        if (event.is === "started" && event.from === undefined) thread.triedFor = undefined;
        thread.isParked = event.is === "parked";
        move(thread, event.version);
        threads.set(event.thread, thread);
        consider(event.thread, thread);
        if (event.is === "parked" || event.from !== undefined) publish(event);
        break;
      }
      case "handed off": {
        const thread = threads.get(event.thread);
        if (!thread) break;
        move(thread, undefined);
        due.delete(event.thread);
        break;
      }
      case "refused": {
        const thread = threads.get(event.thread);
        if (thread?.request?.to === event.to) {
          isAnswered(event.thread, thread);
          consider(event.thread, thread);
        }
        publish(event);
        break;
      }
      case "ended": {
        const thread = threads.get(event.thread);
        if (!thread) break;
        isAnswered(event.thread, thread);
        move(thread, undefined);
        threads.delete(event.thread);
        due.delete(event.thread);
        break;
      }
      case "overdue": {
        const thread = threads.get(event.thread);
        if (thread?.request?.number !== event.request) break; // the answer and the timer came together
        isAnswered(event.thread, thread);
        consider(event.thread, thread);
        publish(event);
        break;
      }
      case "release wanted":
        W.outputJSON({ ref: event.ref, value: timeToRelease(event.version) }, "workflow-resume", event.thread);
        break;
      case "released": {
        const found = known(event.version);
        if (found.release === "granted") versions.delete(event.version);
        else found.release = undefined;
        publish(event);
        break;
      }
      default:
        throw `no news: ${JSON.stringify(event)}`;
    }
    askSome();
    startReleases();
  }

  for (;;) {
    try {
      handle(checked(await news.next()));
    } catch (error) {
      publish({ is: "not understood", reason: String(error) });
    }
  }
}

/** Throws if what anybody may have sent is no news. */
function checked(event: News): News {
  const { is, version } = event as { is?: string; version?: any };
  if (version !== undefined || is === "deployed") compare(version, version);
  if ((event.is === "started" || event.is === "parked") && typeof event.thread !== "string") throw `no thread: ${JSON.stringify(event)}`;
  if (event.is === "deployed") {
    const { atOnce = 1, patience = 1, releaseAfter = 1 } = event;
    if (![atOnce, patience, releaseAfter].every((n) => Number.isInteger(n) && n > 0)) throw `no policy: ${JSON.stringify(event)}`;
  }
  return event;
}
