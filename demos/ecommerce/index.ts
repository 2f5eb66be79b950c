// A cart that lives until its customer checks out, or has been gone for too long.
//
// Requests come to one inbox. Each wait for the next one is a race with a timer: a request stops the timer, and the next wait sets another.

import * as W from "kont";
import { Cart, type Contents } from "./cart";

export const manifest = { outputTopics: ["carts", "emails"] };

/** Starts a cart. */
export interface Customer {
  email?: string;
  /** Milliseconds without a request until the customer is reminded; a day if absent. */
  remindAfter?: number;
  /** Milliseconds from then on until the cart is given up; three days if absent. */
  abandonAfter?: number;
}

/** An event for the inbox `cart`, answered by a record on `carts`. */
export type Request = {
  /** Repeated in the answer, for whoever has asked. */
  id?: string;
} & (
  | { action: "add" | "remove"; item: string; /** One if absent. */ quantity?: number }
  | { action: "email"; email: string }
  | { action: "query" }
  | { action: "checkout" }
);

/** A record on `carts`: what the cart holds now, or why it has not changed. */
export type Answer = { id?: string } & (Contents | { error: string });

/** A record on `emails`. */
export interface Reminder extends Contents {
  template: "reminder";
}

/** The result of the thread. */
export interface Outcome extends Contents {
  status: "ordered" | "abandoned";
}

const DAY = 24 * 60 * 60 * 1000;
const IDLE = Symbol("idle");

export default async function shop({ email, remindAfter = DAY, abandonAfter = 3 * DAY }: Customer): Promise<Outcome> {
  const cart = new Cart({ email });
  const requests = W.inbox<Request>("cart");
  let isReminded = false;
  for (;;) {
    const request = await Promise.race([requests.next(), idle(isReminded ? abandonAfter : remindAfter)]);
    if (request !== IDLE) {
      isReminded = false;
      if (handle(request, cart)) return { status: "ordered", ...cart.contents };
    } else if (isReminded) {
      return { status: "abandoned", ...cart.contents };
    } else {
      isReminded = true;
      remind(cart);
    }
  }
}

async function idle(milliseconds: number): Promise<typeof IDLE> {
  await W.sleep(milliseconds);
  return IDLE;
}

/** Carries out a request and answers it. Says whether the cart has become an order. */
function handle(request: Request, cart: Cart): boolean {
  const { id } = request ?? {};
  try {
    apply(request, cart);
  } catch (error) {
    answer({ id, error: (error as Error).message });
    return false;
  }
  answer({ id, ...cart.contents });
  return request.action === "checkout";
}

function apply(request: Request, cart: Cart) {
  switch (request?.action) {
    case "add":
      return cart.add(request.item, request.quantity);
    case "remove":
      return cart.remove(request.item, request.quantity);
    case "email":
      return cart.changeEmail(request.email);
    case "checkout":
      return cart.checkOut();
    case "query":
      return;
    default:
      throw new Error(`a cart can't do ${JSON.stringify(request)}`);
  }
}

function answer(record: Answer) {
  W.outputJSON(record, "carts");
}

/** There is nobody to remind without an address, and nothing to remind of in an empty cart. */
function remind({ contents, isEmpty, email }: Cart) {
  if (email === undefined || isEmpty) return;
  const reminder: Reminder = { template: "reminder", ...contents };
  W.outputJSON(reminder, "emails");
}
