/* offload.c - the OFFLOAD threads: rings, tables, a turn, and the sleep between turns. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/async.h>

#include "handshake.h"
#include "keys.h"

#define MESSAGES 64 /* of one core in one turn */
#define SLEEP_MIN_US 20
#define SLEEP_MAX_US 1000
#define SLEEP_PARKED_US 50 /* while an engine works for somebody */
#define STOP_TRIES 1000    /* of a millisecond, for jobs that an engine still has */
#define RING_HEAD ((sizeof(struct byte_ring) + 63) & ~(size_t)63)
#define CONNECTIONS_MAX (1u << 24)

static bool offload_rings(struct tls_offload *off);
static bool offload_tables(struct tls_offload *off);
static void *thread_main(void *arg);
static void take_contexts(struct offload_thread *t) ON_OFFLOAD;
static unsigned hear(struct offload_thread *t, unsigned core) ON_OFFLOAD;
static void dispatch(struct offload_thread *t, unsigned core, const struct byte_ring_rec *rec) ON_OFFLOAD;
static void on_open(struct offload_thread *t, unsigned core, const struct byte_ring_rec *rec) ON_OFFLOAD;
static bool wake_parked(struct offload_thread *t) ON_OFFLOAD;
static bool retry_behind(struct offload_thread *t) ON_OFFLOAD;

/* --- memory ------------------------------------------------------------------------------------------------------ */

static uint32_t
ring_bytes(const struct tls_offload_conf *conf)
{
	return conf->ring_bytes ? conf->ring_bytes : TLS_RING_DEFAULT;
}

size_t
tls_offload_bytes(const struct tls_offload_conf *conf)
{
	return sizeof(struct tls_offload) +
	       (size_t)conf->threads * conf->cores * (2 * (RING_HEAD + ring_bytes(conf)) + sizeof(struct tls_link)) +
	       (size_t)conf->cores * conf->connections * sizeof(struct handshake *);
}

struct tls_offload *
tls_offload_new(const struct tls_offload_conf *conf)
{
	uint32_t bytes = ring_bytes(conf);
	if (!conf->threads || conf->threads > TLS_OFFLOAD_THREADS || !conf->cores || conf->cores > 256 ||
	    !conf->connections || conf->connections > CONNECTIONS_MAX || bytes < TLS_RING_MIN || bytes & (bytes - 1))
		return NULL;
	struct tls_offload *off = aligned_alloc(64, (sizeof *off + 63) & ~(size_t)63);
	if (!off)
		return NULL;
	memset(off, 0, sizeof *off);
	off->conf = *conf;
	off->conf.ring_bytes = bytes;
	for (unsigned i = 0; i < conf->threads; i++) {
		off->thread[i].off = off;
		off->thread[i].number = i;
	}
	if (!keys_init() || !offload_rings(off) || !offload_tables(off)) {
		tls_offload_free(off);
		return NULL;
	}
	return off;
}

static bool
offload_rings(struct tls_offload *off)
{
	unsigned n = off->conf.threads * off->conf.cores;
	off->link = calloc(n, sizeof *off->link);
	off->ring_memory = calloc(2 * (size_t)n, sizeof *off->ring_memory);
	for (unsigned i = 0; off->link && off->ring_memory && i < 2 * n; i++) {
		void *p = off->ring_memory[i] = aligned_alloc(64, RING_HEAD + off->conf.ring_bytes);
		if (!p)
			return false;
		byte_ring_init(p, (uint8_t *)p + RING_HEAD, off->conf.ring_bytes);
		*(i % 2 ? &off->link[i / 2].to_lcore : &off->link[i / 2].to_offload) = p;
	}
	return off->link && off->ring_memory;
}

static bool
offload_tables(struct tls_offload *off)
{
	off->table = calloc(off->conf.cores, sizeof *off->table);
	for (unsigned c = 0; off->table && c < off->conf.cores; c++)
		if (!(off->table[c] = calloc(off->conf.connections, sizeof **off->table)))
			return false;
	return off->table;
}

/* answers_due: an engine that has not answered yet may still do so, and then writes to the handshake and its thread. */
static bool
answers_due(const struct tls_offload *off)
{
	for (unsigned t = 0; t < off->conf.threads; t++)
		if (off->thread[t].parked)
			return true;
	return false;
}

void
tls_offload_free(struct tls_offload *off)
{
	for (unsigned t = 0; t < off->conf.threads; t++)
		for (unsigned role = 0; role < 2; role++) {
			tls_contexts_put(off->thread[t].contexts[role]);
			tls_contexts_put(off->thread[t].next_contexts[role]);
		}
	for (unsigned role = 0; role < 2; role++)
		tls_contexts_put(off->current[role]);
	for (unsigned i = 0; off->ring_memory && i < 2 * off->conf.threads * off->conf.cores; i++)
		free(off->ring_memory[i]);
	for (unsigned c = 0; off->table && c < off->conf.cores; c++)
		free(off->table[c]);
	free(off->ring_memory);
	free(off->link);
	free(off->table);
	if (!answers_due(off))
		free(off);
}

struct tls_link *
tls_offload_links(struct tls_offload *off, unsigned core, unsigned *n)
{
	*n = off->conf.threads;
	return &off->link[core * off->conf.threads];
}

struct handshake **
thread_place(const struct offload_thread *t, unsigned core, uint64_t handle)
{
	uint32_t i = tls_handle_index(handle);
	return i < t->off->conf.connections ? &t->off->table[core][i] : NULL;
}

/* --- contexts ---------------------------------------------------------------------------------------------------- */

/* Each thread has a place of its own that MAIN puts the new contexts in; what it finds there it puts back, because the
 * thread has never seen it. */
void
tls_offload_contexts_set(struct tls_offload *off, struct tls_contexts *c)
{
	unsigned role = c->role == TLS_CLIENT;
	for (unsigned t = 0; t < off->conf.threads; t++)
		tls_contexts_put(atomic_exchange(&off->thread[t].next_contexts[role], contexts_get(c)));
	tls_contexts_put(off->current[role]);
	off->current[role] = c;
}

const struct tls_contexts *
tls_offload_contexts(const struct tls_offload *off, enum tls_role role)
{
	return off->current[role == TLS_CLIENT];
}

static void
take_contexts(struct offload_thread *t)
{
	for (unsigned role = 0; role < 2; role++) {
		if (!atomic_load_explicit(&t->next_contexts[role], memory_order_relaxed))
			continue;
		struct tls_contexts *c = atomic_exchange(&t->next_contexts[role], NULL);
		if (!c)
			continue;
		tls_contexts_put(t->contexts[role]);
		t->contexts[role] = c;
	}
}

/* --- a turn ------------------------------------------------------------------------------------------------------ */

bool
tls_offload_step(struct tls_offload *off, unsigned number, struct mono now)
{
	struct offload_thread *t = &off->thread[number];
	unsigned n = 0;
	take_contexts(t);
	if (t->contexts[0] && t->contexts[0]->tickets)
		tickets_turn(t->contexts[0]->tickets, now);
	for (unsigned core = 0; core < off->conf.cores; core++)
		n += hear(t, core);
	bool woken = wake_parked(t), said = retry_behind(t);
	return n || woken || said;
}

static unsigned
hear(struct offload_thread *t, unsigned core)
{
	struct byte_ring *ring = thread_link(t, core)->to_offload;
	const struct byte_ring_rec *rec;
	unsigned n = 0;
	for (; n < MESSAGES && (rec = byte_ring_peek(ring)); n++) {
		dispatch(t, core, rec);
		byte_ring_pop(ring);
	}
	return n;
}

static void
on_open(struct offload_thread *t, unsigned core, const struct byte_ring_rec *rec)
{
	char server_name[TLS_SERVER_NAME] = "";
	struct tls_msg_open open;
	struct handshake **place = thread_place(t, core, rec->handle);
	memcpy(&open, rec->payload, sizeof open);
	size_t n = rec->len - sizeof open;
	memcpy(server_name, rec->payload + sizeof open, n < sizeof server_name ? n : sizeof server_name - 1);
	if (!place || *place)
		return;
	*place = handshake_new(t, core, rec->handle, &open, server_name);
	if (*place)
		handshake_go_on(*place);
	else
		link_put(thread_link(t, core)->to_lcore, TLS_MSG_FAILED, rec->handle,
			 &(struct tls_msg_failed){.reason = TLS_NO_MEMORY}, NULL, 0);
}

/* dispatch: what is said to a connection that is over already is nobody's: its UP or FAILED is on the way. */
static void
dispatch(struct offload_thread *t, unsigned core, const struct byte_ring_rec *rec)
{
	struct handshake **place = thread_place(t, core, rec->handle), *h = place ? *place : NULL;
	if (rec->type == TLS_MSG_OPEN)
		on_open(t, core, rec);
	else if (!h || h->handle != rec->handle)
		return;
	else if (rec->type == TLS_MSG_BYTES)
		handshake_bytes(h, rec->payload, rec->len);
	else if (rec->type == TLS_MSG_WRITE)
		handshake_write(h, rec->payload, rec->len);
	else if (rec->type == TLS_MSG_SHUTDOWN)
		handshake_shutdown(h);
	else if (rec->type == TLS_MSG_CLOSE)
		handshake_close(h);
}

/* signalled: an engine that does not know the callback says on a file descriptor that the job is done. */
static bool
signalled(const struct handshake *h)
{
	OSSL_ASYNC_FD fd[4];
	size_t n = 0;
	struct pollfd p[4];
	if (!SSL_get_all_async_fds(h->ssl, NULL, &n) || !n || n > 4 || !SSL_get_all_async_fds(h->ssl, fd, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		p[i] = (struct pollfd){.fd = fd[i], .events = POLLIN};
	return poll(p, n, 0) > 0;
}

static bool
wake_parked(struct offload_thread *t)
{
	struct handshake *h = NULL, *next;
	bool any = false;
	if (atomic_load_explicit(&t->woken, memory_order_relaxed))
		h = atomic_exchange(&t->woken, NULL);
	for (; h; h = next) {
		next = h->woken_next;
		atomic_store(&h->woken, false);
		handshake_unpark(h);
		any = true;
	}
	for (h = t->parked; h; h = next) {
		next = h->parked_next;
		if (!h->has_job || signalled(h))
			any |= handshake_unpark(h);
	}
	return any;
}

static bool
retry_behind(struct offload_thread *t)
{
	struct handshake *list = t->behind, *next;
	bool any = false;
	t->behind = NULL;
	for (struct handshake *h = list; h; h = next) {
		next = h->behind_next;
		h->behind_prev = NULL;
		handshake_go_on(h);
		any = true;
	}
	return any;
}

/* --- threads ----------------------------------------------------------------------------------------------------- */

static void
sleep_us(long us)
{
	nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
}

static struct mono
clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

/* drop_all: every connection of the thread, as its worker core would close it; then waits for the engine's. */
static void
drop_all(struct offload_thread *t)
{
	struct tls_offload *off = t->off;
	role_assume_offload();
	for (unsigned core = 0; core < off->conf.cores; core++)
		for (uint32_t i = t->number; i < off->conf.connections; i += off->conf.threads)
			if (off->table[core][i])
				handshake_close(off->table[core][i]);
	for (unsigned i = 0; t->parked && i < STOP_TRIES; i++) {
		wake_parked(t);
		sleep_us(1000);
	}
}

static void *
thread_main(void *arg)
{
	struct offload_thread *t = arg;
	long us = SLEEP_MIN_US;
	role_assume_offload();
	while (!atomic_load_explicit(&t->off->stop, memory_order_relaxed)) {
		if (tls_offload_step(t->off, t->number, clock_now())) {
			us = SLEEP_MIN_US;
			continue;
		}
		sleep_us(t->parked || t->behind ? SLEEP_PARKED_US : us);
		us = us * 2 < SLEEP_MAX_US ? us * 2 : SLEEP_MAX_US;
	}
	drop_all(t);
	return NULL;
}

int
tls_offload_start(struct tls_offload *off)
{
	atomic_store(&off->stop, false);
	for (unsigned i = 0; i < off->conf.threads; i++) {
		struct offload_thread *t = &off->thread[i];
		int rc = pthread_create(&t->pthread, NULL, thread_main, t);
		if (rc) {
			tls_offload_stop(off);
			return -rc;
		}
		t->started = true;
		pthread_setname_np(t->pthread, "tls-offload");
		if (off->conf.cpus) {
			cpu_set_t cpus;
			CPU_ZERO(&cpus);
			CPU_SET(off->conf.cpus[i], &cpus);
			pthread_setaffinity_np(t->pthread, sizeof cpus, &cpus);
		}
	}
	return 0;
}

void
tls_offload_stats(const struct tls_offload *off, struct tls_offload_stats *out)
{
	*out = (struct tls_offload_stats){0};
	for (unsigned t = 0; t < off->conf.threads; t++) {
		const uint64_t *from = (const uint64_t *)(const void *)&off->thread[t].stats;
		uint64_t *to = (uint64_t *)(void *)out;
		for (size_t i = 0; i < sizeof *out / sizeof *to; i++)
			to[i] += from[i];
	}
}

/* An engine's jobs belong to the thread that began them: each thread drops its own connections when it ends. */
void
tls_offload_stop(struct tls_offload *off)
{
	atomic_store(&off->stop, true);
	for (unsigned i = 0; i < off->conf.threads; i++) {
		struct offload_thread *t = &off->thread[i];
		if (t->started)
			pthread_join(t->pthread, NULL);
		else
			drop_all(t);
		t->started = false;
	}
}
