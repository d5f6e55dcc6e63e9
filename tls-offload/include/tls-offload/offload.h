/* offload.h - the OFFLOAD threads: TLS handshakes, and connections whose suite has no AEAD.
 *
 * What.  Worker cores hand the bytes of a handshake over (msg.def); OpenSSL, fed through memory BIOs, answers.  When a
 * handshake is done, its traffic keys go to the worker core (tls.h seals and opens records there) and the SSL object is
 * freed.  Suites without an AEAD (CBC) and TLS 1.0/1.1 keep it: their bytes pass through OFFLOAD for as long as the
 * connection lives ("relayed"), at most `max_relayed` of them.  With an engine in the contexts, handshakes are
 * asynchronous: a job that waits for the engine is parked, others go on.
 *
 * Threads.  m OFFLOAD threads.  A connection belongs to one of them (its index modulo m) from OPEN to the end.  They may
 * block, and be preempted anywhere: so they touch no mempool and no ring with several producers.
 * Nobody wakes them: a worker core would need a system call for that.  They look at their rings, and sleep between looks
 * in steps that grow from 20 us to 1 ms while nothing comes: a handshake waits at most that millisecond, and an idle
 * thread costs 1,000 wake-ups a second.
 *
 * Memory.  Rings and tables are sized by struct tls_offload_conf at start; OpenSSL has the heap (about 73 kB for each
 * handshake in flight, which the worker cores cap; those that a worker core has given up while an engine has their job
 * are with them in `max_handshakes`).
 *
 * Life cycle.   tls_offload_new -> contexts_set -> tls_core_new for each core -> start ... -> stop -> free
 * In tests, and with no threads: tls_offload_step is one turn of one thread.
 */
#ifndef TLS_OFFLOAD_OFFLOAD_H
#define TLS_OFFLOAD_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/mono.h>
#include <millrace/role.h>
#include <tls-offload/contexts.h>

#define TLS_OFFLOAD_THREADS 16

struct tls_offload;

struct tls_offload_conf {
	unsigned threads;        /* 1 .. TLS_OFFLOAD_THREADS */
	unsigned cores;          /* worker cores */
	unsigned connections;    /* of each core: what tls_core_conf says */
	unsigned max_relayed;    /* connections without an AEAD suite, of all threads; 0: none */
	unsigned max_handshakes; /* of all threads, with those that are given up and wait for an engine; 0: no bound */
	uint32_t ring_bytes;     /* of each ring, a power of two; 0: 256 KiB */
	const int *cpus;         /* of each thread, or NULL: wherever the kernel puts them */
};

/* tls_offload_new: NULL without memory or for numbers out of range. */
struct tls_offload *tls_offload_new(const struct tls_offload_conf *conf) INIT_ONLY;

/* tls_offload_bytes: what tls_offload_new will take, for the sizes that `millraced -t` prints. */
size_t tls_offload_bytes(const struct tls_offload_conf *conf) ANY_THREAD;

/* tls_offload_start: starts the threads.  0 or -errno; then none runs. */
int tls_offload_start(struct tls_offload *off) INIT_ONLY;

/* tls_offload_stop: ends the threads; handshakes in flight are dropped.  What waits for an engine is waited for, a second
 * at most; what the engine has not answered by then stays, with what it would write to. */
void tls_offload_stop(struct tls_offload *off) INIT_ONLY;
void tls_offload_free(struct tls_offload *off) INIT_ONLY;

/* tls_offload_contexts_set: handshakes that begin from now on are made with c (a reference is taken over).  c of a client
 * replaces a client's, c of a server a server's. */
void tls_offload_contexts_set(struct tls_offload *off, struct tls_contexts *c) ON_MAIN;

/* tls_offload_contexts: those that were set last, NULL before; good until others are set. */
const struct tls_contexts *tls_offload_contexts(const struct tls_offload *off, enum tls_role role) ON_MAIN;

/* tls_offload_step: one turn of thread `t`; whether it found anything to do. */
bool tls_offload_step(struct tls_offload *off, unsigned t, struct mono now) ON_OFFLOAD;

/* Counters: written by the threads, read anywhere; a sum over threads that may be a little late. */
struct tls_offload_stats {
	uint64_t begun, up, resumed, relayed, failed, abandoned;
	uint64_t in_flight, parked, relays; /* now */
	uint64_t reason[TLS_N_REASONS];     /* why they failed */
};
void tls_offload_stats(const struct tls_offload *off, struct tls_offload_stats *out) ANY_THREAD;

#endif
