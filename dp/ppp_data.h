/* ppp_data.h - the PPP header in front of a frame (RFC 1661 2, 6.5, 6.6), LCP echo (RFC 1661 5.8), and their stage.
 *
 * Address and control field and the first octet of the protocol may be there or not, whatever was negotiated: the
 * octets tell (RFC 1661 6.5: a receiver must take both forms).
 */
#ifndef DP_PPP_DATA_H
#define DP_PPP_DATA_H

#include "lcore.h"

#define PPP_IP4 0x0021
#define PPP_LCP 0xc021

struct ppp {
	uint16_t protocol;
	uint8_t hdr_len;
};

/* ppp_parse: `have` bytes lie at p.  Any thread. */
static inline enum drop
ppp_parse(const uint8_t *p, uint32_t have, struct ppp *out)
{
	uint32_t at = have >= 2 && p[0] == 0xff && p[1] == 0x03 ? 2 : 0;

	if (unlikely(have <= at))
		return DROP_PPP_SHORT;
	if (p[at] & 1) {
		*out = (struct ppp){p[at], (uint8_t)(at + 1)};
		return DROP_NONE;
	}
	if (unlikely(have < at + 2))
		return DROP_PPP_SHORT;
	*out = (struct ppp){be16(p + at), (uint8_t)(at + 2)};
	return DROP_NONE;
}

#define LCP_ECHO_REQUEST 9
#define LCP_ECHO_REPLY 10
#define LCP_ECHO_LEN 8

struct lcp_echo {
	uint8_t code; /* 0: this is another LCP packet */
	uint16_t len;
	uint32_t magic;
};

/* lcp_echo_parse: an LCP packet, `have` bytes from the code field.  ECHO_MALFORMED for an echo whose length is wrong. */
enum drop lcp_echo_parse(const uint8_t *p, uint32_t have, struct lcp_echo *out);

/* ppp_up: stage PPP_UP.  In: m at the PPP header, s.  Survivors: IPv4, m at the inner header.  Echo requests, made into
 * replies, and so CCP's Reset-Requests, go to `replies` (m at the protocol field), MPPE's data to `sealed` (m at its header); echo replies are taken note of; all else is punted. */
void ppp_up(struct lcore *lc, struct lane *v, struct lane *sealed, struct lane *replies) ON_LCORE;

#endif
