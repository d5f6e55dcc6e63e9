/* export.h - the traffic keys of a finished handshake, by OpenSSL's public interface alone. */
#ifndef TLS_OFFLOAD_EXPORT_H
#define TLS_OFFLOAD_EXPORT_H

#include <openssl/ssl.h>

#include <tls-offload/msg.h>

#include "scan.h"

/* TLS 1.3 traffic secrets, as the key log gives them. */
struct traffic_secrets {
	uint8_t client[TLS_SECRET], server[TLS_SECRET];
	size_t client_len, server_len;
};

/* export_keylog: one line of the key log. */
void export_keylog(struct traffic_secrets *t, const char *line);

/* export_aead: the suite's cipher when the record layer has it, else TLS_NO_AEAD. */
enum tls_aead export_aead(const SSL *ssl);

/* export_agreed: what was agreed; the server name is the caller's. */
void export_agreed(const SSL *ssl, struct tls_agreed *a);

/* export_keys: aead, keys and how many bytes are left over; false when OpenSSL does not give them, and the connection has
 * to stay with it. */
bool export_keys(const SSL *ssl, const struct traffic_secrets *t, const struct scan *output, struct tls_msg_up *up);

#endif
