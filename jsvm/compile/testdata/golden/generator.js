function* g(a, b = a) { try { const x = yield a; yield* b; } finally { a.done(); } }
