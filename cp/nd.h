/* nd.h - Neighbor Solicitation and Advertisement (RFC 4861 4.3, 4.4) in their IPv6 packet: read and written.
 *
 * nd_parse does all that RFC 4861 7.1.1 and 7.1.2 ask for, whatever has been looked at before: hop limit 255, checksum,
 * code, lengths, options; what may be said to and from whom.  Any thread; no state.
 */
#ifndef CP_ND_H
#define CP_ND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/addr.h>
#include <millrace/role.h>

#define ETHER_TYPE_IP6 0x86dd
#define ND_SOLICITATION 135
#define ND_ADVERTISEMENT 136
#define ND_BYTES_MAX 72 /* what nd_build makes: IPv6 header, message, one option */

struct nd {
	uint8_t type;
	bool router, solicited, override; /* of an advertisement */
	struct addr src, dst, target;
	bool has_mac; /* source link-layer address of a solicitation, target's of an advertisement */
	uint8_t mac[6];
};

/* nd_parse: from the IPv6 header on.  false: not valid, or neither of the two; then *out is not to be used. */
bool nd_parse(const uint8_t *p, size_t n, struct nd *out) ANY_THREAD;

/* nd_build: how many octets of `out` it has taken. */
size_t nd_build(uint8_t out[ND_BYTES_MAX], const struct nd *m) ANY_THREAD;

/* nd_group_mac: RFC 2464 7: the Ethernet address of a group. */
void nd_group_mac(const struct addr *group, uint8_t mac[6]) ANY_THREAD;

#endif
