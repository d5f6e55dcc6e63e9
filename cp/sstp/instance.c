#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "sstp/call.h"

#define DEFAULT_TIMEOUT_S 60

static struct sstp_call *call_make(struct sstp *sstp, const struct sstp_info *info, struct mono now) ON_MAIN;
static void call_free(struct sstp_call *c) ON_MAIN;
static enum sstp_event event_of(unsigned type);
static void input_http(struct sstp_call *c, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN;
static void input_message(struct sstp_call *c, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN;

struct sstp *
sstp_new(const struct sstp_config *config, const struct sstp_ops *ops, void *owner, struct timers *timers)
{
	struct sstp *sstp = calloc(1, sizeof *sstp);
	if (!sstp)
		return NULL;
	sstp->ops = ops;
	sstp->owner = owner;
	sstp->timers = timers;
	LIST_INIT(&sstp->calls);
	if (!sstp_configure(sstp, config)) {
		free(sstp);
		return NULL;
	}
	return sstp;
}

bool
sstp_configure(struct sstp *sstp, const struct sstp_config *config)
{
	struct sstp_config *c = &sstp->config;
	*c = *config;
	snprintf(sstp->host_name, sizeof sstp->host_name, "%s", config->host_name ? config->host_name : "");
	snprintf(sstp->redirect, sizeof sstp->redirect, "%s", config->redirect ? config->redirect : "");
	sstp->has_sha1 = config->cert_sha1;
	sstp->has_sha256 = config->cert_sha256;
	if (config->cert_sha1)
		memcpy(sstp->cert_sha1, config->cert_sha1, sizeof sstp->cert_sha1);
	if (config->cert_sha256)
		memcpy(sstp->cert_sha256, config->cert_sha256, sizeof sstp->cert_sha256);
	c->host_name = sstp->host_name;
	c->redirect = sstp->redirect;
	if (!c->hashes)
		c->hashes = SSTP_HASH_SHA1 | SSTP_HASH_SHA256;
	if (!c->timeout_s)
		c->timeout_s = DEFAULT_TIMEOUT_S;
	return true;
}

void
sstp_free(struct sstp *sstp)
{
	struct sstp_call *c;
	while ((c = LIST_FIRST(&sstp->calls)))
		call_free(c);
	free(sstp);
}

static struct sstp_call *
call_make(struct sstp *sstp, const struct sstp_info *info, struct mono now)
{
	char addr[ADDR_STRLEN];
	struct sstp_call *c = calloc(1, sizeof *c);
	if (!c) {
		sstp->stats[SSTP_STAT_NO_MEMORY]++;
		return NULL;
	}
	c->bearer.ops = &sstp_bearer_ops;
	c->sstp = sstp;
	c->info = *info;
	c->began = now;
	c->hashes = sstp->config.hashes;
	c->timer.fire = sstp_timer;
	if (sstp->has_sha1)
		memcpy(c->info.cert_sha1, sstp->cert_sha1, sizeof c->info.cert_sha1);
	if (sstp->has_sha256)
		memcpy(c->info.cert_sha256, sstp->cert_sha256, sizeof c->info.cert_sha256);
	snprintf(c->calling, sizeof c->calling, "%s", addr_str(&info->peer, addr));
	snprintf(c->called, sizeof c->called, "%s", addr_str(&info->local, addr));
	LIST_INSERT_HEAD(&sstp->calls, c, of_instance);
	timer_set(sstp->timers, &c->timer, mono_add_s(now, sstp->config.timeout_s));
	return c;
}

static void
call_free(struct sstp_call *c)
{
	timer_stop(&c->timer);
	LIST_REMOVE(c, of_instance);
	OPENSSL_cleanse(c, sizeof *c);
	free(c);
}

struct sstp_call *
sstp_accept(struct sstp *sstp, const struct sstp_info *info, struct mono now)
{
	struct sstp_call *c = call_make(sstp, info, now);
	if (!c)
		return NULL;
	sstp->stats[SSTP_STAT_CONNECTIONS]++;
	c->server = true;
	c->state = SSTP_SERVER_HTTP;
	return c;
}

struct sstp_call *
sstp_dial(struct sstp *sstp, const struct sstp_info *info, const char *host, void *user, struct mono now)
{
	char head[HTTP_ANSWER_MAX], id[40];
	uint8_t r[16];
	struct sstp_call *c = call_make(sstp, info, now);
	if (!c)
		return NULL;
	c->user = user;
	c->state = SSTP_CLIENT_HTTP;
	sstp->ops->random(sstp->owner, r, sizeof r);
	snprintf(id, sizeof id, "{%08X-%04X-%04X-%04X-%08X%04X}", be32(r), be16(r + 4), be16(r + 6), be16(r + 8),
		 be32(r + 10), be16(r + 14));
	sstp_send_http(c, head, http_build_request(head, host, id));
	return c;
}

void
sstp_gone(struct sstp_call *c, enum cause cause, struct mono now)
{
	struct sstp *sstp = c->sstp;
	bool tell = c->user && !c->down;
	c->down = true;
	if (tell)
		sstp->ops->call_down(sstp->owner, c, cause, now);
	sstp->stats[SSTP_STAT_CALLS_CLOSED] += c->up;
	call_free(c);
}

struct sstp_call *
sstp_next(const struct sstp *sstp, const struct sstp_call *after)
{
	return after ? LIST_NEXT(after, of_instance) : LIST_FIRST(&sstp->calls);
}

/* --- what the peer says ------------------------------------------------------------------------------------------ */

void
sstp_input(struct sstp_call *c, const uint8_t *bytes, size_t len, struct mono now)
{
	if (c->state == SSTP_SERVER_HTTP || c->state == SSTP_CLIENT_HTTP)
		input_http(c, bytes, len, now);
	else
		input_message(c, bytes, len, now);
}

static void
input_http(struct sstp_call *c, const uint8_t *bytes, size_t len, struct mono now)
{
	struct http_head head;
	sstp_trace_http(c, "recv", bytes, len);
	unsigned status = c->server ? http_request_parse(bytes, len, &head) : http_answer_parse(bytes, len, &head);
	if (!status && c->server)
		status = http_judge(&head, c->sstp->config.host_name);
	else if (!status && head.status != 200)
		status = head.status;
	sstp_step(c, &(struct sstp_news){
			     .event = status ? SSTP_EV_HTTP_BAD : SSTP_EV_HTTP,
			     .head = &head,
			     .http_status = status,
			     .now = now,
		     });
}

static enum sstp_event
event_of(unsigned type)
{
	static const uint8_t events[] = {
		[SSTP_MSG_CALL_CONNECT_REQUEST] = SSTP_EV_REQUEST,
		[SSTP_MSG_CALL_CONNECT_ACK] = SSTP_EV_ACK,
		[SSTP_MSG_CALL_CONNECT_NAK] = SSTP_EV_NAK,
		[SSTP_MSG_CALL_CONNECTED] = SSTP_EV_CONNECTED,
		[SSTP_MSG_CALL_ABORT] = SSTP_EV_ABORT,
		[SSTP_MSG_CALL_DISCONNECT] = SSTP_EV_DISCONNECT,
		[SSTP_MSG_CALL_DISCONNECT_ACK] = SSTP_EV_DISCONNECT_ACK,
		[SSTP_MSG_ECHO_REQUEST] = SSTP_EV_ECHO,
		[SSTP_MSG_ECHO_RESPONSE] = SSTP_EV_ECHO,
	};
	return events[type];
}

/* A Call Connect Request that is malformed is answered by a Nak, which the action does ([MS-SSTP] 3.3.5.2.1); anything else
 * malformed ends the call, if it is not over already. */
static void
input_message(struct sstp_call *c, const uint8_t *bytes, size_t len, struct mono now)
{
	struct sstp_msg m;
	struct sstp_fault fault = sstp_msg_parse(bytes, len, &m);
	c->sstp->stats[SSTP_STAT_RX]++;
	sstp_trace_msg(c, "recv", bytes, len);
	struct sstp_news news = {.msg = &m, .bytes = bytes, .fault = fault, .now = now};
	if (fault.status)
		c->sstp->stats[SSTP_STAT_RX_MALFORMED]++;
	if (!fault.status || m.type == SSTP_MSG_CALL_CONNECT_REQUEST) {
		news.event = event_of(m.type);
	} else {
		news.event = SSTP_EV_FAIL;
		news.cause = CAUSE_MALFORMED;
	}
	sstp_step(c, &news);
}

/* --- what is counted --------------------------------------------------------------------------------------------- */

uint64_t *
sstp_stats(struct sstp *sstp)
{
	return sstp->stats;
}

const struct sstp_stat_row *
sstp_stat_row(enum sstp_stat stat)
{
	static const struct sstp_stat_row rows[] = {
#define STAT(name, cli, meaning) {cli, meaning},
#include "sstp/stat.def"
#undef STAT
	};
	return &rows[stat];
}
