/* msg.h - PPTP control messages as structs: parse, build and trace by one table (msg.def; RFC 2637 2).
 *
 * Private to cp/pptp and its tests.  No state, any thread.  What a message does not have is 0 after parsing.
 */
#ifndef CP_PPTP_MSG_H
#define CP_PPTP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <millrace/role.h>

#define PPTP_MAGIC 0x1a2b3c4du
#define PPTP_HDR_LEN 12     /* length, PPTP message type, magic cookie, control message type, reserved */
#define PPTP_MSG_MAX 220    /* the longest that there is */
#define PPTP_LENGTH_MAX 512 /* a longer one is none: the stream is out of step */
#define PPTP_TEXT 64

enum pptp_type {
#define MSG(type, name, text, len) PPTP_##name = (type),
#include "pptp/msg.def"
	PPTP_TYPES
};

struct pptp_msg {
	uint16_t type;
	uint16_t version, max_channels, firmware;
	uint16_t call_id, peer_call_id, serial, window, delay, cause, dialed_len, dialing_len;
	uint8_t result, error, reason;
	uint32_t framing, bearer, id, min_bps, max_bps, speed, channel, send_accm, recv_accm;
	uint32_t errors[6]; /* CRC, framing, hardware overrun, buffer overrun, timeout, alignment */
	char host[PPTP_TEXT + 1], vendor[PPTP_TEXT + 1], dialed[PPTP_TEXT + 1], dialing[PPTP_TEXT + 1],
		subaddress[PPTP_TEXT + 1]; /* NUL-terminated, printable */
};

/* What pptp_next says of the beginning of a stream. */
enum pptp_frame {
	PPTP_MORE,    /* not a whole message yet */
	PPTP_WHOLE,   /* one of *len octets, parsed into *m */
	PPTP_UNKNOWN, /* one of *len octets, of a type that we do not know, or no control message: to be skipped */
	PPTP_BROKEN,  /* the stream is out of step: RFC 2637 2, 3.1.4: the connection is to be closed */
};

/* pptp_next: *len: how many octets the message takes. */
enum pptp_frame pptp_next(const uint8_t *p, size_t have, size_t *len, struct pptp_msg *m) ANY_THREAD;

/* pptp_build: writes the message to p, of PPTP_MSG_MAX octets; returns its length. */
size_t pptp_build(uint8_t *p, const struct pptp_msg *m) ANY_THREAD;

/* pptp_trace: "[PPTP Outgoing-Call-Reply call_id=1 peer_call_id=2 result=1 ...]"; fields that are 0 are left out. */
char *pptp_trace(char *out, size_t size, const struct pptp_msg *m) ANY_THREAD;

const char *pptp_type_name(unsigned type) ANY_THREAD;

#endif
