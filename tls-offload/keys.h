/* keys.h - TLS 1.3's key schedule after the handshake: key, IV and next secret of a traffic secret.
 *
 * RFC 8446 7.1 to 7.3, RFC 5869, RFC 2104.  Done with ipsec-mb's hashes, because a worker core does it too when a peer
 * updates its key, and OpenSSL would take the heap.  Any thread; no state but the constant table of functions.
 */
#ifndef TLS_OFFLOAD_KEYS_H
#define TLS_OFFLOAD_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tls-offload/msg.h>

/* keys_init: chooses the hashes for this processor.  Once, at start; again does no harm. */
bool keys_init(void);

/* keys_expand_label: HKDF-Expand-Label with an empty context; n is at most the hash's length (32, or 48 with sha384). */
void keys_expand_label(bool sha384, const uint8_t *secret, const char *label, uint8_t *out, size_t n);

/* keys_derive: key (of the cipher's length) and IV of a traffic secret. */
void keys_derive(enum tls_aead aead, bool sha384, const uint8_t *secret, uint8_t key[TLS_KEY], uint8_t iv[TLS_IV]);

/* keys_update: the next traffic secret in the place of this one, RFC 8446 7.2. */
void keys_update(bool sha384, uint8_t secret[TLS_SECRET]);

#endif
