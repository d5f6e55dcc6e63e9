/* session.h - a subscriber's session on its worker core: 256 bytes, four cache lines, each for one direction's work.
 *
 * Owner: the worker core; written by messages from MAIN (session_msg.c) and by the path.  MAIN reads the counters, and
 * nothing else.  Slots come from an array sized at start; MAIN chooses the slot, the core keeps its generation.
 *
 * Invariants (session_check in debug builds):
 *   generation             !=  0
 *   state == SESSION_FREE  =>  gates == 0, no timer pending
 *   down_open              ==  state == SESSION_OPEN and the gates AUTHENTICATED and IP4 are open, and mppe_down
 *			       is set if the gate MPPE_REQUIRED is
 *   bearer L2TP or PPTP    =>  our_sid == (slot & 0xffff)
 */
#ifndef DP_SESSION_H
#define DP_SESSION_H

#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>

#include <dp/msg.h>
#include <millrace/addr.h>
#include <millrace/role.h>
#include <millrace/wheel.h>

enum dp_session_state { SESSION_FREE, SESSION_OPEN };

/* A LIFECYCLE message that found the ring full.  One at most: the end overtakes the news that the peer is dead. */
enum session_pending { PENDING_NONE, PENDING_DEAD, PENDING_CLOSED };

#define SLOT_NONE UINT32_MAX

#define SESSION_TEMPLATE_MAX 64
#define PPP_HDR_MAX 4 /* address, control, protocol: at the end of the template */

struct dp_session {
	/* line 0: up */
	alignas(64) uint8_t state; /* enum dp_session_state */
	uint8_t bearer;            /* enum dp_bearer */
	uint8_t gates;             /* enum dp_gate; written by session_set_gates alone */
	uint8_t isolate;
	uint32_t generation;
	/* Outer source that data must have, and the tunnel that it must name: l2tp_up compares these 20 octets at once. */
	alignas(8) struct addr peer;
	uint16_t peer_port, our_tid;
	uint32_t ip4; /* the subscriber's */
	uint64_t up_packets, up_bytes;
	int64_t last_up_us;
	uint8_t link_open; /* LCP is open: the last DP_SET_LINK had an MTU; echo is answered here then, by MAIN before */
	uint8_t l2tp_seq;  /* enum dp_l2tp_seq */
	uint16_t our_sid;
	uint16_t l2tp_nr;   /* with l2tp_seq: the number that the next data message should have */
	uint8_t gates_more; /* enum dp_gate: those that data needs besides AUTHENTICATED and its protocol's */
	uint8_t reserved1[1];

	/* line 1: down, the headers as they go out, right-aligned (template.h) */
	alignas(64) uint8_t template[SESSION_TEMPLATE_MAX];

	/* line 2: down */
	alignas(64) uint64_t down_packets;
	uint64_t down_bytes, down_drops;
	int64_t last_down_us;
	union {
		uint32_t nh;   /* towards the tunnel peer */
		uint32_t conn; /* of a session that has a queue: its connection (conn.h) */
	};
	uint16_t mtu;         /* of inner packets */
	uint16_t l2tp_ns;     /* with l2tp_numbered: of the next data message */
	uint8_t down_open;    /* IPv4 may go down: what line 0 says, kept here so that down need not touch line 0 */
	uint8_t template_len; /* bytes in use at the end of template */
	uint8_t ppp_len;      /* of these, the PPP header */
	uint8_t l2tp_length;  /* L bit: the L2TP header has a length field */
	uint8_t acfc, pfc;    /* what the peer takes */
	uint8_t echo_id;
	uint8_t punt_tokens;       /* policer of control frames to MAIN, per session */
	uint32_t punt_refill_ms;   /* low 32 bits of the time at which it was last refilled */
	uint8_t l2tp_numbered : 1; /* S bit: the L2TP header has Ns and Nr */
	uint8_t gre : 1;           /* the tunnel header is GRE's (gre.h) ... */
	uint8_t gre_acks : 1;      /* ... and has an acknowledgment number */
	uint8_t gre_owes : 1;      /* that number has not gone out yet */
	uint8_t queued : 1;        /* SSTP: what goes down waits in its queue; the template is the PPP header alone */
	uint8_t ip6 : 1;           /* the tunnel header begins with IPv6's */
	uint8_t udp_checksum : 1;  /* of IPv6: data has one */
	uint8_t mppe_down;         /* what goes down is encrypted: the PPP header says so (mppe.h) */
	uint16_t link_mtu;         /* of frames; mtu is what MPPE leaves of it */
	uint32_t echo_heard_ms;    /* low 32 bits of the time of the peer's last control frame */
	uint32_t gre_ns;           /* sequence number of the next packet */

	/* line 3: timers and what is seldom read */
	alignas(64) struct wheel_node timer; /* LCP echo, lazy */
	uint32_t our_magic, peer_magic;
	uint16_t echo_interval_s, echo_failure, echo_unanswered;
	uint16_t echo_probe_s;
	uint64_t up_drops;
	uint32_t gateway_ip4;
	uint32_t pending_next; /* lcore.pending_first: the next slot, or SLOT_NONE */
	uint8_t pending;       /* enum session_pending */
	uint8_t dead_sent;
	uint16_t echo_timeout_s;
};
_Static_assert(sizeof(struct dp_session) == 256, "budget: 256 bytes a session");

/* session_set_gates: the only way to change gates (and after state has changed, with the same gates). */
static inline void session_set_gates(struct dp_session *s, uint8_t gates) ON_LCORE;

static inline void
session_set_gates(struct dp_session *s, uint8_t gates)
{
	const uint8_t need = DP_GATE_AUTHENTICATED | DP_GATE_IP4 | s->gates_more;
	s->gates = gates;
	s->down_open = s->state == SESSION_OPEN && (gates & need) == need &&
		       (!(gates & DP_GATE_MPPE_REQUIRED) || s->mppe_down);
}

#endif
