/* A burst of packets: parsed one after the other, then looked for together, so that what the table and the connections
 * cost is fetched while others are worked on; then each arrives. */
#include "conn.h"

#include <rte_prefetch.h>

#include "mbuf.h"

static enum drop parse(const struct tcp *t, const struct tcp_in *in, struct segment *s) ON_LCORE;
static void tuple_from_ip(const uint8_t *ip, struct segment *s);
static bool checksum_good(const struct segment *s);
static void prefetch(const struct tcp *t, const struct segment *s) ON_LCORE;

void
tcp_rx(struct tcp *t, const struct tcp_in *in, unsigned n, struct tcp_burst *burst)
{
	struct segment seg[TCP_BURST];
	unsigned good = 0;

	t->burst = burst;
	burst->n_opened = burst->n_data = 0;
	for (unsigned i = 0; i < n; i++) {
		struct segment *s = &seg[good];
		enum drop why = parse(t, &in[i], s);
		if (unlikely(why != DROP_NONE)) {
			tcp_drop(t, in[i].m, why);
			continue;
		}
		s->hash = tcp_hash(t, &s->id);
		rte_prefetch0(&t->slots[s->hash & t->slot_mask]);
		good++;
	}
	for (unsigned i = 0; i < good; i++)
		prefetch(t, &seg[i]);
	for (unsigned i = 0; i < good; i++)
		tcp_segment_arrives(t, &seg[i]);
	t->stats[TCP_STAT_SEGMENTS_IN] += n;
	t->burst = NULL;
}

static enum drop
parse(const struct tcp *t, const struct tcp_in *in, struct segment *s)
{
	struct rte_mbuf *m = in->m;
	(void)t;
	if (m->data_len < in->l4)
		return DROP_TCP_SHORT;
	enum drop why = tcp_parse(rte_pktmbuf_mtod_offset(m, const uint8_t *, in->l4), m->data_len - in->l4,
				  m->pkt_len - in->l4, &s->h);
	if (unlikely(why != DROP_NONE))
		return why;
	s->m = m;
	s->l4 = in->l4;
	s->nh = in->nh;
	s->len = m->pkt_len - in->l4 - s->h.hdr_len;
	tuple_from_ip(rte_pktmbuf_mtod(m, const uint8_t *), s);
	return checksum_good(s) ? DROP_NONE : DROP_TCP_CHECKSUM;
}

static void
tuple_from_ip(const uint8_t *ip, struct segment *s)
{
	s->id.hash = 0;
	s->id.local_port = s->h.dst_port;
	s->id.peer_port = s->h.src_port;
	if (ip[0] >> 4 == 4) {
		s->ip_ecn = ip[1] & 3;
		s->id.peer = addr_from_ip4(be32(ip + 12));
		s->id.local = addr_from_ip4(be32(ip + 16));
		return;
	}
	s->ip_ecn = ip[1] >> 4 & 3;
	memcpy(&s->id.peer, ip + 8, 16);
	memcpy(&s->id.local, ip + 24, 16);
}

/* checksum_good: a device that has found it good is believed, and one on this machine that left it open. */
static bool
checksum_good(const struct segment *s)
{
	uint64_t device = s->m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
	if (device == RTE_MBUF_F_RX_L4_CKSUM_GOOD || device == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return true;
	if (device == RTE_MBUF_F_RX_L4_CKSUM_BAD)
		return false;
	return tcp_sum(s->m, s->l4, &s->id) == 0xffff;
}

static void
prefetch(const struct tcp *t, const struct segment *s)
{
	const struct tcp_slot *slot = &t->slots[s->hash & t->slot_mask];
	for (unsigned i = 0; i < 4; i++, slot = &t->slots[(s->hash + i) & t->slot_mask]) {
		if (slot->ref == NONE)
			return;
		if (slot->hash != s->hash || slot->ref >= t->start.limits.conns)
			continue;
		prefetch_object(&t->conns[slot->ref], sizeof *t->conns);
		return;
	}
}
