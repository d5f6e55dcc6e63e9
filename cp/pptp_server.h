/* pptp_server.h - PPTP calls become sessions: the upcalls of cp/pptp, its listeners for TCP and GRE.  MAIN only. */
#ifndef CP_PPTP_SERVER_H
#define CP_PPTP_SERVER_H

#include "cp.h"

/* pptp_server_init: the PPTP room with the configuration's keys, and its listeners on the workers.  -errno with a
 * sentence. */
int pptp_server_init(struct cp *cp, char *err, size_t err_len) ON_MAIN;

/* pptp_server_configure: the configuration's keys for what is to come; listeners stay. */
void pptp_server_configure(struct cp *cp) ON_MAIN;

/* pptp_server_shutdown: takes leave of control connections that have no call. */
void pptp_server_shutdown(struct cp *cp, struct mono now) ON_MAIN;

/* pptp_server_fini: frees all without a word to anybody: cp_free alone. */
void pptp_server_fini(struct cp *cp) ON_MAIN;

#endif
