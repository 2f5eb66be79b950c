package api

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// guard refuses what a page of another site may send through a visitor's
// browser, answers for panics, and logs.
//
// Two rules. The Host must be an IP address, localhost or a configured name: to
// rebind DNS an attacker needs a name of his own in the Host header. And a request
// that changes something must come from the same origin, as
// http.CrossOriginProtection tells by Sec-Fetch-Site and Origin; clients that are
// no browsers send neither.
func guard(next http.Handler, hosts []string, log *slog.Logger) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		writeError(w, &Error{
			Status: http.StatusForbidden, Code: "cross_origin",
			Message: fmt.Sprintf("%s %s from another origin (%s)", r.Method, r.URL.Path, r.Header.Get("Origin")),
			Hint:    "call the API from a program, or from a page of this server",
		})
	}))
	protected := sameOrigin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		defer func() {
			problem := recover()
			if problem == http.ErrAbortHandler {
				panic(problem) // an answer that is cut short must not look whole
			}
			if problem != nil {
				log.Error("http request panicked", "method", r.Method, "path", r.URL.Path, "panic", problem)
				writeError(w, fmt.Errorf("%s %s: internal error", r.Method, r.URL.Path))
			}
		}()
		if !hostAllowed(r.Host, hosts) {
			writeError(w, &Error{
				Status: http.StatusMisdirectedRequest, Code: "unknown_host",
				Message: fmt.Sprintf("this server does not answer to the host name %q", r.Host),
				Hint:    "use its IP address, or add the name with --http-hosts",
			})
			return
		}
		protected.ServeHTTP(w, r)
		log.Debug("http request", "method", r.Method, "path", r.URL.Path, "duration_us", time.Since(began).Microseconds())
	})
}

func hostAllowed(hostPort string, hosts []string) bool {
	host := hostPort
	if name, _, err := net.SplitHostPort(hostPort); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return true
	}
	return slices.ContainsFunc(hosts, func(allowed string) bool { return strings.EqualFold(allowed, host) })
}
