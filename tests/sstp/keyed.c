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

/* --- OFFLOAD's word ---------------------------------------------------------------------------------------------- */

/* A reply to one message of the worker core's; what it counts for. */
typedef unsigned reply_to(struct tls_link *link, const struct byte_ring_rec *rec, void *arg);

/* walk: all that a core has sent is replied to, and gone. */
static unsigned
walk(struct tls_offload *off, unsigned core, reply_to *reply, void *arg)
{
	unsigned n_links, n = 0;
	struct tls_link *link = tls_offload_links(off, core, &n_links);
	const struct byte_ring_rec *rec;
	while ((rec = byte_ring_peek(link->to_offload))) {
		n += reply(link, rec, arg);
		byte_ring_pop(link->to_offload);
	}
	return n;
}

struct keys {
	bool v13;
	enum tls_aead aead;
	uint64_t number;
};

static unsigned
reply_keys(struct tls_link *link, const struct byte_ring_rec *rec, void *arg)
{
	const struct tls_msg_open *open = (const void *)rec->payload;
	const struct keys *k = arg;
	if (rec->type != TLS_MSG_OPEN)
		return 0;
	bool server = open->role == TLS_SERVER;
	struct tls_msg_up up = {.agreed.version = k->v13 ? 0x0304 : 0x0303, .aead = (uint8_t)k->aead};
	up.tx = keys_of(k->number, server);
	up.rx = keys_of(k->number, !server);
	return link_put(link->to_lcore, TLS_MSG_UP, rec->handle, &up, NULL, 0);
}

unsigned
keyed_answer(struct tls_offload *off, unsigned core, bool v13, enum tls_aead aead, uint64_t number)
{
	return walk(off, core, reply_keys, &(struct keys){v13, aead, number});
}

static void
say_taken(struct tls_link *link, uint64_t handle)
{
	static const struct tls_msg_taken taken = {TLS_TAKEN_BYTES};
	link_put(link->to_lcore, TLS_MSG_TAKEN, handle, &taken, NULL, 0);
}

static unsigned
reply_relayed(struct tls_link *link, const struct byte_ring_rec *rec, void *arg)
{
	static const struct tls_msg_up up = {.agreed.version = 0x0303};
	static const uint8_t out[TLS_MSG_BYTES];
	const size_t *out_bytes = arg;
	if (rec->type == TLS_MSG_OPEN)
		link_put(link->to_lcore, TLS_MSG_UP, rec->handle, &up, NULL, 0);
	if (rec->type != TLS_MSG_BYTES)
		return 0;
	link_put(link->to_lcore, TLS_MSG_OUT, rec->handle, NULL, out, (uint32_t)*out_bytes);
	say_taken(link, rec->handle);
	return 1;
}

unsigned
keyed_relay(struct tls_offload *off, unsigned core, size_t out_bytes)
{
	return walk(off, core, reply_relayed, &out_bytes);
}

static unsigned
reply_failed(struct tls_link *link, const struct byte_ring_rec *rec, void *arg)
{
	return rec->type == TLS_MSG_BYTES && link_put(link->to_lcore, TLS_MSG_FAILED, rec->handle, arg, NULL, 0);
}

unsigned
keyed_fail(struct tls_offload *off, unsigned core, uint8_t alert)
{
	struct tls_msg_failed failed = {.reason = TLS_PEER_ALERT, .alert = alert, .server_name = "vpn.example"};
	return walk(off, core, reply_failed, &failed);
}

static unsigned
reply_taken(struct tls_link *link, const struct byte_ring_rec *rec, void *arg)
{
	uint64_t *last = arg;
	*last = rec->handle;
	if (rec->type == TLS_MSG_BYTES)
		say_taken(link, rec->handle);
	return 1;
}

void
keyed_taken(struct tls_offload *off, unsigned core, bool say)
{
	unsigned n_links;
	uint64_t last = 0;
	walk(off, core, reply_taken, &last);
	if (say)
		link_put(tls_offload_links(off, core, &n_links)->to_lcore, TLS_MSG_OUT, last, NULL, "flight", 6);
}

/* --- records ----------------------------------------------------------------------------------------------------- */

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
