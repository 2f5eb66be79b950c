import * as W from "kont";
import { addDays, addBusinessDays, format, formatISO, parseISO, differenceInCalendarDays, intervalToDuration, formatDistance, eachDayOfInterval, startOfWeek, isWithinInterval, setDefaultOptions, getDefaultOptions } from "date-fns";
import { de } from "date-fns/locale";
export default async function main() {
  const at = parseISO("2026-03-01T10:00:00Z");
  const due = addBusinessDays(at, 5);
  setDefaultOptions({ weekStartsOn: 1 });
  const n = await W.ref<number>("one");
  console.log(format(due, "yyyy-MM-dd EEE"), formatISO(addDays(due, n)), differenceInCalendarDays(due, at), JSON.stringify(intervalToDuration({ start: at, end: due })));
  console.log(formatDistance(at, due, { locale: de, addSuffix: true }), format(due, "PPPP", { locale: de }), eachDayOfInterval({ start: at, end: due }).length);
  console.log(format(startOfWeek(at), "EEE"), JSON.stringify(getDefaultOptions()), isWithinInterval(at, { start: at, end: due }));
  return due;
}
