/* Packets from the core side to subscribers, and what the path builds for them. */
#include "path_frames.h"
#include "template.h"
#include "udp.h"

static void
reaches_the_subscriber(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	s->isolate = 1; /* from other subscribers, not from the world */
	bed.lc->ip_id = 0xffff;
	inner(&f, BED_HOST, s->ip4, 64, 100);
	core_rx(&f);
	bed_rx(1, &f);
	inner(&want, BED_HOST, s->ip4, 63, 100);
	tunnel_down(&want, 3, 0xffff);
	expect_queued(1, 0, 0);
	expect_tx(0, 0, &want);
	assert_int_equal(s->down_packets, 1);
	assert_int_equal(s->down_bytes, 128);
	assert_int_equal(s->last_down_us, bed.lc->now.us);
	assert_int_equal(bed_drops(), 0);
}

/* What the link adds to reach 60 octets does not go into the tunnel. */
static void
cuts_padding(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	uint8_t padded[60] = {0};
	inner(&f, BED_HOST, s->ip4, 64, 2);
	memcpy(padded, f.p, frame_len(&f));
	memset(padded + frame_len(&f), 0xee, 46 - frame_len(&f));
	frame_bytes(&f, padded, 46);
	core_rx(&f);
	bed_rx(1, &f);
	inner(&want, BED_HOST, s->ip4, 63, 2);
	tunnel_down(&want, 3, 1);
	expect_tx(0, 0, &want);
	assert_int_equal(s->down_bytes, 30);
}

/* The outer checksum is right whatever length and identification add up to. */
static void
outer_checksum_holds(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	static const uint16_t ids[] = {0, 1, 0x7fff, 0x8000, 0xffff, 0x5a17};
	unsigned at = 0;
	for (unsigned i = 0; i < RTE_DIM(ids); i++) {
		for (unsigned len = 0; len < 1372; len += 137) {
			bed.lc->ip_id = ids[i];
			inner(&f, BED_HOST, s->ip4, 64, len);
			core_rx(&f);
			bed_rx(1, &f);
			inner(&want, BED_HOST, s->ip4, 63, len);
			tunnel_down(&want, 3, ids[i]);
			expect_tx(0, at++, &want);
		}
	}
}

static void
builds_every_form_of_the_headers(void **state)
{
	(void)state;
	struct frame f, want;
	for (unsigned form = 0; form < 8; form++) {
		bool acfc = form & 1, pfc = form & 2, length = form & 4;
		struct dp_session *s = bed_session(3);
		struct dp_session_open o = {.local = addr_from_ip4(BED_LNS),
					    .peer = addr_from_ip4(BED_LAC),
					    .local_port = 1701,
					    .peer_port = 1701,
					    .our_tid = BED_TID,
					    .our_sid = 3,
					    .peer_tid = BED_PEER_TID,
					    .peer_sid = 3 + BED_SID_BASE,
					    .nh = s->nh,
					    .bearer = DP_BEARER_L2TP,
					    .l2tp_length = length};
		assert_int_equal(template_open(s, &o), 0);
		template_link(s, !acfc, !pfc);
		template_link(s, acfc, pfc);
		bed.lc->ip_id = 5;
		inner(&f, BED_HOST, s->ip4, 64, 100);
		core_rx(&f);
		bed_rx(1, &f);
		inner(&want, BED_HOST, s->ip4, 63, 100);
		frame_ppp(&want, 0x0021, acfc, pfc);
		carrier_down(&want, 3, length, 5);
		expect_tx(0, form, &want);
	}
}

/* RFC 2661 5.4: data messages are numbered, PPP's control frames among them. */
static void
numbers_what_goes_down(void **state)
{
	(void)state;
	struct frame f, want;
	for (unsigned i = 0; i < 8; i++) {
		bool length = i & 4;
		struct dp_session *s = bed_session(3);
		struct dp_session_open o = {.local = addr_from_ip4(BED_LNS),
					    .peer = addr_from_ip4(BED_LAC),
					    .local_port = 1701,
					    .peer_port = 1701,
					    .our_tid = BED_TID,
					    .our_sid = 3,
					    .peer_tid = BED_PEER_TID,
					    .peer_sid = 3 + BED_SID_BASE,
					    .nh = s->nh,
					    .bearer = DP_BEARER_L2TP,
					    .l2tp_length = length,
					    .l2tp_seq = DP_L2TP_SEQ_ON};
		assert_int_equal(template_open(s, &o), 0);
		template_link(s, false, i & 1);
		s->l2tp_ns = (uint16_t)(65534 + i);
		bed.lc->ip_id = 5;
		inner(&f, BED_HOST, s->ip4, 64, 100);
		core_rx(&f);
		bed_rx(1, &f);
		inner(&want, BED_HOST, s->ip4, 63, 100);
		frame_ppp(&want, 0x0021, false, i & 1);
		frame_l2tp(&want, (struct frame_l2tp){.tid = BED_PEER_TID,
						      .sid = 3 + BED_SID_BASE,
						      .length = length,
						      .sequence = true,
						      .ns = (uint16_t)(65534 + i)});
		frame_udp(&want, 1701, 1701);
		frame_ip4(&want, (struct frame_ip4){.src = BED_LNS, .dst = BED_LAC, .proto = 17, .ttl = 64, .id = 5});
		frame_eth(&want, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
		expect_tx(0, i, &want);
		assert_int_equal(s->l2tp_ns, (uint16_t)(65535 + i));
	}
}

static void
template_refuses_what_it_cannot_build(void **state)
{
	(void)state;
	struct dp_session s = {0};
	struct dp_session_open o = {.local = addr_from_ip4(1), .bearer = DP_BEARER_L2TP};
	assert_int_not_equal(template_open(&s, &o), 0);
	o.peer = addr_from_ip4(2);
	assert_int_equal(template_open(&s, &o), 0);
	o.bearer = DP_BEARER_NONE;
	assert_int_not_equal(template_open(&s, &o), 0);
}

/* Exactly the MTU passes; one octet more with DF comes back as Fragmentation Needed with that MTU (RFC 1191). */
static void
mtu_with_df(void **state)
{
	(void)state;
	struct frame f, want, quoted;
	struct dp_session *s = bed_session(3);
	for (unsigned more = 0; more < 2; more++) {
		frame_payload(&f, 1400 - 28 + more);
		frame_udp(&f, 1, 2);
		frame_ip4(&f,
			  (struct frame_ip4){.src = BED_HOST, .dst = s->ip4, .proto = 17, .ttl = 9, .frag = 0x4000});
		core_rx(&f);
		bed_rx(1, &f);
	}
	expect_queued(1, 1, 0);
	expect_drop(DROP_IP4_TOO_BIG);
	/* The time to live has been counted down before the size was seen: that is what is quoted. */
	frame_payload(&quoted, 1400 - 28 + 1);
	frame_udp(&quoted, 1, 2);
	frame_ip4(&quoted, (struct frame_ip4){.src = BED_HOST, .dst = s->ip4, .proto = 17, .ttl = 8, .frag = 0x4000});
	frame_bytes(&want, quoted.p, 576 - 28);
	frame_icmp(&want, 3, 4, 1400);
	frame_ip4(&want,
		  (struct frame_ip4){.src = BED_CORE_IP, .dst = BED_HOST, .proto = 1, .ttl = 64, .tos = 0xc0, .id = 2});
	core_tx(&want);
	expect_tx(1, 0, &want);
}

/* Without DF it is cut, each part fits, and together they are the packet. */
static void
mtu_without_df(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	uint8_t whole[1600] = {0};
	inner(&f, BED_HOST, s->ip4, 64, 1460);
	struct frame sent;
	frame_copy(&sent, &f);
	core_rx(&f);
	bed_rx(1, &f);
	expect_queued(2, 0, 0);
	unsigned total = 0;
	for (unsigned i = 0; i < 2; i++) {
		const struct rte_mbuf *m = bed.lc->tx[0].m[i];
		const uint8_t *outer = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14), *ip = outer + 38;
		unsigned at = (be16(ip + 6) & 0x1fff) * 8u, len = be16(ip + 2) - 20u;
		assert_int_equal(m->pkt_len, 14 + 38 + 20 + len);
		assert_in_range(len + 20, 28, 1400);
		assert_int_equal(be16(ip + 6) & 0x2000, i == 0 ? 0x2000 : 0);
		assert_int_equal(frame_checksum(ip, 20, 0), 0);
		assert_int_equal(frame_checksum(outer, 20, 0), 0);
		assert_int_equal(ip[8], 63);
		memcpy(whole + at, ip + 20, len);
		total += len;
	}
	assert_int_equal(total, 1468);
	assert_memory_equal(whole, sent.buf + FRAME_MAX - 1468, 1468);
	assert_int_equal(s->down_packets, 2);
	assert_int_equal(bed_drops(), 0);
}

/* Cutting copies the options that must be in every fragment and keeps the header valid; a fragment can be cut again. */
static void
cuts_options_and_fragments(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	frame_payload(&f, 1440);
	frame_ip4(&f,
		  (struct frame_ip4){
			  .src = BED_HOST, .dst = s->ip4, .proto = 17, .ttl = 9, .frag = 0x2000 | 185, .options = 8});
	core_rx(&f);
	bed_rx(1, &f);
	expect_queued(2, 0, 0);
	unsigned total = 0;
	for (unsigned i = 0; i < 2; i++) {
		const uint8_t *ip = rte_pktmbuf_mtod_offset(bed.lc->tx[0].m[i], const uint8_t *, 14 + 38);
		unsigned hdr = (ip[0] & 15u) * 4;
		assert_int_equal(frame_checksum(ip, hdr, 0), 0);
		assert_int_equal(be16(ip + 6) & 0x2000, 0x2000);
		assert_int_equal(be16(ip + 6) & 0x1fff, 185 + total / 8);
		total += be16(ip + 2) - hdr;
	}
	assert_int_equal(total, 1440);
}

/* The interface's MTU: inner packets up are refused or cut, tunnel packets are cut. */
static void
interface_mtu(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	bed.lc->ifaces[BED_CORE].mtu = 1000;
	bed.lc->ifaces[BED_ACCESS].mtu = 1000;
	inner(&f, s->ip4, BED_HOST, 64, 1000);
	tunnel_up(&f, 3);
	bed_rx(0, &f);
	expect_queued(0, 2, 0);
	inner(&f, BED_HOST, s->ip4, 64, 973);
	core_rx(&f);
	bed_rx(1, &f);
	expect_queued(2, 2, 0);
	for (unsigned i = 0; i < 2; i++)
		assert_in_range(bed.lc->tx[0].m[i]->pkt_len, 40, 1014);
	assert_int_equal(bed_drops(), 0);
	frame_payload(&f, 1000);
	frame_ip4(&f, (struct frame_ip4){.src = s->ip4, .dst = BED_HOST, .proto = 17, .ttl = 9, .frag = 0x4000});
	tunnel_up(&f, 3);
	bed_rx(0, &f);
	expect_drop(DROP_IP4_TOO_BIG);
	expect_queued(3, 2, 0); /* and the subscriber is told */
	const uint8_t *icmp = rte_pktmbuf_mtod_offset(bed.lc->tx[0].m[2], const uint8_t *, 14 + 38 + 20);
	assert_int_equal(icmp[0], 3);
	assert_int_equal(icmp[1], 4);
	assert_int_equal(be16(icmp + 6), 1000);
	assert_int_equal(be32(icmp - 8), BED_GATEWAY);
}

static void
hands_over(void **state)
{
	(void)state;
	struct frame f, want;
	struct rte_mbuf *m = NULL;
	struct vec v = {.n = 1};
	struct dp_session *s = bed_session(3);
	bed_sub4(s->ip4, nh_session(1, 3));
	inner(&f, BED_HOST, s->ip4, 64, 100);
	core_rx(&f);
	bed_rx(1, &f);
	expect_queued(0, 0, 0);
	assert_int_equal(rte_ring_sc_dequeue(bed.lc->handover_out[1], (void **)&m), 0);
	/* The other core is this one again. */
	v.p[0].m = m;
	bed.lc->ip_id = 1;
	path_handed_over(bed.lc, &v);
	assert_int_equal(v.n, 0);
	inner(&want, BED_HOST, s->ip4, 63, 100);
	tunnel_down(&want, 3, 1);
	expect_tx(0, 0, &want);
	assert_int_equal(bed_drops(), 0);
}

/* What the other core knew of a packet comes with it: an error about it is sent, or not; an isolated subscriber hears nothing
 * from others. */
static void
hands_over_what_is_known(void **state)
{
	(void)state;
	struct frame f;
	struct rte_mbuf *m = NULL;
	struct dp_session *a = bed_session(2), *b = bed_session(3);
	bed_sub4(b->ip4, nh_session(1, 3));
	static const struct {
		uint32_t src;
		bool isolate;
		unsigned len;
		enum drop why;
	} cases[] = {{BED_HOST, true, 1374, DROP_IP4_TOO_BIG},
		     {BED_POOL + 2, false, 1374, DROP_IP4_TOO_BIG},
		     {BED_POOL + 2, true, 20, DROP_ISOLATED}};
	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		bool up = cases[i].src == a->ip4;
		bed.lc->tx[0].n = bed.lc->tx[1].n = 0;
		memset(bed.lc->stats.drops, 0, sizeof bed.lc->stats.drops);
		frame_payload(&f, cases[i].len);
		frame_ip4(&f, (struct frame_ip4){
				      .src = cases[i].src, .dst = b->ip4, .proto = 17, .ttl = 9, .frag = 0x4000});
		if (up)
			tunnel_up(&f, 2);
		else
			core_rx(&f);
		b->isolate = cases[i].isolate;
		b->mtu = 1390;
		bed_rx(!up, &f);
		assert_int_equal(rte_ring_sc_dequeue(bed.lc->handover_out[1], (void **)&m), 0);
		struct vec v = {.n = 1, .p[0] = {.m = m}};
		path_handed_over(bed.lc, &v);
		expect_drop(cases[i].why);
		bool told = cases[i].why == DROP_IP4_TOO_BIG;
		expect_queued(told && up, told && !up, 0);
		for (unsigned port = 0; port < 2; port++) {
			if (bed.lc->tx[port].n)
				rte_pktmbuf_free(bed.lc->tx[port].m[0]);
			bed.lc->tx[port].n = 0;
		}
	}
}

static void
hands_over_to_several(void **state)
{
	(void)state;
	struct frame f;
	struct rte_mbuf *m[8];
	struct vec v = {.n = 9};
	bed.lc->n_workers = 3;
	for (unsigned i = 0; i < 3; i++)
		bed_sub4(BED_POOL + 10 + i, nh_session(i, 10 + i));
	bed_session(10);
	for (unsigned i = 0; i < 9; i++) {
		inner(&f, BED_HOST, BED_POOL + 10 + i % 3, 64, i);
		core_rx(&f);
		v.p[i] = (struct pkt){.m = bed_mbuf(&f, 0), .iface = 1};
	}
	path_run(bed.lc, &v);
	expect_queued(3, 0, 0);
	for (unsigned core = 1; core <= 2; core++) {
		assert_int_equal(rte_ring_sc_dequeue_burst(bed.lc->handover_out[core], (void **)m, 8, NULL), 3);
		for (unsigned i = 0; i < 3; i++) {
			assert_int_equal(m[i]->pkt_len, 28 + core + 3 * i);
			assert_int_equal(m[i]->hash.fdir.lo, nh_session(core, 10 + core));
		}
		rte_pktmbuf_free_bulk(m, 3);
	}
	assert_int_equal(bed_drops(), 0);
	bed_sub4(BED_POOL + 11, NH_NONE);
	bed_sub4(BED_POOL + 12, NH_NONE);
}

static void
handover_ring_full(void **state)
{
	(void)state;
	struct frame f;
	struct vec v = {.n = 64};
	struct dp_session *s = bed_session(3);
	bed_sub4(s->ip4, nh_session(1, 3));
	inner(&f, BED_HOST, s->ip4, 64, 100);
	core_rx(&f);
	for (unsigned i = 0; i < 64; i++)
		v.p[i] = (struct pkt){.m = bed_mbuf(&f, 0), .iface = 1};
	path_run(bed.lc, &v);
	expect_drop(DROP_HANDOVER_FULL); /* 63 fit */
	bed_reset();
}

/* A session number that another core made up is not followed. */
static void
handover_to_no_session(void **state)
{
	(void)state;
	struct frame f;
	struct vec v = {.n = 1};
	inner(&f, BED_HOST, BED_POOL, 64, 100);
	v.p[0].m = bed_mbuf(&f, 0);
	v.p[0].m->hash.fdir.lo = nh_session(0, 0xffffff);
	path_handed_over(bed.lc, &v);
	expect_drop(DROP_SESSION_GONE);
}

static void
holds_one_packet_for_a_neighbour(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	const struct dp_adj_up up = {.addr = addr_from_ip4(BED_DARK), .adj = BED_ADJ_DARK, .iface = BED_CORE};
	inner(&f, s->ip4, BED_FAR, 64, 10);
	tunnel_up(&f, 3);
	bed_rx(0, &f);
	assert_int_equal(bed_held(), 1);
	assert_int_equal(bed.n_said, 1);
	assert_int_equal(bed.said[0].type, DP_MSG_RESOLVE);
	struct dp_resolve ask;
	memcpy(&ask, bed.said[0].payload, sizeof ask);
	assert_int_equal(addr_ip4(&ask.addr), BED_DARK);
	assert_int_equal(ask.iface, BED_CORE);
	/* The second is not kept, and MAIN is asked again after a second only. */
	bed_rx(0, &f);
	expect_drop(DROP_ADJ_UNRESOLVED);
	assert_int_equal(bed.n_said, 1);
	bed.lc->now.us += 999999;
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 1);
	bed.lc->now.us += 1;
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 2);
	/* Not resolved yet: nothing leaves. */
	path_adj_up(bed.lc, &up);
	expect_queued(0, 0, 0);
	bed_adj(BED_ADJ_DARK, true);
	path_adj_up(bed.lc, &up);
	inner(&want, s->ip4, BED_FAR, 63, 10);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_DARK), bed_mac(BED_CORE), 100, 0x0800);
	expect_queued(0, 1, 0);
	expect_tx(1, 0, &want);
	path_adj_up(bed.lc, &up);
	bed_rx(0, &f);
	expect_queued(0, 2, 0);
	bed_adj(BED_ADJ_DARK, false);
}

/* On the link and not known: MAIN is asked for the destination itself. */
static void
gleans(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	inner(&f, s->ip4, 0xc0000263, 64, 10);
	tunnel_up(&f, 3);
	bed_rx(0, &f);
	struct dp_resolve ask;
	memcpy(&ask, bed.said[0].payload, sizeof ask);
	assert_int_equal(addr_ip4(&ask.addr), 0xc0000263);
	assert_int_equal(ask.iface, BED_CORE);
	assert_int_equal(bed_held(), 1);
	/* It is given up after a while. */
	path_tick(bed.lc);
	assert_int_equal(bed_held(), 1);
	bed.lc->now.us += 3000000;
	path_tick(bed.lc);
	expect_drop(DROP_ADJ_UNRESOLVED);
}

/* Neighbours known and not, in turns in one burst: the answer for one is not taken for the other. */
static void
tells_neighbours_apart(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	static const uint32_t dst[] = {BED_HOST,   0xc0000263, BED_HOST, BED_FAR,
				       0xc0000264, 0xc6336402, BED_HOST, BED_NOWHERE};
	struct vec v = {.n = RTE_DIM(dst)};
	bed_sub4(0xc6336402, nh_make(NH_ADJ, BED_ADJ_PLAIN));
	for (unsigned i = 0; i < RTE_DIM(dst); i++) {
		inner(&f, s->ip4, dst[i], 64, 10 + i);
		tunnel_up(&f, 3);
		v.p[i] = (struct pkt){.m = bed_mbuf(&f, 0)};
	}
	path_run(bed.lc, &v);
	expect_queued(1, 3, 1);
	for (unsigned i = 0, at = 0; i < RTE_DIM(dst); i++) {
		if (dst[i] != BED_HOST)
			continue;
		inner(&want, s->ip4, BED_HOST, 63, 10 + i);
		core_tx(&want);
		expect_tx(1, at++, &want);
	}
	inner(&want, s->ip4, 0xc6336402, 63, 15);
	frame_eth(&want, bed_neighbour_mac(BED_ADJ_PLAIN), bed_mac(BED_PLAIN), 0, 0x0800);
	expect_tx(2, 0, &want);
	assert_int_equal(bed_held(), 3);
	assert_int_equal(bed.n_said, 3);
	path_free(bed.lc);
}

/* A scan of the link neither keeps more packets than there are places nor stops the path. */
static void
survives_a_scan(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	for (unsigned i = 3; i < 250; i++) {
		if (i == 9)
			continue;
		inner(&f, s->ip4, 0xc0000200 + i, 64, 10);
		tunnel_up(&f, 3);
		bed_rx(0, &f);
	}
	assert_in_range(bed_held(), 32, HOLD_SLOTS);
	assert_int_equal(bed_held() + bed.lc->stats.drops[DROP_ADJ_UNRESOLVED], 246);
	assert_int_equal(bed.n_said, bed_held());
	path_free(bed.lc);
}

/* The ring to MAIN was full: it is asked again with the next packet. */
static void
asks_again_when_the_ring_was_full(void **state)
{
	(void)state;
	struct frame f;
	struct dp_session *s = bed_session(3);
	bed.send_answer = -11;
	inner(&f, s->ip4, BED_FAR, 64, 10);
	tunnel_up(&f, 3);
	bed_rx(0, &f);
	bed.send_answer = 0;
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 1);
	path_free(bed.lc);
}

static void
sends_what_main_gives(void **state)
{
	(void)state;
	struct frame f, want;
	struct dp_session *s = bed_session(3);
	static const uint8_t lcp[] = {0xc0, 0x21, 1, 1, 0, 4};
	/* A PPP frame: with address and control field, whatever was negotiated. */
	template_link(s, true, true);
	frame_bytes(&f, lcp, sizeof lcp);
	bed.lc->ip_id = 1;
	path_send_ppp(bed.lc, s, bed_mbuf(&f, 0));
	frame_bytes(&want, lcp + 2, sizeof lcp - 2);
	frame_ppp(&want, 0xc021, false, false);
	carrier_down(&want, 3, false, 1);
	expect_tx(0, 0, &want);
	/* A datagram. */
	struct dp_udp_path path = {addr_from_ip4(BED_LNS), addr_from_ip4(BED_LAC), 1701, 40000, 0, 0, 0};
	for (unsigned len = 20; len < 23; len++) {
		frame_payload(&f, len);
		struct rte_mbuf *m = bed_mbuf(&f, 0);
		assert_true(udp_frame_build(m, &path, 77));
		path_send_ip(bed.lc, m, nh_make(NH_ADJ, BED_ADJ_LAC));
		frame_udp(&f, 1701, 40000);
		frame_udp_checksum(&f, BED_LNS, BED_LAC);
		frame_ip4(&f, (struct frame_ip4){.src = BED_LNS, .dst = BED_LAC, .proto = 17, .ttl = 64, .id = 77});
		frame_eth(&f, bed_neighbour_mac(BED_ADJ_LAC), bed_mac(BED_ACCESS), 0, 0x0800);
		expect_tx(0, len - 19, &f);
	}
	/* ARP. */
	frame_payload(&f, 28);
	path_send_eth(bed.lc, BED_CORE, bed_neighbour_mac(BED_ADJ_ROUTER), 0x0806, bed_mbuf(&f, 0));
	frame_eth(&f, bed_neighbour_mac(BED_ADJ_ROUTER), bed_mac(BED_CORE), 100, 0x0806);
	expect_tx(1, 0, &f);
	assert_int_equal(bed_drops(), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(reaches_the_subscriber),
		PATH_TEST(cuts_padding),
		PATH_TEST(outer_checksum_holds),
		PATH_TEST(builds_every_form_of_the_headers),
		PATH_TEST(numbers_what_goes_down),
		PATH_TEST(template_refuses_what_it_cannot_build),
		PATH_TEST(mtu_with_df),
		PATH_TEST(mtu_without_df),
		PATH_TEST(cuts_options_and_fragments),
		PATH_TEST(interface_mtu),
		PATH_TEST(hands_over),
		PATH_TEST(hands_over_what_is_known),
		PATH_TEST(hands_over_to_several),
		PATH_TEST(handover_ring_full),
		PATH_TEST(handover_to_no_session),
		PATH_TEST(holds_one_packet_for_a_neighbour),
		PATH_TEST(gleans),
		PATH_TEST(tells_neighbours_apart),
		PATH_TEST(survives_a_scan),
		PATH_TEST(asks_again_when_the_ring_was_full),
		PATH_TEST(sends_what_main_gives),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
