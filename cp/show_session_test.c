/* show_session_test.c - what an operator sees of an L2TP session and its tunnel: who the client is, what was agreed, and
 * what the LAC had agreed before us. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static struct twin *const t = &world.t;

static void
dial_one(void)
{
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 3000);
	assert_int_equal(t->calls[0].state, TWIN_UP);
}

/* shows: the answer has this item. */
static void
shows(const char *answer, const char *name, const char *kind, const char *value)
{
	char want[160];
	snprintf(want, sizeof want, "[0,\"%s\",\"%s\",%s]", name, kind, value);
	if (!strstr(answer, want))
		fail_msg("no %s in\n%s", want, answer);
}

static void
what_was_agreed(void **state)
{
	static const uint8_t ident[] = "\xc0\x21\x0c\x02\0\x12\1\2\3\4MSRASV5.20";
	(void)state;
	world_begin(NULL, NULL, NULL);
	t->ppp_conf.mru = 1300;
	dial_one();
	world_say(ident, sizeof ident - 1);
	twin_run_ms(t, 100);
	const char *all = world_ask("show session l2tp0");
	shows(all, "username", "string", "\"u0\"");
	shows(all, "state", "string", "\"active\"");
	shows(all, "calling-sid", "string", "\"100\"");
	shows(all, "called-sid", "string", "\"10.77.0.2\"");
	shows(all, "peer", "string", "\"10.77.0.1:20000\"");
	shows(all, "auth", "string", "\"mschap-v2\"");
	shows(all, "backend", "string", "\"local\"");
	shows(all, "mtu", "integer", "1300");
	shows(all, "mru", "integer", "1400"); /* as the client wanted it; we asked for 1460 */
	shows(all, "pool", "string", "\"home\"");
	shows(all, "gateway", "string", "\"10.78.0.1\"");
	shows(all, "peer-ident", "string", "\"MSRASV5.20\"");
	assert_null(strstr(all, "proxy-"));
	twin_session(t, "u0")->ppp.opt.peer_mru = 1500; /* of a client that says nothing: more than we ever send */
	shows(world_ask("show session l2tp0"), "mtu", "integer", "1460");
	world_end();
}

/* A LAC that has negotiated with the caller itself, and tells (RFC 2661 4.4.5). */
static void
what_the_lac_has_agreed(void **state)
{
	static const uint8_t wished[] = {1, 4, 5, 0xdc, 8, 2}, sent[] = {3, 4, 0xc0, 0x23}, got[] = {1, 4, 5, 0xdc};
	struct build b;
	(void)state;
	world_begin(NULL, "", NULL);
	l2tp_build_start(&b, 0, 0, L2TP_MSG_SCCRQ);
	l2tp_avp_u16(&b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&b, AVP_HOST_NAME, "lac");
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 77);
	world_tell(&b, 0, 0);
	l2tp_build_start(&b, world.tid, 0, L2TP_MSG_SCCCN);
	world_tell(&b, 1, 1);
	l2tp_build_start(&b, world.tid, 0, L2TP_MSG_ICRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 5);
	l2tp_avp_text(&b, AVP_CALLING_NUMBER, "555");
	l2tp_avp_text(&b, AVP_CALLED_NUMBER, "0800");
	world_tell(&b, 2, 1);
	l2tp_build_start(&b, world.tid, 1, L2TP_MSG_ICCN);
	l2tp_avp_bytes(&b, AVP_INITIAL_LCP_CONFREQ, wished, sizeof wished);
	l2tp_avp_bytes(&b, AVP_LAST_SENT_LCP_CONFREQ, sent, sizeof sent);
	l2tp_avp_bytes(&b, AVP_LAST_LCP_CONFREQ, got, sizeof got);
	l2tp_avp_u16(&b, AVP_PROXY_AUTHEN_TYPE, 3);
	l2tp_avp_text(&b, AVP_PROXY_AUTHEN_NAME, "caller@isp");
	world_tell(&b, 3, 2);
	const char *all = world_ask("show session l2tp0");
	shows(all, "calling-sid", "string", "\"555\"");
	shows(all, "called-sid", "string", "\"0800\"");
	shows(all, "proxy-auth", "string", "\"pap\"");
	shows(all, "proxy-auth-name", "string", "\"caller@isp\"");
	shows(all, "proxy-lcp-initial", "string", "\"<mru 1500> <accomp>\"");
	shows(all, "proxy-lcp-sent", "string", "\"<auth pap>\"");
	shows(all, "proxy-lcp-received", "string", "\"<mru 1500>\"");
	world_end();
}

static void
tunnels(void **state)
{
	char want[160];
	(void)state;
	world_begin(NULL, "secret = \"tunnel\"; host-name = \"bras1\";", NULL);
	dial_one();
	const char *all = world_ask("show tunnels");
	snprintf(want, sizeof want, "[\"l2tp\",%u,\"bras1\",%u,\"client\",\"established\",\"10.77.0.1\",20000,1,",
		 t->tunnels[0]->peer_tid, t->tunnels[0]->our_tid);
	if (!strstr(all, want))
		fail_msg("no %s in\n%s", want, all);
	world_end();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_agreed),
		cmocka_unit_test(what_the_lac_has_agreed),
		cmocka_unit_test(tunnels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
