#include "icmp6.h"

#include "ip.h"
#include "ip6.h"

#define ICMP6_HOP_LIMIT 64

static enum drop icmp6_echo(struct pkt *p) ON_LCORE;
static void icmp6_answer(struct pkt *p) ON_LCORE;

void
icmp6_rx(struct lcore *lc, struct pkt *p)
{
	enum drop why = icmp6_echo(p);

	if (why == DROP_NONE && lc->made.n == VEC_MAX)
		why = DROP_ICMP_LIMITED;
	if (why != DROP_NONE) {
		lcore_drop(lc, p->m, why);
		return;
	}
	icmp6_answer(p);
	vec_add(&lc->made, p);
}

static enum drop
icmp6_echo(struct pkt *p)
{
	const struct rte_mbuf *m = p->m;
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(m, const uint8_t *, p->l4);

	if (m->data_len < p->l4 + ICMP6_HDR_LEN || icmp[0] != ICMP6_ECHO || icmp[1])
		return DROP_ICMP6_UNHANDLED;
	return ip_checksum_ok(m, p->l4, IP6_PROTO_ICMP, m->pkt_len - p->l4) ? DROP_NONE : DROP_ICMP6_CHECKSUM;
}

/* icmp6_answer: makes a request the reply to itself, without the extension headers that it may have had. */
static void
icmp6_answer(struct pkt *p)
{
	struct rte_mbuf *m = p->m;
	uint8_t from_to[32];
	uint16_t sum;

	memcpy(from_to, rte_pktmbuf_mtod_offset(m, const uint8_t *, 24), 16);
	memcpy(from_to + 16, rte_pktmbuf_mtod_offset(m, const uint8_t *, 8), 16);
	uint8_t *ip = (uint8_t *)rte_pktmbuf_adj(m, (uint16_t)(p->l4 - IP6_HDR_LEN)), *icmp = ip + IP6_HDR_LEN;
	put_be32(ip, 6u << 28);
	put_be16(ip + 4, (uint16_t)(m->pkt_len - IP6_HDR_LEN));
	ip[6] = IP6_PROTO_ICMP;
	ip[7] = ICMP6_HOP_LIMIT;
	memcpy(ip + 8, from_to, 32);
	icmp[0] = ICMP6_ECHO_REPLY;
	/* The type is the high octet of its word: 0x0100 more in the data, as much less in the complement (RFC 1624). */
	memcpy(&sum, icmp + 2, 2);
	uint32_t less = sum + (uint16_t)~rte_cpu_to_be_16((ICMP6_ECHO_REPLY - ICMP6_ECHO) << 8);
	sum = (uint16_t)(less + (less >> 16));
	memcpy(icmp + 2, &sum, 2);
	p->l4 = IP6_HDR_LEN;
	p->inside = 0;
	p->from = FROM_US;
}
