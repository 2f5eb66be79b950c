package kafkacompat

import (
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// user is who the client is to quotas: its principal without the type.
func (c *conn) user() string {
	_, name, _ := strings.Cut(c.principal, ":")
	return name
}

// charge takes an amount from what the client may use of a quota.
func (c *call) charge(quota string, amount float64) {
	if amount > 0 {
		c.throttle = max(c.throttle, c.server.quotas.charge(quota, c.user(), c.header.ClientID, amount, time.Now()))
	}
}

// mutate takes a change of that many partitions from what the client may change. Versions of requests that know the error have it where the client has changed
// too much already; those before it are made to wait (KIP-599).
func (c *call) mutate(partitions int32, isStrict bool) error {
	if !isStrict {
		c.charge(quotaMutations, float64(partitions))
		return nil
	}
	wait, isRefused := c.server.quotas.chargeStrictly(quotaMutations, c.user(), c.header.ClientID, float64(partitions), time.Now())
	if isRefused {
		c.throttle = max(c.throttle, wait)
		return fmt.Errorf("more partitions made and deleted than %s allows: %w", quotaMutations, kerr.ThrottlingQuotaExceeded)
	}
	return nil
}

// tellThrottle writes into an answer for how long its client has to wait.
func (c *call) tellThrottle(response kmsg.Response) {
	if throttled, ok := response.(kmsg.SetThrottleResponse); ok && c.throttle > 0 {
		throttled.SetThrottle(int32(c.throttle.Milliseconds()))
	}
}

// pause is where a client waits that uses too much, whether it has read the answer or not: nothing that it sends is begun.
func (c *conn) pause(throttle time.Duration) error {
	if throttle > 0 && !sleep(c.ctx, throttle) {
		return fmt.Errorf("while throttled: %w", errCloseConn)
	}
	return nil
}

// recordBytes is the size of the record batches of an answer.
func recordBytes(response *kmsg.FetchResponse) (bytes int) {
	for i := range response.Topics {
		for j := range response.Topics[i].Partitions {
			bytes += len(response.Topics[i].Partitions[j].RecordBatches)
		}
	}
	return bytes
}
