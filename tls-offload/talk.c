/* talk.c - the worker core's side of msg.def: a connection in its handshake, or relayed, and OFFLOAD. */
#include <string.h>

#include "chain.h"
#include "core.h"

#define MESSAGES 64 /* in one turn */

/* A message as its handler sees it: the row's struct, and the bytes behind it. */
struct heard {
	const void *payload;
	const uint8_t *bytes;
	uint32_t n;
};

/* Handlers: false when the message has to stay in the ring, because there is no mbuf or op for it now. */
static bool on_out(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;
static bool on_in(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;
static bool on_taken(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;
static bool on_up(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;
static bool on_failed(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;
static bool on_peer_close(struct tls_core *core, struct tls_conn *conn, const struct heard *h) ON_LCORE;

static bool pump_close(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static bool pump_bytes(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static bool pump_write(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static bool pump_shutdown(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static unsigned hear(struct tls_core *core, struct tls_link *link, unsigned max) ON_LCORE;
static bool dispatch(struct tls_core *core, const struct byte_ring_rec *rec) ON_LCORE;
static bool say_bytes(struct tls_link *link, uint64_t handle, enum tls_msg type, const struct rte_mbuf *m, uint32_t n);

/* --- to OFFLOAD -------------------------------------------------------------------------------------------------- */

bool
talk_open(struct tls_core *core, struct tls_conn *conn, uint8_t listener, const char *server_name)
{
	struct tls_msg_open open = {.role = server_name ? TLS_CLIENT : TLS_SERVER, .listener = listener};
	uint32_t n = server_name ? (uint32_t)strnlen(server_name, TLS_SERVER_NAME - 1) : 0;
	if (!core->n_links ||
	    !link_put(conn_link(core, conn)->to_offload, TLS_MSG_OPEN, conn_handle(core, conn), &open, server_name, n))
		return false;
	conn->flags |= CONN_AT_OFFLOAD;
	return true;
}

static bool
pump_close(struct tls_core *core, struct tls_conn *conn)
{
	if (!link_put(conn_link(core, conn)->to_offload, TLS_MSG_CLOSE, conn_handle(core, conn), NULL, NULL, 0))
		return false;
	conn->flags &= (uint16_t)~CONN_AT_OFFLOAD;
	return true;
}

/* pump_bytes: what the peer sent, as long as none of it is unanswered. */
static bool
pump_bytes(struct tls_core *core, struct tls_conn *conn)
{
	if (!conn->held || conn->flags & (CONN_BYTES_OUT | CONN_WAITS))
		return true;
	uint32_t n = conn->held->pkt_len < TLS_MSG_BYTES ? conn->held->pkt_len : TLS_MSG_BYTES;
	if (!say_bytes(conn_link(core, conn), conn_handle(core, conn), TLS_MSG_BYTES, conn->held, n))
		return false;
	conn->sent = (uint16_t)n;
	conn->flags |= CONN_BYTES_OUT;
	return true;
}

/* pump_write: what we have to send, likewise. */
static bool
pump_write(struct tls_core *core, struct tls_conn *conn)
{
	struct rte_mbuf *m = conn->relay.tx_held;
	if (!m || conn->flags & CONN_WRITE_OUT)
		return true;
	uint32_t n = m->pkt_len < TLS_MSG_BYTES ? m->pkt_len : TLS_MSG_BYTES;
	if (!say_bytes(conn_link(core, conn), conn_handle(core, conn), TLS_MSG_WRITE, m, n))
		return false;
	m = chain_drop_front(m, n);
	if (!m->pkt_len) {
		rte_pktmbuf_free(m);
		m = NULL;
	}
	conn->relay.tx_held = m;
	conn->flags |= CONN_WRITE_OUT;
	return true;
}

static bool
pump_shutdown(struct tls_core *core, struct tls_conn *conn)
{
	if (!(conn->flags & CONN_SHUTDOWN_DUE) || (conn->state == CONN_RELAYED && conn->relay.tx_held))
		return true;
	if (!link_put(conn_link(core, conn)->to_offload, TLS_MSG_SHUTDOWN, conn_handle(core, conn), NULL, NULL, 0))
		return false;
	conn->flags &= (uint16_t)~CONN_SHUTDOWN_DUE;
	return true;
}

bool
talk_pump(struct tls_core *core, struct tls_conn *conn)
{
	if (conn->flags & CONN_GONE)
		return pump_close(core, conn);
	if (conn->state == CONN_RELAYED && !pump_write(core, conn))
		return false;
	if (!pump_shutdown(core, conn))
		return false;
	return conn->state == CONN_ENDED || pump_bytes(core, conn);
}

static bool
say_bytes(struct tls_link *link, uint64_t handle, enum tls_msg type, const struct rte_mbuf *m, uint32_t n)
{
	uint8_t *p = byte_ring_reserve(link->to_offload, (uint16_t)type, handle, n, TLS_RING_KEEP);
	if (!p)
		return false;
	chain_peek(m, 0, p, n);
	byte_ring_commit(link->to_offload);
	return true;
}

/* --- from OFFLOAD ------------------------------------------------------------------------------------------------ */

void
tls_step(struct tls_core *core, struct mono now)
{
	core->now = now;
	for (unsigned i = 0, n = 0; i < core->n_links && n < MESSAGES; i++)
		n += hear(core, &core->link[i], MESSAGES - n);
}

static unsigned
hear(struct tls_core *core, struct tls_link *link, unsigned max)
{
	const struct byte_ring_rec *rec;
	unsigned n = 0;
	while (n < max && core_event_room(core) && (rec = byte_ring_peek(link->to_lcore))) {
		if (!dispatch(core, rec)) {
			core->stats.waits++;
			break;
		}
		byte_ring_pop(link->to_lcore);
		n++;
	}
	return n;
}

/* dispatch: what is said of a connection that has ended meanwhile is nobody's. */
static bool
dispatch(struct tls_core *core, const struct byte_ring_rec *rec)
{
	static bool (*const handler[TLS_MSG_COUNT])(struct tls_core *, struct tls_conn *, const struct heard *) = {
		[TLS_MSG_OUT] = on_out, [TLS_MSG_IN] = on_in,         [TLS_MSG_TAKEN] = on_taken,
		[TLS_MSG_UP] = on_up,   [TLS_MSG_FAILED] = on_failed, [TLS_MSG_PEER_CLOSE] = on_peer_close,
	};
	struct tls_conn *conn = conn_of_handle(core, rec->handle);
	uint32_t size = tls_msg_row(rec->type)->size;
	if (!conn || conn->flags & CONN_GONE)
		return true;
	return handler[rec->type](core, conn, &(struct heard){rec->payload, rec->payload + size, rec->len - size});
}

static bool
on_out(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	struct rte_mbuf *m = chain_of(h->bytes, h->n, core->conf.mbufs);
	struct tls_op *op = m ? seal_plain(core, conn, m) : NULL;
	if (!op) {
		rte_pktmbuf_free(m);
		return false;
	}
	conn->flags |= CONN_ANSWERED;
	core_submit(core, &op, 1);
	return true;
}

static bool
on_in(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	struct rte_mbuf *m = chain_of(h->bytes, h->n, core->conf.mbufs);
	if (!m)
		return false;
	core_event(core, conn, TLS_EVENT_DATA)->event.m = m;
	return true;
}

/* answered: the BYTES was used up but for its last left_over bytes. */
static void
answered(struct tls_conn *conn, uint32_t left_over)
{
	uint32_t used = conn->sent > left_over ? conn->sent - left_over : 0;
	conn->sent = 0;
	conn->flags &= (uint16_t)~CONN_BYTES_OUT;
	if (!conn->held || !used)
		return;
	conn->held = chain_drop_front(conn->held, used);
	if (!conn->held->pkt_len) {
		rte_pktmbuf_free(conn->held);
		conn->held = NULL;
	}
}

static bool
on_taken(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	const struct tls_msg_taken *t = h->payload;
	if (t->what & TLS_TAKEN_WRITE)
		conn->flags &= (uint16_t)~CONN_WRITE_OUT;
	if (t->what & TLS_TAKEN_BYTES)
		answered(conn, 0);
	core_ready(core, conn);
	return true;
}

static bool
on_up(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	const struct tls_msg_up *up = h->payload;
	struct tls_queued_event *q = core_event(core, conn, TLS_EVENT_UP);
	q->agreed = up->agreed;
	q->event.agreed = &q->agreed;
	answered(conn, up->left_over);
	conn_handshake_over(core, conn);
	core->stats.up++;
	core->stats.resumed += up->agreed.resumed;
	if (up->aead) {
		conn->flags &= (uint16_t)~CONN_AT_OFFLOAD;
		conn_keys(core, conn, up);
	} else {
		conn->state = CONN_RELAYED;
		core->stats.relayed++;
	}
	core_ready(core, conn);
	return true;
}

static bool
on_failed(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	const struct tls_msg_failed *f = h->payload;
	conn->flags &= (uint16_t) ~(CONN_AT_OFFLOAD | CONN_SHUTDOWN_DUE);
	conn->flags |= CONN_SHUT;
	if (conn->state == CONN_ENDED)
		return true;
	bool peer = f->reason == TLS_PEER_ALERT;
	struct tls_queued_event *q = core_event(core, conn, peer ? TLS_EVENT_ALERT : TLS_EVENT_FAILED);
	q->event.reason = f->reason;
	q->event.alert = f->alert;
	q->event.agreed = &q->agreed;
	q->agreed = (struct tls_agreed){0};
	memcpy(q->agreed.server_name, f->server_name, sizeof q->agreed.server_name);
	core->stats.reason[f->reason]++;
	conn_end(core, conn);
	return true;
}

static bool
on_peer_close(struct tls_core *core, struct tls_conn *conn, const struct heard *h)
{
	(void)h;
	if (conn->state == CONN_ENDED)
		return true;
	core_event(core, conn, TLS_EVENT_CLOSED);
	if (!(conn->flags & CONN_SHUT))
		conn->flags |= CONN_SHUT | CONN_SHUTDOWN_DUE;
	conn_end(core, conn);
	core_ready(core, conn);
	return true;
}
