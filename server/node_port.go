package server

import (
	"crypto/tls"
	"fmt"
	"net/http"

	"kont/raftlog/link"
	"kont/server/api"
	"kont/server/certificates"
	"kont/server/peers"
)

// listenForNodes opens the port for the other nodes, if there can be any.
func (n *Node) listenForNodes() error {
	cluster := n.config.Cluster
	if cluster.IsAlone() {
		return nil
	}
	settings := link.Config{NodeID: peers.NameOf(cluster.NodeID), Bind: cluster.RaftAddr, Advertise: cluster.RaftAdvertise, Logger: n.logger}
	if cluster.HasTLS() {
		watched, err := certificates.Open(certificates.Files{
			Certificate: cluster.Certificate, Key: cluster.Key, ClientCA: cluster.CA, ClientAuth: tls.RequireAndVerifyClientCert,
		}, n.logger.With("listener", "raft"))
		if err != nil {
			return err
		}
		settings.TLS = func() *tls.Config {
			mutual := watched.Current().Clone()
			mutual.RootCAs = mutual.ClientCAs
			return mutual
		}
	}
	port, err := link.Open(settings)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --raft-addr", err)
	}
	n.port = port
	n.onClose(port.Close)
	n.calls = peers.NewClient(port)
	n.onClose(func() error { n.calls.Close(); return nil })
	n.logger.Info("listens for other nodes", "address", port.Address())
	return nil
}

// answerNodes answers other nodes from now on, which they need to form a cluster with this one.
func (n *Node) answerNodes() error {
	if n.port == nil {
		return nil
	}
	server := peers.Serve(n.port, n.members, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler := n.forwarded.Load()
		if handler == nil {
			http.Error(w, "the node is starting", http.StatusServiceUnavailable)
			return
		}
		(*handler).ServeHTTP(w, r)
	}), n.logger)
	n.onClose(server.Close)
	return nil
}

// serveForwarded answers what other nodes were asked from now on.
func (n *Node) serveForwarded(options api.Options) {
	handler := api.Forwarded(n, options)
	n.forwarded.Store(&handler)
}
