/* What the peer is told of each end: Result Code, Error Code and text of CDN and StopCCN, for every row of cause.def. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/peer.h"

static const struct l2tp_config plain = {.host_name = "bras1"};
static struct peer p;

/* RFC 2661 4.4.2, by hand: not read from cause.def.  stop: Result and Error Code when the tunnel ends. */
static const struct {
	enum cause cause;
	uint16_t cdn, cdn_error, stop, stop_error;
} known[] = {
	{CAUSE_USER_REQUEST, 3, 0, 1, 0},      {CAUSE_ECHO_FAILURE, 1, 0, 1, 0},
	{CAUSE_LCP_TIMEOUT, 2, 6, 2, 6},       {CAUSE_LCP_FAILED, 2, 6, 2, 6},
	{CAUSE_LCP_LOOPBACK, 2, 6, 2, 6},      {CAUSE_LCP_PROTOCOL_ERROR, 2, 6, 2, 6},
	{CAUSE_AUTH_FAILED, 3, 0, 1, 0},       {CAUSE_AUTH_REFUSED, 3, 0, 1, 0},
	{CAUSE_AUTH_TIMEOUT, 2, 6, 2, 6},      {CAUSE_NCP_TIMEOUT, 2, 6, 2, 6},
	{CAUSE_NCP_FAILED, 2, 6, 2, 6},        {CAUSE_NO_ADDRESS, 4, 4, 2, 4},
	{CAUSE_ADDRESS_IN_USE, 4, 4, 2, 4},    {CAUSE_NO_RESOURCES, 4, 4, 2, 4},
	{CAUSE_SET_UP_TIMEOUT, 2, 6, 2, 6},    {CAUSE_TRANSPORT_ERROR, 2, 3, 2, 3},
	{CAUSE_MALFORMED, 2, 2, 2, 2},         {CAUSE_UNKNOWN_AVP, 2, 8, 2, 8},
	{CAUSE_MESSAGE_ORDER, 2, 3, 7, 0},     {CAUSE_TUNNEL_AUTH, 3, 0, 4, 0},
	{CAUSE_PEER_UNKNOWN, 3, 0, 4, 0},      {CAUSE_TUNNEL_VERSION, 2, 3, 5, 0x0100},
	{CAUSE_SEQUENCING_DENIED, 5, 0, 1, 0}, {CAUSE_TUNNEL_IDLE, 3, 0, 1, 0},
	{CAUSE_NOT_SUPPORTED, 5, 0, 1, 0},     {CAUSE_ADMIN_RESET, 3, 0, 1, 0},
	{CAUSE_SHUTDOWN, 3, 0, 6, 0},          {CAUSE_MAINTENANCE, 2, 7, 2, 7},
	{CAUSE_SESSION_TIMEOUT, 3, 0, 1, 0},   {CAUSE_IDLE_TIMEOUT, 3, 0, 1, 0},
	{CAUSE_REPLACED, 3, 0, 1, 0},          {CAUSE_DATAPLANE, 2, 4, 2, 4},
};

static void
text_is(enum cause cause)
{
	const char *text = cause_row(cause)->text;
	assert_int_equal(p.m.result.text.len, strlen(text));
	assert_memory_equal(p.m.result.text.p, text, strlen(text));
}

static void
cdn(void **state)
{
	(void)state;
	peer_start(&p, 1, &plain);
	peer_open(&p);
	for (unsigned cause = 1; cause < CAUSE_COUNT; cause++) {
		uint16_t sid = peer_call(&p, PEER_SID);
		sim_call_close(p.e, sid, cause);
		peer_hear(&p, L2TP_MSG_CDN);
		peer_zlb(&p);
		text_is(cause);
		assert_in_range(p.m.result.code, 1, 11);
		assert_in_range(p.m.result.error, 0, 8);
		assert_true(!p.m.result.error || p.m.result.code == 2 || p.m.result.code == 4);
		assert_true(p.m.result.code != 2 || p.m.result.error);
		for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
			if (known[i].cause != cause)
				continue;
			assert_int_equal(p.m.result.code, known[i].cdn);
			assert_int_equal(p.m.result.error, known[i].cdn_error);
		}
		assert_int_equal(p.h.sid, PEER_SID);
		assert_int_equal(p.m.sid, sid);
	}
	peer_stop(&p);
}

static void
stopccn(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		peer_start(&p, 1, &plain);
		peer_open(&p);
		peer_call(&p, PEER_SID);
		peer_zlb(&p);
		assert_true(l2tp_tunnel_close(p.e->l2tp, p.tid, known[i].cause, p.sim.now));
		peer_hear_result(&p, L2TP_MSG_STOPCCN, known[i].stop, known[i].stop_error);
		text_is(known[i].cause);
		assert_int_equal(p.m.tid, p.tid);
		assert_int_equal(p.e->call_cause, known[i].cause);
		assert_int_equal(p.e->tunnel_cause, known[i].cause);
		peer_stop(&p);
	}
}

/* A refused call and a refused tunnel say the same as one that ends. */
static void
refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		peer_start(&p, 1, &plain);
		p.e->refuse_tunnel = known[i].cause;
		peer_sccrq(&p, PEER_TID);
		peer_hear_result(&p, L2TP_MSG_STOPCCN, known[i].stop, known[i].stop_error);
		text_is(known[i].cause);
		p.e->refuse_tunnel = CAUSE_NONE;
		peer_forget(&p);
		peer_open(&p);
		p.e->refuse_call = known[i].cause;
		peer_begin(&p, L2TP_MSG_ICRQ, 0);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
		peer_end(&p);
		peer_hear_result(&p, L2TP_MSG_CDN, known[i].cdn, known[i].cdn_error);
		text_is(known[i].cause);
		peer_stop(&p);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(cdn), cmocka_unit_test(stopccn),
					   cmocka_unit_test(refusals)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
