#include "keyed.h"

#include <string.h>

#include <millrace/bytes.h>

#include "chain.h"
#include "core.h"

/* keys_of: what the server sends with (`down`), or the client. */
static struct tls_keys
keys_of(uint64_t number, bool down)
{
	struct tls_keys k = {.seq = 1};
	memset(k.key, down ? 0xd0 : 0xb0, sizeof k.key);
	memset(k.iv, down ? 0x1d : 0x1b, sizeof k.iv);
	memset(k.secret, down ? 0x5d : 0x5b, sizeof k.secret);
	memcpy(k.key, &number, sizeof number);
	return k;
}

unsigned
keyed_answer(struct tls_offload *off, unsigned core, bool v13, enum tls_aead aead, uint64_t number)
{
	unsigned n_links, n = 0;
	struct tls_link *link = tls_offload_links(off, core, &n_links);
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(link->to_offload))) {
		const struct tls_msg_open *open = (const void *)rec->payload;
		if (rec->type == TLS_MSG_OPEN) {
			bool server = open->role == TLS_SERVER;
			struct tls_msg_up up = {.agreed.version = v13 ? 0x0304 : 0x0303, .aead = (uint8_t)aead};
			up.tx = keys_of(number, server);
			up.rx = keys_of(number, !server);
			n += link_put(link->to_lcore, TLS_MSG_UP, rec->handle, &up, NULL, 0);
		}
		byte_ring_pop(link->to_offload);
	}
	return n;
}

unsigned
keyed_relay(struct tls_offload *off, unsigned core, size_t out_bytes)
{
	static const struct tls_msg_taken taken = {TLS_TAKEN_BYTES};
	static const struct tls_msg_up up = {.agreed.version = 0x0303};
	static const uint8_t out[TLS_MSG_BYTES];
	unsigned n_links, n = 0;
	struct tls_link *link = tls_offload_links(off, core, &n_links);
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(link->to_offload))) {
		if (rec->type == TLS_MSG_OPEN)
			link_put(link->to_lcore, TLS_MSG_UP, rec->handle, &up, NULL, 0);
		if (rec->type == TLS_MSG_BYTES) {
			link_put(link->to_lcore, TLS_MSG_OUT, rec->handle, NULL, out, (uint32_t)out_bytes);
			link_put(link->to_lcore, TLS_MSG_TAKEN, rec->handle, &taken, NULL, 0);
			n++;
		}
		byte_ring_pop(link->to_offload);
	}
	return n;
}

unsigned
keyed_fail(struct tls_offload *off, unsigned core, uint8_t alert)
{
	unsigned n_links, n = 0;
	struct tls_link *link = tls_offload_links(off, core, &n_links);
	const struct tls_msg_failed failed = {.reason = TLS_PEER_ALERT, .alert = alert, .server_name = "vpn.example"};
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(link->to_offload))) {
		if (rec->type == TLS_MSG_BYTES)
			n += link_put(link->to_lcore, TLS_MSG_FAILED, rec->handle, &failed, NULL, 0);
		byte_ring_pop(link->to_offload);
	}
	return n;
}

void
keyed_taken(struct tls_offload *off, unsigned core, bool say)
{
	static const struct tls_msg_taken taken = {TLS_TAKEN_BYTES};
	unsigned n_links;
	uint64_t last = 0;
	struct tls_link *link = tls_offload_links(off, core, &n_links);
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(link->to_offload))) {
		last = rec->handle;
		if (rec->type == TLS_MSG_BYTES)
			link_put(link->to_lcore, TLS_MSG_TAKEN, last, &taken, NULL, 0);
		byte_ring_pop(link->to_offload);
	}
	if (say)
		link_put(link->to_lcore, TLS_MSG_OUT, last, NULL, "flight", 6);
}

bool
keyed_send(struct tls_core *core, struct tls_conn *conn, uint8_t type, const void *p, size_t n)
{
	role_assume_lcore();
	if (conn->state != CONN_RECORDS || n > TLS_PLAINTEXT_MAX)
		return false;
	struct rte_mbuf *m = chain_of(p, (uint32_t)n, core->conf.mbufs);
	struct tls_op *op = m ? seal_build(core, conn, type, m) : NULL;
	if (op)
		core_submit(core, &op, 1);
	else
		rte_pktmbuf_free(m);
	return op;
}

void
keyed_next(struct tls_core *core, struct tls_conn *conn)
{
	role_assume_lcore();
	if (conn->state == CONN_RECORDS && conn->flags & CONN_V13)
		conn_next_key(core, conn, TLS_TX);
}
