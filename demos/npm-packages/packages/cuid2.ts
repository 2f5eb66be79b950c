import * as W from "kont";
import { createId } from "@paralleldrive/cuid2";
export default async function main() {
  const c = createId();
  await W.ref<number>("one");
  console.log(c.length, createId() !== c);
  return 1;
}
