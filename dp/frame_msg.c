#include <string.h>

#include "ip4.h"
#include "message.h"
#include "out.h"
#include "path.h"
#include "stream.h"
#include "udp.h"

static struct rte_mbuf *copy(struct lcore *lc, const struct message *m) ON_LCORE;
static int find_listener(const struct lcore *lc, const struct dp_listen *p);

void
listen_set(struct lcore *lc, const struct message *m)
{
	const struct dp_listen *p = m->payload;
	int i = find_listener(lc, p);
	if (p->ip_proto == IP4_PROTO_TCP) {
		lc->stats.messages_stale += !stream_listen(lc, p);
		return;
	}
	if (i >= 0 && !p->on)
		lc->listeners[i] = lc->listeners[--lc->n_listeners];
	else if (i < 0 && p->on && lc->n_listeners < LISTENERS_MAX)
		lc->listeners[lc->n_listeners++] = *p;
	else if (i < 0)
		lc->stats.messages_stale++;
}

static int
find_listener(const struct lcore *lc, const struct dp_listen *p)
{
	for (unsigned i = 0; i < lc->n_listeners; i++) {
		const struct dp_listen *l = &lc->listeners[i];
		if (l->port == p->port && l->ip_proto == p->ip_proto && addr_eq(&l->addr, &p->addr))
			return (int)i;
	}
	return -1;
}

void
frame_ppp(struct lcore *lc, const struct message *m)
{
	struct dp_session *s = session_find(lc, m->handle);
	if (!s) {
		lc->stats.drops[DROP_FRAME_STALE]++;
		return;
	}
	struct rte_mbuf *frame = copy(lc, m);
	if (frame)
		path_send_ppp(lc, s, frame);
}

void
frame_udp(struct lcore *lc, const struct message *m)
{
	const struct dp_udp_path *p = m->payload;
	struct rte_mbuf *frame = copy(lc, m);
	if (!frame)
		return;
	if (!udp_frame_build(frame, p, lc->ip_id++)) {
		lcore_drop(lc, frame, DROP_FRAME_STALE);
		return;
	}
	/* What is to be cut has its checksum already: a device would see one part of it. */
	const struct iface *ifc = out_summing(lc, p->nh, frame->pkt_len);
	if (ifc)
		udp_leave_checksums(frame, ifc->eth_len);
	path_send_ip(lc, frame, p->nh);
}

void
frame_eth(struct lcore *lc, const struct message *m)
{
	const struct dp_eth_path *p = m->payload;
	if (p->iface >= lc->n_ifaces) {
		lc->stats.drops[DROP_FRAME_STALE]++;
		return;
	}
	struct rte_mbuf *frame = copy(lc, m);
	if (frame)
		path_send_eth(lc, p->iface, p->dst, p->ether_type, frame);
}

void
adj_up(struct lcore *lc, const struct message *m)
{
	const struct dp_adj_up *p = m->payload;
	path_adj_up(lc, p);
}

/* copy: the bytes of a message as a packet, with headroom in front; NULL and counted when there is no room for it. */
static struct rte_mbuf *
copy(struct lcore *lc, const struct message *m)
{
	struct rte_mbuf *frame = rte_pktmbuf_alloc(lc->pool);
	if (!frame) {
		lc->stats.drops[DROP_NO_MBUF]++;
		return NULL;
	}
	if (m->len > rte_pktmbuf_tailroom(frame)) {
		lcore_drop(lc, frame, DROP_IP4_TOO_BIG);
		return NULL;
	}
	memcpy(rte_pktmbuf_append(frame, (uint16_t)m->len), m->bytes, m->len);
	return frame;
}
