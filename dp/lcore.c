#include "lcore.h"

#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>

#include "echo.h"
#include "lifecycle.h"
#include "message.h"
#include "path.h"

#define MESSAGE_QUOTA 64
#define TIMER_QUOTA 512
#define EMPTY_ROUNDS 1000 /* without work, before the first nap */
#define NAP_NS 50000

static void thread_settle(void);
static void read_clock(struct lcore *lc) ON_LCORE;
static unsigned receive(struct lcore *lc) ON_LCORE;
static unsigned receive_port(struct lcore *lc, unsigned port) ON_LCORE;
static unsigned receive_handed_over(struct lcore *lc) ON_LCORE;
static void nap(struct lcore *lc) ON_LCORE;

int
lcore_main(void *arg)
{
	struct lcore *lc = arg;
	struct tables *t = lc->tables;
	role_assume_lcore();
	thread_settle();
	rte_rcu_qsbr_thread_register(t->qsbr, lc->index);
	rte_rcu_qsbr_thread_online(t->qsbr, lc->index);
	while (!atomic_load_explicit(&t->stop, memory_order_relaxed)) {
		read_clock(lc);
		bool busy = lcore_turn(lc);
		rte_rcu_qsbr_quiescent(t->qsbr, lc->index);
		lc->empty_rounds = busy ? 0 : lc->empty_rounds + 1;
		if (unlikely(lc->empty_rounds >= EMPTY_ROUNDS))
			nap(lc);
	}
	path_free(lc);
	rte_rcu_qsbr_thread_offline(t->qsbr, lc->index);
	rte_rcu_qsbr_thread_unregister(t->qsbr, lc->index);
	return 0;
}

/* thread_settle: of all signals a worker takes those that net_tap rings with, which also end a nap early (dp.h); and a nap
 * of 50 us shall not become one of 100. */
static void
thread_settle(void)
{
	sigset_t real_time;
	sigemptyset(&real_time);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(&real_time, sig);
	pthread_sigmask(SIG_UNBLOCK, &real_time, NULL);
	prctl(PR_SET_TIMERSLACK, 1000);
}

/* read_clock: the one place; time never goes back, whatever MAIN's corrections and other cores' counters say. */
static void
read_clock(struct lcore *lc)
{
	tsc_clock_read(&lc->tables->clock, &lc->tsc, &lc->tsc_seen);
	struct mono now = tsc_to_mono(&lc->tsc, rte_rdtsc());
	if (now.us > lc->now.us)
		lc->now = now;
}

bool
lcore_turn(struct lcore *lc)
{
	lc->stage_cycles_on = atomic_load_explicit(&lc->tables->stage_cycles, memory_order_relaxed);
	unsigned work = lcore_receive(lc, MESSAGE_QUOTA);
	work += receive(lc);
	echo_timers(lc, TIMER_QUOTA);
	path_overdue(lc, TIMER_QUOTA);
	if (unlikely(mono_reached(lc->now, lc->tick_due))) {
		path_tick(lc);
		lc->tick_due = mono_add_s(lc->now, 1);
	}
	if (lc->tcp)
		work += path_streams(lc);
	path_flush(lc);
	if (unlikely(lc->pending_first != SLOT_NONE))
		lifecycle_flush(lc);
	lc->stats.loops++;
	lc->stats.busy_loops += work != 0;
	return work != 0;
}

static unsigned
receive(struct lcore *lc)
{
	unsigned n = 0;
	for (unsigned port = 0; port < lc->n_ports; port++)
		if (lc->port_rx[port])
			n += receive_port(lc, port);
	return n + (lc->n_workers > 1 ? receive_handed_over(lc) : 0);
}

static unsigned
receive_port(struct lcore *lc, unsigned port)
{
	struct rte_mbuf *m[VEC_MAX];
	struct vec v;
	uint64_t began = lc->stage_cycles_on ? rte_rdtsc() : 0;
	unsigned n = rte_eth_rx_burst(lc->port_id[port], lc->port_rx_queue[port], m, VEC_MAX);
	if (!n)
		return 0;
	v.n = n;
	for (unsigned i = 0; i < n; i++) {
		rte_prefetch0(rte_pktmbuf_mtod(m[i], void *));
		v.p[i] = (struct pkt){.m = m[i], .iface = (uint16_t)port, .from = FROM_CORE};
	}
	lc->stats.stage[STAGE_RX].calls++;
	lc->stats.stage[STAGE_RX].packets += n;
	if (lc->stage_cycles_on)
		lc->stats.stage[STAGE_RX].cycles += rte_rdtsc() - began;
	path_run(lc, &v);
	return n;
}

static unsigned
receive_handed_over(struct lcore *lc)
{
	unsigned total = 0;
	for (unsigned from = 0; from < lc->n_workers; from++) {
		struct rte_mbuf *m[VEC_MAX];
		struct vec v;
		if (from == lc->index)
			continue;
		v.n = rte_ring_sc_dequeue_burst(lc->handover_in[from], (void **)m, VEC_MAX, NULL);
		for (unsigned i = 0; i < v.n; i++)
			v.p[i] = (struct pkt){.m = m[i]};
		total += v.n;
		if (v.n)
			path_handed_over(lc, &v);
	}
	return total;
}

/* nap: MAIN need not wait for a sleeper's grace period.  A worker that must not sleep goes on. */
static void
nap(struct lcore *lc)
{
	static const struct timespec t = {.tv_nsec = NAP_NS};
	lc->empty_rounds = EMPTY_ROUNDS;
	if (!lc->nap)
		return;
	lc->stats.naps++;
	rte_rcu_qsbr_thread_offline(lc->tables->qsbr, lc->index);
	nanosleep(&t, NULL);
	rte_rcu_qsbr_thread_online(lc->tables->qsbr, lc->index);
}
