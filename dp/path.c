#include "path.h"

#include <rte_cycles.h>

#include "conn.h"
#include "down.h"
#include "eth.h"
#include "frag.h"
#include "gate.h"
#include "gre.h"
#include "handover.h"
#include "hold.h"
#include "icmp.h"
#include "ip.h"
#include "ip4.h"
#include "ip6.h"
#include "l2tp_data.h"
#include "local.h"
#include "lookup.h"
#include "mppe.h"
#include "nexthop.h"
#include "out.h"
#include "place.h"
#include "ppp_data.h"
#include "punt.h"
#include "stream.h"

#define STREAM_ROUNDS 8 /* vectors of packets out of streams in one go */

static void path_local(struct lcore *lc, struct lane *local, struct lane *v) ON_LCORE;
static void path_place(struct lcore *lc, struct lane *local) ON_LCORE;
static void path_connections(struct lcore *lc) ON_LCORE;
static void path_tunnel(struct lcore *lc, struct lane *local, struct vec *more, struct lane *replies) ON_LCORE;
static void path_session(struct lcore *lc, struct lane *v, struct lane *replies) ON_LCORE;
static void path_forward(struct lcore *lc, struct lane *v) ON_LCORE;
static void path_down(struct lcore *lc, struct lane *v, struct lane *out) ON_LCORE;
static void path_frame(struct lcore *lc, struct lane *v, struct lane *big) ON_LCORE;
static void path_replies(struct lcore *lc, struct lane *v) ON_LCORE;
static void path_out(struct lcore *lc, struct lane *v) ON_LCORE;
static void path_made(struct lcore *lc) ON_LCORE;
static void path_ours(struct lcore *lc, struct vec *v) ON_LCORE;
static void path_made6(struct lcore *lc, struct lane *v) ON_LCORE;
static void path_drop_all(struct lcore *lc, struct lane *v, enum drop why) ON_LCORE;

/* Calls and packets are always counted; cycles cost two readings of the counter, so they have a switch. */
static inline uint64_t
stage_begin(struct lcore *lc, enum stage stage, unsigned n)
{
	lc->stats.stage[stage].calls++;
	lc->stats.stage[stage].packets += n;
	return unlikely(lc->stage_cycles_on) ? rte_rdtsc() : 0;
}

static inline void
stage_end(struct lcore *lc, enum stage stage, uint64_t began)
{
	if (unlikely(lc->stage_cycles_on))
		lc->stats.stage[stage].cycles += rte_rdtsc() - began;
}

void
path_init(struct lcore *lc, struct mono now)
{
	punt_init(lc, now);
	icmp_init(lc, now);
	for (unsigned i = 0; i < lc->n_ifaces; i++)
		eth_init(&lc->ifaces[i]);
}

void
path_run(struct lcore *lc, struct vec *v)
{
	struct lane lane, six, local;
	uint64_t t;

	local.n = 0;
	t = stage_begin(lc, STAGE_ETH, v->n);
	eth_rx(lc, v, &lane, &six);
	stage_end(lc, STAGE_ETH, t);

	t = stage_begin(lc, STAGE_IP4, lane.n);
	ip4_rx(lc, &lane, &local);
	stage_end(lc, STAGE_IP4, t);

	if (six.n) {
		t = stage_begin(lc, STAGE_IP6, six.n);
		ip6_rx(lc, &six, &local);
		stage_end(lc, STAGE_IP6, t);
	}
	if (unlikely(lc->n_places > 1))
		path_place(lc, &local);
	path_local(lc, &local, &lane);
	v->n = 0;
}

/* path_place: of what is for our addresses, what is for peers of other cores goes to those. */
static void
path_place(struct lcore *lc, struct lane *local)
{
	if (!local->n)
		return;
	uint64_t t = stage_begin(lc, STAGE_PLACE, local->n);
	place(lc, local);
	stage_end(lc, STAGE_PLACE, t);
}

/* path_local: what is for our addresses, and with it the inner packets in v. */
static void
path_local(struct lcore *lc, struct lane *local, struct lane *v)
{
	struct lane replies;
	struct vec more;

	replies.n = more.n = 0;
	if (local->n)
		path_tunnel(lc, local, &more, &replies);
	lane_append(v, local);
	path_forward(lc, v);
	path_replies(lc, &replies);
	path_made(lc);
	if (lc->conns && lc->conns->work_first != CONN_NONE)
		path_connections(lc);
}

/* path_connections: what has come by TCP, into the sessions; again while there are more packets than a vector takes. */
static void
path_connections(struct lcore *lc)
{
	struct lane lane, replies;
	struct vec v;
	uint64_t t;
	bool more = true;

	t = stage_begin(lc, STAGE_TLS_UP, 0);
	lc->stats.stage[STAGE_TLS_UP].packets += conn_tls_up(lc);
	stage_end(lc, STAGE_TLS_UP, t);

	for (unsigned i = 0; more && i < STREAM_ROUNDS; i++) {
		v.n = replies.n = 0;
		t = stage_begin(lc, STAGE_SSTP_UP, 0);
		more = conn_work(lc, &v);
		lc->stats.stage[STAGE_SSTP_UP].packets += v.n;
		stage_end(lc, STAGE_SSTP_UP, t);
		if (!v.n)
			break;
		lane_of(&lane, &v);
		path_session(lc, &lane, &replies);
		path_forward(lc, &lane);
		path_replies(lc, &replies);
		path_made(lc);
	}
}

/* path_tunnel: from one of our addresses into the sessions; inner packets survive.  more: for those that GRE has kept. */
static void
path_tunnel(struct lcore *lc, struct lane *local, struct vec *more, struct lane *replies)
{
	struct lane segments, gre, ordered;
	uint64_t t;

	segments.n = gre.n = ordered.n = 0;
	t = stage_begin(lc, STAGE_LOCAL, local->n);
	local_rx(lc, local, &segments, &gre);
	stage_end(lc, STAGE_LOCAL, t);

	if (segments.n) {
		t = stage_begin(lc, STAGE_TCP_UP, segments.n);
		stream_up(lc, &segments);
		stage_end(lc, STAGE_TCP_UP, t);
	}

	t = stage_begin(lc, STAGE_L2TP_UP, local->n);
	l2tp_up(lc, local);
	stage_end(lc, STAGE_L2TP_UP, t);

	if (gre.n) {
		t = stage_begin(lc, STAGE_GRE_UP, gre.n);
		gre_up(lc, &gre, &ordered, more, VEC_MAX - local->n);
		stage_end(lc, STAGE_GRE_UP, t);
		lane_append(local, &ordered);
	}
	path_session(lc, local, replies);
}

/* path_session: PPP frames of sessions; inner packets survive. */
static void
path_session(struct lcore *lc, struct lane *v, struct lane *replies)
{
	struct lane sealed;
	uint64_t t;

	sealed.n = 0;
	t = stage_begin(lc, STAGE_PPP_UP, v->n);
	ppp_up(lc, v, &sealed, replies);
	stage_end(lc, STAGE_PPP_UP, t);

	if (sealed.n) {
		t = stage_begin(lc, STAGE_MPPE_UP, sealed.n);
		mppe_up(lc, &sealed, v, replies);
		stage_end(lc, STAGE_MPPE_UP, t);
	}

	t = stage_begin(lc, STAGE_GATE_UP, v->n);
	gate_up(lc, v);
	stage_end(lc, STAGE_GATE_UP, t);
}

/* path_forward: inner packets, wherever they came from, to where they go. */
static void
path_forward(struct lcore *lc, struct lane *v)
{
	struct lane to_session, away;
	uint64_t t;

	to_session.n = away.n = 0;
	if (!v->n)
		return;
	t = stage_begin(lc, STAGE_LOOKUP, v->n);
	lookup(lc, v);
	stage_end(lc, STAGE_LOOKUP, t);

	t = stage_begin(lc, STAGE_NEXTHOP, v->n);
	nexthop(lc, v, &to_session, &away);
	stage_end(lc, STAGE_NEXTHOP, t);

	if (away.n) {
		t = stage_begin(lc, STAGE_HANDOVER, away.n);
		handover_send(lc, &away);
		stage_end(lc, STAGE_HANDOVER, t);
	}
	path_down(lc, &to_session, v);
	path_out(lc, v);
}

/* path_down: v into its sessions; what comes out is added to `out`, which has room for it. */
static void
path_down(struct lcore *lc, struct lane *v, struct lane *out)
{
	struct lane big, parts, rest;
	struct vec cut;

	big.n = rest.n = 0;
	if (!v->n)
		return;
	path_frame(lc, v, &big);
	lane_append(out, v);
	for (unsigned i = 0; i < big.n; i++) {
		frag_split(lc, big.p[i], &cut);
		lane_of(&parts, &cut);
		path_frame(lc, &parts, &rest);
		path_out(lc, &parts);
	}
	path_drop_all(lc, &rest, DROP_IP4_TOO_BIG);
}

/* path_frame: PPP and tunnel headers, with encryption between the two where a session has it. */
static void
path_frame(struct lcore *lc, struct lane *v, struct lane *big)
{
	struct lane plain, queued;
	uint64_t t;

	plain.n = queued.n = 0;
	t = stage_begin(lc, STAGE_DOWN, v->n);
	down(lc, v, &plain, &queued, big);
	stage_end(lc, STAGE_DOWN, t);
	if (queued.n) {
		t = stage_begin(lc, STAGE_QUEUE, queued.n);
		down_queue(lc, &queued);
		stage_end(lc, STAGE_QUEUE, t);
	}
	if (!plain.n)
		return;
	t = stage_begin(lc, STAGE_MPPE_DOWN, plain.n);
	mppe_down(lc, &plain);
	down_sealed(lc, &plain);
	stage_end(lc, STAGE_MPPE_DOWN, t);
	lane_append(v, &plain);
}

static void
path_replies(struct lcore *lc, struct lane *v)
{
	if (!v->n)
		return;
	down_frames(lc, v);
	path_out(lc, v);
}

static void
path_out(struct lcore *lc, struct lane *v)
{
	struct lane big, parts, rest;
	struct vec cut;

	big.n = rest.n = 0;
	if (!v->n)
		return;
	uint64_t t = stage_begin(lc, STAGE_ADJ, v->n);
	out_adj(lc, v, &big);
	stage_end(lc, STAGE_ADJ, t);
	for (unsigned i = 0; i < big.n; i++) {
		frag_split(lc, big.p[i], &cut);
		lane_of(&parts, &cut);
		out_adj(lc, &parts, &rest);
	}
	path_drop_all(lc, &rest, DROP_IP4_TOO_BIG);
}

/* path_made: answers and errors of ours; about them, no others are made, so once is enough. */
static void
path_made(struct lcore *lc)
{
	path_ours(lc, &lc->made);
	lc->made.n = 0;
}

/* path_ours: packets that we made, of both families. */
static void
path_ours(struct lcore *lc, struct vec *v)
{
	struct lane four, six;

	if (!v->n)
		return;
	four.n = six.n = 0;
	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = &v->p[i];
		lane_add(ip_is_6(rte_pktmbuf_mtod(p->m, const uint8_t *)) ? &six : &four, p);
	}
	path_forward(lc, &four);
	path_made6(lc, &six);
}

static void
path_made6(struct lcore *lc, struct lane *v)
{
	if (!v->n)
		return;
	uint64_t t = stage_begin(lc, STAGE_LOOKUP6, v->n);
	lookup6(lc, v);
	stage_end(lc, STAGE_LOOKUP6, t);
	path_out(lc, v);
}

/* path_drop_all: fragments fit what they were cut for, so there is never one here; and if there were, it is not leaked. */
static void
path_drop_all(struct lcore *lc, struct lane *v, enum drop why)
{
	for (unsigned i = 0; i < v->n; i++)
		lcore_drop(lc, v->p[i]->m, why);
}

/* path_streams: what TCP has to send, in as many turns as the loop's share allows. */
unsigned
path_streams(struct lcore *lc)
{
	struct vec v;
	unsigned work = 0;

	stream_turn(lc);
	if (lc->conns) {
		path_connections(lc);
		uint64_t t = stage_begin(lc, STAGE_SSTP_DOWN, 0);
		unsigned n = conn_flush(lc);
		lc->stats.stage[STAGE_SSTP_DOWN].packets += n;
		stage_end(lc, STAGE_SSTP_DOWN, t);
		work += n + conns_busy(lc->conns);
	}
	for (unsigned turns = 0; turns < 4; turns++) {
		uint64_t t = stage_begin(lc, STAGE_TCP_OUT, 0);
		stream_out(lc, &v);
		lc->stats.stage[STAGE_TCP_OUT].packets += v.n;
		stage_end(lc, STAGE_TCP_OUT, t);
		work += v.n;
		path_ours(lc, &v);
		if (v.n < VEC_MAX)
			break;
	}
	path_made(lc);
	return work;
}

void
path_handed_over(struct lcore *lc, struct vec *v)
{
	struct lane lane, local, out;

	out.n = 0;
	handover_unpack(lc, v, &lane, &local);
	path_down(lc, &lane, &out);
	path_out(lc, &out);
	lane.n = 0;
	path_local(lc, &local, &lane);
	v->n = 0;
}

void
path_send_ip(struct lcore *lc, struct rte_mbuf *m, uint32_t nh)
{
	struct pkt p = {.m = m, .nh = nh, .iface = IFACE_NONE, .from = FROM_US};
	struct lane v = {.n = 1, .p = {&p}};

	path_out(lc, &v);
}

void
path_send_ppp(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m)
{
	struct pkt p = {.m = m, .s = s, .iface = IFACE_NONE, .from = FROM_US};
	struct lane v = {.n = 1, .p = {&p}};

	path_replies(lc, &v);
}

void
path_send_eth(struct lcore *lc, unsigned iface, const uint8_t dst[6], uint16_t ether_type, struct rte_mbuf *m)
{
	if (iface < lc->n_ifaces && eth_prepend(m, &lc->ifaces[iface], dst, ether_type))
		out_frame(lc, iface, m);
	else
		lcore_drop(lc, m, DROP_FRAME_STALE);
}

void
path_adj_up(struct lcore *lc, const struct dp_adj_up *up)
{
	if (up->adj >= lc->tables->n_adj || up->iface >= lc->n_ifaces)
		return;
	uint64_t word = atomic_load_explicit(&lc->tables->adj[up->adj].word, memory_order_acquire);
	struct rte_mbuf *m = word & ADJ_RESOLVED ? hold_take(lc, up->iface, &up->addr) : NULL;
	if (m)
		out_ip(lc, up->iface, word, m);
}

void
path_flush(struct lcore *lc)
{
	for (unsigned port = 0; port < lc->n_ports; port++) {
		if (!lc->tx[port].n)
			continue;
		uint64_t t = stage_begin(lc, STAGE_TX, lc->tx[port].n);
		out_flush(lc, port);
		stage_end(lc, STAGE_TX, t);
	}
}

void
path_overdue(struct lcore *lc, unsigned quota)
{
	struct lane lane, replies;
	struct vec more;
	struct rte_mbuf *m;
	uint32_t nh = 0;

	if (!gre_due(lc))
		return;
	gre_overdue(lc, &more);
	lane_of(&lane, &more);
	replies.n = 0;
	path_session(lc, &lane, &replies);
	path_forward(lc, &lane);
	path_replies(lc, &replies);
	path_made(lc);
	while (quota-- && (m = gre_ack(lc, &nh)))
		path_send_ip(lc, m, nh);
}

void
path_tick(struct lcore *lc)
{
	hold_expire(lc, lc->now);
}

void
path_free(struct lcore *lc)
{
	for (unsigned port = 0; port < lc->n_ports; port++) {
		rte_pktmbuf_free_bulk(lc->tx[port].m, lc->tx[port].n);
		lc->tx[port].n = 0;
	}
	for (unsigned i = 0; i < lc->made.n; i++)
		rte_pktmbuf_free(lc->made.p[i].m);
	lc->made.n = 0;
	if (lc->conns)
		conns_fini(lc->conns);
	hold_expire(lc, MONO_NEVER);
}
