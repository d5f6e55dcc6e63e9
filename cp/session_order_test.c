/* session_order_test.c - what must not be open too early or too long: gates, routes, addresses, slots, and set-up time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "session.h"
#include "twin.h"

#define CONF(extra)                                                                                                    \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"                                                 \
	"authentication = { local-users = ( { username = \"u0\"; password = \"p\"; },\n"                               \
	"  { username = \"u1\"; password = \"p\"; service = \"sstp\"; } ); };\n"                                       \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\"; max-sessions = 100;\n" extra
#define HOME "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"

static struct twin twin, *const t = &twin;

static struct session *
begin_with_one(const char *conf)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	return twin_session(t, "u0");
}

static const struct dp_session_set *
told(const struct session *s)
{
	return &t->fake.sessions[handle_index(s->handle)].set;
}

/* peer_says: a frame of the session's peer, out of the blue. */
static void
peer_says(const struct session *s, const uint8_t *frame, size_t len)
{
	struct byte_ring_rec *rec = test_malloc(sizeof *rec + len);
	*rec = (struct byte_ring_rec){.type = DP_MSG_PUNT_PPP, .len = (uint16_t)len, .handle = s->handle};
	memcpy(rec->payload, frame, len);
	cp_message(t->cp, rec, t->now);
	test_free(rec);
}

static const uint8_t lcp_again[] = {0xc0, 0x21, 1, 201, 0, 8, 1, 4, 2, 0};
static const uint8_t ipcp_again[] = {0x80, 0x21, 1, 201, 0, 4};

/* A link that is negotiated again counts as a stranger's from that moment. */
static void
lcp_again_closes_all(void **state)
{
	(void)state;
	struct session *s = begin_with_one(CONF(HOME));
	assert_int_equal(told(s)->gates, DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 1);
	peer_says(s, lcp_again, sizeof lcp_again);
	assert_int_equal(told(s)->gates, 0);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
	assert_false(s->authenticated);
	assert_int_equal(s->state, SESSION_STARTING);
	twin_fini(t);
}

static void
ipcp_again_closes_its_gate(void **state)
{
	(void)state;
	struct session *s = begin_with_one(CONF(HOME));
	peer_says(s, ipcp_again, sizeof ipcp_again);
	assert_int_equal(told(s)->gates, DP_GATE_AUTHENTICATED);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
	assert_int_equal(s->state, SESSION_STARTING);
	twin_fini(t);
}

/* Whoever begins again has as long as he had at first, and no longer, whatever PPP would allow. */
static void
negotiating_again_is_bounded(void **state)
{
	(void)state;
	struct session *s = begin_with_one(CONF(HOME "limits = { timeout = 10; };\n"));
	t->calls[0].mute = true;
	peer_says(s, lcp_again, sizeof lcp_again);
	twin_run_ms(t, 25000);
	assert_int_equal(t->cp->stats.ended[CAUSE_SET_UP_TIMEOUT], 1);
	twin_fini(t);
}

/* A call that nobody completes gives its slot back. */
static void
a_call_alone_is_bounded(void **state)
{
	(void)state;
	struct session_offer offer = {CONF_L2TP, 0, 0, addr_from_ip4(0x0a4d0063)};
	enum cause cause;
	twin_init(t, &(struct twin_args){CONF(HOME "limits = { timeout = 10; };\n"), 1, 0});
	assert_non_null(session_new(t->cp, &offer, t->now, &cause));
	twin_run_ms(t, 9000);
	assert_int_equal(cp_sessions(t->cp), 1);
	twin_run_ms(t, 2000);
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(t->cp->stats.ended[CAUSE_SET_UP_TIMEOUT], 1);
	twin_fini(t);
}

/* Until the worker has answered, its session may still send: the address and the slot are nobody else's. */
static void
all_rests_until_the_worker_has_answered(void **state)
{
	(void)state;
	struct session *s = begin_with_one(CONF(HOME));
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(s->state, SESSION_CLOSING);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 1);
	assert_int_equal(t->cp->slots[0].in_use, 1);
	fake_dataplane_deliver(&t->fake, t->cp, t->now);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 0);
	assert_int_equal(t->cp->slots[0].in_use, 0);
	twin_fini(t);
}

/* What is not lent is nobody's, and does not go round between us and our router. */
static void
pools_are_discarded(void **state)
{
	(void)state;
	begin_with_one(CONF(HOME));
	assert_int_equal(t->fake.discards, 1);
	assert_int_equal(addr_ip4(&t->fake.discard.addr), 0x0a4e0100);
	assert_int_equal(t->fake.discard.len, 24);
	twin_fini(t);
}

static void
our_own_address_is_never_lent(void **state)
{
	(void)state;
	begin_with_one(CONF("client-ip-pool = ( { name = \"home\"; range = [ \"10.78.0.1-10.78.0.2\" ]; } );\n"));
	assert_int_equal(t->calls[0].ppp.ip4.our, 0x0a4e0002);
	twin_dial(t, 0, 2, 1);
	t->calls[2].name = "u0";
	assert_true(twin_settle(t, 3, 60) || t->calls[2].state == TWIN_ENDED);
	assert_int_equal(t->calls[2].state, TWIN_ENDED);
	assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e0001), nh_make(NH_LOCAL, NH_LOCAL_GATEWAY));
	twin_fini(t);
}

static void
a_user_of_another_protocol_is_refused(void **state)
{
	(void)state;
	twin_init(t, &(struct twin_args){CONF(HOME), 1, 0});
	t->calls[0].name = "u1";
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.auth_failed, 1);
	twin_fini(t);
}

static void
isolation_is_told_to_the_worker(void **state)
{
	(void)state;
	assert_false(told(begin_with_one(CONF(HOME)))->isolate);
	twin_fini(t);
	assert_true(told(begin_with_one(CONF(HOME "isolate = true;\n")))->isolate);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lcp_again_closes_all),
		cmocka_unit_test(ipcp_again_closes_its_gate),
		cmocka_unit_test(negotiating_again_is_bounded),
		cmocka_unit_test(a_call_alone_is_bounded),
		cmocka_unit_test(all_rests_until_the_worker_has_answered),
		cmocka_unit_test(pools_are_discarded),
		cmocka_unit_test(our_own_address_is_never_lent),
		cmocka_unit_test(a_user_of_another_protocol_is_refused),
		cmocka_unit_test(isolation_is_told_to_the_worker),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
