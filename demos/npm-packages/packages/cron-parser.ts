import * as W from "kont";
import { CronExpressionParser } from "cron-parser";
export default async function main() {
  const i = CronExpressionParser.parse("0 12 * * 1", { currentDate: new Date(0), tz: "UTC" });
  await W.ref<number>("one");
  return String(i.next());
}
