/* build.h - writes one control message: header, Message Type, then AVPs in the order of the calls.
 *
 *	struct build b;
 *	l2tp_build_start(&b, peer_tid, peer_sid, L2TP_MSG_ICRP);
 *	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, sid);
 *	len = l2tp_build_end(&b);                     the message is b.bytes
 *
 * After l2tp_build_hide, the AVPs that may be hidden are (RFC 2661 4.3).  Ns and Nr are filled in when the message is sent (window.c).  No state; any thread.
 */
#ifndef CP_L2TP_BUILD_H
#define CP_L2TP_BUILD_H

#include <millrace/bytes.h>

#include "l2tp/msg.h"

#define BUILD_MAX 1024 /* all that we ever say fits well */

struct build {
	struct wr w;
	const char *secret; /* NULL: nothing is hidden */
	struct span vector;
	uint8_t bytes[BUILD_MAX];
};

void l2tp_build_start(struct build *b, uint16_t peer_tid, uint16_t peer_sid, enum l2tp_type type) ANY_THREAD;
/* l2tp_build_hide: a Random Vector AVP; what follows is hidden with secret, which must live as long as b.  A value that
 * cannot be hidden, for want of MD5, is left out. */
#define BUILD_VECTOR_LEN 16
void l2tp_build_hide(struct build *b, const char *secret, const uint8_t vector[BUILD_VECTOR_LEN]) ANY_THREAD;

void l2tp_avp_u16(struct build *b, enum l2tp_attr attr, uint16_t v) ANY_THREAD;
void l2tp_avp_u32(struct build *b, enum l2tp_attr attr, uint32_t v) ANY_THREAD;
void l2tp_avp_u64(struct build *b, enum l2tp_attr attr, uint64_t v) ANY_THREAD;
void l2tp_avp_bytes(struct build *b, enum l2tp_attr attr, const void *p, size_t len) ANY_THREAD;
void l2tp_avp_text(struct build *b, enum l2tp_attr attr, const char *s) ANY_THREAD;

/* l2tp_avp_result: the Result Code AVP of cause, with its text, for StopCCN or CDN. */
void l2tp_avp_result(struct build *b, enum l2tp_type type, enum cause cause) ANY_THREAD;

/* l2tp_avp_result_of: with more of the reason behind the text; cut to what fits. */
void l2tp_avp_result_of(struct build *b, enum l2tp_type type, enum cause cause, const char *more) ANY_THREAD;

/* l2tp_build_end: length of the whole message. */
size_t l2tp_build_end(struct build *b) ANY_THREAD;

/* l2tp_build_zlb: a header alone, L2TP_CTL_HDR bytes, RFC 2661 5.8. */
void l2tp_build_zlb(uint8_t *bytes, uint16_t peer_tid, uint16_t ns, uint16_t nr) ANY_THREAD;

#endif
