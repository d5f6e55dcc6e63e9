/* Which method, how often, and once more on an open link: what holds for authentication whatever the digest. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/crypto.h"
#include "ppp/script.h"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

static void
use(const enum ppp_auth *methods, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		s.conf.auth[i] = (uint8_t)methods[i];
	s.conf.n_auth = (uint8_t)n;
}

/* An MD5 Response of alice to the last Challenge. */
static void
respond(const char *password)
{
	uint8_t frame[2 + 4 + 1 + 16 + 5] = {0xc2, 0x23, 2, s.ppp.auth.id, 0, 26, 16};
	const struct part in[] = {{&s.ppp.auth.id, 1}, {password, strlen(password)}, {s.ppp.auth.challenge, 16}};
	assert_true(crypto_md5(s.conf.crypto, in, 3, frame + 7));
	memcpy(frame + 23, "alice", 5);
	ppp_input(&s.ppp, frame, sizeof frame, s.now);
}

static void
open_link(void)
{
	static const enum ppp_auth md5[] = {PPP_AUTH_CHAP_MD5};
	use(md5, 1);
	script_lcp(&s);
	respond("wonderland");
	s.n_read = s.n_sent - 1;
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	script_quiet(&s);
	assert_int_equal(s.ppp.ipcp.state, FSM_OPENED);
	s.events[0] = 0;
}

/* A peer that refuses every method without naming one is offered all of them, in the configured order. */
static void
every_method_in_order(void **state)
{
	(void)state;
	static const enum ppp_auth all[] = {PPP_AUTH_MSCHAP, PPP_AUTH_PAP, PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP_MD5};
	static const char *const lines[] = {
		"[LCP ConfReq id=1 <mru 1400> <auth chap MS> <magic 01010101>]",
		"[LCP ConfReq id=2 <mru 1400> <auth pap> <magic 01010101>]",
		"[LCP ConfReq id=3 <mru 1400> <auth chap MS-v2> <magic 01010101>]",
		"[LCP ConfReq id=4 <mru 1400> <auth chap MD5> <magic 01010101>]",
	};
	use(all, 4);
	script_up(&s);
	for (unsigned i = 0; i < 4; i++) {
		char nak[40];
		script_expect(&s, lines[i]);
		snprintf(nak, sizeof nak, "c021 03 %02x 0008 0304 c227", i + 1); /* EAP */
		script_feed(&s, nak);
	}
	script_expect(&s, "[LCP TermReq id=5 \"authentication required\"]");
	script_feed(&s, "c021 06 05 0004");
	script_events(&s, "end(AUTH_REFUSED)");
}

static void
the_peer_names_one(void **state)
{
	(void)state;
	static const enum ppp_auth all[] = {PPP_AUTH_MSCHAPV2, PPP_AUTH_MSCHAP, PPP_AUTH_CHAP_MD5, PPP_AUTH_PAP};
	use(all, 4);
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth chap MS-v2> <magic 01010101>]");
	script_feed(&s, "c021 03 01 0008 0304 c023");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth pap> <magic 01010101>]");
	script_feed(&s, "c021 03 02 0009 0305 c223 80");
	script_expect(&s, "[LCP ConfReq id=3 <mru 1400> <auth chap MS> <magic 01010101>]");
	script_feed(&s, "c021 03 03 0009 0305 c223 81"); /* refused already: the next in order */
	script_expect(&s, "[LCP ConfReq id=4 <mru 1400> <auth chap MD5> <magic 01010101>]");
}

static void
timeout_and_max_failure(void **state)
{
	(void)state;
	s.conf.auth_timeout_ms = 2000;
	s.conf.auth_max_failure = 4;
	s.conf.challenge_name = "bras1";
	script_lcp(&s);
	for (unsigned i = 0; i < 3; i++) {
		script_wait(&s, 2010);
		script_expect(&s, "[CHAP Challenge id=1 <02020202020202020202020202020202> name=\"bras1\"]");
		script_quiet(&s);
	}
	script_wait(&s, 2010);
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
}

/* RFC 1994 2: challenged anew, under another Identifier; the owner is told that it is the same peer, and nothing else
 * of the link moves. */
static void
challenged_again(void **state)
{
	(void)state;
	s.conf.auth_interval_s = 60;
	open_link();
	for (unsigned round = 0; round < 3; round++) {
		char line[100];
		script_wait(&s, 60010);
		snprintf(line, sizeof line, "[CHAP Challenge id=%u <%02x%02x", round + 2, round + 3, round + 3);
		assert_int_equal(s.n_sent, 1);
		char is[200];
		ppp_trace_format(is, sizeof is, s.sent[0].bytes, s.sent[0].len);
		assert_memory_equal(is, line, strlen(line));
		s.n_read = 1;
		respond("wonderland");
		snprintf(line, sizeof line, "[CHAP Success id=%u \"Authentication succeeded\"]", round + 2);
		script_expect(&s, line);
		script_quiet(&s);
		script_events(&s, "auth(chap-md5,alice,again)");
	}
	assert_int_equal(s.ppp.ipcp.state, FSM_OPENED);
	assert_int_equal(s.ppp.ip4.peer, 0x0a4e0105);
	assert_int_equal(s.stats.auth_ok, 1);
}

static void
fails_again(void **state)
{
	(void)state;
	s.conf.auth_interval_s = 60;
	open_link();
	script_wait(&s, 60010);
	s.n_read = 1;
	respond("forgotten");
	script_expect(&s, "[CHAP Failure id=2 \"Authentication failed\"]");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "auth(chap-md5,alice,again) down(8021) link_down end(AUTH_FAILED)");
}

static void
silent_again(void **state)
{
	(void)state;
	s.conf.auth_interval_s = 60;
	open_link();
	script_wait(&s, 60000 + 3 * 5000 + 50);
	assert_int_equal(s.n_sent, 4);
	s.n_read = 3;
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
}

/* Time stands still for the interval while LCP negotiates anew; then it is a first authentication again. */
static void
renegotiated(void **state)
{
	(void)state;
	s.conf.auth_interval_s = 60;
	open_link();
	script_feed(&s, "c021 01 02 0008 0104 0400");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MD5> <magic 03030303>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[LCP ConfAck id=2 <mru 1024>]");
	s.events[0] = 0;
	respond("wonderland");
	script_events(&s, "auth(chap-md5,alice)");
}

static void
names_of_methods(void **state)
{
	(void)state;
	assert_string_equal(ppp_auth_name(PPP_AUTH_PAP), "pap");
	assert_string_equal(ppp_auth_name(PPP_AUTH_MSCHAP), "mschap");
	assert_string_equal(ppp_auth_name((enum ppp_auth)99), "none");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(every_method_in_order), SERVER(the_peer_names_one), SERVER(timeout_and_max_failure),
		SERVER(challenged_again),      SERVER(fails_again),        SERVER(silent_again),
		SERVER(renegotiated),          SERVER(names_of_methods),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
