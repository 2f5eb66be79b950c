async function f(a) { return a?.b.c(await a)?.[a]; }
