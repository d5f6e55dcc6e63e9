#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dp_link.h"
#include "show.h"

#define NAME_MAX_LEN 32 /* of a counter */

static void sessions_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void pools_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void ppp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void l2tp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void pptp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void sstp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void tcp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void arp_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void dataplane_section(struct cli_call *call, const struct cp *cp) ON_MAIN;
static void core_items(struct cli_call *call, const struct dp_core_info *c) ON_MAIN;
static void causes_section(struct cli_call *call, const char *name, const uint64_t counts[CAUSE_COUNT]) ON_MAIN;
static void count(struct cli_call *call, const char *name, uint64_t n) ON_MAIN;
static const char *dashed(char out[NAME_MAX_LEN], const char *name) ON_MAIN;
static uint64_t resident_bytes(void) ON_MAIN;

enum cli_step
show_statistics(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	cli_item(call, "version", cli_string(MILLRACE_VERSION));
	cli_item(call, "uptime", cli_duration(mono_since_us(call->now, cp->started) / 1000000));
	cli_item(call, "memory", cli_bytes(resident_bytes()));
	cli_item(call, "accepting-calls", cli_bool(!cp->refusing && !cp->maintenance && !cp->shutting_down));
	sessions_section(call, cp);
	pools_section(call, cp);
	ppp_section(call, cp);
	l2tp_section(call, cp);
	pptp_section(call, cp);
	sstp_section(call, cp);
	tcp_section(call, cp);
	arp_section(call, cp);
	dataplane_section(call, cp);
	count(call, "log-lines-lost", log_lost(cp->log));
	return CLI_DONE;
}

/* What the process occupies; 0 when /proc is not there. */
static uint64_t
resident_bytes(void)
{
	unsigned long pages = 0;
	FILE *f = fopen("/proc/self/statm", "re");
	if (f && fscanf(f, "%*u %lu", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Of one protocol, in the words of accel-ppp: `show l2tp-server statistics`. */
enum cli_step
show_server_statistics(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	enum conf_protocol p = show_server_of(call);
	const struct cp_counts *c = &cp->counts[p];
	if (!conf_enabled(cp->conf, p))
		return cli_fail(call, "the configuration has no %s", show_types[p]);
	cli_item(call, "uptime", cli_duration(mono_since_us(call->now, cp->started) / 1000000));
	cli_item(call, "memory", cli_bytes(resident_bytes()));
	cli_section(call, "sessions");
	count(call, "starting", c->starting);
	count(call, "active", c->active);
	count(call, "finishing", c->finishing);
	cli_end(call);
	if (p == CONF_L2TP)
		l2tp_section(call, cp);
	if (p == CONF_PPTP)
		pptp_section(call, cp);
	if (p == CONF_SSTP)
		sstp_section(call, cp);
	return CLI_DONE;
}

static void
count(struct cli_call *call, const char *name, uint64_t n)
{
	cli_item(call, name, cli_integer((int64_t)n));
}

/* Connections refused for their source's sake. */
static uint64_t
over_limit(const struct cp *cp)
{
	uint64_t n = 0;
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++)
		n += cp->connlimit[p].refused;
	return n;
}

static void
sessions_section(struct cli_call *call, const struct cp *cp)
{
	cli_section(call, "sessions");
	count(call, "starting", cp->starting);
	count(call, "active", cp->active);
	count(call, "finishing", cp->finishing);
	count(call, "started", cp->stats.sessions_started);
	count(call, "ended", cp->stats.sessions_ended);
	count(call, "calls-refused", cp->stats.calls_refused);
	count(call, "connections-over-limit", over_limit(cp));
	count(call, "auth-ok", cp->stats.auth_ok);
	count(call, "auth-failed", cp->stats.auth_failed);
	causes_section(call, "ended-by-cause", cp->stats.ended);
	cli_section(call, "slots");
	uint32_t total = 0, used = 0;
	for (unsigned i = 0; i < cp->dp->n_workers; i++) {
		total += cp->slots[i].n_usable;
		used += cp->slots[i].in_use;
	}
	count(call, "total", total);
	count(call, "used", used);
	cli_end(call);
	cli_end(call);
}

/* What has not occurred is left out. */
static void
causes_section(struct cli_call *call, const char *name, const uint64_t counts[CAUSE_COUNT])
{
	cli_section(call, name);
	for (unsigned c = 0; c < CAUSE_COUNT; c++)
		if (counts[c])
			count(call, cause_row((enum cause)c)->name, counts[c]);
	cli_end(call);
}

static void
pools_section(struct cli_call *call, const struct cp *cp)
{
	cli_list(call, "pools");
	for (unsigned i = 0; i < pool4_set_size(cp->pools); i++) {
		struct pool4_counts c = pool4_counts(cp->pools, i);
		cli_section(call, NULL);
		cli_item(call, "name", cli_string(pool4_name(cp->pools, i)));
		count(call, "total", c.total);
		count(call, "used", c.lent);
		count(call, "free", c.free);
		count(call, "reserved", c.reserved);
		cli_end(call);
	}
	cli_end(call);
}

/* dashed: a counter's name as all of them are shown. */
static const char *
dashed(char out[NAME_MAX_LEN], const char *name)
{
	unsigned i;
	for (i = 0; name[i] && i + 1 < NAME_MAX_LEN; i++)
		out[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	out[i] = '\0';
	return out;
}

static void
ppp_section(struct cli_call *call, const struct cp *cp)
{
	static const struct {
		const char *name;
		size_t offset;
	} rows[] = {
#define PPP_STAT(n, t) {#n, offsetof(struct ppp_stats, n)},
#include "ppp/stats.def"
#undef PPP_STAT
	};
	cli_section(call, "ppp");
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
		char name[NAME_MAX_LEN];
		count(call, dashed(name, rows[i].name),
		      *(const uint64_t *)(const void *)((const char *)&cp->ppp_stats + rows[i].offset));
	}
	cli_end(call);
}

static void
l2tp_section(struct cli_call *call, const struct cp *cp)
{
	const uint64_t *stats = l2tp_stats(cp->l2tp);
	cli_section(call, "l2tp");
	for (unsigned i = 0; i < L2TP_STAT_COUNT; i++)
		count(call, l2tp_stat_row(i)->name, stats[i]);
	count(call, "objects-held", l2tp_memory(cp->l2tp));
	causes_section(call, "tunnels-ended-by-cause", cp->stats.tunnels_ended);
	causes_section(call, "refused-by-cause", cp->stats.refused);
	cli_end(call);
}

static void
pptp_section(struct cli_call *call, const struct cp *cp)
{
	if (!cp->pptp)
		return;
	const struct pptp_stats *s = pptp_stats(cp->pptp);
	cli_section(call, "pptp");
	count(call, "connections", s->conns);
	count(call, "connections-accepted", s->accepted);
	count(call, "connections-refused", s->refused);
	count(call, "calls", s->calls);
	count(call, "calls-up", s->calls_up);
	count(call, "echo-requests-sent", s->echo_sent);
	count(call, "echo-requests-lost", s->echo_lost);
	count(call, "messages-unknown", s->unknown);
	count(call, "messages-broken", s->broken);
	count(call, "messages-unexpected", s->unexpected);
	count(call, "wan-errors", s->wan_errors);
	cli_end(call);
}

static void
sstp_section(struct cli_call *call, const struct cp *cp)
{
	if (!cp->sstp)
		return;
	const uint64_t *stats = sstp_stats(cp->sstp);
	cli_section(call, "sstp");
	for (unsigned i = 0; i < SSTP_STAT_COUNT; i++)
		count(call, sstp_stat_row(i)->name, stats[i]);
	cli_end(call);
}

/* Of SSTP's connections and of PPTP's. */
static void
tcp_section(struct cli_call *call, const struct cp *cp)
{
	if (!cp->real_dp)
		return;
	cli_section(call, "tcp");
	for (unsigned i = 0; i < dp_tcp_counters(); i++) {
		struct dp_tcp_counter c;
		char name[NAME_MAX_LEN];
		dp_tcp_counter(cp->real_dp, i, &c);
		count(call, dashed(name, c.name), c.count);
	}
	cli_end(call);
}

static void
arp_section(struct cli_call *call, const struct cp *cp)
{
	cli_section(call, "arp");
	count(call, "neighbours", cp->neigh.n);
	count(call, "requests-sent", cp->neigh.requests_sent);
	count(call, "replies-sent", cp->neigh.replies_sent);
	count(call, "malformed", cp->neigh.malformed);
	count(call, "refused", cp->neigh.refused);
	count(call, "evicted", cp->neigh.evicted);
	cli_end(call);
}

static void
dataplane_section(struct cli_call *call, const struct cp *cp)
{
	uint64_t drops[DROP_COUNT], sum = 0;
	if (!cp->real_dp)
		return;
	dp_drops(cp->real_dp, drops);
	for (unsigned i = 1; i < DROP_COUNT; i++)
		sum += drops[i];
	cli_section(call, "dataplane");
	count(call, "drops", sum);
	count(call, "messages", cp->stats.messages);
	count(call, "messages-unknown", cp->stats.messages_unknown);
	count(call, "messages-stale", cp->stats.punts_stale);
	count(call, "messages-waiting", dp_link_waiting(cp->link));
	count(call, "frames-lost", cp->link->frames_lost);
	cli_list(call, "cores");
	for (unsigned i = 0; i < dp_workers(cp->real_dp); i++) {
		struct dp_core_info c;
		dp_core_info(cp->real_dp, i, &c);
		cli_section(call, NULL);
		core_items(call, &c);
		cli_end(call);
	}
	cli_end(call);
	cli_end(call);
}

static void
core_items(struct cli_call *call, const struct dp_core_info *c)
{
	count(call, "cpu", c->cpu);
	count(call, "sessions", c->sessions);
	count(call, "loops", c->loops);
	count(call, "busy-loops", c->busy_loops);
	count(call, "naps", c->naps);
	count(call, "messages-in", c->messages_in);
	count(call, "messages-out", c->messages_out);
	count(call, "messages-refused", c->messages_refused);
	count(call, "messages-held-back", c->messages_held_back);
	count(call, "mbufs-total", c->mbufs_total);
	count(call, "mbufs-in-use", c->mbufs_in_use);
}
