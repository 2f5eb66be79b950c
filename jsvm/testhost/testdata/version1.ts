import * as W from "kont";
export const manifest = { outputTopics: ["said"] };
export default async function main() {
  for (;;) {
    const word = await W.refId<string>("word");
    W.output("one: " + word, "said");
    if (word === "end") return;
  }
}
