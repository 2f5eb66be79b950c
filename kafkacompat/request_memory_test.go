package kafkacompat

import (
	"context"
	"testing"
	"testing/synctest"

	"kont/statemachine/recordbatch"
)

// Two requests have all the memory and each needs more: one of them must go on.
func TestOneRequestOverdrawsWhereAllWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newRequestMemory(200) // half of it for what stands behind
		var first, second, third memoryShare
		grow := func(share *memoryShare, bytes int) chan error {
			done := make(chan error, 1)
			go func() { done <- m.grow(context.Background(), share, bytes) }()
			synctest.Wait()
			return done
		}
		requireWaiting := func(done chan error) {
			t.Helper()
			select {
			case err := <-done:
				t.Fatalf("does not wait: %v", err)
			default:
			}
		}
		<-grow(&first, 50)
		<-grow(&second, 50)
		<-grow(&first, 30)
		<-grow(&first, 100)
		waitsForMore, waitsForSome := grow(&second, 30), grow(&third, 20)
		requireWaiting(waitsForMore)
		requireWaiting(waitsForSome)
		m.release(&first)
		<-waitsForMore
		<-waitsForSome

		ctx, cancel := context.WithCancel(context.Background())
		<-grow(&first, 1000) // overdraws
		gone := make(chan error, 1)
		go func() { gone <- m.grow(ctx, &third, 1000) }()
		synctest.Wait()
		cancel()
		if err := <-gone; err == nil {
			t.Error("a client that is gone was given memory")
		}
		for _, share := range []*memoryShare{&first, &second, &third} {
			m.release(share)
		}
		if !m.bytes.TryAcquire(100) || len(m.overdraft) != 0 {
			t.Error("released, but not all memory is free")
		}
	})
}

func TestCompressedBatchesAreCheckedFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{decompressing: make(chan struct{}, 1)}
		admit := func(codec recordbatch.Codec) chan error {
			batch := recordbatch.Append(nil, []recordbatch.Record{{Value: []byte("v")}}, recordbatch.Options{Codec: codec})
			done := make(chan error, 1)
			go func() {
				_, _, err := s.admit(batch)
				done <- err
			}()
			synctest.Wait()
			return done
		}
		s.decompressing <- struct{}{} // another batch
		compressed := admit(recordbatch.CodecGzip)
		if err := <-admit(recordbatch.CodecNone); err != nil {
			t.Error(err)
		}
		select {
		case <-compressed:
			t.Error("two batches are decompressed at a time")
		default:
		}
		<-s.decompressing
		if err := <-compressed; err != nil || len(s.decompressing) != 0 {
			t.Errorf("%v, %d batches are said to be decompressed", err, len(s.decompressing))
		}
	})
}
