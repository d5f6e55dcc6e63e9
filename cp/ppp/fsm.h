/* fsm.h - the option negotiation automaton of RFC 1661 section 4, one for LCP and every NCP.
 *
 * Private to cp/ppp; struct ppp embeds one automaton per protocol.  MAIN only.  The automaton is the table in
 * fsm_table.c: fsm_event() is the only writer of `state`, and runs the actions of the cell in the order in which the
 * RFC prints them.  What differs between protocols is a struct fsm_ops.  An ops function never posts an event to its
 * own automaton; it may ask for the end of the whole link (ppp_fail), which happens when the event is done.
 *
 * Besides the RFC's restart timer, the first Configure-Request of a negotiation is sent again early (RFC 1661 4.6
 * leaves the time open): pppd behind xl2tpd listens some 200 ms after the call is up, and a lost first request would
 * cost the whole restart period.  The copy goes out at conf->early_ms, or at the peer's own request when ours is still
 * unanswered.  Only in Req-Sent: we have acknowledged nothing yet, so the peer cannot be Opened, and the copy cannot
 * throw it back into negotiation.  The restart counter does not see these copies.
 */
#ifndef CP_PPP_FSM_H
#define CP_PPP_FSM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/bytes.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#include "timer.h"

enum fsm_state {
#define FSM_STATE(name, text) FSM_##name,
#include "fsm.def"
#undef FSM_STATE
	FSM_STATE_COUNT,
	FSM_NONE = 0xff /* a "-" of the RFC's table: the event cannot happen in that state */
};

enum fsm_event {
#define FSM_EVENT(name, text) FSM_EV_##name,
#include "fsm.def"
#undef FSM_EVENT
	FSM_EVENT_COUNT
};

enum fsm_action {
	FSM_NO_ACTION,
#define FSM_ACTION(name, text) FSM_##name,
#include "fsm.def"
#undef FSM_ACTION
	FSM_ACTION_COUNT
};

/* One cell: up to three actions, left to right, and the new state. */
struct fsm_cell {
	uint8_t action[3];
	uint8_t next;
};

extern const struct fsm_cell fsm_table[FSM_EVENT_COUNT][FSM_STATE_COUNT];
extern const char *const fsm_state_names[FSM_STATE_COUNT];
extern const char *const fsm_event_names[FSM_EVENT_COUNT];
extern const char *const fsm_action_names[FSM_ACTION_COUNT];

/* RFC 1661 5: packet codes */
enum fsm_code {
	CONF_REQ = 1,
	CONF_ACK,
	CONF_NAK,
	CONF_REJ,
	TERM_REQ,
	TERM_ACK,
	CODE_REJ,
	PROTO_REJ,
	ECHO_REQ,
	ECHO_REP,
	DISCARD_REQ,
	IDENT,         /* RFC 1570 2.1 */
	TIME_REMAINING /* RFC 1570 2.2 */
};

#define FSM_HDR 4           /* code, identifier, length */
#define FSM_PACKET_MAX 1500 /* larger control packets are refused */

/* One option of a Configure packet (RFC 1661 6). */
struct fsm_opt {
	uint8_t type;
	uint8_t len;        /* of value */
	const uint8_t *raw; /* with type and length */
	const uint8_t *value;
};

/* A received packet, and what is to be answered to a Configure-Request. */
struct fsm_packet {
	uint8_t code, id;
	uint8_t reply_code;  /* CONF_ACK, CONF_NAK or CONF_REJ */
	const uint8_t *data; /* after the header */
	size_t len;
	const uint8_t *raw; /* the whole packet, for Code-Reject */
	size_t raw_len;
	const uint8_t *reply; /* options of the Nak or Reject */
	size_t reply_len;
};

enum fsm_verdict {
	OPT_ACK,
	OPT_NAK, /* the acceptable value has been written */
	OPT_REJ,
	OPT_LOOP, /* naked, and nothing else in the request counts: it seems to be our own */
};

struct fsm;

struct fsm_ops {
	uint16_t proto;
	/* early_age_ms: when the peer's request finds ours unanswered for this long, ours was lost on a peer that was not
	 * ready; a shorter time means that requests or answers are crossing on the way. */
	uint16_t early_age_ms;
	/* patience: the restart timer waits so many periods in Ack-Sent; 0: one.  For peers whom a late copy of a request that
	 * they have answered throws out of Opened for good. */
	uint8_t patience;
	/* max_configure (opt): for conf->max_configure. */
	uint8_t (*max_configure)(const struct fsm *f);
	/* request: writes the options of our Configure-Request. */
	void (*request)(struct fsm *f, struct wr *out);
	/* judge: one option of the peer's Configure-Request.  `last`: max-failure Naks have been sent, the caller turns
	 * another one into a Reject (RFC 1661 4.6); judge may end the link instead. */
	enum fsm_verdict (*judge)(struct fsm *f, const struct fsm_opt *o, struct wr *nak, bool last);
	/* append (opt): writes options to a Nak that the request lacks. */
	void (*append)(struct fsm *f, const struct fsm_packet *pkt, struct wr *nak, bool last);
	/* commit: an acceptable Configure-Request takes effect; its Ack is sent right after. */
	void (*commit)(struct fsm *f, const struct fsm_packet *pkt, struct mono now);
	/* refused: one option of a Nak or Reject (code) of our request. */
	void (*refused)(struct fsm *f, uint8_t code, const struct fsm_opt *o);
	/* reset: a new negotiation starts: forget what an earlier one learnt. */
	void (*reset)(struct fsm *f);
	/* extra (opt): a code above Code-Reject.  False: unknown. */
	bool (*extra)(struct fsm *f, struct fsm_packet *pkt, struct mono now);
	/* term_text (opt): data of our Terminate-Request. */
	const char *(*term_text)(const struct fsm *f);
	/* term (opt): a Terminate-Request has come, before it takes effect. */
	void (*term)(struct fsm *f, const struct fsm_packet *pkt);
	/* rejected: the peer does not know the protocol, or a code that it must know (RXJ-), before it takes effect. */
	void (*rejected)(struct fsm *f);
	/* again (opt): the restart timer has fired, our Configure-Request is about to be sent again. */
	void (*again)(struct fsm *f, struct mono now);
	/* stuck: the negotiation does not converge. */
	void (*stuck)(struct fsm *f);
	void (*up)(struct fsm *f, struct mono now);                                 /* tlu */
	void (*down)(struct fsm *f, struct mono now);                               /* tld */
	void (*finished)(struct fsm *f, enum fsm_state from, struct mono now);      /* tlf */
	void (*echo)(struct fsm *f, const struct fsm_packet *pkt, struct mono now); /* ser, opt */
};

struct ppp;

struct fsm {
	struct timer timer;
	const struct fsm_ops *ops;
	struct ppp *p;
	struct mono sent_at;  /* our last Configure- or Terminate-Request, early copies apart */
	struct mono acked_at; /* the first Ack of the request below */
	uint32_t acked_sum;   /* the peer's request that we acknowledged last */
	uint8_t acked_id;
	uint8_t state;     /* enum fsm_state; written by fsm_event alone */
	uint8_t from;      /* the state before */
	uint8_t next_id;   /* identifier of our next packet */
	uint8_t req_id;    /* of our last Configure-Request */
	uint8_t restart;   /* the RFC's restart counter */
	uint8_t early;     /* early copies of the request */
	uint16_t naks;     /* sent since the last Ack */
	uint16_t failures; /* Naks and Rejects sent since the last Ack */
	uint16_t refusals; /* Naks and Rejects received in this negotiation */
	bool answered;     /* req_id has got its answer: a copy of that is stale */
	bool timeout;      /* the restart timer is firing: what is sent is sent again */
	bool has_acked;    /* acked_* hold */
};

void fsm_init(struct fsm *f, const struct fsm_ops *ops, struct ppp *p) ON_MAIN;
void fsm_fini(struct fsm *f) ON_MAIN;

/* fsm_event: one step of the table.  pkt: the packet that caused it, NULL for Up, Down, Open, Close and the timer. */
void fsm_event(struct fsm *f, enum fsm_event event, const struct fsm_packet *pkt, struct mono now) ON_MAIN;

/* fsm_input: a packet of this automaton's protocol, from its code field on. */
void fsm_input(struct fsm *f, const uint8_t *packet, size_t len, struct mono now) ON_MAIN;

/* fsm_send: builds and sends one packet of this protocol; cuts data that do not fit. */
void fsm_send(struct fsm *f, uint8_t code, uint8_t id, const void *data, size_t len, struct mono now) ON_MAIN;

/* fsm_request_options: the options that our Configure-Request has at present; returns their length. */
size_t fsm_request_options(struct fsm *f, uint8_t *buf, size_t size) ON_MAIN;

/* fsm_early_copy: the last Configure-Request once more, unless that has been done often enough. */
void fsm_early_copy(struct fsm *f, struct mono now) ON_MAIN;

/* fsm_negotiating: in Req-Sent, Ack-Rcvd or Ack-Sent. */
bool fsm_negotiating(uint8_t state) ANY_THREAD;

/* fsm_opt_next: the next option of a list.  False at its end; also when one does not parse, then r->bad is set. */
bool fsm_opt_next(struct rd *r, struct fsm_opt *o) ANY_THREAD;

/* fsm_opt_put: type, length and a value of `width` 1, 2 or 4 bytes (0: a flag option). */
void fsm_opt_put(struct wr *w, uint8_t type, uint32_t value, unsigned width) ANY_THREAD;

#endif
