// One ref, one record, one reply.

import * as W from "kont";

export const manifest = { outputTopics: ["questions"] };

export default async function main({ name }: { name: string }) {
  const answer = W.ref<string>("answer");
  W.outputJSON({ text: `What do you like, ${name}?`, ref: answer.id }, "questions");
  return `${name} likes ${await answer}`;
}
