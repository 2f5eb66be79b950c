// Each iteration has an environment of its own, also without an await in the loop.
async function f(n) { const list = []; for (let i = 0; i < n; i++) { await list; list.push(() => i); } return list; }
function g(n) { const list = []; for (let i = 0; i < n; i++) list.push(() => i); return list; }
