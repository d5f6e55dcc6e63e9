/* certificate.c - a certificate, its chain and its key: read, checked, handed to OpenSSL. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "contexts_ssl.h"

/* bundle: what a pair of files holds. */
struct bundle {
	const struct tls_certificate *conf;
	STACK_OF(X509) * chain; /* the leaf, then what is sent with it */
	int own;                /* so many are of conf->certificate, the others of conf->ca_certificate */
};

static enum tls_reason read_pem(const char *path, STACK_OF(X509) * into, struct tls_error *err);
static enum tls_reason read_key(const char *path, EVP_PKEY **key, struct tls_error *err);
static enum tls_reason check_time(const char *path, X509 *x, time_t now, struct tls_error *err);
static enum tls_reason check_chain(const struct bundle *b, time_t now, struct tls_error *err);
static int verify(const struct bundle *b, time_t now, bool all, X509 **bad);
static enum tls_reason use(SSL_CTX *ctx, const struct tls_certificate *c, STACK_OF(X509) * chain, EVP_PKEY *key,
			   struct tls_error *err);

enum tls_reason
certificate_load(SSL_CTX *ctx, const struct tls_certificate *c, time_t now, struct tls_error *err)
{
	EVP_PKEY *key = NULL;
	struct bundle b = {.conf = c, .chain = sk_X509_new_null()};
	enum tls_reason reason =
		b.chain ? read_pem(c->certificate, b.chain, err) : error_set(err, TLS_NO_MEMORY, "no memory");
	b.own = sk_X509_num(b.chain);
	if (!reason && c->ca_certificate && *c->ca_certificate)
		reason = read_pem(c->ca_certificate, b.chain, err);
	reason = reason ? reason : read_key(c->private_key, &key, err);
	if (!reason && X509_check_private_key(sk_X509_value(b.chain, 0), key) != 1)
		reason = error_set(err, TLS_KEY_MISMATCH, "%s: not the key of the certificate in %s", c->private_key,
				   c->certificate);
	reason = reason ? reason : check_time(c->certificate, sk_X509_value(b.chain, 0), now, err);
	reason = reason ? reason : check_chain(&b, now, err);
	reason = reason ? reason : use(ctx, c, b.chain, key, err);
	EVP_PKEY_free(key);
	sk_X509_pop_free(b.chain, X509_free);
	return reason;
}

/* read_pem: all certificates of the file behind those of `into`. */
static enum tls_reason
read_pem(const char *path, STACK_OF(X509) * into, struct tls_error *err)
{
	X509 *x;
	int before = sk_X509_num(into);
	FILE *f = fopen(path, "re");
	if (!f)
		return error_set(err, TLS_FILE, "%s: %s", path, strerror(errno));
	while ((x = PEM_read_X509(f, NULL, NULL, NULL)) && sk_X509_push(into, x))
		continue;
	fclose(f);
	bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
	if (!end || sk_X509_num(into) == before)
		return error_set(err, TLS_CERTIFICATE, "%s: %s", path,
				 end ? "no certificate in it" : "a certificate in it cannot be read");
	ERR_clear_error();
	return TLS_OK;
}

/* no_passphrase: nobody is there to be asked for one. */
static int
no_passphrase(char *buffer, int size, int writing, void *arg)
{
	(void)buffer, (void)size, (void)writing, (void)arg;
	return -1;
}

static enum tls_reason
read_key(const char *path, EVP_PKEY **key, struct tls_error *err)
{
	FILE *f = fopen(path, "re");
	if (!f)
		return error_set(err, TLS_FILE, "%s: %s", path, strerror(errno));
	*key = PEM_read_PrivateKey(f, NULL, no_passphrase, NULL);
	fclose(f);
	return *key ? TLS_OK : error_set(err, TLS_PRIVATE_KEY, "%s: no private key in it that can be read", path);
}

static const char *
name_of(X509 *x, char *buffer, int size)
{
	char *name = X509_NAME_oneline(X509_get_subject_name(x), buffer, size);
	return name && *name ? name : "a certificate without a name";
}

static bool
early(const X509 *x, time_t now)
{
	return X509_cmp_time(X509_get0_notBefore(x), &now) > 0;
}

static bool
late(const X509 *x, time_t now)
{
	return X509_cmp_time(X509_get0_notAfter(x), &now) < 0;
}

static enum tls_reason
check_time(const char *path, X509 *x, time_t now, struct tls_error *err)
{
	char name[200], when[64] = "";
	bool soon = early(x, now);
	if (!soon && !late(x, now))
		return TLS_OK;
	BIO *b = BIO_new(BIO_s_mem());
	if (b && ASN1_TIME_print(b, soon ? X509_get0_notBefore(x) : X509_get0_notAfter(x)) == 1)
		BIO_read(b, when, sizeof when - 1);
	BIO_free(b);
	return error_set(err, soon ? TLS_NOT_YET_VALID : TLS_EXPIRED, "%s: the certificate of %s %s %s", path,
			 name_of(x, name, sizeof name), soon ? "is not valid before" : "expired on", when);
}

/* file_of: a certificate that stands in both files is of the first. */
static const char *
file_of(const struct bundle *b, const X509 *x)
{
	for (int i = 0; i < b->own; i++)
		if (!X509_cmp(sk_X509_value(b->chain, i), x))
			return b->conf->certificate;
	return b->conf->ca_certificate;
}

/* check_chain: what is sent with the leaf must be the leaf's: it has to verify with those certificates alone, up to any
 * of them, root or not.  A leaf alone is its own business: self-signed, or of a CA that clients know.  What has expired and
 * is not needed, such as the old root that signed a newer one, harms nobody: clients find their way as we do. */
static enum tls_reason
check_chain(const struct bundle *b, time_t now, struct tls_error *err)
{
	char name[200];
	const struct tls_certificate *c = b->conf;
	const char *path = c->ca_certificate && *c->ca_certificate ? c->ca_certificate : c->certificate;
	X509 *bad = NULL;
	if (sk_X509_num(b->chain) == 1 || verify(b, now, false, &bad) == X509_V_OK)
		return TLS_OK;
	int why = verify(b, now, true, &bad);
	enum tls_reason reason = bad ? check_time(file_of(b, bad), bad, now, err) : TLS_OK;
	X509_free(bad);
	return reason ? reason
		      : error_set(err, TLS_CHAIN, "%s: the certificate of %s in %s does not verify: %s", path,
				  name_of(sk_X509_value(b->chain, 0), name, sizeof name), c->certificate,
				  X509_verify_cert_error_string(why));
}

/* verify: the leaf, with those of the others that are valid by date, or with all; X509_V_OK, or why not.  *bad: which one's
 * date it is, if that is why; the caller frees it. */
static int
verify(const struct bundle *b, time_t now, bool all, X509 **bad)
{
	int why = X509_V_ERR_OUT_OF_MEM;
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *ctx = X509_STORE_CTX_new();
	for (int i = 1; store && i < sk_X509_num(b->chain); i++) {
		X509 *x = sk_X509_value(b->chain, i);
		if (all || (!early(x, now) && !late(x, now)))
			X509_STORE_add_cert(store, x);
	}
	if (store && ctx && X509_STORE_CTX_init(ctx, store, sk_X509_value(b->chain, 0), NULL)) {
		X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_PARTIAL_CHAIN);
		X509_STORE_CTX_set_time(ctx, 0, now);
		why = X509_verify_cert(ctx) == 1 ? X509_V_OK : X509_STORE_CTX_get_error(ctx);
	}
	if (all && (why == X509_V_ERR_CERT_HAS_EXPIRED || why == X509_V_ERR_CERT_NOT_YET_VALID)) {
		*bad = X509_STORE_CTX_get_current_cert(ctx);
		X509_up_ref(*bad);
	}
	X509_STORE_CTX_free(ctx);
	X509_STORE_free(store);
	ERR_clear_error();
	return why;
}

static enum tls_reason
use(SSL_CTX *ctx, const struct tls_certificate *c, STACK_OF(X509) * chain, EVP_PKEY *key, struct tls_error *err)
{
	X509 *leaf = sk_X509_value(chain, 0);
	if (SSL_CTX_use_certificate(ctx, leaf) != 1) {
		int why = ERR_GET_REASON(ERR_peek_last_error());
		bool weak =
			why == SSL_R_EE_KEY_TOO_SMALL || why == SSL_R_CA_MD_TOO_WEAK || why == SSL_R_CA_KEY_TOO_SMALL;
		return error_set(err, weak ? TLS_WEAK : TLS_CERTIFICATE, "%s: cannot be used", c->certificate);
	}
	for (int i = 1; i < sk_X509_num(chain); i++)
		if (SSL_CTX_add1_chain_cert(ctx, sk_X509_value(chain, i)) != 1)
			return error_set(err, TLS_WEAK, "%s: its chain cannot be used", c->certificate);
	if (SSL_CTX_use_PrivateKey(ctx, key) != 1)
		return error_set(err, TLS_PRIVATE_KEY, "%s: cannot be used", c->private_key);
	return TLS_OK;
}

enum tls_reason
certificate_copy(SSL_CTX *to, const SSL_CTX *from, struct tls_error *err)
{
	STACK_OF(X509) *chain = NULL;
	SSL_CTX_get0_chain_certs((SSL_CTX *)(uintptr_t)from, &chain);
	if (SSL_CTX_use_cert_and_key(to, SSL_CTX_get0_certificate(from), SSL_CTX_get0_privatekey(from), chain, 1) != 1)
		return error_set(err, TLS_LIBRARY, "a certificate cannot be used twice");
	return TLS_OK;
}

void
certificate_hash(SSL_CTX *ctx, struct leaf_hash *hash)
{
	const X509 *leaf = SSL_CTX_get0_certificate(ctx);
	X509_digest(leaf, EVP_sha1(), hash->sha1, NULL);
	X509_digest(leaf, EVP_sha256(), hash->sha256, NULL);
	SSL_CTX_set_app_data(ctx, hash);
}
