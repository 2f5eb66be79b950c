package bench

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"time"
)

// statusInterval is how often a server is asked while something settles.
const statusInterval = 50 * time.Millisecond

// runPark: start Count threads that wait for ever, and compare what the server
// takes before and after. What the start events and the history take is in the
// figure; nothing is hidden in a later compaction.
func runPark(ctx context.Context, r *run) error {
	before, err := r.Server.Usage(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	if err := park(ctx, r, r.Count); err != nil {
		return err
	}
	elapsed := time.Since(began)
	r.Say("letting the server settle")
	after, err := settledUsage(ctx, r.Server)
	if err != nil {
		return err
	}
	r.result.Seconds, r.result.Operations = elapsed.Seconds(), r.Count
	r.result.DiskBytesPerThread = float64(after.DiskBytes-before.DiskBytes) / float64(r.Count)
	r.result.MemoryBytesPerThread = float64(after.RSSBytes-before.RSSBytes) / float64(r.Count)
	return nil
}

// park starts count threads, at most Clients at a time without acknowledgement,
// and returns when all are suspended.
func park(ctx context.Context, r *run, count int) error {
	already, err := r.Server.SuspendedThreads(ctx)
	if err != nil {
		return err
	}
	d, ctx, err := newDriver(ctx, r.Server.KafkaAddress(), r.Clients)
	if err != nil {
		return err
	}
	defer d.close()
	slots := make(chan struct{}, r.Clients)
	for i := range count {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		record := startRecord(keyOf(d.prefix, i, 1), map[string]string{"kind": "park", "note": randomNote()})
		d.send(ctx, i, record, func() { d.progress.Add(1); <-slots })
		if i%1000 == 0 {
			r.Say("%d of %d threads started", i, count)
		}
	}
	last, lastChange := int64(-1), time.Now()
	for {
		suspended, err := r.Server.SuspendedThreads(ctx)
		if err != nil {
			return err
		}
		if suspended-already >= int64(count) {
			return nil
		}
		if suspended != last {
			last, lastChange = suspended, time.Now()
			r.Say("%d of %d threads suspended", suspended-already, count)
		}
		if time.Since(lastChange) > stallTime {
			return fmt.Errorf("%d of %d threads are suspended, and no more for %s", suspended-already, count, stallTime)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(statusInterval):
		}
	}
}

// randomNote is what a parked thread keeps: without it all threads would be alike,
// and a store that compresses would show a figure that no real one reaches.
func randomNote() string {
	var random [16]byte
	rand.Read(random[:]) //nolint:errcheck // never fails, as documented
	return hex.EncodeToString(random[:])
}

// settledUsage asks until memory and disk have stopped shrinking, at most
// settleMax.
func settledUsage(ctx context.Context, server Server) (Usage, error) {
	const settleMax, settleInterval = 30 * time.Second, 2 * time.Second
	least, err := server.Usage(ctx)
	rounds := 0 // without change
	for began := time.Now(); err == nil && time.Since(began) < settleMax && rounds < 3; {
		select {
		case <-ctx.Done():
			return least, ctx.Err()
		case <-time.After(settleInterval):
		}
		var now Usage
		if now, err = server.Usage(ctx); err != nil {
			break
		}
		if now.RSSBytes > least.RSSBytes-least.RSSBytes/100 && now.DiskBytes > least.DiskBytes-least.DiskBytes/100 {
			rounds++
		} else {
			rounds = 0
		}
		least = now
	}
	return least, err
}
