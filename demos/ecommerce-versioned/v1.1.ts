// 1.1 counts items, and reminds the customer before it gives a cart up. The items of carts of 1.0 are counted when they are handed over.
//
// The timer is called "idle" in both versions, so one that 1.0 has set goes on: when it fires, the customer is reminded.

import * as W from "kont";
import { versioned, type Definition, type Self } from "../versioning/thread";
import type { State as State10 } from "./v1.0";

export const manifest = { outputTopics: ["upgrades", "carts", "emails"] };

export interface Customer {
  email: string;
  /** Milliseconds without a request until the customer is reminded, and again until the cart is given up; a day if absent. */
  idleAfter?: number;
}

/** An event for the inbox `cart`, answered by a record on `carts`. Requests of clients that know 1.0 alone are among them. */
export type Request = { action: "add" | "remove"; item: string; /** One if absent. */ quantity?: number } | { action: "query" | "checkout" };

export interface State {
  customer: Customer;
  quantities: { [item: string]: number };
  isReminded: boolean;
}

const DAY = 24 * 60 * 60 * 1000;
const IDLE = Symbol("idle");

async function idle(self: Self<State>): Promise<typeof IDLE> {
  await self.sleep("idle", self.state.customer.idleAfter ?? DAY);
  return IDLE;
}

/** Changes the quantities as a request wants. What it throws is the answer. */
export function change(quantities: State["quantities"], request: Request) {
  if (request.action !== "add" && request.action !== "remove") return;
  const { action, item, quantity = 1 } = request;
  quantities[item] = (quantities[item] ?? 0) + (action === "add" ? quantity : -quantity);
  if (quantities[item] === 0) delete quantities[item];
}

/** `run` of each 1.1.x, which differ in `apply`. */
export async function shop(self: Self<State>, apply = change): Promise<object> {
  const { state } = self;
  const { email } = state.customer;
  const requests = self.inbox<Request>("cart");
  for (;;) {
    const request = await Promise.race([requests.next(), idle(self)]);
    const { quantities } = state;
    if (request !== IDLE) {
      state.isReminded = false;
      try {
        apply(quantities, request);
        W.outputJSON({ quantities }, "carts");
      } catch (error) {
        W.outputJSON({ quantities, error }, "carts");
      }
      if (request.action === "checkout") return { status: "ordered", email, quantities };
    } else if (!state.isReminded) {
      state.isReminded = true;
      W.outputJSON({ template: "reminder", email, quantities }, "emails");
    } else {
      return { status: "abandoned", email, quantities };
    }
  }
}

/** The quantities of the items of a cart of 1.0. */
function counted(items: string[]): State["quantities"] {
  const quantities: State["quantities"] = {};
  for (const item of items) quantities[item] = (quantities[item] ?? 0) + 1;
  return quantities;
}

export const definition: Definition<Customer, State, object> = {
  app: "shop",
  version: "1.1.0",
  start: (customer) => ({ customer, quantities: {}, isReminded: false }),
  adopt: (state: State10 | State) => ("items" in state ? { customer: state.customer, quantities: counted(state.items), isReminded: false } : state),
  run: (self) => shop(self),
};

export default versioned(definition);
