/* sstp_data.h - the stream of an SSTP connection, cut into packets ([MS-SSTP] 2.2), and headers in front of what goes down.
 */
#ifndef DP_SSTP_DATA_H
#define DP_SSTP_DATA_H

#include "conn.h"

enum sstp_step {
	SSTP_STEP_IDLE,    /* not enough bytes for the next unit */
	SSTP_STEP_TAKEN,   /* one unit is dealt with */
	SSTP_STEP_PACKET,  /* *out: a data packet of the session, m at the PPP header */
	SSTP_STEP_BLOCKED, /* the ring to MAIN has no room for it */
	SSTP_STEP_BAD,     /* what comes cannot be */
};

/* sstp_step: the next unit of c->in. */
enum sstp_step sstp_next_unit(struct lcore *lc, struct conn *c, struct rte_mbuf **out) ON_LCORE;

/* sstp_frame: PPP and SSTP header in front of an inner packet.  false: no headroom. */
bool sstp_frame(const struct dp_session *s, struct rte_mbuf *m) ON_LCORE;

/* sstp_control: a control packet without attributes; NULL: no buffer. */
struct rte_mbuf *sstp_control(struct lcore *lc, uint16_t type) ON_LCORE;

/* sstp_ppp_frame: FF 03 and an SSTP header in front of a PPP frame of ours (m at the protocol field). */
bool sstp_ppp_frame(struct rte_mbuf *m) ON_LCORE;

#endif
