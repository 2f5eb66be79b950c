// A thread that can hand its work to a newer version of its workflow.
//
// A thread stays on the bundle that it was started with. To move, it starts itself anew: it writes `new:` with all that it is (a HandOff) to its own key, the
// newest bundle runs that, and the old thread is gone. Three things make it safe:
//
//   - the state is one JSON value, and the code can start from any such value: `ask` writes a request only if no predecessor has;
//   - events that lie in the topic before the `new:` still come to the predecessor, which passes them on, and the successor puts them in their order;
//   - a bundle that cannot run the state keeps all that belongs to it, and hands it off when it is asked again.

import * as W from "kont";
import { HAND_OFF, NEWS, PASSED_ON, UPGRADES, type HandOff, type HandOffRequest, type News, type PassedOn, type Received, type Start } from "./messages";
import { Inbox, forever, passOnReply, received } from "./receive";
import { isCompatible } from "./semver";

/** One version of a workflow. */
export interface Definition<Event, State, Result> {
  /** The resume topic that it is deployed on. */
  app: string;
  version: string;
  /** The state to begin with. Like every state, it is plain JSON. */
  start(event: Event): State;
  /** This version's state for that of an earlier, compatible one; the same if absent. A state that it throws for is not taken. */
  adopt?(state: any, version: string): State;
  /** Does the work, from any state on: whenever it waits, another `run` could go on from `self.state`. */
  run(self: Self<State>): Promise<Result>;
  /** Why the thread cannot hand off in this state; undefined if it can. */
  busy?(state: State): string | undefined;
}

/** The entry function of a version. */
export function versioned<Event, State, Result>({ app, version, start, adopt, run, busy }: Definition<Event, State, Result>) {
  function whyNot(to: string, state: State) {
    if (to === version) return "it is on that version";
    return whyIncompatible(version, to) ?? busy?.(state);
  }
  return async (argument: Start<Event> | HandOff<unknown>): Promise<Result> => {
    const from = argument.version;
    if (!("state" in argument)) {
      // Nothing has begun, so nothing is lost by an error record.
      const reason = whyIncompatible(from, version);
      if (reason !== undefined) throw new Error(reason);
      const self = new Self<State>(app, version, { state: start(argument.event), refs: {}, unread: {} });
      self.tell({ is: "started", thread: W.threadId, version });
      return self.live(run, whyNot);
    }
    let state: State;
    try {
      const reason = whyIncompatible(from, version);
      if (reason !== undefined) throw new Error(reason);
      state = adopt ? adopt(argument.state, from) : (argument.state as State);
    } catch (error) {
      const parked = new Self<unknown>(app, from, argument, true);
      parked.tell({ is: "parked", thread: W.threadId, version: from, by: version, reason: String(error) });
      return parked.live<Result>(forever, (to) => whyIncompatible(from, to));
    }
    const self = new Self<State>(app, version, { ...argument, state }, true);
    self.tell({ is: "started", thread: W.threadId, version, from });
    return self.live(run, whyNot);
  };
}

function whyIncompatible(from: string, to: string): string | undefined {
  return isCompatible(from, to) ? undefined : `version ${to} does not read what is for ${from}`;
}

/** Waits for an event that it writes itself, and so for all that lies before it in the topic. */
async function mark(): Promise<void> {
  const ref = W.ref("mark");
  W.outputJSON({ ref: ref.id }, "workflow-resume");
  await ref;
}

/** What a version's `run` works with. */
export class Self<State> {
  readonly state: State;
  readonly #app: string;
  readonly #version: string;
  readonly #refs = new Map<string, W.Ref<any>>();
  readonly #inboxes = new Map<string, Inbox<any>>();
  #hasHandedOff = false;
  #hasCaughtUp: boolean;
  /** Fulfilled when all that the predecessor has passed on is here. */
  readonly #caughtUp: Promise<void>;

  constructor(app: string, version: string, { state, refs, unread }: Omit<HandOff<State>, "version">, isSuccessor = false) {
    this.state = state;
    this.#app = app;
    this.#version = version;
    this.#hasCaughtUp = !isSuccessor;
    this.#caughtUp = isSuccessor ? this.#catchUp() : Promise.resolve();
    // All that may come is waited for from the first step on, whatever `run` does first.
    for (const [name, id] of Object.entries(refs)) this.#refs.set(name, W.refId(id));
    for (const [id, events] of Object.entries(unread)) this.#openInbox(id, events);
  }

  /**
   * The reply to a request. `request` writes it, once: a successor waits for the reply that its predecessor has asked for. `name` tells the thread's open
   * requests apart. `withdraw` is called if the wait is cancelled, as by `Promise.race`; a hand-off cancels nothing.
   */
  async ask<T>(name: string, request: (ref: W.Ref<T>) => void, withdraw?: (ref: W.Ref<T>) => void): Promise<T> {
    let ref: W.Ref<T> | undefined = this.#refs.get(name);
    if (ref === undefined) {
      ref = W.ref<T>(name);
      this.#refs.set(name, ref);
      request(ref);
    }
    try {
      return await this.#inTurn(ref);
    } catch (error) {
      if (error instanceof W.CancelToken) withdraw?.(ref);
      throw error;
    } finally {
      this.#refs.delete(name);
    }
  }

  /** `W.sleep` that sleeps on after a hand-off, until the same time. */
  sleep(name: string, milliseconds: number): Promise<void> {
    return this.ask<void>(
      name,
      (ref) => W.output(String(milliseconds), "workflow-scheduler", ref.key),
      (ref) => W.output("0", "workflow-scheduler", ref.key),
    );
  }

  /** `W.inbox` whose events go on to the successor. */
  inbox<T>(id: string): Inbox<T> {
    return this.#inboxes.get(id) ?? this.#openInbox(id, []);
  }

  #openInbox(id: string, unread: Received[]): Inbox<any> {
    const inbox = new Inbox<any>(id, unread, this.#caughtUp);
    this.#inboxes.set(id, inbox);
    return inbox;
  }

  /** The event for a ref. After a hand-off it is for the successor, and whoever waits for it here waits for ever. */
  async #inTurn<T>(ref: W.Ref<T>): Promise<T> {
    const event = await received(ref);
    if (!this.#hasCaughtUp) await this.#turn();
    if (this.#hasHandedOff) await forever();
    if ("error" in event) throw event.error;
    return event.value as T;
  }

  /** Events are handled a step each. Those that came while the successor waited for what was passed on have been held up, so each gets a step now. */
  async #turn(): Promise<void> {
    try {
      await this.#caughtUp;
      await mark();
    } catch (error) {
      // What has come has come: a branch that is cancelled meanwhile goes on with it, as it would with a ref.
      if (!(error instanceof W.CancelToken)) throw error;
    }
  }

  /** Tells the upgrade manager. */
  tell(news: News) {
    W.outputJSON({ ref: NEWS, value: news }, UPGRADES, this.#app);
  }

  /** Runs, and hands off when it is asked to, unless `whyNot` has a reason. */
  async live<Result>(run: (self: this) => Promise<Result>, whyNot: (to: string, state: State) => string | undefined): Promise<Result> {
    try {
      return await Promise.race([run(this), this.#obey(whyNot)]);
    } finally {
      this.tell({ is: "ended", thread: W.threadId, version: this.#version });
    }
  }

  async #obey(whyNot: (to: string, state: State) => string | undefined): Promise<never> {
    const requests = this.inbox<HandOffRequest>(HAND_OFF);
    let isAlone = this.#hasCaughtUp;
    for (;;) {
      let to = "";
      let reason: string | undefined;
      try {
        ({ to } = await requests.next());
        // A request that is here when a successor begins shares its step with what has been passed on.
        if (!isAlone) await mark();
        isAlone = true;
        reason = whyNot(to, this.state);
        if (reason === undefined) await this.#handOff(to);
      } catch (error) {
        // The work goes on, whatever somebody has sent.
        if (error instanceof W.CancelToken) throw error;
        reason = String(error);
      }
      this.tell({ is: "refused", thread: W.threadId, version: this.#version, to, reason: reason! });
    }
  }

  /** In a step in which nothing else happens: all waits, so the state is whole. */
  async #handOff(to: string): Promise<never> {
    const handOff: HandOff<State> = { version: this.#version, state: this.state, refs: {}, unread: {} };
    for (const [name, { id }] of this.#refs) handOff.refs[name] = id;
    for (const [id, inbox] of this.#inboxes) handOff.unread[id] = inbox.unread;
    W.output(`new:${JSON.stringify(handOff)}`, "workflow-resume");
    this.tell({ is: "handed off", thread: W.threadId, version: this.#version, to });
    this.#hasHandedOff = true;
    // The `new:` may lie behind other events in the topic. Those still come here.
    for (const ref of this.#refs.values()) void passOnReply(ref);
    for (const inbox of this.#inboxes.values()) void inbox.passOn();
    return forever();
  }

  /**
   * What the predecessor passed on, it wrote before this thread's first step. So it lies before what this step writes: when that comes back, all is here, and
   * what has come directly meanwhile is later.
   */
  async #catchUp(): Promise<void> {
    const passedOn = W.inbox<PassedOn>(PASSED_ON);
    await mark();
    while (passedOn.size > 0) {
      const { inbox, event } = await passedOn.next();
      this.#inboxes.get(inbox)!.unread.push(event);
    }
    passedOn.close();
    this.#hasCaughtUp = true;
  }
}
