/* check.c - what no single row can know: names that mean something, and what fits together. */
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "conf/reader.h"

struct named {
	const char *name;
	unsigned i;
};

static int
named_order(const void *a, const void *b)
{
	const struct named *x = a, *y = b;
	int order = strcmp(x->name, y->name);
	return order ? order : (x->i > y->i) - (x->i < y->i);
}

/* first_repeat: in sorted names the repeat that stands first in the file; NULL when all differ. */
static const struct named *
first_repeat(const struct named *v, unsigned n)
{
	const struct named *first = NULL;
	for (unsigned i = 1; i < n; i++)
		if (!strcmp(v[i].name, v[i - 1].name) && (!first || v[i].i < first->i))
			first = &v[i];
	return first;
}

/* conf_check_unique: `first_name` is the name field of the first of n structs, `stride` bytes apart. */
int
conf_check_unique(struct conf_reader *r, const char *list, const char *key, const void *first_name, unsigned n,
		  size_t stride)
{
	if (n < 2)
		return 0;
	struct named *v = malloc(n * sizeof *v);
	if (!v)
		return conf_no_memory(r);
	for (unsigned i = 0; i < n; i++)
		v[i] = (struct named){*(const char *const *)((const char *)first_name + i * stride), i};
	qsort(v, n, sizeof *v, named_order);
	const struct named *repeat = first_repeat(v, n);
	int rc = 0;
	if (repeat) {
		char path[96];
		snprintf(path, sizeof path, "%s[%u].%s", list, repeat->i, key);
		rc = conf_fail(r, path, -1, "is \"%s\", which %s[%u] is already", repeat->name, list, repeat[-1].i);
	}
	free(v);
	return rc;
}

#define WORKERS_MAX 64 /* what the dataplane has room for */

static int
check_cores(struct conf_reader *r)
{
	const struct conf_cores *c = &r->conf->cores;
	unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_CONF);
	if (!c->workers.n)
		return conf_fail(r, "cores.workers", -1, "is empty, expected at least one core");
	if (c->workers.n > WORKERS_MAX)
		return conf_fail(r, "cores.workers", -1, "has %u, expected at most %d", c->workers.n, WORKERS_MAX);
	if (c->main >= cpus)
		return conf_fail(r, "cores.main", -1, "is %u, expected at most %u: this machine has %u cores", c->main,
				 cpus - 1, cpus);
	for (unsigned i = 0; i < c->workers.n; i++) {
		if (c->workers.v[i] >= cpus)
			return conf_fail(r, "cores.workers", (int)i,
					 "names core %u, expected at most %u: this machine has %u cores",
					 c->workers.v[i], cpus - 1, cpus);
		/* Napping, the two can live on the one core of a small machine. */
		if (c->workers.v[i] == c->main && c->idle == CONF_IDLE_POLL)
			return conf_fail(r, "cores.workers", (int)i,
					 "names core %u, which is cores.main: a worker that polls needs its own",
					 c->main);
	}
	return 0;
}

/* check_ppp: in a protocol's view, or in the top level's. */
static int
check_ppp(struct conf_reader *r, const char *section, const struct conf_access *a)
{
	const struct conf_ppp_options *o = &a->ppp_options;
	char key[48];
	snprintf(key, sizeof key, "%s%sppp-options.min-mtu", section, *section ? "." : "");
	if (a->mtu && o->min_mtu > a->mtu)
		return conf_fail(r, key, -1, "is %u, expected at most the mtu, %u", o->min_mtu, a->mtu);
	if (o->mru && o->min_mtu > o->mru)
		return conf_fail(r, key, -1, "is %u, expected at most the mru, %u", o->min_mtu, o->mru);
	snprintf(key, sizeof key, "%s%sppp-options.lcp-echo-timeout", section, *section ? "." : "");
	if (!o->lcp_echo_timeout || o->keepalive_timeout)
		return 0;
	if (!o->lcp_echo_interval)
		return conf_fail(r, key, -1, "is %u, and lcp-echo-interval is 0: a silent peer would not be asked",
				 o->lcp_echo_timeout);
	if (o->lcp_echo_timeout <= o->lcp_echo_interval)
		return conf_fail(r, key, -1, "is %u, expected more than lcp-echo-interval, %u", o->lcp_echo_timeout,
				 o->lcp_echo_interval);
	return 0;
}

/* check_mppe: RFC 3079: the keys come from MS-CHAP. */
static int
check_mppe(struct conf_reader *r, const char *section, const struct conf_access *a)
{
	if (a->ppp_options.mppe != CONF_REQUIRE)
		return 0;
	char key[48];
	snprintf(key, sizeof key, "%s.ppp-options.mppe", section);
	if (a->ppp_options.disable_ccp)
		return conf_fail(r, key, -1, "is \"require\", and disable-ccp refuses what negotiates it");
	if (!a->ppp_options.mppe_bits.n)
		return conf_fail(r, key, -1, "is \"require\", and mppe-bits is empty");
	const struct conf_numbers *p = &a->authentication.protocols;
	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i] == CONF_AUTH_MSCHAP || p->v[i] == CONF_AUTH_MSCHAP_V2)
			return 0;
	return conf_fail(r, key, -1, "is \"require\", and no MS-CHAP is in authentication.protocols to make keys of");
}

static int
check_protocol(struct conf_reader *r, const char *section, const struct conf_access *a)
{
	char key[64];
	int rc = check_ppp(r, section, a);
	if (!rc)
		rc = check_mppe(r, section, a);
	if (rc < 0)
		return rc;
	snprintf(key, sizeof key, "%s.authentication.protocols", section);
	if (!a->authentication.protocols.n)
		return conf_fail(r, key, -1, "is empty, expected at least one");
	snprintf(key, sizeof key, "%s.gateway-address", section);
	if (addr_is_any(&a->gateway_address) && a->ppp_options.ipv4 != CONF_DENY)
		return conf_fail(r, key, -1,
				 "is missing, here and at the top level: subscribers need to know our address");
	return 0;
}

static int
check_protocols(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	int rc = check_ppp(r, "", &c->access);
	if (!rc && c->l2tp.enabled)
		rc = check_protocol(r, "l2tp", &c->l2tp.access);
	if (!rc && c->sstp.enabled)
		rc = check_protocol(r, "sstp", &c->sstp.access);
	if (!rc && c->pptp.enabled)
		rc = check_protocol(r, "pptp", &c->pptp.access);
	if (!rc && c->l2tp.rtimeout > c->l2tp.rtimeout_cap)
		rc = conf_fail(r, "l2tp.rtimeout", -1, "is %u, expected at most rtimeout-cap, %u", c->l2tp.rtimeout,
			       c->l2tp.rtimeout_cap);
	return rc;
}

static int
check_l2tp_peers(struct conf_reader *r)
{
	const struct conf_l2tp *l = &r->conf->l2tp;
	for (unsigned i = 1; i < l->peer.n; i++)
		for (unsigned j = 0; j < i; j++) {
			const struct prefix *a = &l->peer.v[i].address, *b = &l->peer.v[j].address;
			char key[32], text[PREFIX_STRLEN];
			snprintf(key, sizeof key, "l2tp.peer[%u].address", i);
			if (a->len == b->len && addr_eq(&a->addr, &b->addr))
				return conf_fail(r, key, -1, "is %s, which l2tp.peer[%u] is already",
						 prefix_str(a, text), j);
		}
	return 0;
}

/* check_certificates: the first of a name is shown, and no other ever; names are compared as TLS does. */
static int
check_certificates(struct conf_reader *r)
{
	const struct conf_sstp *s = &r->conf->sstp;
	for (unsigned i = 1; i < s->certificates.n; i++)
		for (unsigned j = 0; j < i; j++) {
			const char *name = s->certificates.v[i].host_name;
			char key[40];
			snprintf(key, sizeof key, "sstp.certificates[%u].host-name", i);
			if (!strcasecmp(name, s->certificates.v[j].host_name))
				return conf_fail(r, key, -1, "is \"%s\", which sstp.certificates[%u] is already", name,
						 j);
		}
	return 0;
}

int
conf_check(struct conf_reader *r)
{
	static int (*const checks[])(struct conf_reader *) = {
		check_cores,      conf_check_net,     conf_check_subscriber, check_protocols,
		check_l2tp_peers, check_certificates, conf_check_radius,
	};
	int rc = 0;
	for (unsigned i = 0; !rc && i < sizeof checks / sizeof *checks; i++)
		rc = checks[i](r);
	return rc;
}
