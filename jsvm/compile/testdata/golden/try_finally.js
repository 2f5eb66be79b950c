// Leaving through a finally block is a completion in two slots.
async function f(g) { for (;;) { try { if (await g()) return 1; break; } catch (e) { g(e); } finally { await 2; } } }
