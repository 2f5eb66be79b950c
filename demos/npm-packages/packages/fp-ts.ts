import * as W from "kont";
import { pipe } from "fp-ts/function";
import * as O from "fp-ts/Option";
import * as E from "fp-ts/Either";
import * as TE from "fp-ts/TaskEither";
import * as A from "fp-ts/Array";
import * as t from "io-ts";
const User = t.type({ name: t.string, age: t.number });
export default async function main() {
  const o = O.some(3), e = E.left("no");
  const task = pipe(TE.tryCatch(async () => W.ref<number>("inner"), String), TE.map((n) => n + 1), TE.chain((n) => n > 3 ? TE.right(n) : TE.left("small")));
  const Local = t.type({ u: User, tags: t.array(t.string) });
  const n = await W.ref<number>("one");
  console.log(pipe(o, O.map((x) => x + n), O.getOrElse(() => 0)), E.isLeft(e), JSON.stringify(await task()), JSON.stringify(pipe([1, 2], A.map((x) => x * 2))));
  console.log(JSON.stringify(E.isRight(Local.decode({ u: { name: "a", age: n }, tags: [] }))), User.is({}), User.name);
  return 1;
}
