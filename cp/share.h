/* share.h - how much of something scarce one peer may hold.
 *
 * What has one limit for all can be used up by one: an unauthenticated peer that begins calls and never says a word of
 * PPP would keep everybody else out.  So a peer may hold up to SHARE_FACTOR times what is still free (the dynamic
 * thresholds of Choudhury and Hahne, 1998): alone four fifths of the limit, two greedy ones four ninths each, and there
 * is always some left for who holds nothing yet.  No configuration, no reservation, and a limit of a few is reached.
 *
 * A peer is an address, or the /64 of an IPv6 one (addr_source).  Memory: one record for each that holds something.  MAIN only; the caller frees with share_fini.
 */
#ifndef CP_SHARE_H
#define CP_SHARE_H

#include <stdbool.h>
#include <stdint.h>

#include <millrace/addr.h>

#define SHARE_FACTOR 4

struct share_holder;

struct share {
	struct share_holder *by_addr;
	uint32_t held; /* by all */
};

void share_fini(struct share *s);

/* share_admits: may this peer have one more, of `limit` in all?  0: without limit. */
bool share_admits(const struct share *s, uint32_t limit, const struct addr *peer);

/* share_take: one more, asked for or not; each takes one share_give.  Without memory for a new peer it is nobody's, and
 * share_take false: nothing is to be given back. */
bool share_take(struct share *s, const struct addr *peer);
void share_give(struct share *s, const struct addr *peer);

/* share_held: by this peer. */
uint32_t share_held(const struct share *s, const struct addr *peer);

#endif
