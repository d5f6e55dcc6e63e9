/* LCP against a scripted peer: timers and early copies, copies of packets, renegotiation, ends.  RFC 1661 4. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ppp/script.h"

#define FIRST "[LCP ConfReq id=1 <mru 1400> <auth chap MS-v2> <magic 01010101>]"

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

/* A peer that takes its request back and makes it again gets another Ack, and we are where it is. */
static void
same_request_after_terminate(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_feed(&s, "c021 05 02 0004");
	script_expect(&s, "[LCP TermAck id=2]");
	assert_int_equal(s.ppp.lcp.state, FSM_REQ_SENT);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	assert_int_equal(s.ppp.lcp.state, FSM_ACK_SENT);
}

/* Early copies are for the first request of a negotiation: who has answered it is there. */
static void
no_early_copy_after_answer(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 03 01 0009 0305 c223 05");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MD5> <magic 01010101>]");
	script_wait(&s, 2900);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_quiet(&s);
	script_wait(&s, 200);
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MD5> <magic 01010101>]");
	assert_int_equal(s.stats.early_resends, 0);
	assert_int_equal(s.stats.retransmits, 1);
}

/* The peer ends: acknowledged as often as it asks, until the restart period is over. */
static void
peer_terminates(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 05 09 0010 345f64ca 003ccd74 000002e6");
	script_expect(&s, "[LCP TermAck id=9]");
	script_events(&s, "link_down");
	assert_string_equal(s.ppp.peer_text, "error 742");
	assert_string_equal(ppp_phase_name(&s.ppp), "terminate");
	script_feed(&s, "c021 05 0a 0004");
	script_expect(&s, "[LCP TermAck id=10]");
	script_feed(&s, "8021 01 01 0004");
	script_feed(&s, "c021 01 0b 0004");
	script_quiet(&s);
	script_wait(&s, 3010);
	script_quiet(&s);
	script_events(&s, "end(USER_REQUEST)");
}

static void
peer_terminates_with_text(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 05 09 0010 557365722072 6571756573 74");
	script_expect(&s, "[LCP TermAck id=9]");
	assert_string_equal(s.ppp.peer_text, "User request");
	ppp_bearer_down(&s.ppp, CAUSE_PEER_CALL_CLEARED, s.now);
	script_events(&s, "link_down end(USER_REQUEST)");
}

static void
we_terminate(void **state)
{
	(void)state;
	script_lcp(&s);
	ppp_terminate(&s.ppp, CAUSE_ADMIN_RESET, s.now);
	script_expect(&s, "[LCP TermReq id=2 \"terminated by the operator\"]");
	ppp_terminate(&s.ppp, CAUSE_SHUTDOWN, s.now);
	script_quiet(&s);
	script_feed(&s, "c021 05 09 0004");
	script_expect(&s, "[LCP TermAck id=9]");
	script_events(&s, "link_down");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "end(ADMIN_RESET)");
}

/* Configure packets count for nothing any more; a Terminate-Request is still acknowledged. */
static void
while_closing(void **state)
{
	(void)state;
	script_lcp(&s);
	ppp_terminate(&s.ppp, CAUSE_ADMIN_RESET, s.now);
	script_expect(&s, "[LCP TermReq id=2 \"terminated by the operator\"]");
	script_feed(&s, "c021 01 02 0008 0104 0578");
	script_feed(&s, "c021 02 02 0004");
	script_feed(&s, "c021 03 02 0008 0104 0480");
	script_feed(&s, "c021 04 02 0004");
	script_feed(&s, "c223 02 01 0004");
	script_feed(&s, "8021 01 01 0004");
	script_quiet(&s);
	script_feed(&s, "c021 63 02 0004");
	script_expect(&s, "[LCP CodeRej id=3 <code 99>]");
	script_feed(&s, "c021 05 07 0004");
	script_expect(&s, "[LCP TermAck id=7]");
	script_events(&s, "link_down");
	assert_int_equal(s.stats.out_of_phase, 2);
}

/* No answer: max-terminate requests, one restart period after each. */
static void
we_terminate_unheard(void **state)
{
	(void)state;
	script_lcp(&s);
	ppp_terminate(&s.ppp, CAUSE_SHUTDOWN, s.now);
	script_expect(&s, "[LCP TermReq id=2 \"server is shutting down\"]");
	script_wait(&s, 2999);
	script_quiet(&s);
	script_wait(&s, 20);
	script_expect(&s, "[LCP TermReq id=2 \"server is shutting down\"]");
	script_wait(&s, 3020);
	script_quiet(&s);
	script_events(&s, "link_down end(SHUTDOWN)");
}

/* The bearer goes while we wait for the Terminate-Ack: no more waiting, and the first cause stands. */
static void
bearer_goes_while_terminating(void **state)
{
	(void)state;
	script_lcp(&s);
	ppp_terminate(&s.ppp, CAUSE_IDLE_TIMEOUT, s.now);
	script_expect(&s, "[LCP TermReq id=2 \"idle for too long\"]");
	ppp_bearer_down(&s.ppp, CAUSE_PEER_TUNNEL_CLOSED, s.now);
	script_events(&s, "link_down end(IDLE_TIMEOUT)");
	script_quiet(&s);
}

static void
bearer_goes(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	ppp_bearer_down(&s.ppp, CAUSE_TUNNEL_TIMEOUT, s.now);
	script_events(&s, "end(TUNNEL_TIMEOUT)");
	script_quiet(&s);
}

static void
ends_before_it_began(void **state)
{
	(void)state;
	ppp_terminate(&s.ppp, CAUSE_ADMIN_RESET, s.now);
	script_events(&s, "end(ADMIN_RESET)");
	script_quiet(&s);
}

/* A cause without text: the link is beyond reach, nothing is sent. */
static void
textless_cause(void **state)
{
	(void)state;
	script_lcp(&s);
	ppp_terminate(&s.ppp, CAUSE_SET_UP_TIMEOUT, s.now);
	script_events(&s, "link_down end(SET_UP_TIMEOUT)");
	script_quiet(&s);
}

/* RFC 1661 4.6: max-configure requests in all; ours go out early twice besides, the restart counter unmoved. */
static void
nobody_there(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_wait(&s, 249);
	script_quiet(&s);
	script_wait(&s, 15);
	script_expect(&s, FIRST);
	script_wait(&s, 500);
	script_expect(&s, FIRST);
	script_wait(&s, 2200);
	script_quiet(&s);
	for (unsigned i = 0; i < 9; i++) {
		script_wait(&s, i ? 3010 : 100);
		script_expect(&s, FIRST);
		script_quiet(&s);
	}
	script_wait(&s, 3010);
	script_quiet(&s);
	script_events(&s, "end(LCP_TIMEOUT)");
	assert_int_equal(s.stats.early_resends, 2);
	assert_int_equal(s.stats.retransmits, 9);
}

/* pppd behind xl2tpd was not listening yet: its own request brings ours out again, before the Ack. */
static void
early_copy_on_request(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_wait(&s, 200);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, FIRST);
	script_expect(&s, "[LCP ConfAck id=1]");
	script_wait(&s, 2700);
	script_quiet(&s);
	assert_int_equal(s.stats.early_resends, 1);
	assert_int_equal(s.stats.retransmits, 0);
	script_feed(&s, "c021 02 01 0013 0104 0578 0305 c223 81 0506 01010101");
	assert_int_equal(s.ppp.lcp.state, FSM_OPENED);
}

/* Requests that cross on the way are no reason to repeat ours. */
static void
no_early_copy_when_crossing(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_wait(&s, 9);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_wait(&s, 2000);
	script_quiet(&s);
}

/* An answer to another request than the last, and the copy of an answer, count for nothing. */
static void
stale_answers(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_feed(&s, "c021 02 02 0013 0104 0578 0305 c223 81 0506 01010101");
	script_feed(&s, "c021 02 01 0013 0104 0578 0305 c223 81 0506 01010102");
	script_feed(&s, "c021 02 01 000d 0104 0578 0305 c223 81");
	assert_int_equal(s.ppp.lcp.state, FSM_REQ_SENT);
	assert_int_equal(s.stats.stale, 1);
	assert_int_equal(s.stats.malformed, 2);
	script_echo(&s, CONF_ACK);
	assert_int_equal(s.ppp.lcp.state, FSM_ACK_RCVD);
	script_echo(&s, CONF_ACK);
	assert_int_equal(s.ppp.lcp.state, FSM_ACK_RCVD);
	script_quiet(&s);
}

/* In Ack-Rcvd our request has been answered: what goes out after the period is a new one (RFC 1661 5.1). */
static void
ack_rcvd_timeout(void **state)
{
	(void)state;
	script_up(&s);
	script_expect(&s, FIRST);
	script_echo(&s, CONF_ACK);
	script_wait(&s, 3010);
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MS-v2> <magic 01010101>]");
	assert_int_equal(s.ppp.lcp.state, FSM_REQ_SENT);
}

/* The copy of the request that opened the link is acknowledged again; another request negotiates anew. */
static void
duplicate_request(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_quiet(&s);
	script_events(&s, "");
	assert_int_equal(s.stats.duplicates, 1);
	script_wait(&s, 3990);
	s.n_read = s.n_sent;
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_wait(&s, 20);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MS-v2> <magic 03030303>]");
	script_expect(&s, "[LCP ConfAck id=1]");
	script_events(&s, "link_down");
}

/* The same options under another Identifier are no copy: a client that has lost its state says them again. */
static void
same_options_another_identifier(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 01 02 0004");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MS-v2> <magic 03030303>]");
	script_expect(&s, "[LCP ConfAck id=2]");
	script_events(&s, "link_down");
	assert_int_equal(s.stats.duplicates, 0);
}

static void
renegotiation(void **state)
{
	(void)state;
	script_lcp(&s);
	script_feed(&s, "c021 01 02 0008 0104 0400");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <auth chap MS-v2> <magic 03030303>]");
	script_expect(&s, "[LCP ConfAck id=2 <mru 1024>]");
	script_feed(&s, "c021 02 02 0013 0104 0578 0305 c223 81 0506 03030303");
	script_expect(&s, "[CHAP Challenge id=2 <04040404040404040404040404040404> name=\"\"]");
	script_events(&s, "link_down link_up(mtu=1024,mru=1400,03030303,00000000)");
	assert_int_equal(s.stats.renegotiations, 1);
	script_feed(&s, "c021 06 33 0004");
	script_expect(&s, "[LCP ConfReq id=3 <mru 1400> <auth chap MS-v2> <magic 05050505>]");
	script_events(&s, "link_down");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(same_request_after_terminate),
		SERVER(no_early_copy_after_answer),
		SERVER(while_closing),
		SERVER(peer_terminates),
		SERVER(peer_terminates_with_text),
		SERVER(we_terminate),
		SERVER(we_terminate_unheard),
		SERVER(bearer_goes_while_terminating),
		SERVER(bearer_goes),
		SERVER(ends_before_it_began),
		SERVER(textless_cause),
		SERVER(nobody_there),
		SERVER(early_copy_on_request),
		SERVER(no_early_copy_when_crossing),
		SERVER(stale_answers),
		SERVER(ack_rcvd_timeout),
		SERVER(duplicate_request),
		SERVER(same_options_another_identifier),
		SERVER(renegotiation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
