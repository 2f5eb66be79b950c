// The iterator is closed on the ways out; a statement without await stays whole, with a jump out of it.
async function f(xs) { out: for (const x of xs) { if (x) { for (const y of x) if (y) break out; } await x; } }
