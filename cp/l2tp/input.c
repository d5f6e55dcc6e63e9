#include <stdio.h>

#include "l2tp/call.h"

static void listen_input(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_hdr *h,
			 const uint8_t *bytes, struct mono now);
static enum cause sccrq_accept(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m,
			       struct tunnel **made, struct mono now);
static enum cause sccrq_judge(const struct l2tp *l2tp, const struct l2tp_msg *m, bool known_peer);
static struct tunnel *quirk_find(struct l2tp *l2tp, const struct l2tp_path *path);
static bool ties_won(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m, struct mono now);
static void make_room(struct l2tp *l2tp, struct mono now);
static void refuse(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m, enum l2tp_why why,
		   enum cause cause);
static bool path_ok(struct tunnel *t, const struct l2tp_path *path, const struct l2tp_hdr *h, struct mono now);
static void offence_set(char *text, size_t size, const struct l2tp_msg *m, enum l2tp_why why);
static void message_bad(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, enum l2tp_why why,
			struct mono now);

/* What each message does; h is its header.  The cause that goes with a message is that of an end, should it have come
 * out of order. */
typedef void handler(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now);
static handler on_sccrq, on_sccrp, on_scccn, on_stopccn, on_hello, on_ocrq, on_stray, on_icrq, on_icrp, on_iccn, on_cdn,
	on_notice;

static handler *const handlers[L2TP_MSG_COUNT] = {
	[L2TP_MSG_SCCRQ] = on_sccrq, [L2TP_MSG_SCCRP] = on_sccrp,     [L2TP_MSG_SCCCN] = on_scccn,
	[L2TP_MSG_HELLO] = on_hello, [L2TP_MSG_STOPCCN] = on_stopccn, [L2TP_MSG_OCRQ] = on_ocrq,
	[L2TP_MSG_OCRP] = on_stray,  [L2TP_MSG_OCCN] = on_stray,      [L2TP_MSG_ICRQ] = on_icrq,
	[L2TP_MSG_ICRP] = on_icrp,   [L2TP_MSG_ICCN] = on_iccn,       [L2TP_MSG_CDN] = on_cdn,
	[L2TP_MSG_WEN] = on_notice,  [L2TP_MSG_SLI] = on_notice,
};

void
l2tp_input(struct l2tp *l2tp, const struct l2tp_path *path, const uint8_t *bytes, size_t len, struct mono now)
{
	struct l2tp_hdr h;
	enum l2tp_why why = l2tp_hdr_parse(bytes, len, &h);
	l2tp->stats[L2TP_STAT_RX]++;
	if (why) {
		l2tp->stats[l2tp_why_row(why)->stat]++;
		return;
	}
	struct tunnel *t = l2tp->tunnels[h.tid];
	l2tp_trace(l2tp, t, path, "recv", bytes, len);
	/* Tunnel id 0 is nobody's yet: the listener's, whatever tunnels exist for that address and port. */
	if (h.tid == 0) {
		listen_input(l2tp, path, &h, bytes, now);
	} else if (!t) {
		l2tp->stats[L2TP_STAT_RX_NO_TUNNEL]++;
	} else if (!path_ok(t, path, &h, now)) {
		l2tp->stats[L2TP_STAT_RX_WRONG_PATH]++;
	} else {
		t->heard = now;
		l2tp_window_input(&t->window, &h, bytes, now);
	}
}

/* RFC 2661 8.1: who answers a SCCRQ may do so from another port, which then is the tunnel's.  Later the port changes only
 * when a NAT in between has forgotten the peer: the tunnel follows a message whose numbers nobody else should know. */
static bool
path_ok(struct tunnel *t, const struct l2tp_path *path, const struct l2tp_hdr *h, struct mono now)
{
	struct l2tp_path *ours = &t->pub.path;
	if (l2tp_path_eq(ours, path))
		return true;
	bool same_ends = addr_eq(&ours->peer, &path->peer) && addr_eq(&ours->local, &path->local) &&
			 ours->local_port == path->local_port;
	/* Nor do all who dial follow us to a port of the tunnel's own (xl2tpd does not): they are served where they are. */
	if (t->pub.state == L2TP_WAIT_CTL_CONN && addr_eq(&ours->peer, &path->peer) &&
	    ours->peer_port == path->peer_port && path->local_port == t->dialled_port)
		ours->local_port = path->local_port;
	if (t->pub.state == L2TP_ESTABLISHED && same_ends && l2tp_window_expects(&t->window, h))
		l2tp_tunnel_move(t, path->peer_port, now);
	if (t->pub.state == L2TP_WAIT_CTL_REPLY && addr_eq(&ours->peer, &path->peer) &&
	    ours->local_port == path->local_port) {
		ours->local = path->local;
		ours->peer_port = path->peer_port;
	}
	return l2tp_path_eq(ours, path);
}

/* The tunnel that this peer has begun to set up, if its message repeats what began it or takes it back. */
static struct tunnel *
dialling_find(struct l2tp *l2tp, const struct l2tp_path *path, uint16_t peer_tid)
{
	struct tunnel *t;
	LIST_FOREACH(t, l2tp_dialling(l2tp, path, peer_tid), dialling)
	{
		/* Not the local port: ours may be one of the tunnel's own, and the SCCRQ knows the well-known one. */
		const struct l2tp_path *p = &t->pub.path;
		if (t->pub.peer_tid == peer_tid && addr_eq(&p->peer, &path->peer) && p->peer_port == path->peer_port &&
		    addr_eq(&p->local, &path->local))
			return t;
	}
	return NULL;
}

/* Some devices (D-Link DIR-300) go on with tunnel id 0 after their SCCRQ: the youngest tunnel of that path is meant. */
static struct tunnel *
quirk_find(struct l2tp *l2tp, const struct l2tp_path *path)
{
	struct tunnel *t;
	LIST_FOREACH(t, l2tp_by_path(l2tp, path), by_path)
	{
		if (t->pub.state != L2TP_CLOSING && l2tp_path_eq(&t->pub.path, path))
			return t;
	}
	return NULL;
}

static void
listen_input(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_hdr *h, const uint8_t *bytes,
	     struct mono now)
{
	bool known;
	struct l2tp_reading how = {l2tp_secret(l2tp, &path->peer, &known), l2tp->config.avp_permissive};
	struct l2tp_msg m;
	enum l2tp_why why = l2tp_msg_parse(h->body, h->body_len, &how, &m); /* a ZLB has no type */
	struct tunnel *t = m.tid ? dialling_find(l2tp, path, m.tid) : NULL;
	struct tunnel *meant = l2tp->config.dir300_quirk && m.type != L2TP_MSG_SCCRQ ? quirk_find(l2tp, path) : NULL;
	if (meant) {
		l2tp->stats[L2TP_STAT_RX_QUIRK]++;
		meant->heard = now;
		l2tp_window_input(&meant->window, h, bytes, now);
	} else if (m.type != L2TP_MSG_SCCRQ && m.type != L2TP_MSG_STOPCCN) {
		l2tp->stats[L2TP_STAT_RX_NOT_SCCRQ]++;
	} else if (t) {
		/* A SCCRQ sent again, or a StopCCN from a peer that does not know our tid yet. */
		t->heard = now;
		l2tp_window_input(&t->window, h, bytes, now);
	} else if (m.type == L2TP_MSG_STOPCCN || h->ns || h->nr) {
		l2tp->stats[L2TP_STAT_RX_NOT_SCCRQ]++;
	} else if (why) {
		l2tp->stats[l2tp_why_row(why)->stat]++;
		refuse(l2tp, path, &m, why, l2tp_why_row(why)->cause);
	} else {
		struct tunnel *made = NULL;
		enum cause refusal = sccrq_accept(l2tp, path, &m, &made, now);
		if (refusal)
			refuse(l2tp, path, &m, L2TP_WHY_OK, refusal);
		else if (made)
			l2tp_window_input(&made->window, h, bytes, now);
	}
}

/* A tunnel for this SCCRQ, or why not; neither when a SCCRQ of ours stands before it. */
static enum cause
sccrq_accept(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m, struct tunnel **made,
	     struct mono now)
{
	bool known;
	const char *secret = l2tp_secret(l2tp, &path->peer, &known);
	enum cause refusal = sccrq_judge(l2tp, m, known);
	if (refusal)
		return refusal;
	if (ties_won(l2tp, path, m, now))
		return CAUSE_NONE;
	if (!share_admits(&l2tp->share, l2tp->config.max_tunnels, &path->peer))
		return CAUSE_NO_RESOURCES;
	make_room(l2tp, now);
	if (l2tp->n_tunnels >= l2tp->config.max_tunnels)
		return CAUSE_NO_RESOURCES;
	struct tunnel *t = l2tp_tunnel_new(l2tp, path, secret, now);
	if (!t)
		return CAUSE_NO_RESOURCES;
	t->dialled_port = path->local_port;
	if (l2tp->config.first_port) {
		uint16_t r;
		l2tp_random(l2tp, &r, sizeof r);
		unsigned ports = l2tp->config.last_port - l2tp->config.first_port + 1u;
		t->pub.path.local_port = (uint16_t)(l2tp->config.first_port + r % ports);
	}
	l2tp_tunnel_peer(t, m);
	refusal = l2tp_tunnel_challenged(t, m, L2TP_MSG_SCCRP) ? CAUSE_NONE : CAUSE_TUNNEL_AUTH;
	if (!refusal)
		refusal = l2tp->ops->tunnel_new(l2tp->owner, &t->pub, &t->pub.region);
	if (refusal) {
		l2tp_tunnel_free(t);
		return refusal;
	}
	t->known = true;
	*made = t;
	return CAUSE_NONE;
}

static enum cause
sccrq_judge(const struct l2tp *l2tp, const struct l2tp_msg *m, bool known_peer)
{
	if (l2tp->config.only_known_peers && !known_peer)
		return CAUSE_PEER_UNKNOWN;
	if (m->version >> 8 != L2TP_PROTOCOL_VERSION >> 8)
		return CAUSE_TUNNEL_VERSION;
	return l2tp->shut_down ? CAUSE_SHUTDOWN : CAUSE_NONE;
}

/* RFC 2661 4.4.3: both sides have asked for a tunnel at once, and one of them has said that there shall be only one.  The
 * lower tie breaker wins, and one wins against none; the loser discards its tunnel without a word, and who meets his own
 * value discards his too.  True: the peer's SCCRQ is the one to ignore. */
static bool
ties_won(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m, struct mono now)
{
	bool theirs = l2tp_msg_has(m, AVP_TIE_BREAKER), won = false;
	struct tunnel *t, *next;
	for (t = TAILQ_FIRST(&l2tp->asking); t; t = next) {
		next = TAILQ_NEXT(t, by_age);
		if (!addr_eq(&t->pub.path.peer, &path->peer) || (!t->tie_breaker && !theirs))
			continue;
		bool we_win = t->tie_breaker && (!theirs || t->tie_breaker < m->tie_breaker);
		bool peer_wins = !t->tie_breaker || (theirs && m->tie_breaker < t->tie_breaker);
		won |= !peer_wins;
		l2tp->stats[we_win ? L2TP_STAT_TIES_WON : L2TP_STAT_TIES_LOST]++;
		if (!we_win)
			l2tp_tunnel_discard(t, CAUSE_TIE_LOST, now);
	}
	return won;
}

/* A full table costs the oldest of those that linger after their end.  Under a flood of SCCRQs a real peer must still get
 * through: the oldest of those that have not answered our SCCRP makes room, be there too many of them or of all. */
static void
make_room(struct l2tp *l2tp, struct mono now)
{
	struct tunnel *t = TAILQ_FIRST(&l2tp->closing);
	if (t && l2tp->n_tunnels >= l2tp->config.max_tunnels)
		l2tp_tunnel_free(t);
	t = TAILQ_FIRST(&l2tp->half_open);
	if (t && (l2tp->n_half_open >= l2tp->config.max_half_open || l2tp->n_tunnels >= l2tp->config.max_tunnels)) {
		l2tp->stats[L2TP_STAT_TUNNELS_EVICTED]++;
		l2tp_tunnel_step(t, TUNNEL_EV_DEAD, CAUSE_NO_RESOURCES, now);
		l2tp_tunnel_free(t);
	}
}

/* StopCCN without a tunnel: nothing is kept, and nothing sent again but in answer to the next SCCRQ. */
static void
refuse(struct l2tp *l2tp, const struct l2tp_path *path, const struct l2tp_msg *m, enum l2tp_why why, enum cause cause)
{
	struct build b;
	char offence[32];
	l2tp->stats[L2TP_STAT_TUNNELS_REFUSED]++;
	if (cause == CAUSE_TUNNEL_AUTH)
		l2tp->stats[L2TP_STAT_TUNNELS_AUTH]++;
	if (cause == CAUSE_PEER_UNKNOWN)
		l2tp->stats[L2TP_STAT_TUNNELS_UNKNOWN]++;
	offence_set(offence, sizeof offence, m, why);
	l2tp_refused(l2tp, NULL, path, cause, offence);
	if (!m->tid)
		return;
	l2tp_build_start(&b, m->tid, 0, L2TP_MSG_STOPCCN);
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 0);
	l2tp_avp_result_of(&b, L2TP_MSG_STOPCCN, cause, offence);
	size_t len = l2tp_build_end(&b);
	put_be16(b.bytes + L2TP_CTL_NR, 1);
	l2tp_transmit(l2tp, NULL, path, b.bytes, len);
}

void
l2tp_tunnel_deliver(struct window *w, const uint8_t *bytes, size_t len, struct mono now)
{
	struct tunnel *t = tunnel_of(w);
	uint64_t *stats = t->l2tp->stats;
	const struct l2tp_reading how = {t->secret, t->l2tp->config.avp_permissive};
	struct l2tp_hdr h;
	struct l2tp_msg m;
	if (t->pub.state == L2TP_CLOSING) {
		stats[L2TP_STAT_RX_CLOSING]++;
		return;
	}
	(void)l2tp_hdr_parse(bytes, len, &h); /* fine when it came, and so it is now */
	enum l2tp_why why = l2tp_msg_parse(h.body, h.body_len, &how, &m);
	stats[L2TP_STAT_AVP_IGNORED] += m.avps_ignored;
	if (why)
		message_bad(t, &h, &m, why, now);
	else if (l2tp_msg_is_of_call(m.type) && t->pub.state != L2TP_ESTABLISHED)
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, CAUSE_MESSAGE_ORDER, now);
	else
		handlers[m.type](t, &h, &m, now);
}

/* The call that a message is about, or NULL and counted. */
static struct call *
call_find(struct tunnel *t, uint16_t sid)
{
	struct call *c = l2tp_calls_find(t->l2tp, t->pub.our_tid, sid);
	if (!c)
		t->l2tp->stats[L2TP_STAT_MSG_NO_CALL]++;
	return c;
}

/* RFC 2661 4.4.2: the message of an error about an AVP should name it; empty for any other. */
static void
offence_set(char *text, size_t size, const struct l2tp_msg *m, enum l2tp_why why)
{
	bool an_avp =
		why > L2TP_WHY_AVP_NO_TYPE || m->bad_attr; /* of what comes first the others speak of themselves */
	*text = 0;
	if (why == L2TP_WHY_MSG_UNKNOWN)
		snprintf(text, size, "message %u", m->type);
	else if (an_avp && m->bad_vendor)
		snprintf(text, size, "AVP %u of vendor %u", m->bad_attr, m->bad_vendor);
	else if (an_avp)
		snprintf(text, size, "AVP %u", m->bad_attr);
}

/* RFC 2661 4.1 and 4.4.1: an error ends what the message is about; StopCCN and CDN end it anyhow; a message of unknown
 * type is passed over if its M bit allows. */
static void
message_bad(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, enum l2tp_why why, struct mono now)
{
	const struct l2tp_why_row *row = l2tp_why_row(why);
	t->l2tp->stats[row->stat]++;
	if (why == L2TP_WHY_MSG_UNKNOWN && !m->type_mandatory)
		return;
	offence_set(t->offence, sizeof t->offence, m, why);
	if (!t->pub.peer_tid)
		t->pub.peer_tid = m->tid; /* where our StopCCN must go, if this was to be the SCCRP */
	if (m->type == L2TP_MSG_STOPCCN) {
		on_stopccn(t, h, m, now);
	} else if (m->type == L2TP_MSG_CDN) {
		on_cdn(t, h, m, now);
	} else if (!l2tp_msg_is_of_call(m->type)) {
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, row->cause, now);
	} else if (h->sid) {
		struct call *c = call_find(t, h->sid);
		if (c)
			l2tp_call_step(c, CALL_EV_CLOSE, row->cause, now);
	} else if (m->sid) {
		l2tp_call_refuse(t, m->sid, row->cause, now);
	}
	t->offence[0] = 0;
}

/* The listener has judged the first one, for which t is in IDLE still. */
static void
on_sccrq(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	(void)h;
	(void)m;
	l2tp_tunnel_step(t, TUNNEL_EV_SCCRQ, CAUSE_MESSAGE_ORDER, now);
}

static void
on_sccrp(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	enum cause refusal = CAUSE_NONE;
	(void)h;
	if (t->pub.state == L2TP_WAIT_CTL_REPLY) {
		l2tp_tunnel_peer(t, m);
		if (m->version >> 8 != L2TP_PROTOCOL_VERSION >> 8)
			refusal = CAUSE_TUNNEL_VERSION;
		else if (!l2tp_tunnel_response_ok(t, m) || !l2tp_tunnel_challenged(t, m, L2TP_MSG_SCCCN))
			refusal = CAUSE_TUNNEL_AUTH;
	}
	if (refusal)
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, refusal, now);
	else
		l2tp_tunnel_step(t, TUNNEL_EV_SCCRP, CAUSE_MESSAGE_ORDER, now);
}

static void
on_scccn(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	const struct l2tp *l2tp = t->l2tp;
	bool waiting = t->pub.state == L2TP_WAIT_CTL_CONN;
	(void)h;
	if (waiting && !l2tp_tunnel_response_ok(t, m))
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, CAUSE_TUNNEL_AUTH, now);
	else if (waiting && !share_admits(&l2tp->share, l2tp->config.max_tunnels, &t->pub.path.peer))
		l2tp_tunnel_step(t, TUNNEL_EV_CLOSE, CAUSE_NO_RESOURCES, now);
	else
		l2tp_tunnel_step(t, TUNNEL_EV_SCCCN, CAUSE_MESSAGE_ORDER, now);
}

static void
on_stopccn(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	(void)h;
	t->pub.peer_result = m->result.code;
	t->pub.peer_error = m->result.error;
	l2tp_span_copy(&m->result.text, t->pub.peer_text, sizeof t->pub.peer_text);
	l2tp_tunnel_step(t, TUNNEL_EV_STOPCCN, CAUSE_PEER_TUNNEL_CLOSED, now);
}

/* RFC 2661 6.5: being acknowledged is all that it wants. */
static void
on_hello(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	(void)t;
	(void)h;
	(void)m;
	(void)now;
}

static void
on_icrq(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	struct call *c = h->sid ? call_find(t, h->sid) : NULL;
	if (c)
		l2tp_call_step(c, CALL_EV_ICRQ, CAUSE_MESSAGE_ORDER, now);
	else
		l2tp_call_request(t, m, now);
}

static void
on_ocrq(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	(void)h;
	l2tp_call_refuse(t, m->sid, CAUSE_NOT_SUPPORTED, now);
}

/* We ask for no outgoing calls, so nobody can answer one. */
static void
on_stray(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	struct call *c = call_find(t, h->sid);
	(void)m;
	if (c)
		l2tp_call_step(c, CALL_EV_CLOSE, CAUSE_MESSAGE_ORDER, now);
}

static void
on_icrp(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	struct call *c = call_find(t, h->sid);
	if (!c)
		return;
	if (c->pub.state == L2TP_CALL_WAIT_REPLY)
		c->pub.peer_sid = m->sid;
	l2tp_call_step(c, CALL_EV_ICRP, CAUSE_MESSAGE_ORDER, now);
}

static void
on_iccn(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	struct call *c = call_find(t, h->sid);
	if (!c)
		return;
	if (c->pub.state == L2TP_CALL_WAIT_CONNECT) {
		c->pub.tx_bps = m->tx_bps;
		c->pub.rx_bps = l2tp_msg_has(m, AVP_RX_CONNECT_SPEED) ? m->rx_bps : m->tx_bps;
		l2tp_call_proxy(c, m);
		if (!l2tp_call_sequencing(c, l2tp_msg_has(m, AVP_SEQUENCING_REQUIRED))) {
			l2tp_call_step(c, CALL_EV_CLOSE, CAUSE_SEQUENCING_DENIED, now);
			return;
		}
	}
	l2tp_call_step(c, CALL_EV_ICCN, CAUSE_MESSAGE_ORDER, now);
}

/* RFC 2661 6.12: before our ICRP has arrived the peer does not know our sid, puts 0 in the header and tells its own.
 * Such a call is still in set-up, so few have to be looked at. */
static void
on_cdn(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	struct call *c = NULL;
	if (h->sid) {
		c = call_find(t, h->sid);
	} else if (m->sid) {
		LIST_FOREACH(c, &t->starting, link)
		{
			if (c->pub.peer_sid == m->sid)
				break;
		}
	}
	if (!c)
		return;
	c->pub.peer_result = m->result.code;
	c->pub.peer_error = m->result.error;
	l2tp_call_step(c, CALL_EV_CDN, CAUSE_PEER_CALL_CLEARED, now);
}

/* WEN and SLI tell of the analogue line and of the ACCM: nothing that a tunnel of PPP frames can use. */
static void
on_notice(struct tunnel *t, const struct l2tp_hdr *h, const struct l2tp_msg *m, struct mono now)
{
	(void)now;
	if (call_find(t, h->sid))
		t->l2tp->stats[m->type == L2TP_MSG_WEN ? L2TP_STAT_MSG_WEN : L2TP_STAT_MSG_SLI]++;
}
