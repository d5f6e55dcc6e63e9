/* open.c - received bytes become records, records become plaintext. */
#include <assert.h>

#include "chain.h"
#include "engine.h"
#include "record.h"

#define V13_EXPANSION 256  /* RFC 8446 5.2 */
#define V12_EXPANSION 2048 /* RFC 5246 6.2.3 */

static void work(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n) ON_LCORE;
static bool next_record(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n) ON_LCORE;
static bool whole_record(struct tls_core *core, struct tls_conn *conn, uint8_t header[TLS_HEADER]) ON_LCORE;
static enum tls_reason check_header(const struct tls_conn *conn, const uint8_t *header, enum tls_alert *alert);
static struct tls_op *build(struct tls_core *core, struct tls_conn *conn, const uint8_t *header) ON_LCORE;
static void unwrap(struct tls_conn *conn, struct tls_op *op, const uint8_t *header);

void
tls_open_begin(struct tls_core *core, const struct tls_chunk *chunks, unsigned n)
{
	assert(n <= TLS_CHUNKS);
	for (unsigned i = 0; i < n; i++) {
		struct tls_conn *conn = chunks[i].conn;
		if (conn->state == CONN_ENDED) {
			rte_pktmbuf_free(chunks[i].m);
			continue;
		}
		chain_append(&conn->held, chunks[i].m);
		if (!(conn->flags & CONN_OPENING))
			core_ready(core, conn);
	}
	open_work(core);
}

void
open_work(struct tls_core *core)
{
	struct tls_op *batch[TLS_BATCH + SEAL_OWED];
	unsigned n = 0;
	/* Those that have to wait join the end of the line again: each gets one try. */
	for (uint32_t tries = core->n_ready; tries && n + SEAL_OWED < TLS_BATCH && core_event_room(core); tries--)
		work(core, core_next_ready(core), batch, &n);
	core_submit(core, batch, n);
}

static void
work(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n)
{
	bool done = true;
	if (conn->flags & CONN_AT_OFFLOAD)
		done = talk_pump(core, conn);
	else if (!(conn->flags & CONN_GONE))
		done = seal_owed(core, conn, batch, n) && next_record(core, conn, batch, n);
	if (done) {
		conn_release(core, conn);
		return;
	}
	core->stats.waits++;
	core_ready(core, conn);
}

/* next_record: false when there is one, but no op, mbuf or session for it now. */
static bool
next_record(struct tls_core *core, struct tls_conn *conn, struct tls_op **batch, unsigned *n)
{
	uint8_t header[TLS_HEADER];
	if (conn->state != CONN_RECORDS || conn->flags & CONN_OPENING || !whole_record(core, conn, header))
		return true;
	struct tls_op *op = build(core, conn, header);
	if (!op)
		return false;
	batch[(*n)++] = op;
	return true;
}

/* whole_record: whether all of a record is there; a header that cannot be fails the connection at once. */
static bool
whole_record(struct tls_core *core, struct tls_conn *conn, uint8_t header[TLS_HEADER])
{
	enum tls_alert alert;
	if (!conn->held || conn->held->pkt_len < TLS_HEADER)
		return false;
	chain_peek(conn->held, 0, header, TLS_HEADER);
	enum tls_reason reason = check_header(conn, header, &alert);
	if (reason) {
		content_fail(core, conn, reason, alert);
		return false;
	}
	return conn->held->pkt_len >= TLS_HEADER + (uint32_t)be16(header + 3);
}

/* tail_bytes: what a record has beside its header and its plaintext. */
static uint32_t
tail_bytes(const struct tls_conn *conn)
{
	if (conn->flags & CONN_V13)
		return 1 + TLS_TAG;
	return TLS_TAG + (record_explicit(conn, &conn->dir[TLS_RX]) ? EXPLICIT_NONCE : 0);
}

static enum tls_reason
check_header(const struct tls_conn *conn, const uint8_t *header, enum tls_alert *alert)
{
	uint32_t len = be16(header + 3), extra = tail_bytes(conn);
	bool v13 = conn->flags & CONN_V13;
	*alert = TLS_ALERT_UNEXPECTED_MESSAGE;
	/* RFC 8446 5.2: opaque_type is application_data.  A change_cipher_spec after the Finished is as unexpected. */
	if (v13 ? header[0] != RECORD_DATA : header[0] < RECORD_CHANGE_CIPHER_SPEC || header[0] > RECORD_DATA)
		return TLS_RECORD_TYPE;
	*alert = TLS_ALERT_DECODE_ERROR;
	if (len < extra)
		return TLS_RECORD_LENGTH;
	*alert = TLS_ALERT_RECORD_OVERFLOW;
	if (len > TLS_PLAINTEXT_MAX + (v13 ? V13_EXPANSION : V12_EXPANSION))
		return TLS_RECORD_LENGTH;
	if (!v13 && len - extra > TLS_PLAINTEXT_MAX)
		return TLS_RECORD_LENGTH;
	return TLS_OK;
}

static struct tls_op *
build(struct tls_core *core, struct tls_conn *conn, const uint8_t *header)
{
	struct tls_op *op = op_alloc(core);
	if (!op)
		return NULL;
	op->conn = conn;
	op->way = TLS_RX;
	op->m = chain_take(&conn->held, TLS_HEADER + (uint32_t)be16(header + 3), core->conf.mbufs);
	if (op->m && engine_of(core, &conn->dir[TLS_RX])->prepare(core, op)) {
		unwrap(conn, op, header);
		conn->holds++;
		conn->flags |= CONN_OPENING;
		return op;
	}
	if (op->m) {
		struct rte_mbuf *rest = conn->held;
		conn->held = op->m;
		if (rest)
			chain_append(&conn->held, rest);
	}
	op_release(core, op);
	return NULL;
}

/* unwrap: takes header, explicit nonce and tag off the record; the chain is what is to be decrypted then. */
static void
unwrap(struct tls_conn *conn, struct tls_op *op, const uint8_t *header)
{
	struct tls_dir *dir = &conn->dir[TLS_RX];
	uint8_t explicit[EXPLICIT_NONCE];
	uint32_t front = TLS_HEADER;
	op->type = header[0];
	if (conn->flags & CONN_V13)
		record_aad13(op, header);
	else
		record_aad12(op, dir, header, be16(header + 3) - tail_bytes(conn));
	if (record_explicit(conn, dir)) {
		chain_peek(op->m, TLS_HEADER, explicit, EXPLICIT_NONCE);
		record_nonce_explicit(op, dir, be64(explicit));
		front += EXPLICIT_NONCE;
	} else {
		record_nonce_xor(op, dir);
	}
	op->m = chain_drop_front(op->m, front);
	chain_peek(op->m, op->m->pkt_len - TLS_TAG, op->tag, TLS_TAG);
	chain_drop_back(op->m, TLS_TAG);
	dir->seq++;
}

unsigned
tls_open_end(struct tls_core *core, struct tls_event *events, unsigned max)
{
	struct tls_op *op;
	unsigned taken, budget = 2 * TLS_CHUNKS;
	core_free_events(core);
	open_work(core); /* what waited for room or an answer, though nothing new has come */
	unsigned n = core_give_events(core, events, max);
	/* One record of each connection at a time: with software, the next is done as soon as this one is. */
	do {
		taken = 0;
		core_collect(core);
		while (n < max && budget && core_event_room(core) && (op = op_pop(core, &core->opened))) {
			struct tls_conn *conn = op->conn;
			n += content_take(core, conn, op, &events[n]);
			if (conn->held)
				core_ready(core, conn);
			conn_release(core, conn);
			budget--;
			taken++;
		}
		if (taken && n < max && budget)
			open_work(core);
	} while (taken && n < max && budget);
	return n + core_give_events(core, events + n, max - n);
}
