/* IPCP against a scripted peer, both roles.  RFC 1332, RFC 1877. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ppp/script.h"

#define OURS "[IPCP ConfReq id=1 <addr 10.78.0.1>]"
#define OPEN "link_up(mtu=1400,mru=1400,01010101,00000000) auth(none,)"

static struct script s;

static void
lcp_without_auth(void)
{
	s.conf.noauth = true;
	s.conf.n_auth = 0;
	script_up(&s);
	s.n_read = s.n_sent;
	script_echo(&s, CONF_ACK);
	script_feed(&s, "c021 01 01 0004");
	script_expect(&s, "[LCP ConfAck id=1]");
}

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.result.ip4.dns[0] = 0xc0000235;
	return 0;
}

/* A client whose server asks for no proof. */
static int
client(void **state)
{
	(void)state;
	script_init(&s, PPP_CLIENT);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

/* pppd: VJ, and both name servers of which we have one. */
static void
opens(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	script_echo(&s, CONF_ACK);
	script_feed(&s, "8021 01 01 001c 0206 002d 0f01 0306 00000000 8106 00000000 8306 00000000");
	script_expect(&s, "[IPCP ConfRej id=1 <compress 00 2d 0f 01> <ms-dns2 0.0.0.0>]");
	script_feed(&s, "8021 01 02 0010 0306 00000000 8106 00000000");
	script_expect(&s, "[IPCP ConfNak id=2 <addr 10.78.1.5> <ms-dns1 192.0.2.53>]");
	script_events(&s, "");
	script_feed(&s, "8021 01 03 0010 0306 0a4e0105 8106 c0000235");
	script_expect(&s, "[IPCP ConfAck id=3 <addr 10.78.1.5> <ms-dns1 192.0.2.53>]");
	script_events(&s, "opening(8021) up(8021)");
	script_quiet(&s);
	assert_int_equal(s.stats.opened, 1);
	assert_int_equal(s.stats.retransmits + s.stats.early_resends, 0);
}

static void
wins(void **state)
{
	(void)state;
	s.result.ip4.dns[1] = 0xc0000236;
	s.result.ip4.wins[0] = 0xc0000237;
	s.result.ip4.wins[1] = 0xc0000238;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_feed(&s, "8021 01 01 0022 0306 0a4e0105 8106 00000000 8206 00000000 8306 c0000236 8406 01020304");
	script_expect(&s, "[IPCP ConfNak id=1 <ms-dns1 192.0.2.53> <ms-wins1 192.0.2.55> <ms-wins2 192.0.2.56>]");
	script_quiet(&s);
}

/* The client's own request comes one round trip after ours, with its answer: no sign of a loss.  Later it is one. */
static void
early_copy(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_wait(&s, 199);
	script_feed(&s, "8021 01 01 000a 0306 00000000");
	script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	script_quiet(&s);
	script_wait(&s, 1);
	script_feed(&s, "8021 01 01 000a 0306 00000000");
	script_expect(&s, OURS);
	script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	script_quiet(&s);
}

/* The gate opens before the Ack leaves, once, and closes although the protocol never came up. */
static void
gate_without_up(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	script_feed(&s, "8021 01 02 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=2 <addr 10.78.1.5>]");
	script_events(&s, "opening(8021)");
	ppp_bearer_down(&s.ppp, CAUSE_PEER_CALL_CLEARED, s.now);
	script_events(&s, "down(8021) link_down end(PEER_CALL_CLEARED)");
}

static void
no_address_option(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_feed(&s, "8021 01 01 0004");
	script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	script_feed(&s, "8021 01 01 000a 8106 c0000235");
	script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	script_feed(&s, "8021 01 01 0009 0305 0a4e01");
	script_expect(&s, "[IPCP ConfRej id=1 <addr 0a 4e 01>]");
}

static void
insists_on_address(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	for (unsigned i = 0; i < 5; i++) {
		script_feed(&s, "8021 01 01 000a 0306 c0a80101");
		script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	}
	script_feed(&s, "8021 01 01 000a 0306 c0a80101");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(NCP_FAILED)");
}

static void
insists_on_no_address(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	for (unsigned i = 0; i < 5; i++) {
		script_feed(&s, "8021 01 01 0004");
		script_expect(&s, "[IPCP ConfNak id=1 <addr 10.78.1.5>]");
	}
	script_feed(&s, "8021 01 01 0004");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
}

static void
our_address_refused(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_feed(&s, "8021 03 01 000a 0306 c0a80101");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 10.78.0.1>]");
	script_feed(&s, "8021 04 02 000a 0306 0a4e0001");
	script_expect(&s, "[IPCP ConfReq id=3]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	assert_int_equal(s.ppp.ipcp.state, FSM_OPENED);
}

static void
silent_peer(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	script_wait(&s, 31000);
	assert_int_equal(s.stats.retransmits, 9);
	assert_int_equal(s.stats.early_resends, 2);
	for (unsigned i = 0; i < 11; i++)
		script_expect(&s, OURS);
	script_expect(&s, "[LCP TermReq id=2 \"IPCP timed out\"]");
	script_wait(&s, 6100);
	script_events(&s, "link_down end(NCP_TIMEOUT)");
}

static void
rejected_by_peer(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_feed(&s, "c021 08 01 0010 8021 0101 000a 0306 0a4e0001");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_wait(&s, 6100);
	script_events(&s, OPEN " link_down end(NCP_FAILED)");
}

/* Nor does IPCP live without its codes, or with a peer that never agrees. */
static void
code_reject(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	script_feed(&s, "8021 07 01 0008 0101 0004");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(NCP_FAILED)");
}

static void
never_agrees(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, OURS);
	script_events(&s, OPEN);
	for (unsigned i = 0; i < 16; i++) {
		script_feed(&s, "8021 01 01 000a 0206 002d 0f01");
		script_expect(&s, "[IPCP ConfRej id=1 <compress 00 2d 0f 01>]");
	}
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(NCP_FAILED)");
}

static void
opened(void)
{
	lcp_without_auth();
	script_expect(&s, OURS);
	script_echo(&s, CONF_ACK);
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	script_events(&s, OPEN " opening(8021) up(8021)");
	script_quiet(&s);
}

/* A client that asks for another address mid-session loses its gate and gets the old address. */
static void
asks_again(void **state)
{
	(void)state;
	opened();
	script_feed(&s, "8021 01 02 000a 0306 0a4e0109");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 10.78.0.1>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[IPCP ConfNak id=2 <addr 10.78.1.5>]");
	script_events(&s, "down(8021)");
	script_feed(&s, "8021 01 03 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=3 <addr 10.78.1.5>]");
	script_events(&s, "opening(8021) up(8021)");
}

/* The peer's Ack got lost on the way, its request comes again: another Ack, no interruption. */
static void
duplicate(void **state)
{
	(void)state;
	opened();
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=1 <addr 10.78.1.5>]");
	script_quiet(&s);
	script_events(&s, "");
}

static void
closed_by_peer(void **state)
{
	(void)state;
	opened();
	script_feed(&s, "8021 05 09 0004");
	script_expect(&s, "[IPCP TermAck id=9]");
	script_events(&s, "down(8021)");
	script_wait(&s, 3100);
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "link_down end(NCP_FAILED)");
}

static void
lcp_goes_down(void **state)
{
	(void)state;
	opened();
	script_feed(&s, "c021 01 05 0008 0104 0400");
	script_events(&s, "down(8021) link_down");
	script_expect(&s, "[LCP ConfReq id=2 <mru 1400> <magic 02020202>]");
	script_echo(&s, CONF_ACK);
	script_expect(&s, "[LCP ConfAck id=5 <mru 1024>]");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 10.78.0.1>]");
	script_feed(&s, "8021 01 06 000a 0306 0a4e0105");
	script_expect(&s, "[IPCP ConfAck id=6 <addr 10.78.1.5>]");
	script_echo(&s, CONF_ACK);
	script_events(&s, "link_up(mtu=1024,mru=1400,02020202,00000000) auth(none,) opening(8021)");
	script_feed(&s, "8021 02 02 000a 0306 0a4e0001");
	script_events(&s, "up(8021)");
}

static void
no_network_allowed(void **state)
{
	(void)state;
	s.result.ip4_ok = false;
	lcp_without_auth();
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, OPEN " link_down end(NCP_FAILED)");
}

static void
no_address_to_give(void **state)
{
	(void)state;
	s.result.ip4.peer = 0;
	lcp_without_auth();
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
}

static void
client_takes_what_it_gets(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_events(&s, "link_up(mtu=1400,mru=1400,01010101,00000000) authenticated");
	script_feed(&s, "8021 04 01 000a 8306 00000000");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 0.0.0.0> <ms-dns1 0.0.0.0>]");
	script_feed(&s, "8021 03 02 0010 0306 0a4e0105 8106 c0000235");
	script_expect(&s, "[IPCP ConfReq id=3 <addr 10.78.1.5> <ms-dns1 192.0.2.53>]");
	script_feed(&s, "8021 01 01 000a 0306 00000000");
	script_expect(&s, "[IPCP ConfRej id=1 <addr 0.0.0.0>]");
	script_feed(&s, "8021 01 02 0010 0306 0a4e0001 8106 00000000");
	script_expect(&s, "[IPCP ConfRej id=2 <ms-dns1 0.0.0.0>]");
	script_feed(&s, "8021 01 03 000a 0306 0a4e0001");
	script_expect(&s, "[IPCP ConfAck id=3 <addr 10.78.0.1>]");
	script_feed(&s, "8021 02 03 0010 0306 0a4e0105 8106 c0000235");
	script_events(&s, "opening(8021) up(8021)");
	assert_int_equal(s.ppp.ip4.our, 0x0a4e0105);
	assert_int_equal(s.ppp.ip4.peer, 0x0a4e0001);
	assert_int_equal(s.ppp.ip4.dns[0], 0xc0000235);
	assert_int_equal(s.ppp.ip4.dns[1], 0);
}

/* RFC 1332 3.3: a server need not say its address. */
static void
client_of_unnumbered_server(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_feed(&s, "8021 01 01 0004");
	script_expect(&s, "[IPCP ConfAck id=1]");
	script_feed(&s, "8021 03 01 0016 0306 0a4e0105 8106 c0000235 8306 c0000236");
	script_expect(&s, "[IPCP ConfReq id=2 <addr 10.78.1.5> <ms-dns1 192.0.2.53> <ms-dns2 192.0.2.54>]");
	script_feed(&s, "8021 03 02 000c 8206 c0000237 6302");
	script_expect(&s, "[IPCP ConfReq id=3 <addr 10.78.1.5> <ms-dns1 192.0.2.53> <ms-dns2 192.0.2.54>]");
	script_echo(&s, CONF_ACK);
	assert_int_equal(s.ppp.ip4.peer, 0);
	assert_int_equal(s.ppp.ipcp.state, FSM_OPENED);
}

static void
client_without_address(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_feed(&s, "8021 04 01 000a 0306 00000000");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
}

/* A server that acknowledges 0.0.0.0 has given nothing. */
static void
client_given_nothing(void **state)
{
	(void)state;
	lcp_without_auth();
	script_expect(&s, "[IPCP ConfReq id=1 <addr 0.0.0.0> <ms-dns1 0.0.0.0> <ms-dns2 0.0.0.0>]");
	script_echo(&s, CONF_ACK);
	script_feed(&s, "8021 01 03 000a 0306 0a4e0001");
	script_expect(&s, "[IPCP ConfAck id=3 <addr 10.78.0.1>]");
	script_expect(&s, "[LCP TermReq id=2 \"no network protocol\"]");
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)
#define CLIENT(f) cmocka_unit_test_setup_teardown(f, client, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(opens),
		SERVER(wins),
		SERVER(early_copy),
		SERVER(gate_without_up),
		SERVER(no_address_option),
		SERVER(insists_on_address),
		SERVER(insists_on_no_address),
		SERVER(our_address_refused),
		SERVER(silent_peer),
		SERVER(rejected_by_peer),
		SERVER(code_reject),
		SERVER(never_agrees),
		SERVER(asks_again),
		SERVER(duplicate),
		SERVER(closed_by_peer),
		SERVER(lcp_goes_down),
		SERVER(no_network_allowed),
		SERVER(no_address_to_give),
		CLIENT(client_takes_what_it_gets),
		CLIENT(client_of_unnumbered_server),
		CLIENT(client_without_address),
		CLIENT(client_given_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
