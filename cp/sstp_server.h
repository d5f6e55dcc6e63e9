/* sstp_server.h - SSTP calls become sessions: the upcalls of cp/sstp, and its listeners.  MAIN only. */
#ifndef CP_SSTP_SERVER_H
#define CP_SSTP_SERVER_H

#include "cp.h"

/* sstp_server_init: the SSTP room with the configuration's keys, and its listeners on the workers.  -errno with a
 * sentence. */
int sstp_server_init(struct cp *cp, char *err, size_t err_len) ON_MAIN;

/* sstp_server_configure: the configuration's keys for the connections to come; listeners stay. */
void sstp_server_configure(struct cp *cp) ON_MAIN;

/* sstp_server_fini: frees all calls without a word to anybody: cp_free alone. */
void sstp_server_fini(struct cp *cp) ON_MAIN;

#endif
