import * as W from "kont";
import { Subject, BehaviorSubject, from, of, map, filter, scan, toArray, firstValueFrom, lastValueFrom, mergeMap, take, concatMap, timer } from "rxjs";
export default async function main() {
  const subject = new Subject<number>();
  const got: number[] = [];
  const sub = subject.pipe(map((n) => n * 2), filter((n) => n > 2), scan((a, b) => a + b, 0)).subscribe((n) => got.push(n));
  const state = new BehaviorSubject(1);
  subject.next(1);
  const n = await W.ref<number>("one");
  subject.next(2); subject.next(n); state.next(5);
  await W.ref("two");
  subject.next(1); subject.next(3); sub.unsubscribe(); subject.next(9);
  console.log(got.join(), state.value, await lastValueFrom(from([1, 2, 3]).pipe(concatMap(async (x) => { await W.ref("x" + x); return x * 2 }), toArray())));
  console.log(await firstValueFrom(of(1, 2).pipe(take(1))));
  try { timer(10).subscribe(() => 1) } catch (e) { console.log("timer: " + e) }
  return 1;
}
