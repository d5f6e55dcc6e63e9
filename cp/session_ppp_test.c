/* session_ppp_test.c - what the PPP keys of the configuration do to a session, with our own client on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "twin.h"

static struct twin twin, *const t = &twin;

/* begin: a server with these keys at the top level, and these in `authentication`. */
static void
begin(const char *authentication, const char *top)
{
	char conf[2048];
	snprintf(conf, sizeof conf,
		 "ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
		 "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; "
		 "},\n"
		 "  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
		 "l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
		 "authentication = { %s local-users = (\n"
		 "  { username = \"u0\"; password = \"p\"; }, { username = \"u1\"; password = \"p\"; } ); };\n"
		 "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 100;\n"
		 "default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n%s\n",
		 authentication, top);
	twin_init(t, &(struct twin_args){conf, 1, 0});
}

static void
dial_one(void)
{
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
}

static void
every_method_lets_in_and_refuses(void **state)
{
	static const struct {
		const char *key;
		enum ppp_auth method;
	} rows[] = {{"pap", PPP_AUTH_PAP},
		    {"chap", PPP_AUTH_CHAP_MD5},
		    {"mschap", PPP_AUTH_MSCHAP},
		    {"mschap-v2", PPP_AUTH_MSCHAPV2}};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		char keys[64];
		snprintf(keys, sizeof keys, "protocols = [ \"%s\" ];", rows[i].key);
		begin(keys, "");
		t->ppp_conf.auth[0] = (uint8_t)rows[i].method;
		t->ppp_conf.n_auth = 1;
		t->calls[0].name = "OFFICE\\u0";
		t->calls[1].password = "guess";
		twin_dial(t, 0, 0, 2);
		assert_true(twin_settle(t, 2, 60));
		assert_int_equal(t->calls[0].state, TWIN_UP);
		assert_int_equal(twin_session(t, "OFFICE\\u0")->auth_method, rows[i].method);
		assert_int_equal(t->calls[1].state, TWIN_ENDED);
		twin_run_ms(t, 1000);
		assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
		twin_fini(t);
	}
}

static void
the_texts_are_told(void **state)
{
	(void)state;
	begin("protocols = [ \"chap\" ]; failure-text = \"go away\";", "");
	t->calls[0].password = "guess";
	dial_one();
	assert_string_equal(t->calls[0].ppp.peer_text, "go away");
	twin_fini(t);
}

/* An open session is challenged every minute and stays as it is; a user whose password has gone is ended. */
static void
challenged_every_minute(void **state)
{
	(void)state;
	begin("protocols = [ \"chap\" ]; interval = 60;", "");
	dial_one();
	uint32_t ip4 = t->calls[0].ppp.ip4.our;
	twin_run_ms(t, 10 * 60 * 1000);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_int_equal(t->calls[0].ppp.ip4.our, ip4);
	assert_int_equal(twin_session(t, "u0")->ip4, ip4);
	assert_int_equal(t->cp->stats.auth_ok, 1);
	assert_true(t->calls[0].ppp.auth.id >= 10);
	t->calls[0].password = "changed";
	twin_run_ms(t, 62 * 1000);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

/* Who proves to be somebody else when asked again is not the one who was let in. */
static void
another_user_may_not_take_over(void **state)
{
	(void)state;
	begin("protocols = [ \"chap\" ]; interval = 60;", "");
	dial_one();
	t->calls[0].name = "u1";
	twin_run_ms(t, 62 * 1000);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	twin_fini(t);
}

/* Neither side's IPCP is needed to be first; with "deny" there is nothing left that the link could carry. */
static void
ipv4_as_the_operator_wants(void **state)
{
	static const struct {
		const char *top;
		bool up;
	} rows[] = {{"ppp-options = { ipv4 = \"allow\"; };", true},
		    {"ppp-options = { ipv4 = \"prefer\"; };", true},
		    {"ppp-options = { ipv4 = \"require\"; };", true},
		    {"ppp-options = { ipv4 = \"deny\"; };", false}};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		begin("", rows[i].top);
		dial_one();
		assert_int_equal(t->calls[0].state, rows[i].up ? TWIN_UP : TWIN_ENDED);
		twin_run_ms(t, 1000);
		assert_int_equal(t->cp->stats.ended[CAUSE_NCP_FAILED], !rows[i].up);
		assert_int_equal(pool4_counts(t->cp->pools, 0).lent, rows[i].up);
		twin_fini(t);
	}
}

/* ipcp_again: the client asks on an open link for this address. */
static void
ipcp_again(uint32_t ip4)
{
	struct twin_call *c = &t->calls[0];
	uint8_t frame[] = {0x80, 0x21, CONF_REQ, 77, 0, 10, 3, 6, 0, 0, 0, 0};
	put_be32(frame + 8, ip4);
	c->call->bearer.ops->send(&c->call->bearer, frame, sizeof frame, t->now);
}

/* The gate closes while the client has an address that is not his, and opens when he has taken his own again. */
static void
another_address_in_mid_session(void **state)
{
	(void)state;
	begin("", "");
	dial_one();
	struct session *s = twin_session(t, "u0");
	uint32_t ip4 = s->ip4;
	ipcp_again(ip4 + 1);
	twin_run_ms(t, 15);
	assert_int_equal(s->state, SESSION_STARTING);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
	assert_true(twin_settle(t, 1, 60));
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_ptr_equal(twin_session(t, "u0"), s);
	assert_int_equal(s->ip4, ip4);
	assert_int_equal(t->calls[0].ppp.ip4.our, ip4);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 1);
	twin_fini(t);
}

/* LCP anew on an open link: authenticated again, the same session, the same address. */
static void
negotiated_anew(void **state)
{
	static const uint8_t request[] = {0xc0, 0x21, CONF_REQ, 77, 0, 8, 1, 4, 4, 0};
	(void)state;
	begin("", "");
	dial_one();
	struct session *s = twin_session(t, "u0");
	uint32_t ip4 = s->ip4;
	struct l2tp_call *call = t->calls[0].call;
	call->bearer.ops->send(&call->bearer, request, sizeof request, t->now);
	twin_run_ms(t, 15);
	assert_false(s->authenticated);
	assert_int_equal(s->state, SESSION_STARTING);
	assert_true(twin_settle(t, 1, 60));
	assert_ptr_equal(twin_session(t, "u0"), s);
	assert_int_equal(s->ip4, ip4);
	assert_int_equal(t->cp->stats.auth_ok, 2);
	twin_fini(t);
}

/* The worker is told how to find out that the peer is dead: one of three ways. */
static void
three_ways_to_a_dead_peer(void **state)
{
	static const struct {
		const char *top;
		uint16_t interval, failure, probe, timeout;
	} rows[] = {{"", 30, 3, 0, 0},
		    {"ppp-options = { lcp-echo-interval = 20; lcp-echo-timeout = 120; };", 20, 3, 0, 120},
		    {"ppp-options = { lcp-echo-timeout = 120; keepalive-timeout = 60; };", 60, 5, 1, 0}};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		begin("", rows[i].top);
		dial_one();
		const struct dp_session_set *set = &t->fake.sessions[handle_index(twin_session(t, "u0")->handle)].set;
		assert_int_equal(set->echo_interval_s, rows[i].interval);
		assert_int_equal(set->echo_failure, rows[i].failure);
		assert_int_equal(set->echo_probe_s, rows[i].probe);
		assert_int_equal(set->echo_timeout_s, rows[i].timeout);
		twin_fini(t);
	}
}

static void
ends_when_its_time_is_over(void **state)
{
	(void)state;
	begin("", "session-timeout = 100; idle-timeout = 60;");
	dial_one();
	for (unsigned i = 0; i < 4; i++) {
		t->fake.last_packet = t->now;
		twin_run_ms(t, 20000);
	}
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_run_ms(t, 19000);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_run_ms(t, 2000);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
	assert_string_equal(t->calls[0].ppp.peer_text, "session time is over");
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

/* A minute after the last packet, which is looked for when the minute from the start is over. */
static void
ends_when_idle(void **state)
{
	(void)state;
	begin("", "idle-timeout = 60;");
	dial_one();
	twin_run_ms(t, 30000);
	t->fake.last_packet = t->now;
	twin_run_ms(t, 59000);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_run_ms(t, 2000);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_IDLE_TIMEOUT], 1);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_method_lets_in_and_refuses),
		cmocka_unit_test(the_texts_are_told),
		cmocka_unit_test(challenged_every_minute),
		cmocka_unit_test(another_user_may_not_take_over),
		cmocka_unit_test(ipv4_as_the_operator_wants),
		cmocka_unit_test(another_address_in_mid_session),
		cmocka_unit_test(negotiated_anew),
		cmocka_unit_test(three_ways_to_a_dead_peer),
		cmocka_unit_test(ends_when_its_time_is_over),
		cmocka_unit_test(ends_when_idle),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
