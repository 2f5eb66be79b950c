// The first cart: a list of items, given up when nothing happens for too long. What ../ecommerce has more of came with later versions.

import * as W from "kont";
import { versioned, type Self } from "../versioning/thread";

export const manifest = { outputTopics: ["upgrades", "carts"] };

export interface Customer {
  email: string;
  /** Milliseconds without a request until the cart is given up; a day if absent. */
  idleAfter?: number;
}

/** An event for the inbox `cart`, answered by a record on `carts`. */
export type Request = { action: "add" | "remove"; item: string } | { action: "query" | "checkout" };

export interface State {
  customer: Customer;
  items: string[];
}

const DAY = 24 * 60 * 60 * 1000;
const IDLE = Symbol("idle");

async function idle(self: Self<State>): Promise<typeof IDLE> {
  await self.sleep("idle", self.state.customer.idleAfter ?? DAY);
  return IDLE;
}

async function shop(self: Self<State>): Promise<object> {
  const { customer, items } = self.state;
  const requests = self.inbox<Request>("cart");
  for (;;) {
    const request = await Promise.race([requests.next(), idle(self)]);
    if (request === IDLE) return { status: "abandoned", email: customer.email, items };
    if (request?.action === "add") items.push(request.item);
    if (request?.action === "remove" && items.includes(request.item)) items.splice(items.indexOf(request.item), 1);
    W.outputJSON({ items }, "carts");
    if (request?.action === "checkout") return { status: "ordered", email: customer.email, items };
  }
}

export default versioned<Customer, State, object>({
  app: "shop",
  version: "1.0.0",
  start: (customer) => ({ customer, items: [] }),
  run: shop,
});
