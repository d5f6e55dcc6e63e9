#include "sstp/call.h"

#include <string.h>

/* How an action went: the cell's next state, the same state as before, or another event instead. */
enum outcome { DONE, STAY, INSTEAD };

typedef enum outcome action_function(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead);

static void set_state(struct sstp_call *c, enum sstp_state state, struct mono now) ON_MAIN;
static void tell(struct sstp_call *c, enum sstp_state before, const struct sstp_news *news) ON_MAIN;
static enum outcome fail(struct sstp_news *instead, enum cause cause, struct sstp_fault fault);
static enum outcome check_binding(struct sstp_call *c, struct sstp_news *instead) ON_MAIN;
static struct sstp_binding binding_of(const struct sstp_call *c) ON_MAIN;

static action_function do_nothing, do_welcome, do_request, do_refuse, do_accept, do_begin, do_refused, do_check,
	do_check_held, do_bind, do_abort, do_aborted, do_disconnect, do_disconnected, do_unexpected, do_timeout,
	do_close;

static action_function *const actions[SSTP_ACTION_COUNT] = {
	[SSTP_DO_NOTHING] = do_nothing,       [SSTP_DO_WELCOME] = do_welcome,
	[SSTP_DO_REQUEST] = do_request,       [SSTP_DO_REFUSE] = do_refuse,
	[SSTP_DO_ACCEPT] = do_accept,         [SSTP_DO_BEGIN] = do_begin,
	[SSTP_DO_REFUSED] = do_refused,       [SSTP_DO_CHECK] = do_check,
	[SSTP_DO_CHECK_HELD] = do_check_held, [SSTP_DO_BIND] = do_bind,
	[SSTP_DO_ABORT] = do_abort,           [SSTP_DO_ABORTED] = do_aborted,
	[SSTP_DO_DISCONNECT] = do_disconnect, [SSTP_DO_DISCONNECTED] = do_disconnected,
	[SSTP_DO_UNEXPECTED] = do_unexpected, [SSTP_DO_TIMEOUT] = do_timeout,
	[SSTP_DO_CLOSE] = do_close,
};

void
sstp_step(struct sstp_call *c, const struct sstp_news *first)
{
	struct sstp_news news = *first, instead;
	enum outcome outcome;
	do {
		struct sstp_cell cell = sstp_cell(c->state, news.event);
		enum sstp_state before = c->state;
		instead = (struct sstp_news){.now = news.now};
		outcome = actions[cell.action](c, &news, &instead);
		if (outcome == DONE) {
			set_state(c, cell.next, news.now);
			tell(c, before, &news);
		}
		news = instead;
	} while (outcome == INSTEAD);
}

static void
set_state(struct sstp_call *c, enum sstp_state state, struct mono now)
{
	int seconds = sstp_state_seconds(state);
	if (c->state == state)
		return;
	c->state = (uint8_t)state;
	if (seconds < 0)
		seconds = (int)c->sstp->config.timeout_s;
	if (seconds)
		timer_set(c->sstp->timers, &c->timer, mono_add_s(now, seconds));
	else
		timer_stop(&c->timer);
}

/* tell: last, when all is as it is going to be: the owner may close the call from inside. */
static void
tell(struct sstp_call *c, enum sstp_state before, const struct sstp_news *news)
{
	const struct sstp_ops *ops = c->sstp->ops;
	void *owner = c->sstp->owner;
	if (c->state == before)
		return;
	if (c->state == SSTP_SERVER_CONNECTED_PENDING || c->state == SSTP_CLIENT_ACK_RECEIVED) {
		c->up = true;
		c->sstp->stats[SSTP_STAT_CALLS_OPENED]++;
		ops->call_up(owner, c, news->now);
	} else if (c->state == SSTP_SERVER_CONNECTED || c->state == SSTP_CLIENT_CONNECTED) {
		ops->call_bound(owner, c, news->now);
	} else if (sstp_state_ending(c->state) && !c->down) {
		c->down = true;
		if (c->user)
			ops->call_down(owner, c, c->cause, news->now);
	}
}

void
sstp_timer(struct timer *t, struct mono now)
{
	struct sstp_call *c = (struct sstp_call *)(void *)((char *)t - offsetof(struct sstp_call, timer));
	sstp_step(c, &(struct sstp_news){.event = SSTP_EV_TIMER, .now = now});
}

void
sstp_send(struct sstp_call *c, const uint8_t *bytes, size_t len)
{
	c->sstp->stats[SSTP_STAT_TX]++;
	sstp_trace_msg(c, "send", bytes, len);
	c->sstp->ops->send(c->sstp->owner, c, bytes, len);
}

void
sstp_send_http(struct sstp_call *c, const char *head, size_t len)
{
	sstp_trace_http(c, "send", head, len);
	c->sstp->ops->send(c->sstp->owner, c, (const uint8_t *)head, len);
}

static enum outcome
fail(struct sstp_news *instead, enum cause cause, struct sstp_fault fault)
{
	instead->event = SSTP_EV_FAIL;
	instead->cause = cause;
	instead->fault = fault;
	return INSTEAD;
}

/* --- HTTP -------------------------------------------------------------------------------------------------------- */

static enum outcome
do_nothing(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	(void)c, (void)news, (void)instead;
	return DONE;
}

static enum outcome
do_welcome(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	char head[HTTP_ANSWER_MAX], date[40];
	(void)news, (void)instead;
	c->sstp->ops->date(c->sstp->owner, date, sizeof date);
	sstp_send_http(c, head, http_build_ok(head, date));
	return DONE;
}

static enum outcome
do_request(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	(void)news, (void)instead;
	sstp_send(c, msg, sstp_build_request(msg, SSTP_PROTOCOL_PPP));
	return DONE;
}

/* Scanners are common: one line, and the answer that the operator wants them to have. */
static enum outcome
do_refuse(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	const struct sstp_config *config = &c->sstp->config;
	char head[HTTP_ANSWER_MAX], date[40];
	size_t len = 0;
	(void)instead;
	c->cause = CAUSE_HTTP;
	if (c->server) {
		c->sstp->stats[SSTP_STAT_HTTP_REFUSED]++;
		sstp_note(c, "HTTP request refused (%u): %.*s host=%.*s", news->http_status,
			  news->head->first.len < 100 ? (int)news->head->first.len : 100,
			  news->head->first.len ? news->head->first.p : "",
			  news->head->host.len < 100 ? (int)news->head->host.len : 100,
			  news->head->host.len ? news->head->host.p : "");
		c->sstp->ops->date(c->sstp->owner, date, sizeof date);
		if (config->http_error == SSTP_HTTP_REDIRECT)
			len = http_build_redirect(head, config->redirect, &news->head->target, date);
		else if (config->http_error == SSTP_HTTP_STATUS)
			len = http_build_error(head, news->http_status, date);
	}
	if (len)
		sstp_send_http(c, head, len);
	c->sstp->ops->close(c->sstp->owner, c, false, news->now);
	return DONE;
}

/* --- beginning --------------------------------------------------------------------------------------------------- */

/* [MS-SSTP] 3.3.5.2.1: Nak what is wrong with the request; the client may try again. */
static enum outcome
do_accept(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	struct sstp_fault fault = news->fault;
	if (!fault.status && news->msg->protocol != SSTP_PROTOCOL_PPP)
		fault = (struct sstp_fault){SSTP_STATUS_VALUE_NOT_SUPPORTED, SSTP_ATTR_ENCAPSULATED_PROTOCOL_ID};
	if (fault.status) {
		if (++c->naks > SSTP_NAKS_MAX)
			return fail(instead, CAUSE_MALFORMED, (struct sstp_fault){SSTP_STATUS_RETRY_COUNT_EXCEEDED, 0});
		c->sstp->stats[SSTP_STAT_TX_NAK]++;
		sstp_send(c, msg, sstp_build_status(msg, SSTP_MSG_CALL_CONNECT_NAK, fault));
		return STAY;
	}
	enum cause refused = c->sstp->ops->call_new(c->sstp->owner, c, news->now);
	if (refused != CAUSE_NONE) {
		c->sstp->stats[SSTP_STAT_CALLS_REFUSED]++;
		instead->event = SSTP_EV_END;
		instead->cause = refused;
		return INSTEAD;
	}
	c->sstp->ops->random(c->sstp->owner, c->nonce, sizeof c->nonce);
	sstp_send(c, msg, sstp_build_ack(msg, c->hashes, c->nonce));
	return DONE;
}

static enum outcome
do_begin(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	c->hashes = news->msg->hash & (SSTP_HASH_SHA1 | SSTP_HASH_SHA256);
	if (!c->hashes)
		return fail(instead, CAUSE_MALFORMED,
			    (struct sstp_fault){SSTP_STATUS_VALUE_NOT_SUPPORTED, SSTP_ATTR_CRYPTO_BINDING_REQ});
	memcpy(c->nonce, news->msg->nonce, sizeof c->nonce);
	return DONE;
}

static enum outcome
do_refused(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	c->told = news->msg->told;
	return fail(instead, CAUSE_PEER_REFUSED, (struct sstp_fault){SSTP_STATUS_RETRY_COUNT_EXCEEDED, 0});
}

/* --- the crypto binding ------------------------------------------------------------------------------------------ */

static struct sstp_binding
binding_of(const struct sstp_call *c)
{
	return (struct sstp_binding){c->nonce, c->hlak, c->info.cert_sha1, c->info.cert_sha256, c->hashes};
}

/* A Call Connected may be here before RADIUS has said yes: it waits, and the negotiation timer with it, for
 * authentication has a time of its own. */
static enum outcome
do_check(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	if (c->held)
		return do_unexpected(c, news, instead);
	memcpy(c->connected, news->bytes, sizeof c->connected);
	if (c->keys_known)
		return check_binding(c, instead);
	c->held = true;
	c->sstp->stats[SSTP_STAT_BINDINGS_HELD]++;
	timer_stop(&c->timer);
	return STAY;
}

static enum outcome
do_check_held(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	(void)news;
	return c->held ? check_binding(c, instead) : STAY;
}

static enum outcome
check_binding(struct sstp_call *c, struct sstp_news *instead)
{
	struct sstp_binding b = binding_of(c);
	enum sstp_binding_verdict verdict = sstp_binding_check(&b, c->connected);
	if (verdict == SSTP_BINDING_OK) {
		c->sstp->stats[SSTP_STAT_BINDINGS]++;
		return DONE;
	}
	c->sstp->stats[SSTP_STAT_BINDINGS_WRONG]++;
	sstp_note(c, "crypto binding refused: %s", sstp_binding_text(verdict));
	return fail(instead, CAUSE_BINDING_WRONG,
		    (struct sstp_fault){cause_row(CAUSE_BINDING_WRONG)->sstp_status, SSTP_ATTR_CRYPTO_BINDING});
}

static enum outcome
do_bind(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	struct sstp_binding b = binding_of(c);
	(void)news;
	if (!sstp_binding_make(&b, c->connected))
		return fail(instead, CAUSE_NO_RESOURCES, (struct sstp_fault){0});
	sstp_send(c, c->connected, sizeof c->connected);
	return DONE;
}

/* --- ending ------------------------------------------------------------------------------------------------------ */

static enum outcome
do_abort(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	struct sstp_fault fault = news->fault;
	(void)instead;
	c->cause = news->cause;
	if (!fault.status)
		fault.status = cause_row(news->cause)->sstp_status;
	sstp_send(c, msg, sstp_build_status(msg, SSTP_MSG_CALL_ABORT, fault));
	return DONE;
}

/* [MS-SSTP] 3.1.5.2: a Call Abort is answered by one. */
static enum outcome
do_aborted(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	(void)instead;
	c->told = news->msg->told;
	c->cause = CAUSE_PEER_ABORTED;
	sstp_send(c, msg, sstp_build_plain(msg, SSTP_MSG_CALL_ABORT));
	return DONE;
}

static enum outcome
do_disconnect(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	(void)instead;
	c->cause = news->cause;
	sstp_send(c, msg, sstp_build_plain(msg, SSTP_MSG_CALL_DISCONNECT));
	return DONE;
}

static enum outcome
do_disconnected(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	uint8_t msg[SSTP_MESSAGE_MAX];
	(void)instead;
	c->told = news->msg->told;
	c->cause = CAUSE_PEER_CALL_CLEARED;
	sstp_send(c, msg, sstp_build_plain(msg, SSTP_MSG_CALL_DISCONNECT_ACK));
	return DONE;
}

static enum outcome
do_unexpected(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	(void)news;
	c->sstp->stats[SSTP_STAT_RX_UNEXPECTED]++;
	return fail(instead, CAUSE_MESSAGE_ORDER, (struct sstp_fault){SSTP_STATUS_UNACCEPTED_FRAME_RECEIVED, 0});
}

static enum outcome
do_timeout(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	bool binding = c->state == SSTP_SERVER_CONNECTED_PENDING;
	(void)news;
	c->sstp->stats[binding ? SSTP_STAT_BINDINGS_MISSING : SSTP_STAT_TIMEOUTS]++;
	return fail(instead, binding ? CAUSE_BINDING_MISSING : CAUSE_SET_UP_TIMEOUT, (struct sstp_fault){0});
}

static enum outcome
do_close(struct sstp_call *c, const struct sstp_news *news, struct sstp_news *instead) ON_MAIN
{
	(void)instead;
	if (c->cause == CAUSE_NONE)
		c->cause = news->event == SSTP_EV_TIMER ? CAUSE_SET_UP_TIMEOUT : news->cause;
	if (c->cause == CAUSE_NONE)
		c->cause = CAUSE_MESSAGE_ORDER;
	c->sstp->ops->close(c->sstp->owner, c, false, news->now);
	return DONE;
}

/* --- the bearer -------------------------------------------------------------------------------------------------- */

static void
bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now) ON_MAIN
{
	struct sstp_call *c = (struct sstp_call *)b;
	if (c->up && !c->down)
		c->sstp->ops->frame(c->sstp->owner, c, frame, len, now);
}

/* The cause's status decides: Call Abort with it, or Call Disconnect without one. */
static void
bearer_close(struct bearer *b, enum cause cause, struct mono now) ON_MAIN
{
	struct sstp_call *c = (struct sstp_call *)b;
	bool with_status = cause_row(cause)->sstp_status;
	c->down = true;
	c->user = NULL;
	sstp_step(c, &(struct sstp_news){
			     .event = with_status ? SSTP_EV_FAIL : SSTP_EV_END,
			     .cause = cause,
			     .now = now,
		     });
}

static void
bearer_describe(const struct bearer *b, struct bearer_info *out) ON_MAIN
{
	const struct sstp_call *c = (const struct sstp_call *)b;
	*out = (struct bearer_info){
		.type = "sstp",
		.peer = c->info.peer,
		.local = c->info.local,
		.peer_port = c->info.peer_port,
		.local_port = c->info.local_port,
		.calling = c->calling,
		.called = c->called,
	};
}

/* IP, TCP with time stamps, a TLS record, SSTP's header, FF 03 and the protocol. */
static unsigned
bearer_overhead(const struct bearer *b) ON_MAIN
{
	const struct sstp_call *c = (const struct sstp_call *)b;
	unsigned ip = addr_is_v4(&c->info.peer) ? 20 : 40, tls = c->info.tls_version >= 0x0304 ? 22 : 29;
	return ip + 32 + tls + SSTP_HEADER_LEN + 4;
}

static void
bearer_keys(struct bearer *b, const struct ppp_keys *keys, struct mono now) ON_MAIN
{
	struct sstp_call *c = (struct sstp_call *)b;
	c->keys_known = keys != NULL;
	explicit_bzero(c->hlak, sizeof c->hlak);
	if (!keys)
		return;
	sstp_hlak(c->hlak, keys, c->server);
	sstp_step(c, &(struct sstp_news){.event = SSTP_EV_KEYS, .now = now});
}

const struct bearer_ops sstp_bearer_ops = {
	.send = bearer_send,
	.close = bearer_close,
	.describe = bearer_describe,
	.overhead = bearer_overhead,
	.keys = bearer_keys,
};
