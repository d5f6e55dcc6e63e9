#include "export.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "contexts_ssl.h"
#include "keys.h"

static bool keys13(const SSL *ssl, const struct traffic_secrets *t, const struct scan *output, struct tls_msg_up *up);
static bool keys12(const SSL *ssl, const struct scan *output, struct tls_msg_up *up);
static bool prf(const EVP_MD *md, const uint8_t *secret, size_t n, const uint8_t seed[64], uint8_t *out, size_t out_n);

static size_t
unhex(const char *hex, uint8_t *out, size_t max)
{
	size_t n = 0;
	long len = 0;
	uint8_t *b = OPENSSL_hexstr2buf(hex, &len);
	if (b && (size_t)len <= max) {
		n = (size_t)len;
		memcpy(out, b, n);
	}
	OPENSSL_clear_free(b, (size_t)len);
	return n;
}

void
export_keylog(struct traffic_secrets *t, const char *line)
{
	/* LABEL, client random (64 digits), secret */
	static const char client[] = "CLIENT_TRAFFIC_SECRET_0 ", server[] = "SERVER_TRAFFIC_SECRET_0 ";
	size_t label = sizeof client - 1;
	if (strlen(line) < label + 65)
		return;
	if (!strncmp(line, client, label))
		t->client_len = unhex(line + label + 65, t->client, sizeof t->client);
	else if (!strncmp(line, server, label))
		t->server_len = unhex(line + label + 65, t->server, sizeof t->server);
}

enum tls_aead
export_aead(const SSL *ssl)
{
	int version = SSL_version(ssl);
	if (version != TLS1_2_VERSION && version != TLS1_3_VERSION)
		return TLS_NO_AEAD;
	switch (SSL_CIPHER_get_cipher_nid(SSL_get_current_cipher(ssl))) {
	case NID_aes_128_gcm:
		return TLS_AES_128_GCM;
	case NID_aes_256_gcm:
		return TLS_AES_256_GCM;
	case NID_chacha20_poly1305:
		return TLS_CHACHA20_POLY1305;
	default:
		return TLS_NO_AEAD; /* CBC, CCM */
	}
}

void
export_agreed(const SSL *ssl, struct tls_agreed *a)
{
	a->version = (uint16_t)SSL_version(ssl);
	a->suite = SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl));
	a->resumed = (uint8_t)SSL_session_reused(ssl);
	a->role = SSL_is_server(ssl) ? TLS_SERVER : TLS_CLIENT;
	if (SSL_is_server(ssl)) {
		/* Of the context that the server name has chosen. */
		const struct leaf_hash *shown = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));
		memcpy(a->cert_sha1, shown->sha1, sizeof a->cert_sha1);
		memcpy(a->cert_sha256, shown->sha256, sizeof a->cert_sha256);
	} else if (SSL_get0_peer_certificate(ssl)) {
		X509_digest(SSL_get0_peer_certificate(ssl), EVP_sha1(), a->cert_sha1, NULL);
		X509_digest(SSL_get0_peer_certificate(ssl), EVP_sha256(), a->cert_sha256, NULL);
	}
}

bool
export_keys(const SSL *ssl, const struct traffic_secrets *t, const struct scan *output, struct tls_msg_up *up)
{
	up->aead = (uint8_t)export_aead(ssl);
	up->sha384 = EVP_MD_get_size(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl))) == 48;
	up->left_over = (uint16_t)BIO_ctrl_pending(SSL_get_rbio(ssl));
	/* What OpenSSL has read but not used would be lost: it reads record by record, so there is nothing. */
	if (!up->aead || SSL_has_pending(ssl))
		return false;
	return SSL_version(ssl) == TLS1_3_VERSION ? keys13(ssl, t, output, up) : keys12(ssl, output, up);
}

static bool
keys13(const SSL *ssl, const struct traffic_secrets *t, const struct scan *output, struct tls_msg_up *up)
{
	size_t n = up->sha384 ? 48 : 32;
	struct tls_keys *client = SSL_is_server(ssl) ? &up->rx : &up->tx;
	struct tls_keys *server = SSL_is_server(ssl) ? &up->tx : &up->rx;
	if (t->client_len != n || t->server_len != n)
		return false;
	memcpy(client->secret, t->client, n);
	memcpy(server->secret, t->server, n);
	keys_derive(up->aead, up->sha384, client->secret, client->key, client->iv);
	keys_derive(up->aead, up->sha384, server->secret, server->key, server->iv);
	up->tx.seq = SSL_is_server(ssl) ? output->data_records : 0;
	up->rx.seq = 0;
	return true;
}

/* keys12: RFC 5246 6.3: key_block = client key, server key, client IV, server IV. */
static bool
keys12(const SSL *ssl, const struct scan *output, struct tls_msg_up *up)
{
	uint8_t master[48], random[64], block[2 * (TLS_KEY + TLS_IV)], *p = block;
	size_t key = up->aead == TLS_AES_128_GCM ? 16 : 32, iv = up->aead == TLS_CHACHA20_POLY1305 ? 12 : 4;
	struct tls_keys *client = SSL_is_server(ssl) ? &up->rx : &up->tx;
	struct tls_keys *server = SSL_is_server(ssl) ? &up->tx : &up->rx;
	size_t n = SSL_SESSION_get_master_key(SSL_get_session(ssl), master, sizeof master);
	SSL_get_server_random(ssl, random, 32);
	SSL_get_client_random(ssl, random + 32, 32);
	bool ok = prf(SSL_CIPHER_get_handshake_digest(SSL_get_current_cipher(ssl)), master, n, random, block,
		      2 * (key + iv));
	if (ok) {
		memcpy(client->key, p, key);
		memcpy(server->key, p += key, key);
		memcpy(client->iv, p += key, iv);
		memcpy(server->iv, p + iv, iv);
		/* The Finished was record 0 in both directions; its explicit nonce is where ours count on from. */
		up->tx.seq = up->rx.seq = 1;
		if (up->aead != TLS_CHACHA20_POLY1305)
			memcpy(up->tx.iv + 4, output->explicit, sizeof output->explicit);
	}
	OPENSSL_cleanse(master, sizeof master);
	OPENSSL_cleanse(block, sizeof block);
	return ok && (up->aead == TLS_CHACHA20_POLY1305 || output->explicit_have == sizeof output->explicit);
}

/* The algorithm is looked up once: that costs more than its use. */
static EVP_KDF *tls1_prf;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
fetch(void)
{
	tls1_prf = EVP_KDF_fetch(NULL, "TLS1-PRF", NULL);
}

static bool
prf(const EVP_MD *md, const uint8_t *secret, size_t n, const uint8_t seed[64], uint8_t *out, size_t out_n)
{
	pthread_once(&once, fetch);
	EVP_KDF_CTX *ctx = tls1_prf ? EVP_KDF_CTX_new(tls1_prf) : NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)(uintptr_t)EVP_MD_get0_name(md), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SECRET, (void *)(uintptr_t)secret, n),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t) "key expansion", 13),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SEED, (void *)(uintptr_t)seed, 64),
		OSSL_PARAM_construct_end(),
	};
	bool ok = ctx && EVP_KDF_derive(ctx, out, out_n, params) > 0;
	EVP_KDF_CTX_free(ctx);
	return ok;
}
