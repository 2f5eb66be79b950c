import * as W from "kont";
import semver from "semver";
import ms from "ms";
export default async function main() {
  const range = new semver.Range("^1.2.0"), version = semver.parse("1.3.0")!;
  await W.ref<number>("one");
  console.log(semver.satisfies(version, range), range.test("2.0.0"), version.inc("minor").version, version instanceof semver.SemVer, ms("2 days"));
  return 1;
}
