/* Session tickets: each key seals for twelve hours, opens for twelve more, and is gone. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "contexts_ssl.h"
#include "ticket.h"

#define KEY_US (TICKET_KEY_S * INT64_C(1000000))

static SSL_SESSION *got; /* a client's at the end of its connection */
static bool renewed;     /* whether its ticket is another than the one that it came with */

static SSL_CTX *
client(int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_max_proto_version(ctx, version);
	return ctx;
}

static bool
same_ticket(const SSL_SESSION *a, const SSL_SESSION *b)
{
	const unsigned char *ta, *tb;
	size_t na, nb;
	SSL_SESSION_get0_ticket(a, &ta, &na);
	SSL_SESSION_get0_ticket(b, &tb, &nb);
	return na == nb && !memcmp(ta, tb, na);
}

/* resumed: whether a connection with that session, NULL for none, is. */
static bool
resumed(SSL_CTX *ctx, enum tls_listener listener, const SSL_SESSION *session)
{
	char byte;
	struct rig_end *e = rig_accept(ctx, listener, NULL);
	/* A copy: OpenSSL does not use a session of TLS 1.3 twice. */
	SSL_SESSION *copy = session ? SSL_SESSION_dup(session) : NULL;
	SSL_set_session(e->ssl, copy);
	rig_settle();
	rig_ssl_receive(e, &byte, 1); /* TLS 1.3's tickets come behind the handshake */
	assert_true(e->up && e->ssl_up);
	SSL_SESSION_free(got);
	got = SSL_get1_session(e->ssl);
	assert_true(SSL_SESSION_has_ticket(got));
	renewed = !session || !same_ticket(got, session);
	bool yes = e->agreed.resumed;
	rig_forget(e);
	SSL_SESSION_free(copy);
	return yes;
}

/* begin: a session of a full handshake; the first key is new. */
static SSL_SESSION *
begin(SSL_CTX *ctx)
{
	rig.now = (struct mono){12345};
	rig_open(NULL, NULL);
	assert_false(resumed(ctx, TLS_LISTENER_NORMAL, NULL));
	assert_true(renewed);
	return SSL_SESSION_dup(got);
}

static void
end(SSL_CTX *ctx)
{
	SSL_SESSION_free(got);
	got = NULL;
	SSL_CTX_free(ctx);
	rig_close();
	rig.now = (struct mono){0};
}

/* renews: whether a ticket of the current key is answered with a new one: in TLS 1.3 a client shows each once (RFC 8446 C.4). */
static void
a_key_is_replaced(int version, bool renews)
{
	SSL_CTX *ctx = client(version);
	SSL_SESSION *first = begin(ctx), *second;
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_int_equal(renewed, renews);
	rig.now.us = 12345 + KEY_US - 1;
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_int_equal(renewed, renews);
	/* The next key: what the former sealed is good, and sealed again. */
	rig.now.us++;
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_true(renewed);
	second = SSL_SESSION_dup(got);
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, second));
	assert_int_equal(renewed, renews);
	rig.now.us += KEY_US - 1;
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	/* And the one behind it. */
	rig.now.us++;
	assert_false(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_true(renewed);
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, second));
	rig.now.us += KEY_US;
	assert_false(resumed(ctx, TLS_LISTENER_NORMAL, second));
	SSL_SESSION_free(first);
	SSL_SESSION_free(second);
	end(ctx);
}

static void
keys_are_replaced(void **state)
{
	(void)state;
	a_key_is_replaced(TLS1_2_VERSION, false);
	a_key_is_replaced(TLS1_3_VERSION, true);
}

static void
reload(void)
{
	struct tls_error err;
	struct tls_certificate rsa = {.certificate = rig_file("rsa.pem"), .private_key = rig_file("rsa.key")};
	struct tls_contexts *c = tls_contexts_new(&(struct tls_contexts_conf){.certificates = &rsa,
									      .n_certificates = 1,
									      .versions = TLS_V1_2 | TLS_V1_3,
									      .prefer_server_ciphers = true},
						  tls_offload_contexts(rig.offload, TLS_SERVER), time(NULL), &err);
	assert_non_null(c);
	role_assume_main();
	tls_offload_contexts_set(rig.offload, c);
}

/* A reload neither ends a key nor lengthens its time. */
static void
keys_outlive_a_reload(void **state)
{
	(void)state;
	SSL_CTX *ctx = client(TLS1_2_VERSION);
	SSL_SESSION *first = begin(ctx);
	rig.now.us += KEY_US / 2;
	reload();
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_false(renewed);
	rig.now.us += KEY_US / 2;
	reload();
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	assert_true(renewed);
	rig.now.us += KEY_US / 2;
	reload();
	assert_true(resumed(ctx, TLS_LISTENER_NORMAL, first));
	rig.now.us += KEY_US / 2;
	assert_false(resumed(ctx, TLS_LISTENER_NORMAL, first));
	SSL_SESSION_free(first);
	end(ctx);
}

/* Threads and listeners have the same keys. */
static void
keys_are_shared(void **state)
{
	(void)state;
	rig.n_threads = 3;
	SSL_CTX *ctx = client(TLS1_2_VERSION);
	SSL_SESSION *first = begin(ctx);
	for (unsigned i = 0; i < 6; i++) {
		/* Each takes a slot of its own, and the next thread. */
		rig_accept(NULL, TLS_LISTENER_NORMAL, NULL);
		assert_true(resumed(ctx, i % 2 ? TLS_LISTENER_LEGACY : TLS_LISTENER_NORMAL, first));
		assert_int_equal(renewed, i == 3);
		if (i == 2)
			rig.now.us += KEY_US;
		if (i == 3) {
			SSL_SESSION_free(first);
			first = SSL_SESSION_dup(got);
		}
	}
	SSL_SESSION_free(first);
	end(ctx);
	rig.n_threads = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keys_are_replaced),
		cmocka_unit_test(keys_outlive_a_reload),
		cmocka_unit_test(keys_are_shared),
	};
	rig_start(NULL);
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	return rc;
}
