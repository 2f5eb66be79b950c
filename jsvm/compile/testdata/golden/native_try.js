// goja runs a finally block twice if it throws and there is a catch part beside it.
function f(g) { try { g(); } catch (e) { g(e); } finally { g(); } }
