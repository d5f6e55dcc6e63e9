/* binding.h - the crypto binding of SSTP ([MS-SSTP] 3.2.5.2 and 3.3.5.2.3): who speaks PPP is who speaks TLS.
 *
 *	CMK = HMAC(HLAK, "SSTP inner method derived CMK" | length of the hash, little-endian | 1)
 *	MAC = HMAC(CMK, the whole Call Connected message with zeros for the MAC)
 *
 * HLAK is made of the keys that MS-CHAP yields: what the client sends with, then what it receives with; zeros after PAP and
 * CHAP.  Private to cp/sstp and its tests.  No state, any thread.
 */
#ifndef CP_SSTP_BINDING_H
#define CP_SSTP_BINDING_H

#include "bearer.h"
#include "sstp/msg.h"

#define SSTP_HLAK_LEN 32

/* What a binding is checked against, or made of.  cert: the certificate's hashes, of the connection itself. */
struct sstp_binding {
	const uint8_t *nonce, *hlak;
	const uint8_t *cert_sha1, *cert_sha256;
	uint8_t hashes; /* enum sstp_hash bits that were offered */
};

/* sstp_hlak: keys as PPP's server or client side has them; len 0 gives zeros. */
void sstp_hlak(uint8_t out[SSTP_HLAK_LEN], const struct ppp_keys *keys, bool server) ANY_THREAD;

enum sstp_binding_verdict {
	SSTP_BINDING_OK,
	SSTP_BINDING_HASH,
	SSTP_BINDING_NONCE,
	SSTP_BINDING_CERT,
	SSTP_BINDING_MAC
};

/* sstp_binding_check: a Call Connected that sstp_msg_parse has found good.  The comparisons take the same time whatever
 * they find. */
enum sstp_binding_verdict sstp_binding_check(const struct sstp_binding *b, const uint8_t msg[SSTP_CONNECTED_LEN])
	ANY_THREAD;

/* sstp_binding_make: a whole Call Connected. */
bool sstp_binding_make(const struct sstp_binding *b, uint8_t out[SSTP_CONNECTED_LEN]) ANY_THREAD;

/* sstp_binding_text: "its MAC does not match the keys", ... */
const char *sstp_binding_text(enum sstp_binding_verdict v) ANY_THREAD;

#endif
