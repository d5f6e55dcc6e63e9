#include <dp/dp.h>

#include <string.h>

#include <rte_cycles.h>
#include <rte_mempool.h>

#include "state.h"
#include "tcp/tcp.h"

static const char *const stage_names[STAGE_COUNT] = {
#define STAGE(name, what) #name,
#include <dp/stage.def>
#undef STAGE
};

static const char *const stage_whats[STAGE_COUNT] = {
#define STAGE(name, what) what,
#include <dp/stage.def>
#undef STAGE
};

static const struct dp_tcp_counter tcp_counters[TCP_STAT_COUNT] = {
#define TCP_STAT(name, text) {#name, text, 0},
#include "tcp/stat.def"
#undef TCP_STAT
};

/* rd: a counter that its worker is writing: whole, of some moment. */
static uint64_t
rd(const uint64_t *p)
{
	return __atomic_load_n(p, __ATOMIC_RELAXED);
}

static const struct dp_session *
find(const struct dp *dp, uint64_t handle)
{
	unsigned w = handle_lcore(handle);
	uint32_t slot = handle_index(handle);
	if (w >= dp->n_workers || slot >= dp->lcores[w]->n_sessions)
		return NULL;
	const struct dp_session *s = &dp->lcores[w]->sessions[slot];
	return __atomic_load_n(&s->generation, __ATOMIC_RELAXED) == handle_generation(handle) ? s : NULL;
}

void
dp_session_counters(const struct dp *dp, uint64_t handle, struct dp_counters *out)
{
	const struct dp_session *s = find(dp, handle);
	*out = (struct dp_counters){0};
	if (!s)
		return;
	out->up_packets = rd(&s->up_packets);
	out->up_bytes = rd(&s->up_bytes);
	out->up_drops = rd(&s->up_drops);
	out->down_packets = rd(&s->down_packets);
	out->down_bytes = rd(&s->down_bytes);
	out->down_drops = rd(&s->down_drops);
}

struct mono
dp_session_last_packet(const struct dp *dp, uint64_t handle)
{
	const struct dp_session *s = find(dp, handle);
	if (!s)
		return (struct mono){0};
	int64_t up = __atomic_load_n(&s->last_up_us, __ATOMIC_RELAXED);
	int64_t down = __atomic_load_n(&s->last_down_us, __ATOMIC_RELAXED);
	return (struct mono){up > down ? up : down};
}

void
dp_drops(const struct dp *dp, uint64_t out[DROP_COUNT])
{
	for (unsigned d = 0; d < DROP_COUNT; d++) {
		out[d] = 0;
		for (unsigned w = 0; w < dp->n_workers; w++)
			out[d] += rd(&dp->lcores[w]->stats.drops[d]);
	}
}

void
dp_port_info(const struct dp *dp, unsigned port, struct dp_port_info *out)
{
	const struct port *p = &dp->ports[port];
	struct rte_eth_stats stats = {0};
	*out = (struct dp_port_info){.link_up = p->link_up, .speed_mbps = p->speed_mbps};
	memcpy(out->name, p->name, sizeof out->name);
	memcpy(out->device, p->device, sizeof out->device);
	memcpy(out->driver, p->driver, sizeof out->driver);
	memcpy(out->mac, p->mac.addr_bytes, sizeof out->mac);
	out->tx_ip4_checksum = p->tx_ip4_checksum;
	out->tx_udp_checksum = p->tx_udp_checksum;
	out->rx_ip4_checksum = p->rx_ip4_checksum;
	rte_eth_stats_get(p->id, &stats);
	out->rx_packets = stats.ipackets;
	out->rx_bytes = stats.ibytes;
	out->rx_missed = stats.imissed;
	out->rx_errors = stats.ierrors;
	out->rx_no_mbuf = stats.rx_nombuf;
	out->tx_packets = stats.opackets;
	out->tx_bytes = stats.obytes;
	out->tx_errors = stats.oerrors;
}

unsigned
dp_stages(void)
{
	return STAGE_COUNT;
}

void
dp_stage_info(const struct dp *dp, unsigned stage, struct dp_stage_info *out)
{
	*out = (struct dp_stage_info){.name = stage_names[stage], .what = stage_whats[stage]};
	for (unsigned w = 0; w < dp->n_workers; w++) {
		const struct lcore_stats *s = &dp->lcores[w]->stats;
		out->calls += rd(&s->stage[stage].calls);
		out->packets += rd(&s->stage[stage].packets);
		out->cycles += rd(&s->stage[stage].cycles);
	}
}

unsigned
dp_tcp_counters(void)
{
	return TCP_STAT_COUNT;
}

void
dp_tcp_counter(const struct dp *dp, unsigned i, struct dp_tcp_counter *out)
{
	*out = tcp_counters[i];
	for (unsigned w = 0; w < dp->n_workers; w++)
		if (dp->lcores[w]->tcp)
			out->count += rd(&tcp_stats(dp->lcores[w]->tcp)[i]);
}

void
dp_core_info(const struct dp *dp, unsigned lcore, struct dp_core_info *out)
{
	const struct lcore *lc = dp->lcores[lcore];
	*out = (struct dp_core_info){
		.cpu = dp->cpu[lcore],
		.loops = rd(&lc->stats.loops),
		.busy_loops = rd(&lc->stats.busy_loops),
		.naps = rd(&lc->stats.naps),
		.messages_in = rd(&lc->stats.messages_in),
		.messages_out = rd(&lc->stats.messages_out),
		.messages_refused = rd(&lc->stats.messages_refused),
		.messages_held_back = rd(&lc->stats.messages_held_back),
		.messages_stale = rd(&lc->stats.messages_stale),
		.sessions = __atomic_load_n(&lc->stats.sessions, __ATOMIC_RELAXED),
		.mbufs_total = lc->pool->size,
		.mbufs_in_use = rte_mempool_in_use_count(lc->pool), /* reads lengths, takes nothing */
		.tsc_hz = rte_get_tsc_hz(),
	};
}
