// Writes records together, in one step. The tests make events with it that lie in a topic before what their first one causes.

import * as W from "kont";

export type Letter = [topic: string, key: string, event: unknown];

export default async function post(letters: Letter[]): Promise<void> {
  for (const [topic, key, event] of letters) {
    W.config.outputTopics.add(topic);
    W.output(typeof event === "string" ? event : JSON.stringify(event), topic, key);
  }
}
