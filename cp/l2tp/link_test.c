/* A LAC against an LNS over a link that loses, reorders and duplicates, on a virtual clock. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/sim.h"

#define SEEDS 1000
#define MANY 255

static const struct l2tp_config plain = {.host_name = "a"};
static const struct l2tp_config secret = {.host_name = "a", .secret = "wholesale"};

static void
nothing_left(struct sim *sim)
{
	for (unsigned i = 0; i < 2; i++)
		l2tp_shutdown(sim->end[i].l2tp, sim->now);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(sim->end[i].live_tunnels, 0);
		assert_int_equal(sim->end[i].live_calls, 0);
	}
	assert_true(sim_run_quiet(sim, 120000));
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(l2tp_draining(sim->end[i].l2tp), 0);
}

static void
act(struct sim *sim, struct sim_end *lac, struct sim_end *lns)
{
	uint16_t sid = (uint16_t)(1 + sim_random(sim, 6));
	struct sim_end *e = sim_random(sim, 2) ? lac : lns;
	switch (sim_random(sim, 6)) {
	case 0:
	case 1:
	case 2:
		if (lac->tunnel)
			sim_call_open(lac, lac->tunnel, "5551234");
		break;
	case 3:
		if (e->calls[sid])
			sim_call_close(e, sid, CAUSE_ADMIN_RESET);
		break;
	case 4:
		if (e->tunnel && sim_random(sim, 4) == 0)
			l2tp_tunnel_close(e->l2tp, e->tunnel->our_tid, CAUSE_ADMIN_RESET, sim->now);
		break;
	case 5:
		if (!lac->tunnel)
			sim_tunnel_open(lac, NULL);
		break;
	}
}

/* Every tunnel and call is up or ended with a cause (the books of sim.c), and nothing is left at the end.  Returns how
 * many calls came up at the LAC. */
static unsigned
one_seed(uint64_t seed, unsigned loss)
{
	struct sim sim;
	sim_init(&sim, seed * 101 + loss);
	sim.loss = loss;
	sim.duplicates = loss;
	sim.reorder = loss * 2;
	struct sim_end *lac = sim_end(&sim, 0, seed & 1 ? &secret : &plain);
	struct sim_end *lns = sim_end(&sim, 1, seed & 1 ? &secret : &plain);
	sim_tunnel_open(lac, NULL);
	for (unsigned i = sim_random(&sim, 12); i; i--) {
		act(&sim, lac, lns);
		sim_run_ms(&sim, sim_random(&sim, 2) ? sim_random(&sim, 40) : sim_random(&sim, 4000));
	}
	sim_run_ms(&sim, 70000);
	for (unsigned i = 0; i < 2; i++)
		for (unsigned sid = 1; sid < SIM_CALLS; sid++)
			assert_true(!sim.end[i].calls[sid] || sim.end[i].is_up[sid]);
	if (loss == 0) {
		assert_int_equal(lac->live_calls, lns->live_calls);
		assert_int_equal(l2tp_stats(lac->l2tp)[L2TP_STAT_TX_RETRANSMIT], 0);
		assert_int_equal(l2tp_stats(lns->l2tp)[L2TP_STAT_TX_RETRANSMIT], 0);
	}
	nothing_left(&sim);
	sim_fini(&sim);
	return lac->call_up;
}

static void
seeds(unsigned loss)
{
	unsigned up = 0;
	for (uint64_t seed = 0; seed < SEEDS; seed++)
		up += one_seed(seed, loss);
	print_message("%u %% loss: %u calls came up\n", loss, up);
	assert_true(up > SEEDS);
}

static void
loss_0(void **state)
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

/* A link that comes back lets the tunnel live; one that does not ends everything with its cause. */
static void
silence(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 1);
	struct sim_end *lac = sim_end(&sim, 0, &secret), *lns = sim_end(&sim, 1, &secret);
	sim_call_open(lac, sim_tunnel_open(lac, NULL), NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lac->call_up, 1);
	assert_int_equal(lns->call_up, 1);
	sim.loss = 100;
	sim_run_ms(&sim, 80000); /* Hello at 60 s, then 20 s of its retransmissions */
	assert_int_equal(lac->live_calls, 1);
	assert_true(l2tp_stats(lac->l2tp)[L2TP_STAT_TX_RETRANSMIT] > 0);
	sim.loss = 0;
	sim_run_ms(&sim, 100000);
	assert_int_equal(lac->live_calls, 1);
	assert_int_equal(lns->live_calls, 1);
	sim.loss = 100;
	sim_run_ms(&sim, 120000);
	assert_int_equal(lac->live_calls + lns->live_calls, 0);
	assert_int_equal(lac->call_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(lns->call_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(lns->tunnel_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(l2tp_stats(lns->l2tp)[L2TP_STAT_TUNNELS_TIMEOUT], 1);
	nothing_left(&sim);
	sim_fini(&sim);
}

/* Nobody there: the tunnel and the calls that wait for it end. */
static void
nobody(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 1);
	struct sim_end *lac = sim_end(&sim, 0, &plain);
	sim_end(&sim, 1, &plain);
	sim.loss = 100;
	sim_call_open(lac, sim_tunnel_open(lac, NULL), NULL);
	sim_run_ms(&sim, 46000); /* 1+2+4+8+16 s of retransmissions, and 16 s of waiting for the last */
	assert_int_equal(lac->live_calls, 1);
	sim_run_ms(&sim, 2000);
	assert_int_equal(lac->live_calls, 0);
	assert_int_equal(lac->call_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(lac->tunnel_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(lac->sent, 6);
	assert_int_equal(l2tp_memory(lac->l2tp), 0); /* nothing lingers for the dead */
	nothing_left(&sim);
	sim_fini(&sim);
}

static void
wrong_secret(const struct l2tp_config *lac_config, const struct l2tp_config *lns_config, bool lac_finds_out)
{
	struct sim sim;
	sim_init(&sim, 1);
	struct sim_end *lac = sim_end(&sim, 0, lac_config), *lns = sim_end(&sim, 1, lns_config);
	sim_call_open(lac, sim_tunnel_open(lac, NULL), NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lac->tunnel_set + lns->tunnel_set, 0);
	assert_int_equal(lac->tunnel_down, 1);
	assert_int_equal(lac->call_down, 1);
	assert_int_equal(lac->call_cause, lac_finds_out ? CAUSE_TUNNEL_AUTH : CAUSE_PEER_TUNNEL_CLOSED);
	assert_int_equal(lns->tunnel_down, lns->tunnel_new);
	if (!lac_finds_out && lns->tunnel_new)
		assert_int_equal(lns->tunnel_cause, CAUSE_TUNNEL_AUTH);
	assert_true(l2tp_stats((lac_finds_out ? lac : lns)->l2tp)[L2TP_STAT_TUNNELS_AUTH] == 1);
	nothing_left(&sim);
	sim_fini(&sim);
}

static void
secrets(void **state)
{
	static const struct l2tp_config other = {.secret = "something else"};
	(void)state;
	wrong_secret(&other, &secret, true);  /* the LNS answers the LAC's challenge wrongly */
	wrong_secret(&plain, &secret, true);  /* the LAC cannot answer the LNS's challenge */
	wrong_secret(&secret, &plain, false); /* the LNS cannot answer the LAC's challenge, and refuses */
}

/* Slow start lets a thousand closings through in order; none is lost. */
static void
many_calls(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 3);
	struct sim_end *lac = sim_end(&sim, 0, &plain), *lns = sim_end(&sim, 1, &plain);
	struct l2tp_tunnel *t = sim_tunnel_open(lac, NULL);
	sim.loss = 5;
	for (unsigned i = 1; i <= MANY; i++)
		assert_non_null(sim_call_open(lac, t, NULL));
	assert_null(l2tp_call_open(t, &(struct l2tp_call_open){.sid = 0}, sim.now));
	assert_null(l2tp_call_open(t, &(struct l2tp_call_open){.sid = MANY}, sim.now)); /* taken */
	sim_run_ms(&sim, 60000);
	assert_int_equal(lac->call_up, MANY);
	assert_int_equal(lns->call_up, MANY);
	for (uint16_t sid = 1; sid <= MANY; sid++)
		sim_call_close(lns, sid, CAUSE_ADMIN_RESET);
	sim_run_ms(&sim, 60000);
	assert_int_equal(lac->call_down, MANY);
	assert_int_equal(lac->call_cause, CAUSE_PEER_CALL_CLEARED);
	assert_int_equal(lac->peer_result, cause_row(CAUSE_ADMIN_RESET)->l2tp_result);
	nothing_left(&sim);
	sim_fini(&sim);
}

static void
shutdown_bound(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 3);
	struct sim_end *lac = sim_end(&sim, 0, &plain), *lns = sim_end(&sim, 1, &plain);
	struct l2tp_tunnel *t = sim_tunnel_open(lac, NULL);
	for (unsigned i = 0; i < 100; i++)
		sim_call_open(lac, t, NULL);
	sim_run_ms(&sim, 5000);
	assert_int_equal(lns->call_up, 100);
	for (uint16_t sid = 1; sid <= 100; sid++)
		sim_call_close(lns, sid, CAUSE_SHUTDOWN);
	l2tp_shutdown(lns->l2tp, sim.now);
	assert_int_equal(l2tp_draining(lns->l2tp), 1);
	sim_run_ms(&sim, 500);
	assert_int_equal(l2tp_draining(lns->l2tp), 0);
	assert_int_equal(lac->live_calls + lac->live_tunnels, 0);
	assert_int_equal(lac->tunnel_cause, CAUSE_PEER_TUNNEL_CLOSED);
	assert_non_null(sim_tunnel_open(lac, NULL));
	sim_run_ms(&sim, 500); /* refused, without a tunnel */
	assert_int_equal(lac->live_tunnels, 0);
	assert_int_equal(lns->tunnel_new, 1);
	assert_null(sim_tunnel_open(lns, NULL));
	nothing_left(&sim);
	sim_fini(&sim);
}

static void
close_in_upcall(void **state)
{
	struct sim sim;
	(void)state;
	sim_init(&sim, 4);
	struct sim_end *lac = sim_end(&sim, 0, &plain), *lns = sim_end(&sim, 1, &plain);
	lns->close_when_up = true;
	sim_call_open(lac, sim_tunnel_open(lac, NULL), NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lns->call_up, 1);
	assert_int_equal(lac->call_down, 1);
	lac->close_when_up = true;
	sim_call_open(lac, lac->tunnel, NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lac->live_calls + lns->live_calls, 0);
	nothing_left(&sim);
	sim_fini(&sim);
}

static void
bearer(void **state)
{
	struct sim sim;
	struct bearer_info info;
	char text[ADDR_STRLEN];
	(void)state;
	sim_init(&sim, 4);
	struct sim_end *lac = sim_end(&sim, 0, &plain), *lns = sim_end(&sim, 1, &plain);
	sim_call_open(lac, sim_tunnel_open(lac, NULL), "+49 30 1234567\n");
	sim_run_ms(&sim, 1000);
	struct l2tp_call *c = lns->calls[1];
	assert_non_null(c);
	c->bearer.ops->describe(&c->bearer, &info);
	assert_string_equal(info.type, "l2tp");
	assert_string_equal(info.calling, "+49 30 1234567?");
	assert_string_equal(info.called, "10.0.0.2");
	assert_string_equal(addr_str(&info.peer, text), "10.0.0.1");
	assert_string_equal(addr_str(&info.local, text), "10.0.0.2");
	assert_int_equal(info.peer_port, 1701);
	assert_int_equal(c->bearer.ops->overhead(&c->bearer), 20 + 8 + 8 + 4);
	assert_int_equal(c->tx_bps, 1000);
	assert_int_equal(c->rx_bps, 1000);
	assert_int_equal(lns->frames, 1);
	assert_string_equal(c->tunnel->peer_name, "a");
	assert_string_equal(c->tunnel->peer_vendor, "Millrace");
	const struct l2tp_tunnel *t = l2tp_tunnel_next(lns->l2tp, 0);
	assert_ptr_equal(t, c->tunnel);
	assert_null(l2tp_tunnel_next(lns->l2tp, t->our_tid));
	nothing_left(&sim);
	sim_fini(&sim);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loss_0),     cmocka_unit_test(loss_5),         cmocka_unit_test(loss_30),
		cmocka_unit_test(silence),    cmocka_unit_test(nobody),         cmocka_unit_test(secrets),
		cmocka_unit_test(many_calls), cmocka_unit_test(shutdown_bound), cmocka_unit_test(close_in_upcall),
		cmocka_unit_test(bearer),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
