/* A scripted LNS against the LAC. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/auth.h"
#include "l2tp/peer.h"

static const struct l2tp_config plain = {.host_name = "lac1"};
static struct peer p;

static int
start(void **state)
{
	(void)state;
	peer_start(&p, 0, &plain);
	assert_non_null(sim_tunnel_open(p.e, NULL));
	peer_hear(&p, L2TP_MSG_SCCRQ);
	p.tid = p.m.tid;
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	peer_stop(&p);
	return 0;
}

static void
sccrp_begin(void)
{
	peer_begin(&p, L2TP_MSG_SCCRP, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "lns");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
}

static void
tunnel_open(void)
{
	sccrp_begin();
	peer_end(&p);
	peer_hear(&p, L2TP_MSG_SCCCN);
	assert_int_equal(p.h.tid, PEER_TID);
	assert_int_equal(p.e->tunnel_set, 1);
	peer_zlb(&p);
}

/* Opens a call up to wait-reply; its sid. */
static uint16_t
call_open(void)
{
	struct l2tp_call *c = sim_call_open(p.e, p.e->tunnel, "123");
	assert_non_null(c);
	peer_hear(&p, L2TP_MSG_ICRQ);
	assert_int_equal(p.m.sid, c->our_sid);
	assert_int_equal(p.h.sid, 0);
	assert_memory_equal(p.m.calling.p, "123", 3);
	assert_false(l2tp_msg_has(&p.m, AVP_CALLED_NUMBER));
	return p.m.sid;
}

static void
icrp(uint16_t sid)
{
	peer_begin(&p, L2TP_MSG_ICRP, sid);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
	peer_end(&p);
}

static void
up_and_down(void **state)
{
	(void)state;
	tunnel_open();
	uint16_t sid = call_open();
	icrp(sid);
	peer_hear(&p, L2TP_MSG_ICCN);
	assert_int_equal(p.h.sid, PEER_SID);
	assert_int_equal(p.m.tx_bps, 1000);
	assert_true(p.e->is_up[sid]);
	sim_call_close(p.e, sid, CAUSE_USER_REQUEST);
	peer_zlb(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 3, 0);
	assert_int_equal(p.m.sid, sid);
	assert_int_equal(p.e->call_down, 0); /* who closes is not told */
}

/* RFC 2661 8.1: the answer may come from another port. */
static void
other_port(void **state)
{
	struct l2tp_path path = sim_path(0);
	(void)state;
	sccrp_begin();
	size_t len = l2tp_build_end(&p.b);
	put_be16(p.b.bytes + L2TP_CTL_NR, 1);
	path.peer_port = 40000;
	path.peer = addr_from_ip4(0x0a000063); /* but not from another address */
	l2tp_input(p.e->l2tp, &path, p.b.bytes, len, p.sim.now);
	assert_int_equal(p.e->tunnel_set, 0);
	path.peer = sim_path(0).peer;
	l2tp_input(p.e->l2tp, &path, p.b.bytes, len, p.sim.now);
	assert_int_equal(p.e->tunnel_set, 1);
	assert_int_equal(p.e->tunnel->path.peer_port, 40000);
	assert_int_equal(TAILQ_FIRST(&p.sim.wire)->path.peer_port, 40000);
}

static void
refused(void **state)
{
	(void)state;
	sim_call_open(p.e, p.e->tunnel, NULL);
	peer_begin(&p, L2TP_MSG_STOPCCN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, 0);
	l2tp_avp_result(&p.b, L2TP_MSG_STOPCCN, CAUSE_NO_RESOURCES);
	peer_end(&p);
	assert_int_equal(p.e->call_cause, CAUSE_PEER_TUNNEL_CLOSED);
	assert_int_equal(p.e->tunnel_cause, CAUSE_PEER_TUNNEL_CLOSED);
	assert_int_equal(p.e->tunnel_result, 2);
	assert_int_equal(p.e->tunnel_error, 4);
	assert_string_equal(p.e->peer_text, "session limit reached");
}

static void
bad_sccrp(void **state)
{
	(void)state;
	sccrp_begin();
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_cause, CAUSE_UNKNOWN_AVP);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 8);
	assert_int_equal(p.h.tid, PEER_TID);
}

static void
wrong_order(void **state)
{
	(void)state;
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel_cause, CAUSE_MESSAGE_ORDER);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 7, 0);
	assert_int_equal(p.h.tid, 0); /* the peer has told no id */
}

static void
version(void **state)
{
	(void)state;
	sccrp_begin();
	p.b.bytes[L2TP_CTL_HDR + 2 * AVP_HDR + 2] = 2;
	peer_end(&p);
	assert_int_equal(p.e->tunnel_cause, CAUSE_TUNNEL_VERSION);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 5, 0x0100);
	assert_int_equal(p.h.tid, PEER_TID);
}

static void
challenged_without_secret(void **state)
{
	(void)state;
	sccrp_begin();
	l2tp_avp_bytes(&p.b, AVP_CHALLENGE, "abc", 3);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_cause, CAUSE_TUNNEL_AUTH);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 4, 0);
}

static void
call_ends(void **state)
{
	static const unsigned types[] = {L2TP_MSG_CDN, L2TP_MSG_ICCN, L2TP_MSG_ICRQ};
	(void)state;
	tunnel_open();
	for (unsigned i = 0; i < 3; i++) {
		uint16_t sid = call_open();
		peer_begin(&p, types[i], sid);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
		peer_end(&p);
		assert_int_equal(p.e->call_down, i + 1);
		if (types[i] == L2TP_MSG_ICRQ)
			peer_hear_result(&p, L2TP_MSG_CDN, 2, 3);
	}
	icrp(77); /* for no call: ignored */
	assert_int_equal(p.e->live_tunnels, 1);
	call_open();
	sim_run_ms(&p.sim, 500);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 61000);
	assert_int_equal(p.e->call_cause, CAUSE_SET_UP_TIMEOUT);
}

static void
both_secrets(void **state)
{
	uint8_t response[AUTH_LEN], challenge[16];
	(void)state;
	sim_tunnel_open(p.e, "wholesale");
	peer_hear(&p, L2TP_MSG_SCCRQ);
	p.tid = p.m.tid;
	p.nr = 1;
	assert_int_equal(p.m.challenge.len, 16);
	l2tp_auth_response(L2TP_MSG_SCCRP, "wholesale", &p.m.challenge, response);
	sccrp_begin();
	memset(challenge, 7, sizeof challenge);
	l2tp_avp_bytes(&p.b, AVP_CHALLENGE, challenge, sizeof challenge);
	l2tp_avp_bytes(&p.b, AVP_CHALLENGE_RESPONSE, response, sizeof response);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_set, 1);
	peer_hear(&p, L2TP_MSG_SCCCN);
	assert_true(l2tp_auth_verify(L2TP_MSG_SCCCN, "wholesale", challenge, &p.m.response));
}

/* Tunnel ids are unique, and neither rising nor falling. */
static void
ids(void **state)
{
	enum { N = 4000 };
	const struct l2tp_tunnel *t = NULL;
	unsigned n = 0, rising = 0;
	uint16_t last = 0;
	(void)state;
	for (unsigned i = 1; i < N; i++) {
		t = sim_tunnel_open(p.e, NULL);
		assert_non_null(t);
		rising += t->our_tid > last;
		last = t->our_tid;
	}
	assert_in_range(rising, N / 3, 2 * N / 3);
	for (t = NULL; (t = l2tp_tunnel_next(p.e->l2tp, t ? t->our_tid : 0));)
		n++;
	assert_int_equal(n, N);
	assert_int_equal(p.e->live_tunnels, N);
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
	const struct CMUnitTest tests[] = {
		TEST(up_and_down), TEST(other_port),   TEST(refused),
		TEST(wrong_order), TEST(version),      TEST(challenged_without_secret),
		TEST(call_ends),   TEST(both_secrets), TEST(bad_sccrp),
		TEST(ids),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
