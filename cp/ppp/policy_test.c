/* What the operator allows, asks for and insists on, and the counts that end a negotiation; against a scripted peer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/script.h"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.conf.noauth = true;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

/* A link in the network phase. */
static void
network(uint8_t ipv4)
{
	s.conf.ipv4 = ipv4;
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	s.events[0] = 0;
}

static void
allow_waits_for_the_peer(void **state)
{
	(void)state;
	network(PPP_ALLOW);
	script_wait(&s, 10000);
	script_quiet(&s);
	script_feed(&s, "8021 05 01 0004"); /* no request: nothing begins */
	script_quiet(&s);
	assert_int_equal(s.ppp.ipcp.state, FSM_INITIAL);
	script_feed(&s, "8021 01 01 000a 0306 00000000");
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	script_feed(&s, "8021 01 02 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=2 <addr 10.78.1.5>]");
	script_events(&s, "opening(8021) up(8021)");
	script_wait(&s, 60000);
	script_quiet(&s);
	/* after LCP has negotiated anew the peer is to begin again */
	script_feed(&s, "c021 01 02 0008 0104 0400");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <magic 02020202>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[LCP ConfAck id=2 <mru 1024>]");
	script_quiet(&s);
	script_feed(&s, "8021 01 03 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 10.78.0.1>]");
	script_expect(&s, "[IPCP ConfAck id=3 <addr 10.78.1.5>]");
}

static void
allow_does_not_wait_for_ever(void **state)
{
	(void)state;
	network(PPP_ALLOW);
	script_wait(&s, 29900);
	script_quiet(&s);
	script_wait(&s, 200);
	script_expect(&s, "[LCP TermReq id=2 \"IPCP timed out\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(NCP_TIMEOUT)");
}

/* A Success may be lost, and a client that has not got it says nothing: it gets it again. */
static void
allow_repeats_the_success(void **state)
{
	(void)state;
	s.conf.noauth = false;
	s.conf.ipv4 = PPP_ALLOW;
	s.conf.auth[0] = PPP_AUTH_PAP;
	script_lcp(&s);
	script_feed(&s, "c023 01 07 0015 05 616c696365 0a 776f6e6465726c616e64");
	script_expect(&s, "[PAP AuthAck id=7 \"Authentication succeeded\"]");
	script_wait(&s, 3010);
	script_expect(&s, "[PAP AuthAck id=7 \"Authentication succeeded\"]");
	script_feed(&s, "8057 01 01 0004"); /* it has heard */
	script_expect(&s, "[LCP ProtoRej id=2 <8057 IPV6CP>]");
	script_wait(&s, 3010);
	script_quiet(&s);
}

static void
deny_leaves_nothing(void **state)
{
	(void)state;
	network(PPP_DENY);
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "end(NCP_FAILED)");
}

/* RFC 1661 5.7: what the peer must have it may not reject. */
static void
rejected_though_required(void **state)
{
	(void)state;
	network(PPP_REQUIRE);
	script_expect(&s, "[IPCP ConfReq id=1 <addr 10.78.0.1>]");
	script_feed(&s, "c021 08 01 0010 8021 01 01 000a 0306 0a4e0001");
	script_expect(&s, "[LCP TermReq id=2 \"protocol error\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(LCP_PROTOCOL_ERROR)");
}

static void
rejected_before_it_began(void **state)
{
	(void)state;
	network(PPP_ALLOW);
	script_feed(&s, "c021 08 01 0010 8021 01 01 000a 0306 0a4e0001");
	script_quiet(&s);
	assert_int_equal(s.ppp.cause, CAUSE_NONE);
}

static void
compression_preferred(void **state)
{
	(void)state;
	s.conf.acfc = s.conf.pfc = PPP_PREFER;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <magic 01010101> <pcomp> <accomp>]");
	script_feed(&s, "c021 04 01 0008 0702 0802");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <magic 01010101>]");
	script_feed(&s, "c021 01 01 0008 0702 0802");
	script_expect(&s, "[LCP ConfAck id=1 <pcomp> <accomp>]");
}

static void
compression_required(void **state)
{
	(void)state;
	s.conf.pfc = PPP_REQUIRE;
	script_up(&s);
	script_expect(&s, "[LCP ConfReq id=1 <mru 1400> <magic 01010101> <pcomp>]");
	script_feed(&s, "c021 03 01 0006 0802"); /* not what we asked for */
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <magic 01010101> <pcomp>]");
	script_feed(&s, "c021 04 02 0006 0702");
	script_expect(&s, "[LCP TermReq id=3 \"LCP options not agreed\"]");
}

/* The largest that the configuration takes: the counts do not wrap. */
static void
max_failure_of_100(void **state)
{
	(void)state;
	s.conf.max_failure = 100;
	s.conf.acfc = PPP_DENY;
	script_up(&s);
	for (unsigned i = 0; i < 300; i++) {
		script_feed(&s, "c021 01 01 0006 0802");
		assert_string_equal(s.events, "");
		s.n_sent = 0;
	}
	script_feed(&s, "c021 01 01 0006 0802");
	assert_int_equal(s.n_sent, 2);
	s.n_read = 1;
	script_expect(&s, "[LCP TermReq id=2 \"LCP options not agreed\"]");
}

static void
naks_of_the_peer_up_to_100(void **state)
{
	(void)state;
	char nak[40];
	s.conf.max_failure = 100;
	script_up(&s);
	for (unsigned i = 1; i <= 300; i++) {
		snprintf(nak, sizeof nak, "c021 03 %02x 000a 0506 0a0b0c0d", s.ppp.lcp.req_id);
		script_feed(&s, nak);
		s.n_sent = 0;
		assert_false(s.ppp.failing);
	}
	snprintf(nak, sizeof nak, "c021 03 %02x 000a 0506 0a0b0c0d", s.ppp.lcp.req_id);
	script_feed(&s, nak);
	assert_int_equal(s.ppp.cause, CAUSE_LCP_FAILED);
}

static void
max_configure_and_timeout(void **state)
{
	(void)state;
	s.conf.max_configure = 2;
	s.conf.restart_ms = 1000;
	s.conf.early_ms[0] = s.conf.early_ms[1] = 0;
	script_up(&s);
	script_wait(&s, 1010);
	assert_int_equal(s.n_sent, 2);
	script_wait(&s, 980);
	assert_int_equal(s.n_sent, 2);
	script_events(&s, "");
	script_wait(&s, 30);
	script_events(&s, "end(LCP_TIMEOUT)");
}

static void
max_terminate(void **state)
{
	(void)state;
	s.conf.max_terminate = 3;
	network(PPP_PREFER);
	s.n_read = s.n_sent = 0;
	ppp_terminate(&s.ppp, CAUSE_ADMIN_RESET, s.now);
	script_wait(&s, 8900);
	assert_int_equal(s.n_sent, 3);
	script_wait(&s, 200);
	assert_int_equal(s.n_sent, 3);
	script_events(&s, "link_down end(ADMIN_RESET)");
}

/* RFC 1661 5.6: as much of the packet as the peer's MRU takes. */
static void
code_reject_fits_the_peer(void **state)
{
	(void)state;
	uint8_t frame[2 + 400] = {0xc0, 0x21, 99, 1, 400 >> 8, 400 & 0xff};
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0008 0104 0080");
	s.n_sent = 0;
	ppp_input(&s.ppp, frame, sizeof frame, s.now);
	assert_int_equal(s.n_sent, 1);
	assert_int_equal(s.sent[0].len, 2 + 128);
	assert_int_equal(s.sent[0].bytes[2], CODE_REJ);
	assert_memory_equal(s.sent[0].bytes + 6, frame + 2, 124);
}

/* What Windows says when it leaves; the first words stand. */
static void
windows_tells_why(void **state)
{
	(void)state;
	network(PPP_PREFER);
	s.n_read = s.n_sent = 0;
	script_feed(&s, "c021 05 09 0010 345f64ca 003ccd74 000002e6");
	script_expect(&s, "[LCP TermAck id=9]");
	assert_string_equal(s.ppp.peer_text, "error 742");
	script_feed(&s, "c021 05 0a 0007 627965");
	script_expect(&s, "[LCP TermAck id=10]");
	assert_string_equal(s.ppp.peer_text, "error 742");
	script_wait(&s, 3010);
	script_events(&s, "link_down end(USER_REQUEST)");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(allow_waits_for_the_peer),  SERVER(allow_does_not_wait_for_ever),
		SERVER(allow_repeats_the_success), SERVER(deny_leaves_nothing),
		SERVER(rejected_though_required),  SERVER(rejected_before_it_began),
		SERVER(compression_preferred),     SERVER(compression_required),
		SERVER(max_failure_of_100),        SERVER(naks_of_the_peer_up_to_100),
		SERVER(max_configure_and_timeout), SERVER(max_terminate),
		SERVER(code_reject_fits_the_peer), SERVER(windows_tells_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
