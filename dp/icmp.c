#include "icmp.h"

#include <rte_ip.h>

#include "ip4.h"

#define ICMP_HDR_LEN 8
#define ICMP_TTL 64
/* RFC 1812 4.3.2.3: as much of the packet as possible without exceeding 576 bytes. */
#define ICMP_ERROR_MAX 576
/* RFC 1812 4.3.2.8.  Errors about packets of the core side do not use up those for subscribers, nor one sender of either
 * those for the others: a path MTU must be told of whoever scans. */
#define ICMP_ERRORS_PER_S 1000
#define ICMP_ERRORS_PER_RECIPIENT_PER_S 50

static enum drop icmp_echo(struct pkt *p) ON_LCORE;
static bool icmp_error_allowed(const struct pkt *p) ON_LCORE;
static bool icmp_error_in_rate(struct lcore *lc, const struct pkt *p) ON_LCORE;
static uint32_t icmp_error_source(const struct lcore *lc, const struct pkt *p) ON_LCORE;
static bool icmp_error_build(struct rte_mbuf *m, const struct rte_mbuf *about, const uint8_t head[8]);
static void icmp_finish(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t id);

void
icmp_init(struct lcore *lc, struct mono now)
{
	for (unsigned i = 0; i < RTE_DIM(lc->icmp_policer); i++)
		policer_init(&lc->icmp_policer[i], ICMP_ERRORS_PER_S, now);
	for (unsigned i = 0; i < PUNT_SOURCES; i++)
		policer_init(&lc->icmp_recipient[i], ICMP_ERRORS_PER_RECIPIENT_PER_S, now);
}

void
icmp_rx(struct lcore *lc, struct pkt *p)
{
	enum drop why = icmp_echo(p);
	if (why == DROP_NONE && lc->made.n == VEC_MAX)
		why = DROP_ICMP_LIMITED;
	if (why != DROP_NONE) {
		lcore_drop(lc, p->m, why);
		return;
	}
	p->dst = be32(rte_pktmbuf_mtod(p->m, const uint8_t *) + 16);
	p->nh = NH_NONE;
	p->iface = IFACE_NONE;
	p->inside = 0;
	p->from = FROM_US;
	vec_add(&lc->made, p);
}

/* icmp_echo: makes a request the reply to itself. */
static enum drop
icmp_echo(struct pkt *p)
{
	struct rte_mbuf *m = p->m;
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *), *icmp = ip + p->l4;
	uint16_t sum;

	if (m->data_len < p->l4 + ICMP_HDR_LEN || icmp[0] != ICMP_ECHO || icmp[1])
		return DROP_ICMP_UNHANDLED;
	if (rte_raw_cksum_mbuf(m, p->l4, m->pkt_len - p->l4, &sum) < 0 || sum != 0xffff)
		return DROP_ICMP_CHECKSUM;
	icmp[0] = ICMP_ECHO_REPLY;
	/* The type is the high octet of its word: 0x0800 less in the data, as much more in the complement. */
	memcpy(&sum, icmp + 2, 2);
	uint32_t more = sum + (uint32_t)rte_cpu_to_be_16(ICMP_ECHO << 8);
	sum = (uint16_t)(more + (more >> 16));
	memcpy(icmp + 2, &sum, 2);
	icmp_finish(ip, be32(ip + 16), be32(ip + 12), be16(ip + 4));
	return DROP_NONE;
}

void
icmp_error(struct lcore *lc, const struct pkt *p, uint8_t type, uint8_t code, uint16_t mtu)
{
	uint8_t head[ICMP_HDR_LEN] = {type, code};
	uint32_t source = icmp_error_source(lc, p);

	if (!source || !icmp_error_allowed(p))
		return;
	if (lc->made.n == VEC_MAX || !icmp_error_in_rate(lc, p)) {
		lc->stats.drops[DROP_ICMP_LIMITED]++;
		return;
	}
	struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);
	if (!m) {
		lc->stats.drops[DROP_ICMP_LIMITED]++;
		return;
	}
	put_be16(head + 6, mtu); /* RFC 1191 4; zero in the other errors */
	if (!icmp_error_build(m, p->m, head)) {
		rte_pktmbuf_free(m);
		return;
	}
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);
	icmp_finish(ip, source, be32(rte_pktmbuf_mtod(p->m, const uint8_t *) + 12), lc->ip_id++);
	struct pkt error = {.m = m, .dst = be32(ip + 16), .iface = IFACE_NONE, .from = FROM_US, .l4 = IP4_HDR_LEN};
	error.table = DP_TABLE_CORE;
	vec_add(&lc->made, &error);
}

/* RFC 1812 4.3.2.7. */
static bool
icmp_error_allowed(const struct pkt *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *);
	unsigned hdr_len = (ip[0] & 15u) * 4;

	if (p->from == FROM_US || (be16(ip + 6) & IP4_FRAG_OFFSET))
		return false;
	if (ip[9] != IP4_PROTO_ICMP)
		return true;
	if (p->m->data_len <= hdr_len)
		return false;
	uint8_t type = ip[hdr_len];
	return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || (type >= 13 && type <= 18); /* queries */
}

static bool
icmp_error_in_rate(struct lcore *lc, const struct pkt *p)
{
	struct policer *all = &lc->icmp_policer[p->from == FROM_SESSION];
	uint64_t to = be32(rte_pktmbuf_mtod(p->m, const uint8_t *) + 12);
	struct policer *own = &lc->icmp_recipient[to * lc->punt_key >> (64 - PUNT_SOURCES_LOG2)];

	return policer_ready(all, lc->now) && policer_take(own, lc->now) && policer_take(all, lc->now);
}

static uint32_t
icmp_error_source(const struct lcore *lc, const struct pkt *p)
{
	if (p->from == FROM_SESSION && p->s->gateway_ip4)
		return p->s->gateway_ip4;
	if (p->from == FROM_CORE && p->iface != IFACE_NONE)
		return lc->ifaces[p->iface].ip4;
	for (unsigned i = 0; i < lc->n_ifaces; i++)
		if (lc->ifaces[i].core && lc->ifaces[i].ip4)
			return lc->ifaces[i].ip4;
	return 0;
}

static bool
icmp_error_build(struct rte_mbuf *m, const struct rte_mbuf *about, const uint8_t head[8])
{
	uint32_t quoted = RTE_MIN(about->pkt_len, (uint32_t)ICMP_ERROR_MAX - IP4_HDR_LEN - ICMP_HDR_LEN);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(IP4_HDR_LEN + ICMP_HDR_LEN + quoted));

	if (!ip)
		return false;
	uint8_t *icmp = ip + IP4_HDR_LEN;
	memset(ip, 0, IP4_HDR_LEN);
	ip[0] = 0x45;
	ip[1] = 0xc0; /* RFC 1812 4.3.2.5: internetwork control */
	put_be16(ip + 2, (uint16_t)m->pkt_len);
	ip[9] = IP4_PROTO_ICMP;
	memcpy(icmp, head, ICMP_HDR_LEN);
	const void *from = rte_pktmbuf_read(about, 0, quoted, icmp + ICMP_HDR_LEN);
	if (from != icmp + ICMP_HDR_LEN)
		memcpy(icmp + ICMP_HDR_LEN, from, quoted);
	uint16_t sum = (uint16_t)~rte_raw_cksum(icmp, ICMP_HDR_LEN + quoted);
	memcpy(icmp + 2, &sum, 2);
	return true;
}

static void
icmp_finish(uint8_t *ip, uint32_t src, uint32_t dst, uint16_t id)
{
	put_be16(ip + 4, id);
	ip[8] = ICMP_TTL;
	put_be32(ip + 12, src);
	put_be32(ip + 16, dst);
	ip4_set_checksum(ip);
}
