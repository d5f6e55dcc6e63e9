#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "echo.h"
#include "lifecycle.h"
#include "message.h"
#include "path.h"
#include "start.h"
#include "state.h"
#include "wire.h"

#define ACCESS 0
#define MESSAGES_AT_ONCE 8 /* so that what they send fits lc->tx */

static struct whole_worker *
worker_of(struct dataplane *dp)
{
	return (struct whole_worker *)(void *)((char *)dp - offsetof(struct whole_worker, link.base));
}

static void
receive(struct whole_worker *w, struct rte_mbuf *m)
{
	struct vec v = {.n = 1};
	v.p[0] = (struct pkt){.m = m, .iface = ACCESS, .from = FROM_CORE};
	path_run(w->lc, &v);
}

static void
whole_arrive(struct dataplane *dp, const struct fake_packet *p)
{
	struct whole_worker *w = worker_of(dp);
	receive(w, wire_frame(w->lc, ACCESS, p));
}

/* What an answer brings about is taken too: it stands behind the rest. */
static void
take_sent(struct whole_worker *w)
{
	struct tx_queue *q = &w->lc->tx[ACCESS];
	struct fake_packet p;
	for (unsigned i = 0; i < q->n; i++) {
		struct rte_mbuf *answer = wire_arp_answer(w->lc, q->m[i]);
		if (answer)
			receive(w, answer);
		else if (wire_packet(q->m[i], &p))
			twin_wire(w->wire_arg, &p);
	}
	rte_pktmbuf_free_bulk(q->m, q->n);
	q->n = 0;
}

static bool
tell_cp(struct whole_worker *w, struct cp *cp, struct mono now)
{
	const struct byte_ring_rec *rec = dp_recv(w->dp, 0);
	if (!rec)
		return false;
	w->punted[rec->type]++;
	cp_message(cp, rec, now);
	dp_recv_done(w->dp, 0);
	return true;
}

static void
whole_turn(struct dataplane *dp, struct cp *cp, struct mono now)
{
	struct whole_worker *w = worker_of(dp);
	bool more = true;
	w->lc->now = now;
	take_sent(w);
	while (more) {
		more = tell_cp(w, cp, now);
		dp_link_step(&w->link);
		more |= lcore_receive(w->lc, MESSAGES_AT_ONCE) > 0;
		take_sent(w);
	}
	echo_timers(w->lc, 512);
	if (mono_reached(now, w->tick_due)) {
		path_tick(w->lc);
		w->tick_due = mono_add_s(now, 1);
	}
	lifecycle_flush(w->lc);
	take_sent(w);
	dp_step(w->dp, now);
}

static void
iface(struct dp_start *s, unsigned i, const char *name, const char *address)
{
	snprintf(s->ports[i].name, sizeof s->ports[i].name, "p%u", i);
	snprintf(s->ports[i].device, sizeof s->ports[i].device, "net_null%u,no-rx=1", i);
	snprintf(s->ifaces[i].name, sizeof s->ifaces[i].name, "%s", name);
	s->ifaces[i].port = (uint16_t)i;
	s->ifaces[i].mtu = 1500;
	s->ifaces[i].access = i == ACCESS;
	s->ifaces[i].core = i != ACCESS;
	s->ifaces[i].n_addrs = 1;
	assert_true(prefix_parse(address, &s->ifaces[i].addrs[0]));
}

void
whole_start(struct whole_worker *w)
{
	char err[512] = "";
	struct dp_start s = {
		.n_workers = 1,
		.memory_mib = 256,
		.n_ports = 2,
		.n_ifaces = 2,
		.limits = {.sessions = 4096,
			   .adjacencies = 64,
			   .routes = 256,
			   .sub4_blocks = 64,
			   .ring_bytes = 1 << 18,
			   .rx_descs = 256,
			   .tx_descs = 256},
	};
	*w = (struct whole_worker){0};
	iface(&s, ACCESS, "access", "10.77.0.2/24");
	iface(&s, 1, "core", "192.0.2.1/30");
	if (dp_build(&s, &w->dp, err, sizeof err) < 0)
		fail_msg("%s", err);
	w->lc = w->dp->lcores[0];
	dp_link_init(&w->link, w->dp);
	w->worker = (struct twin_worker){&w->link.base, whole_arrive, whole_turn};
}

void
whole_stop(struct whole_worker *w)
{
	path_free(w->lc);
	dp_link_fini(&w->link);
	dp_stop(w->dp);
}

const struct dp_session *
whole_session(const struct whole_worker *w, const struct session *s)
{
	return &w->lc->sessions[handle_index(s->handle)];
}
