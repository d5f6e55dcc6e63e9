/* call.h - an incoming call and its life.  Private to cp/l2tp; MAIN only.
 *
 * l2tp_call_step is the only writer of its state.  A call is freed when it comes to IDLE: after l2tp_call_step the
 * pointer may be stale.
 */
#ifndef CP_L2TP_CALL_H
#define CP_L2TP_CALL_H

#include "l2tp/tunnel.h"

struct call {
	struct l2tp_call pub;         /* first: what the owner and PPP see */
	struct timer timer;           /* set-up */
	LIST_ENTRY(call) link;        /* in starting or running of its tunnel */
	struct call *chain;           /* in the table of calls */
	bool has_calling, has_called; /* numbers to send, not addresses */
	bool owner_closed;            /* the bearer's close: no call_down */
};

/* l2tp_call_step: one event of fsm.h; cause is why, should it end. */
void l2tp_call_step(struct call *c, enum call_event event, enum cause cause, struct mono now);

/* l2tp_call_request: an ICRQ: a new call, or a CDN. */
void l2tp_call_request(struct tunnel *t, const struct l2tp_msg *m, struct mono now);

/* l2tp_call_refuse: CDN for a call of the peer's that is none of ours. */
void l2tp_call_refuse(struct tunnel *t, uint16_t peer_sid, enum cause cause, struct mono now);

/* l2tp_call_proxy: keeps the proxy AVPs of ICCN, if it has any. */
void l2tp_call_proxy(struct call *c, const struct l2tp_msg *m);

/* l2tp_call_sequencing: decides about sequence numbers on data, which the LAC may require.  False: we deny them. */
bool l2tp_call_sequencing(struct call *c, bool required);

/* l2tp_call_free: without a word to anybody. */
void l2tp_call_free(struct call *c);

static inline struct tunnel *
call_tunnel(const struct call *c)
{
	return (struct tunnel *)c->pub.tunnel;
}

#endif
