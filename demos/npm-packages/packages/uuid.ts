import * as W from "kont";
import { v1, v4, v5, v6, v7, validate, parse, stringify, NIL } from "uuid";
export default async function main() {
  const a = v4(), b = v7(), c = v1(), d = v6();
  await W.ref("one");
  const ids = [a, b, c, d, v4(), v7(), v1(), v6()];
  console.log(ids.every(validate), new Set(ids).size, v5("x", v5.DNS), stringify(parse(a)) === a, v7() > b, c === c, NIL);
  return 1;
}
