/* auth.h - the tunnel secret: RFC 2661 5.1.1 and the Challenge Response AVP of 4.4.3.  No state; any thread. */
#ifndef CP_L2TP_AUTH_H
#define CP_L2TP_AUTH_H

#include "l2tp/msg.h"

#define AUTH_LEN 16

/* l2tp_auth_response: MD5 of the type of the message that will carry it, the secret and the challenge.  0 or -EIO. */
int l2tp_auth_response(enum l2tp_type carrier, const char *secret, const struct span *challenge, uint8_t *out)
	ANY_THREAD;

/* l2tp_auth_verify: whether response, which came in carrier, answers our challenge of AUTH_LEN bytes. */
bool l2tp_auth_verify(enum l2tp_type carrier, const char *secret, const uint8_t *challenge, const struct span *response)
	ANY_THREAD;

#endif
