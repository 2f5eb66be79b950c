async function f({ a, b = a }, [c] = [a]) { const { [await a]: d = await b, ...rest } = c; return () => [d, rest]; }
