/* users_test.c - what a user's entry does to his session: who may come in from where, under which name, with what behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "addresses.h"
#include "admission.h"
#include "session.h"
#include "twin.h"

#define CONF(users, extra)                                                                                             \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"                                                 \
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 100;\n"               \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n"                                                  \
	"authentication = { protocols = [ \"mschap-v2\", \"chap\" ]; " users " };\n" extra
#define USERS(more)                                                                                                    \
	"local-users = ( { username = \"u0\"; password = \"p\"; " more " },\n"                                         \
	"  { username = \"u1\"; password = \"p\"; " more " } );"

static struct twin twin, *const t = &twin;

static void
begin(const char *conf)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
}

/* dial: these calls, until all of them are up or have ended. */
static void
dial(unsigned first, unsigned n)
{
	twin_dial(t, 0, first, n);
	assert_true(twin_settle(t, first + n, 60));
	twin_run_ms(t, 500);
}

static uint32_t
to(const struct session *s)
{
	return nh_session(handle_lcore(s->handle), handle_index(s->handle));
}

static void
a_network_behind_the_subscriber(void **state)
{
	(void)state;
	begin(CONF(USERS("routes = [ \"10.1.202.0/24\", \"10.9.0.0/16\" ];"), ""));
	dial(0, 1);
	struct session *s = twin_session(t, "u0");
	assert_int_equal(fake_dataplane_route(&t->fake, "10.1.202.0/24"), to(s));
	assert_int_equal(fake_dataplane_route(&t->fake, "10.9.0.0/16"), to(s));
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.1.202.0/24"), NH_NONE);
	twin_run_ms(t, 1000);
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

/* A site that dials in again after its line was cut gets its traffic at once; when it goes, the older one has it. */
static void
the_newest_has_the_network(void **state)
{
	(void)state;
	begin(CONF(USERS("routes = \"10.1.202.0/24\";"), ""));
	dial(0, 1);
	struct session *old = twin_session(t, "u0");
	dial(1, 1);
	struct session *new = twin_session(t, "u1");
	assert_int_equal(fake_dataplane_route(&t->fake, "10.1.202.0/24"), to(new));
	session_end(new, CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.1.202.0/24"), to(old));
	twin_run_ms(t, 1000);
	session_end(old, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.1.202.0/24"), NH_NONE);
	twin_fini(t);
}

/* The pool's own network stays ours. */
static void
our_networks_are_not_given_away(void **state)
{
	(void)state;
	begin(CONF(USERS("routes = \"10.78.1.0/24\";"), ""));
	dial(0, 1);
	assert_non_null(twin_session(t, "u0"));
	assert_int_equal(fake_dataplane_route(&t->fake, "10.78.1.0/24"), nh_make(NH_DISCARD, 0));
	session_end(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(fake_dataplane_route(&t->fake, "10.78.1.0/24"), nh_make(NH_DISCARD, 0));
	twin_fini(t);
}

/* The workers' route table follows a little later: nobody else is in the slot by then. */
static void
the_slot_rests_until_the_route_is_gone(void **state)
{
	(void)state;
	begin(CONF(USERS("routes = \"10.1.202.0/24\";"), ""));
	dial(0, 1);
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 100);
	assert_int_equal(t->cp->slots[0].in_use, 1);
	twin_run_ms(t, 400);
	assert_int_equal(t->cp->slots[0].in_use, 0);
	twin_fini(t);
}

static void
calls_from_elsewhere_are_refused(void **state)
{
	(void)state;
	begin(CONF(USERS("caller-id = [ \"200\", \"192.0.2.0/24\" ];"), ""));
	dial(0, 1);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	twin_fini(t);
}

/* The twins call from number 100 and 10.77.0.1. */
static void
calls_from_there_are_welcome(void **state)
{
	static const char *const lists[] = {"\"200\", \"100\"", "\"10.77.0.1\"", "\"10.77.0.0/24\""};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		char conf[2048];
		snprintf(conf, sizeof conf,
			 CONF("local-users = ( { username = \"u0\"; password = \"p\"; "
			      "caller-id = [ %s ]; } );",
			      ""),
			 lists[i]);
		begin(conf);
		dial(0, 1);
		assert_int_equal(t->calls[0].state, TWIN_UP);
		twin_fini(t);
	}
}

static void
a_name_of_its_own(void **state)
{
	(void)state;
	begin(CONF(USERS("ifname = \"office\";"), ""));
	dial(0, 1);
	struct session *s = twin_session(t, "u0");
	assert_string_equal(s->ifname, "office");
	assert_int_equal(s->ifnumber, -1);
	dial(1, 1); /* the name is in use: it stays l2tp0, which is free again */
	assert_string_equal(twin_session(t, "u1")->ifname, "l2tp0");
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	t->calls[2].name = "u0";
	dial(2, 1);
	assert_string_equal(twin_session(t, "u0")->ifname, "office");
	twin_fini(t);
}

static void
anybody_may_come_in(void **state)
{
	(void)state;
	begin(CONF("any-login = true; local-users = ( { username = \"u1\"; password = \"p\"; disable = true; } );",
		   ""));
	t->calls[0].name = "whoever";
	t->calls[0].password = "whatever";
	dial(0, 2);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_int_equal(twin_session(t, "whoever")->auth_method, PPP_AUTH_CHAP_MD5);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	twin_fini(t);
}

/* What a profile says counts for its users; what a user says, for him alone. */
static void
his_own_gateway(void **state)
{
	(void)state;
	begin(CONF("profiles = ( { name = \"sites\"; gateway-address = \"172.16.1.1\"; } ); local-users = (\n"
		   "  { username = \"u0\"; password = \"p\"; profile = \"sites\"; static-ip = \"172.16.1.2\"; },\n"
		   "  { username = \"u1\"; password = \"p\"; } );",
		   ""));
	dial(0, 2);
	assert_int_equal(twin_session(t, "u0")->gateway_ip4, 0xac100101);
	assert_int_equal(twin_session(t, "u1")->gateway_ip4, 0x0a4e0001);
	assert_int_equal(fake_dataplane_nh(&t->fake, 0xac100101), nh_make(NH_LOCAL, NH_LOCAL_GATEWAY));
	assert_ptr_equal(addresses_holder(t->cp, 0xac100102), twin_session(t, "u0"));
	assert_ptr_equal(addresses_holder(t->cp, twin_session(t, "u1")->ip4), twin_session(t, "u1"));
	assert_null(addresses_holder(t->cp, 0x0a4e01fe));
	twin_fini(t);
}

/* Outside of all pools too, an address has one user at a time. */
static void
an_address_that_is_held(void **state)
{
	(void)state;
	begin(CONF("local-users = ( { username = \"u0\"; password = \"p\"; static-ip = \"172.16.1.2\"; } );", ""));
	t->calls[1].name = "u0";
	dial(0, 1);
	dial(1, 1);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_int_equal(t->cp->stats.ended[CAUSE_ADDRESS_IN_USE], 1);
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	assert_int_equal(fake_dataplane_nh(&t->fake, 0xac100102), NH_NONE);
	t->calls[2].name = "u0";
	dial(2, 1);
	assert_int_equal(t->calls[2].state, TWIN_UP);
	twin_fini(t);
}

/* --- another protocol, of which only the session is real --------------------------------------------------------- */

static void
other_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	(void)b, (void)frame, (void)len, (void)now;
}

static void
other_close(struct bearer *b, enum cause cause, struct mono now)
{
	(void)b, (void)cause, (void)now;
}

static void
other_describe(const struct bearer *b, struct bearer_info *info)
{
	(void)b;
	info->peer = addr_from_ip4(0x0a4d0063);
	info->calling = "10.77.0.99";
	info->called = "10.77.0.2";
}

static const struct bearer_ops other_ops = {.send = other_send, .close = other_close, .describe = other_describe};

/* A user is one user whatever he dials in with: his older session over L2TP is over before the newer one over PPTP is
 * let in, with the same address. */
static void
one_session_over_all_protocols(void **state)
{
	struct bearer other = {.ops = &other_ops};
	struct session_offer offer = {CONF_PPTP, 0, 0, addr_from_ip4(0x0a4d0063)};
	struct dp_session_open open = {.bearer = DP_BEARER_PPTP};
	struct ppp_auth_request req = {.serial = 1, .method = PPP_AUTH_PAP, .name = "u0", .response_len = 1};
	enum cause cause;
	(void)state;
	begin(CONF(USERS(""), "single-session = \"replace\";\n"));
	dial(0, 1);
	struct session *old = twin_session(t, "u0"), *new = session_new(t->cp, &offer, t->now, &cause);
	uint32_t ip4 = old->ip4;
	assert_non_null(new);
	session_bearer_up(new, &other, &open, t->now);
	req.response = (const uint8_t *)"p";
	admission_request(new, &req, t->now);
	assert_false(new->authenticated);
	assert_int_equal(old->state, SESSION_FINISHING);
	for (unsigned i = 0; i < 500 && !new->authenticated; i++)
		twin_step(t);
	assert_true(new->authenticated);
	assert_int_equal(new->ip4, ip4);
	assert_int_equal(t->cp->stats.ended[CAUSE_REPLACED], 1);
	twin_run_ms(t, 500);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	session_end_hard(new, CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 500);
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_network_behind_the_subscriber),
		cmocka_unit_test(the_newest_has_the_network),
		cmocka_unit_test(our_networks_are_not_given_away),
		cmocka_unit_test(the_slot_rests_until_the_route_is_gone),
		cmocka_unit_test(calls_from_elsewhere_are_refused),
		cmocka_unit_test(calls_from_there_are_welcome),
		cmocka_unit_test(a_name_of_its_own),
		cmocka_unit_test(anybody_may_come_in),
		cmocka_unit_test(his_own_gateway),
		cmocka_unit_test(an_address_that_is_held),
		cmocka_unit_test(one_session_over_all_protocols),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
