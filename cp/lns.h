/* lns.h - L2TP calls become sessions: the upcalls of cp/l2tp.  MAIN only. */
#ifndef CP_LNS_H
#define CP_LNS_H

#include "cp.h"

struct session;

/* lns_init: the L2TP room with the configuration's keys, and its listeners on the workers.  -errno with a sentence. */
int lns_init(struct cp *cp, char *err, size_t err_len) ON_MAIN;

/* lns_configure: the configuration's keys for the tunnels and calls to come; listeners stay.  -ENOMEM. */
int lns_configure(struct cp *cp) ON_MAIN;

/* lns_proxy: what the LAC says of the session's call, or NULL (struct l2tp_proxy). */
const struct l2tp_proxy *lns_proxy(const struct session *s) ON_MAIN;

/* lns_fini: frees all tunnels and calls without a word to anybody: cp_free alone. */
void lns_fini(struct cp *cp) ON_MAIN;

/* lns_input: message PUNT_UDP. */
void lns_input(struct cp *cp, const struct dp_udp_path *path, const uint8_t *bytes, size_t len, struct mono now)
	ON_MAIN;

#endif
