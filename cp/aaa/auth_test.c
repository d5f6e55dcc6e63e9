/* auth_test.c - logins by RADIUS: our own PPP client, the whole of cp on a virtual clock, a server on the loopback. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aaa/acct.h"
#include "aaa/coa.h"
#include "aaa/fake_server.h"
#include "twin.h"

static struct twin twin, *const t = &twin;
static struct fake_server server;
static char conf_text[4096];
static const char *auth_keys = ""; /* of the section authentication */

static void
begin(const char *protocols, const char *mode, const char *extra)
{
	fake_server_open(&server, 0);
	snprintf(conf_text, sizeof conf_text,
		 "ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
		 "interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; "
		 "},\n"
		 "  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
		 "l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
		 "authentication = { mode = [ %s ]; protocols = [ \"%s\" ]; %s local-users = (\n"
		 "  { username = \"u1\"; password = \"p\"; } ); };\n"
		 "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; },\n"
		 "  { name = \"gold\"; range = [ \"10.79.1.0/24\" ]; } ); max-sessions = 100;\n"
		 "default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n"
		 "radius = { nas-identifier = \"bras1\"; server = ( { address = \"127.0.0.1\"; key = \"testing123\"; "
		 "port = %u; } "
		 "); %s };\n",
		 mode, protocols, auth_keys, server.port, extra);
	twin_init(t, &(struct twin_args){conf_text, 1, 0});
}

static void
end(void)
{
	twin_fini(t);
	fake_server_close(&server);
}

/* run until a request is at the server */
static void
wait_for_request(void)
{
	for (unsigned i = 0; i < 2000; i++) {
		if (fake_server_recv(&server))
			return;
		twin_step(t);
	}
	fail_msg("no request");
}

static void
dial(unsigned call)
{
	twin_dial(t, 0, call, 1);
	wait_for_request();
}

static struct session *
settle(unsigned calls)
{
	assert_true(twin_settle(t, calls, 120));
	return twin_session(t, t->calls[calls - 1].name);
}

static void
accept_with(const struct wr *attributes)
{
	fake_server_reply(&server, RADIUS_ACCESS_ACCEPT, attributes);
}

static void
a_chap_login_with_a_static_address(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct radius_attr a;
	(void)state;
	begin("chap", "\"radius\"", "");
	dial(0);
	assert_string_equal(fake_server_text(&server, RADIUS_USER_NAME), "u0");
	assert_string_equal(fake_server_text(&server, RADIUS_NAS_IDENTIFIER), "bras1");
	assert_int_equal(fake_server_u32(&server, RADIUS_NAS_IP_ADDRESS), 0x7f000001);
	assert_int_equal(fake_server_u32(&server, RADIUS_SERVICE_TYPE), 2);
	assert_int_equal(fake_server_u32(&server, RADIUS_FRAMED_PROTOCOL), 1);
	assert_int_equal(fake_server_u32(&server, RADIUS_NAS_PORT_TYPE), 5);
	assert_int_equal(fake_server_u32(&server, RADIUS_TUNNEL_TYPE), 3);
	assert_int_equal(fake_server_u32(&server, RADIUS_TUNNEL_MEDIUM_TYPE), 1);
	assert_string_equal(fake_server_text(&server, RADIUS_NAS_PORT_ID), "l2tp0");
	assert_string_equal(fake_server_text(&server, RADIUS_TUNNEL_SERVER_ENDPOINT), "10.77.0.2");
	assert_string_equal(fake_server_text(&server, RADIUS_TUNNEL_CLIENT_ENDPOINT), "10.77.0.1");
	assert_string_equal(fake_server_text(&server, RADIUS_CALLED_STATION_ID), "10.77.0.2");
	assert_memory_equal(fake_server_text(&server, RADIUS_CONNECT_INFO), "l2tp mtu=", 9);
	assert_true(fake_server_u32(&server, RADIUS_NAS_PORT) != UINT32_MAX);
	assert_int_equal(strlen(fake_server_text(&server, RADIUS_ACCT_SESSION_ID)), 16);
	assert_true(strlen(fake_server_text(&server, RADIUS_CALLING_STATION_ID)) > 0);
	assert_true(fake_server_u32(&server, RADIUS_EVENT_TIMESTAMP) != UINT32_MAX);
	assert_true(fake_server_get(&server, RADIUS_CHAP_PASSWORD, 0, &a));
	assert_int_equal(a.len, 17);
	assert_true(fake_server_get(&server, RADIUS_CHAP_CHALLENGE, 0, &a));
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010a);
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_u32(&w, RADIUS_MS_PRIMARY_DNS, 0xc0000235);
	accept_with(&w);
	struct session *s = settle(1);
	assert_non_null(s);
	assert_int_equal(s->ip4, 0x0a50010a);
	assert_int_equal(t->calls[0].ppp.ip4.our, 0x0a50010a);
	assert_int_equal(t->calls[0].ppp.ip4.dns[0], 0xc0000235);
	assert_int_equal(s->profile.session_timeout_s, 3600);
	assert_string_equal(s->backend_name, "radius 127.0.0.1");
	end();
}

static void
pap_hides_the_password(void **state)
{
	struct radius_attr a;
	uint8_t hidden[RADIUS_PASSWORD_MAX];
	(void)state;
	begin("pap", "\"radius\"", "");
	t->ppp_conf.auth[0] = PPP_AUTH_PAP;
	dial(0);
	assert_true(fake_server_get(&server, RADIUS_USER_PASSWORD, 0, &a));
	assert_int_equal(a.len, radius_hide(hidden, "p", 1, FAKE_SECRET, server.request + 4));
	assert_memory_equal(a.value, hidden, a.len);
	accept_with(NULL);
	assert_non_null(settle(1));
	end();
}

/* The server's proof for the password that the client has: made by PPP's own check. */
static void
success(struct wr *w, uint8_t ident, struct ppp_keys *keys)
{
	struct radius_attr response, challenge;
	struct ppp_auth_result result = {0};
	uint8_t value[49];
	char text[44] = {(char)ident};
	assert_true(fake_server_get(&server, RADIUS_MS_CHAP2_RESPONSE, 0, &response));
	assert_true(fake_server_get(&server, RADIUS_MS_CHAP_CHALLENGE, 0, &challenge));
	assert_int_equal(response.len, 50);
	assert_int_equal(challenge.len, 16);
	memcpy(value, response.value + 2, 48);
	value[48] = 0;
	struct ppp_auth_request req = {.method = PPP_AUTH_MSCHAPV2,
				       .id = response.value[0],
				       .name = "u0",
				       .challenge = challenge.value,
				       .challenge_len = 16,
				       .response = value,
				       .response_len = 49};
	assert_true(ppp_auth_check(t->cp->crypto, &req, "p", &result));
	snprintf(text + 1, sizeof text - 1, "S=");
	for (unsigned i = 0; i < 20; i++)
		snprintf(text + 3 + 2 * i, 3, "%02X", result.auth_response[i]);
	radius_put(w, RADIUS_MS_CHAP2_SUCCESS, text, 43);
	*keys = result.keys;
}

static void
mschapv2_proves_both_ways(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct ppp_keys keys;
	(void)state;
	begin("mschap-v2", "\"radius\"", "");
	dial(0);
	struct radius_attr a;
	assert_true(fake_server_get(&server, RADIUS_MS_CHAP2_RESPONSE, 0, &a));
	success(&w, a.value[0], &keys);
	accept_with(&w);
	assert_non_null(settle(1)); /* the client has checked the proof */
	end();
}

static void
an_acceptance_without_proof_is_none(void **state)
{
	(void)state;
	begin("mschap-v2", "\"radius\"", "");
	dial(0);
	accept_with(NULL);
	assert_null(settle(1));
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.auth_failed, 1);
	end();
}

static void
the_servers_words_reach_the_peer(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	(void)state;
	begin("mschap-v2", "\"radius\", \"local\"", "");
	t->calls[1].name = "u1"; /* whom the local users know: a reject never falls through */
	dial(1);
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010a);
	radius_put(&w, RADIUS_MS_CHAP_ERROR, "\5E=648 R=0 C=00 V=3 M=Password expired", 38);
	fake_server_reply(&server, RADIUS_ACCESS_REJECT, &w);
	uint64_t cursor = 0;
	struct session *s = session_next(t->cp, &cursor, 4096);
	for (unsigned i = 0; i < 100 && !s->ppp.auth.error; i++)
		twin_step(t);
	assert_string_equal(s->ppp.auth.text, "Password expired");
	for (unsigned i = 0; i < 500 && t->calls[1].state != TWIN_ENDED; i++)
		twin_step(t);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_memory_equal(t->calls[1].ppp.peer_text, "E=648", 5);
	end();
}

static void
silence_falls_through(void **state)
{
	(void)state;
	begin("chap", "\"radius\", \"local\"", "timeout = 1; max-try = 2;");
	t->calls[0].name = "u1";
	dial(0);
	struct session *s = settle(1);
	assert_non_null(s);
	assert_string_equal(s->backend_name, "local");
	end();
}

static void
silence_of_the_only_backend_ends_the_login(void **state)
{
	(void)state;
	begin("chap", "\"radius\"", "timeout = 1; max-try = 1;");
	fake_server_close(&server); /* nobody listens: at once */
	twin_dial(t, 0, 0, 1);
	assert_null(settle(1));
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_UNAVAILABLE], 1);
	end();
}

static void
pools_and_their_order(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	(void)state;
	begin("chap", "\"radius\"", "");
	dial(0);
	radius_put_text(&w, RADIUS_FRAMED_POOL, "gold");
	accept_with(&w);
	struct session *s = settle(1);
	assert_int_equal(s->ip4 >> 8, 0x0a4f01);
	/* an address beats a pool, also one that nobody knows */
	dial(1);
	w = wr_init(bytes, sizeof bytes);
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010a);
	radius_put_text(&w, RADIUS_FRAMED_POOL, "nosuch");
	accept_with(&w);
	assert_int_equal(settle(2)->ip4, 0x0a50010a);
	/* neither: the local key */
	dial(2);
	accept_with(NULL);
	assert_int_equal(settle(3)->ip4 >> 8, 0x0a4e01);
	/* an unknown pool ends the login */
	dial(3);
	w = wr_init(bytes, sizeof bytes);
	radius_put_text(&w, RADIUS_FRAMED_POOL, "nosuch");
	accept_with(&w);
	for (unsigned i = 0; i < 500 && t->calls[3].state != TWIN_ENDED; i++)
		twin_step(t);
	assert_int_equal(t->calls[3].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_NO_ADDRESS], 1);
	end();
}

/* RFC 2865 5.24: State of the acceptance goes with the next request about the session; Termination-Action is kept. */
static void
state_comes_back(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	struct radius_attr a;
	(void)state;
	auth_keys = "interval = 5;";
	begin("chap", "\"radius\"", "");
	auth_keys = "";
	dial(0);
	assert_false(fake_server_get(&server, RADIUS_STATE, 0, &a));
	radius_put(&w, RADIUS_STATE, "\1\0state", 7);
	accept_with(&w);
	assert_non_null(settle(1));
	wait_for_request();
	assert_true(fake_server_get(&server, RADIUS_STATE, 0, &a));
	assert_int_equal(a.len, 7);
	assert_memory_equal(a.value, "\1\0state", 7);
	assert_false(fake_server_get(&server, RADIUS_STATE, 1, &a));
	end();
}

/* NAS-Port-Id names the session; a name that another one has is left to it. */
static void
nas_port_id_renames(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	(void)state;
	begin("chap", "\"radius\"", "");
	radius_put_text(&w, RADIUS_NAS_PORT_ID, "office");
	dial(0);
	accept_with(&w);
	assert_string_equal(settle(1)->ifname, "office");
	t->calls[1].name = "u1";
	dial(1);
	assert_string_equal(fake_server_text(&server, RADIUS_NAS_PORT_ID), "l2tp0"); /* which is free again */
	accept_with(&w);
	assert_string_equal(settle(2)->ifname, "l2tp0");
	end();
}

static void
realms(void **state)
{
	(void)state;
	begin("chap", "\"radius\"", "strip-realm = true;");
	t->calls[0].name = "bob@example.net";
	dial(0);
	assert_string_equal(fake_server_text(&server, RADIUS_USER_NAME), "bob");
	end();
	begin("chap", "\"radius\"", "default-realm = \"isp.example\";");
	dial(0);
	assert_string_equal(fake_server_text(&server, RADIUS_USER_NAME), "u0@isp.example");
	end();
}

/* A peer that goes while the server thinks: the late answer finds nobody. */
static void
an_answer_for_nobody(void **state)
{
	(void)state;
	begin("chap", "\"radius\"", "");
	dial(0);
	twin_run_ms(t, 100);
	uint64_t cursor = 0;
	session_end_hard(session_next(t->cp, &cursor, 4096), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	assert_int_equal(cp_sessions(t->cp), 0);
	accept_with(NULL);
	twin_run_ms(t, 500);
	assert_int_equal(cp_sessions(t->cp), 0);
	end();
}

/* The peer negotiates LCP again on a link that is up; the request that follows from it is at the server. */
static void
negotiate_again(void)
{
	static const uint8_t request[] = {0xc0, 0x21, 1, 77, 0, 8, 1, 4, 4, 0};
	struct l2tp_call *call = t->calls[0].call;
	call->bearer.ops->send(&call->bearer, request, sizeof request, t->now);
	wait_for_request();
}

/* coa: a CoA for the session of this address. */
static enum radius_error_cause
coa(uint32_t ip4)
{
	uint8_t packet[RADIUS_HEADER + 12] = {RADIUS_COA_REQUEST, 1, 0, sizeof packet};
	struct wr w = wr_init(packet + RADIUS_HEADER, sizeof packet - RADIUS_HEADER);
	struct radius_dae_request r = {.packet = packet};
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, ip4);
	radius_put_u32(&w, RADIUS_IDLE_TIMEOUT, 500);
	assert_int_equal(radius_check(packet, sizeof packet, &r.view), RADIUS_OK);
	return coa_request(t->cp->aaa, &r, t->now);
}

/* The same user on a link negotiated again: what the server says now holds: to CoA, to accounting, to the timers. */
static void
who_comes_again_is_known_as_he_is_now(void **state)
{
	uint8_t bytes[2][32];
	struct wr first = wr_init(bytes[0], sizeof bytes[0]), second = wr_init(bytes[1], sizeof bytes[1]);
	(void)state;
	begin("chap", "\"radius\"", "acct-interim-interval = 0;");
	radius_put_u32(&first, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010a);
	radius_put_u32(&first, RADIUS_SESSION_TIMEOUT, 3600);
	radius_put_u32(&second, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010b);
	radius_put_u32(&second, RADIUS_SESSION_TIMEOUT, 60);
	dial(0);
	accept_with(&first);
	struct session *s = settle(1);
	assert_int_equal(coa(0x0a50010a), RADIUS_EC_NONE);
	assert_int_equal(t->cp->aaa->acct->stats.records, 1);
	negotiate_again();
	accept_with(&second);
	assert_ptr_equal(settle(1), s);
	assert_int_equal(s->ip4, 0x0a50010b);
	assert_int_equal(coa(0x0a50010a), RADIUS_EC_NOT_FOUND);
	assert_int_equal(coa(0x0a50010b), RADIUS_EC_NONE);
	assert_int_equal(t->cp->aaa->acct->stats.records, 2); /* an update with the new address */
	twin_run_ms(t, 61000);
	assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
	end();
}

/* up_for: u0 is up, for so many seconds, and then its server wants to be asked again. */
static struct session *
up_for(const char *method, uint32_t seconds)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	begin(method, "\"radius\"", "acct-interim-interval = 0;");
	t->ppp_conf.auth[0] = !strcmp(method, "pap") ? PPP_AUTH_PAP : PPP_AUTH_CHAP_MD5;
	t->ppp_conf.n_auth = 1;
	dial(0);
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, seconds);
	radius_put_u32(&w, RADIUS_TERMINATION_ACTION, 1);
	radius_put_text(&w, RADIUS_STATE, "first");
	radius_put_text(&w, RADIUS_CLASS, "silver");
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010a);
	accept_with(&w);
	return settle(1);
}

/* RFC 2865 5.29: RADIUS-Request. */
static void
time_that_is_over_may_be_renewed(void **state)
{
	uint8_t bytes[200];
	struct wr w = wr_init(bytes, sizeof bytes);
	(void)state;
	struct session *s = up_for("chap", 100);
	twin_run_ms(t, 99000);
	assert_false(fake_server_recv(&server));
	wait_for_request();
	assert_string_equal(fake_server_text(&server, RADIUS_STATE), "first");
	assert_string_equal(fake_server_text(&server, RADIUS_USER_NAME), "u0");
	radius_put_u32(&w, RADIUS_SESSION_TIMEOUT, 50);
	radius_put_text(&w, RADIUS_CLASS, "gold");
	radius_put_u32(&w, RADIUS_FRAMED_IP_ADDRESS, 0x0a50010b); /* not under an open link */
	accept_with(&w);
	twin_run_ms(t, 48000);
	assert_ptr_equal(twin_session(t, "u0"), s);
	assert_int_equal(s->profile.session_timeout_s, 50);
	assert_memory_equal(s->profile.classes->bytes, "\4gold", 5);
	assert_null(s->profile.state);
	assert_int_equal(s->ip4, 0x0a50010a);
	assert_int_equal(s->profile.ip4, 0x0a50010a);
	twin_run_ms(t, 4000);
	assert_null(twin_session(t, "u0")); /* this time the server did not want to be asked */
	assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
	end();
}

/* A no, silence, and a peer that cannot be challenged: the time is over. */
static void
time_that_is_not_renewed_is_over(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		up_for(i == 2 ? "pap" : "chap", 100);
		twin_run_ms(t, 99000);
		if (i < 2)
			wait_for_request();
		if (i == 0)
			fake_server_reply(&server, RADIUS_ACCESS_REJECT, NULL);
		twin_run_ms(t, i == 1 ? 30000 : 3000);
		if (i == 2)
			assert_false(fake_server_recv(&server));
		assert_null(twin_session(t, "u0"));
		assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
		end();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_chap_login_with_a_static_address),
		cmocka_unit_test(pap_hides_the_password),
		cmocka_unit_test(mschapv2_proves_both_ways),
		cmocka_unit_test(an_acceptance_without_proof_is_none),
		cmocka_unit_test(the_servers_words_reach_the_peer),
		cmocka_unit_test(silence_falls_through),
		cmocka_unit_test(silence_of_the_only_backend_ends_the_login),
		cmocka_unit_test(pools_and_their_order),
		cmocka_unit_test(state_comes_back),
		cmocka_unit_test(nas_port_id_renames),
		cmocka_unit_test(realms),
		cmocka_unit_test(an_answer_for_nobody),
		cmocka_unit_test(who_comes_again_is_known_as_he_is_now),
		cmocka_unit_test(time_that_is_over_may_be_renewed),
		cmocka_unit_test(time_that_is_not_renewed_is_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
