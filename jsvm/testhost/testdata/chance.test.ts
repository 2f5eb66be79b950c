import { test, workflow, assert } from "kont/test";

const seen = new Map<string, unknown>();
for (const restore of ["await", "step", "never"] as const) {
  test("chance comes from the seed: " + restore, () => {
    const draw = () => workflow("./chance.ts", { restore }).start("t").result;
    const [first, second] = [draw(), draw()];
    assert.notDeepEqual(first, second, "two workflows of one test");
    assert.equal(first.now, 1_577_836_800_000);
    seen.set(restore, first);
    console.log(JSON.stringify([first, Math.random()]));
  });
}
