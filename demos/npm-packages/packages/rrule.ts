import * as W from "kont";
import { RRule, rrulestr } from "rrule";
const weekly = new RRule({ freq: RRule.WEEKLY, dtstart: new Date(0), count: 5 }, true); // no cache: it would be shared
export default async function main() {
  const r = rrulestr("DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY;COUNT=3");
  await W.ref<number>("one");
  console.log(r.all().length, weekly.all().length, weekly.after(new Date(86400000))?.toISOString());
  return 1;
}
