import * as W from "kont";
import * as v from "valibot";
const Item = v.object({ sku: v.pipe(v.string(), v.minLength(1)), qty: v.pipe(v.number(), v.integer()) });
export default async function main() {
  const Local = v.object({ list: v.array(Item), t: v.pipe(v.string(), v.transform((s) => s.length)) });
  const n = await W.ref<number>("one");
  const r = v.safeParse(Local, { list: [{ sku: "", qty: 1.5 }], t: "abc" });
  await W.ref("two");
  console.log(JSON.stringify(v.parse(Local, { list: [{ sku: "a", qty: n }], t: "abc" })), r.success, JSON.stringify(v.flatten(r.issues!)));
  try { v.parse(Local, 1) } catch (e) { await W.ref("x"); console.log(v.isValiError(e), String(e)) }
  return 1;
}
