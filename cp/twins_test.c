/* twins_test.c - our client against our server over a link that loses, delays, reorders and duplicates.  For each seed:
 * every call comes up or ends with a cause, and at the end nothing is left: no pool entry, no slot, no name, no route.
 *
 * TWINS_SEEDS sets how many seeds each loss rate gets (1,000 in `check`).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "twin.h"

#define CALLS 8
#define SETTLE_S 400
#define LEAVE_S 200
#define WRONG_PASSWORD 3 /* this call's user has forgotten it */
#define STATIC_IP 6      /* this one has an address of its own */

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
	"authentication = { protocols = [ \"mschap-v2\", \"chap\" ]; local-users = (\n"
	"  { username = \"u0\"; password = \"p\"; }, { username = \"u1\"; password = \"p\"; },\n"
	"  { username = \"u2\"; password = \"p\"; }, { username = \"u3\"; password = \"q\"; },\n"
	"  { username = \"u4\"; password = \"p\"; }, { username = \"u5\"; password = \"p\"; },\n"
	"  { username = \"u6\"; password = \"p\"; static-ip = \"10.78.1.200\"; }, { username = \"u7\"; password = "
	"\"p\"; } ); };\n"
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\"; name-server = [ \"192.0.2.53\" ];\n"
	"max-sessions = 100;\n";

/* Returns how many calls are up; each of them must be whole on both sides. */
static unsigned
check_settled(struct twin *t)
{
	unsigned up = 0;
	for (unsigned i = 0; i < CALLS; i++) {
		struct twin_call *c = &t->calls[i];
		if (c->state == TWIN_ENDED) {
			assert_int_not_equal(c->cause, CAUSE_NONE);
			continue;
		}
		struct session *s = twin_session(t, c->name);
		assert_int_not_equal(i, WRONG_PASSWORD);
		assert_int_equal(s->ip4, c->ppp.ip4.our);
		assert_int_equal(c->ppp.ip4.peer, 0x0a4e0001);
		assert_int_equal(fake_dataplane_nh(&t->fake, s->ip4), nh_session(0, handle_index(s->handle)));
		assert_int_equal(t->fake.sessions[handle_index(s->handle)].set.gates,
				 DP_GATE_AUTHENTICATED | DP_GATE_IP4);
		if (i == STATIC_IP)
			assert_int_equal(s->ip4, 0x0a4e01c8);
		up++;
	}
	return up;
}

/* Some calls are ended by the client, some by the operator, some by a dataplane that finds the peer dead. */
static void
end_some(struct twin *t)
{
	for (unsigned i = 0; i < CALLS; i++) {
		struct session *s = twin_session(t, t->calls[i].name);
		unsigned how = s ? (unsigned)(twin_random(t) % 4) : 3;
		if (how == 0 && t->calls[i].state == TWIN_UP)
			ppp_terminate(&t->calls[i].ppp, CAUSE_USER_REQUEST, t->now);
		if (how == 1)
			session_end(s, CAUSE_ADMIN_RESET, t->now);
		if (how == 2)
			fake_dataplane_dead(&t->fake, s->handle);
	}
}

static void
check_nothing_left(struct twin *t)
{
	struct pool4_counts c = pool4_counts(t->cp->pools, 0);
	assert_int_equal(c.lent, 0);
	assert_int_equal(t->cp->slots[0].in_use, 0);
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(fake_dataplane_subscribers(&t->fake), 0);
	assert_int_equal(t->fake.opened, t->fake.closed);
	assert_int_equal(ifnames_take(&t->cp->ifnames[CONF_L2TP]), 0);
	assert_true(pool4_set_check(t->cp->pools));
}

static unsigned
one_seed(uint64_t seed, unsigned loss_percent)
{
	static struct twin twin;
	struct twin *t = &twin;
	twin_init(t, &(struct twin_args){conf_text, seed, loss_percent});
	twin_dial(t, 0, 0, 4);
	twin_dial(t, 1, 4, 4);
	if (!twin_settle(t, CALLS, SETTLE_S))
		fail_msg("seed %lu loss %u%%: a call is neither up nor ended after %d s", (unsigned long)seed,
			 loss_percent, SETTLE_S);
	unsigned up = check_settled(t);
	if (!loss_percent) {
		assert_int_equal(up, CALLS - 1);
		assert_int_equal(t->cp->ppp_stats.retransmits, 0);
		assert_int_equal(l2tp_stats(t->cp->l2tp)[L2TP_STAT_TX_RETRANSMIT], 0);
	}
	end_some(t);
	twin_run_ms(t, 500);
	cp_shutdown(t->cp, t->now);
	struct mono until = mono_add_s(t->now, LEAVE_S);
	while (!cp_idle(t->cp, t->now) && !mono_reached(t->now, until))
		twin_step(t);
	check_nothing_left(t);
	twin_fini(t);
	return up;
}

static void
seeds(unsigned loss_percent)
{
	const char *n = getenv("TWINS_SEEDS");
	unsigned long count = n ? strtoul(n, NULL, 10) : 100;
	unsigned long up = 0;
	for (unsigned long seed = 1; seed <= count; seed++)
		up += one_seed(seed, loss_percent);
	print_message("loss %2u%%: %lu seeds, %lu of %lu calls came up, the others ended with a cause\n", loss_percent,
		      count, up, count * CALLS);
}

static void
clean_link(void **state)
{
	(void)state;
	seeds(0);
}

static void
loss_5(void **state)
{
	(void)state;
	seeds(5);
}

static void
loss_30(void **state)
{
	(void)state;
	seeds(30);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean_link),
		cmocka_unit_test(loss_5),
		cmocka_unit_test(loss_30),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
