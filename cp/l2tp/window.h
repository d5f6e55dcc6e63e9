/* window.h - reliable delivery of control messages: RFC 2661 5.8 and appendix A.
 *
 * One per tunnel, embedded in it.  Sending: messages are queued, and numbered and sent as the window allows: the smaller
 * of the peer's receive window and the congestion window, which starts at one message, grows by slow start
 * and then by one a round trip, and falls back to one when a retransmission shows congestion.  One timer watches the
 * oldest unacknowledged message; each retransmission doubles the wait up to the cap; when all have been in vain the
 * peer is dead.  After a loss the window is sent again from the oldest (what the peer has kept, its Nr skips).
 *
 * Receiving: messages are delivered once and in order; those ahead of their turn wait if they lie in the window that we
 * advertised.  Acknowledgements ride on our own messages; when none goes out within WINDOW_ACK_MS, a ZLB is sent.
 *
 * Bounds: what a peer can make us queue by asking and not acknowledging are answers (CDNs that its own messages
 * caused); with WINDOW_ANSWERS of them, or WINDOW_QUEUE messages of any kind, it is given up as if it were dead.  The
 * rest is bounded by the calls that are allowed.  Being deaf to such a peer instead would let two honest ends, each
 * waiting for the other's acknowledgements, stall each other.
 *
 * MAIN only.  l2tp_window_init .. l2tp_window_fini; queued messages are on the heap, counted in *held.
 *
 * Invariants: una <= nxt <= max in sequence space; `out` holds `queued` messages, of which the first max - una are those
 * sent with the numbers una .. max - 1; `early` is ascending, without duplicates, above rcv_nxt and below rcv_nxt + our
 * window.
 */
#ifndef CP_L2TP_WINDOW_H
#define CP_L2TP_WINDOW_H

#include <sys/queue.h>

#include "l2tp/msg.h"

#define WINDOW_ACK_MS 20
#define WINDOW_ANSWERS 1024
#define WINDOW_QUEUE 131072 /* two for every session id */

struct window;

struct window_ops {
	/* transmit: bytes go to the peer now; NULL: a ZLB with Ns max and Nr rcv_nxt. */
	void (*transmit)(struct window *w, const uint8_t *bytes, size_t len, struct mono now);
	/* deliver: the next message in order; bytes is the whole datagram's control message. */
	void (*deliver)(struct window *w, const uint8_t *bytes, size_t len, struct mono now);
	/* dead: a message was not acknowledged in time, or could not be kept; from a timer, once. */
	void (*dead)(struct window *w, struct mono now);
};

struct window_params {
	uint32_t rtimeout_ms, rtimeout_cap_ms, retransmit;
	uint16_t recv_window;
};

struct window_msg {
	STAILQ_ENTRY(window_msg) link;
	uint16_t ns, len; /* ns: of those in `early` */
	bool answer;
	uint8_t bytes[];
};

STAILQ_HEAD(window_queue, window_msg);

struct window {
	const struct window_ops *ops;
	struct timers *timers;
	uint64_t *stats;
	size_t *held; /* queued messages of all windows of the instance */
	struct window_params params;

	uint16_t una, nxt, max; /* oldest unacknowledged, next to send, above all sent */
	uint32_t queued, answers;
	uint16_t peer_rws, cwnd, ssthresh;
	uint16_t ca_acks; /* acknowledged since cwnd grew last, in congestion avoidance */
	struct window_queue out;
	uint32_t retries, rto_ms;
	struct timer rtx;

	uint16_t rcv_nxt;
	struct window_queue early;
	struct timer ack; /* pending: an acknowledgement is owed */
	bool is_dead;
	bool failed; /* a message could not be kept: what comes no longer saves the peer */
};

void l2tp_window_init(struct window *w, const struct window_ops *ops, struct timers *timers,
		      const struct window_params *params);
void l2tp_window_fini(struct window *w);

/* l2tp_window_set_peer_rws: the peer's Receive Window Size AVP, or the default of 4. */
void l2tp_window_set_peer_rws(struct window *w, uint16_t rws);

/* l2tp_window_send: keeps and, as soon as the window allows, sends one message.  A message that cannot be kept (memory,
 * bounds) makes the peer dead: reliable delivery has failed. */
void l2tp_window_send(struct window *w, const uint8_t *bytes, size_t len, bool answer, struct mono now);

/* l2tp_window_input: a control message or ZLB for this tunnel, header parsed into h; len is h's, padding cut. */
void l2tp_window_input(struct window *w, const struct l2tp_hdr *h, const uint8_t *bytes, struct mono now);

/* l2tp_window_expects: whether a message could be of this conversation, by its numbers: new or repeated within the window
 * that we advertised, and acknowledging what is outstanding, no more and no less. */
bool l2tp_window_expects(const struct window *w, const struct l2tp_hdr *h);

/* l2tp_window_trim: forgets the messages that were never sent, if there are more than the peer's window. */
void l2tp_window_trim(struct window *w);

/* l2tp_window_mute: forgets all that was to be sent, for a peer that has said StopCCN; still acknowledges. */
void l2tp_window_mute(struct window *w);

/* l2tp_window_cycle_ms: a full retransmission cycle: 31 s with the defaults (RFC 2661 5.7). */
uint32_t l2tp_window_cycle_ms(const struct window_params *params);

#endif
