#include <inttypes.h>
#include <stdio.h>

#include "show.h"

#define LOOK 64 /* slots that one step looks at */

const char *const show_types[CONF_PROTOCOLS] = {[CONF_L2TP] = "l2tp", [CONF_SSTP] = "sstp", [CONF_PPTP] = "pptp"};

const struct cli_column session_columns[N_SESSION_COLUMNS] = {
	[COL_IFNAME] = {"ifname", CLI_STRING, true},
	[COL_USERNAME] = {"username", CLI_STRING, true},
	[COL_CALLING_SID] = {"calling-sid", CLI_STRING, true},
	[COL_CALLED_SID] = {"called-sid", CLI_STRING, false},
	[COL_IP] = {"ip", CLI_STRING, true},
	[COL_IP6] = {"ip6", CLI_STRING, false},
	[COL_IP6_DP] = {"ip6-dp", CLI_STRING, false},
	[COL_RATE_LIMIT] = {"rate-limit", CLI_STRING, false},
	[COL_TYPE] = {"type", CLI_STRING, true},
	[COL_STATE] = {"state", CLI_STRING, true},
	[COL_UPTIME] = {"uptime", CLI_DURATION, true},
	[COL_UPTIME_RAW] = {"uptime-raw", CLI_INTEGER, false},
	[COL_RX_BYTES] = {"rx-bytes", CLI_BYTES, true},
	[COL_TX_BYTES] = {"tx-bytes", CLI_BYTES, true},
	[COL_RX_BYTES_RAW] = {"rx-bytes-raw", CLI_INTEGER, false},
	[COL_TX_BYTES_RAW] = {"tx-bytes-raw", CLI_INTEGER, false},
	[COL_RX_PKTS] = {"rx-pkts", CLI_INTEGER, false},
	[COL_TX_PKTS] = {"tx-pkts", CLI_INTEGER, false},
	[COL_RX_DROPS] = {"rx-drops", CLI_INTEGER, false},
	[COL_TX_DROPS] = {"tx-drops", CLI_INTEGER, false},
	[COL_SID] = {"sid", CLI_STRING, false},
	[COL_POOL] = {"pool", CLI_STRING, false},
	[COL_AUTH] = {"auth", CLI_STRING, false},
	[COL_MTU] = {"mtu", CLI_INTEGER, false},
	[COL_MRU] = {"mru", CLI_INTEGER, false},
	[COL_PEER] = {"peer", CLI_STRING, false},
	[COL_COMP] = {"comp", CLI_STRING, false},
	[COL_ENCODING] = {"encoding", CLI_STRING, false},
};

static const char *encoding(const struct session *s, char *buf, size_t size) ON_MAIN;

void
show_session_row(const struct session *s, struct mono now, struct cli_value row[N_SESSION_COLUMNS],
		 struct session_strings *t)
{
	struct dp_counters c;
	struct addr ip = addr_from_ip4(s->ip4);
	char peer[ADDR_STRLEN];
	session_counters(s, &c);
	snprintf(t->sid, sizeof t->sid, "%016" PRIx64, s->sid);
	snprintf(t->peer, sizeof t->peer, "%s:%u", addr_str(&s->info.peer, peer), s->info.peer_port);
	bool has_ppp = s->dp_known;
	row[COL_IFNAME] = cli_string(s->ifname);
	row[COL_USERNAME] = cli_string(s->username);
	row[COL_CALLING_SID] = cli_string(s->calling);
	row[COL_CALLED_SID] = cli_string(s->called);
	row[COL_IP] = s->ip4 ? cli_string(addr_str(&ip, t->ip)) : cli_none();
	row[COL_IP6] = row[COL_IP6_DP] = cli_none();
	row[COL_RATE_LIMIT] = cli_string(show_rate(s->profile.down_kbps, s->profile.up_kbps, t->rate, sizeof t->rate));
	row[COL_TYPE] = cli_string(show_types[s->protocol]);
	row[COL_STATE] = cli_string(session_state_name(s));
	int64_t uptime_s = mono_since_us(now, s->active_since) / 1000000;
	row[COL_UPTIME] = s->was_active ? cli_duration(uptime_s) : cli_none();
	row[COL_UPTIME_RAW] = s->was_active ? cli_integer(uptime_s) : cli_none();
	row[COL_RX_BYTES] = cli_bytes(c.up_bytes);
	row[COL_TX_BYTES] = cli_bytes(c.down_bytes);
	row[COL_RX_BYTES_RAW] = cli_integer((int64_t)c.up_bytes);
	row[COL_TX_BYTES_RAW] = cli_integer((int64_t)c.down_bytes);
	row[COL_RX_PKTS] = cli_integer((int64_t)c.up_packets);
	row[COL_TX_PKTS] = cli_integer((int64_t)c.down_packets);
	row[COL_RX_DROPS] = cli_integer((int64_t)c.up_drops);
	row[COL_TX_DROPS] = cli_integer((int64_t)c.down_drops);
	row[COL_SID] = cli_string(t->sid);
	row[COL_POOL] = s->pool >= 0 ? cli_string(pool4_name(s->cp->pools, (unsigned)s->pool)) : cli_none();
	row[COL_AUTH] = s->authenticated ? cli_string(ppp_auth_name(s->auth_method)) : cli_none();
	row[COL_MTU] = has_ppp ? cli_integer(ppp_mtu(&s->ppp)) : cli_none();
	row[COL_MRU] = has_ppp ? cli_integer(s->ppp.opt.our_mru) : cli_none();
	row[COL_PEER] = cli_string(t->peer);
	bool encrypts = has_ppp && s->ppp.mppe.told_bits[0];
	row[COL_COMP] = encrypts ? cli_string("mppe") : cli_none();
	row[COL_ENCODING] = encrypts ? cli_string(encoding(s, t->encoding, sizeof t->encoding)) : cli_none();
}

/* As RouterOS says it, what we send first when the directions differ. */
static const char *
encoding(const struct session *s, char *buf, size_t size)
{
	const struct ppp_ccp *c = &s->ppp.mppe;
	bool same = c->told_bits[0] == c->told_bits[1] && c->told_stateless[0] == c->told_stateless[1];
	int n = snprintf(buf, size, "MPPE%u %s", c->told_bits[0], c->told_stateless[0] ? "stateless" : "stateful");
	if (!same && c->told_bits[1])
		snprintf(buf + n, size - (size_t)n, " / MPPE%u %s", c->told_bits[1],
			 c->told_stateless[1] ? "stateless" : "stateful");
	return buf;
}

enum cli_step
show_sessions(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	struct cli_value row[N_SESSION_COLUMNS];
	struct session_strings strings;
	struct session *s = session_next(cp, &call->cursor, LOOK);
	if (!s)
		return session_last(cp, call->cursor) ? CLI_DONE : CLI_MORE;
	show_session_row(s, call->now, row, &strings);
	cli_row(call, row);
	return CLI_MORE;
}

/* Of one protocol: `show l2tp-server sessions`. */
enum cli_step
show_server_sessions(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	struct cli_value row[N_SESSION_COLUMNS];
	struct session_strings strings;
	struct session *s = session_next(cp, &call->cursor, LOOK);
	if (!s)
		return session_last(cp, call->cursor) ? CLI_DONE : CLI_MORE;
	if (s->protocol != show_server_of(call))
		return CLI_MORE;
	show_session_row(s, call->now, row, &strings);
	cli_row(call, row);
	return CLI_MORE;
}

enum conf_protocol
show_server_of(const struct cli_call *call)
{
	return cli_given(call, "sstp-server") ? CONF_SSTP : cli_given(call, "pptp-server") ? CONF_PPTP : CONF_L2TP;
}

const char *
show_rate(uint32_t down_kbps, uint32_t up_kbps, char *buf, size_t n)
{
	snprintf(buf, n, "%u/%u", down_kbps, up_kbps);
	return down_kbps || up_kbps ? buf : NULL;
}

enum cli_step
show_sessions_summary(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	for (unsigned p = 0; p < CONF_PROTOCOLS; p++) {
		const struct cp_counts *c = &cp->counts[p];
		if (!conf_enabled(cp->conf, p))
			continue;
		cli_section(call, show_types[p]);
		cli_item(call, "starting", cli_integer(c->starting));
		cli_item(call, "active", cli_integer(c->active));
		cli_item(call, "finishing", cli_integer(c->finishing));
		cli_end(call);
	}
	cli_item(call, "total", cli_integer(cp_sessions(cp)));
	return CLI_DONE;
}
