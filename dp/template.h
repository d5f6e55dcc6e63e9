/* template.h - the headers that a session's packets get on their way down, made once when the session is opened.
 *
 * IPv4, UDP and L2TP (RFC 2661 3.1) or GRE (RFC 2637 4.1), and PPP header, right-aligned in dp_session.template: the last byte of the array is the
 * last byte of the PPP header, so the path copies the whole line to just in front of the inner packet, whatever the
 * headers' length.  Lengths, identification and the checksum over them are filled in per packet (down.c); where
 * UDP has a checksum, its field holds the part that is known: the sum of the pseudo-header but for the length.
 * Owner: the worker core, while it handles a message.
 */
#ifndef DP_TEMPLATE_H
#define DP_TEMPLATE_H

#include "ip6.h"
#include "session.h"

/* template_ip_len: of the template's IP header. */
static inline unsigned
template_ip_len(const struct dp_session *s)
{
	return s->ip6 ? IP6_HDR_LEN : IP4_HDR_LEN;
}

/* template_open: for SESSION_OPEN: all headers, with the uncompressed PPP header (FF 03 00 21).  Sets peer,
 * our_tid, our_sid, nh, peer_port, l2tp_*, template, template_len, ppp_len, ip6, udp_checksum.  0, or -EAFNOSUPPORT when
 * the ends are of two families or the bearer has no template. */
int template_open(struct dp_session *s, const struct dp_session_open *o) ON_LCORE;

/* template_gre_ack: the acknowledgment number of what goes down from here on; the first makes room for it. */
void template_gre_ack(struct dp_session *s, uint32_t ack) ON_LCORE;

/* template_port: for SESSION_SET with DP_SET_PORT: the tunnel peer's UDP port, both ways. */
void template_port(struct dp_session *s, uint16_t peer_port) ON_LCORE;

/* template_link: for SESSION_SET with DP_SET_LINK: the PPP header that acfc and pfc allow (RFC 1661 6.5, 6.6),
 * of MPPE when s->mppe_down. */
void template_link(struct dp_session *s, bool acfc, bool pfc) ON_LCORE;

#endif
