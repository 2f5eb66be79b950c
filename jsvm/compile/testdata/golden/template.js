async function f(t, x) { return t`a${await x}\n` + t.u`b${x}`; }
