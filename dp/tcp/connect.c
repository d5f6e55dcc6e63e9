/* Active open: RFC 9293 3.10.1, and a port for it (RFC 6056 3.3.4). */
#include "conn.h"

#include <errno.h>

#include "hash.h"

#define PORT_TRIES 256

static int find_port(struct tcp *t, struct tcp_tuple *id, const struct tcp_connect *w) ON_LCORE;
static bool port_free(struct tcp *t, const struct tcp_tuple *id, uint32_t *after) ON_LCORE;

int
tcp_connect(struct tcp *t, const struct tcp_connect *w, uint64_t *conn)
{
	struct tcp_tuple id = {w->local, w->peer, w->local_port, w->peer_port, 0};
	uint32_t after = 0;
	if (w->local_port ? !port_free(t, &id, &after) : find_port(t, &id, w) < 0)
		return -EADDRINUSE;
	uint32_t hash = tcp_hash(t, &id);
	struct tcp_conn *c = tcp_conn_new(t, &id, hash);
	if (!c)
		return -ENOBUFS;
	c->state = TCP_SYN_SENT;
	if (!tcp_table_add(t, hash, tcp_index(t, c))) {
		t->start.drops[DROP_TCP_TABLE]++;
		tcp_conn_gone(t, c, TCP_GONE_ABORTED);
		return -ENOBUFS;
	}
	uint32_t iss;
	tcp_secrets(t, &id, &iss, &c->ts_offset);
	if (after && seq_lt(iss, after))
		iss = after;
	c->snd_una = c->snd_nxt = c->snd_end = iss;
	c->flags = CONN_ACTIVE | CONN_SACK | CONN_TS | CONN_WS | (t->start.ecn ? CONN_ECN : 0);
	c->rcv_ws = tcp_our_ws(t);
	c->mss_max = (uint16_t)(t->start.limits.mtu - (addr_is_v4(&id.local) ? 40 : 60));
	tcp_conn_mss(t, c, c->mss_max);
	c->user = w->user;
	c->nh = w->nh;
	if (tcp_queue_flag(t, c, SEG_SYN) < 0) {
		tcp_conn_gone(t, c, TCP_GONE_ABORTED);
		return -ENOBUFS;
	}
	c->flags |= CONN_REPORTED;
	*conn = tcp_handle(t, c);
	return 0;
}

/* port_free: nobody has it; TIME-WAIT with time stamps gives way (RFC 6191), if our numbers go on above its own. */
static bool
port_free(struct tcp *t, const struct tcp_tuple *id, uint32_t *after)
{
	uint32_t first_tw = t->start.limits.conns + t->start.limits.half_open;
	uint32_t ref = tcp_table_find(t, id, tcp_hash(t, id));
	if (ref == NONE)
		return true;
	if (ref < first_tw || !t->tws[ref - first_tw].ts)
		return false;
	*after = t->tws[ref - first_tw].snd_nxt + UINT16_MAX;
	tcp_tw_free(t, &t->tws[ref - first_tw]);
	return true;
}

static int
find_port(struct tcp *t, struct tcp_tuple *id, const struct tcp_connect *w)
{
	uint16_t first = w->port_first ? w->port_first : 49152, last = w->port_last ? w->port_last : 65535;
	uint64_t word[5];
	id->local_port = 0;
	tcp_tuple_words(id, word);
	/* RFC 6056 3.3.3: where to begin depends on the peer and a secret, so that peers see no common counter. */
	uint32_t n = last >= first ? (uint32_t)last - first + 1 : 1,
		 offset = (uint32_t)sip_hash(t->key_seq, word, 5, 2, 4);
	for (unsigned i = 0; i < PORT_TRIES && i < n; i++) {
		id->local_port = (uint16_t)(first + (offset + t->port_counter++) % n);
		if (tcp_table_find(t, id, tcp_hash(t, id)) == NONE)
			return 0;
	}
	return -EADDRINUSE;
}
