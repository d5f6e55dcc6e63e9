#include "sstp/proxy.h"

#include <string.h>

#include <dp/proxy.h>
#include <millrace/bytes.h>

#define COMMAND_LOCAL 0
#define COMMAND_PROXY 1
#define FAMILY_NONE 0x00
#define FAMILY_TCP4 0x11
#define FAMILY_TCP6 0x21

static struct addr
take_addr(struct rd *r, bool v4)
{
	if (v4)
		return addr_from_ip4(rd_be32(r));
	struct addr a = {0};
	const uint8_t *p = rd_take(r, 16);
	if (p)
		memcpy(&a, p, 16);
	return a;
}

bool
proxy_parse(const uint8_t *p, size_t len, struct proxy *out)
{
	*out = (struct proxy){.local = true};
	if (len < PROXY_FIXED_LEN || proxy_length(p, len) != (int)len)
		return false;
	unsigned command = p[12] & 0x0f, family = p[13];
	if (command > COMMAND_PROXY)
		return false;
	/* "the receiver must accept connections of LOCAL" and of no family, and "must discard the protocol block". */
	if (command == COMMAND_LOCAL || family == FAMILY_NONE)
		return true;
	if (family != FAMILY_TCP4 && family != FAMILY_TCP6)
		return false;
	struct rd r = rd_init(p + PROXY_FIXED_LEN, len - PROXY_FIXED_LEN);
	out->peer = take_addr(&r, family == FAMILY_TCP4);
	out->to = take_addr(&r, family == FAMILY_TCP4);
	out->peer_port = rd_be16(&r);
	out->to_port = rd_be16(&r);
	out->local = false;
	return !r.bad;
}
