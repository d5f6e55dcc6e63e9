/* Congestion state: of fewer places than there are connections.  Who is at rest, with nothing of its own out, keeps it until
 * another needs it, and what it holds out of order is dropped then.  When all are needed, who wants to send waits in line
 * (LIST_EXT), who has had its turn lets go as soon as nothing of its is out, and who gets nothing acknowledged is reset. */
#include "conn.h"

#define STALE 16 /* of the line that have gone or need nothing, looked at in one go */

static void enter_idle(struct tcp *t, const struct tcp_conn *c) ON_LCORE;
static void leave_idle(struct tcp *t, struct tcp_ext *x) ON_LCORE;
static struct tcp_ext *give(struct tcp *t, struct tcp_conn *c) ON_LCORE;
static void serve(struct tcp *t) ON_LCORE;
static bool scarce(const struct tcp *t) ON_LCORE;

static bool
waited_for(const struct tcp *t)
{
	return t->list[LIST_EXT].first != NONE;
}

struct tcp_ext *
tcp_ext_first(struct tcp *t, struct tcp_conn *c)
{
	if (t->ext_free == NONE && t->ext_idle.first != NONE) {
		tcp_count(t, TCP_STAT_STATE_RECLAIMED);
		tcp_ext_release(t, &t->conns[t->exts[t->ext_idle.first].owner]);
	}
	if (c->ext != NONE) /* it was the first in line */
		return &t->exts[c->ext];
	return t->ext_free == NONE ? NULL : give(t, c);
}

static struct tcp_ext *
give(struct tcp *t, struct tcp_conn *c)
{
	uint32_t i = t->ext_free;
	struct tcp_ext *x = &t->exts[i];
	t->ext_free = x->link.next;
	t->use.active++;
	*x = (struct tcp_ext){.owner = tcp_index(t, c), .reo_mult = 1, .high_seq = c->snd_una, .tlp_end = c->snd_una};
	x->rack_fack = x->round_end = x->cwv_end = x->ecn_end = x->reo_end = c->snd_una;
	x->pace_us = t->now.us;
	x->ooo = NONE;
	x->since_ms = x->progress_ms = t->ms;
	x->min_rtt_us = c->srtt_us; /* until there is a better one */
	c->ext = i;
	tcp_cc_init(t, c);
	return x;
}

void
tcp_ext_wait(struct tcp *t, struct tcp_conn *c)
{
	if (c->link[LIST_EXT] == LINK_OFF)
		tcp_count(t, TCP_STAT_STATE_WAITS);
	tcp_list_add(t, LIST_EXT, c);
}

static bool
had_turn(const struct tcp *t, const struct tcp_ext *x)
{
	return t->ms - x->since_ms >= TCP_EXT_TURN_MS;
}

bool
tcp_ext_turn_over(const struct tcp *t, const struct tcp_conn *c)
{
	return waited_for(t) && c->ext != NONE && c->snd_una != c->snd_nxt && had_turn(t, &t->exts[c->ext]);
}

/* scarce: admission refuses for want of it, or somebody waits. */
static bool
scarce(const struct tcp *t)
{
	return waited_for(t) || !tcp_ext_admits(t);
}

bool
tcp_ext_admits(const struct tcp *t)
{
	return (uint64_t)(t->use.active - t->n_idle) * 10 < (uint64_t)t->start.limits.active * 9;
}

bool
tcp_ext_hogged(const struct tcp *t, const struct tcp_conn *c)
{
	return c->ext != NONE && c->snd_una != c->snd_nxt && t->ms - t->exts[c->ext].progress_ms >= TCP_EXT_HOG_MS &&
	       scarce(t);
}

static bool
holes(const struct tcp_ext *x)
{
	return x->ooo != NONE || x->fin_known;
}

static bool
about_to_send(const struct tcp_conn *c)
{
	return (c->unsent != NONE && c->link[LIST_OUT] != LINK_OFF) ||
	       (c->flags & CONN_WANTS && c->link[LIST_WANT] != LINK_OFF);
}

void
tcp_ext_settle(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (!x)
		return;
	if (c->snd_una != c->snd_nxt) {
		if (x->idle)
			leave_idle(t, x);
		return;
	}
	/* Holes keep it for the time of a turn, and what is new in them counts as use. */
	if (!waited_for(t) || (holes(x) && !had_turn(t, x))) {
		if (x->idle && holes(x))
			leave_idle(t, x);
		if (!x->idle)
			enter_idle(t, c);
		return;
	}
	/* What it sends next in its time it may; what is left after that goes to the end of the line. */
	if (about_to_send(c) && !had_turn(t, x))
		return;
	tcp_ext_release(t, c);
	tcp_send_poke(t, c);
}

static void
enter_idle(struct tcp *t, const struct tcp_conn *c)
{
	struct tcp_ext *x = &t->exts[c->ext];
	struct tcp_fifo *f = &t->ext_idle;
	x->link = (struct tcp_link){NONE, f->last};
	if (f->last == NONE)
		f->first = c->ext;
	else
		t->exts[f->last].link.next = c->ext;
	f->last = c->ext;
	x->idle = true;
	x->idle_ms = t->ms;
	t->n_idle++;
}

static void
leave_idle(struct tcp *t, struct tcp_ext *x)
{
	if (x->link.prev == NONE)
		t->ext_idle.first = x->link.next;
	else
		t->exts[x->link.prev].link.next = x->link.next;
	if (x->link.next == NONE)
		t->ext_idle.last = x->link.prev;
	else
		t->exts[x->link.next].link.prev = x->link.prev;
	x->idle = false;
	t->n_idle--;
}

void
tcp_ext_release(struct tcp *t, struct tcp_conn *c)
{
	struct tcp_ext *x = tcp_ext(t, c);
	if (!x)
		return;
	bool paced = c->flags & CONN_PACED;
	tcp_reass_until(t, c, c->rcv_nxt, DROP_TCP_REORDER); /* RFC 2018 8: it comes again */
	if (x->idle)
		leave_idle(t, x);
	wheel_del(&x->pace);
	c->flags &= ~(uint32_t)(CONN_PACED | CONN_DSACK);
	x->link.next = t->ext_free;
	t->ext_free = c->ext;
	t->use.active--;
	c->ext = NONE;
	if (paced && c->state != TCP_CLOSED)
		tcp_send_poke(t, c);
	serve(t);
}

/* serve: a place is free: the first in line that still has something to send gets it. */
static void
serve(struct tcp *t)
{
	for (unsigned looked = 0; looked < STALE && t->ext_free != NONE && waited_for(t); looked++) {
		struct tcp_conn *c = tcp_list_pop(t, LIST_EXT);
		if (c->state == TCP_CLOSED || c->ext != NONE || (c->unsent == NONE && !(c->flags & CONN_WANTS)))
			continue;
		give(t, c);
		tcp_list_add(t, LIST_OUT, c);
		if (c->flags & CONN_WANTS) /* to be asked again: nothing of its was sealed */
			tcp_list_add(t, LIST_WANT, c);
	}
}

/* tcp_ext_timers: those that have been at rest for long, in their order; for a turn, when others wait. */
void
tcp_ext_timers(struct tcp *t, unsigned quota)
{
	for (; quota && t->ext_idle.first != NONE; quota--) {
		const struct tcp_ext *x = &t->exts[t->ext_idle.first];
		if (t->ms - x->idle_ms < TCP_EXT_IDLE_MS && !(waited_for(t) && had_turn(t, x)))
			break;
		tcp_ext_release(t, &t->conns[x->owner]);
	}
	serve(t);
}
