#include "sstp_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "session.h"
#include "sstp/proxy.h"
#include "streams.h"

static void config_fill(const struct cp *cp, struct sstp_config *out, uint8_t sha1[20], uint8_t sha256[32]) ON_MAIN;
static bool hex(uint8_t *out, size_t n, const char *text);
static bool behind_proxy(const struct dp_conn_open *open, const uint8_t *bytes, struct sstp_info *info);

/* --- upcalls of the room ----------------------------------------------------------------------------------------- */

static void
on_send(void *owner, struct sstp_call *call, const uint8_t *bytes, size_t len) ON_MAIN
{
	streams_send(owner, call->info.conn, bytes, len);
}

static void
on_frame(void *owner, struct sstp_call *call, const uint8_t *frame, size_t len, struct mono now) ON_MAIN
{
	struct cp *cp = owner;
	struct session *s = call->user;
	(void)now;
	cp->dp->ops->send(cp->dp, DP_MSG_FRAME_PPP, s->handle, NULL, frame, len);
}

static void
on_close(void *owner, struct sstp_call *call, bool abort, struct mono now) ON_MAIN
{
	(void)now;
	streams_close(owner, call->info.conn, abort);
}

static enum cause
on_call_new(void *owner, struct sstp_call *call, struct mono now) ON_MAIN
{
	struct cp *cp = owner;
	unsigned lcore = handle_lcore(call->info.conn);
	struct session_offer offer = {CONF_SSTP, lcore, slots_pick_region(&cp->slots[lcore]), call->info.peer};
	enum cause cause;
	struct session *s = session_new(cp, &offer, now, &cause);
	if (!s)
		return cause;
	s->bearer = &call->bearer;
	call->user = s;
	return CAUSE_NONE;
}

static void
on_call_up(void *owner, struct sstp_call *call, struct mono now) ON_MAIN
{
	struct cp *cp = owner;
	const struct dp_session_open open = {
		.bearer = DP_BEARER_SSTP,
		.local = call->info.local,
		.peer = call->info.peer,
		.local_port = call->info.local_port,
		.peer_port = call->info.peer_port,
		.conn = call->info.conn,
		.sstp_echo_s = (uint16_t)cp->conf->sstp.hello_interval,
	};
	session_bearer_up(call->user, &call->bearer, &open, now);
}

static void
on_call_bound(void *owner, struct sstp_call *call, struct mono now) ON_MAIN
{
	(void)owner, (void)now;
	session_set_bound(call->user);
}

static void
on_call_down(void *owner, struct sstp_call *call, enum cause cause, struct mono now) ON_MAIN
{
	struct session *s = call->user;
	(void)owner;
	call->user = NULL;
	session_bearer_down(s, cause, now);
}

/* who: the session's name, once there is one. */
static const char *
who(const struct sstp_call *call, char *buf, size_t n) ON_MAIN
{
	char addr[ADDR_STRLEN];
	if (call->user)
		return session_name(call->user, buf, n);
	snprintf(buf, n, "sstp:%s:%u", addr_str(&call->info.peer, addr), call->info.peer_port);
	return buf;
}

static void
on_note(void *owner, const struct sstp_call *call, const char *text) ON_MAIN
{
	struct cp *cp = owner;
	char name[SESSION_NAME_LEN];
	log_limited(cp->log, &cp->refusals, cp->now, LOG_LEVEL_WARN, "%s: %s", who(call, name, sizeof name), text);
}

static bool
on_trace_on(void *owner, const struct sstp_call *call) ON_MAIN
{
	(void)call;
	return log_on(((struct cp *)owner)->log, LOG_LEVEL_DEBUG);
}

static void
on_trace(void *owner, const struct sstp_call *call, const char *line) ON_MAIN
{
	char name[SESSION_NAME_LEN];
	log_line(((struct cp *)owner)->log, LOG_LEVEL_DEBUG, "%s: %s", who(call, name, sizeof name), line);
}

static void
on_date(void *owner, char *out, size_t n)
{
	time_t t = time(NULL);
	struct tm tm;
	(void)owner;
	strftime(out, n, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&t, &tm));
}

static void
on_random(void *owner, void *bytes, size_t n) ON_MAIN
{
	struct cp *cp = owner;
	cp->random(cp->random_arg, bytes, n);
}

static const struct sstp_ops upcalls = {
	.send = on_send,
	.frame = on_frame,
	.close = on_close,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_bound = on_call_bound,
	.call_down = on_call_down,
	.note = on_note,
	.trace_on = on_trace_on,
	.trace = on_trace,
	.date = on_date,
	.random = on_random,
};

/* --- connections ------------------------------------------------------------------------------------------------- */

/* from_balancer: who connects straight to a listener for a balancer says of whom he comes, and is not believed. */
static bool
from_balancer(const struct cp *cp, const struct dp_conn_open *open) ON_MAIN
{
	const struct conf_prefixes *from = &cp->conf->sstp.proxy_from;
	for (unsigned i = 0; i < from->n; i++)
		if (prefix_contains(&from->v[i], &open->peer))
			return true;
	return !open->proxy_len;
}

/* behind_proxy: whose connection it really is; false: the header is wrong. */
static bool
behind_proxy(const struct dp_conn_open *open, const uint8_t *bytes, struct sstp_info *info)
{
	struct proxy p;
	if (!open->proxy_len)
		return true;
	if (!proxy_parse(bytes + open->name_len, open->proxy_len, &p))
		return false;
	if (p.local)
		return true;
	info->peer = p.peer;
	info->peer_port = p.peer_port;
	info->local = p.to;
	info->local_port = p.to_port;
	return true;
}

static void *
stream_open(struct cp *cp, uint64_t conn, const struct dp_conn_open *open, const uint8_t *bytes, struct mono now)
	ON_MAIN
{
	char peer[ADDR_STRLEN];
	struct sstp_info info = {
		.local = open->local,
		.peer = open->peer,
		.local_port = open->local_port,
		.peer_port = open->peer_port,
		.tls_version = open->tls_version,
		.conn = conn,
	};
	memcpy(info.cert_sha1, open->cert_sha1, sizeof info.cert_sha1);
	memcpy(info.cert_sha256, open->cert_sha256, sizeof info.cert_sha256);
	bool balancer = from_balancer(cp, open);
	if (!balancer || !behind_proxy(open, bytes, &info)) {
		sstp_stats(cp->sstp)[SSTP_STAT_PROXY_BAD]++;
		log_limited(cp->log, &cp->refusals, now, LOG_LEVEL_WARN, "sstp: %s:%u: %s", addr_str(&info.peer, peer),
			    info.peer_port, balancer ? "wrong PROXY header" : "PROXY header, and not in proxy-from");
		return NULL;
	}
	log_line(cp->log, LOG_LEVEL_DEBUG, "sstp: new connection from %s:%u", addr_str(&info.peer, peer),
		 info.peer_port);
	if (!connlimit_admits(&cp->connlimit[CONF_SSTP], &cp->conf->sstp.access.limits, &info.peer, now))
		return NULL;
	return sstp_accept(cp->sstp, &info, now);
}

static void
stream_input(void *user, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN
{
	sstp_input(user, bytes, len, now);
}

static void
stream_gone(struct cp *cp, void *user, const struct dp_conn_gone *why, struct mono now) ON_MAIN
{
	char name[SESSION_NAME_LEN], text[128];
	/* Which alert it was nobody else says; before there is a session, nor that it ended. */
	if (why->reason == DP_CONN_TLS)
		log_limited(cp->log, &cp->refusals, now, LOG_LEVEL_WARN, "%s: TLS failed: %s",
			    who(user, name, sizeof name), stream_tls_text(why, text, sizeof text));
	sstp_gone(user, stream_cause(why), now);
}

static const struct stream_ops stream_ops = {stream_open, stream_input, stream_gone};

/* --- configuration ----------------------------------------------------------------------------------------------- */

static bool
hex(uint8_t *out, size_t n, const char *text)
{
	if (!text || strlen(text) != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned v;
		sscanf(text + 2 * i, "%2x", &v);
		out[i] = (uint8_t)v;
	}
	return true;
}

/* Borrows strings of the configuration. */
static void
config_fill(const struct cp *cp, struct sstp_config *out, uint8_t sha1[20], uint8_t sha256[32])
{
	static const uint8_t bits[] = {[CONF_HASH_SHA1] = SSTP_HASH_SHA1, [CONF_HASH_SHA256] = SSTP_HASH_SHA256};
	const struct conf_sstp *c = &cp->conf->sstp;
	*out = (struct sstp_config){
		.host_name = c->host_name,
		.http_error = !strcmp(c->http_error, "deny")    ? SSTP_HTTP_CLOSE
			      : !strcmp(c->http_error, "allow") ? SSTP_HTTP_STATUS
								: SSTP_HTTP_REDIRECT,
		.redirect = c->http_error,
		.timeout_s = c->timeout,
	};
	for (unsigned i = 0; i < c->cert_hash_proto.n; i++)
		out->hashes |= bits[c->cert_hash_proto.v[i]];
	if (hex(sha1, 20, c->cert_hash_sha1))
		out->cert_sha1 = sha1;
	if (hex(sha256, 32, c->cert_hash_sha256))
		out->cert_sha256 = sha256;
}

int
sstp_server_init(struct cp *cp, char *err, size_t err_len)
{
	const struct conf_sstp *c = &cp->conf->sstp;
	struct sstp_config config;
	uint8_t sha1[20], sha256[32];
	if (!c->enabled)
		return 0;
	config_fill(cp, &config, sha1, sha256);
	cp->sstp = sstp_new(&config, &upcalls, cp, &cp->timers);
	if (!cp->sstp) {
		snprintf(err, err_len, "sstp: out of memory");
		return -ENOMEM;
	}
	cp->streams.protocol[DP_STREAM_SSTP] = &stream_ops;
	streams_listen(cp, &c->listen, &(struct stream_listen){DP_STREAM_SSTP, DP_TLS_NORMAL, false});
	streams_listen(cp, &c->legacy_listen, &(struct stream_listen){DP_STREAM_SSTP, DP_TLS_LEGACY, false});
	streams_listen(cp, &c->proxy_listen, &(struct stream_listen){DP_STREAM_SSTP, DP_TLS_NORMAL, true});
	return 0;
}

void
sstp_server_configure(struct cp *cp)
{
	struct sstp_config config;
	uint8_t sha1[20], sha256[32];
	if (!cp->sstp)
		return;
	config_fill(cp, &config, sha1, sha256);
	sstp_configure(cp->sstp, &config);
}

void
sstp_server_fini(struct cp *cp)
{
	if (cp->sstp)
		sstp_free(cp->sstp);
	cp->sstp = NULL;
}
