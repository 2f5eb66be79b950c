import * as W from "kont";
import * as z from "zod/mini";
const Item = z.object({ sku: z.string().check(z.minLength(1)), qty: z.optional(z.number()) });
export default async function main() {
  const L = z.object({ a: z.array(Item) });
  await W.ref("one");
  console.log(JSON.stringify(L.parse({ a: [{ sku: "x" }] })), L.safeParse({}).success, Item.safeParse({}).success);
  return 1;
}
