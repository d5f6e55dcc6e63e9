/* source.h - how much of what strangers share on a worker core each source has: places of connections that have no session yet,
 * handshakes, queues of such connections.
 *
 * A source is an IPv4 address or an IPv6 /64, counted in one of 1,024 places by a hash with a key of the start: a peer shares
 * his place with few, whom nobody chose.  While there is room nobody is bounded, since many may be behind one address; when
 * half of what there is is in use, a source that has a quarter of it gets no more.
 *
 * Owner: the worker core.
 */
#ifndef DP_SOURCE_H
#define DP_SOURCE_H

#include <millrace/addr.h>
#include <millrace/bytes.h>
#include <millrace/role.h>

#define SOURCES_LOG2 10

enum source_share {
	SOURCE_PLACE,     /* from the TCP connection, or the PROXY header, to the session */
	SOURCE_HANDSHAKE, /* while OFFLOAD is at it */
	SOURCE_QUEUE,     /* something waits for it, and it has no session */
	SOURCE_SHARES
};

struct sources {
	uint64_t key; /* odd */
	uint32_t n[SOURCE_SHARES][1 << SOURCES_LOG2];
};

static inline uint16_t
source_place(const struct sources *s, const struct addr *a)
{
	struct addr source = addr_source(a);
	uint64_t h = be64(source.b) * s->key;
	return (uint16_t)(((h ^ h >> 32 ^ be64(source.b + 8)) * s->key) >> (64 - SOURCES_LOG2));
}

/* source_too_many: of `all` places `used` are, and this source has its share. */
static inline bool
source_too_many(const struct sources *s, enum source_share share, uint16_t place, uint64_t used, uint64_t all)
{
	return used >= all / 2 && s->n[share][place] > all / 4;
}

#endif
