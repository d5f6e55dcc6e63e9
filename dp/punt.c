#include "punt.h"

#include <errno.h>

#include <rte_random.h>

#include "ip.h"
#include "l2tp_data.h"
#include "lcore_msg.h"
#include "udp.h"

static inline uint64_t punt_source(const struct addr *a);
static bool punt_session_allows(struct dp_session *s, struct mono now) ON_LCORE;
static bool punt_allows(struct lcore *lc, enum punt_class class, uint64_t source, struct policer *all) ON_LCORE;
static enum punt_class punt_udp_class(const struct lcore *lc, const struct pkt *p, const struct addr *src) ON_LCORE;
static void punt_frame(struct lcore *lc, struct pkt *p, const uint8_t *frame, enum punt_class class, unsigned offset)
	ON_LCORE;
static bool punt_done(struct lcore *lc, struct rte_mbuf *m, int sent) ON_LCORE;

void
punt_init(struct lcore *lc, struct mono now)
{
	static const uint32_t per_source[PUNT_CLASSES] = {
		[PUNT_CLASS_PPP] = PUNT_PPP_PER_SOURCE_PER_S,       [PUNT_CLASS_TUNNEL] = PUNT_TUNNEL_PER_SOURCE_PER_S,
		[PUNT_CLASS_LISTEN] = PUNT_LISTEN_PER_SOURCE_PER_S, [PUNT_CLASS_ARP] = PUNT_ARP_PER_SOURCE_PER_S,
		[PUNT_CLASS_ND] = PUNT_ND_PER_SOURCE_PER_S,
	};

	static const uint32_t floor[PUNT_CLASSES] = {
		[PUNT_CLASS_PPP] = PUNT_PPP_FLOOR_PER_S,
		[PUNT_CLASS_TUNNEL] = PUNT_TUNNEL_FLOOR_PER_S,
	};

	policer_init(&lc->punt_policer[PUNT_CLASS_PPP], PUNT_PPP_PER_S, now);
	policer_init(&lc->punt_policer[PUNT_CLASS_TUNNEL], PUNT_TUNNEL_PER_S, now);
	policer_init(&lc->punt_policer[PUNT_CLASS_LISTEN], PUNT_LISTEN_PER_S, now);
	for (unsigned i = 0; i < DP_MAX_IFACES; i++) {
		policer_init(&lc->arp_policer[i], PUNT_ARP_PER_IFACE_PER_S, now);
		policer_init(&lc->nd_policer[i], PUNT_ND_PER_IFACE_PER_S, now);
	}
	for (unsigned c = 0; c < PUNT_CLASSES; c++)
		for (unsigned i = 0; i < PUNT_SOURCES; i++) {
			policer_init(&lc->source_floor[c][i], floor[c], now);
			policer_init(&lc->source_policer[c][i], per_source[c], now);
		}
	lc->punt_key = rte_rand() | 1;
}

/* punt_allows: what the sender has for himself, then of both or of none: what all may not send empties no bucket, and what a sender may not takes nothing of
 * what all share.  A product with a random odd number, of which the upper bits are taken, is a universal hash
 * (Dietzfelbinger and others, 1997). */
static bool
punt_allows(struct lcore *lc, enum punt_class class, uint64_t source, struct policer *all)
{
	unsigned bucket = (unsigned)(source * lc->punt_key >> (64 - PUNT_SOURCES_LOG2));
	struct policer *own = &lc->source_policer[class][bucket];

	if (policer_take(&lc->source_floor[class][bucket], lc->now))
		return true;
	return policer_ready(all, lc->now) && policer_take(own, lc->now) && policer_take(all, lc->now);
}

void
punt_ppp(struct lcore *lc, struct pkt *p)
{
	struct dp_session *s = p->s;
	uint32_t slot = (uint32_t)(s - lc->sessions);

	if (!punt_session_allows(s, lc->now) ||
	    !punt_allows(lc, PUNT_CLASS_PPP, punt_source(&s->peer), &lc->punt_policer[PUNT_CLASS_PPP])) {
		s->up_drops++;
		lcore_drop(lc, p->m, DROP_PUNT_POLICED);
		return;
	}
	int sent = lcore_send_mbuf(lc, DP_MSG_PUNT_PPP, handle_make(lc->index, slot, s->generation), NULL, p->m, 0);
	s->up_drops += !punt_done(lc, p->m, sent);
}

/* punt_source: an IPv4 address, or the /64 of an IPv6 one: the rest is his to choose. */
static inline uint64_t
punt_source(const struct addr *a)
{
	return addr_is_v4(a) ? addr_ip4(a) : be64(a->b);
}

/* punt_session_allows: a bucket of few bits, so that it fits the session. */
static bool
punt_session_allows(struct dp_session *s, struct mono now)
{
	uint32_t now_ms = (uint32_t)(now.us / 1000), passed = now_ms - s->punt_refill_ms;
	uint32_t more = passed >= 60000 ? PUNT_SESSION_BURST : passed * PUNT_SESSION_PER_S / 1000;

	if (more) {
		s->punt_tokens = (uint8_t)RTE_MIN(s->punt_tokens + more, (uint32_t)PUNT_SESSION_BURST);
		s->punt_refill_ms = now_ms;
	}
	if (!s->punt_tokens)
		return false;
	s->punt_tokens--;
	return true;
}

void
punt_udp(struct lcore *lc, struct pkt *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod(p->m, const uint8_t *), *udp = ip + p->l4;
	struct dp_udp_path path = {.local_port = be16(udp + 2), .peer_port = be16(udp), .iface = p->iface};

	ip_src(ip, &path.peer);
	ip_dst(ip, &path.local);
	enum punt_class class = punt_udp_class(lc, p, &path.peer);
	if (!punt_allows(lc, class, punt_source(&path.peer), &lc->punt_policer[class])) {
		lcore_drop(lc, p->m, DROP_PUNT_POLICED);
		return;
	}
	punt_done(lc, p->m,
		  lcore_send_mbuf(lc, DP_MSG_PUNT_UDP, HANDLE_NONE, &path, p->m, p->l4 + (uint32_t)UDP_HDR_LEN));
}

/* Stage L2TP_UP has seen that the first L2TP_MIN_LEN octets are there.  MAIN tells us of tunnels that are established. */
static enum punt_class
punt_udp_class(const struct lcore *lc, const struct pkt *p, const struct addr *src)
{
	const uint8_t *l2tp = rte_pktmbuf_mtod_offset(p->m, const uint8_t *, p->l4 + UDP_HDR_LEN);
	uint16_t tid = be16(l2tp + (be16(l2tp) & L2TP_L ? 4 : 2));

	return addr_eq(&lc->tunnel_peers[tid], src) ? PUNT_CLASS_TUNNEL : PUNT_CLASS_LISTEN;
}

void
punt_eth(struct lcore *lc, struct pkt *p, const struct eth *h)
{
	punt_frame(lc, p, rte_pktmbuf_mtod(p->m, const uint8_t *), PUNT_CLASS_ARP, h->len);
}

void
punt_nd(struct lcore *lc, struct pkt *p, unsigned eth_len)
{
	punt_frame(lc, p, rte_pktmbuf_mtod(p->m, const uint8_t *) - eth_len, PUNT_CLASS_ND, 0);
}

/* punt_frame: `frame` is its Ethernet header, the payload begins `offset` into the buffer. */
static void
punt_frame(struct lcore *lc, struct pkt *p, const uint8_t *frame, enum punt_class class, unsigned offset)
{
	bool arp = class == PUNT_CLASS_ARP;
	struct dp_eth_path path = {.iface = p->iface, .ether_type = arp ? ETH_TYPE_ARP : ETH_TYPE_IP6};
	uint64_t source = (uint64_t)p->iface << 48 | (uint64_t)be16(frame + 6) << 32 | be32(frame + 8);
	struct policer *all = arp ? &lc->arp_policer[p->iface] : &lc->nd_policer[p->iface];

	if (!punt_allows(lc, class, source, all)) {
		lcore_drop(lc, p->m, DROP_PUNT_POLICED);
		return;
	}
	memcpy(path.dst, frame, 6);
	memcpy(path.src, frame + 6, 6);
	punt_done(lc, p->m, lcore_send_mbuf(lc, DP_MSG_PUNT_ETH, HANDLE_NONE, &path, p->m, offset));
}

/* punt_done: the buffer is MAIN's no more than ours; false when MAIN has not got what was in it. */
static bool
punt_done(struct lcore *lc, struct rte_mbuf *m, int sent)
{
	if (sent == -EAGAIN)
		lcore_drop(lc, m, DROP_PUNT_RING_FULL);
	else if (sent < 0)
		lcore_drop(lc, m, DROP_PUNT_TOO_BIG);
	else
		rte_pktmbuf_free(m);
	return sent == 0;
}
