/* proxy.h - the header that a load balancer puts in front of a connection: PROXY protocol, version 2 (haproxy's
 * proxy-protocol.txt, 2.2).  dp frames it by its length; this reads whom it speaks of.  Private to cp/sstp and its tests.
 * No state, any thread.
 */
#ifndef CP_SSTP_PROXY_H
#define CP_SSTP_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/role.h>

struct proxy {
	bool local; /* the balancer speaks for itself (a health check), or of no address: the connection's own count */
	struct addr peer, to;
	uint16_t peer_port, to_port;
};

/* proxy_parse: the whole header.  false: it is not one, or of a version, command or family that cannot be. */
bool proxy_parse(const uint8_t *p, size_t len, struct proxy *out) ANY_THREAD;

#endif
