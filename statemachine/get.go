package statemachine

import (
	"errors"

	"github.com/cockroachdb/pebble/v2"
)

// get reads a value that is probably there; nil if there is none. The value is the
// caller's.
func get(db pebble.Reader, key []byte) ([]byte, error) {
	value, closer, err := db.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	copied := append([]byte{}, value...)
	return copied, closer.Close()
}

// pointReader reads values that may well not be there: a start asks for a thread
// that nobody has heard of. Pebble's own Get passes by the filters of the last
// level, where most keys are, and unpacks a block to find nothing; an iterator can
// be told to use them. The zero value is ready. It is kept for several reads.
type pointReader struct{ iterator *pebble.Iterator }

var pointOptions = pebble.IterOptions{UseL6Filters: true}

// get reads a value, nil if there is none, as db is now. db must be the same each
// time. The value is the caller's.
func (p *pointReader) get(db pebble.Reader, key []byte) ([]byte, error) {
	if p.iterator == nil {
		iterator, err := db.NewIter(&pointOptions)
		if err != nil {
			return nil, err
		}
		p.iterator = iterator
	} else {
		p.iterator.SetOptions(&pointOptions) // looks at the batch anew
	}
	// The prefix of a key is the whole key, so what is found is the key itself.
	if !p.iterator.SeekPrefixGE(key) {
		return nil, p.iterator.Error()
	}
	value, err := p.iterator.ValueAndErr()
	if err != nil {
		return nil, err
	}
	return append([]byte{}, value...), nil
}

func (p *pointReader) close() error {
	if p.iterator == nil {
		return nil
	}
	err := p.iterator.Close()
	p.iterator = nil
	return err
}
