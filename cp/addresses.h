/* addresses.h - which IPv4 address a session gets: of a pool, or the one that his profile says.
 *
 * The pools room knows ranges and owners, stock.h which pools there are; this file knows sessions.  An owner is the
 * session's slot and core, as in its next hop.  MAIN only.
 */
#ifndef CP_ADDRESSES_H
#define CP_ADDRESSES_H

#include "cp.h"

struct session;

void addresses_fini(struct cp *cp) ON_MAIN;

/* addresses_lend: by what s->profile says; fills s->ip4, s->gateway_ip4, s->pool.  CAUSE_NONE, NO_ADDRESS or
 * ADDRESS_IN_USE; the log says why, and who has it. */
enum cause addresses_lend(struct cp *cp, struct session *s) ON_MAIN;

/* addresses_return: of what was lent; harmless when nothing was. */
void addresses_return(struct cp *cp, struct session *s) ON_MAIN;

/* addresses_moved: other pools are in force: the address of s is of one of them now, or of none; it stays his. */
void addresses_moved(struct cp *cp, struct session *s) ON_MAIN;

/* addresses_holder: the session that has the address, or NULL.  O(1). */
struct session *addresses_holder(const struct cp *cp, uint32_t ip4) ON_MAIN;

#endif
