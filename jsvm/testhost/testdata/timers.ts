// Sets as many timers as it is told, and says in which order they fire.
import * as W from "kont";

export const manifest = { outputTopics: ["fired"] };

export default async function main(delays: number[]) {
  const box = W.inbox<string>("tick");
  delays.forEach((delay, i) => W.output(String(delay), "workflow-scheduler", `${W.threadId}|${JSON.stringify({ ref: "tick", value: i })}`));
  for (let left = delays.length; left > 0; left--) W.output(`${await box.next()} at ${Date.now()}`, "fired");
}
