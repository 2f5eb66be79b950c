// 2.0 multiplies. There is no sense in which it could go on from a sum, so it has a major version of its own.

import { versioned, type Self } from "../thread";

export const manifest = { outputTopics: ["upgrades"] };

interface State {
  product: number;
}

async function multiply(self: Self<State>): Promise<number> {
  const numbers = self.inbox<number | "product">("numbers");
  for (;;) {
    const number = await numbers.next();
    if (number === "product") return self.state.product;
    self.state.product *= number;
  }
}

export default versioned<{ from?: number }, State, number>({
  app: "counters",
  version: "2.0.0",
  start: ({ from = 1 }) => ({ product: from }),
  run: multiply,
});
