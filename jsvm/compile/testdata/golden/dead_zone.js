// Only references that may come too early are checked.
async function f() { const early = () => x; await early; let x = 1; const late = () => x; return late; }
