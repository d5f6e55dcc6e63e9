/* One session floods the control thread: 100,000 LCP frames a second.  Twenty others log in meanwhile, as if it were not
 * there: the worker's policers stand before everything that costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "punt.h"
#include "worker.h"

#define OTHERS 20
#define CALLS (1 + OTHERS)
#define FRAMES_PER_MS 100
#define AT_LEAST_MS 2000

static struct whole_worker worker, *const w = &worker;
static struct twin twin, *const t = &twin;

static const char *
conf_of(char *text, size_t size)
{
	int n = snprintf(text, size, "%s",
			 WHOLE_CONF("l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"
				    "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n"
				    "default-pool = \"home\"; gateway-address = \"10.78.0.1\"; max-sessions = 100;\n"
				    "authentication = { local-users = ("));
	for (unsigned i = 0; i < CALLS; i++)
		n += snprintf(text + n, size - (size_t)n, "%s{ username = \"u%u\"; password = \"p\"; }", i ? ", " : "",
			      i);
	snprintf(text + n, size - (size_t)n, "); };\n");
	return text;
}

/* What the control thread would have to look at, each of them: an Identification, a code that nobody knows, which asks for
 * a Code-Reject, a Protocol-Reject and an answer to no request. */
static void
flood(unsigned n)
{
	static const uint8_t codes[] = {12, 99, 8, 2};
	const struct l2tp_call *call = t->calls[0].call;
	struct fake_packet p = {.path = call->tunnel->path, .len = 18};
	p.tid = call->tunnel->peer_tid;
	p.sid = call->peer_sid;
	put_be16(p.bytes, 0xc021);
	put_be16(p.bytes + 4, 16);
	for (unsigned i = 0; i < n; i++) {
		p.bytes[2] = codes[i % sizeof codes];
		p.bytes[3] = (uint8_t)i;
		t->worker.arrive(t->worker.dp, &p);
	}
}

static bool
all_in(void)
{
	unsigned in = 0;
	for (unsigned i = 1; i < CALLS; i++)
		in += twin_settled(t, &t->calls[i]);
	return in == OTHERS;
}

/* Runs until all are in, and for AT_LEAST_MS; returns how many frames were sent. */
static uint64_t
log_in_under_flood(void)
{
	struct mono began = t->now, last = t->now;
	uint64_t sent = 0;
	twin_dial(t, 0, 1, OTHERS / 2); /* in the tunnel of the one that floods */
	twin_dial(t, 1, 1 + OTHERS / 2, OTHERS / 2);
	while (!all_in() || mono_since_us(t->now, began) < AT_LEAST_MS * 1000) {
		if (mono_since_us(t->now, began) > 60 * 1000000)
			fail_msg("the others are not in after a minute");
		twin_step(t);
		unsigned n = (unsigned)(mono_since_us(t->now, last) * FRAMES_PER_MS / 1000);
		flood(n);
		sent += n;
		last = t->now;
	}
	return sent;
}

static void
twenty_log_in_beside_a_flood(void **state)
{
	char conf[4096];
	(void)state;
	twin_init(t, &(struct twin_args){conf_of(conf, sizeof conf), 1, 0, &w->worker});
	w->wire_arg = t;
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	struct session *flooder = twin_session(t, "u0");
	uint64_t before = w->punted[DP_MSG_PUNT_PPP];
	struct mono began = t->now;
	uint64_t sent = log_in_under_flood();
	uint64_t passed_ms = (uint64_t)mono_since_us(t->now, began) / 1000;
	assert_true(sent >= AT_LEAST_MS * FRAMES_PER_MS * 9 / 10);

	/* All are in, and none of them had to repeat a word. */
	for (unsigned i = 0; i < CALLS; i++)
		assert_int_equal(t->calls[i].state, TWIN_UP);
	assert_int_equal(t->cp->ppp_stats.retransmits + t->ppp_stats.retransmits, 0);
	assert_int_equal(l2tp_stats(t->cp->l2tp)[L2TP_STAT_TX_RETRANSMIT], 0);
	assert_ptr_equal(twin_session(t, "u0"), flooder);

	/* What was dropped is written down to the one that sent it, in what the operator sees too. */
	struct dp_counters c;
	session_counters(flooder, &c);
	uint64_t heard = sent - c.up_drops;
	assert_in_range(heard, 1, PUNT_SESSION_BURST + passed_ms * PUNT_SESSION_PER_S / 1000 + 1);
	assert_int_equal(c.up_drops, w->lc->stats.drops[DROP_PUNT_POLICED]);
	for (unsigned i = 1; i < CALLS; i++)
		assert_int_equal(whole_session(w, twin_session(t, t->calls[i].name))->up_drops, 0);
	assert_true(w->punted[DP_MSG_PUNT_PPP] - before < heard + OTHERS * 30);
	print_message("%llu frames in %llu ms: %llu reached the control thread\n", (unsigned long long)sent,
		      (unsigned long long)passed_ms, (unsigned long long)heard);
	twin_fini(t);
}

static int
start(void **state)
{
	(void)state;
	whole_start(w);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	whole_stop(w);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(twenty_log_in_beside_a_flood)};
	return cmocka_run_group_tests(tests, start, stop);
}
