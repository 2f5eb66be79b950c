// Versions as https://semver.org has them, and what follows from them for a hand-off.

interface Version {
  numbers: [major: number, minor: number, patch: number];
  /** Empty for a release. */
  prerelease: string[];
}

function parse(text: string): Version {
  const match = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z.-]+)?$/.exec(text);
  if (!match) throw new Error(`${JSON.stringify(text)} is no version, such as "1.2.3"`);
  return { numbers: [Number(match[1]), Number(match[2]), Number(match[3])], prerelease: match[4]?.split(".") ?? [] };
}

/** Negative if a comes before b, positive if after, 0 if neither: what follows a `+` does not count. */
export function compare(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  for (let i = 0; i < 3; i++) {
    if (left.numbers[i] !== right.numbers[i]) return left.numbers[i] - right.numbers[i];
  }
  if (!left.prerelease.length || !right.prerelease.length) return right.prerelease.length - left.prerelease.length;
  for (let i = 0; i < Math.min(left.prerelease.length, right.prerelease.length); i++) {
    const order = compareIdentifiers(left.prerelease[i], right.prerelease[i]);
    if (order !== 0) return order;
  }
  return left.prerelease.length - right.prerelease.length;
}

/** Numbers come before words. */
function compareIdentifiers(a: string, b: string): number {
  const [aIsNumber, bIsNumber] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (aIsNumber && bIsNumber) return Number(a) - Number(b);
  if (aIsNumber !== bIsNumber) return aIsNumber ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Whether version `to` reads what version `from` has written: it is not older, and no major version lies between. Before 1.0 each minor is a major. */
export function isCompatible(from: string, to: string): boolean {
  const [[oldMajor, oldMinor], [newMajor, newMinor]] = [parse(from).numbers, parse(to).numbers];
  return compare(from, to) <= 0 && oldMajor === newMajor && (newMajor > 0 || oldMinor === newMinor);
}

/** Whether the two differ in their patches at most. */
export function isPatch(from: string, to: string): boolean {
  const [[oldMajor, oldMinor], [newMajor, newMinor]] = [parse(from).numbers, parse(to).numbers];
  return oldMajor === newMajor && oldMinor === newMinor;
}
