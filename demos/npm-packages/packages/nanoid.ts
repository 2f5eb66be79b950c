import * as W from "kont";
import { nanoid, customAlphabet } from "nanoid";
const short = customAlphabet("abcdef", 5);
export default async function main() {
  const a = nanoid(), mine = customAlphabet("0123", 8);
  await W.ref("one");
  console.log(a.length, nanoid() !== a, short().length, mine().length, nanoid(10).length);
  return 1;
}
