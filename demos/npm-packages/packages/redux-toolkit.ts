import * as W from "kont";
import { configureStore, createSlice, createAction } from "@reduxjs/toolkit";
const slice = createSlice({ name: "cart", initialState: { n: 0, lines: [] as number[] }, reducers: { add(s, a: { payload: number }) { s.n += a.payload; s.lines.push(a.payload) } } });
export default async function main() {
  const reducer = slice.reducer;
  let state = reducer(undefined, slice.actions.add(1));
  const n = await W.ref<number>("one");
  state = reducer(state, slice.actions.add(n));
  console.log(JSON.stringify(state));
  const store = configureStore({ reducer, devTools: false, middleware: (g) => g({ serializableCheck: false, immutableCheck: false }) });
  store.dispatch(slice.actions.add(2));
  await W.ref("two");
  store.dispatch(slice.actions.add(n));
  console.log(JSON.stringify(store.getState()));
  return 1;
}
