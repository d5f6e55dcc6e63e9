/* content.c - what an opened record says: data, an alert, a handshake message; and how a connection ends by it. */
#include "chain.h"
#include "core.h"

#define IDLE_MAX 32 /* records without data in a row: empty ones, warnings, key updates */
#define LEVEL_WARNING 1
#define LEVEL_FATAL 2

static bool take_data(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m, struct tls_event *event)
	ON_LCORE;
static void take_alert(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m) ON_LCORE;
static bool not_idle(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static void fail_unexpected(struct tls_core *core, struct tls_conn *conn, enum tls_reason reason) ON_LCORE;

static void
fail_unexpected(struct tls_core *core, struct tls_conn *conn, enum tls_reason reason)
{
	content_fail(core, conn, reason, TLS_ALERT_UNEXPECTED_MESSAGE);
}

/* inner_type: RFC 8446 5.4: the last byte that is not zero is the type, zeros behind it are padding.  False: too long. */
static bool
inner_type(const struct tls_conn *conn, const struct tls_op *op, struct rte_mbuf *m, uint8_t *type)
{
	*type = op->type;
	if (!(conn->flags & CONN_V13))
		return true;
	if (m->pkt_len > TLS_PLAINTEXT_MAX + 1)
		return false;
	*type = chain_strip(m);
	return true;
}

bool
content_take(struct tls_core *core, struct tls_conn *conn, struct tls_op *op, struct tls_event *event)
{
	struct rte_mbuf *m = op->m;
	bool ok = op->ok, length_ok = ok && inner_type(conn, op, m, &op->type);
	uint8_t type = op->type;
	op_release(core, op);
	conn->holds--;
	conn->flags &= (uint16_t)~CONN_OPENING;
	if (conn->state != CONN_RECORDS)
		goto done;
	if (!ok)
		content_fail(core, conn, TLS_RECORD_MAC, TLS_ALERT_BAD_RECORD_MAC);
	else if (!length_ok)
		content_fail(core, conn, TLS_RECORD_LENGTH, TLS_ALERT_RECORD_OVERFLOW);
	else if (conn->msg_have && type != RECORD_HANDSHAKE)
		/* RFC 8446 5.1: nothing comes between the parts of a handshake message. */
		fail_unexpected(core, conn, TLS_RECORD_MESSAGE);
	else if (type == RECORD_DATA)
		return take_data(core, conn, m, event);
	else if (type == RECORD_ALERT)
		take_alert(core, conn, m);
	else if (type == RECORD_HANDSHAKE && m->pkt_len && not_idle(core, conn))
		post_handshake(core, conn, m);
	else if (conn->state == CONN_RECORDS)
		fail_unexpected(core, conn, TLS_RECORD_TYPE);
done:
	rte_pktmbuf_free(m);
	return false;
}

static bool
take_data(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m, struct tls_event *event)
{
	if (!m->pkt_len) {
		not_idle(core, conn);
		rte_pktmbuf_free(m);
		return false;
	}
	conn->idle = 0;
	core->stats.opened++;
	core->stats.opened_bytes += m->pkt_len;
	*event = (struct tls_event){.conn = conn, .kind = TLS_EVENT_DATA, .m = m};
	return true;
}

/* not_idle: a peer that sends much and says nothing is let go. */
static bool
not_idle(struct tls_core *core, struct tls_conn *conn)
{
	if (++conn->idle <= IDLE_MAX)
		return true;
	fail_unexpected(core, conn, TLS_IDLE_RECORDS);
	return false;
}

static void
take_alert(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m)
{
	uint8_t alert[2];
	bool v13 = conn->flags & CONN_V13;
	if (m->pkt_len != 2 || !chain_peek(m, 0, alert, 2)) {
		content_fail(core, conn, TLS_RECORD_MESSAGE, TLS_ALERT_DECODE_ERROR);
		return;
	}
	if (alert[1] == TLS_ALERT_CLOSE_NOTIFY)
		content_end(core, conn, TLS_EVENT_CLOSED, 0);
	else if (v13 ? alert[1] == TLS_ALERT_USER_CANCELED : alert[0] == LEVEL_WARNING)
		/* RFC 8446 6.1: a close_notify follows it.  RFC 5246 7.2.2: a warning may be ignored. */
		not_idle(core, conn);
	else
		content_end(core, conn, TLS_EVENT_ALERT, alert[1]);
}

void
content_end(struct tls_core *core, struct tls_conn *conn, enum tls_event_kind kind, uint8_t alert)
{
	struct tls_event *e = &core_event(core, conn, kind)->event;
	e->alert = alert;
	if (kind == TLS_EVENT_ALERT) {
		e->reason = TLS_PEER_ALERT;
		core->stats.reason[TLS_PEER_ALERT]++;
		conn->alert = NO_ALERT;
	} else if (!(conn->flags & CONN_SHUT)) {
		conn->alert = TLS_ALERT_CLOSE_NOTIFY;
	}
	conn->flags |= CONN_SHUT;
	conn_end(core, conn);
	core_ready(core, conn);
}

void
content_fail(struct tls_core *core, struct tls_conn *conn, enum tls_reason reason, enum tls_alert alert)
{
	if (conn->state == CONN_ENDED)
		return;
	struct tls_event *e = &core_event(core, conn, TLS_EVENT_FAILED)->event;
	e->reason = (uint8_t)reason;
	e->alert = (uint8_t)alert;
	core->stats.reason[reason]++;
	/* Nothing may follow our close_notify, unless it has not gone yet. */
	if (!(conn->flags & CONN_SHUT) || conn->alert != NO_ALERT)
		conn->alert = (uint8_t)alert;
	conn->flags |= CONN_SHUT;
	conn_end(core, conn);
	core_ready(core, conn);
}
