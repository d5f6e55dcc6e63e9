/* init-only file */
#include <rte_malloc.h>
#include <rte_random.h>

#include "conn.h"

#define ACTIVE_MAX 8192   /* sessions with a backlog at once */
#define FAILURES_PER_S 20 /* lines of log about handshakes */

static struct tls_core_conf
tls_conf_of(const struct conns_start *s)
{
	return (struct tls_core_conf){
		.connections = s->conns,
		.max_handshakes = s->max_handshakes,
		.handshake_rate = s->handshake_rate,
		.cryptodev = s->by_device ? s->cryptodev : -1,
		.queue_pair = (uint16_t)s->lcore,
		.socket = s->socket,
		.mbufs = s->pool,
		.offload = s->offload,
		.core = s->lcore,
	};
}

/* Sessions with a backlog at once, and what all of them may hold: 40 of 100 buffers. */
static void
queue_sizes(const struct conns_start *s, uint32_t *sessions, uint32_t *packets)
{
	*sessions = RTE_MIN(s->conns, (uint32_t)ACTIVE_MAX);
	*packets = s->mbufs / 5 * 2;
}

size_t
conns_bytes(const struct conns_start *s)
{
	struct tls_core_conf tls = tls_conf_of(s);
	uint32_t sessions, packets;
	queue_sizes(s, &sessions, &packets);
	return sizeof(struct conns) + s->conns * sizeof(struct conn) + queues_bytes(sessions, packets) +
	       (s->offload ? tls_core_bytes(&tls) : 0);
}

struct conns *
conns_new(const struct conns_start *s)
{
	char err[128];
	struct tls_core_conf tls = tls_conf_of(s);
	uint32_t sessions, packets;
	queue_sizes(s, &sessions, &packets);
	struct conns *cs = rte_zmalloc_socket("conns", sizeof *cs, 64, s->socket);
	void *queues = rte_zmalloc_socket("queues", queues_bytes(sessions, packets), 64, s->socket);
	if (cs) {
		cs->queues = queues;
		cs->conn = rte_zmalloc_socket("conn", s->conns * sizeof *cs->conn, 64, s->socket);
		cs->tls = s->offload ? tls_core_new(&tls, err, sizeof err) : NULL;
	}
	if (!cs || !queues || !cs->conn || (s->offload && !cs->tls)) {
		conns_free(cs);
		return NULL;
	}
	cs->queues = queues_init(queues, sessions, packets, s->drops, rte_rand());
	cs->n = s->conns;
	cs->waiting_max = s->mbufs / 10;
	cs->handshakes_max = s->max_handshakes && s->max_handshakes < s->conns ? s->max_handshakes : s->conns;
	cs->sources.key = rte_rand() | 1;
	cs->strangers_max = RTE_MAX(sessions / 4, 1u);
	cs->work_first = cs->work_last = CONN_NONE;
	for (uint32_t i = 0; i < cs->n; i++) {
		cs->conn[i].generation = 1;
		cs->conn[i].next = i + 1 < cs->n ? i + 1 : CONN_NONE;
	}
	return cs;
}

void
conns_wire(struct lcore *lc)
{
	struct conns *cs = lc->conns;
	cs->tcp = lc->tcp;
	wheel_init(&cs->wheel, cs->wheel_slots, CONN_WHEEL_SLOTS, CONN_WHEEL_TICK_US, lc->now);
	policer_init(&cs->failures, FAILURES_PER_S, lc->now);
}

void
conns_free(struct conns *cs)
{
	if (!cs)
		return;
	if (cs->tls)
		tls_core_free(cs->tls);
	rte_free(cs->queues);
	rte_free(cs->conn);
	rte_free(cs);
}
