package keys

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrMalformed: a key that this package did not make. The store is damaged.
var ErrMalformed = errors.New("malformed key")

// LastNumber reads the 8 bytes that end a key that InPartition made.
func LastNumber(key []byte) (int64, error) {
	if len(key) != 1+4+4+8 {
		return 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return int64(binary.BigEndian.Uint64(key[9:])), nil
}

// InTopic splits a key of OfTopic into the topic and what follows it.
func InTopic(key []byte) (TopicNumber, []byte, error) {
	if len(key) < 1+4 {
		return 0, nil, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return TopicNumber(binary.BigEndian.Uint32(key[1:])), key[5:], nil
}

// InPartitionOnly reads a key of Partition, Consumption or Compaction.
func InPartitionOnly(key []byte) (TopicNumber, int32, error) {
	if len(key) != 1+4+4 {
		return 0, 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return TopicNumber(binary.BigEndian.Uint32(key[1:])), int32(binary.BigEndian.Uint32(key[5:])), nil
}

// ParseProducerExpiry reads a key of ProducerExpiry.
func ParseProducerExpiry(key []byte) (hour uint32, topic TopicNumber, partition int32, producer int64, err error) {
	if len(key) != 1+4+4+4+8 {
		return 0, 0, 0, 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return binary.BigEndian.Uint32(key[1:]), TopicNumber(binary.BigEndian.Uint32(key[5:])),
		int32(binary.BigEndian.Uint32(key[9:])), int64(binary.BigEndian.Uint64(key[13:])), nil
}

// ParseNode reads a key of Node. The one of ClusterLevel is no node's.
func ParseNode(key []byte) (id int32, isNode bool) {
	if len(key) != 1+4 {
		return 0, false
	}
	return int32(binary.BigEndian.Uint32(key[1:])), true
}

// ParseEndedAt reads a key of EndedByTime.
func ParseEndedAt(key []byte) (unixMilli int64, thread string, err error) {
	if len(key) < 1+4+8 {
		return 0, "", fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return int64(binary.BigEndian.Uint64(key[5:])), string(key[13:]), nil
}

// ParseTimerDue reads a key of TimerByDue.
func ParseTimerDue(key []byte) (dueUnixMilli int64, topic TopicNumber, timer string, err error) {
	if len(key) < 1+8+4 {
		return 0, 0, "", fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return int64(binary.BigEndian.Uint64(key[1:])), TopicNumber(binary.BigEndian.Uint32(key[9:])), string(key[13:]), nil
}

// ParseGroup reads a key of GroupOffset.
func ParseGroup(key []byte) (group string, topic TopicNumber, partition int32, err error) {
	if len(key) < 1 {
		return "", 0, 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return parseGroupPartition(key[1:])
}

func parseGroupPartition(key []byte) (group string, topic TopicNumber, partition int32, err error) {
	group, rest, ok := unescape(key)
	if !ok || len(rest) != 8 {
		return "", 0, 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return group, TopicNumber(binary.BigEndian.Uint32(rest)), int32(binary.BigEndian.Uint32(rest[4:])), nil
}

// ParseTransaction reads a key of Transaction. isOffset says that it is the key of an
// offset that the transaction holds, and rest is then as in a key of GroupOffset, without
// the letter.
func ParseTransaction(key []byte) (id string, rest []byte, isOffset bool, err error) {
	if len(key) < 1 {
		return "", nil, false, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	id, rest, ok := unescape(key[1:])
	if !ok {
		return "", nil, false, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return id, rest, len(rest) > 0, nil
}

// ParseTransactionOffset reads what ParseTransaction left.
func ParseTransactionOffset(rest []byte) (group string, topic TopicNumber, partition int32, err error) {
	return parseGroupPartition(rest)
}

// ParseGroupPart reads a key of GroupPart.
func ParseGroupPart(key []byte) (group, part string, err error) {
	if len(key) < 1 {
		return "", "", fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	group, rest, ok := unescape(key[1:])
	if !ok {
		return "", "", fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return group, string(rest), nil
}

// ParseBundle reads a key of Bundle or BundleHash.
func ParseBundle(key []byte) (BundleNumber, error) {
	if len(key) != 1+4 {
		return 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return BundleNumber(binary.BigEndian.Uint32(key[1:])), nil
}

// ParseUnmatched reads a key of Unmatched.
func ParseUnmatched(key []byte) (uint64, error) {
	if len(key) != 1+8 {
		return 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return binary.BigEndian.Uint64(key[1:]), nil
}

// ParseQuota reads a key of Quota.
func ParseQuota(key []byte) (user, clientID, ip QuotaPart, err error) {
	rest := key[min(1, len(key)):]
	for _, part := range []*QuotaPart{&user, &clientID, &ip} {
		ok := len(rest) > 0
		if ok {
			part.Kind = rest[0]
			part.Name, rest, ok = unescape(rest[1:])
		}
		if !ok {
			return user, clientID, ip, fmt.Errorf("%w: %q", ErrMalformed, key)
		}
	}
	if len(rest) > 0 {
		err = fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return user, clientID, ip, err
}

func unescape(data []byte) (name string, rest []byte, ok bool) {
	var out []byte
	for i := 0; i < len(data); i++ {
		if data[i] != 0 {
			out = append(out, data[i])
			continue
		}
		if i+1 == len(data) {
			return "", nil, false
		}
		i++
		switch data[i] {
		case 0xff:
			out = append(out, 0)
		case 1:
			return string(out), data[i+1:], true
		default:
			return "", nil, false
		}
	}
	return "", nil, false
}

// ParseACL reads a key of ACL.
func ParseACL(key []byte) (resourceType, pattern, operation, permission int8, name, principal, host string, err error) {
	malformed := func() (int8, int8, int8, int8, string, string, string, error) {
		return 0, 0, 0, 0, "", "", "", fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	if len(key) < 1+4 {
		return malformed()
	}
	name, rest, ok := unescape(key[5:])
	if !ok {
		return malformed()
	}
	principal, rest, ok = unescape(rest)
	if !ok {
		return malformed()
	}
	return int8(key[1]), int8(key[2]), int8(key[3]), int8(key[4]), name, principal, string(rest), nil
}

// ParseCredential reads a key of Credential.
func ParseCredential(key []byte) (user string, mechanism int8, err error) {
	if len(key) < 1 {
		return "", 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	user, rest, ok := unescape(key[1:])
	if !ok || len(rest) != 1 {
		return "", 0, fmt.Errorf("%w: %q", ErrMalformed, key)
	}
	return user, int8(rest[0]), nil
}
