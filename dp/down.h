/* down.h - stage DOWN: to a session: gates, MTU, counters, PPP and tunnel headers.
 *
 * The UDP checksum of data is 0 (RFC 768: not computed): the inner packet has its own, and summing the payload would
 * touch every line of it.  RFC 2661 8.1 makes checksums the default and lets an implementation disable them for data,
 * which is what the LNSes of this field do.  The outer header may be fragmented (no DF), like any tunnel's whose
 * sessions were given too large an MRU.
 */
#ifndef DP_DOWN_H
#define DP_DOWN_H

#include "lcore.h"

/* down: In: inner packets with nh a session of this core, m at the inner header.  Survivors: m at the outer IPv4 header,
 * nh towards the peer, from = FROM_US.  Larger than the session's MTU: moved to `big` (mtu set), otherwise untouched.  Of
 * sessions that encrypt: moved to `plain`, counted, without headers.  Of sessions that have a queue: moved to `queued`, as
 * they are. */
void down(struct lcore *lc, struct lane *v, struct lane *plain, struct lane *queued, struct lane *big) ON_LCORE;

/* down_queue: stage QUEUE: into the sessions' queues, where they are counted when they leave.  Empties v. */
void down_queue(struct lcore *lc, struct lane *v) ON_LCORE;

/* down_sealed: headers for what has been encrypted. */
void down_sealed(struct lcore *lc, struct lane *v) ON_LCORE;

/* down_frames: the same for PPP frames of ours: m at the protocol field, s set.  No gates, no counters. */
void down_frames(struct lcore *lc, struct lane *v) ON_LCORE;

#endif
