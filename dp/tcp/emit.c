/* Packets: headers in front of a payload, and the answers that belong to no connection. */
#include "conn.h"

#define RESETS_PER_S 1000 /* to closed ports; with as many in hand */
#define TTL 64

static void ip4_header(uint8_t *ip, const struct tcp_emit *e, uint32_t len);
static void ip6_header(uint8_t *ip, const struct tcp_emit *e, uint32_t len);

struct rte_mbuf *
tcp_mbuf(struct tcp *t)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->start.pool);
	if (!m)
		tcp_count(t, TCP_STAT_NO_MBUF);
	return m;
}

void
tcp_emit(struct tcp *t, struct rte_mbuf *m, const struct tcp_emit *e)
{
	bool v4 = addr_is_v4(&e->id->local);
	unsigned l3 = v4 ? 20 : 40, l4 = TCP_HDR_LEN + tcp_options_len(&e->opt);
	uint32_t len = m->pkt_len + l4;
	uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(l3 + l4)), *tcp = ip + l3;
	if (v4)
		ip4_header(ip, e, len);
	else
		ip6_header(ip, e, len);
	put_be16(tcp, e->id->local_port);
	put_be16(tcp + 2, e->id->peer_port);
	put_be32(tcp + 4, e->seq);
	put_be32(tcp + 8, e->flags & TCP_F_ACK ? e->ack : 0);
	tcp[12] = (uint8_t)(l4 / 4 << 4);
	tcp[13] = e->flags;
	put_be16(tcp + 14, e->wnd);
	put_be32(tcp + 16, 0);
	tcp_options_build(tcp + TCP_HDR_LEN, &e->opt);
	m->l2_len = 0;
	m->l3_len = l3;
	m->l4_len = l4;
	uint16_t sum;
	/* In one piece: some devices cannot add up pieces of odd lengths. */
	if (t->start.checksum_by_device && m->nb_segs == 1) {
		m->ol_flags |= RTE_MBUF_F_TX_TCP_CKSUM | (v4 ? RTE_MBUF_F_TX_IPV4 : RTE_MBUF_F_TX_IPV6);
		sum = tcp_sum_pseudo(e->id, len);
	} else {
		sum = (uint16_t)~tcp_sum(m, l3, e->id);
	}
	memcpy(tcp + 16, &sum, 2);
}

/* ip4_header: RFC 6864 4.1: a datagram that must not be fragmented needs no identification. */
static void
ip4_header(uint8_t *ip, const struct tcp_emit *e, uint32_t len)
{
	put_be16(ip, (uint16_t)(0x4500 | e->ecn));
	put_be16(ip + 2, (uint16_t)(20 + len));
	put_be32(ip + 4, 0x4000);
	put_be32(ip + 8, (uint32_t)TTL << 24 | 6 << 16);
	memcpy(ip + 12, e->id->local.b + 12, 4);
	memcpy(ip + 16, e->id->peer.b + 12, 4);
	/* From the values: loads of what was stored just now, in other sizes, would wait for it to reach the cache. */
	uint32_t src = be32(e->id->local.b + 12), dst = be32(e->id->peer.b + 12);
	uint32_t sum = (0x4500u | e->ecn) + 20 + len + 0x4000 + (TTL << 8 | 6);
	sum += (src >> 16) + (src & 0xffff) + (dst >> 16) + (dst & 0xffff);
	sum = (sum & 0xffff) + (sum >> 16);
	put_be16(ip + 10, (uint16_t) ~(sum + (sum >> 16)));
}

/* ip6_header: RFC 6437 3: a flow label for each connection, that nobody can guess. */
static void
ip6_header(uint8_t *ip, const struct tcp_emit *e, uint32_t len)
{
	put_be32(ip, 6u << 28 | (uint32_t)e->ecn << 20 | (e->hash & 0xfffff));
	put_be16(ip + 4, (uint16_t)len);
	ip[6] = 6;
	ip[7] = TTL;
	memcpy(ip + 8, e->id->local.b, 16);
	memcpy(ip + 24, e->id->peer.b, 16);
}

void
tcp_answer(struct tcp *t, const struct tcp_answer *a)
{
	struct rte_mbuf *m = t->n_answers < TCP_ANSWERS ? tcp_mbuf(t) : NULL;
	if (!m) {
		t->start.drops[DROP_TCP_ANSWERS]++;
		return;
	}
	struct tcp_emit e = {
		.id = a->id,
		.seq = a->seq,
		.ack = a->ack,
		.wnd = a->wnd,
		.flags = a->flags,
		.opt = a->opt,
	};
	e.hash = addr_is_v4(&a->id->local) ? 0 : tcp_hash(t, a->id);
	tcp_emit(t, m, &e);
	t->answers[t->n_answers++] = (struct tcp_out){m, a->nh};
}

/* tcp_reset_for: RFC 9293 3.10.7.1; not more than so many a second, or we would be a reflector. */
void
tcp_reset_for(struct tcp *t, const struct segment *s)
{
	uint32_t since = t->ms - t->reset_ms;
	uint64_t more = (uint64_t)since * RESETS_PER_S / 1000;
	if (more) {
		t->reset_tokens =
			t->reset_tokens + more < RESETS_PER_S ? t->reset_tokens + (uint32_t)more : RESETS_PER_S;
		t->reset_ms = t->ms;
	}
	if (!t->reset_tokens) {
		tcp_count(t, TCP_STAT_RESETS_HELD);
		return;
	}
	t->reset_tokens--;
	tcp_count(t, TCP_STAT_RESETS_OUT);
	struct tcp_answer a = {.id = &s->id, .nh = s->nh, .flags = TCP_F_RST};
	if (s->h.flags & TCP_F_ACK) {
		a.seq = s->h.ack;
	} else {
		a.flags |= TCP_F_ACK;
		a.ack = s->h.seq + s->len + ((s->h.flags & TCP_F_SYN) != 0) + ((s->h.flags & TCP_F_FIN) != 0);
	}
	tcp_answer(t, &a);
}
