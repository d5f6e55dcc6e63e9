/* Before there is a connection: listeners, half-open entries, sequence numbers. */
#include "conn.h"

#include "hash.h"

static void syn_new(struct tcp *t, const struct tcp_syn *wish) ON_LCORE;
static void syn_free(struct tcp *t, struct tcp_syn *y) ON_LCORE;
static void syn_queue(struct tcp *t, struct tcp_syn *y) ON_LCORE;
static void syn_unqueue(struct tcp *t, struct tcp_syn *y) ON_LCORE;
static enum drop syn_segment(struct tcp *t, struct tcp_syn *y, const struct segment *s) ON_LCORE;
static void establish(struct tcp *t, struct tcp_conn *c, const struct tcp_syn *y, const struct segment *s) ON_LCORE;

/* tcp_listen_segment: RFC 9293 3.10.7.1 and 3.10.7.2: nobody has this pair of sockets. */
void
tcp_listen_segment(struct tcp *t, struct segment *s)
{
	struct tcp_syn y;
	if (s->h.flags & TCP_F_RST) {
		tcp_drop(t, s->m, DROP_TCP_RST);
		return;
	}
	if (!tcp_listener(t, &s->id.local, s->id.local_port)) {
		tcp_reset_for(t, s);
		tcp_drop(t, s->m, DROP_TCP_PORT);
		return;
	}
	if (s->h.flags & TCP_F_ACK) {
		if (!(s->h.flags & TCP_F_SYN) && tcp_cookie_check(t, s, &y)) {
			struct tcp_conn *c = tcp_syn_establish(t, &y, s);
			if (c)
				tcp_conn_segment(t, c, s);
			else
				tcp_drop(t, s->m, DROP_TCP_ADMISSION);
			return;
		}
		tcp_reset_for(t, s);
		tcp_drop(t, s->m, DROP_TCP_ACK);
		return;
	}
	tcp_syn_accept(t, s, 0);
	rte_pktmbuf_free(s->m);
}

/* tcp_syn_accept: a SYN to a listener.  Work comes after admission: at 90 % of a pool it costs a look at four counters. */
void
tcp_syn_accept(struct tcp *t, const struct segment *s, uint32_t least_iss)
{
	uint32_t ts_offset;
	struct tcp_syn y = {.id = s->id, .hash = s->hash, .nh = s->nh, .flags = SYN_USED};
	if (!tcp_admit(t)) {
		t->start.drops[DROP_TCP_ADMISSION]++;
		return;
	}
	tcp_syn_wish(t, s, &y);
	y.irs = s->h.seq;
	y.ts_recent = s->h.opt.tsval;
	/* RFC 4987 3.6: state until half of the table is used, cookies beyond: a flood finds memory as it was. */
	if (t->use.half_open >= t->start.limits.half_open / 2) {
		tcp_cookie_answer(t, &y);
		return;
	}
	tcp_secrets(t, &y.id, &y.iss, &ts_offset);
	if (least_iss && seq_lt(y.iss, least_iss))
		y.iss = least_iss;
	syn_new(t, &y);
}

/* tcp_secrets: RFC 6528 3: ISN = M + F(addresses, ports, secret), M a clock of 4 us; and as much for time stamps (RFC 7323 5.4). */
void
tcp_secrets(const struct tcp *t, const struct tcp_tuple *id, uint32_t *iss, uint32_t *ts_offset)
{
	uint64_t word[5];
	tcp_tuple_words(id, word);
	uint64_t f = sip_hash(t->key_seq, word, 5, 2, 4);
	*iss = (uint32_t)f + (uint32_t)(t->now.us >> 2);
	*ts_offset = (uint32_t)(f >> 32);
}

void
tcp_syn_wish(const struct tcp *t, const struct segment *s, struct tcp_syn *y)
{
	const struct tcp_options *o = &s->h.opt;
	bool v4 = addr_is_v4(&s->id.local);
	uint16_t ours = (uint16_t)(t->start.limits.mtu - (v4 ? 40 : 60));
	/* RFC 9293 3.7.1 MUST-15, MUST-16 */
	y->mss = o->has_mss ? o->mss : v4 ? TCP_MSS_IP4 : TCP_MSS_IP6;
	if (y->mss > ours)
		y->mss = ours;
	if (y->mss < TCP_MSS_MIN + 12)
		y->mss = TCP_MSS_MIN + 12;
	y->ws = o->ws;
	y->flags |= (o->has_ws ? SYN_WS : 0) | (o->sack_ok ? SYN_SACK : 0) | (o->has_ts ? SYN_TS : 0);
	/* RFC 3168 6.1.1, and a SYN of RFC 9768, which has the AE flag as well: it falls back to this. */
	if (t->start.ecn && (s->h.flags & (TCP_F_ECE | TCP_F_CWR)) == (TCP_F_ECE | TCP_F_CWR))
		y->flags |= SYN_ECN;
}

static void
syn_new(struct tcp *t, const struct tcp_syn *wish)
{
	uint32_t i = t->syn_free;
	if (i == NONE)
		return;
	if (!tcp_table_add(t, wish->hash, t->start.limits.conns + i)) {
		t->start.drops[DROP_TCP_TABLE]++;
		return;
	}
	struct tcp_syn *y = &t->syns[i];
	t->syn_free = y->link.next;
	t->use.half_open++;
	*y = *wish;
	syn_queue(t, y);
	tcp_syn_answer(t, y);
}

static void
syn_free(struct tcp *t, struct tcp_syn *y)
{
	uint32_t i = (uint32_t)(y - t->syns);
	syn_unqueue(t, y);
	y->flags = 0;
	y->link.next = t->syn_free;
	t->syn_free = i;
	t->use.half_open--;
}

/* syn_queue: all that have made as many tries wait equally long, so each list is in order of its deadlines. */
static void
syn_queue(struct tcp *t, struct tcp_syn *y)
{
	struct tcp_fifo *f = &t->syn_due[y->tries];
	uint32_t i = (uint32_t)(y - t->syns);
	y->due_ms = tcp_in_ms(t, TCP_RTO_INIT_MS << y->tries);
	y->link = (struct tcp_link){NONE, f->last};
	if (f->last == NONE)
		f->first = i;
	else
		t->syns[f->last].link.next = i;
	f->last = i;
}

static void
syn_unqueue(struct tcp *t, struct tcp_syn *y)
{
	struct tcp_fifo *f = &t->syn_due[y->tries];
	if (y->link.prev == NONE)
		f->first = y->link.next;
	else
		t->syns[y->link.prev].link.next = y->link.next;
	if (y->link.next == NONE)
		f->last = y->link.prev;
	else
		t->syns[y->link.next].link.prev = y->link.prev;
}

/* tcp_our_ws: a shift that lets the bound be said, and 128 at least, so that a bound that is raised later can be. */
uint8_t
tcp_our_ws(const struct tcp *t)
{
	const struct tcp_limits *l = &t->start.limits;
	uint32_t most = l->rcv_max > l->rcv_bytes ? l->rcv_max : l->rcv_bytes;
	uint8_t ws = 7;
	while (ws < TCP_MAX_WS && most >> ws > UINT16_MAX)
		ws++;
	return ws;
}

static uint16_t
first_window(const struct tcp *t)
{
	uint32_t w = t->start.limits.rcv_bytes;
	return w < UINT16_MAX ? (uint16_t)w : UINT16_MAX; /* RFC 7323 2.2: not scaled in a SYN */
}

void
tcp_syn_answer(struct tcp *t, const struct tcp_syn *y)
{
	uint32_t iss, ts_offset;
	tcp_secrets(t, &y->id, &iss, &ts_offset);
	struct tcp_answer a = {
		.id = &y->id,
		.seq = y->iss,
		.ack = y->irs + 1,
		.nh = y->nh,
		.wnd = first_window(t),
		.flags = (uint8_t)(TCP_F_SYN | TCP_F_ACK | (y->flags & SYN_ECN ? TCP_F_ECE : 0)),
		.opt = {.mss = true, .ws = y->flags & SYN_WS, .sack_ok = y->flags & SYN_SACK, .ts = y->flags & SYN_TS},
	};
	a.opt.mss_value = (uint16_t)(t->start.limits.mtu - (addr_is_v4(&y->id.local) ? 40 : 60));
	a.opt.ws_value = tcp_our_ws(t);
	a.opt.tsval = y->flags & SYN_COOKIE ? y->cookie_ts : tcp_tsval(t, ts_offset);
	a.opt.tsecr = y->ts_recent;
	tcp_answer(t, &a);
}

/* tcp_syn_segment: RFC 9293 3.10.7.4 in SYN-RECEIVED. */
void
tcp_syn_segment(struct tcp *t, struct tcp_syn *y, struct segment *s)
{
	enum drop why = syn_segment(t, y, s);
	if (why != DROP_NONE) {
		tcp_drop(t, s->m, why);
		return;
	}
	if (!(s->h.flags & TCP_F_ACK) || (s->h.flags & (TCP_F_SYN | TCP_F_RST))) {
		rte_pktmbuf_free(s->m);
		return;
	}
	struct tcp_conn *c = tcp_syn_establish(t, y, s);
	if (c)
		tcp_conn_segment(t, c, s);
	else
		tcp_drop(t, s->m, DROP_TCP_ADMISSION);
}

static enum drop
syn_segment(struct tcp *t, struct tcp_syn *y, const struct segment *s)
{
	const struct tcp_header *h = &s->h;
	uint32_t rcv_nxt = y->irs + 1, edge = rcv_nxt + first_window(t);
	if ((h->flags & (TCP_F_SYN | TCP_F_ACK | TCP_F_RST)) == TCP_F_SYN && h->seq == y->irs) {
		tcp_syn_answer(t, y); /* sent again: the same answer */
		return DROP_NONE;
	}
	if (h->flags & TCP_F_RST) { /* RFC 5961 3.2 */
		if (h->seq != rcv_nxt)
			return DROP_TCP_RST;
		tcp_count(t, TCP_STAT_RESETS_IN);
		tcp_count(t, TCP_STAT_HALF_OPEN_LOST);
		tcp_table_del(t, y->hash, t->start.limits.conns + (uint32_t)(y - t->syns));
		syn_free(t, y);
		return DROP_NONE;
	}
	if (h->flags & TCP_F_SYN || seq_lt(h->seq, rcv_nxt) || seq_gt(h->seq, edge)) {
		/* RFC 5961 4.2: a peer that has begun anew answers this with a RST, which makes room for it. */
		struct tcp_answer a = {
			.id = &y->id, .seq = y->iss + 1, .ack = rcv_nxt, .nh = y->nh, .flags = TCP_F_ACK};
		uint32_t iss, ts_offset;
		tcp_secrets(t, &y->id, &iss, &ts_offset);
		a.wnd = first_window(t);
		a.opt.ts = y->flags & SYN_TS;
		a.opt.tsval = tcp_tsval(t, ts_offset);
		a.opt.tsecr = y->ts_recent;
		tcp_count(t, TCP_STAT_CHALLENGES);
		tcp_answer(t, &a);
		return h->flags & TCP_F_SYN ? DROP_TCP_SYN : DROP_TCP_SEQUENCE;
	}
	if (!(h->flags & TCP_F_ACK))
		return DROP_TCP_FLAGS;
	if (h->ack != y->iss + 1) {
		tcp_reset_for(t, s);
		return DROP_TCP_ACK;
	}
	return DROP_NONE;
}

/* tcp_syn_establish: the third step; of a table entry, or of a cookie (no entry).  NULL: no room, the entry stays. */
struct tcp_conn *
tcp_syn_establish(struct tcp *t, const struct tcp_syn *y, const struct segment *s)
{
	const struct tcp_limits *l = &t->start.limits;
	const struct tcp_listener *who = tcp_listener(t, &y->id.local, y->id.local_port);
	struct tcp_conn *c = who ? tcp_conn_new(t, &y->id, y->hash) : NULL;
	if (!c)
		return NULL;
	c->state = TCP_ESTABLISHED;
	if (y >= t->syns && y < t->syns + l->half_open) {
		struct tcp_syn *entry = &t->syns[y - t->syns];
		tcp_table_set(t, y->hash, l->conns + (uint32_t)(y - t->syns), tcp_index(t, c));
		establish(t, c, y, s);
		syn_free(t, entry);
	} else if (tcp_table_add(t, y->hash, tcp_index(t, c))) {
		establish(t, c, y, s);
	} else {
		t->start.drops[DROP_TCP_TABLE]++;
		tcp_conn_gone(t, c, TCP_GONE_ABORTED);
		return NULL;
	}
	tcp_count(t, TCP_STAT_OPENED_PASSIVE);
	tcp_conn_opened(t, c, who->user);
	return c;
}

static void
establish(struct tcp *t, struct tcp_conn *c, const struct tcp_syn *y, const struct segment *s)
{
	const struct tcp_options *o = &s->h.opt;
	uint32_t iss;
	tcp_secrets(t, &y->id, &iss, &c->ts_offset);
	c->snd_una = c->snd_nxt = c->snd_end = y->iss + 1;
	c->rcv_nxt = c->rcv_acked = y->irs + 1;
	c->rcv_edge = c->rcv_nxt + first_window(t);
	c->nh = y->nh;
	c->flags |= (y->flags & SYN_SACK ? CONN_SACK : 0) | (y->flags & SYN_TS ? CONN_TS : 0) |
		    (y->flags & SYN_WS ? CONN_WS : 0) | (y->flags & SYN_ECN ? CONN_ECN : 0);
	if (c->flags & CONN_WS) {
		c->snd_ws = y->ws;
		c->rcv_ws = tcp_our_ws(t);
	}
	c->snd_wnd = c->max_wnd = (uint32_t)s->h.wnd << c->snd_ws;
	c->snd_wl1 = s->h.seq;
	c->ts_recent = y->ts_recent;
	c->ts_recent_ms = t->ms;
	c->mss_max = y->mss;
	tcp_conn_mss(t, c, (uint16_t)(y->mss - (c->flags & CONN_TS ? 12 : 0)));
	c->cwnd = tcp_cc_initial(c);
	/* RFC 6298 2.2: the SYN-ACK's round trip, if it was sent once (a cookie's may have been sent more often). */
	uint32_t rtt_ms = tcp_tsval(t, c->ts_offset) - o->tsecr;
	if ((c->flags & CONN_TS) && o->has_ts && rtt_ms < TCP_RTO_MAX_MS && !y->tries && !(y->flags & SYN_COOKIE))
		tcp_rtt_sample(t, c, rtt_ms ? rtt_ms * 1000 : 500);
	tcp_timer_update(t, c);
}

/* tcp_syn_timers: the SYN-ACK again after 1, 2, 4, 8 s, then the entry goes. */
void
tcp_syn_timers(struct tcp *t, unsigned quota)
{
	for (unsigned tries = 0; tries < TCP_SYNACK_TRIES; tries++) {
		while (t->syn_due[tries].first != NONE && quota) {
			struct tcp_syn *y = &t->syns[t->syn_due[tries].first];
			if (seq_lt(t->ms, y->due_ms))
				break;
			quota--;
			if (tries + 1 == TCP_SYNACK_TRIES) {
				tcp_count(t, TCP_STAT_HALF_OPEN_LOST);
				tcp_table_del(t, y->hash, t->start.limits.conns + (uint32_t)(y - t->syns));
				syn_free(t, y);
				continue;
			}
			syn_unqueue(t, y);
			y->tries++;
			syn_queue(t, y);
			tcp_syn_answer(t, y);
		}
	}
}
