/* hash.h - SipHash over the words of a connection's addresses, with a key of the start: who shares a slot of the table,
 * which sequence number and which cookie come next is nobody's to compute (RFC 6528 3, RFC 4987 3.6).
 *
 * SipHash-1-3 for the table, 2-4 where a peer sees what comes out.  Not the library's: that wants an allocated context
 * for each use, and a worker core has no heap.  Any thread; no state.
 */
#ifndef DP_TCP_HASH_H
#define DP_TCP_HASH_H

#include <stdint.h>

struct sip {
	uint64_t v0, v1, v2, v3;
};

static inline uint64_t
sip_rotl(uint64_t x, unsigned n)
{
	return x << n | x >> (64 - n);
}

static inline void
sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = sip_rotl(s->v1, 13) ^ s->v0;
	s->v0 = sip_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = sip_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = sip_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = sip_rotl(s->v1, 17) ^ s->v2;
	s->v2 = sip_rotl(s->v2, 32);
}

/* sip_hash: of n whole little-endian words; c rounds for each, d at the end. */
static inline uint64_t
sip_hash(const uint64_t key[2], const uint64_t *word, unsigned n, unsigned c, unsigned d)
{
	struct sip s = {key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
			key[1] ^ 0x7465646279746573};
	for (unsigned i = 0; i <= n; i++) {
		/* The last word is the length in bytes, in its top octet. */
		uint64_t m = i < n ? word[i] : (uint64_t)(n * 8) << 56;
		s.v3 ^= m;
		for (unsigned j = 0; j < c; j++)
			sip_round(&s);
		s.v0 ^= m;
	}
	s.v2 ^= 0xff;
	for (unsigned j = 0; j < d; j++)
		sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

#endif
