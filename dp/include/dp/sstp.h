/* sstp.h - the header in front of every SSTP packet ([MS-SSTP] 2.2.1), for both rooms: dp frames the stream, cp makes
 * and reads control packets.
 *
 *	| version 0x10 | reserved, C | reserved 4, length 12 |     the length counts these four bytes
 *
 * Constant and without state; any thread.
 */
#ifndef DP_SSTP_H
#define DP_SSTP_H

#include <stdint.h>

#include <millrace/bytes.h>

#define SSTP_VERSION 0x10
#define SSTP_CONTROL 0x01
#define SSTP_LENGTH_MASK 0x0fff
#define SSTP_HEADER_LEN 4
#define SSTP_CONTROL_MIN 8 /* header, message type, number of attributes */
#define SSTP_PACKET_MAX SSTP_LENGTH_MASK
#define SSTP_HTTP_MAX 8192 /* bytes of an HTTP head, blank line included */

enum sstp_frame { SSTP_FRAME_MORE, SSTP_FRAME_CONTROL, SSTP_FRAME_DATA, SSTP_FRAME_BAD };

/* sstp_frame_parse: which packet begins at p, of which `have` bytes are there, and its whole length.  BAD: another version,
 * or a length that the kind of packet cannot have; then the connection is dropped without a word ([MS-SSTP] 3.1.5.2). */
static inline enum sstp_frame
sstp_frame_parse(const uint8_t *p, uint32_t have, uint32_t *len)
{
	if (have < SSTP_HEADER_LEN)
		return SSTP_FRAME_MORE;
	*len = be16(p + 2) & SSTP_LENGTH_MASK;
	bool control = p[1] & SSTP_CONTROL;
	if (p[0] != SSTP_VERSION || *len < (control ? SSTP_CONTROL_MIN : SSTP_HEADER_LEN))
		return SSTP_FRAME_BAD;
	return control ? SSTP_FRAME_CONTROL : SSTP_FRAME_DATA;
}

/* sstp_header_put: four bytes; len counts them. */
static inline void
sstp_header_put(uint8_t *p, bool control, uint16_t len)
{
	p[0] = SSTP_VERSION;
	p[1] = control ? SSTP_CONTROL : 0;
	put_be16(p + 2, len);
}

/* sstp_head_end: where the HTTP head in the first n bytes ends: just after its blank line; 0: not yet.  A receiver takes a
 * bare LF for a line's end too (RFC 9112 2.2).  `from`: so many bytes were looked at before. */
static inline uint32_t
sstp_head_end(const uint8_t *p, uint32_t n, uint32_t from)
{
	for (uint32_t i = from > 2 ? from - 2 : 0; i < n; i++) {
		if (p[i] != '\n')
			continue;
		if (i + 1 < n && p[i + 1] == '\n')
			return i + 2;
		if (i + 2 < n && p[i + 1] == '\r' && p[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

#endif
