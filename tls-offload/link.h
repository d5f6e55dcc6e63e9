/* link.h - the pair of rings between one worker core and one OFFLOAD thread. */
#ifndef TLS_OFFLOAD_LINK_H
#define TLS_OFFLOAD_LINK_H

#include <stdbool.h>

#include <millrace/byte_ring.h>
#include <tls-offload/msg.h>

struct tls_link {
	struct byte_ring *to_offload, *to_lcore;
};

/* Most payload bytes in one message: what a BYTES brings in can make as much plaintext, and a WRITE a little more
 * ciphertext, which then takes two OUTs. */
#define TLS_MSG_BYTES 4096
/* Stream bytes leave so much of a ring to life-cycle messages. */
#define TLS_RING_KEEP 8192
#define TLS_RING_MIN 65536
#define TLS_RING_DEFAULT (256u << 10)

static inline uint64_t
tls_handle(unsigned core, uint32_t index, uint16_t generation)
{
	return (uint64_t)core << 56 | (uint64_t)index << 32 | generation;
}

static inline uint32_t
tls_handle_index(uint64_t h)
{
	return (uint32_t)(h >> 32) & 0xffffff;
}

static inline uint16_t
tls_handle_generation(uint64_t h)
{
	return (uint16_t)h;
}

/* link_put: one message: its struct, then n bytes; false when the ring has no room for it. */
static inline bool
link_put(struct byte_ring *r, enum tls_msg type, uint64_t handle, const void *payload, const void *bytes, uint32_t n)
{
	uint32_t size = tls_msg_row(type)->size;
	uint8_t *p = byte_ring_reserve(r, (uint16_t)type, handle, size + n, n ? TLS_RING_KEEP : 0);
	if (!p)
		return false;
	if (payload)
		__builtin_memcpy(p, payload, size);
	if (n)
		__builtin_memcpy(p + size, bytes, n);
	byte_ring_commit(r);
	return true;
}

/* tls_offload_links: the links of a worker core, one for each thread. */
struct tls_offload;
struct tls_link *tls_offload_links(struct tls_offload *off, unsigned core, unsigned *n);

#endif
