package server_test

import (
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// chaosWire is a switch of Ethernet, in this process, to which each node has a card of its own (a tap). It does to packets what wires do: it loses
// them or has them late, one way or both. A kernel does that with netem, which not every one has.
type chaosWire struct {
	cards   []*os.File
	reading sync.WaitGroup

	mutex sync.Mutex
	// The mutex guards links, by sender and receiver.
	links [][]chaosLink
}

// chaosLink is one direction of a link.
type chaosLink struct {
	isCut bool
	// lossPercent of the packets are lost, the others come after delay, and up to jitter more.
	lossPercent   int
	delay, jitter time.Duration
}

// frameBytesMax is more than a card sends at once.
const frameBytesMax = 1 << 14

// newChaosWire makes cards with these names.
func newChaosWire(names []string) (*chaosWire, error) {
	w := &chaosWire{}
	for _, name := range names {
		fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_NONBLOCK|unix.O_CLOEXEC, 0)
		if err != nil {
			w.close()
			return nil, os.NewSyscallError("open /dev/net/tun", err)
		}
		request, err := unix.NewIfreq(name)
		if err == nil {
			request.SetUint16(unix.IFF_TAP | unix.IFF_NO_PI)
			err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
		}
		if err != nil {
			syscall.Close(fd)
			w.close()
			return nil, os.NewSyscallError("make the tap "+name, err)
		}
		w.cards = append(w.cards, os.NewFile(uintptr(fd), name))
		w.links = append(w.links, make([]chaosLink, len(names)))
	}
	for from, card := range w.cards {
		w.reading.Go(func() { w.carry(from, card) })
	}
	return w, nil
}

// carry carries what one card sends. The last byte of an address is the number of the card, from 1.
func (w *chaosWire) carry(from int, card *os.File) {
	buffer := make([]byte, frameBytesMax)
	for {
		n, err := card.Read(buffer)
		if err != nil {
			return // it is closed
		}
		const destinationEnd = 6
		if n < destinationEnd || buffer[0]&1 == 1 { // to all: every card has been told the addresses of the others
			continue
		}
		to := int(buffer[destinationEnd-1]) - 1
		if to < 0 || to >= len(w.cards) || to == from {
			continue
		}
		w.mutex.Lock()
		link := w.links[from][to]
		w.mutex.Unlock()
		if link.isCut || rand.IntN(100) < link.lossPercent {
			continue
		}
		if link.delay == 0 && link.jitter == 0 {
			w.cards[to].Write(buffer[:n]) //nolint:errcheck // a packet that can't be delivered is lost
			continue
		}
		frame := append([]byte(nil), buffer[:n]...)
		time.AfterFunc(link.delay+rand.N(link.jitter+1), func() {
			w.cards[to].Write(frame) //nolint:errcheck // the same
		})
	}
}

func (w *chaosWire) set(from, to int, link chaosLink) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.links[from][to] = link
}

func (w *chaosWire) close() {
	for _, card := range w.cards {
		card.Close()
	}
	w.reading.Wait()
}
