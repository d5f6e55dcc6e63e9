/* connlimit.h - how many connections one source may begin: limits.connection-limit.
 *
 * A token bucket for each source that has begun one lately: `burst` at once, then so many in so much time.  A source is
 * an address, or the /64 of an IPv6 one (addr_source).  Whoever has kept quiet for limits.timeout is forgotten.
 * Sources may be forged, so their number is bounded: when there is no room for another, the one that was heard longest
 * ago is forgotten, and a flood of strangers cannot keep anybody out.
 *
 * What a connection is, the protocol knows: a tunnel of L2TP, a TCP connection of PPTP and SSTP.  Sessions in a tunnel are
 * not counted: a LAC brings thousands.  MAIN only.
 */
#ifndef CP_CONNLIMIT_H
#define CP_CONNLIMIT_H

#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#include "conf/conf.h"

#define CONNLIMIT_SOURCES 65536

struct connlimit_source;

struct connlimit {
	struct connlimit_source *by_addr; /* the one heard longest ago first */
	uint64_t refused;
};

void connlimit_fini(struct connlimit *c) ON_MAIN;

/* connlimit_admits: whether this source may begin one more now; if so, it has.  True when l sets no limit, or when there
 * is no memory to remember. */
bool connlimit_admits(struct connlimit *c, const struct conf_limits *l, const struct addr *source, struct mono now)
	ON_MAIN;

#endif
