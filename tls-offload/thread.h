/* thread.h - an OFFLOAD thread, and what the room shares.  Private to the room. */
#ifndef TLS_OFFLOAD_THREAD_H
#define TLS_OFFLOAD_THREAD_H

#include <pthread.h>
#include <stdatomic.h>

#include <millrace/role.h>
#include <tls-offload/offload.h>

#include "link.h"

struct handshake;

struct offload_thread {
	struct tls_offload *off;
	unsigned number;
	pthread_t pthread;
	bool started;
	struct tls_contexts *contexts[2]; /* by role: what handshakes begin with */
	struct handshake *behind;         /* those whose ring had no room */
	struct handshake *parked;         /* those that an engine has */
	alignas(64) _Atomic(struct handshake *) woken;
	_Atomic(struct tls_contexts *) next_contexts[2]; /* MAIN puts them, the thread takes them */
	alignas(64) struct tls_offload_stats stats;
};

struct tls_offload {
	struct tls_offload_conf conf;
	struct offload_thread thread[TLS_OFFLOAD_THREADS];
	struct tls_link *link; /* of core c and thread t: [c * threads + t] */
	void **ring_memory;
	struct handshake ***table;       /* [core][index] */
	_Atomic uint32_t relays;         /* of all threads, against conf.max_relayed */
	_Atomic uint32_t in_flight;      /* likewise, against conf.max_handshakes */
	struct tls_contexts *current[2]; /* by role; MAIN's reference to what it set last */
	_Atomic bool stop;
};

/* thread_link: the rings of a core and this thread. */
static inline struct tls_link *
thread_link(const struct offload_thread *t, unsigned core)
{
	return &t->off->link[core * t->off->conf.threads + t->number];
}

/* thread_place: where the table has the connection of a handle, NULL for one that cannot be. */
struct handshake **thread_place(const struct offload_thread *t, unsigned core, uint64_t handle) ON_OFFLOAD;

#endif
