/* gre.h - enhanced GRE of PPTP: RFC 2637 4.  Parse, build, the stage that finds the call and puts its packets in order.
 *
 *	|C|R|K|S|s|Recur|A| Flags | Ver |         Protocol Type         |
 *	|    Payload Length (key high)  |      Call ID (key low)        |
 *	|                    Sequence Number (opt)                      |
 *	|                 Acknowledgment Number (opt)                   |
 *
 * The call id in what we receive is ours: cp gives each call the low half of its session's slot, so a call is found by
 * indexing lc->gre, and then the peer's address and state are checked.
 *
 * Order.  A packet whose predecessor is missing waits, as many and as long as the session's keys say, in nodes of a pool
 * that all calls of a core share; then the missing ones are given up.  What comes after that is dropped, unless it is a
 * control frame: those are taken late, because a lost CCP Configure-Ack would cost pppd its session.
 *
 * Acknowledgments.  They ride on what goes down anyway: the number lies in the session's template.  Else one is sent alone
 * after GRE_ACK_MS, or after GRE_ACK_EVERY packets.  We keep no send window: a loss is not repeated in any case, and the
 * windows that clients announce (pptp-linux: 3) are not meant.
 *
 * Owner: the worker core.  Memory: lc->gre, one for each slot of which the low half differs, and lc->gre_held.
 */
#ifndef DP_GRE_H
#define DP_GRE_H

#include <sys/queue.h>

#include "lcore.h"

#define IP4_PROTO_GRE 47
#define GRE_HDR_LEN 16 /* with both numbers */
#define GRE_MIN_LEN 8
#define GRE_PROTOCOL 0x880b
#define GRE_ACK_MS 100
#define GRE_ACK_EVERY 16
#define GRE_HELD                                                                                                       \
	2048 /* packets of all calls of a core that wait, at most; and no more than a twentieth of its buffers */
#define GRE_HELD_MIN 128 /* or so many, where there are few */
#define GRE_NONE UINT32_MAX

struct gre {
	bool has_seq, has_ack;
	uint16_t call_id;
	uint16_t len; /* of the payload */
	uint32_t seq, ack;
	uint8_t hdr_len;
};

/* gre_parse: `have` bytes lie at p, the IP payload has `len`.  Any thread. */
static inline enum drop
gre_parse(const uint8_t *p, uint32_t have, uint32_t len, struct gre *out)
{
	if (unlikely(have < GRE_MIN_LEN))
		return DROP_GRE_SHORT;
	/* RFC 2637 4.1: K is 1, Ver is 1; C, R, s, Recur and Flags are 0. */
	if (unlikely((p[0] & 0xef) != 0x20 || (p[1] & 0x7f) != 1 || be16(p + 2) != GRE_PROTOCOL))
		return DROP_GRE_HEADER;
	*out = (struct gre){.has_seq = p[0] & 0x10, .has_ack = p[1] & 0x80, .call_id = be16(p + 6), .len = be16(p + 4)};
	out->hdr_len = (uint8_t)(GRE_MIN_LEN + 4 * out->has_seq + 4 * out->has_ack);
	if (unlikely(have < out->hdr_len))
		return DROP_GRE_SHORT;
	/* "S: must be set to one if a payload is present"; without one there is nothing to be had but an Ack. */
	if (unlikely(out->hdr_len + out->len > len || (!out->has_seq && out->len)))
		return DROP_GRE_LENGTH;
	if (out->has_seq)
		out->seq = be32(p + 8);
	if (out->has_ack)
		out->ack = be32(p + out->hdr_len - 4);
	return DROP_NONE;
}

/* gre_build: writes a header of GRE_HDR_LEN octets, or 4 less without ack; lengths and numbers are filled in per packet.
 * Returns its length. */
unsigned gre_build(uint8_t *p, uint16_t peer_call_id, bool with_ack);

/* A call, beside its session. */
struct gre_call {
	uint32_t slot; /* of the session; GRE_NONE: no call */
	uint32_t next; /* the sequence number that comes next */
	uint32_t held; /* first node of those that wait, in order of their numbers */
	uint16_t n_held;
	uint16_t window; /* so many may wait */
	uint16_t patience_ms;
	bool heard;       /* `next` holds */
	bool waits, acks; /* in the list of its kind */
	uint16_t unacked; /* packets since the last Ack that went alone */
	TAILQ_ENTRY(gre_call) wait, ack;
	int64_t wait_due_us, ack_due_us;
};

TAILQ_HEAD(gre_list, gre_call);

struct gre_node {
	struct rte_mbuf *m; /* at the PPP header */
	uint32_t seq;
	uint32_t next;
};

/* Lists: calls with something to do, in the order in which it is due. */
struct gre_core {
	uint32_t n_calls;
	struct gre_call *calls;
	struct gre_list waiting, acking;
	uint32_t free; /* nodes */
	struct gre_node node[GRE_HELD];
};

/* gre_bytes: of the calls of a core with so many sessions. */
uint32_t gre_calls(uint32_t sessions);

/* gre_init: *g is zero; calls has gre_calls() of them. */
void gre_init(struct gre_core *g, struct gre_call *calls, uint32_t n_calls, uint32_t mbufs);

/* gre_open, gre_close: for SESSION_OPEN and SESSION_CLOSE of a session whose bearer is PPTP.  close frees what waits. */
void gre_open(struct lcore *lc, struct dp_session *s, const struct dp_session_open *o) ON_LCORE;
void gre_close(struct lcore *lc, struct dp_session *s) ON_LCORE;

/* gre_up: stage GRE_UP.  In: packets to a listener, m at the IPv4 header.  Out, at most `room`: `out`, data of an open
 * session (s), m at the PPP header; their struct pkt are those of v, and those of `more` for what had waited. */
void gre_up(struct lcore *lc, struct lane *v, struct lane *out, struct vec *more, unsigned room) ON_LCORE;

/* gre_overdue: packets whose predecessors have not come in time; up to a vector. */
void gre_overdue(struct lcore *lc, struct vec *out) ON_LCORE;

/* gre_due: something waits that is due: gre_overdue or gre_ack has work. */
static inline bool gre_due(const struct lcore *lc) ON_LCORE;

/* gre_ack: the next acknowledgment that is due, an IP packet to be sent to *nh; NULL: none. */
struct rte_mbuf *gre_ack(struct lcore *lc, uint32_t *nh) ON_LCORE;

static inline bool
gre_due(const struct lcore *lc)
{
	const struct gre_call *wait = lc->gre ? TAILQ_FIRST(&lc->gre->waiting) : NULL;
	const struct gre_call *ack = lc->gre ? TAILQ_FIRST(&lc->gre->acking) : NULL;
	return (wait && wait->wait_due_us <= lc->now.us) || (ack && ack->ack_due_us <= lc->now.us);
}

#endif
