/* handshake.c - OpenSSL between two memory BIOs. */
#include "handshake.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/async.h>
#include <openssl/err.h>

static bool ssl_new(struct handshake *h, SSL_CTX *ctx, const char *server_name) ON_OFFLOAD;
static void run(struct handshake *h) ON_OFFLOAD;
static void park(struct handshake *h, bool has_job) ON_OFFLOAD;
static void over(struct handshake *h) ON_OFFLOAD;
static void fail(struct handshake *h, enum tls_reason otherwise) ON_OFFLOAD;
static enum tls_reason why(const struct handshake *h, enum tls_reason otherwise);
static bool say_due(struct handshake *h) ON_OFFLOAD;
static bool drain(struct handshake *h) ON_OFFLOAD;
static bool relay_read(struct handshake *h) ON_OFFLOAD;
static bool say(struct handshake *h, unsigned due, enum tls_msg type, const void *payload) ON_OFFLOAD;
static bool say_up(struct handshake *h) ON_OFFLOAD;
static bool say_failed(struct handshake *h) ON_OFFLOAD;
static void forget(struct handshake *h) ON_OFFLOAD;
static int on_woken(SSL *ssl, void *arg);

/* --- a list that a connection can leave by itself ---------------------------------------------------------------- */

#define LIST_PUSH(list, h, name)                                                                                       \
	do {                                                                                                           \
		(h)->name##_next = *(list);                                                                            \
		if (*(list))                                                                                           \
			(*(list))->name##_prev = &(h)->name##_next;                                                    \
		(h)->name##_prev = (list);                                                                             \
		*(list) = (h);                                                                                         \
	} while (0)

#define LIST_REMOVE(h, name)                                                                                           \
	do {                                                                                                           \
		if ((h)->name##_prev) {                                                                                \
			*(h)->name##_prev = (h)->name##_next;                                                          \
			if ((h)->name##_next)                                                                          \
				(h)->name##_next->name##_prev = (h)->name##_prev;                                      \
			(h)->name##_prev = NULL;                                                                       \
		}                                                                                                      \
	} while (0)

/* count_in_flight: how many there were, of all threads. */
static uint32_t
count_in_flight(struct handshake *h, bool in_flight)
{
	uint32_t change = (uint32_t)in_flight - (uint32_t)h->in_flight;
	h->thread->stats.in_flight += (uint64_t)in_flight - (uint64_t)h->in_flight;
	h->in_flight = in_flight;
	return atomic_fetch_add(&h->thread->off->in_flight, change);
}

/* --- begin ------------------------------------------------------------------------------------------------------- */

/* too_many: the worker cores' bound forgets a connection that has gone; its job holds our memory until the engine is done. */
static bool
too_many(struct handshake *h)
{
	uint32_t max = h->thread->off->conf.max_handshakes;
	if (count_in_flight(h, true) < max || !max)
		return false;
	count_in_flight(h, false);
	return true;
}

struct handshake *
handshake_new(struct offload_thread *t, unsigned core, uint64_t handle, const struct tls_msg_open *open,
	      const char *server_name)
{
	struct tls_contexts *c = t->contexts[open->role == TLS_CLIENT];
	struct handshake *h = calloc(1, sizeof *h);
	if (!h)
		return NULL;
	h->thread = t;
	h->core = core;
	h->handle = handle;
	t->stats.begun++;
	if (too_many(h)) {
		h->reason = TLS_HANDSHAKES;
		fail(h, TLS_HANDSHAKES);
		return h;
	}
	SSL_CTX *ctx = !c                         ? NULL
		       : open->role == TLS_CLIENT ? c->listener[0]
						  : c->listener[open->listener % TLS_N_LISTENERS];
	if (!ctx || !ssl_new(h, ctx, open->role == TLS_CLIENT ? server_name : NULL)) {
		h->reason = TLS_NO_MEMORY;
		fail(h, TLS_NO_MEMORY);
	} else {
		h->contexts = contexts_get(c);
		h->asynchronous = c->asynchronous;
		if (h->asynchronous) {
			SSL_set_async_callback(h->ssl, on_woken);
			SSL_set_async_callback_arg(h->ssl, h);
		}
		if (open->role == TLS_CLIENT)
			run(h);
	}
	return h;
}

/* server_name: of a client, "" or a name; NULL for a server. */
static bool
ssl_new(struct handshake *h, SSL_CTX *ctx, const char *server_name)
{
	h->ssl = SSL_new(ctx);
	h->in = BIO_new(BIO_s_mem());
	h->out = BIO_new(BIO_s_mem());
	if (!h->ssl || !h->in || !h->out || !SSL_set_app_data(h->ssl, h)) {
		SSL_free(h->ssl);
		BIO_free(h->in);
		BIO_free(h->out);
		h->ssl = NULL;
		return false;
	}
	BIO_set_mem_eof_return(h->in, -1); /* empty is not the end */
	SSL_set_bio(h->ssl, h->in, h->out);
	if (!server_name) {
		SSL_set_accept_state(h->ssl);
		return true;
	}
	SSL_set_connect_state(h->ssl);
	if (*server_name) {
		SSL_set_tlsext_host_name(h->ssl, server_name);
		SSL_set1_host(h->ssl, server_name);
		snprintf(h->server_name, sizeof h->server_name, "%s", server_name);
	}
	return true;
}

/* --- go on ------------------------------------------------------------------------------------------------------- */

void
handshake_bytes(struct handshake *h, const uint8_t *p, uint32_t n)
{
	h->due |= DUE_TAKEN_BYTES;
	if (h->state == HANDSHAKE_OVER || BIO_write(h->in, p, (int)n) != (int)n) {
		fail(h, TLS_NO_MEMORY);
	} else if (h->state == HANDSHAKE_RELAY) {
		h->due |= DUE_READ;
	} else {
		/* Tickets are the records of type 23 behind the client's last bytes (scan.h). */
		h->output.data_records = 0;
		run(h);
	}
	handshake_go_on(h);
}

/* run: the handshake, as far as it goes with the bytes there are. */
static void
run(struct handshake *h)
{
	ERR_clear_error();
	h->state = HANDSHAKE_RUN;
	int r = SSL_do_handshake(h->ssl);
	switch (r == 1 ? SSL_ERROR_NONE : SSL_get_error(h->ssl, r)) {
	case SSL_ERROR_NONE:
		over(h);
		return;
	case SSL_ERROR_WANT_READ:
		h->state = HANDSHAKE_WAIT;
		return;
	case SSL_ERROR_WANT_ASYNC:
		park(h, true);
		return;
	case SSL_ERROR_WANT_ASYNC_JOB:
		park(h, false);
		return;
	default:
		fail(h, TLS_HANDSHAKE);
	}
}

/* park: the engine has its job and will say when it is done; or no job was free, and it is tried again each turn. */
static void
park(struct handshake *h, bool has_job)
{
	struct offload_thread *t = h->thread;
	h->has_job = has_job;
	h->state = HANDSHAKE_PARKED;
	if (!h->parked_prev) {
		LIST_PUSH(&t->parked, h, parked);
		t->stats.parked++;
	}
}

/* on_woken: on the engine's thread: only says that the job is done. */
static int
on_woken(SSL *ssl, void *arg)
{
	struct handshake *h = arg;
	(void)ssl;
	if (atomic_exchange(&h->woken, true))
		return 1;
	struct handshake *first = atomic_load(&h->thread->woken);
	do
		h->woken_next = first;
	while (!atomic_compare_exchange_weak(&h->thread->woken, &first, h));
	return 1;
}

bool
handshake_unpark(struct handshake *h)
{
	if (h->state != HANDSHAKE_PARKED)
		return false;
	run(h);
	if (h->state == HANDSHAKE_PARKED)
		return h->has_job;
	LIST_REMOVE(h, parked);
	h->thread->stats.parked--;
	if (h->zombie)
		forget(h);
	else
		handshake_go_on(h);
	return true;
}

/* over: the handshake is done.  How it goes on is decided when its last bytes are out (say_up). */
static void
over(struct handshake *h)
{
	uint32_t before;
	h->state = HANDSHAKE_OVER;
	h->due = (h->due & ~(unsigned)DUE_TAKEN_BYTES) | DUE_UP;
	if (export_aead(h->ssl))
		return;
	before = atomic_fetch_add(&h->thread->off->relays, 1);
	h->relayed = true;
	h->thread->stats.relays++;
	if (before >= h->thread->off->conf.max_relayed) {
		SSL_shutdown(h->ssl);
		h->reason = TLS_RELAYS;
		fail(h, TLS_RELAYS);
	}
}

static void
fail(struct handshake *h, enum tls_reason otherwise)
{
	h->reason = (uint8_t)why(h, otherwise);
	h->state = HANDSHAKE_OVER;
	h->due = DUE_FAILED;
	ERR_clear_error();
}

/* why: what a callback has found out, the peer's alert, or what OpenSSL says. */
static enum tls_reason
why(const struct handshake *h, enum tls_reason otherwise)
{
	static const struct {
		int openssl;
		enum tls_reason reason;
	} reasons[] = {
		{SSL_R_HTTP_REQUEST, TLS_NOT_TLS},
		{SSL_R_HTTPS_PROXY_REQUEST, TLS_NOT_TLS},
		{SSL_R_WRONG_VERSION_NUMBER, TLS_NOT_TLS},
		{SSL_R_UNKNOWN_PROTOCOL, TLS_NOT_TLS},
		{SSL_R_BAD_PACKET_LENGTH, TLS_NOT_TLS},
		{SSL_R_UNSUPPORTED_PROTOCOL, TLS_VERSION},
		{SSL_R_VERSION_TOO_LOW, TLS_VERSION},
		{SSL_R_WRONG_SSL_VERSION, TLS_VERSION},
		{SSL_R_NO_SHARED_CIPHER, TLS_NO_SHARED_CIPHER},
		{SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, TLS_NO_SHARED_CIPHER},
		{SSL_R_NO_SUITABLE_KEY_SHARE, TLS_NO_SHARED_GROUP},
		{SSL_R_NO_SUITABLE_GROUPS, TLS_NO_SHARED_GROUP},
		{SSL_R_NO_SHARED_GROUPS, TLS_NO_SHARED_GROUP},
		{SSL_R_CERTIFICATE_VERIFY_FAILED, TLS_VERIFY},
	};
	int openssl = ERR_GET_REASON(ERR_peek_error());
	if (h->reason)
		return h->reason;
	if (h->alert_received)
		return TLS_PEER_ALERT;
	for (unsigned i = 0; openssl && i < sizeof reasons / sizeof *reasons; i++)
		if (reasons[i].openssl == openssl)
			return reasons[i].reason;
	return otherwise;
}

/* --- relay ------------------------------------------------------------------------------------------------------- */

void
handshake_write(struct handshake *h, const uint8_t *p, uint32_t n)
{
	size_t written;
	h->due |= DUE_TAKEN_WRITE;
	ERR_clear_error();
	if (h->state == HANDSHAKE_RELAY && SSL_write_ex(h->ssl, p, n, &written) != 1)
		fail(h, TLS_RELAY);
	handshake_go_on(h);
}

void
handshake_shutdown(struct handshake *h)
{
	if (h->state == HANDSHAKE_RELAY)
		SSL_shutdown(h->ssl);
	handshake_go_on(h);
}

/* relay_read: plaintext to the worker core, until the BIO is empty; false when the ring has no room. */
static bool
relay_read(struct handshake *h)
{
	uint8_t plain[TLS_MSG_BYTES];
	struct byte_ring *ring = thread_link(h->thread, h->core)->to_lcore;
	size_t n;
	ERR_clear_error();
	while (byte_ring_reserve(ring, TLS_MSG_IN, h->handle, sizeof plain, TLS_RING_KEEP)) {
		int r = SSL_read_ex(h->ssl, plain, sizeof plain, &n);
		if (r == 1) {
			/* What is smaller fits where the largest would have. */
			link_put(ring, TLS_MSG_IN, h->handle, NULL, plain, (uint32_t)n);
			continue;
		}
		int error = SSL_get_error(h->ssl, r);
		h->due &= ~(unsigned)DUE_READ;
		if (error == SSL_ERROR_ZERO_RETURN)
			h->due |= DUE_PEER_CLOSE;
		else if (error != SSL_ERROR_WANT_READ)
			fail(h, TLS_RELAY);
		return true;
	}
	return false;
}

/* --- say --------------------------------------------------------------------------------------------------------- */

void
handshake_go_on(struct handshake *h)
{
	LIST_REMOVE(h, behind);
	if (h->state == HANDSHAKE_PARKED) {
		/* The answer waits for the engine, what is there for the peer does not. */
		if (!drain(h))
			LIST_PUSH(&h->thread->behind, h, behind);
		return;
	}
	do {
		if (!say_due(h)) {
			LIST_PUSH(&h->thread->behind, h, behind);
			return;
		}
	} while (h->due);
	if (h->state == HANDSHAKE_OVER)
		forget(h);
}

/* say_due: false when the ring has no room for all of it. */
static bool
say_due(struct handshake *h)
{
	static const struct tls_msg_taken bytes = {TLS_TAKEN_BYTES}, write = {TLS_TAKEN_WRITE};
	if (h->due & DUE_READ && !relay_read(h))
		return false;
	if (!drain(h))
		return false;
	return say(h, DUE_PEER_CLOSE, TLS_MSG_PEER_CLOSE, NULL) && say(h, DUE_TAKEN_BYTES, TLS_MSG_TAKEN, &bytes) &&
	       say(h, DUE_TAKEN_WRITE, TLS_MSG_TAKEN, &write) && (!(h->due & DUE_UP) || say_up(h)) &&
	       (!(h->due & DUE_FAILED) || say_failed(h));
}

static bool
say(struct handshake *h, unsigned due, enum tls_msg type, const void *payload)
{
	if (!(h->due & due))
		return true;
	if (!link_put(thread_link(h->thread, h->core)->to_lcore, type, h->handle, payload, NULL, 0))
		return false;
	h->due &= ~due;
	return true;
}

/* drain: what OpenSSL has for the peer. */
static bool
drain(struct handshake *h)
{
	struct byte_ring *ring = thread_link(h->thread, h->core)->to_lcore;
	size_t n;
	while (h->ssl && (n = BIO_ctrl_pending(h->out))) {
		n = n < TLS_MSG_BYTES ? n : TLS_MSG_BYTES;
		uint8_t *p = byte_ring_reserve(ring, TLS_MSG_OUT, h->handle, (uint32_t)n, TLS_RING_KEEP);
		if (!p)
			return false;
		BIO_read(h->out, p, (int)n);
		scan_output(&h->output, p, n);
		byte_ring_commit(ring);
	}
	return true;
}

static bool
say_up(struct handshake *h)
{
	struct tls_msg_up up = {0};
	struct tls_offload_stats *s = &h->thread->stats;
	export_agreed(h->ssl, &up.agreed);
	memcpy(up.agreed.server_name, h->server_name, sizeof up.agreed.server_name);
	if (!h->relayed && !export_keys(h->ssl, &h->secrets, &h->output, &up)) {
		h->reason = TLS_LIBRARY;
		fail(h, TLS_LIBRARY);
		return true;
	}
	if (h->relayed)
		up.left_over = 0;
	bool said = say(h, DUE_UP, TLS_MSG_UP, &up);
	OPENSSL_cleanse(&up, sizeof up);
	if (!said)
		return false;
	s->up++;
	s->resumed += (uint64_t)SSL_session_reused(h->ssl);
	if (!h->relayed)
		return true;
	/* From here on nothing waits for an engine. */
	SSL_clear_mode(h->ssl, SSL_MODE_ASYNC);
	count_in_flight(h, false);
	s->relayed++;
	h->state = HANDSHAKE_RELAY;
	h->due |= DUE_READ;
	return relay_read(h);
}

static bool
say_failed(struct handshake *h)
{
	struct tls_msg_failed failed = {.reason = h->reason, .alert = h->alert, .alert_sent = h->alert_sent};
	memcpy(failed.server_name, h->server_name, sizeof failed.server_name);
	if (!say(h, DUE_FAILED, TLS_MSG_FAILED, &failed))
		return false;
	h->thread->stats.failed++;
	h->thread->stats.reason[h->reason]++;
	return true;
}

/* --- end --------------------------------------------------------------------------------------------------------- */

void
handshake_close(struct handshake *h)
{
	struct handshake **place = thread_place(h->thread, h->core, h->handle);
	h->thread->stats.abandoned += h->in_flight;
	bool at_engine = h->has_job || atomic_load(&h->woken); /* woken: it is in the thread's list */
	if (h->state != HANDSHAKE_PARKED || !at_engine) {
		forget(h);
		return;
	}
	LIST_REMOVE(h, behind);
	*place = NULL;
	h->zombie = true;
}

static void
forget(struct handshake *h)
{
	struct offload_thread *t = h->thread;
	struct handshake **place = thread_place(t, h->core, h->handle);
	if (place && *place == h)
		*place = NULL;
	LIST_REMOVE(h, behind);
	if (h->parked_prev) {
		LIST_REMOVE(h, parked);
		t->stats.parked--;
	}
	if (h->relayed) {
		atomic_fetch_sub(&t->off->relays, 1);
		t->stats.relays--;
	}
	count_in_flight(h, false);
	if (h->ssl) {
		/* Else OpenSSL takes the session for broken, and its ticket is worth nothing. */
		SSL_set_shutdown(h->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
		SSL_free(h->ssl);
	}
	tls_contexts_put(h->contexts);
	OPENSSL_clear_free(h, sizeof *h);
}
