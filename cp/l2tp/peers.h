/* peers.h - peers that the configuration names: networks with a secret of their own, the longest prefix counts.
 *
 * A copy of the owner's list, sorted; one binary search for each prefix length in use.  l2tp_peers_set .. l2tp_peers_fini;
 * MAIN only.
 */
#ifndef CP_L2TP_PEERS_H
#define CP_L2TP_PEERS_H

#include "l2tp/l2tp.h"

#define PEER_BITS_MAX 128

struct peers {
	struct l2tp_peer *rows; /* by length, longest first, then by address; without host bits */
	size_t n;
	unsigned n_lengths;
	struct {
		unsigned bits;
		size_t first, n;
	} lengths[PEER_BITS_MAX + 1];
};

/* l2tp_peers_set: replaces the list; secrets are copied, host bits ignored.  false: no memory, the old list stays. */
bool l2tp_peers_set(struct peers *peers, const struct l2tp_peer *list, size_t n);
void l2tp_peers_fini(struct peers *peers);

/* l2tp_peers_find: the row of the longest prefix with a in it, or NULL; valid until the list is replaced. */
const struct l2tp_peer *l2tp_peers_find(const struct peers *peers, const struct addr *a);

#endif
