// Command kont runs durable TypeScript workflows and speaks the Kafka protocol.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"kont/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
	}))
}
