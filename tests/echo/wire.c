#include "wire.h"

#include <stdio.h>

bool
wire_parse(const char *s, struct wire_conf *conf)
{
	char end;
	return sscanf(s, "%u,%u,%u%c", &conf->delay_ms, &conf->loss_percent, &conf->reorder_percent, &end) == 3;
}

/* percent: true so often; the same sequence in every run. */
static bool
percent(struct wire *w, unsigned of_100)
{
	w->seed = w->seed * 6364136223846793005u + 1442695040888963407u;
	return (w->seed >> 33) % 100 < of_100;
}

void
wire_put(struct wire *w, struct rte_mbuf *m, struct mono now)
{
	if (percent(w, w->conf.loss_percent) || w->tail - w->head == WIRE_PACKETS) {
		rte_pktmbuf_free(m);
		return;
	}
	if (w->head != w->tail && percent(w, w->conf.reorder_percent)) { /* to the front */
		unsigned at = --w->head % WIRE_PACKETS;
		w->late[at].m = m;
		w->late[at].due = now;
		return;
	}
	unsigned at = w->tail++ % WIRE_PACKETS;
	w->late[at].m = m;
	w->late[at].due = mono_add_us(now, w->conf.delay_ms * 1000);
}

struct rte_mbuf *
wire_get(struct wire *w, struct mono now)
{
	if (w->head == w->tail || w->late[w->head % WIRE_PACKETS].due.us > now.us)
		return NULL;
	return w->late[w->head++ % WIRE_PACKETS].m;
}
