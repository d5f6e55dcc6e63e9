/* room.h - what the files of cp/pptp share.  Private, MAIN. */
#ifndef CP_PPTP_ROOM_H
#define CP_PPTP_ROOM_H

#include "pptp/pptp.h"

struct pptp {
	struct pptp_config config;
	char host_name[PPTP_TEXT + 1];
	const struct pptp_ops *ops;
	void *owner;
	struct timers *timers;
	struct pptp_stats stats;
	struct conn *conns; /* by id */
	uint64_t n_ids;     /* given so far */
};

/* pptp_conn_send: builds, traces and sends. */
void pptp_conn_send(struct pptp_conn *c, const struct pptp_msg *m) ON_MAIN;

/* pptp_conn_idle: a connection without calls has only so much time. */
void pptp_conn_idle(struct pptp_conn *c, struct mono now) ON_MAIN;

/* pptp_call_input: a message about a call, on an established connection. */
void pptp_call_input(struct pptp_conn *c, const struct pptp_msg *m, struct mono now) ON_MAIN;

/* pptp_call_ask: asks for a call of ours. */
void pptp_call_ask(struct pptp_conn *c, struct mono now) ON_MAIN;

/* pptp_call_all_down: no call is left; says nothing to the peer. */
void pptp_call_all_down(struct pptp_conn *c, enum cause cause, struct mono now) ON_MAIN;

#endif
