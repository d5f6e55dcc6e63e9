/* mbuf.h - the little that the path does with mbufs beyond DPDK's own functions.  LCORE, or a test. */
#ifndef DP_MBUF_H
#define DP_MBUF_H

#include <stdbool.h>
#include <string.h>

#include <rte_mbuf.h>

/* mbuf_trim: cuts what lies behind the first `len` bytes (padding of the link or the tunnel); len <= m->pkt_len. */
static inline void
mbuf_trim(struct rte_mbuf *m, uint32_t len)
{
	if (likely(m->nb_segs == 1)) {
		m->pkt_len = len;
		m->data_len = (uint16_t)len;
		return;
	}
	struct rte_mbuf *last = m;
	uint32_t before = 0;
	uint16_t segs = 1;
	for (; before + last->data_len < len; segs++) {
		before += last->data_len;
		last = last->next;
	}
	rte_pktmbuf_free(last->next);
	last->next = NULL;
	last->data_len = (uint16_t)(len - before);
	m->pkt_len = len;
	m->nb_segs = segs;
}

#define MBUF_SMALL 256 /* bytes: up to here copying is cheaper than holding a buffer */

/* mbuf_join: m behind head.  Small pieces are copied into the room that there is, so that a peer who sends octet by octet
 * does not take a buffer for each.  False: too many pieces, m is the caller's still. */
static inline bool
mbuf_join(struct rte_mbuf *head, struct rte_mbuf *m)
{
	struct rte_mbuf *last = rte_pktmbuf_lastseg(head);
	if (m->pkt_len > MBUF_SMALL || rte_pktmbuf_tailroom(last) < m->pkt_len)
		return rte_pktmbuf_chain(head, m) == 0;
	uint8_t *to = rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len);
	const void *from = rte_pktmbuf_read(m, 0, m->pkt_len, to);
	if (from != to)
		memcpy(to, from, m->pkt_len);
	last->data_len = (uint16_t)(last->data_len + m->pkt_len);
	head->pkt_len += m->pkt_len;
	rte_pktmbuf_free(m);
	return true;
}

/* mbuf_drop_front: the chain without its first n bytes; NULL when there are no more. */
static inline struct rte_mbuf *
mbuf_drop_front(struct rte_mbuf *m, uint32_t n)
{
	while (n && m && n >= m->data_len) {
		struct rte_mbuf *next = m->next;
		n -= m->data_len;
		if (next) {
			next->pkt_len = m->pkt_len - m->data_len;
			next->nb_segs = m->nb_segs - 1;
		}
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
		m = next;
	}
	if (m && n)
		rte_pktmbuf_adj(m, (uint16_t)n);
	return m;
}

#endif
