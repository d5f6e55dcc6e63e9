/* fsm.h - the state machines of RFC 2661 as tables: control connection (7.2.1), incoming call at the LAC (7.4.1) and at
 * the LNS (7.4.2).  A cell says what to do and what the state is after; tunnel_step and call_step, which look it up,
 * are the only writers of the states.  Whether a message is "acceptable" is judged before: one that is not becomes the
 * event CLOSE with its cause.  Constant data; any thread.
 */
#ifndef CP_L2TP_FSM_H
#define CP_L2TP_FSM_H

#include "l2tp/l2tp.h"

#define TUNNEL_EVENTS(X)                                                                                               \
	X(OPEN)  /* local open request */                                                                              \
	X(SCCRQ) /* acceptable */                                                                                      \
	X(SCCRP) /* acceptable */                                                                                      \
	X(SCCCN) /* acceptable */                                                                                      \
	X(STOPCCN)                                                                                                     \
	X(CLOSE) /* admin close, a time that ran out, or a message that is not acceptable */                           \
	X(DEAD)  /* the peer no longer acknowledges: RFC 2661 5.8 */

enum tunnel_event {
#define X(name) TUNNEL_EV_##name,
	TUNNEL_EVENTS(X)
#undef X
		TUNNEL_EV_COUNT
};

enum tunnel_action {
	TUNNEL_DO_NOTHING,
	TUNNEL_DO_SCCRQ,
	TUNNEL_DO_SCCRP,
	TUNNEL_DO_SCCCN_OPEN, /* send SCCCN, then as OPEN */
	TUNNEL_DO_OPEN,       /* tunnel-open event to waiting calls */
	TUNNEL_DO_STOPCCN,    /* send StopCCN, clean up */
	TUNNEL_DO_ORDER,      /* the same: the message does not belong here */
	TUNNEL_DO_CLEAN,      /* clean up */
};

struct tunnel_cell {
	enum tunnel_action action;
	enum l2tp_tunnel_state next;
};

struct tunnel_cell l2tp_tunnel_cell(enum l2tp_tunnel_state state, enum tunnel_event event) ANY_THREAD;

#define CALL_EVENTS(X)                                                                                                 \
	X(OPEN) /* LAC: bearer ready to indicate an incoming call */                                                   \
	X(TUNNEL_OPEN)                                                                                                 \
	X(ICRQ) /* acceptable, and so on */                                                                            \
	X(ICRP)                                                                                                        \
	X(ICCN)                                                                                                        \
	X(CDN)                                                                                                         \
	X(CLOSE) /* local close request, a time that ran out, or a message that is not acceptable */                   \
	X(TUNNEL_DOWN)

enum call_event {
#define X(name) CALL_EV_##name,
	CALL_EVENTS(X)
#undef X
		CALL_EV_COUNT
};

enum call_action {
	CALL_DO_NOTHING,
	CALL_DO_ICRQ,
	CALL_DO_ICRP,
	CALL_DO_ICCN_UP, /* send ICCN, then as UP */
	CALL_DO_UP,      /* the bearer carries PPP */
	CALL_DO_CDN,     /* send CDN, clean up */
	CALL_DO_ORDER,   /* the same: the message does not belong here */
	CALL_DO_CLEAN,   /* clean up */
};

struct call_cell {
	enum call_action action;
	enum l2tp_call_state next;
};

struct call_cell l2tp_call_cell(bool lac, enum l2tp_call_state state, enum call_event event) ANY_THREAD;

#endif
