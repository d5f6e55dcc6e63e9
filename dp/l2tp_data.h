/* l2tp_data.h - the header of L2TPv2 messages (RFC 2661 3.1): parse, and the stage that finds the session.
 *
 *	 0                   1                   2                   3
 *	|T|L|x|x|S|x|O|P|x|x|x|x|  Ver  |          Length (opt)         |
 *	|           Tunnel ID           |           Session ID          |
 *	|             Ns (opt)          |             Nr (opt)          |
 *	|      Offset Size (opt)        |    Offset pad... (opt)
 *
 * Both ids in a message that we receive are ours, so a session is found by indexing: tunnels[tid].region << 16 | sid.
 */
#ifndef DP_L2TP_DATA_H
#define DP_L2TP_DATA_H

#include "lcore.h"

#define L2TP_T 0x8000
#define L2TP_L 0x4000
#define L2TP_S 0x0800
#define L2TP_O 0x0200
#define L2TP_VER_MASK 0x000f
#define L2TP_VER 2
#define L2TP_MIN_LEN 6
#define L2TP_PORT 1701

struct l2tp {
	bool control, numbered;
	uint16_t tid, sid;
	uint16_t ns;      /* of a numbered data message */
	uint32_t hdr_len; /* up to the payload, offset included */
	uint32_t len;     /* of the message: the Length field's, or all there is */
};

/* l2tp_parse: `have` bytes lie at p, the datagram's payload has `len`.  Of a control message only the T bit and the
 * version are looked at.  Nr of data messages is reserved (RFC 2661 3.1).  Any thread. */
static inline enum drop
l2tp_parse(const uint8_t *p, uint32_t have, uint32_t len, struct l2tp *out)
{
	if (unlikely(have < L2TP_MIN_LEN))
		return DROP_L2TP_SHORT;
	uint16_t flags = be16(p);
	if (unlikely((flags & L2TP_VER_MASK) != L2TP_VER))
		return DROP_L2TP_VERSION;
	*out = (struct l2tp){.control = flags & L2TP_T, .numbered = flags & L2TP_S, .len = len};
	if (unlikely(out->control))
		return DROP_NONE;
	uint32_t at = flags & L2TP_L ? 4 : 2, need = at + 4;
	if (unlikely(flags & (L2TP_S | L2TP_O)))
		need += (flags & L2TP_S ? 4 : 0) + (flags & L2TP_O ? 2 : 0);
	if (unlikely(have < need))
		return DROP_L2TP_SHORT;
	if (flags & L2TP_L) {
		out->len = be16(p + 2);
		if (unlikely(out->len < need || out->len > len))
			return DROP_L2TP_LENGTH;
	}
	out->tid = be16(p + at);
	out->sid = be16(p + at + 2);
	if (unlikely(out->numbered && have >= at + 8)) /* need says so already, but not to gcc */
		out->ns = be16(p + at + 4);
	if (unlikely(flags & L2TP_O))
		need += be16(p + need - 2);
	if (unlikely(need > out->len || need > have))
		return DROP_L2TP_OFFSET;
	out->hdr_len = need;
	return DROP_NONE;
}

/* l2tp_up: stage L2TP_UP.  In: datagrams to a listener, m at the IP header.  Survivors: data of an open session (s),
 * from its peer, m at the PPP header.  Control messages are punted. */
void l2tp_up(struct lcore *lc, struct lane *v) ON_LCORE;

#endif
