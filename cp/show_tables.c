/* show_tables.c - drops, ports, stages, tunnels and pools: one row of one table a step. */
#include <inttypes.h>
#include <stdio.h>

#include "show.h"

const struct cli_column drops_columns[N_DROP_COLUMNS] = {
	{"reason", CLI_STRING, true}, {"packets", CLI_INTEGER, true}, {"blame", CLI_STRING, true},
	{"stage", CLI_STRING, false}, {"text", CLI_STRING, true},
};

/* Reasons that have not occurred are left out, so that what is wrong can be seen. */
enum cli_step
show_drops(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	uint64_t counts[DROP_COUNT];
	enum drop d = (enum drop)(++call->cursor);
	if (d >= DROP_COUNT || !cp->real_dp)
		return CLI_DONE;
	dp_drops(cp->real_dp, counts);
	const struct drop_row *row = drop_row(d);
	if (counts[d])
		cli_row(call, (struct cli_value[]){cli_string(row->name), cli_integer((int64_t)counts[d]),
						   cli_string(drop_blame_name(row->blame)), cli_string(row->stage),
						   cli_string(row->text)});
	return CLI_MORE;
}

const struct cli_column ports_columns[N_PORT_COLUMNS] = {
	{"name", CLI_STRING, true},           {"link", CLI_STRING, true},
	{"speed-mbps", CLI_INTEGER, true},    {"rx-packets", CLI_INTEGER, true},
	{"rx-bytes", CLI_BYTES, true},        {"rx-missed", CLI_INTEGER, true},
	{"rx-errors", CLI_INTEGER, true},     {"rx-no-mbuf", CLI_INTEGER, true},
	{"tx-packets", CLI_INTEGER, true},    {"tx-bytes", CLI_BYTES, true},
	{"tx-errors", CLI_INTEGER, true},     {"driver", CLI_STRING, false},
	{"device", CLI_STRING, false},        {"mac", CLI_STRING, false},
	{"tx-ip4-checksum", CLI_BOOL, false}, {"tx-udp-checksum", CLI_BOOL, false},
	{"rx-ip4-checksum", CLI_BOOL, false}, {"index", CLI_INTEGER, false},
};

enum cli_step
show_ports(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	unsigned i = (unsigned)call->cursor++;
	struct dp_port_info p;
	char mac[18];
	if (!cp->real_dp || i >= dp_ports(cp->real_dp))
		return CLI_DONE;
	dp_port_info(cp->real_dp, i, &p);
	snprintf(mac, sizeof mac, "%02x:%02x:%02x:%02x:%02x:%02x", p.mac[0], p.mac[1], p.mac[2], p.mac[3], p.mac[4],
		 p.mac[5]);
	cli_row(call, (struct cli_value[]){cli_string(p.name), cli_string(p.link_up ? "up" : "down"),
					   cli_integer(p.speed_mbps), cli_integer((int64_t)p.rx_packets),
					   cli_bytes(p.rx_bytes), cli_integer((int64_t)p.rx_missed),
					   cli_integer((int64_t)p.rx_errors), cli_integer((int64_t)p.rx_no_mbuf),
					   cli_integer((int64_t)p.tx_packets), cli_bytes(p.tx_bytes),
					   cli_integer((int64_t)p.tx_errors), cli_string(p.driver),
					   cli_string(p.device), cli_string(mac), cli_bool(p.tx_ip4_checksum),
					   cli_bool(p.tx_udp_checksum), cli_bool(p.rx_ip4_checksum), cli_integer(i)});
	return CLI_MORE;
}

const struct cli_column stages_columns[N_STAGE_COLUMNS] = {
	{"stage", CLI_STRING, true},           {"calls", CLI_INTEGER, true}, {"packets", CLI_INTEGER, true},
	{"cycles-per-packet", CLI_REAL, true}, {"what", CLI_STRING, true},
};

enum cli_step
show_stages(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	unsigned i = (unsigned)call->cursor++;
	struct dp_stage_info s;
	if (!cp->real_dp || i >= dp_stages())
		return CLI_DONE;
	dp_stage_info(cp->real_dp, i, &s);
	bool measured = s.cycles && s.packets;
	cli_row(call,
		(struct cli_value[]){cli_string(s.name), cli_integer((int64_t)s.calls), cli_integer((int64_t)s.packets),
				     measured ? cli_real((double)s.cycles / (double)s.packets) : cli_none(),
				     cli_string(s.what)});
	return CLI_MORE;
}

const struct cli_column tunnels_columns[N_TUNNEL_COLUMNS] = {
	{"protocol", CLI_STRING, true},       {"id", CLI_INTEGER, true},
	{"name", CLI_STRING, true},           {"peer-id", CLI_INTEGER, true},
	{"peer-name", CLI_STRING, true},      {"state", CLI_STRING, true},
	{"address", CLI_STRING, true},        {"port", CLI_INTEGER, true},
	{"sessions", CLI_INTEGER, true},      {"last-change", CLI_DURATION, true},
	{"local-address", CLI_STRING, false}, {"peer-vendor", CLI_STRING, false},
};

static enum cli_step show_pptp_tunnels(struct cp *cp, struct cli_call *call) ON_MAIN;

/* The cursor is the id last shown: L2TP's, then PPTP's, which are greater. */
enum cli_step
show_tunnels(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	const struct l2tp_tunnel *t =
		call->cursor < PPTP_FIRST_ID ? l2tp_tunnel_next(cp->l2tp, (uint16_t)call->cursor) : NULL;
	char peer[ADDR_STRLEN], local[ADDR_STRLEN];
	if (!t)
		return show_pptp_tunnels(cp, call);
	call->cursor = t->our_tid;
	cli_row(call, (struct cli_value[]){cli_string("l2tp"), cli_integer(t->our_tid),
					   cli_string(cp->conf->l2tp.host_name), cli_integer(t->peer_tid),
					   cli_string(t->peer_name), cli_string(l2tp_tunnel_state_name(t->state)),
					   cli_string(addr_str(&t->path.peer, peer)), cli_integer(t->path.peer_port),
					   cli_integer(t->calls),
					   cli_duration(mono_since_us(call->now, t->changed) / 1000000),
					   cli_string(addr_str(&t->path.local, local)), cli_string(t->peer_vendor)});
	return CLI_MORE;
}

/* A PPTP peer has no number for its control connection. */
static enum cli_step
show_pptp_tunnels(struct cp *cp, struct cli_call *call)
{
	const struct pptp_conn *c = cp->pptp ? pptp_next_conn(cp->pptp, call->cursor) : NULL;
	char peer[ADDR_STRLEN], local[ADDR_STRLEN];
	if (!c)
		return CLI_DONE;
	call->cursor = c->id;
	cli_row(call, (struct cli_value[]){
			      cli_string("pptp"), cli_integer((int64_t)c->id), cli_string(cp->conf->pptp.host_name),
			      cli_none(), cli_string(c->peer_name), cli_string(pptp_conn_state_name(c->state)),
			      cli_string(addr_str(&c->info.peer, peer)), cli_integer(c->info.peer_port),
			      cli_integer(c->n_calls), cli_duration(mono_since_us(call->now, c->changed) / 1000000),
			      cli_string(addr_str(&c->info.local, local)), cli_string(c->peer_vendor)});
	return CLI_MORE;
}

const struct cli_column pools_columns[N_POOL_COLUMNS] = {
	{"name", CLI_STRING, true},  {"total", CLI_INTEGER, true},    {"used", CLI_INTEGER, true},
	{"free", CLI_INTEGER, true}, {"reserved", CLI_INTEGER, true}, {"next-pool", CLI_STRING, true},
};

enum cli_step
show_pools(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	unsigned i = (unsigned)call->cursor++;
	if (i >= pool4_set_size(cp->pools))
		return CLI_DONE;
	struct pool4_counts c = pool4_counts(cp->pools, i);
	int next = pool4_next(cp->pools, i);
	cli_row(call, (struct cli_value[]){cli_string(pool4_name(cp->pools, i)), cli_integer(c.total),
					   cli_integer(c.lent), cli_integer(c.free), cli_integer(c.reserved),
					   next >= 0 ? cli_string(pool4_name(cp->pools, (unsigned)next)) : cli_none()});
	return CLI_MORE;
}
