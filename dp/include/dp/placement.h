/* placement.h - which worker core a tunnel peer is on.
 *
 * All that a peer sends to one of our addresses is on one core: L2TP, PPTP's control connection and its GRE, whatever queue
 * the device has put it into.  A core that gets what is another's hands it over (dp/place.c).  Connections that need no
 * company (SSTP) are spread by their ports as well: a load balancer, or a provider's NAT, is one peer for thousands.
 *
 * The hash is the one that devices have for this (RSS; Toeplitz), with Microsoft's key: a device that is told the key puts
 * a packet where we would.  Everybody knows it: who chooses his address chooses his core, and shares it with himself.
 * Any thread; no state.
 */
#ifndef DP_PLACEMENT_H
#define DP_PLACEMENT_H

#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/bytes.h>

#define PLACEMENT_KEY_LEN 40
#define PLACEMENT_SLOTS 128 /* entries of a device's indirection table: slot i is core i % n's */

struct placement {
	struct addr peer, local;
	uint16_t peer_port, local_port; /* both 0: by the addresses alone */
};

static const uint8_t placement_key[PLACEMENT_KEY_LEN] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3,
	0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3,
	0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static inline uint32_t placement_hash(const struct placement *p);
static inline uint32_t placement_word(unsigned at, uint32_t word);

/* placement_core: of n cores, the peer's. */
static inline unsigned
placement_core(const struct placement *p, unsigned n)
{
	return placement_hash(p) % PLACEMENT_SLOTS % n;
}

/* placement_hash: over source, destination and, if there are any, ports of what the peer sends. */
static inline uint32_t
placement_hash(const struct placement *p)
{
	unsigned first = addr_is_v4(&p->peer) ? 12 : 0, at = 0;
	uint32_t hash = 0;
	for (unsigned i = first; i < 16; i += 4)
		hash ^= placement_word(at++, be32(p->peer.b + i));
	for (unsigned i = first; i < 16; i += 4)
		hash ^= placement_word(at++, be32(p->local.b + i));
	return hash ^ placement_word(at, (uint32_t)p->peer_port << 16 | p->local_port);
}

/* placement_word: what 32 bits at this place of the input add: for each that is set the 32 bits of the key from there on. */
static inline uint32_t
placement_word(unsigned at, uint32_t word)
{
	const uint64_t key = (uint64_t)be32(placement_key + at * 4) << 32 | be32(placement_key + at * 4 + 4);
	uint32_t hash = 0;
	for (; word; word &= word - 1)
		hash ^= (uint32_t)(key >> (1 + (unsigned)__builtin_ctz(word)));
	return hash;
}

#endif
