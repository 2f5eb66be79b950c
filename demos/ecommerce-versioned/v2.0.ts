// 2.0 has prices in the cart, which no cart of 1.x knows, and waits for the payment. Carts of 1.x end as they began.

import * as W from "kont";
import { versioned, type Self } from "../versioning/thread";

export const manifest = { outputTopics: ["upgrades", "carts", "payments"] };

interface Customer {
  email: string;
  /** Milliseconds without a request until the cart is given up; a day if absent. */
  idleAfter?: number;
}

/** An event for the inbox `cart`, answered by a record on `carts`. */
type Request = { action: "add"; item: string; price: number } | { action: "query" | "checkout" };

interface State {
  customer: Customer;
  lines: { item: string; price: number }[];
  isCheckedOut?: boolean;
}

const DAY = 24 * 60 * 60 * 1000;
const IDLE = Symbol("idle");

async function idle(self: Self<State>): Promise<typeof IDLE> {
  await self.sleep("idle", self.state.customer.idleAfter ?? DAY);
  return IDLE;
}

async function shop(self: Self<State>): Promise<object> {
  const { state } = self;
  const { customer, lines } = state;
  const requests = self.inbox<Request>("cart");
  while (!state.isCheckedOut) {
    const request = await Promise.race([requests.next(), idle(self)]);
    if (request === IDLE) return { status: "abandoned", email: customer.email, lines };
    if (request.action === "add") lines.push({ item: request.item, price: request.price });
    state.isCheckedOut = request.action === "checkout";
    W.outputJSON({ lines }, "carts");
  }
  const amount = lines.reduce((sum, { price }) => sum + price, 0);
  const receipt = await self.ask<string>("payment", ({ id: ref }) => W.outputJSON({ email: customer.email, amount, ref }, "payments"));
  return { status: "ordered", email: customer.email, lines, receipt };
}

export default versioned<Customer, State, object>({
  app: "shop",
  version: "2.0.0",
  start: (customer) => ({ customer, lines: [] }),
  run: shop,
});
