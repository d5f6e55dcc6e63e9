/* tunnel.h - a control connection and its life.  Private to cp/l2tp; MAIN only.
 *
 * A tunnel is made by the listener (l2tp_input of an SCCRQ) or by l2tp_tunnel_open, and freed by its timer after
 * CLOSING, or by the listener when the table is full: never from within an event of its own, so a pointer to it stays
 * good through any upcall.  l2tp_tunnel_step is the only writer of its state.
 */
#ifndef CP_L2TP_TUNNEL_H
#define CP_L2TP_TUNNEL_H

#include "l2tp/auth.h"
#include "l2tp/build.h"
#include "l2tp/fsm.h"
#include "l2tp/instance.h"
#include "l2tp/window.h"

LIST_HEAD(call_list, call);

struct tunnel {
	struct l2tp_tunnel pub; /* first: what the owner sees */
	struct l2tp *l2tp;
	struct window window;
	struct timer timer; /* by state: set-up time, idle time (no calls), or linger */
	struct timer hello;
	struct mono heard;          /* when the peer was heard last */
	TAILQ_ENTRY(tunnel) by_age; /* in half_open or closing */
	LIST_ENTRY(tunnel) dialling;
	LIST_ENTRY(tunnel) by_path;
	struct call_list starting, running;
	uint32_t next_serial;
	char secret[L2TP_SECRET_MAX + 1];
	uint8_t challenge[AUTH_LEN]; /* ours, when secret is not "" */
	uint8_t response[AUTH_LEN];  /* to the peer's challenge */
	bool must_respond;           /* the peer has challenged us */
	char offence[32];            /* what the error message of StopCCN or CDN says of the AVP that caused it */
	uint16_t dialled_port;       /* of ours: where the SCCRQ came to */
	uint64_t tie_breaker;        /* 0: none sent */
	bool shared;                 /* counts in its peer's share */
	bool known;                  /* the owner has accepted or opened it, and waits for tunnel_down */
};

/* l2tp_tunnel_new: in IDLE, with an id of ours; NULL without memory or ids. */
struct tunnel *l2tp_tunnel_new(struct l2tp *l2tp, const struct l2tp_path *path, const char *secret, struct mono now);

/* l2tp_tunnel_free: at once, with its calls, without upcalls. */
void l2tp_tunnel_free(struct tunnel *t);

/* l2tp_tunnel_step: one event of fsm.h; cause is why, should it end. */
void l2tp_tunnel_step(struct tunnel *t, enum tunnel_event event, enum cause cause, struct mono now);

/* l2tp_tunnel_send: one message, through the window.  l2tp_tunnel_answer: one that the peer's messages have caused,
 * without a limit of their own (see window.h). */
void l2tp_tunnel_send(struct tunnel *t, struct build *b, struct mono now);
void l2tp_tunnel_answer(struct tunnel *t, struct build *b, struct mono now);

/* l2tp_tunnel_begin: a message of this tunnel, its AVPs hidden if so configured, but for the first two. */
void l2tp_tunnel_begin(struct tunnel *t, struct build *b, uint16_t peer_sid, enum l2tp_type type);

/* l2tp_tunnel_move: it follows its peer to another port. */
void l2tp_tunnel_move(struct tunnel *t, uint16_t peer_port, struct mono now);

/* l2tp_tunnel_discard: ends without a word, and at once (RFC 2661 4.4.3: the loser of a tie). */
void l2tp_tunnel_discard(struct tunnel *t, enum cause cause, struct mono now);

/* l2tp_tunnel_peer: takes over what SCCRQ and SCCRP say of the peer. */
void l2tp_tunnel_peer(struct tunnel *t, const struct l2tp_msg *m);

/* l2tp_tunnel_challenged: computes the answer to the peer's challenge, if m has one.  False: we have no secret. */
bool l2tp_tunnel_challenged(struct tunnel *t, const struct l2tp_msg *m, enum l2tp_type carrier);

/* l2tp_tunnel_response_ok: whether m answers our challenge; without a secret, any message does. */
bool l2tp_tunnel_response_ok(const struct tunnel *t, const struct l2tp_msg *m);

/* l2tp_tunnel_idle: its last call is gone. */
void l2tp_tunnel_idle(struct tunnel *t, struct mono now);

/* l2tp_tunnel_deliver: a message in order, in input.c. */
void l2tp_tunnel_deliver(struct window *w, const uint8_t *bytes, size_t len, struct mono now);

static inline struct tunnel *
tunnel_of(struct window *w)
{
	return (struct tunnel *)(void *)((char *)w - offsetof(struct tunnel, window));
}

#endif
