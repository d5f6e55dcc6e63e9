/* nd_parse on a buffer that ends where it says, as it comes and with its checksum made right; what it takes, nd_build
 * makes again. */
#include <stdlib.h>
#include <string.h>

#include <millrace/bytes.h>

#include "nd.h"

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

static void
mend_checksum(uint8_t *p, size_t n)
{
	uint32_t sum = 0;
	size_t len = n > 40 ? be16(p + 4) : 0;
	if (len < 4 || len > n - 40)
		return;
	put_be16(p + 42, 0);
	for (size_t i = 8; i < 40 + len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	sum += 58 + (uint32_t)len;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	put_be16(p + 42, (uint16_t)~sum);
}

static void
check(const uint8_t *p, size_t n)
{
	struct nd m, again;
	uint8_t made[ND_BYTES_MAX];
	if (!nd_parse(p, n, &m))
		return;
	CHECK(p[7] == 255 && !addr_is_multicast6(&m.target) && !addr_is_v4(&m.src) && !addr_is_v4(&m.target));
	CHECK(!m.has_mac || !(m.mac[0] & 1));
	CHECK(nd_parse(made, nd_build(made, &m), &again));
	CHECK(again.type == m.type && addr_eq(&again.src, &m.src) && addr_eq(&again.dst, &m.dst));
	CHECK(addr_eq(&again.target, &m.target) && again.solicited == m.solicited && again.override == m.override);
	CHECK(again.has_mac == m.has_mac && (!m.has_mac || !memcmp(again.mac, m.mac, 6)));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *p = malloc(n ? n : 1);
	if (!p)
		return 0;
	memcpy(p, data, n);
	check(p, n);
	mend_checksum(p, n);
	check(p, n);
	free(p);
	return 0;
}
