import * as W from "kont";
import * as R from "ramda";
export default async function main() {
  const total = R.pipe(R.map((l: any) => l.n as number), R.sum);
  const lens = R.lensPath(["a", "b"]);
  const add = R.add(3);
  const n = await W.ref<number>("one");
  console.log(total([{ n: 1 }, { n }]), JSON.stringify(R.over(lens, R.inc, { a: { b: 1 } })), add(n), JSON.stringify(R.groupBy(R.prop("k") as any, [{ k: "x" }] as any)), R.equals(new Set([1]), new Set([1])));
  return 1;
}
