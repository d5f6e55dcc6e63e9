/* peer.h - for tests: a scripted peer of one sim end, which keeps the sequence numbers and nothing else.
 *
 *	peer_start(&p, 1, &config)                    end 1 is ours; the test plays end 0
 *	peer_say(&p, L2TP_MSG_SCCCN)                  AVPs with the avp functions between peer_begin and peer_end
 *	peer_hear(&p, L2TP_MSG_ICRP)                  the next message that is not a ZLB must be this; its AVPs are in p.m
 */
#ifndef CP_L2TP_PEER_H
#define CP_L2TP_PEER_H

#include "l2tp/sim.h"

struct peer {
	struct sim sim;
	struct sim_end *e;
	struct build b;
	struct l2tp_hdr h;
	struct l2tp_msg m;
	uint16_t ns, nr; /* ours to come; the next that we expect */
	uint16_t tid;    /* the end's tunnel id, as we learnt it */
};

#define PEER_TID 4242
#define PEER_SID 99

void peer_start(struct peer *p, unsigned index, const struct l2tp_config *config);

/* peer_stop: ends everything, and asserts that nothing is left. */
void peer_stop(struct peer *p);

/* peer_forget: as a client that was killed and started again: sequence numbers from 0, tunnel unknown. */
void peer_forget(struct peer *p);

void peer_begin(struct peer *p, unsigned type, uint16_t sid);
void peer_avp(struct peer *p, uint16_t flags, uint16_t vendor, uint16_t attr, const void *value, uint16_t len);
void peer_end(struct peer *p);
void peer_say(struct peer *p, unsigned type, uint16_t sid);
void peer_zlb(struct peer *p);

/* peer_hear_any: the type of the next message, or 0; ZLBs are passed over. */
unsigned peer_hear_any(struct peer *p);
void peer_hear(struct peer *p, unsigned type);

/* peer_hear_stop, peer_hear_cdn: with this result and error. */
void peer_hear_result(struct peer *p, unsigned type, unsigned result, unsigned error);

/* The usual ways up: to wait-ctl-conn, established, call in wait-connect, call established (its sid is returned). */
void peer_sccrq(struct peer *p, uint16_t tid);
void peer_half_open(struct peer *p);
void peer_open(struct peer *p);
uint16_t peer_icrq(struct peer *p, uint16_t sid);
uint16_t peer_call(struct peer *p, uint16_t sid);

#endif
