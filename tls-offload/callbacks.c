/* callbacks.c - what OpenSSL asks and says in the middle of a handshake: secrets, alerts, names, tickets. */
#include "handshake.h"

#include <ctype.h>

static void
on_keylog(const SSL *ssl, const char *line)
{
	struct handshake *h = SSL_get_app_data(ssl);
	if (h)
		export_keylog(&h->secrets, line);
}

static void
on_info(const SSL *ssl, int where, int value)
{
	struct handshake *h = SSL_get_app_data(ssl);
	bool ends = value >> 8 == SSL3_AL_FATAL || (value & 0xff) == SSL_AD_CLOSE_NOTIFY;
	if (!h || !(where & SSL_CB_ALERT) || !ends)
		return;
	h->alert = (uint8_t)value;
	h->alert_sent = (where & SSL_CB_WRITE) == SSL_CB_WRITE;
	h->alert_received = (where & SSL_CB_READ) == SSL_CB_READ;
}

/* show: with the context's certificate OpenSSL takes its security level too, which is not the legacy listener's. */
static void
show(SSL *ssl, SSL_CTX *ctx)
{
	int level = SSL_get_security_level(ssl);
	if (!ctx)
		return;
	SSL_set_SSL_CTX(ssl, ctx);
	SSL_set_security_level(ssl, level);
}

/* on_server_name: called for every ClientHello, with a name or without; the version has been chosen by then.  A client is called too. */
static int
on_server_name(SSL *ssl, int *alert, void *arg)
{
	struct handshake *h = SSL_get_app_data(ssl);
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	bool refused;
	(void)arg;
	if (!h || !h->contexts || !SSL_is_server(ssl))
		return SSL_TLSEXT_ERR_NOACK;
	for (size_t i = 0; name && name[i] && i + 1 < sizeof h->server_name; i++)
		h->server_name[i] = isgraph((unsigned char)name[i]) ? name[i] : '?';
	const struct shown *shown = contexts_choose(h->contexts, name, &refused);
	if (refused) {
		*alert = SSL_AD_UNRECOGNIZED_NAME;
		h->reason = TLS_HOST_NAME;
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	}
	show(ssl, SSL_version(ssl) == TLS1_3_VERSION ? shown->logged : shown->ctx);
	return name ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

/* on_ticket: OpenSSL's answers: 0 a full handshake, 1 resumed, 2 resumed with a new ticket, -1 the handshake fails.  In
 * TLS 1.3 always a new one: a client shows each once, lest others see which connections are its (RFC 8446 C.4). */
static int
on_ticket(SSL *ssl, unsigned char *name, unsigned char *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac, int seal)
{
	struct handshake *h = SSL_get_app_data(ssl);
	struct tickets *t = h->contexts->tickets;
	if (seal)
		return tickets_seal(t, name, iv, cipher, mac) ? 1 : -1;
	switch (tickets_open(t, name, iv, cipher, mac)) {
	case TICKET_STRANGE:
		return 0;
	case TICKET_CURRENT:
		return SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1;
	case TICKET_FORMER:
		return 2;
	default:
		return -1;
	}
}

void
handshake_callbacks(SSL_CTX *ctx)
{
	SSL_CTX_set_info_callback(ctx, on_info);
	SSL_CTX_set_tlsext_servername_callback(ctx, on_server_name);
}

void
handshake_tickets(SSL_CTX *ctx)
{
	SSL_CTX_set_tlsext_ticket_key_evp_cb(ctx, on_ticket);
}

void
handshake_keylog(SSL_CTX *ctx)
{
	SSL_CTX_set_keylog_callback(ctx, on_keylog);
}
