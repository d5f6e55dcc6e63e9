/* chain.h - byte streams in mbuf chains.
 *
 * Chains are unshared and writable.  Lengths in the first mbuf are kept right.  Functions that need a new mbuf take it
 * from a pool and leave everything as it was when there is none.  LCORE; no state.
 */
#ifndef TLS_OFFLOAD_CHAIN_H
#define TLS_OFFLOAD_CHAIN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_mbuf.h>

/* chain_last: the last segment; of a chain of one without the look at its `next`, which is on another line of memory. */
static inline struct rte_mbuf *
chain_last(struct rte_mbuf *chain)
{
	return likely(chain->nb_segs == 1) ? chain : rte_pktmbuf_lastseg(chain);
}

/* chain_append: m behind *chain; copied into the last segment's tailroom when it is small, so that a peer's single
 * bytes do not each hold a buffer. */
void chain_append(struct rte_mbuf **chain, struct rte_mbuf *m);

/* chain_take: the first n bytes of *chain (0 < n <= its length) as a chain of their own, *chain the rest or NULL.  A
 * segment with the border in it is divided by copying the smaller part into a new mbuf.  NULL without an mbuf. */
struct rte_mbuf *chain_take(struct rte_mbuf **chain, uint32_t n, struct rte_mempool *pool);

/* chain_peek: copies n bytes from offset on; false when the chain is shorter. */
bool chain_peek(const struct rte_mbuf *chain, uint32_t offset, void *to, uint32_t n);

/* chain_drop_front, chain_drop_back: takes n bytes (at most all) off an end; empty segments are freed, but the first
 * stays. */
struct rte_mbuf *chain_drop_front(struct rte_mbuf *chain, uint32_t n);
void chain_drop_back(struct rte_mbuf *chain, uint32_t n);

/* chain_strip: takes zeros off the end, then the byte before them, which is returned; 0 when all bytes are zero. */
uint8_t chain_strip(struct rte_mbuf *chain);

/* chain_write_back: n bytes behind the chain's; the caller has made sure of the room. */
static inline void
chain_write_back(struct rte_mbuf *chain, const void *bytes, uint16_t n)
{
	struct rte_mbuf *last = chain_last(chain);
	memcpy(rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), bytes, n);
	last->data_len = (uint16_t)(last->data_len + n);
	chain->pkt_len += n;
}

/* chain_room_back: makes sure of n bytes of tailroom in the last segment, by an mbuf more when it has not; false
 * without one. */
bool chain_longer(struct rte_mbuf *chain, struct rte_mempool *pool);
static inline bool
chain_room_back(struct rte_mbuf *chain, uint16_t n, struct rte_mempool *pool)
{
	return likely(rte_pktmbuf_tailroom(chain_last(chain)) >= n) || chain_longer(chain, pool);
}

/* chain_room_front: the chain with n bytes of headroom in its first segment, by an mbuf more when it has not; NULL without
 * one, and the chain as it was. */
struct rte_mbuf *chain_in_front(struct rte_mbuf *chain, struct rte_mempool *pool);
static inline struct rte_mbuf *
chain_room_front(struct rte_mbuf *chain, uint16_t n, struct rte_mempool *pool)
{
	return likely(rte_pktmbuf_headroom(chain) >= n) ? chain : chain_in_front(chain, pool);
}

/* chain_of: n bytes in a new chain, or NULL. */
struct rte_mbuf *chain_of(const void *bytes, uint32_t n, struct rte_mempool *pool);

#endif
