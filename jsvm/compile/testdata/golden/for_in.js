async function f(o) { for (const k in o) { if (k) continue; await k; } }
