/* init-only file */
#include "dial.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dp/sstp.h>

#include "keyed.h"
#include "path.h"
#include "template.h"

#define HEAD "SSTP_DUPLEX_POST / HTTP/1.1\r\nHost: x\r\n\r\n"
#define PER_ADDRESS 8192 /* connections from one address of the clients' */
#define CORES 2          /* of OFFLOAD: the worker's and the clients' */
#define RECORD_DATA 23

struct dial dial_side;
static struct dial *const d = &dial_side;
static struct dial_conf conf;
static struct tcp_burst burst;
static struct vec wire; /* from the clients */

static void client_hears(void) ON_LCORE;
static void client_tls(void) ON_LCORE;
static void client_sends(void) ON_LCORE;
static void client_appends(struct dial_client *c, struct rte_mbuf *m) ON_LCORE;

static void
die(const char *what)
{
	fprintf(stderr, "dial: %s\n", what);
	abort();
}

/* --- start and end ----------------------------------------------------------------------------------------------- */

static void
worker_side(void)
{
	struct lcore *lc = bed.lc;
	lc->n_conns = conf.conns;
	struct tcp_limits limits = stream_limits(lc->n_conns, lc->pool->size);
	lc->tcp_memory = aligned_alloc(64, (tcp_bytes(&limits) + 63) & ~(size_t)63);
	if (!lc->tcp_memory)
		die("memory");
	stream_init(lc, lc->tcp_memory);
	lc->conns = conns_new(&(struct conns_start){.conns = conf.conns,
						    .mbufs = lc->pool->size,
						    .pool = lc->pool,
						    .offload = d->offload,
						    .drops = lc->stats.drops,
						    .socket = SOCKET_ID_ANY});
	if (!lc->conns)
		die("conns_new");
	conns_wire(lc);
	struct dp_listen listen = {.ip_proto = 6,
				   .port = DIAL_PORT,
				   .on = 1,
				   .stream = DP_STREAM_SSTP,
				   .tls = DP_TLS_NORMAL,
				   .addr = conf.six ? bed_addr("::") : addr_from_ip4(0)};
	if (!stream_listen(lc, &listen))
		die("stream_listen");
}

static void *tcp_memory;

void
dial_open(const struct dial_conf *c)
{
	char err[256];
	role_assume_init();
	role_assume_lcore();
	conf = *c;
	if (!conf.aead)
		conf.aead = TLS_AES_128_GCM;
	*d = (struct dial){.pool = d->pool};
	if (!d->pool)
		d->pool = rte_pktmbuf_pool_create("dial", bed.lc->pool->size, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM,
						  SOCKET_ID_ANY);
	if (!d->pool)
		die("pool");
	d->offload =
		tls_offload_new(&(struct tls_offload_conf){.threads = 1, .cores = CORES, .connections = conf.conns});
	if (!d->offload)
		die("tls_offload_new");
	worker_side();
	struct tls_core_conf tls = {.connections = conf.conns,
				    .cryptodev = -1,
				    .socket = SOCKET_ID_ANY,
				    .mbufs = d->pool,
				    .offload = d->offload,
				    .core = 1};
	d->tls = tls_core_new(&tls, err, sizeof err);
	d->client = calloc(conf.conns, sizeof *d->client);
	struct tcp_start s = {
		.limits = stream_limits(conf.conns, d->pool->size), .lcore = 9, .pool = d->pool, .drops = d->drops};
	tcp_memory = aligned_alloc(64, (tcp_bytes(&s.limits) + 63) & ~(size_t)63);
	if (!d->tls || !d->client || !tcp_memory)
		die("memory");
	d->tcp = tcp_init(tcp_memory, &s, bed.lc->now);
}

void
dial_close(void)
{
	struct lcore *lc = bed.lc;
	role_assume_init();
	role_assume_lcore();
	for (unsigned i = 0; i < d->n; i++)
		rte_pktmbuf_free(d->client[i].in);
	tcp_fini(d->tcp);
	for (unsigned i = 0; i < d->n; i++)
		if (d->client[i].tls)
			tls_close(d->tls, d->client[i].tls);
	tls_core_free(d->tls);
	tcp_fini(lc->tcp);
	path_free(lc);
	conns_free(lc->conns);
	tls_offload_free(d->offload);
	free(d->client);
	free(tcp_memory);
	free(lc->tcp_memory);
	lc->conns = NULL;
	lc->tcp = NULL;
	lc->tcp_memory = NULL;
}

/* --- turns ------------------------------------------------------------------------------------------------------- */

void
dial_turn(int64_t us)
{
	struct lcore *lc = bed.lc;
	role_assume_lcore();
	lc->now = mono_add_us(lc->now, us);
	tcp_now(d->tcp, lc->now);
	tcp_timers(d->tcp, 512);
	client_tls();
	client_sends();
	path_streams(lc);
	client_hears();
}

void
dial_turns(unsigned n, int64_t us)
{
	while (n--)
		dial_turn(us);
}

static struct dial_client *
client_named(uint64_t user)
{
	return user < d->n ? &d->client[user] : NULL;
}

/* client_sends: as it comes off a wire: in buffers of its own. */
static void
client_sends(void)
{
	struct tcp_out out[VEC_MAX];
	unsigned n = tcp_output(d->tcp, out, VEC_MAX - wire.n);
	for (unsigned i = 0; i < n; i++) {
		bool six = *rte_pktmbuf_mtod(out[i].m, uint8_t *) >> 4 == 6;
		struct rte_mbuf *m =
			d->client[out[i].nh].mute ? NULL : rte_pktmbuf_copy(out[i].m, bed.lc->pool, 0, UINT32_MAX);
		rte_pktmbuf_free(out[i].m);
		if (!m)
			continue;
		uint8_t *eth = (uint8_t *)rte_pktmbuf_prepend(m, 14);
		memcpy(eth, bed_mac(BED_ACCESS), 6);
		memcpy(eth + 6, bed_neighbour_mac(six ? BED_ADJ_LAC6 : BED_ADJ_LAC), 6);
		put_be16(eth + 12, six ? 0x86dd : 0x0800);
		wire.p[wire.n++] = (struct pkt){.m = m};
	}
	if (d->hold)
		return;
	if (wire.n)
		path_run(bed.lc, &wire);
	wire.n = 0;
	/* No device is there for a queue that is full. */
	for (unsigned port = 0; port < bed.lc->n_ports; port++)
		if (bed.lc->tx[port].n > VEC_MAX / 2) {
			client_hears();
			break;
		}
}

/* deaf_to: the client of the packet's TCP connection does not hear it. */
static bool
deaf_to(const uint8_t *ip)
{
	bool six = ip[0] >> 4 == 6;
	uint16_t port = be16(ip + (six ? 40 : 20) + 2);
	for (unsigned i = 0; d->any_deaf && i < d->n; i++) {
		struct tcp_info info;
		if (d->client[i].deaf && tcp_info(d->tcp, d->client[i].tcp, &info) && info.local_port == port)
			return true;
	}
	return false;
}

static void
tcp_data(const struct tcp_data *data)
{
	struct dial_client *c = client_named(data->user);
	tcp_consumed(d->tcp, data->conn, data->len);
	if (c && c->tls) {
		const struct tls_chunk chunk = {c->tls, data->m};
		tls_open_begin(d->tls, &chunk, 1);
	} else {
		rte_pktmbuf_free(data->m);
	}
}

static void
tcp_news(void)
{
	struct tcp_event ev[VEC_MAX];
	unsigned n = tcp_events(d->tcp, ev, VEC_MAX);
	for (unsigned i = 0; i < n; i++) {
		struct dial_client *c = client_named(ev[i].user);
		if (c && ev[i].what & TCP_GONE) {
			c->tcp_gone = true;
			c->gone_why = ev[i].gone;
			c->tcp = 0;
		} else if (c && ev[i].what & TCP_FIN) {
			tcp_close(d->tcp, ev[i].conn);
		}
	}
}

static void
client_hears(void)
{
	struct tcp_in in[TCP_BURST];
	struct tx_queue *q = &bed.lc->tx[0];
	for (unsigned at = 0; at < q->n;) {
		unsigned n = 0;
		for (; at < q->n && n < TCP_BURST; at++) {
			struct rte_mbuf *m = rte_pktmbuf_copy(q->m[at], d->pool, 0, UINT32_MAX);
			rte_pktmbuf_free(q->m[at]);
			if (!m)
				continue;
			bool six = be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 12)) == 0x86dd;
			rte_pktmbuf_adj(m, 14);
			if ((m->ol_flags & RTE_MBUF_F_TX_L4_MASK) ==
			    RTE_MBUF_F_TX_TCP_CKSUM) /* left to a port, which none is here */
				m->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_GOOD;
			const uint8_t *ip = rte_pktmbuf_mtod(m, const uint8_t *);
			if (ip[six ? 6 : 9] != 6 || deaf_to(ip))
				rte_pktmbuf_free(m);
			else
				in[n++] = (struct tcp_in){m, six ? 40 : 20, 0};
		}
		tcp_rx(d->tcp, in, n, &burst);
		for (unsigned i = 0; i < burst.n_opened; i++)
			if (client_named(burst.opened[i].user))
				client_named(burst.opened[i].user)->opened = true;
		for (unsigned i = 0; i < burst.n_data; i++)
			tcp_data(&burst.data[i]);
		tcp_news();
	}
	q->n = 0;
	tcp_news();
	for (unsigned port = 1; port < bed.lc->n_ports; port++) { /* nobody is there */
		rte_pktmbuf_free_bulk(bed.lc->tx[port].m, bed.lc->tx[port].n);
		bed.lc->tx[port].n = 0;
	}
}

/* --- what the client hears --------------------------------------------------------------------------------------- */

static bool
next_packet(struct dial_client *c)
{
	uint8_t room[SSTP_CONTROL_MIN];
	uint32_t len = 0, have = c->in ? RTE_MIN(c->in->pkt_len, (uint32_t)sizeof room) : 0;
	const uint8_t *p = have ? rte_pktmbuf_read(c->in, 0, have, room) : NULL;
	enum sstp_frame kind = have ? sstp_frame_parse(p, have, &len) : SSTP_FRAME_MORE;
	if (kind == SSTP_FRAME_MORE || (kind != SSTP_FRAME_BAD && c->in->pkt_len < len))
		return false;
	if (kind == SSTP_FRAME_BAD) {
		c->bad++;
		rte_pktmbuf_free(c->in);
		c->in = NULL;
		return false;
	}
	if (kind == SSTP_FRAME_CONTROL) {
		c->control[be16(p + SSTP_HEADER_LEN) % DIAL_CONTROL_TYPES]++;
	} else {
		c->data++;
		c->data_bytes += len - SSTP_HEADER_LEN;
	}
	struct rte_mbuf *rest = rte_pktmbuf_copy(c->in, d->pool, len, UINT32_MAX);
	rte_pktmbuf_free(c->in);
	c->in = rest;
	return true;
}

static void
tls_news(const struct tls_event *e)
{
	struct dial_client *c = client_named(tls_user(e->conn));
	if (e->kind == TLS_EVENT_DATA) {
		if (c->in)
			rte_pktmbuf_chain(c->in, e->m);
		else
			c->in = e->m;
		while (next_packet(c))
			;
	} else if (e->kind != TLS_EVENT_UP) {
		c->tls_ended = true;
		if (c->tcp)
			tcp_shutdown(d->tcp, c->tcp);
	}
}

static void
client_tls(void)
{
	struct tls_event events[TLS_CHUNKS];
	struct tls_chunk out[TLS_CHUNKS];
	unsigned n;
	tls_step(d->tls, bed.lc->now);
	while ((n = tls_open_end(d->tls, events, TLS_CHUNKS)))
		for (unsigned i = 0; i < n; i++)
			tls_news(&events[i]);
	while ((n = tls_seal_end(d->tls, out, TLS_CHUNKS)))
		for (unsigned i = 0; i < n; i++)
			client_appends(client_named(tls_user(out[i].conn)), out[i].m);
}

/* client_appends: a record, as one segment or in pieces that leave one by one.  What finds no room is lost, and with it the
 * stream: the peer will say so. */
static void
client_appends(struct dial_client *c, struct rte_mbuf *m)
{
	static uint8_t bytes[TLS_PLAINTEXT_MAX + 2048];
	uint32_t len = m->pkt_len;
	if (c->tcp && !d->piece && tcp_append(d->tcp, c->tcp, m) == 0)
		return;
	const uint8_t *p = rte_pktmbuf_read(m, 0, len, bytes);
	for (uint32_t at = 0; c->tcp && d->piece && at < len; at += d->piece) {
		tcp_push(d->tcp, c->tcp, p + at, RTE_MIN(d->piece, len - at));
		client_sends();
	}
	rte_pktmbuf_free(m);
}

/* --- a connection ------------------------------------------------------------------------------------------------ */

static uint64_t
handle_said(void)
{
	for (unsigned i = bed.n_said; i && i + RTE_DIM(bed.said) > bed.n_said; i--) {
		const struct bed_said *said = &bed.said[(i - 1) % RTE_DIM(bed.said)];
		if (said->type == DP_MSG_CONN_OPEN)
			return said->handle;
	}
	return 0;
}

struct dial_client *
dial_opening(void)
{
	unsigned number = d->n++;
	role_assume_lcore();
	if (number >= conf.conns)
		die("too many");
	struct dial_client *c = &d->client[number];
	struct tcp_connect w = {.peer_port = DIAL_PORT, .user = number, .nh = number};
	w.local = conf.six ? bed_addr(BED_LAC6) : addr_from_ip4(BED_LAC + (number / PER_ADDRESS << 8));
	w.peer = bed_addr(conf.six ? BED_LNS6 : "10.77.0.2");
	c->slot = SLOT_NONE;
	if (tcp_connect(d->tcp, &w, &c->tcp) < 0)
		die("tcp_connect");
	for (unsigned i = 0; i < 50 && !c->opened; i++)
		dial_turn(100);
	return c->opened ? c : NULL;
}

struct dial_client *
dial_tcp(void)
{
	struct dial_client *c = dial_opening();
	dial_turn(100);
	return c;
}

struct dial_client *
dial_keys(struct dial_client *c)
{
	unsigned number = (unsigned)(c - d->client), before = bed.n_said;
	enum tls_refused why;
	c->tls = tls_connect(d->tls, number, "", bed.lc->now, &why);
	if (!c->tls)
		die("tls_connect");
	tcp_push(d->tcp, c->tcp, "", 1); /* a first byte: OFFLOAD takes it */
	dial_turns(2, 100);
	keyed_answer(d->offload, 1, !conf.tls12, conf.aead, number);
	keyed_answer(d->offload, 0, !conf.tls12, conf.aead, number);
	for (unsigned i = 0; i < 50 && bed.n_said == before; i++)
		dial_turn(100);
	c->conn = handle_said();
	return dial_conn(c) ? c : NULL;
}

struct dial_client *
dial_up(void)
{
	struct dial_client *c = dial_tcp();
	return c ? dial_keys(c) : NULL;
}

const struct dp_conn_gone *
dial_gone(const struct dial_client *c)
{
	for (unsigned i = 0; i < bed.n_said && i < RTE_DIM(bed.said); i++)
		if (bed.said[i].type == DP_MSG_CONN_GONE && bed.said[i].handle == c->conn)
			return (const void *)bed.said[i].payload;
	return NULL;
}

void
dial_bind(struct dial_client *c, uint32_t slot, uint16_t echo_s)
{
	struct dp_session *s = &bed.lc->sessions[slot];
	struct dp_session_open o = {.bearer = DP_BEARER_SSTP, .conn = c->conn};
	role_assume_lcore();
	*s = (struct dp_session){.state = SESSION_OPEN, .bearer = DP_BEARER_SSTP, .generation = 1};
	if (template_open(s, &o) < 0)
		die("template_open");
	template_link(s, false, false);
	s->ip4 = BED_POOL + slot;
	s->gateway_ip4 = BED_GATEWAY;
	s->mtu = s->link_mtu = 1400;
	s->link_open = 1;
	if (conn_bind(bed.lc, c->conn, s, echo_s))
		c->slot = slot;
	session_set_gates(s, DP_GATE_AUTHENTICATED | DP_GATE_IP4 | s->gates_more);
	bed_sub4(s->ip4, nh_session(0, slot));
}

struct dial_client *
dial(uint32_t slot, uint16_t echo_s)
{
	struct dial_client *c = dial_up();
	if (!c || !dial_send(c, HEAD, sizeof HEAD - 1))
		return NULL;
	for (unsigned i = 0; i < 50 && dial_conn(c) && dial_conn(c)->state != CONN_PACKETS; i++)
		dial_turn(100);
	dial_bind(c, slot, echo_s);
	return c->slot == slot ? c : NULL;
}

void
dial_forget(struct dial_client *c)
{
	role_assume_lcore();
	if (c != &d->client[d->n - 1])
		die("not the last");
	if (c->tcp)
		tcp_abort(d->tcp, c->tcp);
	if (c->tls)
		tls_close(d->tls, c->tls);
	rte_pktmbuf_free(c->in);
	*c = (struct dial_client){0};
	d->n--;
}

void
dial_deafen(struct dial_client *c, bool deaf)
{
	c->deaf = deaf;
	d->any_deaf |= deaf;
}

struct conn *
dial_conn(const struct dial_client *c)
{
	role_assume_lcore();
	return conn_find(bed.lc, c->conn);
}

/* --- data -------------------------------------------------------------------------------------------------------- */

bool
dial_record(struct dial_client *c, uint8_t type, const void *p, size_t n)
{
	return keyed_send(d->tls, c->tls, type, p, n);
}

bool
dial_send(struct dial_client *c, const void *p, size_t n)
{
	return dial_record(c, RECORD_DATA, p, n);
}

bool
dial_raw(struct dial_client *c, const void *p, size_t n)
{
	role_assume_lcore();
	client_tls(); /* what was sealed before goes first */
	return c->tcp && tcp_push(d->tcp, c->tcp, p, (uint32_t)n) == (int)n;
}

void
dial_next_key(struct dial_client *c)
{
	keyed_next(d->tls, c->tls);
}

void
dial_hang_up(struct dial_client *c, bool reset)
{
	role_assume_lcore();
	if (c->tcp && reset)
		tcp_abort(d->tcp, c->tcp);
	else if (c->tcp)
		tcp_shutdown(d->tcp, c->tcp);
}

bool
dial_echo(struct dial_client *c)
{
	return dial_send(c, "\x10\x01\x00\x08\x00\x08\x00\x00", 8);
}

void
dial_down(uint32_t slot, unsigned len)
{
	struct frame f;
	frame_payload(&f, len - 28);
	frame_udp(&f, 4000, 5000);
	frame_ip4(&f, (struct frame_ip4){.src = BED_HOST, .dst = BED_POOL + slot, .proto = 17, .ttl = 60});
	frame_eth(&f, bed_mac(BED_CORE), bed_neighbour_mac(BED_ADJ_ROUTER), 100, 0x0800);
	bed_rx(1, &f);
}
