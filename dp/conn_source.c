/* conn_source.c - what one source may have of the connections that are being set up (source.h). */
#include "conn.h"

bool
conn_may_begin(struct lcore *lc, const struct tcp_opened *o)
{
	struct conns *cs = lc->conns;
	bool proxied = o->user >> 16 & 0xff, tls = (uint8_t)(o->user >> 8) != DP_TLS_NONE;
	if (proxied || !tls || !source_too_many(&cs->sources, source_place(&cs->sources, &o->peer), cs->in_use, cs->n))
		return true;
	lc->stats.drops[DROP_CONN_SOURCE]++;
	return false;
}

void
conn_count(struct conns *cs, struct conn *c, const struct addr *source)
{
	c->source = source_place(&cs->sources, source);
	c->counted = true;
	cs->sources.n[c->source]++;
}

void
conn_uncount(struct conns *cs, struct conn *c)
{
	cs->sources.n[c->source] -= c->counted;
	c->counted = false;
}
