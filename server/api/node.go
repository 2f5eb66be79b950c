package api

import "context"

// Node is what this package asks of a server. All methods may be called from
// many goroutines. A caller's mistake comes back as one of the sentinels of
// package command or as an *Error; both get their status and hint in errors.go.
type Node interface {
	Membership
	// Status never fails: a node that is not well says so in it.
	Status(ctx context.Context) Status
	// Health is cheap enough to be asked many times a second.
	Health(ctx context.Context) Health

	Topics(ctx context.Context) ([]Topic, error)

	Deployments(ctx context.Context) ([]Deployment, error)
	// Deploy checks and stores an encoded bundle. A bundle that can't be decoded
	// or loaded is an *Error.
	Deploy(ctx context.Context, request DeployRequest) (Deployment, error)

	Threads(ctx context.Context, query ThreadsQuery) (ThreadsPage, error)
	// Thread gives command.ErrUnknownThread for a thread without state and
	// without history.
	Thread(ctx context.Context, topic, key string) (Thread, error)
	// Continuation is what is stored of a suspended thread, for tools that ask whether it fits another build of its
	// workflow; command.ErrUnknownThread for a thread that waits for nothing.
	Continuation(ctx context.Context, topic, key string) (Continuation, error)
	// EncodedBundle is a stored bundle by its hash, in hexadecimal.
	EncodedBundle(ctx context.Context, hash string) (EncodedBundle, error)
	// History has the newest entry last, at most limit of them. A key that never
	// had a thread has a history too if events for it were unmatched.
	History(ctx context.Context, topic, key string, limit int) ([]HistoryEntry, error)
	// Unmatched has the newest event first; those of a topic that is gone are
	// gone too.
	Unmatched(ctx context.Context, query UnmatchedQuery) (UnmatchedPage, error)
	RetryThread(ctx context.Context, topic, key string) error
	DeleteThread(ctx context.Context, topic, key string) error
}

// DeployRequest is a bundle and where it goes.
type DeployRequest struct {
	App         string
	ResumeTopic string
	Bundle      []byte
}

// ThreadsQuery selects threads. Empty fields select all.
type ThreadsQuery struct {
	Topic  string
	Status string
	// Cursor is ThreadsPage.Cursor of the page before.
	Cursor string
	// Limit is 1 to threadsLimitMax.
	Limit int
}

// UnmatchedQuery selects unmatched events. Empty fields select all.
type UnmatchedQuery struct {
	Topic string
	// Cursor is UnmatchedPage.Cursor of the page before.
	Cursor string
	// Limit is 1 to unmatchedLimitMax.
	Limit int
}
