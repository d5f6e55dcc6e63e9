/* lns_test.c - what the configuration's L2TP keys do to sessions, with our own client on a virtual clock: secrets of a
 * peer's own, maintenance, sequencing, a tunnel that moves; and on which worker core a tunnel is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <dp/placement.h>

#include "lns.h"
#include "twin.h"

#define CONF(l2tp)                                                                                                     \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { " l2tp " };\n"                                                                                       \
	"authentication = { protocols = [ \"chap\" ]; local-users = ( { username = \"u0\"; password = \"p\"; },\n"     \
	"  { username = \"u1\"; password = \"p\"; }, { username = \"u2\"; password = \"p\"; } ); };\n"                 \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\"; max-sessions = 100;\n"                              \
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"

/* The client is 10.77.0.1 and its secret "tunnel". */
#define SECRET "secret = \"tunnel\"; "

static struct twin twin, *const t = &twin;

static void
begin(const char *conf)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
}

static const struct fake_session *
dp_session(const struct session *s)
{
	return &t->fake.sessions[handle_index(s->handle)];
}

static bool
comes_up(const char *conf)
{
	begin(conf);
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 100));
	bool up = t->calls[0].state == TWIN_UP;
	twin_fini(t);
	return up;
}

static void
peers_have_their_secrets(void **state)
{
	(void)state;
	assert_true(comes_up(CONF(SECRET)));
	assert_false(comes_up(CONF("secret = \"other\";")));
	assert_true(
		comes_up(CONF("secret = \"other\"; peer = ( { address = \"10.77.0.0/24\"; secret = \"tunnel\"; } );")));
	assert_false(comes_up(CONF("secret = \"other\"; peer = ( { address = \"10.77.0.0/24\"; secret = \"tunnel\"; }, "
				   "{ address = \"10.77.0.1/32\"; secret = \"longer\"; } );")));
	assert_true(comes_up(CONF(SECRET "only-known-peers = true; peer = ( { address = \"10.77.0.1/32\"; } );")));
	assert_false(comes_up(CONF(SECRET "only-known-peers = true; peer = ( { address = \"10.77.0.9/32\"; } );")));
	assert_true(comes_up(CONF(SECRET "hide-avps = true;")));
}

#define CONF6(l2tp)                                                                                                    \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"fd77::2/64\" ]; access = true; },\n"       \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"::\" ]; " l2tp " };\n"                                                                  \
	"authentication = { protocols = [ \"chap\" ]; local-users = ( { username = \"u0\"; password = \"p\"; } ); "    \
	"};\n"                                                                                                         \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\"; max-sessions = 100;\n"                              \
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"

static bool
comes_up6(const char *conf)
{
	begin(conf);
	t->ip6 = true;
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 100));
	return t->calls[0].state == TWIN_UP;
}

/* The tunnel's ends as the worker gets them; secrets by prefixes of the family. */
static void
tunnels_over_ip6(void **state)
{
	(void)state;
	const struct addr peer = {{0xfd, 0x77, [15] = 1}};
	assert_true(comes_up6(CONF6(SECRET)));
	const struct dp_session_open *how = &dp_session(twin_session(t, "u0"))->how;
	assert_true(addr_eq(&how->peer, &peer));
	assert_int_equal(how->udp6_zero_checksum, 0);
	assert_int_not_equal(how->nh, NH_NONE);
	twin_fini(t);
	assert_true(comes_up6(CONF6(SECRET "udp6-csum-tx = false;")));
	assert_int_equal(dp_session(twin_session(t, "u0"))->how.udp6_zero_checksum, 1);
	twin_fini(t);
	assert_true(comes_up6(CONF6("secret = \"other\"; peer = ( { address = \"fd77::/64\"; secret = \"tunnel\"; }, "
				    "{ address = \"0.0.0.0/0\"; secret = \"four\"; } );")));
	twin_fini(t);
	assert_false(comes_up6(CONF6(SECRET "peer = ( { address = \"fd77::/64\"; secret = \"tunnel\"; }, "
					    "{ address = \"fd77::1/128\"; secret = \"longer\"; } );")));
	twin_fini(t);
	assert_false(comes_up6(CONF6(SECRET "only-known-peers = true; peer = ( { address = \"0.0.0.0/0\"; } );")));
	twin_fini(t);
}

/* A new configuration holds for the tunnels to come. */
static void
secrets_change(void **state)
{
	struct conf *conf;
	struct conf_error err;
	(void)state;
	begin(CONF("secret = \"other\";"));
	assert_int_equal(conf_load_string(CONF(SECRET), "new.conf", &conf, &err), 0);
	t->cp->conf = conf;
	assert_int_equal(lns_configure(t->cp), 0);
	t->cp->conf = t->conf;
	conf_free(conf); /* nothing of it is kept */
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 3000);
	assert_non_null(t->tunnels[0]);
	assert_int_equal(t->tunnels[0]->state, L2TP_ESTABLISHED);
	twin_fini(t);
}

/* RFC 2661 4.4.2: Result 2, Error 7, try another: for a call in a tunnel that is there, and for a new tunnel. */
static void
maintenance(void **state)
{
	(void)state;
	begin(CONF(SECRET));
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	t->cp->maintenance = true;
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_int_equal(t->calls[1].cause, CAUSE_PEER_CALL_CLEARED);
	assert_int_equal(t->calls[1].result, 2);
	assert_int_equal(t->calls[1].error, 7);
	twin_dial(t, 1, 2, 1);
	assert_true(twin_settle(t, 3, 60));
	assert_int_equal(t->calls[2].cause, CAUSE_PEER_TUNNEL_CLOSED);
	assert_int_equal(t->tunnel_result, 2);
	assert_int_equal(t->tunnel_error, 7);
	assert_non_null(twin_session(t, "u0")); /* who is in stays */
	assert_int_equal(t->cp->stats.calls_refused, 1);
	t->cp->maintenance = false;
	twin_dial(t, 1, 3, 1);
	twin_run_ms(t, 3000);
	assert_int_equal(t->cp->stats.calls_refused, 1);
	twin_fini(t);
}

static void
sequenced(const char *conf, unsigned seq)
{
	begin(conf);
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	assert_int_equal(dp_session(twin_session(t, "u0"))->how.l2tp_seq, seq);
	twin_fini(t);
}

static void
the_worker_is_told_to_sequence(void **state)
{
	(void)state;
	sequenced(CONF(SECRET), 0);
	sequenced(CONF(SECRET "dataseq = \"deny\";"), 0);
	sequenced(CONF(SECRET "dataseq = \"prefer\";"), DP_L2TP_SEQ_ON);
	sequenced(CONF(SECRET "dataseq = \"require\";"), DP_L2TP_SEQ_ON | DP_L2TP_SEQ_REQUIRE);
}

/* The client's port changes under three sessions; its next Hello moves them, and the worker hears of each. */
static void
sessions_follow_their_tunnel(void **state)
{
	(void)state;
	begin(CONF(SECRET));
	twin_dial(t, 0, 0, 3);
	assert_true(twin_settle(t, 3, 60));
	assert_int_equal(twin_session(t, "u2")->info.peer_port, 20000);
	t->tunnels[0]->path.local_port = 33333; /* as a NAT would have it */
	twin_run_ms(t, 130000);
	for (unsigned i = 0; i < 3; i++) {
		const struct session *s = twin_session(t, t->calls[i].name);
		assert_non_null(s);
		assert_int_equal(s->info.peer_port, 33333);
		assert_int_equal(dp_session(s)->set.peer_port, 33333);
	}
	assert_int_equal(l2tp_stats(t->cp->l2tp)[L2TP_STAT_RX_MOVED], 1);
	twin_dial(t, 0, 3, 1); /* a later call opens with the new port */
	twin_run_ms(t, 1000);
	assert_int_equal(t->fake.sessions[4].how.peer_port, 33333);
	twin_fini(t);
}

/* limits.connection-limit: tunnels, not the calls in them. */
static void
a_source_that_connects_too_often(void **state)
{
	(void)state;
	begin(CONF(SECRET "limits = { connection-limit = \"2/min\"; burst = 1; };"));
	twin_dial(t, 0, 0, 2);
	assert_true(twin_settle(t, 2, 60));
	twin_dial(t, 1, 2, 1);
	twin_run_ms(t, 2000);
	assert_int_equal(t->calls[2].state, TWIN_ENDED);
	assert_int_equal(t->tunnel_result, 2);
	assert_int_equal(t->tunnel_error, 4);
	assert_int_equal(t->cp->connlimit[CONF_L2TP].refused, 1);
	twin_run_ms(t, 30000);
	twin_dial(t, 1, 3, 1);
	t->calls[3].name = "u2";
	for (unsigned i = 0; i < 500 && !twin_settled(t, &t->calls[3]); i++)
		twin_step(t);
	assert_int_equal(t->calls[3].state, TWIN_UP);
	twin_fini(t);
}

/* Of the workers the one on which the client, 10.77.0.1, is placed: sessions, and whatever is said of the tunnel. */
static void
a_tunnel_lives_on_its_peers_core(void **state)
{
	(void)state;
	for (unsigned n = 1; n <= 4; n++) {
		twin_init(t, &(struct twin_args){.conf = CONF(SECRET), .seed = 1, .n_workers = n});
		const struct addr peer = addr_from_ip4(0x0a4d0001), local = addr_from_ip4(0x0a4d0002);
		const struct placement p = {.peer = peer, .local = local};
		twin_dial(t, 0, 0, 2);
		assert_true(twin_settle(t, 2, 60));
		for (unsigned i = 0; i < 2; i++) {
			assert_int_equal(t->calls[i].state, TWIN_UP);
			uint64_t handle = twin_session(t, t->calls[i].name)->handle;
			assert_int_equal(handle_lcore(handle), placement_core(&p, n));
		}
		twin_fini(t);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(peers_have_their_secrets),
		cmocka_unit_test(tunnels_over_ip6),
		cmocka_unit_test(secrets_change),
		cmocka_unit_test(maintenance),
		cmocka_unit_test(a_source_that_connects_too_often),
		cmocka_unit_test(the_worker_is_told_to_sequence),
		cmocka_unit_test(sessions_follow_their_tunnel),
		cmocka_unit_test(a_tunnel_lives_on_its_peers_core),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
