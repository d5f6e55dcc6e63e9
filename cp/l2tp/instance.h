/* instance.h - one L2TP instance: ids, limits, tables.  Private to cp/l2tp; MAIN only.
 *
 * Who holds what: `tunnels` is every tunnel by our tid, closing ones too; `half_open` those in wait-ctl-conn by age and,
 * in `dialling`, by who dialled, to know a repeated SCCRQ; `closing` those in CLOSING by age; `asking` those in
 * wait-ctl-reply, for ties; `by_path` every tunnel by its peer's address and port; `calls` every call that has a sid, by
 * our tid and sid.
 */
#ifndef CP_L2TP_INSTANCE_H
#define CP_L2TP_INSTANCE_H

#include <sys/queue.h>

#include "l2tp/l2tp.h"
#include "l2tp/peers.h"
#include "share.h"

#define TIDS 65536
#define DIALLING_BUCKETS 1024

struct tunnel;
struct call;

TAILQ_HEAD(tunnel_list, tunnel);
LIST_HEAD(tunnel_bucket, tunnel);

struct l2tp {
	const struct l2tp_ops *ops;
	void *owner;
	struct timers *timers;
	struct l2tp_config config; /* defaults filled in; its strings are these: */
	char host_name[L2TP_NAME_MAX + 1], secret[L2TP_SECRET_MAX + 1];
	struct peers peers;
	bool shut_down;
	uint64_t stats[L2TP_STAT_COUNT];
	size_t held; /* queued messages */

	struct tunnel *tunnels[TIDS];
	uint16_t free_tids[TIDS - 1];
	uint32_t n_free_tids, n_tunnels, n_half_open, n_calls, n_starting;
	struct share share; /* established tunnels by peer: the others make room */
	struct tunnel_list half_open, closing, asking;
	struct tunnel_bucket dialling[DIALLING_BUCKETS], by_path[DIALLING_BUCKETS];
	uint32_t hash_seed;

	struct call **calls; /* chains; as many as calls, or more */
	uint32_t calls_mask;
};

/* l2tp_tid_alloc: a random free tid, or 0.  l2tp_tid_release: gives it back. */
uint16_t l2tp_tid_alloc(struct l2tp *l2tp);
void l2tp_tid_release(struct l2tp *l2tp, uint16_t tid);

/* l2tp_dialling: the bucket of those who dial from path with that tid of theirs. */
struct tunnel_bucket *l2tp_dialling(struct l2tp *l2tp, const struct l2tp_path *path, uint16_t peer_tid);

/* l2tp_by_path: the bucket of the tunnels of that peer address and port, youngest first. */
struct tunnel_bucket *l2tp_by_path(struct l2tp *l2tp, const struct l2tp_path *path);

/* Calls by our tid and sid.  l2tp_calls_add: false when there is no memory. */
struct call *l2tp_calls_find(struct l2tp *l2tp, uint16_t tid, uint16_t sid);
bool l2tp_calls_add(struct l2tp *l2tp, struct call *c);
void l2tp_calls_remove(struct l2tp *l2tp, struct call *c);

/* l2tp_secret: of tunnels with this peer; "": none.  *known: it is in the list. */
const char *l2tp_secret(const struct l2tp *l2tp, const struct addr *peer, bool *known);

void l2tp_random(struct l2tp *l2tp, void *bytes, size_t n);

/* l2tp_transmit: to the wire, with its trace line. */
void l2tp_transmit(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, const uint8_t *bytes,
		   size_t len);
void l2tp_trace(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, const char *direction,
		const uint8_t *bytes, size_t len);

/* l2tp_refused: tells the owner; t is the tunnel of the call, or NULL. */
void l2tp_refused(struct l2tp *l2tp, const struct tunnel *t, const struct l2tp_path *path, enum cause cause,
		  const char *more);

bool l2tp_path_eq(const struct l2tp_path *a, const struct l2tp_path *b);

#endif
