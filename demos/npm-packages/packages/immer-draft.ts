import * as W from "kont";
import { createDraft, finishDraft } from "immer";
export default async function main() {
  const draft = createDraft({ lines: [1] } as any);
  draft.lines.push(2);
  await W.ref("one");
  return finishDraft(draft);
}
