// The workflow that `kont bench` runs.
import * as W from "kont";

export const manifest = { outputTopics: ["bench-request"] };

type Task =
  | { kind: "cycle" }
  | { kind: "chain"; waits: number }
  | { kind: "park"; note: string }
  | { kind: "timer"; dueUnixMilli: number };

export default async function main(task: Task) {
  switch (task.kind) {
    case "cycle": {
      const reply = W.ref("reply");
      W.outputJSON({ ref: reply.id }, "bench-request");
      return await reply;
    }
    case "chain": {
      let sum = 0;
      for (let i = 0; i < task.waits; i++) {
        const next = W.ref<number>("next");
        W.outputJSON({ ref: next.id }, "bench-request");
        sum += await next;
      }
      return sum;
    }
    case "park":
      // The note is alive while the thread waits, and differs from thread to thread.
      return [await W.ref("never"), task.note];
    case "timer":
      await W.sleep(Math.max(0, task.dueUnixMilli - Date.now()));
      return task.dueUnixMilli;
  }
}
