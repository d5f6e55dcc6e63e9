#include "aaa/acct.h"
#include "aaa/coa.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

static int build(struct aaa *a, struct mono now, char *err, size_t err_len) ON_MAIN;
static unsigned list_servers(const struct conf_radius *c, struct radius_server_conf *out);
static int configure_client(struct aaa *a, const struct conf_radius *c, struct mono now, char *err, size_t err_len)
	ON_MAIN;
static int spool_stays(const struct aaa *a, const struct conf_radius *c, char *err, size_t err_len) ON_MAIN;
static void on_done(void *owner, uint64_t cookie, const struct radius_reply *r) ON_MAIN;
static void on_random(void *owner, void *bytes, size_t n) ON_MAIN;
static int64_t wall_clock(void);

int
aaa_new(struct aaa **out, struct cp *cp, struct mono now, char *err, size_t err_len)
{
	struct aaa *a;

	*out = NULL;
	if (!cp->conf->radius.enabled)
		return 0;
	a = calloc(1, sizeof *a);
	if (!a) {
		snprintf(err, err_len, "radius: out of memory");
		return -ENOMEM;
	}
	a->cp = cp;
	a->wall_s = wall_clock;
	int rc = build(a, now, err, err_len);
	if (rc) {
		aaa_free(a);
		return rc;
	}
	cp->backends[CONF_MODE_RADIUS] = &radius_backend;
	*out = a;
	return 0;
}

static int64_t
wall_clock(void)
{
	return time(NULL);
}

static int
build(struct aaa *a, struct mono now, char *err, size_t err_len)
{
	for (unsigned i = 0; i < AAA_LOGINS; i++)
		a->logins[i].next = (uint16_t)(i + 1);
	int rc = acct_new(a);
	if (!rc)
		rc = coa_new(a, err, err_len);
	return rc ? rc : aaa_configure(a, a->cp->conf, now, err, err_len);
}

/* All that can fail comes first, but for memory. */
int
aaa_configure(struct aaa *a, const struct conf *conf, struct mono now, char *err, size_t err_len)
{
	const struct conf_radius *c = &conf->radius;
	int n = snprintf(err, err_len, "radius.dictionary: ");
	struct radius_dict *dict = radius_dict_new(c->dictionary.v, c->dictionary.n, err + n, err_len - (size_t)n);

	if (!dict)
		return -EINVAL;
	int rc = spool_stays(a, c, err, err_len);
	if (!rc)
		rc = configure_client(a, c, now, err, err_len);
	if (!rc)
		rc = coa_configure(a, c, err, err_len);
	if (rc) {
		radius_dict_free(dict);
		return rc;
	}
	radius_dict_free(a->dict);
	a->dict = dict;
	a->map = (struct map_conf){.dict = dict, .rate_multiplier_permille = c->rate_limit.multiplier_permille};
	if (c->rate_limit.enable)
		a->map.rate_attr = radius_dict_find(dict, c->rate_limit.attribute);
	return 0;
}

static unsigned
list_servers(const struct conf_radius *c, struct radius_server_conf *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->server.n; i++) {
		const struct conf_radius_server *s = &c->server.v[i];
		if (s->disable)
			continue;
		out[n++] = (struct radius_server_conf){
			.address = s->address,
			.secret = s->key,
			.port = {(uint16_t)s->port, s->disable_accounting ? 0 : (uint16_t)s->acct_port},
			.fail_time_s = s->fail_time,
			.max_fail = s->max_fail,
			.req_limit = s->req_limit,
			.priority = s->priority,
			.weight = s->weight,
			.backup = s->backup,
		};
	}
	return n;
}

/* spool_stays: the spool is opened, and what is in it sent, at the start; without one a restart would lose records. */
static int
spool_stays(const struct aaa *a, const struct conf_radius *c, char *err, size_t err_len)
{
	struct radius_server_conf servers[RADIUS_SERVERS_MAX];
	unsigned n = list_servers(c, servers);

	while (n && !servers[n - 1].port[RADIUS_ACCT])
		n--;
	if (!n || !a->acct || !a->acct->no_spool)
		return 0;
	snprintf(err, err_len, "radius.server: the first one for accounting takes a restart: its spool is opened then");
	return -EINVAL;
}

static int
configure_client(struct aaa *a, const struct conf_radius *c, struct mono now, char *err, size_t err_len)
{
	static const enum radius_require require[] = {
		[CONF_AUTO] = RADIUS_REQUIRE_AUTO, [CONF_YES] = RADIUS_REQUIRE_YES, [CONF_NO] = RADIUS_REQUIRE_NO};
	struct radius_server_conf servers[RADIUS_SERVERS_MAX];
	struct radius_client_conf conf = {
		.servers = servers,
		.n_servers = list_servers(c, servers),
		.source = {addr_from_ip4(0), {{0}}},
		.timeout_ms = {c->timeout * 1000, (c->acct_timeout ? c->acct_timeout : c->timeout) * 1000},
		.max_try = c->max_try,
		.require = require[c->require_message_authenticator],
		.max_auth = AAA_LOGINS,
		.max_acct = AAA_RECORDS,
		.nas_identifier = c->nas_identifier,
		.random = on_random,
		.random_arg = a,
		.done = on_done,
		.owner = a,
	};
	if (!addr_is_any(&c->source_address))
		conf.source[!addr_is_v4(&c->source_address)] = c->source_address;
	if (!a->client)
		a->client = radius_client_new(&conf, now, err, err_len);
	else if (!radius_client_configure(a->client, &conf, now)) {
		snprintf(err, err_len, "radius: out of memory");
		return -ENOMEM;
	}
	return a->client ? 0 : -ENOMEM;
}

void
aaa_free(struct aaa *a)
{
	if (!a)
		return;
	acct_free(a->acct);
	coa_free(a);
	radius_client_free(a->client);
	radius_dict_free(a->dict);
	free(a);
}

void
aaa_step(struct aaa *a, struct mono now)
{
	if (!a)
		return;
	acct_step(a->acct, now);
	radius_client_step(a->client, now);
	if (a->dae)
		radius_dae_step(a->dae, now, a->wall_s());
}

static void
on_done(void *owner, uint64_t cookie, const struct radius_reply *r)
{
	struct aaa *a = owner;

	if (cookie & AAA_ACCT_COOKIE)
		acct_done(a->acct, cookie, r, a->cp->now);
	else
		auth_done(a, cookie, r, a->cp->now);
}

static void
on_random(void *owner, void *bytes, size_t n)
{
	struct aaa *a = owner;

	a->cp->random(a->cp->random_arg, bytes, n);
}

void
aaa_trace(const struct aaa *a, const struct session *s, const char *what, struct radius_walk w)
{
	char name[SESSION_NAME_LEN], line[1600], text[600];
	struct radius_attr attr;
	size_t n = 0;

	if (!log_on(a->cp->log, LOG_LEVEL_DEBUG))
		return;
	*line = 0;
	for (enum radius_step st; (st = radius_next(&w, &attr)) != RADIUS_END;)
		if (st == RADIUS_FOUND && n < sizeof line - 2)
			n += (size_t)snprintf(line + n, sizeof line - n, " <%s>",
					      radius_dict_print(a->dict, &attr, text, sizeof text));
	log_line(a->cp->log, LOG_LEVEL_DEBUG, "%s: [RADIUS %s%s]", session_name(s, name, sizeof name), what, line);
}

char *
aaa_server(const struct aaa *a, unsigned server, char *buf)
{
	return addr_str(&radius_client_server(a->client, server)->address, buf);
}

char *
aaa_servers(const struct aaa *a, uint64_t mask, enum radius_role role, char *buf, size_t size)
{
	char text[ADDR_STRLEN];
	size_t n = 0;

	*buf = 0;
	for (unsigned i = 0; i < radius_client_servers(a->client) && n < size; i++)
		if (mask >> i & 1)
			n += (size_t)snprintf(buf + n, size - n, "%s%s port %u", n ? ", " : "", aaa_server(a, i, text),
					      radius_client_server(a->client, i)->port[role]);
	return buf;
}
