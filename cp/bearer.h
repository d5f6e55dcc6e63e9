/* bearer.h - what carries a PPP link, as PPP sees it.
 *
 * PPP (cp/ppp) knows its tunnel only by these functions, and starts when it is told that the bearer is up; it never
 * sees a tunnel's state.  One bearer per tunnel protocol (cp/l2tp, later cp/pptp, cp/sstp), plus a loop-back bearer in
 * the tests.  dp knows the same thing as one row per encapsulation.  Everything here runs on MAIN.
 *
 * Frames passed through `send` and given to ppp_input start at the PPP protocol field (two bytes, uncompressed), without
 * address and control; whoever puts them on the wire adds those as the encapsulation wants.
 */
#ifndef CP_BEARER_H
#define CP_BEARER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#include "cause.h"

struct bearer;

/* What a bearer knows of its two ends; strings live as long as the bearer. */
struct bearer_info {
	const char *type; /* "l2tp", "pptp", "sstp" */
	struct addr peer, local;
	uint16_t peer_port, local_port;
	const char *calling, *called; /* numbers or addresses, never NULL */
};

/* Session keys for MPPE (RFC 3079) and the SSTP crypto binding, as MS-CHAP yields them. */
struct ppp_keys {
	uint8_t send[16], recv[16]; /* master keys: what we send with, what we receive with */
	uint8_t len;                /* 0: none */
	/* MS-CHAPv1 makes keys of 40 and 56 bits of the LAN Manager hash, both ways (RFC 3079 2.1, 2.2); else they are the
	 * first 8 octets of the ones above (3.2). */
	uint8_t lm[8];
	bool has_lm;
};

struct bearer_ops {
	/* send: one PPP frame towards the peer.  It may be lost, like any frame; the caller retransmits. */
	void (*send)(struct bearer *b, const uint8_t *frame, size_t len, struct mono now);
	/* close: PPP is done; clear the call with the cause's result codes.  Frees nothing of PPP's. */
	void (*close)(struct bearer *b, enum cause cause, struct mono now);
	/* describe: for the log, the CLI and accounting. */
	void (*describe)(const struct bearer *b, struct bearer_info *out);
	/* overhead: bytes that the encapsulation adds to a PPP payload on the wire, outer IP header included. */
	unsigned (*overhead)(const struct bearer *b);
	/* keys: authentication has succeeded, and yielded these keys, or none (len 0: PAP, CHAP).  Comes before the peer is
	 * told.  No `keys` at all: the link is negotiated again, and those of before are over.  NULL when the bearer has no
	 * use for it. */
	void (*keys)(struct bearer *b, const struct ppp_keys *keys, struct mono now);
};

struct bearer {
	const struct bearer_ops *ops;
};

#endif
