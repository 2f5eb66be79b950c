import * as W from "kont";
import { formatInTimeZone, toZonedTime } from "date-fns-tz";
export default async function main() {
  await W.ref("one");
  return formatInTimeZone(new Date(0), "Europe/Berlin", "yyyy-MM-dd HH:mm");
}
