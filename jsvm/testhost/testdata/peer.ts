// Two threads that hand a ball to each other.
import * as W from "kont";

const throwTo = (peer: string, ball: number) => W.output(JSON.stringify({ ref: "ball", value: ball }), "workflow-resume", peer);

export default async function main({ peer, count, begins }: { peer: string; count: number; begins?: boolean }) {
  const balls = W.inbox<number>("ball");
  if (begins) {
    W.ensureThread({ peer: W.threadId, count }, peer);
    throwTo(peer, 1);
  }
  let caught = 0;
  for await (const ball of balls) {
    caught++;
    if (ball < count) throwTo(peer, ball + 1);
    if (ball + 1 >= count) break;
  }
  return caught;
}
