/* mppe.h - Microsoft Point-to-Point Encryption of data packets: RFC 3078.
 *
 *	|A|B|C|D| Coherency Count (12) |  encrypted: PPP protocol field, information
 *
 * Two stages, and what of CCP cannot wait for MAIN: Reset-Request and Reset-Ack (RFC 1962 5.7).  Owner: the worker core.
 * Memory: struct mppe of a session is lc->mppe[slot]; MAIN gives each direction its key by SESSION_KEYS.
 *
 * Stateless, each packet has a key of its own, made from the one before: a gap costs the keys in between, of which no
 * more than MPPE_CATCH_UP are made for one packet; a packet that is further ahead is dropped, and brings us that much
 * nearer.  Stateful, one stream goes on from packet to packet and changes its key each 256; a gap makes all undecipherable
 * until the peer, asked by a Reset-Request, starts anew.
 *
 * What a new start is, peers disagree on: RFC 3078 3.1 has the stream begin again with the key in use, Linux changes the
 * key first.  We start anew by going on to the next packet that changes the key anyway, where both agree, and of the
 * peer's we try both, and that it did so before in packets that are lost.
 */
#ifndef DP_MPPE_H
#define DP_MPPE_H

#include "lcore.h"
#include "mppe_key.h"

#define MPPE_HDR_LEN 2
#define MPPE_OVERHEAD 4 /* the header, and the protocol field that is encrypted */
#define MPPE_CATCH_UP 32
#define MPPE_CATCH_UP_SOON 4 /* more than these keys at once, or a trial of a restart that fails: once a millisecond */
#define MPPE_RESTARTS 16     /* of a stateful peer that we may miss in a row */
#define MPPE_RESET_MS 500    /* between Reset-Requests that get no answer */

#define PPP_MPPE 0x00fd
#define PPP_CCP 0x80fd

struct mppe {
	struct mppe_key up, down;
};

/* mppe_up: stage MPPE_UP.  In: m at the MPPE header, s.  What is decrypted to IPv4 joins `clear`, m at the inner header;
 * Reset-Requests of ours join `replies`, m at the PPP protocol field. */
void mppe_up(struct lcore *lc, struct lane *v, struct lane *clear, struct lane *replies) ON_LCORE;

/* mppe_down: stage MPPE_DOWN.  In: inner IPv4 packets for sessions that encrypt (nh).  Out: m at the MPPE header. */
void mppe_down(struct lcore *lc, struct lane *v) ON_LCORE;

enum mppe_reset { MPPE_RESET_NONE, MPPE_RESET_TAKEN, MPPE_RESET_ANSWERED };

/* mppe_reset: is this a CCP packet that is ours?  m at the code field; ANSWERED: it is the Reset-Ack to be sent now. */
enum mppe_reset mppe_reset(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m) ON_LCORE;

#endif
