#include "pptp_server.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "network.h"
#include "session.h"
#include "streams.h"

/* Call ids are the low half of a slot: all calls of a core are in one region, so that none is there twice. */
#define PPTP_REGION 0
#define GRE 47

static void gre_listen(struct cp *cp) ON_MAIN;
static struct pptp_config config_of(const struct cp *cp) ON_MAIN;

/* --- upcalls of the room ----------------------------------------------------------------------------------------- */

static void
on_send(void *owner, struct pptp_conn *conn, const uint8_t *bytes, size_t len) ON_MAIN
{
	streams_send(owner, conn->info.conn, bytes, len);
}

static void
on_close(void *owner, struct pptp_conn *conn, bool abort, struct mono now) ON_MAIN
{
	(void)now;
	streams_close(owner, conn->info.conn, abort);
}

static void
on_frame(void *owner, struct pptp_call *call, const uint8_t *frame, size_t len, struct mono now) ON_MAIN
{
	struct cp *cp = owner;
	struct session *s = call->user;
	(void)now;
	cp->dp->ops->send(cp->dp, DP_MSG_FRAME_PPP, s->handle, NULL, frame, len);
}

static void
on_up(void *owner, const struct pptp_conn *conn) ON_MAIN
{
	char peer[ADDR_STRLEN];
	log_line(((struct cp *)owner)->log, LOG_LEVEL_INFO, "pptp tunnel %" PRIu64 ": established peer=%s:%u name=%s",
		 conn->id, addr_str(&conn->info.peer, peer), conn->info.peer_port, conn->peer_name);
}

static enum cause
on_call_new(void *owner, struct pptp_call *call, struct mono now) ON_MAIN
{
	const struct pptp_info *info = &call->conn->info;
	struct session_offer offer = {CONF_PPTP, handle_lcore(info->conn), PPTP_REGION, info->peer};
	enum cause cause;
	struct session *s = session_new(owner, &offer, now, &cause);
	if (!s) {
		char what[48];
		snprintf(what, sizeof what, "pptp tunnel %" PRIu64 ": call", call->conn->id);
		cp_refused(owner, &(struct cp_refusal){cause, what, "", info->peer, info->peer_port});
		return cause;
	}
	s->bearer = &call->bearer;
	call->user = s;
	call->our_id = (uint16_t)handle_index(s->handle);
	return CAUSE_NONE;
}

static void
on_call_up(void *owner, struct pptp_call *call, struct mono now) ON_MAIN
{
	struct cp *cp = owner;
	const struct pptp_info *info = &call->conn->info;
	const struct dp_session_open open = {
		.bearer = DP_BEARER_PPTP,
		.local = info->local,
		.peer = info->peer,
		.our_sid = call->our_id,
		.peer_sid = call->peer_id,
		.nh = network_outer_nh(cp, &info->peer, false, now),
		.gre_window = (uint16_t)cp->conf->pptp.reorder_packets,
		.gre_patience_ms = (uint16_t)cp->conf->pptp.reorder_timeout,
	};
	session_bearer_up(call->user, &call->bearer, &open, now);
}

static void
on_call_down(void *owner, struct pptp_call *call, enum cause cause, struct mono now) ON_MAIN
{
	struct session *s = call->user;
	(void)owner;
	call->user = NULL;
	session_bearer_down(s, cause, now);
}

static void
on_note(void *owner, const struct pptp_conn *conn, enum cause cause, const char *text) ON_MAIN
{
	char peer[ADDR_STRLEN];
	log_line(((struct cp *)owner)->log, cause_row(cause)->level, "pptp %s:%u: %s", addr_str(&conn->info.peer, peer),
		 conn->info.peer_port, text);
}

static bool
on_trace_on(void *owner, const struct pptp_conn *conn) ON_MAIN
{
	(void)conn;
	return log_on(((struct cp *)owner)->log, LOG_LEVEL_DEBUG);
}

static void
on_trace(void *owner, const struct pptp_conn *conn, const char *line) ON_MAIN
{
	char peer[ADDR_STRLEN];
	log_line(((struct cp *)owner)->log, LOG_LEVEL_DEBUG, "pptp %s:%u: %s", addr_str(&conn->info.peer, peer),
		 conn->info.peer_port, line);
}

static const struct pptp_ops upcalls = {
	.send = on_send,
	.close = on_close,
	.frame = on_frame,
	.up = on_up,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_down = on_call_down,
	.note = on_note,
	.trace_on = on_trace_on,
	.trace = on_trace,
};

/* --- connections ------------------------------------------------------------------------------------------------- */

/* The neighbour stays known as long as the connection does: its calls' packets go the same way. */
static void *
stream_open(struct cp *cp, uint64_t conn, const struct dp_conn_open *open, const uint8_t *bytes, struct mono now)
	ON_MAIN
{
	const struct pptp_info info = {
		.local = open->local,
		.peer = open->peer,
		.local_port = open->local_port,
		.peer_port = open->peer_port,
		.conn = conn,
	};
	(void)bytes;
	bool no = cp->shutting_down || cp->refusing;
	bool room = connlimit_admits(&cp->connlimit[CONF_PPTP], &cp->conf->pptp.access.limits, &open->peer, now);
	struct pptp_conn *c = no || !room || !addr_is_v4(&open->peer) ? NULL : pptp_accept(cp->pptp, &info, now);
	if (!c) {
		cp_refused(cp, &(struct cp_refusal){no ? CAUSE_SHUTDOWN : CAUSE_NO_RESOURCES, "pptp tunnel", "",
						    info.peer, info.peer_port});
		return NULL;
	}
	c->user = cp;
	network_outer_nh(cp, &info.peer, true, now);
	return c;
}

static void
stream_input(void *user, const uint8_t *bytes, size_t len, struct mono now) ON_MAIN
{
	pptp_input(user, bytes, len, now);
}

static void
stream_gone(struct cp *cp, void *user, const struct dp_conn_gone *why, struct mono now) ON_MAIN
{
	struct pptp_conn *c = user;
	const struct pptp_info info = c->info;
	const enum cause cause = c->cause != CAUSE_NONE ? c->cause : stream_cause(why);
	char peer[ADDR_STRLEN], text[160];
	cp->stats.tunnels_ended[cause]++;
	snprintf(text, sizeof text, "pptp tunnel %" PRIu64 ": ended: %s peer=%s:%u", c->id, cause_row(cause)->text,
		 addr_str(&info.peer, peer), info.peer_port);
	/* Who never said Start may come as often as he likes, and shall not fill the log. */
	if (*c->peer_name)
		log_line(cp->log, cause_row(cause)->level, "%s", text);
	else
		log_limited(cp->log, &cp->refusals, now, cause_row(cause)->level, "%s", text);
	pptp_gone(c, cause, now);
	network_outer_unpin(cp, &info.peer, now);
}

static const struct stream_ops stream_ops = {stream_open, stream_input, stream_gone};

/* --- configuration ----------------------------------------------------------------------------------------------- */

static struct pptp_config
config_of(const struct cp *cp)
{
	const struct conf_pptp *c = &cp->conf->pptp;
	return (struct pptp_config){
		.host_name = c->host_name,
		.timeout_s = c->timeout,
		.echo_interval_s = c->echo_interval,
		.echo_timeout_s = c->echo_timeout,
		.idle_s = c->idle_tunnel_timeout,
		.max_conns = c->max_tunnels,
		.recv_window = (uint16_t)c->recv_window,
	};
}

int
pptp_server_init(struct cp *cp, char *err, size_t err_len)
{
	const struct pptp_config config = config_of(cp);
	if (!cp->conf->pptp.enabled)
		return 0;
	cp->pptp = pptp_new(&config, &upcalls, cp, &cp->timers);
	if (!cp->pptp) {
		snprintf(err, err_len, "pptp: out of memory");
		return -ENOMEM;
	}
	cp->streams.protocol[DP_STREAM_PPTP] = &stream_ops;
	streams_listen(cp, &cp->conf->pptp.listen, &(struct stream_listen){DP_STREAM_PPTP, DP_TLS_NONE, false});
	gre_listen(cp);
	return 0;
}

/* On the addresses that control connections are taken on; 0.0.0.0 is any of ours on access interfaces. */
static void
gre_listen(struct cp *cp)
{
	const struct conf_endpoints *e = &cp->conf->pptp.listen;
	for (unsigned i = 0; i < e->n; i++) {
		const struct dp_listen l = {.addr = e->v[i].addr, .ip_proto = GRE, .on = 1};
		dataplane_send_all(cp->dp, DP_MSG_LISTEN_SET, &l);
	}
}

void
pptp_server_configure(struct cp *cp)
{
	const struct pptp_config config = config_of(cp);
	if (cp->pptp)
		pptp_configure(cp->pptp, &config);
}

void
pptp_server_shutdown(struct cp *cp, struct mono now)
{
	struct pptp_conn *c;
	for (c = cp->pptp ? pptp_next_conn(cp->pptp, 0) : NULL; c; c = pptp_next_conn(cp->pptp, c->id))
		if (!c->n_calls)
			pptp_stop(c, CAUSE_SHUTDOWN, now);
}

void
pptp_server_fini(struct cp *cp)
{
	if (cp->pptp)
		pptp_free(cp->pptp);
	cp->pptp = NULL;
}
