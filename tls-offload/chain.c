#include "chain.h"

#include <string.h>

#define SMALL 256 /* bytes: up to here copying is cheaper than holding a buffer */

static struct rte_mbuf *divide(struct rte_mbuf **seg, uint16_t n, struct rte_mempool *pool);

void
chain_append(struct rte_mbuf **chain, struct rte_mbuf *m)
{
	if (!*chain) {
		*chain = m;
		return;
	}
	struct rte_mbuf *head = *chain, *last = rte_pktmbuf_lastseg(head);
	if (m->pkt_len <= SMALL && rte_pktmbuf_tailroom(last) >= m->pkt_len) {
		chain_peek(m, 0, rte_pktmbuf_mtod_offset(last, uint8_t *, last->data_len), m->pkt_len);
		last->data_len = (uint16_t)(last->data_len + m->pkt_len);
		head->pkt_len += m->pkt_len;
		rte_pktmbuf_free(m);
		return;
	}
	last->next = m;
	head->nb_segs = (uint16_t)(head->nb_segs + m->nb_segs);
	head->pkt_len += m->pkt_len;
}

/* divide: *seg, alone, has n of its bytes before the border and some behind it.  *seg becomes the chain of those before;
 * returned is the chain of those behind.  NULL without mbufs, and nothing has happened. */
static struct rte_mbuf *
divide(struct rte_mbuf **seg, uint16_t n, struct rte_mempool *pool)
{
	struct rte_mbuf *s = *seg, *copy;
	uint16_t behind = (uint16_t)(s->data_len - n);
	const uint8_t *data = rte_pktmbuf_mtod(s, const uint8_t *);
	if (n <= behind) {
		copy = chain_of(data, n, pool);
		if (!copy)
			return NULL;
		*seg = copy;
		s->data_off = (uint16_t)(s->data_off + n);
		s->data_len = behind;
		return s;
	}
	copy = chain_of(data + n, behind, pool);
	if (copy)
		s->data_len = n;
	return copy;
}

struct rte_mbuf *
chain_take(struct rte_mbuf **chain, uint32_t n, struct rte_mempool *pool)
{
	struct rte_mbuf *head = *chain, *before = NULL, *seg = head;
	uint32_t total = head->pkt_len, left = n;
	uint16_t all = head->nb_segs, whole = 0; /* segments before the one that n ends in */
	if (n == total) {
		*chain = NULL;
		return head;
	}
	for (; seg->data_len < left; seg = seg->next, whole++) {
		left -= seg->data_len;
		before = seg;
	}
	struct rte_mbuf *rest = seg->next, *front = seg;
	uint16_t front_segs = 1, rest_segs = (uint16_t)(all - whole - 1);
	seg->next = NULL;
	seg->nb_segs = 1;
	if (seg->data_len != left) {
		struct rte_mbuf *behind = divide(&front, (uint16_t)left, pool);
		if (!behind) {
			seg->next = rest;
			head->nb_segs = all;
			return NULL;
		}
		front_segs = front->nb_segs;
		rest_segs = (uint16_t)(rest_segs + behind->nb_segs);
		rte_pktmbuf_lastseg(behind)->next = rest;
		rest = behind;
	}
	if (before)
		before->next = front;
	else
		head = front;
	head->nb_segs = (uint16_t)(whole + front_segs);
	head->pkt_len = n;
	rest->nb_segs = rest_segs;
	rest->pkt_len = total - n;
	*chain = rest;
	return head;
}

bool
chain_peek(const struct rte_mbuf *chain, uint32_t offset, void *to, uint32_t n)
{
	const void *p = rte_pktmbuf_read(chain, offset, n, to);
	if (!p)
		return false;
	if (p != to)
		memcpy(to, p, n);
	return true;
}

struct rte_mbuf *
chain_drop_front(struct rte_mbuf *chain, uint32_t n)
{
	while (n >= chain->data_len && chain->next) {
		struct rte_mbuf *next = chain->next;
		n -= chain->data_len;
		next->nb_segs = (uint16_t)(chain->nb_segs - 1);
		next->pkt_len = chain->pkt_len - chain->data_len;
		chain->next = NULL;
		chain->nb_segs = 1;
		rte_pktmbuf_free_seg(chain);
		chain = next;
	}
	chain->data_off = (uint16_t)(chain->data_off + n);
	chain->data_len = (uint16_t)(chain->data_len - n);
	chain->pkt_len -= n;
	return chain;
}

void
chain_drop_back(struct rte_mbuf *chain, uint32_t n)
{
	uint32_t keep = chain->pkt_len - n;
	struct rte_mbuf *seg = chain;
	chain->pkt_len = keep;
	chain->nb_segs = 1;
	while (keep > seg->data_len) {
		keep -= seg->data_len;
		seg = seg->next;
		chain->nb_segs++;
	}
	seg->data_len = (uint16_t)keep;
	struct rte_mbuf *rest = seg->next;
	seg->next = NULL;
	while (rest) {
		struct rte_mbuf *next = rest->next;
		rest->next = NULL;
		rte_pktmbuf_free_seg(rest);
		rest = next;
	}
}

uint8_t
chain_strip(struct rte_mbuf *chain)
{
	while (chain->pkt_len) {
		struct rte_mbuf *last = rte_pktmbuf_lastseg(chain);
		const uint8_t *p = rte_pktmbuf_mtod(last, uint8_t *);
		uint16_t n = last->data_len;
		while (n && !p[n - 1])
			n--;
		uint8_t type = n ? p[n - 1] : 0;
		chain_drop_back(chain, (uint32_t)(last->data_len - n) + (n > 0));
		if (n)
			return type;
	}
	return 0;
}

bool
chain_longer(struct rte_mbuf *chain, struct rte_mempool *pool)
{
	struct rte_mbuf *more = rte_pktmbuf_alloc(pool);
	if (!more)
		return false;
	chain_last(chain)->next = more;
	chain->nb_segs++;
	return true;
}

struct rte_mbuf *
chain_in_front(struct rte_mbuf *chain, struct rte_mempool *pool)
{
	struct rte_mbuf *more = rte_pktmbuf_alloc(pool);
	if (!more)
		return NULL;
	more->next = chain;
	more->nb_segs = (uint16_t)(chain->nb_segs + 1);
	more->pkt_len = chain->pkt_len;
	return more;
}

struct rte_mbuf *
chain_of(const void *bytes, uint32_t n, struct rte_mempool *pool)
{
	struct rte_mbuf *head = NULL, *last = NULL;
	const uint8_t *p = bytes;
	do {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
		if (!m) {
			rte_pktmbuf_free(head);
			return NULL;
		}
		uint16_t room = rte_pktmbuf_tailroom(m), k = n < room ? (uint16_t)n : room;
		if (k) /* `bytes` of nothing may be NULL */
			memcpy(rte_pktmbuf_mtod(m, uint8_t *), p, k);
		m->data_len = k;
		m->pkt_len = k;
		if (last) {
			last->next = m;
			head->nb_segs++;
			head->pkt_len += k;
		} else {
			head = m;
		}
		last = m;
		p = k ? p + k : p;
		n -= k;
	} while (n);
	return head;
}
