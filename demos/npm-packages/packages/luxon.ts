import * as W from "kont";
import { DateTime } from "luxon";
export default async function main() {
  const at = DateTime.fromISO("2026-03-01T10:00:00Z", { zone: "utc" });
  const n = await W.ref<number>("one");
  console.log(at.plus({ days: n }).toISO(), at.toFormat("yyyy LLL dd"));
  return 1;
}
