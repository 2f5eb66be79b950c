import * as W from "kont";
import { z } from "zod/v3";
const Item = z.object({ sku: z.string().min(1), qty: z.number().int().positive() });
const Order = z.object({ id: z.string(), items: z.array(Item) });
export default async function main() {
  const Local = z.object({ n: z.number(), tag: z.string().transform((s) => s.toUpperCase()) });
  const v = await W.ref<number>("one");
  console.log(JSON.stringify([Local.parse({ n: v, tag: "x" }), Order.parse({ id: "1", items: [{ sku: "a", qty: v }] })]));
  const bad = Order.safeParse({});
  await W.ref("two");
  console.log(JSON.stringify(bad.error!.format()), bad.error instanceof z.ZodError);
  return 1;
}
