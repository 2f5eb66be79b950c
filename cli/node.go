package cli

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"syscall"

	"kont/server"
	"kont/server/config"
)

// node is a server in this process.
type node interface {
	// KafkaAddress and HTTPAddress are host:port, with the real ports.
	KafkaAddress() string
	HTTPAddress() string
	// KafkaListeners has the host:port of each Kafka listener, by its name.
	KafkaListeners() map[string]string
	// Done is closed when the node has stopped on its own; Err says why.
	Done() <-chan struct{}
	Err() error
	// Close stops the node and returns when nothing of it is left.
	Close() error
}

// addresses are where a node is found, for programs.
type addresses struct {
	Data string `json:"data"`
	HTTP string `json:"http"`
	// Kafka is the first of the listeners.
	Kafka     string            `json:"kafka"`
	Listeners map[string]string `json:"listeners"`
}

func addressesOf(n node, settings config.Config) addresses {
	return addresses{Data: settings.DataDir, HTTP: n.HTTPAddress(), Kafka: n.KafkaAddress(), Listeners: n.KafkaListeners()}
}

func startNode(ctx context.Context, settings config.Config, log *slog.Logger) (node, error) {
	started, err := server.Start(ctx, server.Config{Config: settings, Logger: log, Version: Version})
	if err != nil {
		return nil, startFailure(err)
	}
	return started, nil
}

// startFailure adds what to do next where the error does not say it.
func startFailure(err error) error {
	switch {
	case strings.Contains(err.Error(), "; "):
		return err
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return failf("make it writable for this user, or name another directory with --data", "%w", err)
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return failf("name a directory with --data", "%w", err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return failf("free some space on the disk of the data directory; nothing that was acknowledged is lost", "%w", err)
	}
	return err
}

// waitAndClose returns after an interrupt, or when the node has failed.
func waitAndClose(ctx context.Context, running node) error {
	select {
	case <-ctx.Done():
		return running.Close()
	case <-running.Done():
		err := running.Err()
		running.Close() //nolint:errcheck // the first error says more
		return failf("look at its log above", "the node has stopped: %w", err)
	}
}
