// How a thread receives events, in a way that another can go on with.

import * as W from "kont";
import { PASSED_ON, type PassedOn, type Received } from "./messages";

/** A receiver of many events with one id, like `W.inbox`, that can be handed on. */
export class Inbox<T> {
  readonly #box: W.Inbox<T>;
  readonly #caughtUp: Promise<void>;
  #isPassingOn = false;
  /** Events that came to predecessors and that nobody has taken. They are older than what comes here, and a successor gets them with the state. */
  readonly unread: Received[];

  constructor(id: string, unread: Received[], caughtUp: Promise<void>) {
    this.#box = W.inbox(id);
    this.#caughtUp = caughtUp;
    this.unread = unread;
  }

  /** The next event. */
  async next(): Promise<T> {
    await this.#caughtUp;
    const event = this.unread.shift() ?? (await received(this.#box.next()));
    if (this.#isPassingOn) {
      this.#pass(event);
      await forever();
    }
    if ("error" in event) throw event.error;
    return event.value as T;
  }

  /** From now on events go on to the successor, in their order, also those that have come and have not been taken. */
  async passOn(): Promise<never> {
    this.#isPassingOn = true;
    for (;;) this.#pass(await received(this.#box.next()));
  }

  #pass(event: Received) {
    const passedOn: PassedOn = { inbox: this.#box.id, event };
    W.outputJSON({ ref: PASSED_ON, value: passedOn }, "workflow-resume");
  }
}

/** Passes the event for a ref on, when it comes or if it has come already. */
export async function passOnReply(ref: W.Ref): Promise<void> {
  const event = await received(ref);
  W.outputJSON({ ref: ref.id, ...event }, "workflow-resume");
}

/** What an event brings. */
export async function received(event: PromiseLike<unknown>): Promise<Received> {
  try {
    return { value: await event };
  } catch (error) {
    if (error instanceof W.CancelToken) throw error;
    return { error };
  }
}

export function forever(): Promise<never> {
  return new Promise(() => {});
}
