#include "streams.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tls-offload/reason.h>
#include <uthash.h>

#include "cp.h"
#include "sstp/proxy.h"

struct stream {
	uint64_t conn;
	const struct stream_ops *ops;
	void *user;
	UT_hash_handle hh;
};

static struct stream *find(struct cp *cp, uint64_t conn) ON_MAIN;

static struct stream *
find(struct cp *cp, uint64_t conn)
{
	struct stream *s;
	HASH_FIND(hh, cp->streams.by_conn, &conn, sizeof conn, s);
	if (!s)
		cp->stats.punts_stale++;
	return s;
}

void
streams_listen(struct cp *cp, const struct conf_endpoints *e, const struct stream_listen *how)
{
	for (unsigned i = 0; i < e->n; i++) {
		struct dp_listen l = {
			.addr = e->v[i].addr,
			.port = e->v[i].port,
			.ip_proto = 6,
			.on = 1,
			.stream = how->stream,
			.tls = how->tls,
			.proxy = how->proxy,
		};
		unsigned n = addr_is_any(&l.addr) ? cp->conf->interfaces.n : 0;
		bool v4 = addr_is_v4(&l.addr);
		if (!n)
			dataplane_send_all(cp->dp, DP_MSG_LISTEN_SET, &l);
		for (unsigned j = 0; j < n; j++) {
			const struct conf_interface *c = &cp->conf->interfaces.v[j];
			for (unsigned k = 0; c->access && k < c->addresses.n; k++) {
				l.addr = c->addresses.v[k].addr;
				if (addr_is_v4(&l.addr) == v4)
					dataplane_send_all(cp->dp, DP_MSG_LISTEN_SET, &l);
			}
		}
	}
}

/* --- what the workers say ---------------------------------------------------------------------------------------- */

void
streams_opened(struct cp *cp, const struct byte_ring_rec *rec, struct mono now)
{
	struct dp_conn_open open;
	memcpy(&open, rec->payload, sizeof open);
	size_t left = rec->len - sizeof open;
	const struct stream_ops *ops = open.stream < 3 ? cp->streams.protocol[open.stream] : NULL;
	struct stream *s = ops && (size_t)open.name_len + open.proxy_len <= left ? malloc(sizeof *s) : NULL;
	if (s) {
		*s = (struct stream){.conn = rec->handle, .ops = ops};
		s->user = ops->open(cp, rec->handle, &open, rec->payload + sizeof open, now);
		if (s->user)
			HASH_ADD(hh, cp->streams.by_conn, conn, sizeof s->conn, s);
	}
	if (!s || !s->user) {
		free(s);
		streams_close(cp, rec->handle, true);
		return;
	}
	cp->streams.n++;
}

void
streams_input(struct cp *cp, const struct byte_ring_rec *rec, struct mono now)
{
	struct stream *s = find(cp, rec->handle);
	if (s)
		s->ops->input(s->user, rec->payload, rec->len, now);
}

void
streams_gone(struct cp *cp, const struct byte_ring_rec *rec, struct mono now)
{
	struct dp_conn_gone why;
	struct stream *s;
	HASH_FIND(hh, cp->streams.by_conn, &rec->handle, sizeof rec->handle, s);
	if (!s) /* one that was refused */
		return;
	memcpy(&why, rec->payload, sizeof why);
	HASH_DELETE(hh, cp->streams.by_conn, s);
	cp->streams.n--;
	s->ops->gone(cp, s->user, &why, now);
	free(s);
}

const char *
stream_tls_text(const struct dp_conn_gone *why, char *buf, size_t n)
{
	bool alert = why->tls_reason == TLS_PEER_ALERT;
	snprintf(buf, n, "%s%s%s", tls_reason_text(why->tls_reason), alert ? ": " : "",
		 alert ? tls_alert_name(why->alert) : "");
	return buf;
}

/* name_of: of a client that nobody knows yet: for the log. */
static void
name_of(char *name, size_t room, const uint8_t *bytes, size_t n)
{
	n = n < room ? n : room - 1;
	memcpy(name, bytes, n);
	name[n] = 0;
	for (size_t i = 0; i < n; i++)
		if ((uint8_t)name[i] <= ' ' || name[i] == 0x7f)
			name[i] = '?';
}

/* A client that does not trust our certificate says so by an alert, and nowhere else. */
void
streams_failed(struct cp *cp, const struct byte_ring_rec *rec, struct mono now)
{
	struct dp_conn_failed f;
	struct proxy p;
	char peer[ADDR_STRLEN], name[256], why[128];
	memcpy(&f, rec->payload, sizeof f);
	if ((size_t)f.name_len + f.proxy_len > rec->len - sizeof f)
		return;
	const uint8_t *bytes = rec->payload + sizeof f;
	name_of(name, sizeof name, bytes, f.name_len);
	if (f.proxy_len && proxy_parse(bytes + f.name_len, f.proxy_len, &p) && !p.local) {
		f.peer = p.peer;
		f.peer_port = p.peer_port;
	}
	log_limited(cp->log, &cp->refusals, now, LOG_LEVEL_WARN, "sstp: TLS with %s:%u failed: %s server-name=%s",
		    addr_str(&f.peer, peer), f.peer_port, stream_tls_text(&f.why, why, sizeof why),
		    *name ? name : "(none)");
}

/* --- what we say ------------------------------------------------------------------------------------------------- */

void
streams_send(struct cp *cp, uint64_t conn, const uint8_t *bytes, size_t len)
{
	cp->dp->ops->send(cp->dp, DP_MSG_STREAM_OUT, conn, NULL, bytes, len);
}

void
streams_close(struct cp *cp, uint64_t conn, bool abort)
{
	const struct dp_conn_close how = {.abort = abort};
	dataplane_send(cp->dp, DP_MSG_CONN_CLOSE, conn, &how);
}

void
streams_fini(struct cp *cp)
{
	struct stream *s, *next;
	HASH_ITER(hh, cp->streams.by_conn, s, next)
	{
		HASH_DELETE(hh, cp->streams.by_conn, s);
		free(s);
	}
}

enum cause
stream_cause(const struct dp_conn_gone *why)
{
	static const uint8_t causes[] = {
		[DP_CONN_CLOSED] = CAUSE_PEER_TUNNEL_CLOSED, [DP_CONN_RESET] = CAUSE_CONN_RESET,
		[DP_CONN_TIMEOUT] = CAUSE_TUNNEL_TIMEOUT,    [DP_CONN_SILENT] = CAUSE_CONN_SILENT,
		[DP_CONN_PROTOCOL] = CAUSE_MALFORMED,        [DP_CONN_TLS] = CAUSE_TLS_FAILED,
		[DP_CONN_LOAD] = CAUSE_NO_RESOURCES,
	};
	return why->reason < sizeof causes ? causes[why->reason] : CAUSE_CONN_RESET;
}
