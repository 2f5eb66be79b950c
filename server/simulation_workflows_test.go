package server

import (
	"context"
	"slices"
	"sync"
	"testing/fstest"

	"kont/demos"
	"kont/jsvm"
)

// The resume topics of the applications that run in the simulation.
const (
	simulatedTrips    = "trips"
	simulatedLocks    = "locks"
	simulatedNaps     = "naps"
	simulatedCounters = "counters"
	simulatedEditions = "editions"
	simulatedFaulty   = "faulty"
	// simulatedAgain runs naps, and is deleted and made again at any time.
	simulatedAgain = "again"
)

// simulatedLock is a lock, or takes one, is alone for a while, and gives it back.
const simulatedLock = `
import * as W from "kont";
export const manifest = { outputTopics: ["locks", "sections"] };
export default async function main({ lock }: { lock?: string }) {
  if (lock) {
    const granted = W.ref<{ token: number; release: string }>("granted");
    W.outputJSON({ ref: "request", value: { from: W.threadId, ref: granted.id } }, "locks", lock);
    const { token, release } = await granted;
    W.outputJSON({ token, does: "enters" }, "sections", lock);
    await W.sleep(3);
    W.outputJSON({ token, does: "leaves" }, "sections", lock);
    W.outputJSON({ ref: release, value: null }, "locks", lock);
    return token;
  }
  let token = 0;
  for await (const { from, ref } of W.inbox<{ from: string; ref: string }>("request")) {
    const release = W.ref("release");
    W.outputJSON({ ref, value: { token: ++token, release: release.id } }, "locks", from);
    await release;
  }
}
`

// simulatedNap sleeps some times, each time until it has slept enough or a bell rings; the other of the two is taken back.
const simulatedNap = `
import * as W from "kont";
export const manifest = { outputTopics: ["bells"] };
async function bell(nap: number) {
  const rings = W.ref("bell");
  W.outputJSON({ nap, ref: rings.id }, "bells");
  await rings;
  return "rung";
}
async function sleep(milliseconds: number) {
  await W.sleep(milliseconds);
  return "slept";
}
export default async function main({ naps }: { naps: number[] }) {
  const log: string[] = [];
  for (const [i, milliseconds] of naps.entries()) log.push(await Promise.race([sleep(milliseconds), bell(i)]));
  return log;
}
`

// simulatedCounter returns all numbers that it was sent, in order.
const simulatedCounter = `
import * as W from "kont";
export default async function main() {
  const numbers: number[] = [];
  for await (const n of W.inbox<number | null>("numbers")) {
    if (n === null) break;
    numbers.push(n);
  }
  return numbers;
}
`

// simulatedEdition has its edition put in where it says so, and must say the same one at its end as at its beginning.
const simulatedEdition = `
import * as W from "kont";
export const manifest = { outputTopics: ["bells"] };
const edition = () => EDITION;
export default async function main() {
  const first = edition();
  await W.sleep(20);
  const second = edition();
  const rings = W.ref("bell");
  W.outputJSON({ nap: 0, ref: rings.id }, "bells");
  await rings;
  return [first, second, edition()];
}
`

// simulatedFault writes to topics that may not be there, which makes it faulted until they are.
const simulatedFault = `
import * as W from "kont";
export default async function main() {
  const items: number[] = [];
  for await (const { item, to } of W.inbox<{ item: number; to?: string }>("items")) {
    if (item === 0) break;
    items.push(item);
    if (to) {
      W.config.outputTopics.add(to);
      W.output("item " + item, to);
    }
  }
  return items;
}
`

// simulatedBundle is what is deployed on a resume topic; topics are made with it.
type simulatedBundle struct {
	resumeTopic string
	bundle      *jsvm.Bundle
}

// simulatedBundles compiles the applications once.
var simulatedBundles = sync.OnceValues(func() (all []simulatedBundle, err error) {
	add := func(resumeTopic string, o jsvm.CompileOptions) {
		bundle, compileErr := jsvm.Compile(context.Background(), o)
		if compileErr == nil {
			// What is made once for all bundles, such as a decoder's channel, must not be made in the bubble of one test.
			_, compileErr = jsvm.DecodeBundle(bundle.Encode())
		}
		if compileErr != nil {
			err = compileErr
			return
		}
		all = append(all, simulatedBundle{resumeTopic, bundle})
	}
	source := func(text string) jsvm.CompileOptions {
		return jsvm.CompileOptions{Entry: "app.ts", Files: fstest.MapFS{"app.ts": {Data: []byte(text)}}}
	}
	trip := demos.All()[slices.IndexFunc(demos.All(), func(d demos.Demo) bool { return d.Name == "trip-booking-saga" })]
	add(simulatedTrips, jsvm.CompileOptions{Entry: trip.Entry, Files: trip.Files})
	add(simulatedLocks, source(simulatedLock))
	add(simulatedNaps, source(simulatedNap))
	add(simulatedAgain, source(simulatedNap))
	add(simulatedCounters, source(simulatedCounter))
	add(simulatedFaulty, source(simulatedFault))
	for _, edition := range []string{"1", "2", "3"} {
		add(simulatedEditions, source("const EDITION = "+edition+";\n"+simulatedEdition))
	}
	return all, err
})
