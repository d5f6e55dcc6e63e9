/* seal.c - plaintext becomes records, and all that is sent leaves in one order. */
#include <assert.h>
#include <string.h>

#include <rte_prefetch.h>

#include "chain.h"
#include "engine.h"
#include "record.h"

#define AHEAD 4

static bool seal_chunk(struct tls_core *core, const struct tls_chunk *c, struct tls_op **batch, unsigned *n) ON_LCORE;
static void seal_relayed(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m) ON_LCORE;
static bool seal_key_update(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n) ON_LCORE;
static bool seal_alert(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n) ON_LCORE;
static bool take_done(struct tls_core *core, struct tls_op *op, struct tls_chunk *chunk) ON_LCORE;
static bool wrap(struct tls_op *op, struct rte_mempool *pool);

unsigned
tls_seal_begin(struct tls_core *core, const struct tls_chunk *chunks, unsigned n)
{
	struct tls_op *batch[TLS_BATCH];
	unsigned i, built = 0;
	assert(n <= TLS_CHUNKS);
	for (i = 0; i < n; i++) {
		if (i + AHEAD < n) {
			rte_prefetch0(chunks[i + AHEAD].conn);
			rte_prefetch0(&chunks[i + AHEAD].conn->held);
			rte_prefetch0(chunks[i + AHEAD].m);
		}
		if (!seal_chunk(core, &chunks[i], batch, &built))
			break;
	}
	core_submit(core, batch, built);
	return i;
}

/* seal_chunk: at most two ops: a key update that is due, and the chunk's. */
static bool
seal_chunk(struct tls_core *core, const struct tls_chunk *c, struct tls_op **batch, unsigned *n)
{
	struct tls_conn *conn = c->conn;
	if (conn->state == CONN_RELAYED && !(conn->flags & CONN_SHUT)) {
		seal_relayed(core, conn, c->m);
		return true;
	}
	if (conn->state != CONN_RECORDS || conn->flags & CONN_SHUT || c->m->pkt_len > TLS_PLAINTEXT_MAX) {
		rte_pktmbuf_free(c->m);
		return true;
	}
	/* RFC 8446 5.5: AES-GCM is safe for 2^24.5 full records under one key. */
	if (conn->flags & CONN_V13 && conn->dir[TLS_TX].seq >= core->rekey_after)
		conn->flags |= CONN_UPDATE_DUE;
	if (conn->flags & CONN_UPDATE_DUE && !seal_key_update(core, conn, batch, n))
		return false;
	uint32_t payload_bytes = c->m->pkt_len;
	struct tls_op *op = seal_build(core, conn, RECORD_DATA, c->m);
	if (!op) {
		core->stats.waits++;
		return false;
	}
	conn->flags &= (uint16_t)~CONN_UPDATED;
	core->stats.sealed++;
	core->stats.sealed_bytes += payload_bytes;
	batch[(*n)++] = op;
	return true;
}

static void
seal_relayed(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m)
{
	chain_append(&conn->relay.tx_held, m);
	if (!talk_pump(core, conn))
		core_ready(core, conn);
}

struct tls_op *
seal_build(struct tls_core *core, struct tls_conn *conn, uint8_t type, struct rte_mbuf *m)
{
	struct tls_dir *dir = &conn->dir[TLS_TX];
	if (!core->n_free_op || !chain_room_back(m, TLS_TAILROOM, core->conf.mbufs))
		return NULL;
	struct tls_op *op = op_alloc(core);
	op->conn = conn;
	op->way = TLS_TX;
	if (!engine_of(core, dir)->prepare(core, op)) {
		op_release(core, op);
		return NULL;
	}
	uint8_t header[TLS_HEADER];
	op->m = m;
	if (conn->flags & CONN_V13) {
		chain_write_back(m, &type, 1);
		record_header(header, RECORD_DATA, m->pkt_len + TLS_TAG);
		record_aad13(op, header);
	} else {
		record_header(header, type, 0);
		record_aad12(op, dir, header, m->pkt_len);
	}
	op->type = header[0];
	op->explicit_nonce = record_explicit(conn, dir);
	if (op->explicit_nonce)
		record_nonce_explicit(op, dir, be64(dir->iv + 4) + dir->seq);
	else
		record_nonce_xor(op, dir);
	dir->seq++;
	conn->unsent++;
	return op;
}

struct tls_op *
seal_plain(struct tls_core *core, struct tls_conn *conn, struct rte_mbuf *m)
{
	struct tls_op *op = op_alloc(core);
	if (!op)
		return NULL;
	op->conn = conn;
	op->way = TLS_TX;
	op->plain = 1;
	op->ok = 1;
	op->m = m;
	conn->unsent++;
	return op;
}

/* --- what we send by ourselves ----------------------------------------------------------------------------------- */

bool
seal_owed(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n)
{
	/* RFC 8446 4.6.3: due before the next data; what no data has followed yet answers several requests. */
	bool due = (conn->flags & (CONN_UPDATE_DUE | CONN_UPDATED)) == CONN_UPDATE_DUE;
	if (due && conn->state == CONN_RECORDS && !seal_key_update(core, conn, batch, n))
		return false;
	return conn->alert == NO_ALERT || seal_alert(core, conn, batch, n);
}

/* seal_own: a record of a few bytes that is ours. */
static struct tls_op *seal_own(struct tls_core *core, struct tls_conn *conn, uint8_t type, const uint8_t *bytes,
			       uint32_t len) ON_LCORE;

static struct tls_op *
seal_own(struct tls_core *core, struct tls_conn *conn, uint8_t type, const uint8_t *bytes, uint32_t len)
{
	struct rte_mbuf *m = chain_of(bytes, len, core->conf.mbufs);
	struct tls_op *op = m ? seal_build(core, conn, type, m) : NULL;
	if (!op) {
		rte_pktmbuf_free(m);
		core->stats.waits++;
	}
	return op;
}

/* seal_key_update: RFC 8446 4.6.3: goes out under the old key, and the next record is under the new one. */
static bool
seal_key_update(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n)
{
	static const uint8_t update_not_requested[5] = {24, 0, 0, 1, 0};
	struct tls_op *op = seal_own(core, conn, RECORD_HANDSHAKE, update_not_requested, sizeof update_not_requested);
	if (!op)
		return false;
	batch[(*n)++] = op;
	conn_next_key(core, conn, TLS_TX);
	conn->flags = (uint16_t)((conn->flags & ~CONN_UPDATE_DUE) | CONN_UPDATED);
	core->stats.key_updates_sent++;
	return true;
}

static bool
seal_alert(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n)
{
	bool warning = conn->alert == TLS_ALERT_CLOSE_NOTIFY || conn->alert == TLS_ALERT_NO_RENEGOTIATION;
	uint8_t bytes[2] = {warning ? 1 : 2, conn->alert};
	struct tls_op *op = seal_own(core, conn, RECORD_ALERT, bytes, sizeof bytes);
	if (!op)
		return false;
	batch[(*n)++] = op;
	conn->alert = NO_ALERT;
	return true;
}

/* --- end --------------------------------------------------------------------------------------------------------- */

unsigned
tls_seal_end(struct tls_core *core, struct tls_chunk *chunks, unsigned max)
{
	struct tls_op *op;
	unsigned n = 0;
	core_collect(core);
	while (n < max && core_event_room(core) && (op = op_pop(core, &core->done)))
		n += take_done(core, op, &chunks[n]);
	return n;
}

/* take_done: whether there is a chunk to give: not of a connection that was closed meanwhile. */
static bool
take_done(struct tls_core *core, struct tls_op *op, struct tls_chunk *chunk)
{
	struct tls_conn *conn = op->conn;
	bool give = op->ok && !(conn->flags & CONN_GONE) && wrap(op, core->conf.mbufs);
	*chunk = (struct tls_chunk){conn, op->m};
	if (!give)
		rte_pktmbuf_free(op->m);
	op_release(core, op);
	conn->unsent--;
	if (!give && !(conn->flags & CONN_GONE))
		content_fail(core, conn, TLS_ENGINE_FAILED, TLS_ALERT_INTERNAL_ERROR);
	conn_release(core, conn);
	return give;
}

/* wrap: header and explicit nonce in front, tag behind. */
static bool
wrap(struct tls_op *op, struct rte_mempool *pool)
{
	uint16_t front = TLS_HEADER + (op->explicit_nonce ? EXPLICIT_NONCE : 0);
	if (op->plain)
		return true;
	chain_write_back(op->m, op->tag, TLS_TAG);
	struct rte_mbuf *m = chain_room_front(op->m, front, pool);
	if (!m)
		return false;
	op->m = m;
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(op->m, front);
	record_header(p, op->type, op->m->pkt_len - TLS_HEADER);
	if (op->explicit_nonce)
		memcpy(p + TLS_HEADER, op->nonce + 4, EXPLICIT_NONCE);
	return true;
}
