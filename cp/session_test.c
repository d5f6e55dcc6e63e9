/* session_test.c - the life of a subscriber, case by case, with our own client on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admission.h"
#include "twin.h"

#define CONF(extra)                                                                                                    \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"                                                 \
	"authentication = { protocols = [ \"mschap-v2\", \"chap\" ]; local-users = (\n"                                \
	"  { username = \"u0\"; password = \"p\"; }, { username = \"u1\"; password = \"p\"; },\n"                      \
	"  { username = \"u2\"; password = \"p\"; disable = true; },\n"                                                \
	"  { username = \"u3\"; password = \"p\"; static-ip = \"10.78.1.77\"; } ); };\n"                               \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n" extra

#define HOME "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 100;\n"
#define ONE_ADDRESS "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.5/32\" ]; } ); max-sessions = 100;\n"

static struct twin twin, *const t = &twin;

static void
begin(const char *conf)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
}

static void
check_empty(void)
{
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(t->cp->slots[0].in_use, 0);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 0);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
}

static void
dial_one(void)
{
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
}

static void
wrong_password_leaves_nothing(void **state)
{
	(void)state;
	begin(CONF(HOME));
	t->calls[0].password = "guess";
	dial_one();
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	twin_run_ms(t, 1000);
	assert_int_equal(t->cp->stats.auth_failed, 1);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	check_empty();
	twin_fini(t);
}

static void
unknown_and_disabled_users_are_refused(void **state)
{
	(void)state;
	begin(CONF(HOME));
	t->calls[0].name = "nobody";
	t->calls[1].name = "u2";
	twin_dial(t, 0, 0, 2);
	assert_true(twin_settle(t, 2, 60));
	twin_run_ms(t, 1000);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 2);
	check_empty();
	twin_fini(t);
}

static void
a_domain_before_the_name_is_left_out(void **state)
{
	(void)state;
	begin(CONF(HOME));
	t->calls[0].name = "OFFICE\\u0";
	dial_one();
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_fini(t);
}

static void
an_empty_pool_refuses_with_its_cause(void **state)
{
	(void)state;
	begin(CONF(ONE_ADDRESS));
	dial_one();
	assert_int_equal(t->calls[0].ppp.ip4.our, 0x0a4e0105);
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	twin_run_ms(t, 1000);
	assert_int_equal(t->cp->stats.ended[CAUSE_NO_ADDRESS], 1);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 1);
	twin_fini(t);
}

static void
a_static_address_has_one_holder(void **state)
{
	(void)state;
	begin(CONF(HOME));
	t->calls[0].name = t->calls[1].name = "u3";
	dial_one();
	assert_int_equal(t->calls[0].ppp.ip4.our, 0x0a4e014d);
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	twin_run_ms(t, 1000);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_ADDRESS_IN_USE], 1);
	assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e014d), nh_session(0, 1));
	twin_fini(t);
}

/* Outside of all pools too, whoever asks first: both prove themselves before either has a route. */
static void
a_static_address_outside_the_pools_has_one_holder(void **state)
{
	(void)state;
	begin(CONF("client-ip-pool = ( { name = \"home\"; range = [ \"10.78.2.0/24\" ]; } );\n"));
	for (unsigned round = 0; round < 2; round++) {
		unsigned first = 2 * round;
		t->calls[first].name = t->calls[first + 1].name = "u3";
		twin_dial(t, 0, first, 2);
		assert_true(twin_settle(t, first + 2, 60));
		assert_true((t->calls[first].state == TWIN_UP) != (t->calls[first + 1].state == TWIN_UP));
		struct session *s = twin_session(t, "u3");
		assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e014d), nh_session(0, handle_index(s->handle)));
		session_end(s, CAUSE_ADMIN_RESET, t->now);
		twin_run_ms(t, 5000);
		assert_int_equal(fake_dataplane_nh(&t->fake, 0x0a4e014d), NH_NONE);
		check_empty();
	}
	assert_int_equal(t->cp->stats.ended[CAUSE_ADDRESS_IN_USE], 2);
	twin_fini(t);
}

/* A session keeps the name under which it was up, whatever its peer claims afterwards. */
static void
a_false_name_is_not_taken_over(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	struct session *s = twin_session(t, "u0");
	assert_non_null(s);
	struct ppp_auth_request req = {.method = PPP_AUTH_PAP, .name = "u1", .response = (const uint8_t *)"no"};
	req.response_len = 2;
	admission_request(s, &req, t->now);
	assert_string_equal(s->username, "u0");
	assert_int_equal(t->cp->stats.auth_failed, 1);
	twin_fini(t);
}

static void
arp_flood(void)
{
	const struct dp_eth_path path = {.ether_type = 0x0806};
	uint8_t p[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2};
	put_be32(p + 24, 0x0a4d0002);
	for (uint32_t i = 100; i < 130; i++) {
		put_be32(p + 14, 0x0a4d0000 + i);
		neigh_input(&t->cp->neigh, &path, p, sizeof p, t->now);
	}
}

/* Sessions hold the index of their peer's adjacency: it must stay that peer's while they live, whoever floods the link
 * and whether or not the neighbour has a route of its own. */
static void
a_tunnels_neighbour_stays_while_it_lives(void **state)
{
	(void)state;
	const struct prefix host = {addr_from_ip4(0x0a4d0001), 32};
	begin(CONF(HOME));
	t->cp->neigh.max = 4;
	for (unsigned own_route = 0; own_route < 2; own_route++) {
		int adj = neigh_pin(&t->cp->neigh, 0, &host.addr, t->now);
		if (own_route)
			t->fake.base.ops->route_set(&t->fake.base, DP_TABLE_ACCESS, &host,
						    nh_make(NH_ADJ, (uint32_t)adj));
		twin_dial(t, own_route, own_route, 1);
		assert_true(twin_settle(t, own_route + 1, 60));
		neigh_unpin(&t->cp->neigh, 0, &host.addr, t->now);
		arp_flood();
		assert_int_equal(neigh_adj(&t->cp->neigh, 0, &host.addr), adj);
		session_end(twin_session(t, "u0") ? twin_session(t, "u0") : twin_session(t, "u1"), CAUSE_ADMIN_RESET,
			    t->now);
		twin_run_ms(t, 20000); /* the tunnel is idle, then closed */
		arp_flood();
		assert_int_equal(neigh_adj(&t->cp->neigh, 0, &host.addr), -2);
	}
	twin_fini(t);
}

/* One peer that begins calls and says no more leaves room for the calls of another. */
static void
one_peer_does_not_keep_the_others_out(void **state)
{
	(void)state;
	begin(CONF(HOME "max-concurrent-sessions = 10;\n"));
	struct session_offer greedy = {CONF_L2TP, 0, 0, addr_from_ip4(0x0a4d0063)}, other = greedy;
	struct session *s[12];
	enum cause cause;
	unsigned n = 0;
	while (n < 10 && (s[n] = session_new(t->cp, &greedy, t->now, &cause)))
		n++;
	assert_int_equal(n, 8);
	assert_int_equal(cause, CAUSE_NO_RESOURCES);
	other.peer = addr_from_ip4(0x0a4d0064);
	assert_non_null(s[n++] = session_new(t->cp, &other, t->now, &cause));
	/* What is no longer in set-up does not count, and what is again does. */
	dial_one();
	assert_int_equal(t->calls[0].state, TWIN_UP);
	struct session *up = twin_session(t, "u0");
	assert_int_equal(share_held(&t->cp->starting_of, &up->info.peer), 0);
	assert_int_equal(t->cp->starting_of.held, 9);
	for (unsigned i = 0; i < n; i++)
		session_end(s[i], CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(t->cp->starting_of.held, 0);
	twin_fini(t);
}

static void
max_sessions_is_the_edge(void **state)
{
	(void)state;
	begin(CONF("client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } ); max-sessions = 1;\n"));
	twin_dial(t, 0, 0, 2);
	assert_true(twin_settle(t, 2, 60));
	unsigned in = t->calls[1].state == TWIN_UP; /* one of the two */
	assert_int_equal(t->calls[in].state, TWIN_UP);
	assert_int_equal(t->calls[!in].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.calls_refused, 1);
	session_end(twin_session(t, t->calls[in].name), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	check_empty();
	twin_dial(t, 0, 2, 1); /* there is room again: that user is disabled, but the call is taken */
	assert_true(twin_settle(t, 3, 60));
	assert_int_equal(t->cp->stats.calls_refused, 1);
	twin_fini(t);
}

static void
a_soft_shutdown_takes_no_new_call(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	cp_refuse(t->cp, true);
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_fini(t);
}

static void
a_silent_client_is_given_up(void **state)
{
	(void)state;
	begin(CONF(HOME));
	t->calls[0].mute = true;
	twin_dial(t, 0, 0, 1);
	twin_run_ms(t, 120000);
	assert_int_equal(t->cp->stats.sessions_started, 0);
	assert_int_equal(t->cp->stats.ended[CAUSE_SET_UP_TIMEOUT] + t->cp->stats.ended[CAUSE_LCP_TIMEOUT] +
				 t->cp->stats.ended[CAUSE_USER_REQUEST] + t->cp->stats.ended[CAUSE_PEER_CALL_CLEARED],
			 1);
	check_empty();
	twin_fini(t);
}

static void
the_first_cause_stands(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	struct session *s = twin_session(t, "u0");
	t->calls[0].mute = true; /* so that the end takes its time */
	session_end(s, CAUSE_SESSION_TIMEOUT, t->now);
	session_end(s, CAUSE_ADMIN_RESET, t->now);
	fake_dataplane_dead(&t->fake, s->handle);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0); /* its route goes first */
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 1);   /* its address last */
	twin_run_ms(t, 20000);
	assert_int_equal(t->cp->stats.ended[CAUSE_SESSION_TIMEOUT], 1);
	check_empty();
	twin_fini(t);
}

static void
a_hard_end_does_not_wait(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	t->calls[0].mute = true;
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(t->cp->finishing, 1); /* until the worker has answered */
	fake_dataplane_deliver(&t->fake, t->cp, t->now);
	check_empty();
	twin_run_ms(t, 1000); /* the CDN arrives */
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	twin_fini(t);
}

static void
a_hard_end_hurries_a_soft_one(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	struct session *s = twin_session(t, "u0");
	t->calls[0].mute = true;
	session_end(s, CAUSE_IDLE_TIMEOUT, t->now);
	session_end_hard(s, CAUSE_ADMIN_RESET, t->now);
	fake_dataplane_deliver(&t->fake, t->cp, t->now);
	assert_int_equal(t->cp->stats.ended[CAUSE_IDLE_TIMEOUT], 1);
	check_empty();
	twin_fini(t);
}

/* SESSION_CLOSED, to be addressed by the caller. */
static struct byte_ring_rec *
closed_record(void)
{
	alignas(16) static uint8_t bytes[sizeof(struct byte_ring_rec) + sizeof(struct dp_counters)];
	struct byte_ring_rec *rec = (void *)bytes;
	*rec = (struct byte_ring_rec){.type = DP_MSG_SESSION_CLOSED, .len = sizeof(struct dp_counters)};
	return rec;
}

static void
messages_of_a_gone_session_do_nothing(void **state)
{
	struct byte_ring_rec *rec = closed_record();
	(void)state;
	begin(CONF(HOME));
	dial_one();
	uint64_t handle = twin_session(t, "u0")->handle;
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	fake_dataplane_deliver(&t->fake, t->cp, t->now);
	uint64_t stale = t->cp->stats.punts_stale;
	rec->handle = handle;
	cp_message(t->cp, rec, t->now);
	rec->type = DP_MSG_SESSION_DEAD;
	cp_message(t->cp, rec, t->now);
	rec->handle = handle_make(200, 1, 1); /* a core that does not exist */
	cp_message(t->cp, rec, t->now);
	assert_int_equal(t->cp->stats.punts_stale, stale + 3);
	rec->type = DP_MSG_SESSION_OPEN; /* not for us */
	cp_message(t->cp, rec, t->now);
	rec->type = 999;
	cp_message(t->cp, rec, t->now);
	rec->type = DP_MSG_RESOLVE;
	rec->len = 1; /* too short */
	cp_message(t->cp, rec, t->now);
	assert_int_equal(t->cp->stats.messages_unknown, 3);
	check_empty();
	twin_fini(t);
}

/* SESSION_CLOSED for a session that nobody closed is no reason to believe it. */
static void
an_unasked_closed_is_ignored(void **state)
{
	struct byte_ring_rec *rec = closed_record();
	(void)state;
	begin(CONF(HOME));
	dial_one();
	rec->handle = twin_session(t, "u0")->handle;
	cp_message(t->cp, rec, t->now);
	assert_non_null(twin_session(t, "u0"));
	twin_fini(t);
}

static void
a_dead_peer_is_told_and_let_go(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	t->calls[0].mute = true;
	fake_dataplane_dead(&t->fake, twin_session(t, "u0")->handle);
	twin_run_ms(t, 20000);
	assert_int_equal(t->cp->stats.ended[CAUSE_ECHO_FAILURE], 1);
	check_empty();
	twin_fini(t);
}

static void
the_tunnel_takes_its_calls_along(void **state)
{
	(void)state;
	begin(CONF(HOME));
	twin_dial(t, 0, 0, 2);
	assert_true(twin_settle(t, 2, 60));
	assert_true(
		l2tp_tunnel_close(t->cp->l2tp, l2tp_tunnel_next(t->cp->l2tp, 0)->our_tid, CAUSE_ADMIN_RESET, t->now));
	twin_run_ms(t, 1000);
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.sessions_ended, 2);
	check_empty();
	twin_fini(t);
}

/* The order that design of the opening demands, as the worker sees it. */
static struct {
	const struct dataplane_ops *real;
	unsigned step, gate_at, route_at, ack_at, close_at, withdrawn_at;
	struct dataplane_ops ops;
} watched;

static void
watch_send(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra,
	   size_t extra_len)
{
	const uint8_t *frame = extra;
	const struct dp_session_set *set = payload;
	watched.step++;
	if (type == DP_MSG_SESSION_SET && set->what & DP_SET_GATES && set->gates & DP_GATE_IP4)
		watched.gate_at = watched.step;
	if (type == DP_MSG_FRAME_PPP && be16(frame) == PPP_IPCP && frame[2] == 2)
		watched.ack_at = watched.step;
	if (type == DP_MSG_SESSION_CLOSE)
		watched.close_at = watched.step;
	watched.real->send(d, type, handle, payload, extra, extra_len);
}

static int
watch_sub4_set(struct dataplane *d, uint32_t ip4, uint32_t nh)
{
	watched.step++;
	if (nh_is_session(nh))
		watched.route_at = watched.step;
	else
		watched.withdrawn_at = watched.step;
	return watched.real->sub4_set(d, ip4, nh);
}

static void
gate_and_route_come_before_the_ack(void **state)
{
	(void)state;
	begin(CONF(HOME));
	watched.real = t->fake.base.ops;
	watched.ops = *watched.real;
	watched.ops.send = watch_send;
	watched.ops.sub4_set = watch_sub4_set;
	t->fake.base.ops = &watched.ops;
	dial_one();
	assert_true(watched.gate_at && watched.gate_at < watched.route_at && watched.route_at < watched.ack_at);
	assert_int_equal(watched.close_at, 0);
	session_end(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	assert_true(watched.withdrawn_at > watched.ack_at && watched.withdrawn_at < watched.close_at);
	twin_fini(t);
}

static void
the_same_user_gets_the_same_address_again(void **state)
{
	(void)state;
	begin(CONF(HOME));
	dial_one();
	uint32_t first = t->calls[0].ppp.ip4.our;
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	t->calls[1].name = "u0";
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[1].ppp.ip4.our, first);
	twin_fini(t);
}

#define REPLACE "single-session = \"replace\";\n"

static void
dial_twice(const char *second_name)
{
	t->calls[0].name = "u0";
	t->calls[1].name = second_name;
	dial_one();
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_dial(t, 0, 1, 1);
}

static void
a_newer_login_replaces_the_older(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	dial_twice("u0");
	uint32_t address = t->calls[0].ppp.ip4.our;
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->calls[1].state, TWIN_UP);
	assert_int_equal(t->calls[1].ppp.ip4.our, address);
	assert_int_equal(t->cp->stats.ended[CAUSE_REPLACED], 1);
	assert_int_equal(cp_sessions(t->cp), 1);
	twin_fini(t);
}

/* The older one is complete before the newer one is told that it may come in. */
static void
the_replaced_one_is_gone_first(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	t->calls[0].mute = false;
	dial_twice("u0");
	struct session *old = twin_session(t, "u0");
	t->calls[0].mute = true; /* its peer does not answer */
	struct mono began = t->now;
	while (!fake_dataplane_subscribers(&t->fake) || twin_session(t, "u0") == old) {
		twin_step(t);
		assert_true(mono_since_us(t->now, began) < 10000000);
		if (t->cp->stats.ended[CAUSE_REPLACED] == 0)
			assert_int_equal(t->cp->stats.auth_ok, 1);
	}
	assert_true(twin_settle(t, 2, 60));
	assert_in_range(mono_since_us(t->now, began) / 1000, 1000, 4000); /* a second for its leave */
	assert_int_equal(t->calls[1].state, TWIN_UP);
	twin_fini(t);
}

static void
three_logins_leave_one(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	t->calls[0].name = t->calls[1].name = t->calls[2].name = t->calls[3].name = "u0";
	twin_dial(t, 0, 0, 4);
	assert_true(twin_settle(t, 4, 60));
	twin_run_ms(t, 10000);
	unsigned up = 0;
	for (unsigned i = 0; i < 4; i++)
		up += t->calls[i].state == TWIN_UP;
	assert_int_equal(up, 1);
	assert_int_equal(cp_sessions(t->cp), 1);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 1);
	twin_fini(t);
}

static void
a_static_address_moves_to_the_newer(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	t->calls[0].name = t->calls[1].name = "u3";
	dial_one();
	twin_dial(t, 0, 1, 1);
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[1].state, TWIN_UP);
	assert_int_equal(t->calls[1].ppp.ip4.our, 0x0a4e014d);
	assert_int_equal(t->cp->stats.ended[CAUSE_ADDRESS_IN_USE], 0);
	twin_fini(t);
}

static void
a_newer_login_is_denied(void **state)
{
	(void)state;
	begin(CONF(HOME "single-session = \"deny\";\n"));
	dial_twice("u0");
	assert_true(twin_settle(t, 2, 60));
	twin_run_ms(t, 1000);
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_ALREADY_ONLINE], 1);
	session_end_hard(twin_session(t, "u0"), CAUSE_ADMIN_RESET, t->now);
	twin_run_ms(t, 1000);
	t->calls[2].name = "u0";
	twin_dial(t, 0, 2, 1); /* and let in when the other has gone */
	assert_true(twin_settle(t, 3, 60));
	assert_int_equal(t->calls[2].state, TWIN_UP);
	twin_fini(t);
}

static void
others_are_not_replaced(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	dial_twice("u1");
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(cp_sessions(t->cp), 2);
	twin_fini(t);
}

static void
a_wrong_password_replaces_nobody(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	t->calls[1].password = "guess";
	dial_twice("u0");
	assert_true(twin_settle(t, 2, 60));
	assert_int_equal(t->calls[0].state, TWIN_UP);
	assert_int_equal(t->calls[1].state, TWIN_ENDED);
	twin_fini(t);
}

static void
a_waiting_login_may_end(void **state)
{
	(void)state;
	begin(CONF(HOME REPLACE));
	dial_twice("u0");
	t->calls[0].mute = true;
	while (t->calls[1].state != TWIN_RUNNING || t->cp->finishing == 0)
		twin_step(t);
	cp_shutdown_hard(t->cp, t->now); /* both, while one waits for the other */
	twin_run_ms(t, 5000);
	check_empty();
	assert_null(t->cp->online);
	twin_fini(t);
}

static void
causes_are_whole(void **state)
{
	(void)state;
	for (unsigned c = CAUSE_NONE + 1; c < CAUSE_COUNT; c++) {
		const struct cause_row *row = cause_row((enum cause)c);
		assert_true(*row->name && *row->text);
		assert_in_range(row->acct, 1, 18);
		assert_in_range(row->l2tp_result, 1, 11);
		assert_in_range(row->pptp_result, 1, 4);
		if (row->l2tp_error)
			assert_true(row->l2tp_result == 2 || row->l2tp_result == 4);
	}
	assert_ptr_equal(cause_row((enum cause)9999), cause_row(CAUSE_NONE));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_password_leaves_nothing),
		cmocka_unit_test(unknown_and_disabled_users_are_refused),
		cmocka_unit_test(a_domain_before_the_name_is_left_out),
		cmocka_unit_test(an_empty_pool_refuses_with_its_cause),
		cmocka_unit_test(a_static_address_has_one_holder),
		cmocka_unit_test(a_static_address_outside_the_pools_has_one_holder),
		cmocka_unit_test(a_false_name_is_not_taken_over),
		cmocka_unit_test(a_tunnels_neighbour_stays_while_it_lives),
		cmocka_unit_test(one_peer_does_not_keep_the_others_out),
		cmocka_unit_test(max_sessions_is_the_edge),
		cmocka_unit_test(a_soft_shutdown_takes_no_new_call),
		cmocka_unit_test(a_silent_client_is_given_up),
		cmocka_unit_test(the_first_cause_stands),
		cmocka_unit_test(a_hard_end_does_not_wait),
		cmocka_unit_test(a_hard_end_hurries_a_soft_one),
		cmocka_unit_test(messages_of_a_gone_session_do_nothing),
		cmocka_unit_test(an_unasked_closed_is_ignored),
		cmocka_unit_test(a_dead_peer_is_told_and_let_go),
		cmocka_unit_test(the_tunnel_takes_its_calls_along),
		cmocka_unit_test(gate_and_route_come_before_the_ack),
		cmocka_unit_test(the_same_user_gets_the_same_address_again),
		cmocka_unit_test(a_newer_login_replaces_the_older),
		cmocka_unit_test(the_replaced_one_is_gone_first),
		cmocka_unit_test(three_logins_leave_one),
		cmocka_unit_test(a_static_address_moves_to_the_newer),
		cmocka_unit_test(a_newer_login_is_denied),
		cmocka_unit_test(others_are_not_replaced),
		cmocka_unit_test(a_wrong_password_replaces_nobody),
		cmocka_unit_test(a_waiting_login_may_end),
		cmocka_unit_test(causes_are_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
