import * as W from "kont";
import { Type } from "@sinclair/typebox";
import { Value } from "@sinclair/typebox/value";
const T = Type.Object({ a: Type.Number({ minimum: 1 }) });
export default async function main() {
  const L = Type.Object({ t: Type.Array(T) });
  const n = await W.ref<number>("one");
  console.log(Value.Check(L, { t: [{ a: n }] }), JSON.stringify([...Value.Errors(L, { t: [{ a: 0 }] })].map((e) => e.message)));
  return 1;
}
