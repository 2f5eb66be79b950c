// Package bundle turns an author's TypeScript or JavaScript into one script that goja can parse.
//
// It resolves imports, strips types, lowers what goja's parser does not know (decorators, `using`, async generators,
// `for await`) and leaves everything that the continuation compiler lowers itself (async functions, generators,
// classes, private names, destructuring) as the author wrote it. The work is esbuild's; this package fixes its
// options, its environment and its messages.
//
// It refuses: imports of Node.js modules (workflow code has no host access), of style sheets and of other files that
// are no source, `import.meta`, top-level await. A refusal is an *Error, which lists diagnostics with file, line and
// column, in words of ours: esbuild's advice is about options that an author of a workflow cannot set. Whether the entry
// file exports an entry function, Result tells as far as it is known before the script runs; to refuse it is the caller's.
//
// The caller owes nothing but an entry path. Nothing is written to disk. The same sources give the same bytes, whatever
// the directory they lie in: module paths are relative to the project's root (see Build), and continuations name functions by
// these paths.
//
// Result.Script is CommonJS: it expects `module`, `exports` and `require`, and requires only ModuleNames.
package bundle
