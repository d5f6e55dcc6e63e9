/* msg.h - the payloads of msg.def.
 *
 * Messages travel as records of a byte ring (millrace/byte_ring.h), one pair of rings for each worker core; the record's
 * handle names the object (handle.h), or is HANDLE_NONE.  Addresses are struct addr, numbers are in host order.  A
 * struct is copied, never shared.
 *
 * Shares of a ring: a DATAGRAM leaves half of it free, a STREAM record a quarter, LIFECYCLE and COMMAND may fill it.
 *
 * The two-step end: SESSION_CLOSE withdraws timers and gates and bumps the slot's generation (handle.h); SESSION_CLOSED
 * answers it once, with the handle that cp knew and the final counters.  Until cp has read that, the slot is cp's to
 * leave alone.  A second SESSION_CLOSE, a SESSION_SET or a FRAME_PPP that comes too late finds another generation and is
 * ignored (counted: messages_stale, FRAME_STALE).  SESSION_OPEN on a slot that is not free is ignored likewise.
 * SESSION_DEAD is said once for a session, and not after its SESSION_CLOSED.
 */
#ifndef DP_MSG_H
#define DP_MSG_H

#include <stdint.h>

#include <millrace/addr.h>

enum dp_msg {
#define MSG(name, ...) DP_MSG_##name,
#include "msg.def"
#undef MSG
	DP_MSG_COUNT
};

enum dp_msg_class { DP_CLASS_DATAGRAM, DP_CLASS_STREAM, DP_CLASS_LIFECYCLE, DP_CLASS_COMMAND };
enum dp_msg_direction { DP_TO_DP, DP_TO_CP };

struct dp_msg_row {
	const char *name, *meaning;
	uint16_t size; /* of the payload struct; 0 for dp_none */
	enum dp_msg_direction direction;
	enum dp_msg_class class;
};

/* dp_msg_row: never NULL for type < DP_MSG_COUNT.  Constant data, any thread. */
const struct dp_msg_row *dp_msg_row(unsigned type);

/* dp_msg_keep_free: bytes of a ring of `size` that a record of this class must leave free. */
uint32_t dp_msg_keep_free(enum dp_msg_class class, uint32_t size);

struct dp_none {
	char nothing[0];
};

enum dp_bearer { DP_BEARER_NONE, DP_BEARER_L2TP, DP_BEARER_PPTP, DP_BEARER_SSTP, DP_BEARER_COUNT };

/* The two ends of a UDP conversation, and how to reach the peer. */
struct dp_udp_path {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint16_t iface; /* where it was received */
	uint16_t reserved;
	uint32_t nh; /* FRAME_UDP: the next hop towards the peer (nexthop.h) */
};

struct dp_eth_path {
	uint16_t iface;
	uint16_t ether_type;
	uint8_t dst[6], src[6]; /* FRAME_ETH: src is filled in by dp */
};

/* What is spoken on a TCP connection. */
enum dp_stream { DP_STREAM_NONE, DP_STREAM_SSTP, DP_STREAM_PPTP, DP_STREAM_ECHO /* RFC 862, for tests */ };

/* What is under it: TCP alone, or TLS, with the versions of an old client allowed or not. */
enum dp_tls { DP_TLS_NONE, DP_TLS_NORMAL, DP_TLS_LEGACY };

struct dp_listen {
	struct addr addr;
	uint16_t port;
	uint8_t ip_proto;           /* 6 or 17 */
	uint8_t on;                 /* 0: no longer */
	uint16_t last_port;         /* of a range from `port` on; 0: port alone */
	uint8_t stream;             /* of TCP: enum dp_stream */
	uint8_t tls;                /* of TCP: enum dp_tls */
	uint8_t proxy;              /* of TCP: a PROXY header comes first, before TLS */
	uint8_t udp6_zero_checksum; /* of UDP: L2TP data over IPv6 may come without a checksum (RFC 6935) */
};

/* Connections are named by handles that dp makes: the core, the place in its pool, the generation.  A message for a
 * connection that is gone finds another generation and is ignored.  What CONN_OPEN is followed by: name_len bytes of the
 * TLS server name (SNI), then proxy_len bytes of the PROXY header as it came. */
struct dp_conn_open {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint8_t stream; /* enum dp_stream */
	uint8_t tls;    /* enum dp_tls */
	uint16_t name_len, proxy_len;
	uint16_t tls_version;                   /* 0x0304: TLS 1.3; 0: no TLS */
	uint8_t cert_sha1[20], cert_sha256[32]; /* of the certificate shown on this connection, DER */
};

struct dp_conn_close {
	uint8_t abort; /* RST now; 0: FIN when what is queued has gone */
	uint8_t reserved[3];
};

enum dp_conn_gone_reason {
	DP_CONN_CLOSED,   /* both sides have said FIN, or we were told to close */
	DP_CONN_RESET,    /* by the peer */
	DP_CONN_TIMEOUT,  /* the peer acknowledges nothing any more */
	DP_CONN_SILENT,   /* no answer to SSTP Echo */
	DP_CONN_PROTOCOL, /* what came cannot be: framing, an HTTP head without an end */
	DP_CONN_TLS,      /* TLS ended it: tls_reason and alert say more */
	DP_CONN_LOAD,     /* the core's buffers: it held too many that could not be used yet, or none was left for it */
};

struct dp_conn_gone {
	uint8_t reason;     /* enum dp_conn_gone_reason */
	uint8_t tls_reason; /* enum tls_reason (tls-offload/reason.h) */
	uint8_t alert;      /* RFC 8446 6: the peer's, or ours */
	uint8_t reserved[1];
};

/* A connection that never came to CONN_OPEN.  Followed by the TLS server name, if the client gave one. */
struct dp_conn_failed {
	struct addr peer;
	uint16_t peer_port, local_port;
	struct dp_conn_gone why;
	uint16_t name_len, proxy_len;
};

/* Handle index: our tunnel id.  Session slots of the tunnel are region << 16 | session id. */
struct dp_tunnel {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint16_t peer_tid;
	uint16_t region;
};

struct dp_session_open {
	struct addr local, peer;
	uint16_t local_port, peer_port;
	uint16_t our_tid, our_sid, peer_tid, peer_sid; /* L2TP; our_sid == slot & 0xffff */
	uint32_t nh;                                   /* towards the peer, in the access table */
	uint64_t conn;                                 /* SSTP: the handle of its TCP connection */
	uint16_t sstp_echo_s;                          /* SSTP: silence before an Echo Request */
	uint8_t bearer;                                /* enum dp_bearer */
	uint8_t l2tp_length;                           /* send data with the L bit */
	uint8_t l2tp_seq;                              /* dp_l2tp_seq bits */
	uint16_t gre_window;                           /* PPTP: so many packets wait for one before them ... */
	uint16_t gre_patience_ms;                      /* ... and so long; our_sid and peer_sid are the call ids */
	uint8_t udp6_zero_checksum;                    /* L2TP: send data over IPv6 without a checksum (RFC 6935) */
};

/* Sequence numbers on data, RFC 2661 5.4. */
enum dp_l2tp_seq {
	DP_L2TP_SEQ_ON = 1 << 0,      /* send them, and drop what comes late by them */
	DP_L2TP_SEQ_REQUIRE = 1 << 1, /* drop what comes without */
};

enum dp_session_what {
	DP_SET_GATES = 1 << 0,
	DP_SET_LINK = 1 << 1, /* MRU, ACFC, PFC, magics: LCP is open */
	DP_SET_ECHO = 1 << 2,
	DP_SET_IP4 = 1 << 3,
	DP_SET_NH = 1 << 4,   /* the route to the tunnel peer has changed */
	DP_SET_PORT = 1 << 5, /* the tunnel peer has another UDP port; data of the old one is dropped from now on */
};

enum dp_gate {
	DP_GATE_AUTHENTICATED = 1 << 0,
	DP_GATE_IP4 = 1 << 1,
	DP_GATE_IP6 = 1 << 2,
	DP_GATE_MPPE_REQUIRED = 1 << 3,
	DP_GATE_SSTP_BOUND = 1 << 4,
};

struct dp_session_set {
	uint32_t what;  /* dp_session_what bits: which of the fields below count */
	uint32_t gates; /* dp_gate bits, all of them at once */
	/* largest inner packet that may be sent down: the peer's MRU or ours to it, the smaller; 0: LCP is not open */
	uint16_t mtu;
	uint8_t acfc, pfc; /* the peer takes compressed address/control and protocol fields from us */
	uint32_t our_magic, peer_magic;
	uint16_t echo_interval_s; /* silence before an Echo-Request goes out; 0: no echo */
	uint16_t echo_failure;    /* so many unanswered requests: SESSION_DEAD; 0: never */
	uint16_t echo_probe_s;    /* between requests once the peer is silent; 0: the interval */
	uint16_t echo_timeout_s;  /* so long a silence: SESSION_DEAD, echo_failure does not count; 0: it does */
	uint32_t ip4;             /* of the subscriber */
	uint32_t gateway_ip4;     /* ours on this link */
	uint32_t nh;
	uint8_t isolate; /* with DP_SET_IP4: no traffic to other subscribers */
	uint8_t reserved[1];
	uint16_t peer_port; /* with DP_SET_PORT */
};

/* RFC 3078, RFC 3079.  Data that waits for it in a queue of ours is encrypted too. */
struct dp_session_keys {
	uint8_t up;   /* which direction: 1: what the subscriber sends */
	uint8_t bits; /* 40, 56, 128; 0: not encrypted any longer */
	uint8_t stateless;
	uint8_t reserved[1];
	uint8_t start_key[16]; /* with 40 and 56 bits, 8 octets */
};

struct dp_adj_up {
	struct addr addr; /* the neighbour */
	uint32_t adj;
	uint16_t iface;
	uint16_t reserved;
};

struct dp_resolve {
	struct addr addr;
	uint16_t iface;
	uint16_t reserved;
};

enum dp_dead_reason { DP_DEAD_ECHO };

struct dp_session_dead {
	uint32_t reason; /* enum dp_dead_reason */
};

/* Inner packets and bytes: IP, without PPP and tunnel headers. */
struct dp_counters {
	uint64_t up_packets, up_bytes;
	uint64_t down_packets, down_bytes;
	uint64_t up_drops, down_drops;
};

#endif
