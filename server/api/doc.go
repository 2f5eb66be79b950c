// Package api serves a node over HTTP: threads, topics and deployments as JSON
// under /api/v1, health at /healthz and /readyz, metrics at /metrics.
//
// It knows a node by the interface Node alone, and holds no state of its own but
// for the requests in flight. Records go through Kafka, never through here, so
// there is one way into a topic.
//
// # Requests
//
//	GET    /api/v1/status                                  Status
//	GET    /api/v1/topics                                  {"topics": [Topic]}
//	GET    /api/v1/deployments                             {"deployments": [Deployment]}
//	POST   /api/v1/deployments?app=A&resume_topic=T        body: an encoded bundle; Deployment
//	GET    /api/v1/threads?topic=T&status=S&cursor=C&limit=N   ThreadsPage
//	GET    /api/v1/thread?topic=T&key=K                    Thread
//	GET    /api/v1/thread/history?topic=T&key=K&limit=N    {"history": [HistoryEntry]}
//	GET    /api/v1/unmatched?topic=T&cursor=C&limit=N      UnmatchedPage
//	GET    /api/v1/thread/continuation?topic=T&key=K       Continuation
//	GET    /api/v1/bundle?hash=HEX                         EncodedBundle
//	POST   /api/v1/thread/retry?topic=T&key=K              {}
//	DELETE /api/v1/thread?topic=T&key=K                    {}
//
// A key stands in the query, since a path would not carry every key: "..", the
// empty key, a key with a slash. topic is workflow-resume if it is left out,
// but for lists, which then have all topics.
// Every refusal is an Error as JSON: what was refused, and what to do next. A node
// that is in no cluster yet refuses everything but /healthz, and says why (Starting).
//
// # Strangers
//
// There is no authentication yet. What stands in for it: the node listens on
// loopback by default; a request whose Host is a name that was not configured is
// refused, so a page of another site cannot reach the node by rebinding its own
// name to 127.0.0.1; a request that a browser sends from another origin is
// refused unless it only reads, and what it reads is withheld by the browser, as
// no Access-Control header is ever sent.
//
// Bodies and headers are bounded, and slow connections are cut (see NewServer).
package api
