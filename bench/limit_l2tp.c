#include "limit_l2tp.h"

#include <string.h>

#include <millrace/bytes.h>

#define IP 14
#define UDP 34
#define L2TP 42
#define INNER 52
#define BUCKET_SHIFT 20
#define NONE UINT32_MAX

static uint32_t up_slot(const struct limit *l, const uint8_t *p);
static bool up_session(struct limit_session *s, struct rte_mbuf *m, uint64_t tsc);
static bool down_session(struct limit_session *s, struct rte_mbuf *m, uint64_t tsc);
static void down_headers(struct limit_session *s, struct rte_mbuf *m, uint16_t id);

static inline bool
bucket_take(struct limit_bucket *b, uint64_t tsc, uint32_t bytes)
{
	uint64_t passed = tsc - b->last;
	int64_t tokens = b->tokens + (int64_t)((passed > 1u << 31 ? 1u << 31 : passed) * b->rate);
	int64_t need = (int64_t)bytes << BUCKET_SHIFT;

	b->last = tsc;
	if (tokens > (int64_t)b->cap)
		tokens = (int64_t)b->cap;
	b->tokens = tokens >= need ? tokens - need : tokens;
	b->refused += tokens < need;
	return tokens >= need;
}

void
limit_bucket_init(struct limit_bucket *b)
{
	*b = (struct limit_bucket){.cap = 1ull << 50, .tokens = 1ll << 50, .rate = 1 << BUCKET_SHIFT};
}

static inline void
ttl_dec(uint8_t *ip)
{
	uint16_t sum;
	ip[8]--;
	memcpy(&sum, ip + 10, 2);
	uint32_t more = sum + 1u;
	sum = (uint16_t)(more + (more >= 0xffff));
	memcpy(ip + 10, &sum, 2);
}

unsigned
limit_up(struct limit *l, struct rte_mbuf **m, unsigned n, struct rte_mbuf **out, uint64_t tsc)
{
	uint32_t slot[LIMIT_BURST], dst[LIMIT_BURST];
	uint64_t route[LIMIT_BURST];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], uint8_t *));
		rte_prefetch0(rte_pktmbuf_mtod(m[i], uint8_t *) + 64);
	}
	for (unsigned i = 0; i < n; i++) {
		slot[i] = up_slot(l, rte_pktmbuf_mtod(m[i], const uint8_t *));
		if (slot[i] != NONE)
			rte_prefetch0(&l->sessions[slot[i]]);
	}
	for (unsigned i = 0; i < n; i++) {
		if (slot[i] == NONE || !up_session(&l->sessions[slot[i]], m[i], tsc)) {
			rte_pktmbuf_free(m[i]);
			continue;
		}
		dst[k] = be32(rte_pktmbuf_mtod(m[i], const uint8_t *) + INNER + 16);
		out[k++] = m[i];
	}
	rte_fib_lookup_bulk(l->routes, dst, route, (int)k);
	for (unsigned i = 0; i < k; i++)
		memcpy(rte_pktmbuf_adj(out[i], INNER - 14), l->eth_up, 14);
	return k;
}

static uint32_t
up_slot(const struct limit *l, const uint8_t *p)
{
	if (be16(p + 12) != 0x0800 || p[IP] != 0x45 || p[IP + 9] != 17 || (be16(p + IP + 6) & 0x3fff))
		return NONE;
	if (be16(p + UDP + 2) != 1701 || (be16(p + L2TP) & 0xca0f) != 2 || be32(p + L2TP + 6) != 0xff030021)
		return NONE;
	uint32_t slot = l->tunnels[be16(p + L2TP + 2)] + be16(p + L2TP + 4);
	return slot < l->n_sessions ? slot : NONE;
}

static bool
up_session(struct limit_session *s, struct rte_mbuf *m, uint64_t tsc)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = m->pkt_len - INNER;

	if (!s->open || s->peer_ip4 != be32(p + IP + 12) || s->ip4 != be32(p + INNER + 12) || p[INNER + 8] < 2)
		return false;
	if (!bucket_take(&s->up, tsc, len))
		return false;
	s->up_packets++;
	s->up_bytes += len;
	ttl_dec(p + INNER);
	return true;
}

unsigned
limit_down(struct limit *l, struct rte_mbuf **m, unsigned n, struct rte_mbuf **out, uint64_t tsc)
{
	uint32_t dst[LIMIT_BURST], slot[LIMIT_BURST];
	unsigned k = 0;

	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], uint8_t *));
		rte_prefetch0(rte_pktmbuf_mtod(m[i], uint8_t *) - 64);
	}
	for (unsigned i = 0; i < n; i++) {
		const uint8_t *p = rte_pktmbuf_mtod(m[i], const uint8_t *);
		dst[i] = be16(p + 12) == 0x0800 && p[IP] == 0x45 ? be32(p + IP + 16) - l->first_ip4 : NONE;
		if (dst[i] < l->n_sessions)
			rte_prefetch0(&l->subscribers[dst[i]]);
	}
	for (unsigned i = 0; i < n; i++) {
		slot[i] = dst[i] < l->n_sessions ? l->subscribers[dst[i]] - 1 : NONE;
		if (slot[i] == NONE)
			continue;
		rte_prefetch0(&l->sessions[slot[i]]);
		rte_prefetch0(l->sessions[slot[i]].template);
		rte_prefetch0(&l->sessions[slot[i]].down_packets);
	}
	for (unsigned i = 0; i < n; i++) {
		if (slot[i] == NONE || !down_session(&l->sessions[slot[i]], m[i], tsc)) {
			rte_pktmbuf_free(m[i]);
			continue;
		}
		down_headers(&l->sessions[slot[i]], m[i], l->ip_id++);
		out[k++] = m[i];
	}
	return k;
}

static bool
down_session(struct limit_session *s, struct rte_mbuf *m, uint64_t tsc)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *) + IP;
	uint32_t len = m->pkt_len - IP;

	if (!s->open || ip[8] < 2 || len > s->mtu || !bucket_take(&s->down, tsc, len))
		return false;
	s->down_packets++;
	s->down_bytes += len;
	ttl_dec(ip);
	return true;
}

static void
down_headers(struct limit_session *s, struct rte_mbuf *m, uint16_t id)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, LIMIT_HEADERS - 14);
	uint16_t len = (uint16_t)(m->pkt_len - IP), sum;

	memcpy(p, s->template + 64 - LIMIT_HEADERS, LIMIT_HEADERS);
	put_be16(p + IP + 2, len);
	put_be16(p + IP + 4, id);
	memcpy(&sum, p + IP + 10, 2);
	uint32_t more = (uint16_t)~sum;
	more += rte_cpu_to_be_16(len);
	more += rte_cpu_to_be_16(id);
	more = (more & 0xffff) + (more >> 16);
	sum = (uint16_t) ~(more + (more >> 16));
	memcpy(p + IP + 10, &sum, 2);
	put_be16(p + UDP + 4, (uint16_t)(len - 20));
}
