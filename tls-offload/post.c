/* post.c - handshake messages after the handshake.
 *
 * TLS 1.3: KeyUpdate of either side (RFC 8446 4.6.3); a server's NewSessionTicket, which is skipped (4.6.1).  TLS 1.2:
 * ClientHello and HelloRequest would begin a renegotiation, which is refused with a warning (RFC 5246 7.2.2).  Anything
 * else is unexpected.  Messages may come in pieces, several in a record.
 */
#include "chain.h"
#include "core.h"

#include <millrace/bytes.h>

#define MSG_HEADER 4
#define UPDATES_MAX 32 /* at once: each costs the worker core a derivation; one a second beside them */

enum { HELLO_REQUEST = 0, CLIENT_HELLO = 1, NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };

static uint32_t take_piece(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m, uint32_t at)
	ON_LCORE;
static void message_begins(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static void key_update(struct tls_core *core, struct tls_conn *conn, uint8_t request, bool last) ON_LCORE;
static bool update_is_one_too_many(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static void refuse_renegotiation(struct tls_core *core, struct tls_conn *conn) ON_LCORE;
static void refuse(struct tls_core *core, struct tls_conn *conn) ON_LCORE;

static void
refuse(struct tls_core *core, struct tls_conn *conn)
{
	content_fail(core, conn, TLS_RECORD_MESSAGE, TLS_ALERT_UNEXPECTED_MESSAGE);
}

void
post_handshake(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m)
{
	uint32_t at = 0;
	while (at < m->pkt_len && conn->state == CONN_RECORDS)
		at += take_piece(core, conn, m, at);
}

/* take_piece: a byte of a message's header, the body of a KeyUpdate, or bytes to skip; how many. */
static uint32_t
take_piece(struct tls_core *core, struct tls_conn *conn, const struct rte_mbuf *m, uint32_t at)
{
	uint8_t byte;
	uint32_t left = m->pkt_len - at;
	if (conn->msg_have == MSG_SKIP) {
		uint32_t n = left < conn->to_skip ? left : conn->to_skip;
		conn->to_skip -= n;
		if (!conn->to_skip)
			conn->msg_have = 0;
		return n;
	}
	chain_peek(m, at, &byte, 1);
	if (conn->msg_have == MSG_HEADER) {
		conn->msg_have = 0;
		key_update(core, conn, byte, left == 1);
		return 1;
	}
	conn->msg[conn->msg_have++] = byte;
	if (conn->msg_have == MSG_HEADER)
		message_begins(core, conn);
	return 1;
}

/* message_begins: its header is there. */
static void
message_begins(struct tls_core *core, struct tls_conn *conn)
{
	uint8_t type = conn->msg[0];
	uint32_t len = be32(conn->msg) & 0xffffff;
	bool client = conn->flags & CONN_CLIENT;
	if (conn->flags & CONN_V13) {
		if (type == KEY_UPDATE && len == 1)
			return;
		if (!(client && type == NEW_SESSION_TICKET)) {
			refuse(core, conn);
			return;
		}
	} else if (type == (client ? HELLO_REQUEST : CLIENT_HELLO)) {
		refuse_renegotiation(core, conn);
	} else {
		refuse(core, conn);
		return;
	}
	conn->to_skip = len;
	conn->msg_have = len ? MSG_SKIP : 0;
}

/* refuse_renegotiation: RFC 5246 7.2.2: with a warning; who asks again has not understood it. */
static void
refuse_renegotiation(struct tls_core *core, struct tls_conn *conn)
{
	if (conn->flags & CONN_REFUSED) {
		content_fail(core, conn, TLS_RENEGOTIATION, TLS_ALERT_UNEXPECTED_MESSAGE);
		return;
	}
	conn->flags |= CONN_REFUSED;
	if (!(conn->flags & CONN_SHUT))
		conn->alert = TLS_ALERT_NO_RENEGOTIATION;
	core_ready(core, conn);
}

/* key_update: RFC 8446 5.1: nothing may stand behind it under the old key. */
static void
key_update(struct tls_core *core, struct tls_conn *conn, uint8_t request, bool last)
{
	if (request > 1 || !last) {
		refuse(core, conn);
		return;
	}
	if (update_is_one_too_many(core, conn)) {
		content_fail(core, conn, TLS_KEY_UPDATES, TLS_ALERT_UNEXPECTED_MESSAGE);
		return;
	}
	conn_next_key(core, conn, TLS_RX);
	core->stats.key_updates_received++;
	if (request && !(conn->flags & CONN_SHUT)) {
		conn->flags |= CONN_UPDATE_DUE;
		core_ready(core, conn);
	}
}

static bool
update_is_one_too_many(struct tls_core *core, struct tls_conn *conn)
{
	struct tls_dir *rx = &conn->dir[TLS_RX];
	uint16_t now_s = (uint16_t)(core->now.us / 1000000), passed = (uint16_t)(now_s - rx->updated_s);
	conn->updates = conn->updates > passed ? (uint8_t)(conn->updates - passed) : 0;
	rx->updated_s = now_s;
	return ++conn->updates > UPDATES_MAX;
}
