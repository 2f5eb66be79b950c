import * as W from "kont";
import dayjs from "dayjs";
import utc from "dayjs/plugin/utc";
import duration from "dayjs/plugin/duration";
import relativeTime from "dayjs/plugin/relativeTime";
import isBetween from "dayjs/plugin/isBetween";
import weekday from "dayjs/plugin/weekday";
import "dayjs/locale/de";
dayjs.extend(utc); dayjs.extend(duration); dayjs.extend(relativeTime); dayjs.extend(isBetween); dayjs.extend(weekday);
const epoch = dayjs.utc("2026-01-01");
export default async function main() {
  const at = dayjs.utc("2026-03-01T10:00:00Z").locale("de");
  const d = dayjs.duration({ hours: 5 });
  const n = await W.ref<number>("one");
  console.log(at.add(n, "day").format("dddd YYYY-MM-DD"), at.isBetween(epoch, at.add(1, "day")), d.humanize(), d.asMinutes(), at.from(at.add(d)), at instanceof dayjs, dayjs.isDayjs(at));
  console.log(epoch.add(1, "month").toISOString(), epoch.weekday(0).format());
  return at;
}
