package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// clockTicks is USER_HZ, which Linux has fixed at 100 for every architecture that
// Go runs on.
const clockTicks = 100

// processUsage reads /proc; where there is none (not Linux), all is 0.
func processUsage(pid int) (Usage, error) {
	var usage Usage
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if os.IsNotExist(err) {
		return usage, nil
	}
	if err != nil {
		return usage, err
	}
	// The second field is the name in brackets and may hold anything; utime,
	// stime and rss are the 14th, 15th and 24th field (proc(5)).
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 22 {
		return usage, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	number := func(field int) int64 {
		n, _ := strconv.ParseInt(fields[field-3], 10, 64)
		return n
	}
	usage.CPU = time.Duration(number(14)+number(15)) * time.Second / clockTicks
	usage.RSSBytes = number(24) * int64(os.Getpagesize())
	return usage, nil
}
