package link

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// A hello is the first that goes over a connection between two nodes, after the TLS
// handshake where there is one:
//
//	 0      4         5         6
//	+------+---------+---------+---------+------+----+
//	|"kont"| version | purpose | cluster | from | to |     from the node that dials
//	|      |  = 1    |         |         |      |    |
//	+------+---------+---------+---------+------+----+
//	+------+---------+---------+------+---------+
//	|"kont"| version | cluster | from | whyNot  |          from the one that is dialled,
//	|      |  = 1    |         |      |         |          which hangs up after a reason
//	+------+---------+---------+------+---------+
//
// A text is its length, one byte, and its bytes. An empty cluster is that of a node which
// is in none yet, an empty addressee one whose id the dialler does not know.
type hello struct {
	purpose           Purpose
	cluster, from, to string
}

const (
	helloMagic   = "kont"
	helloVersion = 1

	// textBytesMax is what the length of a text can say.
	textBytesMax = 255
)

func appendTexts(b []byte, texts ...string) []byte {
	for _, text := range texts {
		text = text[:min(len(text), textBytesMax)]
		b = append(b, byte(len(text)))
		b = append(b, text...)
	}
	return b
}

// readTexts reads no byte too many: what follows belongs to another reader.
func readTexts(r io.Reader, texts ...*string) error {
	b := make([]byte, textBytesMax)
	for _, text := range texts {
		if _, err := io.ReadFull(r, b[:1]); err != nil {
			return err
		}
		length := int(b[0])
		if _, err := io.ReadFull(r, b[:length]); err != nil {
			return err
		}
		*text = string(b[:length])
	}
	return nil
}

// readStart checks magic and version.
func readStart(r io.Reader) error {
	var start [len(helloMagic) + 1]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return err
	}
	if string(start[:len(helloMagic)]) != helloMagic {
		return errors.New("it is no node of kont, or one with TLS where the other has none")
	}
	if version := start[len(helloMagic)]; version != helloVersion {
		return fmt.Errorf("the other node speaks version %d between nodes, this one version %d; they need releases that have one in common",
			version, helloVersion)
	}
	return nil
}

// say opens a connection that was dialled, and returns who is at its end.
func (h hello) say(conn io.ReadWriter) (Peer, error) {
	b := append([]byte(helloMagic), helloVersion, byte(h.purpose))
	if _, err := conn.Write(appendTexts(b, h.cluster, h.from, h.to)); err != nil {
		return Peer{}, err
	}
	if err := readStart(conn); err != nil {
		return Peer{}, err
	}
	var cluster, node, whyNot string
	if err := readTexts(conn, &cluster, &node, &whyNot); err != nil {
		return Peer{}, err
	}
	if node == h.from {
		return Peer{}, fmt.Errorf("%w: the node there calls itself %q, and so does this one; give each node an id of its own", ErrSameID, node)
	}
	if whyNot != "" {
		return Peer{}, fmt.Errorf("%w by node %q: %s", ErrRefused, node, whyNot)
	}
	return Peer{NodeID: node, IsMember: cluster != "" && cluster == h.cluster}, nil
}

// hear reads what the other side opens a connection with.
func hear(r io.Reader) (hello, error) {
	var h hello
	if err := readStart(r); err != nil {
		return h, err
	}
	var purpose [1]byte
	if _, err := io.ReadFull(r, purpose[:]); err != nil {
		return h, err
	}
	h.purpose = Purpose(purpose[0])
	return h, readTexts(r, &h.cluster, &h.from, &h.to)
}

// answer takes the other side, or says why not.
func answer(w io.Writer, cluster, node, whyNot string) error {
	_, err := w.Write(appendTexts(append([]byte(helloMagic), helloVersion), cluster, node, whyNot))
	return err
}

// whyNot says what speaks against a connection that begins with h to a node of a
// cluster, empty if nothing does. A node that is in no cluster yet may call, by which it
// is taken into one, and nothing else.
func (h hello) whyNot(cluster, node string) string {
	var problems []string
	refuse := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	switch {
	case h.purpose != Raft && h.purpose != Calls:
		refuse("purpose %q is not known here", byte(h.purpose))
	case h.cluster != "" && cluster != "" && h.cluster != cluster:
		refuse("it belongs to cluster %s, and this node to %s", h.cluster, cluster)
	case h.purpose == Raft && cluster == "":
		refuse("this node is in no cluster yet")
	case h.purpose == Raft && h.cluster == "":
		refuse("it is in no cluster yet")
	}
	if h.to != "" && h.to != node {
		refuse("it looks for node %q, and this is node %q", h.to, node)
	}
	if h.from == node {
		refuse("it calls itself node %q, and so does this one; give each node an id of its own", h.from)
	}
	return strings.Join(problems, "; ")
}
