import * as W from "kont";
import * as R from "remeda";
import * as S from "superstruct";
import { monotonicFactory, ulid } from "ulid";
const Line = S.object({ sku: S.string(), qty: S.min(S.number(), 1) });
export default async function main() {
  const L = S.object({ l: Line }), id = ulid(), next = monotonicFactory(), m = next(1);
  const n = await W.ref<number>("one");
  console.log(S.is({ l: { sku: "a", qty: n } }, L), String(S.validate({}, L)[0]), id.length, next(1) > m, JSON.stringify(R.pipe([1, 2, 3], R.map((x) => x * n), R.take(2))));
  return 1;
}
