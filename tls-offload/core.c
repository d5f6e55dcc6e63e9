/* core.c - a worker core's memory, and its queues. */
#include "core.h"

#include <stdio.h>
#include <string.h>

#include <rte_malloc.h>

#include "engine.h"

#define KEYS_DEFAULT 16384
#define KEYS_MIN (4 * TLS_BATCH)
#define RECORDS_DEFAULT 1024
#define RECORDS_MIN (2 * TLS_BATCH)
#define DRAIN_TRIES 1000000

static struct tls_core_conf completed(const struct tls_core_conf *conf);
static bool core_tables(struct tls_core *core);
static void core_lists(struct tls_core *core);
static bool core_engines(struct tls_core *core, char *err, size_t err_len) INIT_ONLY;
static void core_drain(struct tls_core *core);

/* --- start ------------------------------------------------------------------------------------------------------- */

static uint32_t
at_least(uint32_t value, uint32_t least)
{
	return value > least ? value : least;
}

static uint32_t
power_of_two(uint32_t n)
{
	uint32_t p = 1;
	while (p < n)
		p <<= 1;
	return p;
}

/* completed: with the defaults of fields that are 0. */
static struct tls_core_conf
completed(const struct tls_core_conf *conf)
{
	struct tls_core_conf c = *conf;
	uint32_t keys = c.key_cache ? c.key_cache : KEYS_DEFAULT;
	if (!c.key_cache && 2 * c.connections < keys)
		keys = 2 * c.connections;
	c.key_cache = at_least(keys, KEYS_MIN);
	c.records = at_least(c.records ? c.records : RECORDS_DEFAULT, RECORDS_MIN);
	if (!c.max_handshakes || c.max_handshakes > c.connections)
		c.max_handshakes = c.connections;
	return c;
}

size_t
tls_core_bytes(const struct tls_core_conf *conf)
{
	struct tls_core_conf c = completed(conf);
	return sizeof(struct tls_core) + (size_t)c.connections * sizeof(struct tls_conn) +
	       c.records * (sizeof(struct tls_op) + sizeof(uint32_t)) + 2 * power_of_two(c.records) * sizeof(uint32_t) +
	       TLS_EVENTS * sizeof(struct tls_queued_event) + software_bytes(c.key_cache);
}

struct tls_core *
tls_core_new(const struct tls_core_conf *conf, char *err, size_t err_len)
{
	struct tls_core *core = rte_zmalloc_socket("tls", sizeof *core, 64, conf->socket);
	snprintf(err, err_len, "no memory for %u TLS connections", conf->connections);
	if (!core)
		return NULL;
	core->conf = completed(conf);
	core->rekey_after = 1 << 24;
	if (conf->offload)
		core->link = tls_offload_links(conf->offload, conf->core, &core->n_links);
	if (!conf->connections || conf->connections > 1 << 24 || !core_tables(core) ||
	    !core_engines(core, err, err_len)) {
		tls_core_free(core);
		return NULL;
	}
	core_lists(core);
	*err = '\0';
	return core;
}

static void *
table(const struct tls_core *core, size_t n, size_t size)
{
	return rte_zmalloc_socket("tls", n * size, 64, core->conf.socket);
}

static bool
core_tables(struct tls_core *core)
{
	const struct tls_core_conf *c = &core->conf;
	uint32_t places = power_of_two(c->records);
	core->conn = table(core, c->connections, sizeof *core->conn);
	core->op = table(core, c->records, sizeof *core->op);
	core->free_op = table(core, c->records, sizeof *core->free_op);
	core->done = (struct op_queue){.number = table(core, places, sizeof(uint32_t)), .mask = places - 1};
	core->opened = (struct op_queue){.number = table(core, places, sizeof(uint32_t)), .mask = places - 1};
	core->queue = table(core, TLS_EVENTS, sizeof *core->queue);
	return core->conn && core->op && core->free_op && core->done.number && core->opened.number && core->queue;
}

static void
core_lists(struct tls_core *core)
{
	for (uint32_t i = 0; i < core->conf.connections; i++) {
		core->conn[i].next = i + 1 < core->conf.connections ? i + 1 : NO_CONN;
		core->conn[i].generation = 1;
	}
	for (uint32_t i = 0; i < core->conf.records; i++) {
		core->op[i].number = i;
		core->free_op[core->n_free_op++] = i;
	}
	core->free_conn = 0;
	core->ready_head = core->ready_tail = NO_CONN;
}

static bool
core_engines(struct tls_core *core, char *err, size_t err_len)
{
	core->software = software_new(core->conf.key_cache, core->conf.socket);
	if (!core->software)
		return false;
	core->engine[0] = &software_engine;
	if (core->conf.cryptodev < 0)
		return true;
	core->device = device_new(&core->conf, core->conf.records, err, err_len);
	core->engine[1] = core->device ? &device_engine : NULL;
	return core->device;
}

/* core_drain: waits for the records that are in a device, which may still write into their mbufs. */
static void
core_drain(struct tls_core *core)
{
	role_assume_lcore(); /* which no longer runs */
	uint32_t in_work = core->op ? core->conf.records - core->n_free_op : 0;
	for (unsigned i = 0; core->device && i < DRAIN_TRIES; i++) {
		uint32_t queued = core->done.tail - core->done.head + core->opened.tail - core->opened.head;
		if (queued == in_work)
			return;
		core_collect(core);
	}
}

void
tls_core_free(struct tls_core *core)
{
	if (!core)
		return;
	core_drain(core);
	for (uint32_t i = 0; core->conn && i < core->conf.connections; i++) {
		rte_pktmbuf_free(core->conn[i].held);
		if (core->conn[i].state == CONN_RELAYED)
			rte_pktmbuf_free(core->conn[i].relay.tx_held);
	}
	for (uint32_t i = 0; core->op && i < core->conf.records; i++)
		rte_pktmbuf_free(core->op[i].m);
	for (uint32_t i = core->given; core->queue && i != core->queue_tail; i++)
		rte_pktmbuf_free(core->queue[i % TLS_EVENTS].event.m);
	device_free(core->device);
	software_free(core->software);
	if (core->conn)
		memset(core->conn, 0, core->conf.connections * sizeof *core->conn);
	rte_free(core->conn);
	rte_free(core->op);
	rte_free(core->free_op);
	rte_free(core->done.number);
	rte_free(core->opened.number);
	rte_free(core->queue);
	rte_free(core);
}

/* --- records in work --------------------------------------------------------------------------------------------- */

void
core_submit(struct tls_core *core, struct tls_op **ops, unsigned n)
{
	struct tls_op *device[TLS_BATCH];
	unsigned n_device = 0, n_software = 0;
	for (unsigned i = 0; i < n; i++) {
		if (ops[i]->plain)
			op_push(&core->done, ops[i]);
		else if (ops[i]->conn->dir[ops[i]->way].device)
			device[n_device++] = ops[i];
		else
			ops[n_software++] = ops[i];
	}
	if (n_software)
		core->engine[0]->submit(core, ops, n_software);
	if (n_device)
		core->engine[1]->submit(core, device, n_device);
}

void
core_collect(struct tls_core *core)
{
	for (unsigned e = 0; e < 2 && core->engine[e]; e++)
		if (core->engine[e]->poll)
			core->engine[e]->poll(core);
}

/* --- connections with something to do ---------------------------------------------------------------------------- */

void
core_ready(struct tls_core *core, struct tls_conn *conn)
{
	uint32_t i = (uint32_t)(conn - core->conn);
	if (conn->flags & CONN_READY)
		return;
	conn->flags |= CONN_READY;
	conn->next = NO_CONN;
	if (core->ready_tail == NO_CONN)
		core->ready_head = i;
	else
		core->conn[core->ready_tail].next = i;
	core->ready_tail = i;
	core->n_ready++;
}

struct tls_conn *
core_next_ready(struct tls_core *core)
{
	if (core->ready_head == NO_CONN)
		return NULL;
	struct tls_conn *conn = &core->conn[core->ready_head];
	core->ready_head = conn->next;
	if (core->ready_head == NO_CONN)
		core->ready_tail = NO_CONN;
	core->n_ready--;
	conn->flags &= (uint16_t)~CONN_READY;
	return conn;
}

/* --- events that OFFLOAD's messages are -------------------------------------------------------------------------- */

unsigned
core_event_room(const struct tls_core *core)
{
	return TLS_EVENTS - (core->queue_tail - core->queue_head);
}

struct tls_queued_event *
core_event(struct tls_core *core, struct tls_conn *conn, enum tls_event_kind kind)
{
	struct tls_queued_event *q = &core->queue[core->queue_tail++ % TLS_EVENTS];
	q->event = (struct tls_event){.conn = conn, .kind = kind};
	conn->holds++;
	return q;
}

/* core_free_events: until here `agreed` of what was given was valid. */
void
core_free_events(struct tls_core *core)
{
	core->queue_head = core->given;
}

unsigned
core_give_events(struct tls_core *core, struct tls_event *events, unsigned max)
{
	unsigned n = 0;
	while (n < max && core->given != core->queue_tail) {
		struct tls_event *e = &core->queue[core->given++ % TLS_EVENTS].event;
		struct tls_conn *conn = e->conn;
		conn->holds--;
		if (conn->flags & CONN_GONE) {
			rte_pktmbuf_free(e->m);
			conn_release(core, conn);
			continue;
		}
		events[n++] = *e;
	}
	return n;
}

bool
tls_pending(const struct tls_core *core)
{
	return core->n_ready || core->n_free_op != core->conf.records || core->given != core->queue_tail;
}

const struct tls_core_stats *
tls_core_stats(const struct tls_core *core)
{
	return &core->stats;
}
