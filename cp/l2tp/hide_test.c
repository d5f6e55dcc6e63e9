/* Hidden AVPs (RFC 2661 4.3): the keystream, messages with them, and tunnels of ends that hide. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/auth.h"
#include "l2tp/hide.h"
#include "l2tp/peer.h"

#define SECRET "wholesale"

static const struct l2tp_reading reading = {.secret = SECRET};
static const struct l2tp_reading other = {.secret = "another"};
static const struct l2tp_reading none = {.secret = ""};
static const struct l2tp_config hiding = {.host_name = "a", .secret = SECRET, .hide_avps = true};
static const struct l2tp_config showing = {.host_name = "a", .secret = SECRET};
static const struct l2tp_config open_hiding = {.host_name = "a", .hide_avps = true};
static const uint8_t vector_bytes[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
static const struct span vector = {vector_bytes, 16};
static struct build b;
static struct l2tp_msg m;
static struct peer p;

/* Known answers, computed with another program from the text of the RFC. */
static void
known_answers(void **state)
{
	static const struct {
		enum l2tp_attr attr;
		struct span plain;
		struct span hidden;
	} rows[] = {
		{AVP_ASSIGNED_TUNNEL_ID,
		 {(const uint8_t *)"\x12\x34", 2},
		 {(const uint8_t *)"\xde\xc3\x02\x8f\xb8\x21\xb5\x98\xf7\xfe\xa8\xd5\x69\xb2\x9e\xd5", 16}},
		{AVP_CALLING_NUMBER,
		 {(const uint8_t *)"5551234", 7},
		 {(const uint8_t *)"\x4e\xc4\x62\x9a\x4e\x97\xea\x35\xb1", 9}}, /* without padding */
		{AVP_CALLING_NUMBER,
		 {(const uint8_t *)"()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNO", 40},
		 {(const uint8_t *)"\x4e\xeb\x7f\x86\x51\x8d\xf4\x2b\xab\xbb\x30\x08\x1a\x8b\x75\x21\xbc\xee\xc2\x85"
				   "\x63\x28\x0a\xae\x0b\xa1\x38\xf4\x53\x13\x93\xa6\x5f\x13\xc5\x1a\xda\x25\xe4\xe1"
				   "\xf9\x68\x24\x9c\xda\x71\xe4\xbf",
		  48}},
	};
	uint8_t out[64];
	struct span value;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(l2tp_unhide(rows[i].attr, SECRET, &vector, &rows[i].hidden, out, &value), 0);
		assert_int_equal(value.len, rows[i].plain.len);
		assert_memory_equal(value.p, rows[i].plain.p, value.len);
		if (l2tp_hidden_len(rows[i].plain.len) != rows[i].hidden.len)
			continue;
		assert_int_equal(l2tp_hide(rows[i].attr, SECRET, &vector, &rows[i].plain, out), 0);
		assert_memory_equal(out, rows[i].hidden.p, rows[i].hidden.len);
	}
}

static void
every_length(void **state)
{
	uint8_t value[1000];
	(void)state;
	for (size_t i = 0; i < sizeof value; i++)
		value[i] = (uint8_t)(i * 7);
	for (uint16_t len = 0; len <= sizeof value; len++) {
		const struct span plain = {value, len};
		uint8_t *hidden = malloc(l2tp_hidden_len(len)), *out = malloc(l2tp_hidden_len(len));
		struct span back, wire = {hidden, (uint16_t)l2tp_hidden_len(len)};
		assert_int_equal(wire.len % HIDE_BLOCK, 0);
		assert_int_equal(l2tp_hide(AVP_CHALLENGE, SECRET, &vector, &plain, hidden), 0);
		assert_int_equal(l2tp_unhide(AVP_CHALLENGE, SECRET, &vector, &wire, out, &back), 0);
		assert_int_equal(back.len, len);
		assert_memory_equal(back.p, value, len);
		free(hidden);
		free(out);
	}
}

static void
what_cannot_be(void **state)
{
	uint8_t out[16], hidden[16] = {0};
	struct span value;
	(void)state;
	for (uint16_t len = 0; len < HIDE_LEN; len++) {
		const struct span cut = {hidden, len};
		assert_true(l2tp_unhide(AVP_CHALLENGE, SECRET, &vector, &cut, out, &value) < 0);
	}
	/* a length one beyond what is there */
	const struct span plain = {(const uint8_t *)"0123456789abcd", 14};
	assert_int_equal(l2tp_hide(AVP_CHALLENGE, SECRET, &vector, &plain, hidden), 0);
	const struct span whole = {hidden, 16}, cut = {hidden, 15};
	assert_int_equal(l2tp_unhide(AVP_CHALLENGE, SECRET, &vector, &whole, out, &value), 0);
	assert_true(l2tp_unhide(AVP_CHALLENGE, SECRET, &vector, &cut, out, &value) < 0);
	assert_true(l2tp_unhide(AVP_CHALLENGE, "another", &vector, &whole, out, &value) < 0);
}

static enum l2tp_why
parse(const struct l2tp_reading *how)
{
	struct l2tp_hdr h;
	size_t len = l2tp_build_end(&b);
	assert_int_equal(l2tp_hdr_parse(b.bytes, len, &h), L2TP_WHY_OK);
	return l2tp_msg_parse(h.body, h.body_len, how, &m);
}

static void
raw(uint16_t flags, uint16_t attr, const void *value, uint16_t len)
{
	wr_be16(&b.w, (uint16_t)(flags | (AVP_HDR + len)));
	wr_be16(&b.w, 0);
	wr_be16(&b.w, attr);
	wr_bytes(&b.w, value, len);
}

static void
icrq(void)
{
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	l2tp_build_hide(&b, SECRET, vector_bytes);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 0x1234);
	l2tp_avp_u32(&b, AVP_CALL_SERIAL_NUMBER, 77);
	l2tp_avp_text(&b, AVP_CALLING_NUMBER, "5551234");
	l2tp_avp_text(&b, AVP_SUB_ADDRESS, "");
}

static void
a_message(void **state)
{
	(void)state;
	icrq();
	assert_int_equal(parse(&reading), L2TP_WHY_OK);
	assert_int_equal(m.sid, 0x1234);
	assert_int_equal(m.serial, 77);
	assert_int_equal(m.calling.len, 7);
	assert_memory_equal(m.calling.p, "5551234", 7);
	assert_true(l2tp_msg_has(&m, AVP_SUB_ADDRESS));
	assert_int_equal(m.random_vector.len, 16);
	icrq();
	assert_int_equal(parse(&other), L2TP_WHY_AVP_HIDDEN);
	icrq();
	assert_int_equal(parse(&none), L2TP_WHY_AVP_HIDDEN);
	assert_int_equal(m.bad_attr, AVP_ASSIGNED_SESSION_ID);
	/* what an unknown AVP is forgiven, one that cannot be opened is not */
	const struct l2tp_reading permissive = {.secret = "", .permissive = true};
	icrq();
	raw(AVP_F_MANDATORY, 999, "1", 1);
	assert_int_equal(parse(&permissive), L2TP_WHY_AVP_HIDDEN);
}

static void
vectors(void **state)
{
	static const uint8_t second[16] = "another vector!";
	uint8_t hidden[16];
	const struct span one = {(const uint8_t *)"\0\5", 2}, later = {second, 16};
	(void)state;
	l2tp_hide(AVP_ASSIGNED_SESSION_ID, SECRET, &vector, &one, hidden);
	/* none before the AVP: one behind it does not count */
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, vector_bytes, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_AVP_HIDDEN);
	/* of two before it the last counts */
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, vector_bytes, 16);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, second, 16);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_AVP_HIDDEN);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, vector_bytes, 16);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	l2tp_hide(AVP_CALL_SERIAL_NUMBER, SECRET, &later, &(struct span){(const uint8_t *)"\0\0\0\11", 4}, hidden);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, second, 16);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_CALL_SERIAL_NUMBER, hidden, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_OK);
	assert_int_equal(m.sid, 5);
	assert_int_equal(m.serial, 9);
	/* an empty one is one */
	const struct span empty = {vector_bytes, 0};
	l2tp_hide(AVP_ASSIGNED_SESSION_ID, SECRET, &empty, &one, hidden);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, NULL, 0);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_OK);
	assert_int_equal(m.sid, 5);
}

/* RFC 2661 4.4: some must not be hidden; without the M bit it does not matter. */
/* Each attribute once: that bounds what a stranger's message costs. */
static void
opened_once(void **state)
{
	uint8_t hidden[16], other_one[16];
	(void)state;
	l2tp_hide(AVP_ASSIGNED_SESSION_ID, SECRET, &vector, &(struct span){(const uint8_t *)"\0\5", 2}, hidden);
	l2tp_hide(AVP_ASSIGNED_SESSION_ID, SECRET, &vector, &(struct span){(const uint8_t *)"\0\6", 2}, other_one);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, vector_bytes, 16);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	raw(AVP_F_MANDATORY | AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, other_one, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_OK);
	assert_int_equal(m.sid, 5);
	assert_int_equal(m.plain_len, 16);
	/* one that cannot be opened is not tried again */
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	raw(AVP_F_MANDATORY, AVP_RANDOM_VECTOR, vector_bytes, 16);
	raw(AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 1);
	raw(AVP_F_HIDDEN, AVP_ASSIGNED_SESSION_ID, hidden, 16);
	assert_int_equal(parse(&reading), L2TP_WHY_AVP_MISSING);
	assert_int_equal(m.avps_ignored, 2);
	assert_int_equal(m.plain_len, 0);
}

static void
never_hidden(void **state)
{
	static const uint16_t attrs[] = {AVP_RESULT_CODE,         AVP_PROTOCOL_VERSION, AVP_TIE_BREAKER,
					 AVP_HOST_NAME,           AVP_RECEIVE_WINDOW,   AVP_RANDOM_VECTOR,
					 AVP_SEQUENCING_REQUIRED, AVP_Q931_CAUSE};
	(void)state;
	for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++) {
		l2tp_build_start(&b, 1, 0, L2TP_MSG_HELLO);
		l2tp_build_hide(&b, SECRET, vector_bytes);
		raw(AVP_F_MANDATORY | AVP_F_HIDDEN, attrs[i], "0123456789abcdef", 16);
		assert_int_equal(parse(&reading), L2TP_WHY_AVP_UNKNOWN);
		l2tp_build_start(&b, 1, 0, L2TP_MSG_HELLO);
		l2tp_build_hide(&b, SECRET, vector_bytes);
		raw(AVP_F_HIDDEN, attrs[i], "0123456789abcdef", 16);
		assert_int_equal(parse(&reading), L2TP_WHY_OK);
		assert_int_equal(m.avps_ignored, 1);
	}
	for (unsigned attr = 0; attr < AVP_ATTR_COUNT; attr++) {
		const struct avp_row *row = l2tp_avp_row(0, attr);
		bool never = attr == AVP_MESSAGE_TYPE;
		for (size_t i = 0; i < sizeof attrs / sizeof *attrs; i++)
			never |= attr == attrs[i];
		assert_true(!row || row->may_hide == !never);
	}
}

/* A value that is wrong in form is wrong though it came hidden. */
static void
hidden_values_are_checked(void **state)
{
	(void)state;
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	l2tp_build_hide(&b, SECRET, vector_bytes);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 0);
	assert_int_equal(parse(&reading), L2TP_WHY_AVP_VALUE);
	l2tp_build_start(&b, 1, 0, L2TP_MSG_ICRQ);
	l2tp_build_hide(&b, SECRET, vector_bytes);
	l2tp_avp_bytes(&b, AVP_ASSIGNED_SESSION_ID, "123", 3);
	assert_int_equal(parse(&reading), L2TP_WHY_AVP_LENGTH);
}

/* A scripted LAC that hides all it may, and an LNS that does so once the peer has proven that it can read it. */
static void
lns_hides(void **state)
{
	(void)state;
	peer_start(&p, 1, &hiding);
	p.sim.reading = reading;
	p.e->tracing = true;
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_build_hide(&p.b, SECRET, vector_bytes);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	l2tp_avp_text(&p.b, AVP_VENDOR_NAME, "Deep");
	peer_end(&p);
	assert_null(strstr(p.e->line, "hidden")); /* the peer has not shown yet that it knows the secret */
	assert_string_equal(p.e->tunnel->peer_vendor, "Deep");
	peer_hear(&p, L2TP_MSG_SCCRP);
	assert_int_equal(p.m.tid, p.e->tunnel->our_tid);
	p.tid = p.m.tid;
	uint8_t response[AUTH_LEN];
	l2tp_auth_response(L2TP_MSG_SCCCN, SECRET, &p.m.challenge, response);
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	l2tp_build_hide(&p.b, SECRET, vector_bytes);
	l2tp_avp_bytes(&p.b, AVP_CHALLENGE_RESPONSE, response, sizeof response);
	peer_end(&p);
	assert_int_equal(p.e->tunnel->state, L2TP_ESTABLISHED);
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	l2tp_build_hide(&p.b, SECRET, vector_bytes);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
	l2tp_avp_text(&p.b, AVP_CALLING_NUMBER, "5551234");
	peer_end(&p);
	peer_hear(&p, L2TP_MSG_ICRP);
	assert_non_null(strstr(p.e->line, "ICRP <Random-Vector "));
	assert_non_null(strstr(p.e->line, "<Assigned-Session-Id hidden 16 bytes>"));
	assert_string_equal(p.e->calls[p.m.sid]->calling, "5551234");
	/* with another secret it cannot be read: the call is refused, the tunnel lives */
	peer_begin(&p, L2TP_MSG_ICCN, p.m.sid);
	l2tp_build_hide(&p.b, "another", vector_bytes);
	l2tp_avp_u32(&p.b, AVP_TX_CONNECT_SPEED, 1);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 2, 8);
	assert_int_equal(l2tp_stats(p.e->l2tp)[L2TP_STAT_AVP_HIDDEN], 1);
	assert_int_equal(p.e->live_tunnels, 1);
	peer_stop(&p);
}

/* A SCCRQ whose tunnel id cannot be read has nobody to be answered to. */
static void
lns_cannot_read(void **state)
{
	(void)state;
	peer_start(&p, 1, &showing);
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_build_hide(&p.b, "another", vector_bytes);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	peer_end(&p);
	assert_int_equal(peer_hear_any(&p), 0);
	assert_int_equal(p.e->tunnel_new, 0);
	assert_int_equal(l2tp_memory(p.e->l2tp), 0);
	peer_stop(&p);
}

static void
both_ends(const struct l2tp_config *lac_config, const struct l2tp_config *lns_config, bool hidden)
{
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct sim sim;
		sim_init(&sim, seed);
		sim.loss = seed % 30;
		struct sim_end *lac = sim_end(&sim, 0, lac_config), *lns = sim_end(&sim, 1, lns_config);
		lac->tracing = true;
		sim_call_open(lac, sim_tunnel_open(lac, NULL), "5551234");
		sim_run_ms(&sim, 30000);
		if (!sim.loss) {
			assert_int_equal(lns->call_up, 1);
			assert_string_equal(lns->calls[1]->calling, "5551234");
			l2tp_tunnel_close(lac->l2tp, lac->tunnel->our_tid, CAUSE_ADMIN_RESET, sim.now);
			assert_int_equal(strstr(lac->line, "hidden 16 bytes") != NULL, hidden);
			assert_non_null(strstr(lac->line, "<Result-Code 1 error 0"));
		}
		for (unsigned i = 0; i < 2; i++)
			l2tp_shutdown(sim.end[i].l2tp, sim.now);
		assert_true(sim_run_quiet(&sim, 120000));
		sim_fini(&sim);
	}
}

static void
over_a_link(void **state)
{
	(void)state;
	both_ends(&hiding, &hiding, true);
	both_ends(&hiding, &showing, true);
	both_ends(&showing, &hiding, false);
	both_ends(&open_hiding, &open_hiding, false); /* without a secret there is nothing to hide with */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),  cmocka_unit_test(every_length),
		cmocka_unit_test(what_cannot_be), cmocka_unit_test(a_message),
		cmocka_unit_test(vectors),        cmocka_unit_test(opened_once),
		cmocka_unit_test(never_hidden),   cmocka_unit_test(hidden_values_are_checked),
		cmocka_unit_test(lns_hides),      cmocka_unit_test(lns_cannot_read),
		cmocka_unit_test(over_a_link),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
