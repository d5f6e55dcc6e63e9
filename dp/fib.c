#include "fib.h"

#include <errno.h>

#include <rte_rib.h>

#define SWAP_US 50000 /* design: at most 20 swaps a second */
#define STEP_MAX 4096 /* changes of a copy in one turn of MAIN's loop */

static struct fib_route *find(const struct fib_writer *w, uint32_t ip4, uint8_t depth);
static int check_room(const struct fib_writer *w, const struct fib_route *old, uint8_t depth);
static struct fib_route *route_new(struct fib_writer *w, uint32_t ip4, uint8_t depth) ON_MAIN;
static void route_free(struct fib_writer *w, struct fib_route *r) ON_MAIN;
static void count(struct fib_writer *w, const struct fib_route *r, int by);
static void mark_dirty(struct fib_writer *w, struct fib_route *r) ON_MAIN;
static int number_take(struct fib_numbers *n, uint32_t nh) ON_MAIN;
static void number_drop(struct fib_numbers *n, uint16_t number) ON_MAIN;
static void reconcile(struct fib_writer *w) ON_MAIN;
static bool apply(struct fib_writer *w, struct fib_route *r, unsigned copy) ON_MAIN;
static bool settled(const struct fib_route *r);

int
fib_set(struct fib_writer *w, const struct prefix *p, uint32_t nh)
{
	if (!addr_is_v4(&p->addr) || p->len > 32)
		return -EINVAL;
	struct prefix masked = prefix_mask(*p);
	uint32_t ip4 = addr_ip4(&masked.addr);
	struct fib_route *r = find(w, ip4, p->len);
	if ((r ? r->nh : NH_NONE) == nh)
		return 0;
	if (nh && check_room(w, r, p->len) < 0)
		return -ENOSPC;
	int number = number_take(w->numbers, nh);
	if (number < 0)
		return number;
	if (!r && !(r = route_new(w, ip4, p->len))) {
		number_drop(w->numbers, (uint16_t)number);
		return -ENOSPC;
	}
	count(w, r, -1);
	number_drop(w->numbers, r->want);
	r->want = (uint16_t)number;
	r->nh = nh;
	count(w, r, 1);
	mark_dirty(w, r);
	return 0;
}

uint32_t
fib_get(const struct fib_writer *w, uint32_t ip4)
{
	for (struct rte_rib_node *n = rte_rib_lookup(w->master, ip4); n; n = rte_rib_lookup_parent(n)) {
		uint64_t i;
		rte_rib_get_nh(n, &i);
		if (w->routes[i].nh)
			return w->routes[i].nh;
	}
	return NH_NONE;
}

static struct fib_route *
find(const struct fib_writer *w, uint32_t ip4, uint8_t depth)
{
	struct rte_rib_node *n = rte_rib_lookup_exact(w->master, ip4, depth);
	uint64_t i;
	if (!n)
		return NULL;
	rte_rib_get_nh(n, &i);
	return &w->routes[i];
}

static int
check_room(const struct fib_writer *w, const struct fib_route *old, uint8_t depth)
{
	if (old && old->nh)
		return 0;
	return w->n_routes < w->max_routes && (depth <= 24 || w->n_long < w->max_long) ? 0 : -ENOSPC;
}

static struct fib_route *
route_new(struct fib_writer *w, uint32_t ip4, uint8_t depth)
{
	struct rte_rib_node *n = w->n_free ? rte_rib_insert(w->master, ip4, depth) : NULL;
	if (!n)
		return NULL;
	uint32_t i = w->free_route[--w->n_free];
	rte_rib_set_nh(n, i);
	w->routes[i] = (struct fib_route){.ip4 = ip4, .depth = depth};
	return &w->routes[i];
}

static void
route_free(struct fib_writer *w, struct fib_route *r)
{
	rte_rib_remove(w->master, r->ip4, r->depth);
	w->free_route[w->n_free++] = (uint32_t)(r - w->routes);
}

static void
count(struct fib_writer *w, const struct fib_route *r, int by)
{
	if (!r->nh)
		return;
	w->n_routes += (uint32_t)by;
	if (r->depth > 24)
		w->n_long += (uint32_t)by;
}

static void
mark_dirty(struct fib_writer *w, struct fib_route *r)
{
	w->shadow_behind = true;
	if (r->dirty)
		return;
	r->dirty = true;
	w->dirty[w->n_dirty++] = (uint32_t)(r - w->routes);
}

/* number_take: the number of a next hop, one more use of it; -ENOSPC.  Next hops are few: neighbours and discards. */
static int
number_take(struct fib_numbers *n, uint32_t nh)
{
	uint32_t free = 0;
	if (!nh)
		return 0;
	for (uint32_t i = 1; i < n->top; i++) {
		if (!n->uses[i])
			free = i;
		else if (n->nh[i] == nh)
			return n->uses[i]++, (int)i;
	}
	if (!free && n->top == FIB_NEXTHOPS)
		return -ENOSPC;
	if (!free)
		free = n->top++;
	n->nh[free] = nh;
	n->uses[free] = 1;
	return (int)free;
}

static void
number_drop(struct fib_numbers *n, uint16_t number)
{
	if (number)
		n->uses[number]--;
}

void
fib_step(struct fib_writer *w, struct mono now)
{
	if (w->grace && rte_rcu_qsbr_check(w->t->qsbr, w->token, false) != 1)
		return;
	if (w->grace) {
		w->grace = false;
		w->shadow_behind = w->n_dirty != 0;
	}
	if (w->shadow_behind)
		reconcile(w);
	if (w->shadow_behind || !w->shadow_changed || mono_since_us(now, w->swapped) < SWAP_US)
		return;
	w->active ^= 1;
	atomic_store_explicit(&w->t->fib[w->table], w->copy[w->active], memory_order_release);
	w->token = rte_rcu_qsbr_start(w->t->qsbr);
	w->grace = true;
	w->shadow_changed = false;
	w->swapped = now;
}

/* reconcile: brings the shadow nearer to the master; routes that both copies have got leave the list. */
static void
reconcile(struct fib_writer *w)
{
	unsigned budget = STEP_MAX, shadow = w->active ^ 1;
	uint32_t i = 0;
	while (i < w->n_dirty && budget) {
		struct fib_route *r = &w->routes[w->dirty[i]];
		if (r->in[shadow] != r->want) {
			budget--;
			if (!apply(w, r, shadow)) {
				i++;
				continue;
			}
			w->shadow_changed |= r->in[w->active] != r->want;
		}
		if (!settled(r)) {
			i++;
			continue;
		}
		r->dirty = false;
		w->dirty[i] = w->dirty[--w->n_dirty];
		if (!r->want)
			route_free(w, r);
	}
	w->shadow_behind = i < w->n_dirty;
}

/* apply: false when the shadow has no room until other routes have left it; the next turn tries again. */
static bool
apply(struct fib_writer *w, struct fib_route *r, unsigned copy)
{
	int err = r->want ? rte_fib_add(w->copy[copy], r->ip4, r->depth, r->want)
			  : rte_fib_delete(w->copy[copy], r->ip4, r->depth);
	if (err < 0)
		return false;
	number_drop(w->numbers, r->in[copy]);
	if (r->want)
		w->numbers->uses[r->want]++;
	r->in[copy] = r->want;
	return true;
}

static bool
settled(const struct fib_route *r)
{
	return r->in[0] == r->want && r->in[1] == r->want;
}
