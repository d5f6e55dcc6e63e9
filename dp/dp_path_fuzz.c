/* The whole path on a worker core of the test bed: bursts of up to 16 packets, made of the input as it is or wrapped in
 * the headers that lead it further in.
 *
 *	input   { u8 form, u8 how, u16 length, length octets } ...
 *	form    what the octets are: a frame, an L2TP message, a PPP frame, an inner packet up or down, one handed over
 *	how     port or session, segments, what the device says about checksums
 *	The highest bit of the first form: peers are placed among two cores, and what is the other's is handed over.
 *	A packet in segments is cut in two or three, where its last two octets say.
 *
 * What must hold afterwards: every buffer is free, queued, held or handed over, and none was freed twice; what leaves is a
 * whole frame within its interface's MTU with a right IPv4 header; nothing leaves for the core side with a source that is
 * not a subscriber's or ours, and nothing for the access side with one that is not ours.
 */
#include <stdlib.h>

#include "bed.h"
#include "gre.h"
#include "mppe.h"
#include "path.h"
#include "template.h"

enum form { FORM_FRAME, FORM_L2TP, FORM_PPP, FORM_UP, FORM_DOWN, FORM_HANDED, FORM_COUNT };

#define BURST 16
#define FUZZ_CALL 9
#define SESSIONS 4
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bed_start_small();
	return 0;
}

static void
fuzz_sessions(void)
{
	for (uint16_t sid = 1; sid <= SESSIONS; sid++) {
		struct dp_session *s = bed_session(sid);
		s->isolate = sid == 3;
		s->l2tp_length = 0;
		if (sid == 4)
			session_set_gates(s, DP_GATE_AUTHENTICATED);
	}
	for (uint16_t sid = 3; sid <= 4; sid++) {
		static const uint8_t start[16] = "sixteen octets.";
		mppe_key_init(&bed.lc->mppe[sid].up, start, sid == 3 ? 128 : 40, sid == 3);
		mppe_key_init(&bed.lc->mppe[sid].down, start, sid == 3 ? 128 : 40, sid == 3);
		bed.lc->sessions[sid].mppe_down = 1;
		template_link(&bed.lc->sessions[sid], false, sid == 3);
	}
	bed_call(FUZZ_CALL);
	bed.lc->sessions[2].mtu = 200;
}

/* fuzz_inner: a header checksum and a version that let the packet pass, if it has a header at all. */
static void
fuzz_inner(struct frame *f)
{
	unsigned hdr = frame_len(f) >= 20 ? (f->p[0] & 15u) * 4 : 0;
	if (hdr < 20 || hdr > frame_len(f))
		return;
	f->p[0] = (uint8_t)(0x40 | (f->p[0] & 15));
	frame_16(f->p + 10, 0);
	frame_16(f->p + 10, frame_checksum(f->p, hdr, 0));
}

static void
fuzz_wrap(struct frame *f, enum form form, uint8_t how)
{
	uint16_t sid = (uint16_t)(1 + how % SESSIONS);
	if (form >= FORM_UP)
		fuzz_inner(f);
	if (form == FORM_FRAME || form == FORM_HANDED)
		return;
	if (form == FORM_DOWN) {
		frame_eth(f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0800);
		return;
	}
	if (form == FORM_UP)
		frame_ppp(f, 0x0021, how & 4, how & 8);
	if (form != FORM_L2TP)
		frame_l2tp(f,
			   (struct frame_l2tp){.tid = BED_TID, .sid = sid, .length = how & 16, .sequence = how & 32});
	frame_udp(f, 1701, 1701);
	frame_ip4(f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = 17, .ttl = 60});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
}

static const struct frame *
fuzz_frame(const uint8_t **data, size_t *n)
{
	static struct frame f;
	enum form form = (*data)[0] % FORM_COUNT;
	uint8_t how = (*data)[1];
	size_t len = be16(*data + 2) % 3000;

	*data += 4;
	*n -= 4;
	if (len > *n)
		len = *n;
	frame_bytes(&f, *data, (unsigned)len);
	*data += len;
	*n -= len;
	fuzz_wrap(&f, form, how);
	return &f;
}

static void
fuzz_free(void *buffer, void *shared)
{
	free(buffer);
	free(shared);
}

/* fuzz_segment: n octets in a buffer that ends with them, so that ASan sees the first octet too many. */
static struct rte_mbuf *
fuzz_segment(const uint8_t *p, unsigned n)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
	struct rte_mbuf_ext_shared_info *shared = malloc(sizeof *shared);
	uint8_t *buffer = malloc(RTE_PKTMBUF_HEADROOM + n);
	CHECK(m && shared && buffer);
	shared->free_cb = fuzz_free;
	shared->fcb_opaque = shared;
	rte_mbuf_ext_refcnt_set(shared, 1);
	rte_pktmbuf_attach_extbuf(m, buffer, (rte_iova_t)(uintptr_t)buffer, (uint16_t)(RTE_PKTMBUF_HEADROOM + n),
				  shared);
	rte_pktmbuf_reset_headroom(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), p, n);
	return m;
}

/* fuzz_mbuf: in one segment, or in up to three, of which the first two may be of any length. */
static struct rte_mbuf *
fuzz_mbuf(const struct frame *f, uint8_t how)
{
	unsigned len = frame_len(f), at = 0, cuts[3] = {len, len, len};
	struct rte_mbuf *first = NULL;
	if (how & 64 && len > 1) {
		cuts[0] = f->p[len - 1] % len;
		cuts[1] = cuts[0] + f->p[len - 2] % (len - cuts[0]);
	}
	for (unsigned i = 0; i < 3 && (at < len || !first); at = cuts[i++]) {
		struct rte_mbuf *m = fuzz_segment(f->p + at, cuts[i] - at);
		CHECK(!first || rte_pktmbuf_chain(first, m) == 0);
		first = first ? first : m;
	}
	return first;
}

/* fuzz_burst: two vectors, because what is handed over has another way in. */
static void
fuzz_burst(const uint8_t *data, size_t n, struct vec *wire, struct vec *handed)
{
	for (unsigned i = 0; i < BURST && n >= 4; i++) {
		enum form form = data[0] % FORM_COUNT;
		uint8_t how = data[1];
		const struct frame *f = fuzz_frame(&data, &n);
		struct rte_mbuf *m = fuzz_mbuf(f, how);
		if (form == FORM_HANDED) {
			if (m->data_len < 20) { /* the other core has seen a header */
				rte_pktmbuf_free(m);
				continue;
			}
			m->hash.fdir.lo = nh_session(0, how);
			m->hash.fdir.hi = how % 3;
			vec_add(handed, &(struct pkt){.m = m});
			continue;
		}
		if (how & 128)
			m->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		uint16_t port = form == FORM_FRAME ? how % 3 : form == FORM_DOWN;
		vec_add(wire, &(struct pkt){.m = m, .iface = port});
	}
}

static bool
fuzz_source_ours(uint32_t ip4)
{
	uint32_t nh = sub4_lookup(&bed.tables.sub4, ip4);
	return !nh_is_session(nh) && nh_kind(nh) == NH_LOCAL;
}

static void
fuzz_check_sent(unsigned port, const struct rte_mbuf *m)
{
	uint8_t copy[128];
	const char *reason;
	CHECK(rte_mbuf_check(m, 1, &reason) == 0);
	CHECK(m->data_len >= 14);
	const uint8_t *p = rte_pktmbuf_read(m, 0, RTE_MIN(m->pkt_len, (uint32_t)sizeof copy), copy);
	unsigned at = be16(p + 12) == 0x8100 ? 18 : 14;
	CHECK(m->pkt_len >= at + 20 && m->pkt_len <= at + 1500 && be16(p + at - 2) == 0x0800);
	const uint8_t *ip = p + at;
	CHECK(ip[0] >> 4 == 4 && be16(ip + 2) == m->pkt_len - at);
	CHECK(frame_checksum(ip, (ip[0] & 15u) * 4, 0) == 0);
	uint32_t src = be32(ip + 12);
	bool subscriber = src > BED_POOL && (src <= BED_POOL + SESSIONS || src == BED_POOL + FUZZ_CALL);
	CHECK(fuzz_source_ours(src) || (port != 0 && subscriber));
}

static void
fuzz_check(void)
{
	struct lcore *lc = bed.lc;
	unsigned held = 0;
	for (unsigned port = 0; port < lc->n_ports; port++)
		for (unsigned i = 0; i < lc->tx[port].n; i++)
			fuzz_check_sent(port, lc->tx[port].m[i]);
	for (unsigned i = 0; i < HOLD_SLOTS; i++)
		held += lc->hold[i].m ? lc->hold[i].m->nb_segs : 0;
	CHECK(lc->made.n == 0);
	held += lc->gre->calls[FUZZ_CALL].n_held;
	CHECK(bed_held() == held + rte_ring_count(lc->handover_out[1]));
}

/* fuzz_other_core: what was handed over to it comes in here: all cores are alike. */
static void
fuzz_other_core(void)
{
	struct rte_mbuf *m[VEC_MAX];
	struct vec v;
	v.n = rte_ring_sc_dequeue_burst(bed.lc->handover_out[1], (void **)m, VEC_MAX, NULL);
	for (unsigned i = 0; i < v.n; i++)
		v.p[i] = (struct pkt){.m = m[i]};
	path_handed_over(bed.lc, &v);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct vec wire = {.n = 0}, handed = {.n = 0};

	bed_reset();
	fuzz_sessions();
	fuzz_burst(data, n, &wire, &handed);
	bed.lc->n_places = n && data[0] & 128 ? 2 : 1;
	path_run(bed.lc, &wire);
	fuzz_other_core();
	path_handed_over(bed.lc, &handed);
	CHECK(wire.n == 0 && handed.n == 0);
	fuzz_check();
	bed.lc->now.us += 5000000;
	path_overdue(bed.lc, BURST);
	path_tick(bed.lc);
	bed_reset();
	CHECK(bed_sound());
	return 0;
}
