import * as W from "kont";
import { err, ok, type Result, ResultAsync } from "neverthrow";
import { match, P } from "ts-pattern";
export default async function main() {
  const r: Result<number, string> = ok(3), bad = err("x");
  const ra = ResultAsync.fromPromise(W.ref<number>("inner") as any as Promise<number>, String).map((x) => x + 1);
  const n = await W.ref<number>("one");
  console.log(r.map((x) => x + n).unwrapOr(0), bad.isErr(), JSON.stringify(await ra));
  console.log(match({ t: "a", n } as any).with({ t: "a", n: P.number }, (v) => "A" + v.n).otherwise(() => "none"));
  return 1;
}
