/* loop.h - MAIN's loop: the control socket, the workers' messages, the timers.
 *
 * The one place on MAIN that reads the clock.  It sleeps in epoll for at most a millisecond, because the workers do not
 * wake it: they make no system call under load.  SIGTERM and SIGINT end it in order: sessions, tunnels, then the loop,
 * within shutdown-timeout; a second signal ends it at once.  SIGHUP is a reload.
 */
#ifndef CP_LOOP_H
#define CP_LOOP_H

#include "cp.h"
#include "dp_link.h"

struct cli_server;

struct loop {
	struct cp *cp;
	struct dp_link *link;
	struct cli_server *cli;
	int epoll_fd, signal_fd;
	unsigned signals;    /* SIGTERM and SIGINT so far */
	bool ending;         /* cp_shutdown has been called */
	struct mono hard_at; /* then: who has not taken leave by now is left */
	struct mono end_by;  /* and this is the end in any case */
	bool in_order;       /* nobody had to be left behind */
	unsigned shutdown_s;
	bool link_up[DP_MAX_PORTS]; /* as the log has it */
};

/* loop_now: CLOCK_MONOTONIC. */
struct mono loop_now(void) ON_MAIN;

/* loop_init: -errno. */
int loop_init(struct loop *l, struct cp *cp, struct dp_link *link, struct cli_server *cli, unsigned shutdown_s) ON_MAIN;
void loop_fini(struct loop *l) ON_MAIN;

/* loop_run: returns when all has ended; true when every subscriber and tunnel took leave, false when time was over. */
bool loop_run(struct loop *l) ON_MAIN;

#endif
