/* world.h - for tests: a server whose every word is kept: to the wire, to the log, to the control socket.
 *
 *	world_begin(auth, l2tp, top); ... world.t is the twin ... world_ask("show session l2tp0"); world_log(); world_end()
 *
 * The worker holds back the answer to each SESSION_CLOSE until world_release, so that a session that is ending can be
 * looked at.
 */
#ifndef CP_WORLD_H
#define CP_WORLD_H

#include "l2tp/tunnel.h"
#include "twin.h"

#define WORLD_HELD 8

/* The server's last message of a kind. */
struct world_said {
	unsigned times;
	uint16_t result, error;
	char text[128];
};

struct world {
	struct twin t; /* first */
	struct log *log;
	char dir[32];
	struct dataplane_ops ops;
	const struct dataplane_ops *real;
	uint64_t held[WORLD_HELD];
	unsigned n_held;
	bool holding;
	struct world_said cdn, stop;                        /* CDN, StopCCN */
	struct world_said term, auth;                       /* LCP Terminate-Request; CHAP Failure or PAP Nak */
	uint16_t tid;                                       /* of the server's tunnel that sent the last SCCRP */
	void (*on_frame)(const uint8_t *frame, size_t len); /* the server sends a PPP frame */
};

extern struct world world;

/* world_begin: a server with these words in `authentication`, `l2tp` and at the top level; NULL: usual ones. */
void world_begin(const char *auth, const char *l2tp, const char *top);
void world_end(void);

/* world_release: the worker answers, also from now on. */
void world_release(void);

/* world_ask: the answer of the control socket to a command, lines of JSON; valid until the next. */
const char *world_ask(const char *command);

/* world_log: closes the log; all that was written. */
const char *world_log(void);

/* world_say: a PPP frame of call 0's client, protocol field first.  world_tell: a datagram of a stranger. */
void world_say(const void *frame, size_t len);
void world_tell(struct build *b, uint16_t ns, uint16_t nr);

#endif
