/* MPPE through the path: a subscriber's end built with the same keys, in both modes; losses, resets, what is refused. */
#include "path_frames.h"

#include <stdlib.h>

#include "mppe.h"
#include "template.h"

#define SID 3

/* The subscriber's end of session SID. */
static struct mppe_key sends, receives;

static const uint8_t up_start[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
static const uint8_t down_start[16] = {16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1};

static struct dp_session *
sealed_session(uint16_t sid, unsigned bits, bool stateless)
{
	struct dp_session *s = bed_session(sid);
	struct mppe *x = &bed.lc->mppe[sid];
	mppe_key_init(&x->up, up_start, bits, stateless);
	mppe_key_init(&x->down, down_start, bits, stateless);
	mppe_key_init(&sends, up_start, bits, stateless);
	mppe_key_init(&receives, down_start, bits, stateless);
	s->mppe_down = 1;
	s->link_mtu = 1400;
	s->mtu = 1400 - MPPE_OVERHEAD;
	template_link(s, false, false);
	session_set_gates(s, DP_GATE_AUTHENTICATED | DP_GATE_IP4 | DP_GATE_MPPE_REQUIRED);
	return s;
}

/* seal: the next packet of the subscriber, as Linux makes it; a packet before which the stream starts anew has its A bit. */
static void
seal(struct frame *f, const struct frame *clear, bool anew, bool change)
{
	struct mppe_key *one = &sends;
	uint8_t p[FRAME_MAX];
	unsigned len = frame_len(clear);
	sends.count = (sends.count + 1) % MPPE_COUNTS;
	bool flag = (sends.count & 0xff) == 0xff;
	if (sends.stateless || flag || change)
		mppe_key_change(&one, 1);
	if (sends.stateless || flag || change || anew)
		mppe_key_start(&sends);
	put_be16(p, (uint16_t)((sends.stateless || flag || change || anew ? 0x9000 : 0x1000) | sends.count));
	put_be16(p + 2, 0x0021);
	memcpy(p + 4, clear->p, len);
	rc4_crypt(&(struct rc4_lane){.box = &sends.box, .p = p + 2, .len = len + 2}, 1);
	frame_bytes(f, p, len + 4);
	frame_ppp(f, PPP_MPPE, false, false);
	frame_l2tp(f, (struct frame_l2tp){.tid = BED_TID, .sid = SID});
	carrier_up(f);
}

static void
inner_up(struct frame *f, uint8_t ttl, unsigned len)
{
	inner(f, BED_POOL + SID, BED_HOST, ttl, len);
}

static void
passes_up(unsigned at, unsigned len)
{
	struct frame want;
	inner_up(&want, 63, len);
	core_tx(&want);
	expect_tx(1, at, &want);
}

static void
send_up(unsigned len, bool anew, bool change)
{
	struct frame clear, f;
	inner_up(&clear, 64, len);
	seal(&f, &clear, anew, change);
	bed_rx(0, &f);
}

/* opens: the `at`th frame to the LAC, decrypted by the subscriber, is this packet. */
static void
opens(unsigned at, unsigned len)
{
	uint8_t copy[FRAME_MAX];
	struct mppe_key *one = &receives;
	struct frame want;
	const struct rte_mbuf *m = bed.lc->tx[0].m[at];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, copy);
	unsigned front = 14 + 20 + 8 + 6;
	memmove(copy, p, m->pkt_len);
	assert_int_equal(be16(copy + front), 0xff03);
	assert_int_equal(be16(copy + front + 2), PPP_MPPE);
	uint16_t header = be16(copy + front + 4), count = header & 0xfff;
	assert_int_equal(header & 0x7000, 0x1000);
	bool flag = (count & 0xff) == 0xff;
	unsigned changes = receives.stateless ? (unsigned)(count - receives.count) % MPPE_COUNTS : flag;
	while (changes--)
		mppe_key_change(&one, 1);
	assert_int_equal(header >> 15, receives.stateless || flag);
	if (receives.stateless || flag)
		mppe_key_start(&receives);
	receives.count = count;
	unsigned at_ip = front + 6;
	rc4_crypt(&(struct rc4_lane){.box = &receives.box, .p = copy + at_ip, .len = m->pkt_len - at_ip}, 1);
	assert_int_equal(be16(copy + at_ip), 0x0021);
	inner(&want, BED_HOST, BED_POOL + SID, 63, len);
	assert_int_equal(m->pkt_len - at_ip - 2, frame_len(&want));
	assert_memory_equal(copy + at_ip + 2, want.p, frame_len(&want));
}

static void
send_down(unsigned len)
{
	struct frame f;
	inner(&f, BED_HOST, BED_POOL + SID, 64, len);
	core_rx(&f);
	bed_rx(1, &f);
}

static const unsigned strengths[] = {40, 56, 128};

/* Several thousand packets either way, past the end of the count, in both modes and every strength. */
static void
in_step(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		fresh(NULL);
		struct dp_session *s = sealed_session(SID, strengths[i / 2], i % 2);
		for (unsigned n = 0; n < 5000; n++) {
			send_up(n % 100, false, false);
			send_down(n % 90);
			passes_up(0, n % 100);
			opens(0, n % 90);
			path_free(bed.lc);
		}
		assert_int_equal(s->up_packets, 5000);
		assert_int_equal(s->down_packets, 5000);
		assert_int_equal(bed_drops(), 0);
	}
}

/* A vector with packets of eight sessions, and several of each, comes out as one by one. */
static void
side_by_side(void **state)
{
	(void)state;
	for (unsigned mode = 0; mode < 2; mode++) {
		static struct rte_mbuf *one[64];
		uint8_t want[64][128];
		for (unsigned round = 0; round < 2; round++) {
			fresh(NULL);
			struct pkt p[64];
			struct lane v = {.n = 0};
			for (unsigned i = 0; i < 64; i++) {
				uint16_t sid = (uint16_t)(1 + (i * 7 + i / 9) % 8);
				struct frame f;
				for (uint16_t k = 1; k <= 8; k++)
					if (!bed.lc->sessions[k].state)
						sealed_session(k, k % 3 ? 128 : 40, (k + mode) % 2);
				inner(&f, BED_HOST, BED_POOL + sid, 64, i);
				one[i] = bed_mbuf(&f, 0);
				p[i] = (struct pkt){.m = one[i], .nh = nh_session(0, sid)};
				lane_add(&v, &p[i]);
				if (round == 0) {
					mppe_down(bed.lc, &v);
					v.n = 0;
				}
			}
			if (v.n)
				mppe_down(bed.lc, &v);
			for (unsigned i = 0; i < 64; i++) {
				const uint8_t *is = rte_pktmbuf_mtod(one[i], const uint8_t *);
				if (round == 0)
					memcpy(want[i], is, one[i]->pkt_len);
				else
					assert_memory_equal(want[i], is, one[i]->pkt_len);
				rte_pktmbuf_free(one[i]);
			}
		}
	}
}

/* Stateless: what is missing costs only itself; what comes late is dropped. */
static void
stateless_gaps(void **state)
{
	struct frame clear, late;
	(void)state;
	sealed_session(SID, 128, true);
	inner_up(&clear, 64, 10);
	seal(&late, &clear, false, false);
	for (unsigned i = 0; i < 9; i++)
		seal(&(struct frame){0}, &clear, false, false);
	send_up(20, false, false);
	passes_up(0, 20);
	bed_rx(0, &late);
	expect_drop(DROP_MPPE_LATE);
	expect_queued(0, 1, 0);
}

/* A gap of more keys than one packet may cost is made up for by several. */
static void
stateless_long_gap(void **state)
{
	struct frame clear, lost;
	unsigned n = 0;
	(void)state;
	sealed_session(SID, 128, true);
	inner_up(&clear, 64, 10);
	for (unsigned i = 0; i < 1000; i++)
		seal(&lost, &clear, false, false);
	while (!bed.lc->tx[1].n && n++ < 100) {
		send_up(20, false, false); /* gaps are made up for once a millisecond, */
		send_up(20, false, false); /* so that this one costs nothing */
		bed.lc->now.us += 1000;
	}
	passes_up(0, 20);
	assert_int_equal(bed.lc->stats.drops[DROP_MPPE_GAP], 2 * (n - 1));
	assert_in_range(n, 1000 / MPPE_CATCH_UP, 1000 / (MPPE_CATCH_UP - 2) + 1);
	assert_int_equal(bed.n_said, 0);
}

/* The frame to the LAC is this CCP packet. */
static uint8_t
expect_ccp(unsigned at, uint8_t code)
{
	uint8_t copy[FRAME_MAX];
	const struct rte_mbuf *m = bed.lc->tx[0].m[at];
	assert_int_equal(m->pkt_len, 14 + 20 + 8 + 6 + 8);
	const uint8_t *ppp = rte_pktmbuf_read(m, 48, 8, copy);
	assert_int_equal(be32(ppp), 0xff0380fd);
	assert_int_equal(ppp[4], code);
	assert_int_equal(be16(ppp + 6), 4);
	return ppp[5];
}

/* Stateful: after a loss nothing is understood until the peer starts anew, either way peers do it. */
static void
stateful_loss(void **state)
{
	struct frame clear, lost;
	(void)state;
	for (unsigned way = 0; way < 5; way++) {
		fresh(NULL);
		sealed_session(SID, 128, false);
		inner_up(&clear, 64, 10);
		for (unsigned i = 0; i < 300; i++) {
			send_up(30, false, false);
			path_free(bed.lc);
		}
		seal(&lost, &clear, false, false);
		send_up(20, false, false);
		expect_queued(1, 0, 0);
		assert_int_equal(expect_ccp(0, 14), 1);
		send_up(20, false, false);
		expect_queued(1, 0, 0); /* asked once */
		bed.lc->now = mono_add_ms(bed.lc->now, MPPE_RESET_MS);
		send_up(20, false, false);
		expect_queued(2, 0, 0);
		assert_int_equal(expect_ccp(1, 14), 2);
		if (way == 2) /* a change of key is lost on the way, too */
			for (unsigned i = 0; i < 300; i++)
				seal(&lost, &clear, false, false);
		if (way >= 3) /* so are packets that start anew */
			for (unsigned i = 0; i < 7; i++)
				seal(&lost, &clear, true, way == 3);
		send_up(40, true, way == 1 || way == 3);
		passes_up(0, 40);
		send_up(41, false, false);
		passes_up(1, 41);
		assert_int_equal(bed.lc->stats.drops[DROP_MPPE_GAP], 3);
		path_free(bed.lc);
		seal(&lost, &clear, false, false);
		send_up(20, false, false); /* the next loss, however soon, is asked for at once */
		expect_queued(1, 0, 0);
		assert_int_equal(expect_ccp(0, 14), 3);
	}
}

/* Packets that start anew with no key at all: none is taken for IP, and the subscriber's own is, after all of them. */
static void
stateful_nonsense(void **state)
{
	enum { N = 20000, LEN = 1300 };
	uint8_t p[LEN] = {0};
	struct mppe_key *one = &sends;
	struct frame f;
	(void)state;
	sealed_session(SID, 128, false);
	for (unsigned i = 0; i < N; i++) {
		sends.count = i % MPPE_COUNTS;
		if (i % 256 == 255) { /* lost; here the key changes */
			mppe_key_change(&one, 1);
			continue;
		}
		put_be16(p, (uint16_t)(0x9000 | sends.count));
		memcpy(p + 2, &i, sizeof i);
		frame_bytes(&f, p, sizeof p);
		frame_ppp(&f, PPP_MPPE, false, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = SID});
		carrier_up(&f);
		bed_rx(0, &f);
		path_free(bed.lc);
		bed.lc->now.us += 1000;
	}
	assert_int_equal(bed.lc->stats.drops[DROP_MPPE_GAP], N - N / 256);
	send_up(40, true, false);
	passes_up(0, 40);
}

/* The peer has lost its place: it is answered at once, and what follows starts anew. */
static void
reset_request(void **state)
{
	struct frame f;
	(void)state;
	sealed_session(SID, 128, false);
	send_down(50);
	opens(0, 50);
	send_down(51); /* lost */
	path_free(bed.lc);
	frame_bytes(&f, (const uint8_t[]){14, 7, 0, 4}, 4);
	frame_ppp(&f, PPP_CCP, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = SID});
	carrier_up(&f);
	bed_rx(0, &f);
	expect_queued(1, 0, 0);
	assert_int_equal(expect_ccp(0, 15), 7);
	assert_int_equal(bed.n_said, 0);
	send_down(52);
	opens(1, 52);
	send_down(53);
	opens(2, 53);
	assert_int_equal(receives.count, 0x100);
}

/* What CCP says besides goes to MAIN. */
static void
other_ccp(void **state)
{
	struct frame f;
	(void)state;
	sealed_session(SID, 128, true);
	frame_bytes(&f, (const uint8_t[]){1, 7, 0, 10, 18, 6, 1, 0, 0, 64}, 10);
	frame_ppp(&f, PPP_CCP, false, false);
	frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = SID});
	carrier_up(&f);
	bed_rx(0, &f);
	assert_int_equal(bed.n_said, 1);
	assert_int_equal(bed.said[0].type, DP_MSG_PUNT_PPP);
	expect_queued(0, 0, 0);
}

/* Clear text does not pass a session that must encrypt, either way. */
static void
clear_text(void **state)
{
	struct frame f;
	(void)state;
	struct dp_session *s = sealed_session(SID, 128, true);
	inner_up(&f, 64, 10);
	tunnel_up(&f, SID);
	bed_rx(0, &f);
	expect_drop(DROP_MPPE_CLEAR);
	assert_int_equal(s->up_drops, 1);
	fresh(NULL);
	s = sealed_session(SID, 128, true);
	s->mppe_down = 0;
	session_set_gates(s, s->gates);
	send_down(10);
	expect_drop(DROP_MPPE_CLEAR);
	expect_queued(0, 0, 0);
}

/* Encrypted data to who has no key, headers that cannot be, and what decrypts to nonsense. */
static void
refused(void **state)
{
	static const struct {
		const char *bytes;
		unsigned len;
		enum drop why;
	} rows[] = {
		{"\x90", 1, DROP_MPPE_HEADER},           {"\x90\x00", 2, DROP_MPPE_HEADER},
		{"\x80\x00xxxxxx", 8, DROP_MPPE_HEADER}, /* not encrypted */
		{"\xb0\x00xxxxxx", 8, DROP_MPPE_HEADER}, /* compressed */
		{"\x10\x00xxxxxx", 8, DROP_MPPE_HEADER}, /* stateless, and not started anew */
		{"\x9f\xffxxxxxx", 8, DROP_MPPE_LATE},   {"\x90\x00xxxxxx", 8, DROP_MPPE_PROTOCOL},
	};
	struct frame f;
	(void)state;
	for (unsigned i = 0; i <= RTE_DIM(rows); i++) {
		fresh(NULL);
		if (i < RTE_DIM(rows))
			sealed_session(SID, 128, true);
		else
			bed_session(SID);
		unsigned r = i < RTE_DIM(rows) ? i : 6;
		frame_bytes(&f, (const uint8_t *)rows[r].bytes, rows[r].len);
		frame_ppp(&f, PPP_MPPE, false, false);
		frame_l2tp(&f, (struct frame_l2tp){.tid = BED_TID, .sid = SID});
		carrier_up(&f);
		bed_rx(0, &f);
		expect_drop(i < RTE_DIM(rows) ? rows[r].why : DROP_MPPE_NO_KEY);
		expect_queued(0, 0, 0);
	}
}

/* The largest packet that passes leaves the frame within the link's MTU; larger ones are cut before they are encrypted. */
static void
mtu(void **state)
{
	(void)state;
	sealed_session(SID, 128, true);
	send_down(1400 - MPPE_OVERHEAD - 28);
	opens(0, 1400 - MPPE_OVERHEAD - 28);
	assert_int_equal(bed.lc->tx[0].m[0]->pkt_len, 14 + 20 + 8 + 6 + 4 + 1400);
	send_down(1400 - MPPE_OVERHEAD - 27);
	expect_queued(3, 0, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		PATH_TEST(in_step),
		PATH_TEST(side_by_side),
		PATH_TEST(stateless_gaps),
		PATH_TEST(stateless_long_gap),
		PATH_TEST(stateful_loss),
		PATH_TEST(stateful_nonsense),
		PATH_TEST(reset_request),
		PATH_TEST(other_ccp),
		PATH_TEST(clear_text),
		PATH_TEST(refused),
		PATH_TEST(mtu),
	};
	bed_start_small();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
