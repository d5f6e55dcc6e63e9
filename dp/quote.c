#include "quote.h"

#include "icmp.h"
#include "icmp6.h"
#include "ip.h"
#include "ip4.h"
#include "ip6.h"

#define QUOTE_AT 8 /* in the error, of either family */
#define TCP_SEEN 8 /* RFC 792: ports and sequence number are what is quoted at least */

static bool quote_error4(const uint8_t *icmp, enum tcp_error *error, struct tcp_quote *q);
static bool quote_error6(const uint8_t *icmp, enum tcp_error *error, struct tcp_quote *q);
static uint32_t quote_tcp(const uint8_t *ip, uint32_t have, bool six);

bool
quote_parse(const uint8_t *icmp, uint32_t have, bool six, enum tcp_error *error, struct tcp_quote *q)
{
	const uint8_t *quoted = icmp + QUOTE_AT;

	if (have < QUOTE_AT || !(six ? quote_error6(icmp, error, q) : quote_error4(icmp, error, q)))
		return false;
	uint32_t tcp = quote_tcp(quoted, have - QUOTE_AT, six);
	if (!tcp)
		return false;
	ip_src(quoted, &q->local);
	ip_dst(quoted, &q->peer);
	q->local_port = be16(quoted + tcp);
	q->peer_port = be16(quoted + tcp + 2);
	q->seq = be32(quoted + tcp + 4);
	/* We sent no IPv4-mapped address: such a quote would be taken for one of the other family. */
	return addr_is_v4(&q->local) != six && addr_is_v4(&q->peer) != six;
}

static bool
quote_error4(const uint8_t *icmp, enum tcp_error *error, struct tcp_quote *q)
{
	*error = icmp[1] == ICMP_FRAGMENTATION_NEEDED ? TCP_ERROR_TOO_BIG : TCP_ERROR_UNREACHABLE;
	q->mtu = be16(icmp + 6);
	return icmp[0] == ICMP_UNREACHABLE;
}

/* RFC 4443 3.2: the MTU has 32 bits, and the code of Packet Too Big is ignored. */
static bool
quote_error6(const uint8_t *icmp, enum tcp_error *error, struct tcp_quote *q)
{
	uint32_t mtu = be32(icmp + 4);

	*error = icmp[0] == ICMP6_TOO_BIG ? TCP_ERROR_TOO_BIG : TCP_ERROR_UNREACHABLE;
	q->mtu = (uint16_t)RTE_MIN(mtu, (uint32_t)UINT16_MAX);
	return icmp[0] == ICMP6_TOO_BIG || icmp[0] == ICMP6_UNREACHABLE;
}

/* quote_tcp: where the TCP header begins; 0: there is none to be seen.  We send no extension headers. */
static uint32_t
quote_tcp(const uint8_t *ip, uint32_t have, bool six)
{
	uint32_t len = IP6_HDR_LEN;

	if (have < IP4_HDR_LEN || ip[0] >> 4 != (six ? 6 : 4) || ip[six ? 6 : 9] != IP4_PROTO_TCP)
		return 0;
	if (!six)
		len = (ip[0] & 15u) * 4;
	return len >= IP4_HDR_LEN && have >= len + TCP_SEEN ? len : 0;
}
