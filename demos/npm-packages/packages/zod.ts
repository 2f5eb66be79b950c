import * as W from "kont";
import { z } from "zod";
const Item = z.object({ sku: z.string().min(1), qty: z.int().positive(), price: z.coerce.number().default(3) });
const Order = z.object({ id: z.uuid().or(z.string()), items: z.array(Item).min(1), kind: z.enum(["a", "b"]).optional(), when: z.iso.datetime().optional(),
  pay: z.discriminatedUnion("type", [z.object({ type: z.literal("card"), no: z.string() }), z.object({ type: z.literal("cash") })]) }).strict();
type Order = z.infer<typeof Order>;
const Tree: any = z.object({ name: z.string(), get children() { return z.array(Tree) } });
export default async function main() {
  const Local = z.object({ n: z.number(), tag: z.string().transform((s) => s.toUpperCase()), set: z.set(z.string()).optional(), m: z.map(z.string(), z.number()).optional() }).refine((v) => v.n > 0, "n must be positive");
  const before = Local.parse({ n: 1, tag: "x" });
  const v = await W.ref<number>("one");
  const order: Order = Order.parse({ id: "7", items: [{ sku: "a", qty: v }], pay: { type: "cash" } });
  const later = Local.safeParse({ n: v, tag: "late" });
  console.log(JSON.stringify([before, order, later]));
  const bad = Order.safeParse({ id: 7, items: [], pay: { type: "x" }, extra: 1 });
  await W.ref("two");
  console.log(bad.success, bad.error!.issues.length, JSON.stringify(z.flattenError(bad.error!)), bad.error instanceof z.ZodError);
  const neg = await Local.extend({ z: z.string().optional() }).safeParseAsync({ n: -1, tag: "x" }).catch((e) => String(e));
  console.log(JSON.stringify(neg));
  console.log(JSON.stringify(Tree.parse({ name: "a", children: [{ name: "b", children: [] }] })));
  const AsyncS = z.string().refine(async (s) => { const n = await W.ref<number>("check"); return n > 0; });
  console.log(await AsyncS.parseAsync("hello"));
  console.log(JSON.stringify(z.toJSONSchema(Item)), z.prettifyError(bad.error!));
  try { Order.parse({}) } catch (e) { await W.ref("three"); console.log((e as Error).name, e instanceof z.ZodError, (e as any).issues.length) }
  return order.items[0].qty;
}
