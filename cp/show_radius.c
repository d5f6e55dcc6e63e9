/* show_radius.c - `show radius`: a row for each port of each server, then what CoA and accounting have to say. */
#include <stdio.h>

#include "aaa/acct.h"
#include "show.h"

const struct cli_column radius_columns[N_RADIUS_COLUMNS] = {
	{"server", CLI_STRING, true},        {"port", CLI_INTEGER, true},
	{"role", CLI_STRING, true},          {"state", CLI_STRING, true},
	{"sent", CLI_INTEGER, true},         {"resent", CLI_INTEGER, true},
	{"answered", CLI_INTEGER, true},     {"lost", CLI_INTEGER, true},
	{"refused", CLI_INTEGER, true},      {"outstanding", CLI_INTEGER, true},
	{"waiting", CLI_INTEGER, true},      {"average-us", CLI_INTEGER, true},
	{"p99-us", CLI_INTEGER, true},       {"deaths", CLI_INTEGER, false},
	{"probes", CLI_INTEGER, false},      {"probes-answered", CLI_INTEGER, false},
	{"last-refusal", CLI_STRING, false},
};

static void server_row(const struct aaa *a, unsigned server, enum radius_role role, struct cli_call *call) ON_MAIN;
static void listener_row(const struct aaa *a, struct cli_call *call) ON_MAIN;
static uint64_t sum(const uint64_t *refused, const char **most);

enum cli_step
show_radius(void *context, struct cli_call *call)
{
	const struct aaa *a = ((struct cp *)context)->aaa;
	unsigned i = (unsigned)call->cursor++;

	unsigned n = a ? radius_client_servers(a->client) * RADIUS_ROLES : 0;

	if (!a || i > n)
		return CLI_DONE;
	if (i < n)
		server_row(a, i / RADIUS_ROLES, i % RADIUS_ROLES, call);
	else
		listener_row(a, call);
	return CLI_MORE;
}

/* sum: datagrams that were no answer, and the reason of most of them. */
static uint64_t
sum(const uint64_t *refused, const char **most)
{
	uint64_t n = 0, best = 0;

	*most = "";
	for (unsigned e = 0; e < RADIUS_ERR_COUNT; e++) {
		n += refused[e];
		if (refused[e] > best) {
			best = refused[e];
			*most = radius_err_text(e);
		}
	}
	return n;
}

static void
server_row(const struct aaa *a, unsigned server, enum radius_role role, struct cli_call *call)
{
	struct radius_port_stats s;
	char address[ADDR_STRLEN];
	const char *most;

	radius_client_stats(a->client, server, role, &s);
	if (!s.used)
		return;
	uint32_t waiting = role == RADIUS_ACCT ? a->acct->stats.waiting - a->acct->stats.flying
					       : radius_client_waiting(a->client, role);
	cli_row(call, (struct cli_value[]){cli_string(aaa_server(a, server, address)),
					   cli_integer(radius_client_server(a->client, server)->port[role]),
					   cli_string(role == RADIUS_AUTH ? "auth" : "acct"),
					   cli_string(s.alive ? "alive" : "dead"), cli_integer((int64_t)s.sent),
					   cli_integer((int64_t)s.resent), cli_integer((int64_t)s.answered),
					   cli_integer((int64_t)s.lost), cli_integer((int64_t)sum(s.refused, &most)),
					   cli_integer(s.outstanding), cli_integer(waiting), cli_integer(s.average_us),
					   cli_integer(s.p99_us), cli_integer((int64_t)s.deaths),
					   cli_integer((int64_t)s.probes), cli_integer((int64_t)s.probes_answered),
					   cli_string(most)});
}

/* The listener for CoA and Disconnect: sent are its answers, answered those that said yes. */
static void
listener_row(const struct aaa *a, struct cli_call *call)
{
	const struct conf_dynamic_author *d = &a->cp->conf->radius.dynamic_author;
	struct radius_dae_stats s;
	char address[ADDR_STRLEN];
	const char *most;

	if (!a->dae)
		return;
	radius_dae_stats(a->dae, &s);
	uint64_t yes = s.coa_ack + s.disconnect_ack, no = s.coa_nak + s.disconnect_nak;
	cli_row(call, (struct cli_value[]){cli_string(addr_str(&d->server, address)), cli_integer(d->port),
					   cli_string("coa"), cli_string("listening"), cli_integer((int64_t)(yes + no)),
					   cli_integer((int64_t)s.duplicates), cli_integer((int64_t)yes),
					   cli_integer(0), cli_integer((int64_t)sum(s.refused, &most)), cli_integer(0),
					   cli_integer(0), cli_integer(0), cli_integer(0), cli_integer(0),
					   cli_integer(0), cli_integer(0), cli_string(most)});
}
