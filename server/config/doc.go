// Package config reads the settings of a node from flags, the environment and a
// YAML file into one validated struct.
//
// Every setting is one row of the table in settings.go, so the three sources
// cannot drift apart: the flag --step-timeout, the variable KONT_STEP_TIMEOUT and
// the key step-timeout of the file are the same row. A flag wins over the
// environment, the environment over the file, the file over the default.
//
// Load reports every problem of every source at once, each with the place that it
// came from. A setting that nobody knows is a problem too: a misspelt limit that
// is silently ignored is found out in the worst night of the year. In the environment,
// which others write to as well, it is a warning: Config.UnknownVariables.
//
// The package refuses to listen for strangers by accident. An address that
// other machines can reach has to ask its clients who they are, or needs --insecure as
// well.
//
// It stores nothing. The caller owes it the values as text; nothing here reads
// the process's environment or arguments on its own.
package config
