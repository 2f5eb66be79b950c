package child_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"kont/cli"
	"kont/cli/child"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"parent": parent, "kont": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		os.Exit(cli.Main(ctx, cli.Process{Args: os.Args[1:], Env: os.Environ(), In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}})
}

func newNode(t *testing.T, args ...string) (*child.Node, *strings.Builder) {
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	n := &child.Node{Executable: executable, Args: args, DataDir: t.TempDir(), Log: &log}
	t.Cleanup(func() { n.Kill() })
	return n, &log
}

func TestNodeComesBackAtItsAddresses(t *testing.T) {
	n, _ := newNode(t)
	if n.ProcessID() != 0 || n.Ended() != nil || n.Kill() != nil || n.Stop(time.Second) != nil {
		t.Error("there is a process before the start")
	}
	var kafka, http string
	for i, end := range []func() error{
		n.Kill,
		func() error { // it ends on its own
			process, err := os.FindProcess(n.ProcessID())
			return errors.Join(err, process.Kill())
		},
		func() error { return n.Stop(time.Minute) },
	} {
		if err := n.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := n.Start(t.Context()); err == nil {
			t.Fatal("started twice")
		}
		if i == 0 {
			kafka, http = n.KafkaAddress(), n.HTTPAddress()
		}
		if n.KafkaAddress() != kafka || n.HTTPAddress() != http {
			t.Errorf("at %s and %s, was at %s and %s", n.KafkaAddress(), n.HTTPAddress(), kafka, http)
		}
		conn, err := net.Dial("tcp", kafka)
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		if err := end(); err != nil {
			t.Fatal(err)
		}
		<-n.Ended()
		if n.ProcessID() != 0 {
			t.Error("the process runs after its end")
		}
	}
}

func TestNodeThatDoesNotStartSaysWhy(t *testing.T) {
	n, log := newNode(t, "--log-level", "deafening")
	err := n.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "its log says why") || !strings.Contains(log.String(), "deafening") {
		t.Errorf("%v; log %q", err, log)
	}
}

// The parent is this test binary in a process of its own, which is killed.
func TestNodeEndsWithItsParent(t *testing.T) {
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Args = []string{"parent", dir}
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	var address string
	if _, err := fmt.Fscanln(out, &address); err != nil {
		t.Fatal(err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return
		}
		conn.Close()
		if time.Now().After(deadline) {
			t.Fatal("the node lives on")
		}
	}
}

// parent starts a node, prints its address and waits to be killed.
func parent() {
	executable, err := os.Executable()
	if err != nil {
		panic(err)
	}
	n := &child.Node{Executable: executable, DataDir: os.Args[1], Log: os.Stderr}
	if err := n.Start(context.Background()); err != nil {
		panic(err)
	}
	fmt.Println(n.KafkaAddress())
	select {}
}
