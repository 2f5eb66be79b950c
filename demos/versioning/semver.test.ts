import { assert, test } from "kont/test";
import { compare, isCompatible, isPatch } from "./semver";

test("versions are ordered as semver.org has it", () => {
  const inOrder = [
    "0.0.1", "0.9.0", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0",
  ];
  inOrder.forEach((a, i) => inOrder.forEach((b, j) => assert.equal(Math.sign(compare(a, b)), Math.sign(i - j), `${a} and ${b}`)));
  assert.equal(compare("1.0.0+a", "1.0.0+b"), 0);
});

test("what is no version is refused", () => {
  for (const text of ["", "1", "1.0", "v1.0.0", "1.0.0.0", "01.0.0", "1.0.0-", "1.0.0-a..b", " 1.0.0", "1.0.0\n", undefined, null, {}]) {
    assert.throws(() => compare(text as string, "1.0.0"), /is no version/);
    assert.throws(() => isCompatible("1.0.0", text as string), /is no version/);
  }
});

test("a version reads what older ones of its major have written", () => {
  for (const [from, to, expected] of [
    ["1.0.0", "1.0.0", true],
    ["1.0.0", "1.0.1", true],
    ["1.0.9", "1.1.0", true],
    ["1.1.0-rc.1", "1.1.0", true],
    ["1.1.0", "1.1.0-rc.1", false],
    ["1.1.0", "1.0.9", false],
    ["1.9.0", "2.0.0", false],
    ["2.0.0", "1.9.0", false],
    ["0.1.0", "0.1.1", true],
    ["0.1.0", "0.2.0", false],
  ] as const) {
    assert.equal(isCompatible(from, to), expected, `${from} to ${to}`);
  }
});

test("a patch differs in its patch alone", () => {
  assert(isPatch("1.1.0", "1.1.1"));
  assert(isPatch("1.1.0", "1.1.0"));
  assert(!isPatch("1.0.1", "1.1.1"));
  assert(!isPatch("1.1.0", "2.1.1"));
});
