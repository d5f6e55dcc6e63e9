/* message.h - one message of MAIN, as its handler on the worker core sees it.
 *
 * One handler function for each TO_DP row of msg.def; lcore_msg.c has the table.  Owner: the worker core.
 */
#ifndef DP_MESSAGE_H
#define DP_MESSAGE_H

#include <stddef.h>

#include "lcore.h"

struct message {
	uint64_t handle;
	const void *payload;  /* the row's struct, aligned */
	const uint8_t *bytes; /* what follows it */
	size_t len;
};

/* lcore_receive: hands at most `quota` messages to their handlers; how many there were. */
unsigned lcore_receive(struct lcore *lc, unsigned quota) ON_LCORE;

/* session_find: the open session of this handle, or NULL when it is gone. */
struct dp_session *session_find(struct lcore *lc, uint64_t handle) ON_LCORE;

void listen_set(struct lcore *lc, const struct message *m) ON_LCORE;
void tunnel_set(struct lcore *lc, const struct message *m) ON_LCORE;
void tunnel_close(struct lcore *lc, const struct message *m) ON_LCORE;
void session_open(struct lcore *lc, const struct message *m) ON_LCORE;
void session_set(struct lcore *lc, const struct message *m) ON_LCORE;
void session_keys(struct lcore *lc, const struct message *m) ON_LCORE;
void session_close(struct lcore *lc, const struct message *m) ON_LCORE;
void frame_ppp(struct lcore *lc, const struct message *m) ON_LCORE;
void frame_udp(struct lcore *lc, const struct message *m) ON_LCORE;
void frame_eth(struct lcore *lc, const struct message *m) ON_LCORE;
void conn_say(struct lcore *lc, const struct message *m) ON_LCORE;
void conn_close(struct lcore *lc, const struct message *m) ON_LCORE;
void adj_up(struct lcore *lc, const struct message *m) ON_LCORE;

#endif
