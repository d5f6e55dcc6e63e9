/* What is wrong with a configuration is named, with the file. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>

#include <cmocka.h>

#define GOOD(cert)                                                                                                     \
	{                                                                                                              \
		.certificate = cert ".pem", .private_key = cert ".key"                                                 \
	}

static const struct wrong {
	struct tls_certificate certificate;
	const char *ciphers, *ciphersuites, *groups, *engine;
	enum tls_reason reason;
	const char *text; /* part of the sentence */
	int days;         /* from now */
	unsigned versions;
} cases[] = {
	{.certificate = GOOD("rsa"), .reason = TLS_OK},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "ca.pem"}, .reason = TLS_OK},
	{.certificate = {NULL, "none.pem", "rsa.key", NULL},
	 .reason = TLS_FILE,
	 .text = "none.pem: No such file or directory"},
	{.certificate = {NULL, "rsa.pem", "none.key", NULL}, .reason = TLS_FILE, .text = "none.key: No such file"},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "none.pem"}, .reason = TLS_FILE, .text = "none.pem: No such file"},
	{.certificate = {NULL, "rsa.key", "rsa.key", NULL},
	 .reason = TLS_CERTIFICATE,
	 .text = "rsa.key: no certificate in it"},
	{.certificate = {NULL, "torn.pem", "rsa.key", NULL},
	 .reason = TLS_CERTIFICATE,
	 .text = "torn.pem: a certificate in it cannot be read"},
	{.certificate = {NULL, "rsa.pem", "rsa.pem", NULL},
	 .reason = TLS_PRIVATE_KEY,
	 .text = "rsa.pem: no private key in it that can be read"},
	{.certificate = {NULL, "rsa.pem", "locked.key", NULL},
	 .reason = TLS_PRIVATE_KEY,
	 .text = "locked.key: no private key in it that can be read"},
	{.certificate = {NULL, "rsa.pem", "ec.key", NULL},
	 .reason = TLS_KEY_MISMATCH,
	 .text = "ec.key: not the key of the certificate in "},
	{.certificate = {NULL, "ec.pem", "other.key", NULL},
	 .reason = TLS_KEY_MISMATCH,
	 .text = "other.key: not the key of the certificate in "},
	{.certificate = GOOD("expired"),
	 .reason = TLS_EXPIRED,
	 .text = "expired.pem: the certificate of /CN=vpn.example.net expired on "},
	{.certificate = GOOD("rsa"), .days = 6, .reason = TLS_EXPIRED, .text = "rsa.pem"},
	{.certificate = GOOD("rsa"), .days = -11, .reason = TLS_NOT_YET_VALID, .text = "is not valid before "},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "old.pem"},
	 .reason = TLS_EXPIRED,
	 .text = "/old.pem: the certificate of /CN=Test CA expired on "},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "ca.pem"},
	 .days = -11,
	 .reason = TLS_NOT_YET_VALID,
	 .text = "/rsa.pem: the certificate of /CN=vpn.example.net is not valid before "},
	/* what has expired in the chain file, and is not needed */
	{.certificate = {NULL, "rsa.pem", "rsa.key", "renewed.pem"}, .reason = TLS_OK},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "cross.pem"}, .reason = TLS_OK},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "stranger.pem"},
	 .reason = TLS_CHAIN,
	 .text = "stranger.pem: the certificate of /CN=vpn.example.net in "},
	{.certificate = {NULL, "rsa.pem", "rsa.key", "ec.pem"}, .reason = TLS_CHAIN, .text = "does not verify"},
	{.certificate = GOOD("small"), .reason = TLS_WEAK, .text = "small.pem: cannot be used (ee key too small)"},
	{.certificate = GOOD("rsa"), .ciphers = "NONSENSE", .reason = TLS_CIPHERS, .text = "\"NONSENSE\""},
	{.certificate = GOOD("rsa"), .ciphersuites = "TLS_NONSENSE", .reason = TLS_CIPHERS, .text = "\"TLS_NONSENSE\""},
	{.certificate = GOOD("rsa"), .groups = "X25519:P-1", .reason = TLS_GROUPS, .text = "\"X25519:P-1\""},
	{.certificate = GOOD("rsa"), .engine = "nonsense", .reason = TLS_ENGINE, .text = "\"nonsense\""},
	{.certificate = GOOD("rsa"), .versions = ~0u, .reason = TLS_VERSIONS, .text = "no TLS version"},
};

static const char *
in_dir(const char *name)
{
	return name ? rig_file(name) : NULL;
}

static void
what_is_wrong_is_named(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
		const struct wrong *w = &cases[i];
		struct tls_certificate cert = {.certificate = in_dir(w->certificate.certificate),
					       .private_key = in_dir(w->certificate.private_key),
					       .ca_certificate = in_dir(w->certificate.ca_certificate)};
		struct tls_contexts_conf conf = {.certificates = &cert,
						 .n_certificates = 1,
						 .versions = w->versions ? 0 : TLS_V1_2 | TLS_V1_3,
						 .ciphers = w->ciphers,
						 .ciphersuites = w->ciphersuites,
						 .groups = w->groups,
						 .engine = w->engine};
		struct tls_error err;
		struct tls_contexts *c = tls_contexts_new(&conf, NULL, time(NULL) + w->days * 86400L, &err);
		if (err.reason != w->reason || !c != (w->reason != TLS_OK) || (w->text && !strstr(err.text, w->text)))
			fail_msg("case %u: %s: %s", i, tls_reason_text(err.reason), err.text);
		assert_int_equal(ERR_peek_error(), 0);
		tls_contexts_put(c);
	}
}

/* The second certificate is checked like the first. */
static void
named_ones_are_checked_too(void **state)
{
	struct tls_certificate certs[] = {
		{.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")},
		{.host_name = "x", .certificate = rig_file("expired.pem"), .private_key = rig_file("expired.key")}};
	struct tls_error err;
	(void)state;
	assert_null(tls_contexts_new(
		&(struct tls_contexts_conf){.certificates = certs, .n_certificates = 2, .versions = TLS_V1_3}, NULL,
		time(NULL), &err));
	assert_int_equal(err.reason, TLS_EXPIRED);
}

static void
the_hash_of_the_default(void **state)
{
	struct tls_certificate cert = {.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")};
	uint8_t sha1[20] = {0}, sha256[32] = {0}, zero[32] = {0};
	struct tls_error err;
	(void)state;
	struct tls_contexts *c = tls_contexts_new(
		&(struct tls_contexts_conf){.certificates = &cert, .n_certificates = 1, .versions = TLS_V1_3}, NULL,
		time(NULL), &err);
	tls_contexts_default_hash(c, sha1, sha256);
	assert_memory_not_equal(sha1, zero, 20);
	assert_memory_not_equal(sha256, zero, 32);
	tls_contexts_put(c);
}

static void
the_chain_is_sent(void **state)
{
	struct tls_certificate cert = {.certificate = rig_file("rsa.pem"),
				       .private_key = rig_file("rsa.key"),
				       .ca_certificate = rig_file("ca.pem")};
	(void)state;
	rig_open(NULL, &(struct tls_contexts_conf){.certificates = &cert, .n_certificates = 1, .versions = TLS_V1_3});
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	rig_settle();
	assert_int_equal(sk_X509_num(SSL_get_peer_cert_chain(e->ssl)), 2);
	SSL_CTX_free(ctx);
	rig_close();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_wrong_is_named),
		cmocka_unit_test(named_ones_are_checked_too),
		cmocka_unit_test(the_hash_of_the_default),
		cmocka_unit_test(the_chain_is_sent),
	};
	rig_start(NULL);
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	return rc;
}
