/* Enhanced GRE through the path of a worker core: two calls of one peer, packets with any numbers in bursts, any octets behind
 * the IPv4 header, time, packets down.
 *
 *	input   u8 op: bits 0-2 what, bit 3 which call, bit 4: what has gathered goes through the path now; bits 5-7: how
 *	DATA    s8 by how much the number is ahead of the one after the last (bits 5, 6: times 1, 8, 64, 4096: an
 *	        input does not go half around)
 *	CONTROL likewise, a frame for MAIN
 *	ACK     u32, an acknowledgment alone
 *	RAW     u8 n, n octets of GRE
 *	DOWN    a packet for the subscriber
 *	TIME    u8 milliseconds
 *	CLOSE   the call ends, and another takes its id
 *
 * What must hold: data leaves in the order of its numbers, each once, whatever came; no more wait than may; no number is
 * acknowledged that did not come; an acknowledgment alone is one; after long enough nothing waits; every buffer comes back.
 */
#include <stdlib.h>

#include "bed.h"
#include "gre.h"
#include "ip4.h"
#include "path.h"

#define CALL 9
#define CALLS 2
#define WINDOW 8 /* bed_call's */
#define BURST 16
#define CORE_IP (14 + 4) /* Ethernet, VLAN */
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

enum { DATA, CONTROL, ACK, RAW, DOWN, TIME, CLOSE };

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static struct {
	struct vec wire;
	uint32_t at[CALLS];   /* the number that a delta counts from */
	bool passed[CALLS];   /* something has left; the last was: */
	uint32_t last[CALLS]; /* its number */
	bool raw;             /* of what octets have said nothing is known */
} fuzz;

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	bed_start_small();
	return 0;
}

static void
fuzz_free(void *buffer, void *shared)
{
	free(buffer);
	free(shared);
}

/* fuzz_add: a frame in a buffer that ends with it, so that ASan sees the first octet too many. */
static void
fuzz_add(const struct frame *f, uint16_t port)
{
	unsigned n = frame_len(f);
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
	memcpy(rte_pktmbuf_append(m, (uint16_t)n), f->p, n);
	vec_add(&fuzz.wire, &(struct pkt){.m = m, .iface = port});
}

static void
fuzz_up(struct frame *f)
{
	frame_ip4(f, (struct frame_ip4){.src = BED_LAC, .dst = BED_LNS, .proto = IP4_PROTO_GRE, .ttl = 60});
	frame_eth(f, bed_mac(BED_ACCESS), bed_neighbour_mac(BED_ADJ_LAC), 0, 0x0800);
	fuzz_add(f, 0);
}

/* fuzz_inner: a packet of the subscriber's whose identification and payload are its number. */
static void
fuzz_inner(struct frame *f, uint32_t src, uint32_t dst, uint32_t seq)
{
	uint8_t payload[4];
	put_be32(payload, seq);
	frame_bytes(f, payload, sizeof payload);
	frame_ip4(f, (struct frame_ip4){.src = src, .dst = dst, .proto = 253, .ttl = 64});
}

static void
fuzz_numbered(unsigned call, uint32_t seq, bool control)
{
	struct frame f;
	if (control) {
		frame_bytes(&f, (const uint8_t[]){1, 1, 0, 4}, 4);
		frame_ppp(&f, 0xc021, false, false);
	} else {
		fuzz_inner(&f, BED_POOL + CALL + call, BED_HOST, seq);
		frame_ppp(&f, 0x0021, false, false);
	}
	frame_gre(&f, (struct frame_gre){.call_id = (uint16_t)(CALL + call), .seq = seq});
	fuzz_up(&f);
}

static void
fuzz_ack(unsigned call, uint32_t ack)
{
	struct frame f;
	frame_bytes(&f, (const uint8_t *)"", 0);
	frame_gre(&f,
		  (struct frame_gre){.call_id = (uint16_t)(CALL + call), .no_seq = true, .has_ack = true, .ack = ack});
	fuzz_up(&f);
}

static void
fuzz_raw(struct rd *r)
{
	struct frame f;
	unsigned n = rd_u8(r);
	n = rd_left(r) < n ? (unsigned)rd_left(r) : n;
	const uint8_t *p = rd_take(r, n);
	frame_bytes(&f, p ? p : (const uint8_t *)"", n);
	fuzz.raw = true;
	fuzz_up(&f);
}

static void
fuzz_down(unsigned call)
{
	struct frame f;
	fuzz_inner(&f, BED_HOST, BED_POOL + CALL + call, 0);
	frame_eth(&f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0800);
	fuzz_add(&f, 1);
}

static void
fuzz_close(unsigned call)
{
	struct dp_session *s = &bed.lc->sessions[CALL + call];
	gre_close(bed.lc, s);
	bed_call((uint16_t)(CALL + call));
	fuzz.passed[call] = false;
}

/* fuzz_passed: up: later than the last one of its call. */
static void
fuzz_passed(const uint8_t *frame, unsigned len)
{
	CHECK(len == CORE_IP + 24 || fuzz.raw);
	uint32_t call = be32(frame + CORE_IP + 12) - BED_POOL - CALL, seq = be32(frame + CORE_IP + 20);
	if (fuzz.raw)
		return;
	CHECK(call < CALLS);
	CHECK(!fuzz.passed[call] || (int32_t)(seq - fuzz.last[call]) > 0);
	fuzz.passed[call] = true;
	fuzz.last[call] = seq;
}

/* fuzz_sent: down: what the call has acknowledged is what has come last in order. */
static void
fuzz_sent(const uint8_t *frame, unsigned len)
{
	struct gre h;
	const uint8_t *ip = frame + 14;
	CHECK(len >= 14 + IP4_HDR_LEN && be16(ip + 2) == len - 14 && frame_checksum(ip, IP4_HDR_LEN, 0) == 0);
	if (ip[9] != IP4_PROTO_GRE)
		return; /* an ICMP error, of octets that said so */
	CHECK(gre_parse(ip + 20, len - 34, len - 34, &h) == DROP_NONE);
	CHECK(h.hdr_len + h.len == len - 34u && (h.has_seq || (h.has_ack && !h.len)));
	unsigned call = h.call_id - CALL - BED_SID_BASE;
	CHECK(call < CALLS);
	const struct gre_call *c = &bed.lc->gre->calls[CALL + call];
	CHECK(!h.has_ack || (c->heard && (int32_t)(h.ack - c->next) < 0));
}

static void
fuzz_drain(void)
{
	struct lcore *lc = bed.lc;
	unsigned held = 0;
	for (unsigned port = 0; port < lc->n_ports; port++) {
		for (unsigned i = 0; i < lc->tx[port].n; i++) {
			struct rte_mbuf *m = lc->tx[port].m[i];
			uint8_t copy[256];
			const uint8_t *p = rte_pktmbuf_read(m, 0, RTE_MIN(m->pkt_len, (uint32_t)sizeof copy), copy);
			(port ? fuzz_passed : fuzz_sent)(p, m->pkt_len);
			rte_pktmbuf_free(m);
		}
		lc->tx[port].n = 0;
	}
	for (unsigned call = 0; call < CALLS; call++) {
		CHECK(lc->gre->calls[CALL + call].n_held <= WINDOW);
		held += lc->gre->calls[CALL + call].n_held;
	}
	CHECK(bed_held() == held);
	bed.n_said = 0;
}

static void
fuzz_run(void)
{
	path_run(bed.lc, &fuzz.wire);
	CHECK(fuzz.wire.n == 0);
	fuzz_drain();
}

static void
fuzz_time(unsigned ms)
{
	fuzz_run();
	bed.lc->now = mono_add_ms(bed.lc->now, ms);
	path_overdue(bed.lc, BURST);
	fuzz_drain();
}

static void
fuzz_step(struct rd *r)
{
	static const uint8_t scale[] = {0, 3, 6, 12};
	uint8_t op = rd_u8(r);
	unsigned what = op & 7, call = op >> 3 & 1;
	if (what <= CONTROL) {
		uint32_t seq = fuzz.at[call] + ((uint32_t)(int8_t)rd_u8(r) << scale[op >> 5 & 3]);
		fuzz.at[call] = seq + 1;
		fuzz_numbered(call, seq, what == CONTROL);
	} else if (what == ACK) {
		fuzz_ack(call, rd_be32(r));
	} else if (what == RAW) {
		fuzz_raw(r);
	} else if (what == DOWN) {
		fuzz_down(call);
	} else if (what == TIME) {
		fuzz_time(rd_u8(r));
	} else {
		fuzz_run();
		fuzz_close(call);
	}
	if (op & 16 || fuzz.wire.n == BURST)
		fuzz_run();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct rd r = rd_init(data, n);

	bed_reset();
	memset(&fuzz, 0, sizeof fuzz);
	for (uint16_t call = 0; call < CALLS; call++)
		bed_call((uint16_t)(CALL + call));
	fuzz.at[1] = 0xfffffff0; /* soon around */
	while (!r.bad && rd_left(&r))
		fuzz_step(&r);
	for (unsigned i = 0; i <= CALLS * WINDOW; i++) /* each gap may take its time */
		fuzz_time(100);
	CHECK(bed_held() == 0);
	bed_reset();
	CHECK(bed_sound());
	return 0;
}
