#include "down.h"

#include <rte_prefetch.h>

#include "conn.h"
#include "gate.h"
#include "gre.h"
#include "ip4.h"
#include "ip6.h"
#include "mppe.h"
#include "out.h"
#include "sstp_data.h"
#include "udp.h"

/* Room that every packet of the path has in front: what MPPE adds, the template, and an Ethernet header with a tag. */
#define DOWN_HEADROOM (SESSION_TEMPLATE_MAX + MPPE_OVERHEAD + 18)

static void down_control(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m) ON_LCORE;
static enum drop down_refuses(const struct pkt *p, const struct dp_session *s) ON_LCORE;
static __rte_always_inline void down_headers(struct lcore *lc, struct dp_session *s, struct pkt *p) ON_LCORE;
static __rte_always_inline void down_lengths(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m) ON_LCORE;
static __rte_always_inline void down_ip4(uint8_t *ip, uint32_t len, uint16_t id) ON_LCORE;
static __rte_always_inline void down_udp(struct dp_session *s, uint8_t *udp, uint32_t len) ON_LCORE;
static __rte_always_inline void down_gre(struct dp_session *s, uint8_t *gre, uint32_t len) ON_LCORE;
static void down_checksum6(const struct lcore *lc, const struct dp_session *s, struct rte_mbuf *m) ON_LCORE;

void
down(struct lcore *lc, struct lane *v, struct lane *plain, struct lane *queued, struct lane *big)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct rte_mbuf *m = p->m;
		struct dp_session *s = &lc->sessions[nh_session_slot(p->nh)];
		enum drop why = down_refuses(p, s);
		if (unlikely(why != DROP_NONE)) {
			s->down_drops++;
			lcore_drop(lc, m, why);
			continue;
		}
		if (unlikely(m->pkt_len > s->mtu)) {
			p->mtu = s->mtu;
			lane_add(big, p);
			continue;
		}
		if (unlikely(s->queued)) {
			lane_add(queued, p);
			continue;
		}
		s->down_packets++;
		s->down_bytes += m->pkt_len;
		s->last_down_us = lc->now.us;
		if (unlikely(s->mppe_down)) {
			lane_add(plain, p);
			continue;
		}
		down_headers(lc, s, p);
		v->p[n++] = p;
	}
	v->n = n;
}

void
down_sealed(struct lcore *lc, struct lane *v)
{
	for (unsigned i = 0; i < v->n; i++)
		down_headers(lc, &lc->sessions[nh_session_slot(v->p[i]->nh)], v->p[i]);
}

static __rte_always_inline void
down_headers(struct lcore *lc, struct dp_session *s, struct pkt *p)
{
	struct rte_mbuf *m = p->m;

	memcpy(rte_pktmbuf_mtod(m, uint8_t *) - SESSION_TEMPLATE_MAX, s->template, SESSION_TEMPLATE_MAX);
	m->data_off -= s->template_len;
	m->data_len += s->template_len;
	m->pkt_len += s->template_len;
	down_lengths(lc, s, m);
	p->nh = s->nh;
	p->from = FROM_US;
}

static enum drop
down_refuses(const struct pkt *p, const struct dp_session *s)
{
	if (unlikely(!s->down_open))
		return gate_closed(s);
	if (unlikely(p->inside && s->isolate))
		return DROP_ISOLATED;
	/* Ports leave RTE_PKTMBUF_HEADROOM, of which nothing is used so far: only a strange device comes here. */
	return likely(rte_pktmbuf_headroom(p->m) >= DOWN_HEADROOM) ? DROP_NONE : DROP_NO_MBUF;
}

void
down_queue(struct lcore *lc, struct lane *v)
{
	for (unsigned i = 0; i < v->n; i++) {
		rte_prefetch0(&lc->sessions[nh_session_slot(v->p[i]->nh)].conn);
		rte_prefetch0(rte_pktmbuf_mtod(v->p[i]->m, const uint8_t *)); /* headers will stand before it */
	}
	for (unsigned depth = 0; depth < 2; depth++)
		for (unsigned i = 0; i < v->n; i++)
			conn_prefetch(lc, &lc->sessions[nh_session_slot(v->p[i]->nh)], depth);
	for (unsigned i = 0; i < v->n; i++)
		conn_put_data(lc, &lc->sessions[nh_session_slot(v->p[i]->nh)], v->p[i]->m);
	v->n = 0;
}

/* down_control: of PPP, before all data that waits. */
static void
down_control(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m)
{
	struct conn *c = conn_of(lc, s);
	if (c && sstp_ppp_frame(m))
		conn_put_control(lc, c, m);
	else
		lcore_drop(lc, m, c ? DROP_NO_MBUF : DROP_FRAME_STALE);
}

void
down_frames(struct lcore *lc, struct lane *v)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct dp_session *s = p->s;
		if (unlikely(s->state != SESSION_OPEN)) {
			lcore_drop(lc, p->m, DROP_FRAME_STALE);
			continue;
		}
		if (s->queued) {
			down_control(lc, s, p->m);
			continue;
		}
		unsigned front = s->template_len - s->ppp_len;
		uint8_t *ip = (uint8_t *)rte_pktmbuf_prepend(p->m, (uint16_t)(front + 2));
		if (unlikely(!ip || rte_pktmbuf_headroom(p->m) < DOWN_HEADROOM - SESSION_TEMPLATE_MAX)) {
			lcore_drop(lc, p->m, DROP_NO_MBUF);
			continue;
		}
		memcpy(ip, s->template + SESSION_TEMPLATE_MAX - s->template_len, front);
		/* RFC 1661 6.6: LCP is never sent with a compressed header, and the others may go without. */
		ip[front] = 0xff;
		ip[front + 1] = 0x03;
		down_lengths(lc, s, p->m);
		p->nh = s->nh;
		p->from = FROM_US;
		v->p[n++] = p;
	}
	v->n = n;
}

/* down_lengths: what differs from packet to packet, the number of a sequenced data message included. */
static __rte_always_inline void
down_lengths(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

	if (unlikely(s->ip6)) {
		put_be16(ip + 4, (uint16_t)(m->pkt_len - IP6_HDR_LEN));
		down_udp(s, ip + IP6_HDR_LEN, m->pkt_len - IP6_HDR_LEN);
		if (s->udp_checksum)
			down_checksum6(lc, s, m);
		return;
	}
	down_ip4(ip, m->pkt_len, lc->ip_id++);
	if (s->gre)
		down_gre(s, ip + IP4_HDR_LEN, m->pkt_len - IP4_HDR_LEN);
	else
		down_udp(s, ip + IP4_HDR_LEN, m->pkt_len - IP4_HDR_LEN);
}

/* down_udp: len octets from the UDP header on. */
static __rte_always_inline void
down_udp(struct dp_session *s, uint8_t *udp, uint32_t len)
{
	put_be16(udp + 4, (uint16_t)len);
	if (s->l2tp_length)
		put_be16(udp + UDP_HDR_LEN + 2, (uint16_t)(len - UDP_HDR_LEN));
	if (unlikely(s->l2tp_numbered))
		put_be16(udp + UDP_HDR_LEN + (s->l2tp_length ? 8 : 6), s->l2tp_ns++);
}

static __rte_always_inline void
down_gre(struct dp_session *s, uint8_t *gre, uint32_t len)
{
	put_be16(gre + 4, (uint16_t)(len - GRE_HDR_LEN + (s->gre_acks ? 0 : 4)));
	put_be32(gre + GRE_MIN_LEN, s->gre_ns++);
	s->gre_owes = 0;
}

/* down_ip4: the template's checksum was made over length and id 0; adding the two to the sum is all that is left (RFC
 * 1624). */
static __rte_always_inline void
down_ip4(uint8_t *ip, uint32_t len, uint16_t id)
{
	uint16_t sum;

	put_be16(ip + 2, (uint16_t)len);
	put_be16(ip + 4, id);
	memcpy(&sum, ip + 10, 2);
	uint32_t more = (uint16_t)~sum;
	more += rte_cpu_to_be_16((uint16_t)len);
	more += rte_cpu_to_be_16(id);
	more = (more & 0xffff) + (more >> 16);
	sum = (uint16_t) ~(more + (more >> 16));
	memcpy(ip + 10, &sum, 2);
}

/* down_checksum6: the template's field holds the pseudo-header's sum but for the length.  The rest is the device's, if it
 * can; else all octets are read here. */
static void
down_checksum6(const struct lcore *lc, const struct dp_session *s, struct rte_mbuf *m)
{
	uint8_t *udp = rte_pktmbuf_mtod_offset(m, uint8_t *, IP6_HDR_LEN);
	const struct iface *ifc = out_summing(lc, s->nh, m->pkt_len);
	uint16_t known;

	memcpy(&known, udp + 6, 2);
	uint32_t sum = known + (uint32_t)rte_cpu_to_be_16((uint16_t)(m->pkt_len - IP6_HDR_LEN));
	sum = (sum & 0xffff) + (sum >> 16);
	known = (uint16_t)sum;
	memcpy(udp + 6, &known, 2);
	if (!ifc) {
		udp6_checksum(m);
		return;
	}
	m->ol_flags |= RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM;
	m->l2_len = ifc->eth_len;
	m->l3_len = IP6_HDR_LEN;
}
