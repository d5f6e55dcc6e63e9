#include "adj.h"

#include <errno.h>

static void publish(struct adj_writer *w, uint32_t adj, uint64_t word) ON_MAIN;

size_t
adj_bytes(uint32_t n)
{
	return n * (sizeof(struct adj) + sizeof(uint64_t) + 2 * sizeof(uint32_t) + sizeof(bool));
}

void
adj_init(struct adj_writer *w, struct tables *t, void *memory, uint32_t n)
{
	*w = (struct adj_writer){.t = t};
	t->adj = memory;
	t->n_adj = n;
	w->token = (uint64_t *)(void *)(t->adj + n);
	w->free = (uint32_t *)(void *)(w->token + n);
	w->resting = w->free + n;
	w->in_use = (bool *)(void *)(w->resting + n);
	for (uint32_t i = n; i; i--)
		w->free[w->n_free++] = i - 1;
}

int
adj_new(struct adj_writer *w, unsigned iface, const struct addr *a)
{
	if (!w->n_free)
		adj_step(w);
	if (!w->n_free)
		return -ENOSPC;
	uint32_t i = w->free[--w->n_free];
	w->in_use[i] = true;
	w->n_in_use++;
	w->t->adj[i].addr = *a;
	w->t->adj[i].iface = (uint16_t)iface;
	publish(w, i, 0);
	return (int)i;
}

void
adj_resolve(struct adj_writer *w, uint32_t adj, const uint8_t mac[6])
{
	uint64_t word = ADJ_RESOLVED;
	for (unsigned i = 0; i < 6; i++)
		word |= (uint64_t)mac[i] << 8 * i;
	publish(w, adj, word);
}

void
adj_unresolve(struct adj_writer *w, uint32_t adj)
{
	publish(w, adj, 0);
}

static void
publish(struct adj_writer *w, uint32_t adj, uint64_t word)
{
	if (adj >= w->t->n_adj || !w->in_use[adj])
		return;
	struct adj *a = &w->t->adj[adj];
	word |= (uint64_t)a->iface << 48 | (addr_is_v4(&a->addr) ? 0 : ADJ_IP6);
	atomic_store_explicit(&a->word, word, memory_order_release);
}

void
adj_free(struct adj_writer *w, uint32_t adj)
{
	if (adj >= w->t->n_adj || !w->in_use[adj])
		return;
	publish(w, adj, 0);
	w->in_use[adj] = false;
	w->n_in_use--;
	uint32_t at = (w->rest_head + w->n_resting++) % w->t->n_adj;
	w->resting[at] = adj;
	w->token[at] = rte_rcu_qsbr_start(w->t->qsbr);
}

void
adj_step(struct adj_writer *w)
{
	while (w->n_resting && rte_rcu_qsbr_check(w->t->qsbr, w->token[w->rest_head], false) == 1) {
		w->free[w->n_free++] = w->resting[w->rest_head];
		w->rest_head = (w->rest_head + 1) % w->t->n_adj;
		w->n_resting--;
	}
}
