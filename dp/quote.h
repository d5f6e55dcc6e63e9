/* quote.h - an ICMP error about a segment of our TCP's, of IPv4 (RFC 792) or IPv6 (RFC 4443): which, and what it says.
 *
 * It quotes the packet that could not go on: its addresses and ports say which connection, and so which core, is meant;
 * the sequence number whether its sender has seen what we sent (RFC 5927 4.1).  Any thread; no state.
 */
#ifndef DP_QUOTE_H
#define DP_QUOTE_H

#include "tcp/tcp.h"

/* quote_parse: of `have` octets of ICMP, or ICMPv6.  False: no such error.  Its checksum is not looked at. */
bool quote_parse(const uint8_t *icmp, uint32_t have, bool six, enum tcp_error *error, struct tcp_quote *q);

#endif
