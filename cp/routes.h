/* routes.h - the core route table: ours, and the networks behind subscribers.
 *
 * Ours (connected networks, configured routes, the discard routes of pools) are fixed: whoever comes first has the
 * prefix, and no subscriber gets it.  A subscriber claims the networks that his profile names (RFC 2865 5.22) while his
 * session is up.  Several may claim one: the newest has it, and when he goes it falls back to the one before him.  So a
 * site whose line was cut is reachable as soon as it has dialled in again.
 *
 * The workers see a change after the next swap of their table (dp.h, dp_route_set), some 50 ms later; a session that had
 * networks keeps its slot that long, see session.c.
 *
 * MAIN only.  Memory: an entry for each prefix, and one for each claim.
 */
#ifndef CP_ROUTES_H
#define CP_ROUTES_H

#include "session.h"

/* routes_fix: the prefix (host bits do not count) is ours, unless it is already.  -errno of the dataplane, -ENOMEM.
 * routes_unfix takes one back; each routes_fix takes one. */
int routes_fix(struct cp *cp, const struct prefix *p, uint32_t nh) ON_MAIN;
void routes_unfix(struct cp *cp, const struct prefix *p) ON_MAIN;

/* routes_claim: all networks of s->profile lead to s from now on; what cannot be had is logged.  Again: nothing. */
void routes_claim(struct session *s) ON_MAIN;

/* routes_release: none does.  Harmless when none did. */
void routes_release(struct session *s) ON_MAIN;

void routes_fini(struct cp *cp) ON_MAIN;

#endif
