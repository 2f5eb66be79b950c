import * as W from "kont";
import { Effect, Option, pipe } from "effect";
export default async function main() {
  const program = Effect.gen(function* () { const n = yield* Effect.promise(() => W.ref<number>("inner") as any as Promise<number>); return n + 1; });
  const o = Option.some(3);
  const n = await W.ref<number>("one");
  console.log(pipe(o, Option.map((x) => x + n), Option.getOrElse(() => 0)), Effect.runSync(Effect.succeed(5).pipe(Effect.map((x) => x * 2))));
  console.log(await Effect.runPromise(program));
  return 1;
}
