// Most of what a host has to do with: requests, replies, a timeout, cancellation, an error, logs.
import * as W from "kont";

export const manifest = { outputTopics: ["requests"] };

export const prices = { car: 30, hotel: 50 };

async function book(kind: string) {
  const reply = W.ref<{ price: number }>(kind);
  W.outputJSON({ kind, ref: reply.id }, "requests");
  const { price } = await reply;
  console.log(`${kind} for ${price}`);
  return price;
}

async function timeout(milliseconds: number) {
  await W.sleep(milliseconds);
  throw new Error("too late");
}

export default async function main(argument: string[] | null) {
  const kinds = argument ?? Object.keys(prices);
  const [total] = await Promise.race([Promise.all([Promise.all(kinds.map(book)).then((all) => all.reduce((a, b) => a + b, 0))]), timeout(60_000)]) as number[];
  return { total, at: new Date().toISOString() };
}
