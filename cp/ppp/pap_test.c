/* PAP against a scripted peer, both roles.  RFC 1334. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/script.h"

#define ALICE "05 616c696365"
#define WONDERLAND "0a 776f6e6465726c616e64"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.conf.auth[0] = PPP_AUTH_PAP;
	s.conf.n_auth = 1;
	return 0;
}

static int
client(void **state)
{
	(void)state;
	script_init(&s, PPP_CLIENT);
	s.conf.auth[0] = PPP_AUTH_PAP;
	s.conf.n_auth = 1;
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
server_waits(void)
{
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <auth pap> <magic 01010101>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_quiet(&s);
	s.events[0] = 0;
}

static void
client_asks(void)
{
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0008 0304 c023");
	script_expect(&s, "[LCP ConfAck id=1 <auth pap>]");
	assert_int_equal(s.n_sent, s.n_read + 1);
	assert_memory_equal(s.sent[s.n_read].bytes,
			    "\xc0\x23\x01\x01\x00\x15\x05"
			    "alice\x0awonderland",
			    23);
	script_expect(&s, "[PAP AuthReq id=1 user=\"alice\" password=<hidden>]");
	script_quiet(&s);
	s.events[0] = 0;
}

static void
lets_in(void **state)
{
	(void)state;
	server_waits();
	script_feed(&s, "c023 01 07 0015 " ALICE WONDERLAND);
	script_events(&s, "auth(pap,alice)");
	script_expect(&s, "[PAP AuthAck id=7 \"Authentication succeeded\"]");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_quiet(&s);
	assert_int_equal(s.keys.len, 0);
	assert_int_equal(s.keys_told, 1);
	assert_false(timer_pending(&s.ppp.auth.timer));
	/* RFC 1334 2.2.1: the Ack may be lost */
	script_feed(&s, "c023 01 08 0015 " ALICE WONDERLAND);
	script_expect(&s, "[PAP AuthAck id=8 \"Authentication succeeded\"]");
	script_events(&s, "");
	assert_int_equal(s.stats.auth_ok, 1);
}

static void
refuses(void **state)
{
	(void)state;
	static const char *const wrong[] = {
		"c023 01 07 0014 " ALICE "09 776f6e6465726c616e",
		"c023 01 07 0016 " ALICE "0b 776f6e6465726c616e6420",
		"c023 01 07 0015 " ALICE "0a 776f6e6465726c616e65",
		"c023 01 07 000b " ALICE "00",
		"c023 01 07 0015 05 626f62626f 0a 776f6e6465726c616e64",
	};
	for (unsigned i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		if (i) {
			script_fini(&s);
			server(state);
		}
		server_waits();
		script_feed(&s, wrong[i]);
		script_expect(&s, "[PAP AuthNak id=7 \"Authentication failed\"]");
		script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
		script_feed(&s, "c023 01 08 0015 " ALICE WONDERLAND);
		script_quiet(&s);
	}
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "auth(pap,bobbo) link_down end(AUTH_FAILED)");
}

/* The same request under another Identifier while the owner thinks: the last one is answered. */
static void
repeated_while_deciding(void **state)
{
	(void)state;
	s.defer = true;
	server_waits();
	script_feed(&s, "c023 01 07 0015 " ALICE WONDERLAND);
	script_feed(&s, "c023 01 08 0015 " ALICE WONDERLAND);
	script_wait(&s, 60000);
	script_quiet(&s);
	script_events(&s, "auth(pap,alice)");
	struct ppp_auth_result result = s.result;
	result.serial = s.asked;
	result.ok = true;
	result.text = "welcome";
	ppp_auth_result(&s.ppp, &result, s.now);
	script_expect(&s, "[PAP AuthAck id=8 \"welcome\"]");
}

/* As long as a CHAP peer has: timeout times max-failure. */
static void
silent_peer(void **state)
{
	(void)state;
	server_waits();
	script_wait(&s, 14900);
	script_quiet(&s);
	script_wait(&s, 200);
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_TIMEOUT)");
}

static void
malformed(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"c023",
		"c023 01",
		"c023 01 07 0003",
		"c023 01 07 0004",
		"c023 01 07 0005 00",
		"c023 01 07 000a " ALICE,
		"c023 01 07 0014 " ALICE WONDERLAND, /* cut by its own length */
		"c023 01 07 0016 " ALICE WONDERLAND, /* longer than what has come */
		"c023 02 07 0005 00",                /* a server is not answered */
		"c023 04 07 0006 00 00",
	};
	server_waits();
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		script_feed(&s, bad[i]);
		assert_int_equal(s.stats.malformed, i + 1);
	}
	script_quiet(&s);
	script_feed(&s, "c023 01 07 0010 05 616c690a65 05 0000000000"); /* a line feed in the name */
	script_expect(&s, "[PAP AuthNak id=7 \"Authentication failed\"]");
	script_events(&s, "link_down");
}

/* Both are empty: two length octets are a whole request. */
static void
empty(void **state)
{
	(void)state;
	s.name = s.password = "";
	server_waits();
	script_feed(&s, "c023 01 07 0006 00 00");
	script_events(&s, "auth(pap,)");
	script_expect(&s, "[PAP AuthAck id=7 \"Authentication succeeded\"]");
}

static void
longest(void **state)
{
	(void)state;
	char name[256], password[256], want[300];
	uint8_t frame[2 + 4 + 512] = {0xc0, 0x23, 1, 7, 0x02, 0x04, 255};
	memset(name, 'a', 255);
	memset(password, 'b', 255);
	name[255] = password[255] = 0;
	s.name = name;
	s.password = password;
	server_waits();
	memcpy(frame + 7, name, 255);
	frame[262] = 255;
	memcpy(frame + 263, password, 255);
	ppp_input(&s.ppp, frame, sizeof frame, s.now);
	snprintf(want, sizeof want, "auth(pap,%s)", name);
	script_events(&s, want);
	script_expect(&s, "[PAP AuthAck id=7 \"Authentication succeeded\"]");
}

static void
client_is_let_in(void **state)
{
	(void)state;
	client_asks();
	script_wait(&s, 3010);
	script_expect(&s, "[PAP AuthReq id=2 user=\"alice\" password=<hidden>]");
	script_feed(&s, "c023 02 03 0005 00"); /* of a request that was never sent */
	script_feed(&s, "c023 02 00 0005 00");
	assert_int_equal(s.stats.stale, 2);
	script_feed(&s, "c023 02 01 0005 00"); /* the answer to the first copy */
	script_events(&s, "authenticated");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_feed(&s, "c023 02 02 0005 00");
	script_events(&s, "");
	assert_int_equal(s.stats.stale, 3);
	assert_int_equal(s.stats.auth_resends, 1);
}

static void
client_is_refused(void **state)
{
	(void)state;
	client_asks();
	script_feed(&s, "c023 03 01 0008 03 6e6f0a");
	script_expect(&s, "[LCP TermReq id=2 \"authentication failed\"]");
	assert_string_equal(s.ppp.peer_text, "no.");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(AUTH_FAILED)");
}

/* Without a message, and without the length of one. */
static void
client_takes_a_bare_answer(void **state)
{
	(void)state;
	client_asks();
	script_feed(&s, "c023 02 01 0005 02"); /* its message is longer than the packet */
	assert_int_equal(s.stats.malformed, 1);
	script_feed(&s, "c023 02 01 0004");
	script_events(&s, "authenticated");
}

static void
client_gives_up(void **state)
{
	(void)state;
	client_asks();
	script_feed(&s, "c023 01 01 0006 0000"); /* a client is not asked */
	assert_int_equal(s.stats.malformed, 1);
	script_wait(&s, 29900);
	assert_int_equal(s.stats.auth_resends, 9);
	s.n_read = s.n_sent;
	script_wait(&s, 200);
	script_expect(&s, "[LCP TermReq id=2 \"authentication timed out\"]");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)
#define CLIENT(f) cmocka_unit_test_setup_teardown(f, client, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(lets_in),
		SERVER(refuses),
		SERVER(repeated_while_deciding),
		SERVER(silent_peer),
		SERVER(malformed),
		SERVER(empty),
		SERVER(longest),
		CLIENT(client_is_let_in),
		CLIENT(client_is_refused),
		CLIENT(client_gives_up),
		CLIENT(client_takes_a_bare_answer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
