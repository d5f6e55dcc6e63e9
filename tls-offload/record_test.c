/* Records after the handshake: what is tampered with, key updates, alerts, ends, and what a hostile peer may try. */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/bytes.h>

#include "chain.h"
#include "core.h"

static struct tls_core_conf core_conf = {.connections = RIG_ENDS, .cryptodev = -1};

static const struct suite {
	const char *name;
	unsigned version;
} suites[] = {
	{"TLS_AES_128_GCM_SHA256", TLS_V1_3},        {"TLS_AES_256_GCM_SHA384", TLS_V1_3},
	{"TLS_CHACHA20_POLY1305_SHA256", TLS_V1_3},  {"ECDHE-ECDSA-AES128-GCM-SHA256", TLS_V1_2},
	{"ECDHE-ECDSA-AES256-GCM-SHA384", TLS_V1_2}, {"ECDHE-ECDSA-CHACHA20-POLY1305", TLS_V1_2},
};
#define N_SUITES (sizeof suites / sizeof *suites)
#define N_SUITES13 3

static void
open_rig(void)
{
	struct tls_certificate ec = {.certificate = rig_file("ec.pem"), .private_key = rig_file("ec.key")};
	rig_open(&core_conf, &(struct tls_contexts_conf){
				     .certificates = &ec, .n_certificates = 1, .versions = TLS_V1_2 | TLS_V1_3});
}

static SSL_CTX *
ctx_of(const struct suite *s, bool server)
{
	SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	int version = s->version == TLS_V1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	if (s->version == TLS_V1_3)
		SSL_CTX_set_ciphersuites(ctx, s->name);
	else
		SSL_CTX_set_cipher_list(ctx, s->name);
	if (server) {
		SSL_CTX_use_certificate_file(ctx, rig_file("ec.pem"), SSL_FILETYPE_PEM);
		SSL_CTX_use_PrivateKey_file(ctx, rig_file("ec.key"), SSL_FILETYPE_PEM);
	}
	return ctx;
}

static struct rig_end *
served(SSL_CTX *ctx)
{
	struct rig_end *e = rig_accept(ctx, TLS_LISTENER_NORMAL, NULL);
	rig_settle();
	assert_true(e->up && e->ssl_up);
	return e;
}

/* Our server; `other` is our client, with which anything can be sent. */
static struct rig_end *
pair_of(const struct suite *s)
{
	struct tls_contexts_conf client = {.role = TLS_CLIENT, .versions = s->version};
	*(s->version == TLS_V1_3 ? &client.ciphersuites : &client.ciphers) = s->name;
	rig_contexts(&client);
	struct rig_end *e = rig_pair("");
	rig_settle();
	assert_true(e->up && e->other->up);
	return e;
}

static void
forget_pair(struct rig_end *e)
{
	rig_forget(e->other);
	rig_forget(e);
}

static void
send_record(struct rig_end *e, uint8_t type, const void *bytes, size_t n)
{
	struct rte_mbuf *m = chain_of(n ? bytes : "", (uint32_t)n, rig.pool);
	struct tls_op *op = seal_build(rig.core, e->conn, type, m);
	assert_non_null(op);
	core_submit(rig.core, &op, 1);
	for (unsigned i = 0; i < 3; i++)
		rig_turn();
}

static void
expect_failed(const struct rig_end *e, enum tls_reason reason, enum tls_alert alert)
{
	if (!e->failed || e->reason != reason || e->alert != alert)
		fail_msg("failed %d: %s, alert %s; expected %s, %s", e->failed, tls_reason_text(e->reason),
			 tls_alert_name(e->alert), tls_reason_text(reason), tls_alert_name(alert));
}

/* --- integrity --------------------------------------------------------------------------------------------------- */

/* One byte of a record is another: no plaintext comes out, and the peer hears why. */
static void
tampered_with(struct rig_end *e, size_t at)
{
	rig_ssl_send(e, "attack at dawn", 14);
	struct rig_bytes *w = &e->wire;
	char *p;
	long n = BIO_get_mem_data(e->ssl_out, &p);
	rig_add(w, p, (size_t)n);
	(void)BIO_reset(e->ssl_out);
	w->p[w->at + at % (size_t)n] ^= (uint8_t)(1 << rig_random() % 8);
	rig_settle();
	assert_int_equal(e->got.n, 0);
	if (at % (size_t)n == 3 || at % (size_t)n == 4) /* a longer record is waited for */
		return;
	assert_true(e->failed);
	char buffer[8];
	assert_true(SSL_read(e->ssl, buffer, sizeof buffer) <= 0);
	assert_int_equal(e->alert, at % (size_t)n ? TLS_ALERT_BAD_RECORD_MAC : e->alert);
}

static void
nothing_tampered_passes(void **state)
{
	(void)state;
	open_rig();
	for (unsigned i = 0; i < N_SUITES; i++) {
		SSL_CTX *ctx = ctx_of(&suites[i], false);
		for (size_t at = 0; at < 44; at++) {
			struct rig_end *e = served(ctx);
			rig.cut = at % 3;
			tampered_with(e, at);
			rig_forget(e);
			rig.cut = RIG_WHOLE;
		}
		SSL_CTX_free(ctx);
	}
	rig_close();
}

static void
records_come_once_and_in_order(void **state)
{
	(void)state;
	open_rig();
	for (unsigned i = 0; i < N_SUITES; i++)
		for (unsigned how = 0; how < 3; how++) {
			SSL_CTX *ctx = ctx_of(&suites[i], false);
			struct rig_end *e = served(ctx);
			char *p;
			rig_ssl_send(e, "one", 3);
			size_t one = (size_t)BIO_get_mem_data(e->ssl_out, &p);
			rig_ssl_send(e, "two", 3);
			size_t both = (size_t)BIO_get_mem_data(e->ssl_out, &p);
			if (how == 0) { /* twice */
				rig_add(&e->wire, p, one);
				rig_add(&e->wire, p, one);
			} else if (how == 1) { /* the second first */
				rig_add(&e->wire, p + one, both - one);
			} else { /* as they were sent */
				rig_add(&e->wire, p, both);
			}
			(void)BIO_reset(e->ssl_out);
			rig_settle();
			assert_int_equal(e->got.n, how == 0 ? 3 : how == 1 ? 0 : 6);
			assert_int_equal(e->failed, how != 2);
			if (how != 2)
				expect_failed(e, TLS_RECORD_MAC, TLS_ALERT_BAD_RECORD_MAC);
			rig_forget(e);
			SSL_CTX_free(ctx);
		}
	rig_close();
}

/* RFC 8446 5.3, RFC 5288 3: no nonce twice, and the explicit ones count on from OpenSSL's. */
static void
explicit_nonces_count(void **state)
{
	(void)state;
	open_rig();
	SSL_CTX *ctx = ctx_of(&suites[3], false);
	struct rig_end *e = served(ctx);
	const uint8_t *p = e->sent.p, *end = p + e->sent.n;
	uint64_t last = 0;
	for (unsigned i = 0; i < 5; i++)
		rig_send(e, "x", 1);
	rig_settle();
	end = e->sent.p + e->sent.n;
	bool behind = false;
	for (; p < end; p += 5 + be16(p + 3)) {
		behind |= *p == RECORD_CHANGE_CIPHER_SPEC;
		if (!behind || *p == RECORD_CHANGE_CIPHER_SPEC)
			continue;
		assert_true(!last || be64(p + 5) == last + 1);
		last = be64(p + 5);
	}
	assert_true(last);
	rig_forget(e);
	SSL_CTX_free(ctx);
	rig_close();
}

/* --- key updates ------------------------------------------------------------------------------------------------- */

static void
ssl_data(struct rig_end *e, unsigned n)
{
	char got[64];
	size_t before = e->got.n;
	for (unsigned i = 0; i < n; i++) {
		rig_ssl_send(e, "up", 2);
		rig_send(e, "down", 4);
	}
	rig_settle();
	assert_int_equal(e->got.n - before, 2 * n);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(rig_ssl_receive(e, got, 4), 4);
}

static void
keys_are_updated(void **state)
{
	(void)state;
	open_rig();
	for (unsigned i = 0; i < N_SUITES13; i++)
		for (rig.cut = RIG_WHOLE; rig.cut <= RIG_RANDOM; rig.cut++) {
			SSL_CTX *ctx = ctx_of(&suites[i], false);
			struct rig_end *e = served(ctx);
			for (unsigned k = 0; k < 6; k++) {
				SSL_key_update(e->ssl, k % 2 ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
				ssl_data(e, 3);
			}
			assert_false(e->failed);
			rig_forget(e);
			SSL_CTX_free(ctx);
		}
	assert_int_equal(tls_core_stats(rig.core)->key_updates_received, 6 * 9);
	assert_int_equal(tls_core_stats(rig.core)->key_updates_sent, 3 * 9);
	rig_close();
}

static void
we_update_when_a_key_is_worn(void **state)
{
	(void)state;
	open_rig();
	assert_int_equal(rig.core->rekey_after, 1 << 24);
	rig.core->rekey_after = 5;
	for (unsigned i = 0; i < N_SUITES13; i++) {
		SSL_CTX *ctx = ctx_of(&suites[i], false);
		struct rig_end *e = served(ctx);
		uint64_t before = tls_core_stats(rig.core)->key_updates_sent;
		for (unsigned k = 0; k < 6; k++)
			ssl_data(e, 4);
		assert_int_equal(tls_core_stats(rig.core)->key_updates_sent - before, 4);
		rig_forget(e);
		SSL_CTX_free(ctx);
	}
	for (unsigned i = 0; i < N_SUITES; i++) {
		/* Both sides at once, and many records in one batch. */
		struct rig_end *e = pair_of(&suites[i]);
		struct tls_chunk chunks[TLS_CHUNKS];
		for (unsigned k = 0; k < TLS_CHUNKS; k++)
			chunks[k] = (struct tls_chunk){k % 2 ? e->conn : e->other->conn, chain_of("1234", 4, rig.pool)};
		assert_int_equal(tls_seal_begin(rig.core, chunks, TLS_CHUNKS), TLS_CHUNKS);
		rig_settle();
		assert_int_equal(e->got.n, 4 * TLS_CHUNKS / 2);
		assert_int_equal(e->other->got.n, 4 * TLS_CHUNKS / 2);
		forget_pair(e);
	}
	rig_close();
}

static const uint8_t key_update[5] = {24, 0, 0, 1, 0};

static void
key_updates_in_pieces(void **state)
{
	(void)state;
	open_rig();
	struct rig_end *e = pair_of(&suites[0]);
	for (unsigned i = 0; i < 5; i++)
		send_record(e->other, RECORD_HANDSHAKE, key_update + i, 1);
	conn_next_key(rig.core, e->other->conn, TLS_TX);
	send_record(e->other, RECORD_DATA, "new key", 7);
	rig_settle();
	assert_int_equal(e->got.n, 7);
	forget_pair(e);
	rig_close();
}

static const uint8_t update_requested[5] = {24, 0, 0, 1, 1};

static void
ask_for_an_update(struct rig_end *e)
{
	send_record(e->other, RECORD_HANDSHAKE, update_requested, 5);
	conn_next_key(rig.core, e->other->conn, TLS_TX);
}

/* RFC 8446 4.6.3: a request is answered at once; those after it when data goes, which is under the newest key. */
static void
requests_are_answered_together(void **state)
{
	(void)state;
	open_rig();
	struct rig_end *e = pair_of(&suites[0]);
	const struct tls_core_stats *s = tls_core_stats(rig.core);
	for (unsigned i = 0; i < 5; i++) {
		ask_for_an_update(e);
		rig_settle();
		assert_int_equal(s->key_updates_sent, 1);
	}
	for (unsigned i = 2; i < 4; i++) {
		rig_send(e, "x", 1);
		rig_settle();
		assert_int_equal(s->key_updates_sent, 2);
	}
	assert_int_equal(e->other->got.n, 2);
	ask_for_an_update(e);
	rig_settle();
	assert_int_equal(s->key_updates_sent, 3);
	assert_false(e->failed || e->other->failed);
	forget_pair(e);
	rig_close();
}

/* Each costs a derivation: 32 at once, one a second. */
static void
key_updates_are_bounded(void **state)
{
	(void)state;
	open_rig();
	struct rig_end *e = pair_of(&suites[0]);
	for (unsigned i = 0; i < 100; i++) {
		rig.now.us += 1000000;
		ask_for_an_update(e);
		send_record(e->other, RECORD_DATA, "x", 1);
	}
	assert_false(e->failed);
	for (unsigned i = 0; i < 32; i++) {
		assert_false(e->failed);
		ask_for_an_update(e);
		send_record(e->other, RECORD_DATA, "x", 1);
	}
	expect_failed(e, TLS_KEY_UPDATES, TLS_ALERT_UNEXPECTED_MESSAGE);
	forget_pair(e);
	rig_close();
}

/* --- what a peer must not do ------------------------------------------------------------------------------------- */

struct trick {
	uint8_t type;
	const char *bytes;
	size_t n;
	unsigned version;
	enum tls_reason reason;
	enum tls_alert alert;
};

static void
tricks_fail(void **state)
{
	static const struct trick tricks[] = {
		{22, "\30\0\0\1\0x", 6, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\30\0\0\1\2", 5, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\30\0\0\2\0\0", 6, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\4\0\0\1\0", 5, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\24\0\0\40", 4, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\1\0\0\1\0", 5, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "", 0, TLS_V1_3, TLS_RECORD_TYPE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{20, "\1", 1, TLS_V1_3, TLS_RECORD_TYPE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{24, "x", 1, TLS_V1_3, TLS_RECORD_TYPE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{0, "", 0, TLS_V1_3, TLS_RECORD_TYPE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{21, "\2", 1, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_DECODE_ERROR},
		{21, "\2\50\2\50", 4, TLS_V1_3, TLS_RECORD_MESSAGE, TLS_ALERT_DECODE_ERROR},
		{20, "\1", 1, TLS_V1_2, TLS_RECORD_TYPE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\24\0\0\14", 4, TLS_V1_2, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{22, "\0\0\0\0", 4, TLS_V1_2, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE},
		{21, "\1", 1, TLS_V1_2, TLS_RECORD_MESSAGE, TLS_ALERT_DECODE_ERROR},
	};
	(void)state;
	open_rig();
	for (unsigned i = 0; i < sizeof tricks / sizeof *tricks; i++) {
		const struct trick *t = &tricks[i];
		struct rig_end *e = pair_of(&suites[t->version == TLS_V1_3 ? 0 : 3]);
		send_record(e->other, t->type, t->bytes, t->n);
		rig_settle();
		expect_failed(e, t->reason, t->alert);
		/* The other side hears it. */
		assert_true(e->other->alerted);
		assert_int_equal(e->other->alert, t->alert);
		forget_pair(e);
	}
	rig_close();
}

static void
nothing_between_the_parts_of_a_message(void **state)
{
	(void)state;
	open_rig();
	struct rig_end *e = pair_of(&suites[0]);
	send_record(e->other, RECORD_HANDSHAKE, key_update, 2);
	send_record(e->other, RECORD_DATA, "x", 1);
	rig_settle();
	expect_failed(e, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE);
	forget_pair(e);
	rig_close();
}

static void
too_long_is_overflow(void **state)
{
	static uint8_t much[17000];
	static const struct {
		unsigned suite;
		size_t n;
		bool fails;
	} lengths[] = {{0, 16384, false}, {0, 16385, true}, {0, 16700, true}, {3, 16384, false}, {3, 16385, true}};
	(void)state;
	open_rig();
	for (unsigned i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct rig_end *e = pair_of(&suites[lengths[i].suite]);
		send_record(e->other, RECORD_DATA, much, lengths[i].n);
		rig_settle();
		assert_int_equal(e->got.n, lengths[i].fails ? 0 : lengths[i].n);
		if (lengths[i].fails)
			expect_failed(e, TLS_RECORD_LENGTH, TLS_ALERT_RECORD_OVERFLOW);
		forget_pair(e);
	}
	/* A header alone is enough to know. */
	static const struct {
		unsigned suite;
		uint8_t header[5];
		enum tls_alert alert;
	} headers[] = {
		{0, {23, 3, 3, 0x41, 0x01}, TLS_ALERT_RECORD_OVERFLOW},
		{0, {23, 3, 3, 0, 16}, TLS_ALERT_DECODE_ERROR},
		{0, {20, 3, 3, 0, 1}, TLS_ALERT_UNEXPECTED_MESSAGE},
		{0, {22, 3, 3, 0, 99}, TLS_ALERT_UNEXPECTED_MESSAGE},
		{3, {23, 3, 3, 0x48, 0x01}, TLS_ALERT_RECORD_OVERFLOW},
		{3, {23, 3, 3, 0, 23}, TLS_ALERT_DECODE_ERROR},
		{3, {'G', 'E', 'T', ' ', '/'}, TLS_ALERT_UNEXPECTED_MESSAGE},
	};
	for (unsigned i = 0; i < sizeof headers / sizeof *headers; i++) {
		struct rig_end *e = pair_of(&suites[headers[i].suite]);
		rig_add(&e->wire, headers[i].header, 5);
		rig_settle();
		assert_true(e->failed);
		assert_int_equal(e->alert, headers[i].alert);
		forget_pair(e);
	}
	rig_close();
}

static void
a_peer_that_says_nothing_is_let_go(void **state)
{
	(void)state;
	open_rig();
	for (unsigned how = 0; how < 3; how++) {
		struct rig_end *e = pair_of(&suites[how == 1 ? 3 : 0]);
		for (unsigned i = 0; i < 100; i++) {
			if (e->other->alerted)
				break;
			if (how < 2) {
				send_record(e->other, how ? RECORD_ALERT : RECORD_DATA, "\1\132", how ? 2 : 0);
			} else {
				send_record(e->other, RECORD_HANDSHAKE, key_update, 5);
				conn_next_key(rig.core, e->other->conn, TLS_TX);
			}
			assert_int_equal(e->failed, i >= 32);
		}
		expect_failed(e, TLS_IDLE_RECORDS, TLS_ALERT_UNEXPECTED_MESSAGE);
		forget_pair(e);
	}
	/* With data between, for ever. */
	struct rig_end *e = pair_of(&suites[0]);
	for (unsigned i = 0; i < 200; i++) {
		send_record(e->other, RECORD_DATA, "", 0);
		if (i % 30 == 0)
			send_record(e->other, RECORD_DATA, "x", 1);
	}
	assert_false(e->failed);
	forget_pair(e);
	rig_close();
}

static void
padding_is_taken_off(void **state)
{
	static const size_t blocks[] = {2, 256, 4096, 16384};
	(void)state;
	open_rig();
	for (unsigned i = 0; i < N_SUITES13; i++)
		for (unsigned k = 0; k < 4; k++) {
			SSL_CTX *ctx = ctx_of(&suites[i], false);
			SSL_CTX_set_block_padding(ctx, blocks[k]);
			struct rig_end *e = served(ctx);
			rig.cut = RIG_RANDOM;
			/* Zeros of the data's own stay. */
			rig_ssl_send(e, "ends in zeros\0\0\0\0", 17);
			rig_settle();
			assert_int_equal(e->got.n, 17);
			assert_memory_equal(e->got.p, "ends in zeros\0\0\0\0", 17);
			ssl_data(e, 5);
			rig_forget(e);
			rig.cut = RIG_WHOLE;
			SSL_CTX_free(ctx);
		}
	rig_close();
}

/* --- ends -------------------------------------------------------------------------------------------------------- */

static void
close_notify_both_ways(void **state)
{
	(void)state;
	open_rig();
	for (unsigned i = 0; i < N_SUITES; i++) {
		SSL_CTX *ctx = ctx_of(&suites[i], false);
		struct rig_end *e = served(ctx);
		rig_ssl_send(e, "last", 4);
		SSL_shutdown(e->ssl);
		rig_settle();
		assert_true(e->closed);
		assert_int_equal(e->got.n, 4);
		assert_int_equal(SSL_shutdown(e->ssl), 1);
		assert_int_equal(tls_room(e->conn), 0);
		rig_forget(e);

		e = served(ctx);
		char byte[8];
		rig_send(e, "last", 4);
		tls_shutdown(rig.core, e->conn);
		assert_true(tls_unsent(e->conn));
		rig_settle();
		assert_false(tls_unsent(e->conn));
		assert_int_equal(rig_ssl_receive(e, byte, 8), 4);
		assert_int_equal(SSL_get_shutdown(e->ssl), SSL_RECEIVED_SHUTDOWN);
		/* What the peer still sends is taken. */
		rig_ssl_send(e, "still", 5);
		rig_settle();
		assert_int_equal(e->got.n, 5);
		rig_forget(e);
		SSL_CTX_free(ctx);
	}
	rig_close();
}

static void
alerts_of_the_peer(void **state)
{
	static const struct {
		unsigned suite;
		const char *alert;
		bool ends;
	} alerts[] = {
		{0, "\2\60", true}, {0, "\1\60", true}, {0, "\1\132", false}, {3, "\2\60", true}, {3, "\1\132", false},
	};
	(void)state;
	open_rig();
	for (unsigned i = 0; i < sizeof alerts / sizeof *alerts; i++) {
		struct rig_end *e = pair_of(&suites[alerts[i].suite]);
		send_record(e->other, RECORD_ALERT, alerts[i].alert, 2);
		rig_settle();
		assert_int_equal(e->alerted, alerts[i].ends);
		assert_int_equal(e->reason, alerts[i].ends ? TLS_PEER_ALERT : TLS_OK);
		assert_string_equal(tls_alert_name(e->alert), alerts[i].ends ? "unknown_ca" : "close_notify");
		/* Nobody answers an alert. */
		assert_int_equal(e->other->alerted + e->other->closed, 0);
		forget_pair(e);
	}
	rig_close();
}

static void
renegotiation_is_refused(void **state)
{
	(void)state;
	open_rig();
	SSL_CTX *ctx = ctx_of(&suites[4], false);
	struct rig_end *e = served(ctx);
	SSL_renegotiate(e->ssl);
	e->ssl_up = false;
	rig_settle();
	assert_true(e->ssl_failed);
	/* OpenSSL gives up by itself, as it does against SSL_OP_NO_RENEGOTIATION. */
	assert_false(e->failed);
	assert_true(e->alerted);
	assert_string_equal(tls_alert_name(e->alert), "handshake_failure");
	rig_forget(e);
	SSL_CTX_free(ctx);

	ctx = ctx_of(&suites[4], true);
	rig_contexts(&(struct tls_contexts_conf){.role = TLS_CLIENT, .versions = TLS_V1_2});
	e = rig_connect(ctx, "");
	rig_settle();
	assert_true(e->up);
	SSL_renegotiate(e->ssl);
	e->ssl_up = false;
	rig_settle();
	char byte;
	assert_int_equal(rig_ssl_receive(e, &byte, 1), 0); /* where OpenSSL meets our warning */
	rig_settle();
	assert_true(e->alerted);
	assert_false(e->failed);
	rig_forget(e);
	SSL_CTX_free(ctx);

	/* A ClientHello in pieces, with data behind it: the connection lives. */
	struct rig_end *p = pair_of(&suites[3]);
	send_record(p->other, RECORD_HANDSHAKE, "\1\0", 2);
	send_record(p->other, RECORD_HANDSHAKE, "\0\7abc", 5);
	send_record(p->other, RECORD_HANDSHAKE, "defg", 4);
	send_record(p->other, RECORD_DATA, "alive", 5);
	rig_settle();
	assert_int_equal(p->got.n, 5);
	assert_false(p->failed || p->other->failed || p->other->alerted);
	/* Once is enough. */
	send_record(p->other, RECORD_HANDSHAKE, "\1\0\0\0", 4);
	expect_failed(p, TLS_RENEGOTIATION, TLS_ALERT_UNEXPECTED_MESSAGE);
	forget_pair(p);
	rig_close();
}

/* --- room -------------------------------------------------------------------------------------------------------- */

/* Keys that do not fit into the cache are expanded again, also within one batch. */
static void
a_small_key_cache(void **state)
{
	(void)state;
	struct tls_core_conf small = core_conf;
	small.key_cache = 1;
	struct tls_certificate ec = {.certificate = rig_file("ec.pem"), .private_key = rig_file("ec.key")};
	rig_open(&small, &(struct tls_contexts_conf){
				 .certificates = &ec, .n_certificates = 1, .versions = TLS_V1_2 | TLS_V1_3});
	rig_contexts(&(struct tls_contexts_conf){.role = TLS_CLIENT, .versions = TLS_V1_3});
	for (unsigned i = 0; i < RIG_ENDS / 2; i++)
		rig_pair("");
	rig_settle();
	for (unsigned round = 0; round < 50; round++) {
		struct tls_chunk chunks[TLS_CHUNKS];
		for (unsigned k = 0; k < TLS_CHUNKS; k++)
			chunks[k] = (struct tls_chunk){rig.end[k % rig.n_ends].conn, chain_of(&round, 4, rig.pool)};
		assert_int_equal(tls_seal_begin(rig.core, chunks, TLS_CHUNKS), TLS_CHUNKS);
		rig_settle();
	}
	for (unsigned i = 0; i < rig.n_ends; i++) {
		assert_false(rig.end[i].failed);
		assert_int_equal(rig.end[i].got.n, 200);
	}
	rig_close();
}

/* A peer whose segments are one byte each does not hold a buffer for each of them. */
static void
single_bytes_hold_few_buffers(void **state)
{
	static uint8_t much[16384];
	(void)state;
	open_rig();
	struct rig_end *e = pair_of(&suites[0]);
	unsigned before = rte_mempool_avail_count(rig.pool);
	rig.cut = RIG_BYTEWISE;
	send_record(e->other, RECORD_DATA, much, sizeof much);
	for (unsigned i = 0; i < 16000; i++)
		rig_turn();
	assert_true(tls_held(e->conn) > 15000);
	assert_true(before - rte_mempool_avail_count(rig.pool) < 12);
	rig_settle();
	assert_int_equal(e->got.n, sizeof much);
	forget_pair(e);
	rig_close();
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_tampered_passes),
		cmocka_unit_test(records_come_once_and_in_order),
		cmocka_unit_test(explicit_nonces_count),
		cmocka_unit_test(keys_are_updated),
		cmocka_unit_test(we_update_when_a_key_is_worn),
		cmocka_unit_test(key_updates_in_pieces),
		cmocka_unit_test(requests_are_answered_together),
		cmocka_unit_test(key_updates_are_bounded),
		cmocka_unit_test(tricks_fail),
		cmocka_unit_test(nothing_between_the_parts_of_a_message),
		cmocka_unit_test(too_long_is_overflow),
		cmocka_unit_test(a_peer_that_says_nothing_is_let_go),
		cmocka_unit_test(padding_is_taken_off),
		cmocka_unit_test(close_notify_both_ways),
		cmocka_unit_test(alerts_of_the_peer),
		cmocka_unit_test(renegotiation_is_refused),
		cmocka_unit_test(a_small_key_cache),
		cmocka_unit_test(single_bytes_hold_few_buffers),
	};
	core_conf.cryptodev = rig_start(argc > 1 ? argv[1] : NULL);
	rig_certificates();
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	rig_certificates_remove();
	return rc;
}
