/* hide.h - hiding of AVP values, RFC 2661 4.3: a keystream of MD5 over the attribute, the tunnel secret and the Random
 * Vector that came before, chained over 16 bytes at a time.  The plain form that goes under it is the value's length in
 * two bytes, the value, and padding.  It hides; it proves nothing.  No state; any thread.
 */
#ifndef CP_L2TP_HIDE_H
#define CP_L2TP_HIDE_H

#include "l2tp/msg.h"

#define HIDE_BLOCK 16
#define HIDE_LEN 2 /* in front of the value */

/* l2tp_hide: the hidden form of a value of len bytes to out, which has room for l2tp_hidden_len(len).  0 or -EIO. */
int l2tp_hide(enum l2tp_attr attr, const char *secret, const struct span *vector, const struct span *value,
	      uint8_t *out) ANY_THREAD;

/* l2tp_hidden_len: padded to whole blocks, so that the length of a number does not show. */
static inline size_t
l2tp_hidden_len(size_t len)
{
	return (HIDE_LEN + len + HIDE_BLOCK - 1) / HIDE_BLOCK * HIDE_BLOCK;
}

/* l2tp_unhide: hidden, of the wire, becomes plain in out, which has room for hidden->len bytes; *value is the span of the
 * value in it.  0, or -EBADMSG when the length inside cannot be: a wrong secret, as a rule. */
int l2tp_unhide(enum l2tp_attr attr, const char *secret, const struct span *vector, const struct span *hidden,
		uint8_t *out, struct span *value) ANY_THREAD;

#endif
