#include "l2tp/peers.h"

#include <stdlib.h>
#include <string.h>

static int
row_cmp(const void *a, const void *b)
{
	const struct l2tp_peer *x = a, *y = b;
	unsigned xn = prefix_bits(&x->address), yn = prefix_bits(&y->address);
	if (xn != yn)
		return xn > yn ? -1 : 1;
	return addr_cmp(&x->address.addr, &y->address.addr);
}

static void
rows_free(struct l2tp_peer *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free((char *)rows[i].secret);
	free(rows);
}

static void
lengths_set(struct peers *peers)
{
	peers->n_lengths = 0;
	for (size_t i = 0; i < peers->n; i++) {
		unsigned bits = prefix_bits(&peers->rows[i].address);
		if (!peers->n_lengths || peers->lengths[peers->n_lengths - 1].bits != bits) {
			peers->lengths[peers->n_lengths].bits = bits;
			peers->lengths[peers->n_lengths].first = i;
			peers->lengths[peers->n_lengths++].n = 0;
		}
		peers->lengths[peers->n_lengths - 1].n++;
	}
}

bool
l2tp_peers_set(struct peers *peers, const struct l2tp_peer *list, size_t n)
{
	struct l2tp_peer *rows = calloc(n ? n : 1, sizeof *rows);
	bool ok = rows;
	for (size_t i = 0; ok && i < n; i++) {
		rows[i].address = prefix_mask(list[i].address);
		rows[i].secret = list[i].secret ? strdup(list[i].secret) : NULL;
		ok = !list[i].secret || rows[i].secret;
	}
	if (!ok) {
		if (rows)
			rows_free(rows, n);
		return false;
	}
	qsort(rows, n, sizeof *rows, row_cmp);
	l2tp_peers_fini(peers);
	peers->rows = rows;
	peers->n = n;
	lengths_set(peers);
	return true;
}

void
l2tp_peers_fini(struct peers *peers)
{
	if (peers->rows)
		rows_free(peers->rows, peers->n);
	*peers = (struct peers){0};
}

const struct l2tp_peer *
l2tp_peers_find(const struct peers *peers, const struct addr *a)
{
	for (unsigned i = 0; i < peers->n_lengths; i++) {
		unsigned bits = peers->lengths[i].bits, family = addr_is_v4(a) ? 96 : 0;
		if (bits < family)
			continue;
		const struct l2tp_peer *first = &peers->rows[peers->lengths[i].first];
		struct l2tp_peer key = {.address = {*a, (uint8_t)(bits - family)}};
		key.address = prefix_mask(key.address);
		const struct l2tp_peer *hit = bsearch(&key, first, peers->lengths[i].n, sizeof key, row_cmp);
		if (hit)
			return hit;
	}
	return NULL;
}
