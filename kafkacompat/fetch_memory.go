package kafkacompat

// fetchBytesScarce is what a Fetch may return, beside its first batch, while others
// hold the memory for responses.
const fetchBytesScarce = 64 << 10

// reserve takes of the server's memory for Fetch responses what is free, up to
// bytesMax, in place of what the connection has, and returns how many bytes may be
// read. That is a little even where nothing is free: consumers that don't take
// their answers make the others slow, but stop none.
func (c *conn) reserve(bytesMax int) int {
	c.keepReserved(0)
	for bytes := bytesMax; bytes > fetchBytesScarce; bytes /= 2 {
		if c.server.fetchMemory.TryAcquire(int64(bytes)) {
			c.reserved = bytes
			return bytes
		}
	}
	return min(bytesMax, fetchBytesScarce)
}

// keepReserved gives back what is reserved beyond bytes.
func (c *conn) keepReserved(bytes int) {
	if c.reserved > bytes {
		c.server.fetchMemory.Release(int64(c.reserved - bytes))
		c.reserved = bytes
	}
}
