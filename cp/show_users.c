/* show_users.c - the local users, and how many sessions each has; no password. */
#include <stdio.h>

#include "online.h"
#include "show.h"

#define TEXT 256

static struct cli_value list_text(char *buf, const struct conf_strings *list) ON_MAIN;
static struct cli_value routes_text(char *buf, const struct conf_prefixes *list) ON_MAIN;
static struct cli_value services_text(char *buf, const struct conf_numbers *list) ON_MAIN;
static struct cli_value address(char *buf, const struct addr *a) ON_MAIN;
static struct cli_value seconds(unsigned s) ON_MAIN;
static unsigned online(const struct cp *cp, const char *name) ON_MAIN;
static void add(char *buf, const char *word) ON_MAIN;

const struct cli_column users_columns[N_USER_COLUMNS] = {
	{"username", CLI_STRING, true},
	{"online", CLI_INTEGER, true},
	{"disabled", CLI_BOOL, true},
	{"profile", CLI_STRING, true},
	{"static-ip", CLI_STRING, true},
	{"pool", CLI_STRING, true},
	{"service", CLI_STRING, true},
	{"routes", CLI_STRING, true},
	{"caller-id", CLI_STRING, true},
	{"ifname", CLI_STRING, false},
	{"gateway-address", CLI_STRING, false},
	{"rate-limit", CLI_STRING, false},
	{"session-timeout", CLI_DURATION, false},
	{"idle-timeout", CLI_DURATION, false},
	{"from", CLI_STRING, false},
};

enum cli_step
show_users(void *context, struct cli_call *call)
{
	struct cp *cp = context;
	char ip[ADDR_STRLEN], gateway[ADDR_STRLEN], rate[24], service[TEXT], routes[TEXT], callers[TEXT];
	if (call->cursor >= conf_users(cp->conf))
		return CLI_DONE;
	const struct conf_user *u = conf_user_at(cp->conf, (unsigned)call->cursor++);
	cli_row(call,
		(struct cli_value[]){
			cli_string(u->username), cli_integer(online(cp, u->username)), cli_bool(u->disable),
			cli_string(u->profile), address(ip, &u->static_ip), cli_string(u->pool),
			services_text(service, &u->service), routes_text(routes, &u->routes),
			list_text(callers, &u->caller_id), cli_string(u->ifname), address(gateway, &u->gateway_address),
			cli_string(show_rate(u->rate_limit.download, u->rate_limit.upload, rate, sizeof rate)),
			seconds(u->session_timeout), seconds(u->idle_timeout),
			cli_string(u->line ? "chap-secrets" : "local-users")});
	return CLI_MORE;
}

static unsigned
online(const struct cp *cp, const char *name)
{
	unsigned n = 0;
	for (const struct session *s = online_first(cp, name); s; s = online_next(s))
		n++;
	return n;
}

static struct cli_value
address(char *buf, const struct addr *a)
{
	return addr_is_any(a) ? cli_none() : cli_string(addr_str(a, buf));
}

static struct cli_value
seconds(unsigned s)
{
	return s ? cli_duration(s) : cli_none();
}

/* add: one more word; what does not fit is left out. */
static void
add(char *buf, const char *word)
{
	size_t n = strlen(buf);
	if (n + strlen(word) + 2 < TEXT)
		snprintf(buf + n, TEXT - n, "%s%s", n ? " " : "", word);
}

static struct cli_value
list_text(char *buf, const struct conf_strings *list)
{
	*buf = 0;
	for (unsigned i = 0; i < list->n; i++)
		add(buf, list->v[i]);
	return list->n ? cli_string(buf) : cli_none();
}

static struct cli_value
routes_text(char *buf, const struct conf_prefixes *list)
{
	char text[PREFIX_STRLEN];
	*buf = 0;
	for (unsigned i = 0; i < list->n; i++)
		add(buf, prefix_str(&list->v[i], text));
	return list->n ? cli_string(buf) : cli_none();
}

static struct cli_value
services_text(char *buf, const struct conf_numbers *list)
{
	*buf = 0;
	for (unsigned i = 0; i < list->n; i++)
		add(buf, show_types[list->v[i]]);
	return list->n ? cli_string(buf) : cli_none();
}
