/* conn_find.c - a connection by its handle, or its session. */
#include "conn.h"

uint64_t
conn_handle_of(const struct lcore *lc, const struct conn *c)
{
	return handle_make(lc->index, (uint32_t)(c - lc->conns->conn), c->generation);
}

struct conn *
conn_find(struct lcore *lc, uint64_t handle)
{
	struct conns *cs = lc->conns;
	uint32_t i = handle_index(handle);
	struct conn *c = cs && i < cs->n ? &cs->conn[i] : NULL;
	return c && c->state != CONN_FREE && c->generation == handle_generation(handle) ? c : NULL;
}

struct conn *
conn_of(struct lcore *lc, const struct dp_session *s)
{
	struct conn *c = lc->conns && s->conn < lc->conns->n ? &lc->conns->conn[s->conn] : NULL;
	return c && c->slot == (uint32_t)(s - lc->sessions) && c->state == CONN_PACKETS ? c : NULL;
}
