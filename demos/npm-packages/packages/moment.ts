import * as W from "kont";
import moment from "moment";
const epoch = moment.utc("2026-01-01");
export default async function main() {
  const at = moment.utc("2026-03-01T10:00:00Z"), d = moment.duration(5, "hours");
  const n = await W.ref<number>("one");
  console.log(at.clone().add(n, "days").format("dddd YYYY-MM-DD"), d.humanize(), at.diff(epoch, "days"), moment.isMoment(at), epoch.isValid(), epoch.format());
  return at;
}
