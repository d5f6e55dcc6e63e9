/* check_radius.c - servers, dictionaries, attributes named, addresses of ours. */
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <radius/dict.h>

#include "conf/reader.h"

static int
check_servers(struct conf_reader *r)
{
	const struct conf *c = r->conf;
	const struct conf_numbers *mode = &c->authentication.mode;
	unsigned enabled = 0;
	if (!mode->n)
		return conf_fail(r, "authentication.mode", -1, "is empty, expected \"local\" or \"radius\"");
	for (unsigned i = 0; i < c->radius.server.n; i++)
		enabled += !c->radius.server.v[i].disable;
	for (unsigned i = 0; i < mode->n; i++)
		if (mode->v[i] == CONF_MODE_RADIUS && !enabled)
			return conf_fail(r, "authentication.mode", (int)i,
					 "says \"radius\", and there is no radius.server%s",
					 c->radius.server.n ? " that is not disabled" : "");
	const struct conf_dynamic_author *d = &c->radius.dynamic_author;
	if (!addr_is_any(&d->server) && !d->key && !d->client.n)
		return conf_fail(r, "radius.dynamic-author.key", -1, "is missing, and so is client: whom to believe?");
	return 0;
}

/* check_rate: an attribute that nobody knows would never come. */
static int
check_rate(struct conf_reader *r, const struct radius_dict *d)
{
	const struct conf_radius_rate_limit *rate = &r->conf->radius.rate_limit;
	uint32_t attr = radius_dict_find(d, rate->attribute), vendor = 0;
	if (!attr)
		return conf_fail(r, "radius.rate-limit.attribute", -1,
				 "is \"%s\", which no dictionary has (radius.dictionary adds files)", rate->attribute);
	if (rate->vendor && *rate->vendor && !(vendor = radius_dict_vendor(d, rate->vendor)))
		return conf_fail(r, "radius.rate-limit.vendor", -1,
				 "is \"%s\", which no dictionary has (radius.dictionary adds files)", rate->vendor);
	if (vendor && attr >> 8 != vendor)
		return conf_fail(r, "radius.rate-limit.attribute", -1, "is \"%s\", which is not of %s", rate->attribute,
				 rate->vendor);
	return 0;
}

static int
check_dictionary(struct conf_reader *r)
{
	const struct conf_radius *c = &r->conf->radius;
	char err[256];
	if (!c->enabled)
		return 0;
	struct radius_dict *d = radius_dict_new(c->dictionary.v, c->dictionary.n, err, sizeof err);
	if (!d)
		return conf_fail(r, "radius.dictionary", -1, "%s", err);
	int rc = check_rate(r, d);
	radius_dict_free(d);
	return rc;
}

/* is_ours: the kernel gives a socket no address that is not the machine's. */
static bool
is_ours(const struct addr *a)
{
	bool v4 = addr_is_v4(a);
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	memcpy(&in.sin_addr, a->b + 12, 4);
	memcpy(&in6.sin6_addr, a->b, 16);
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 &&
		  !bind(fd, v4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6, v4 ? sizeof in : sizeof in6);
	if (fd >= 0)
		close(fd);
	return ok;
}

/* An address of an interface with a `host` side comes up with the dataplane: it is not there yet. */
static int
check_ours(struct conf_reader *r, const char *key, const struct addr *a)
{
	char text[ADDR_STRLEN];
	bool host = false;
	for (unsigned i = 0; i < r->conf->interfaces.n; i++)
		host = host || r->conf->interfaces.v[i].host;
	if (addr_is_any(a) || host || is_ours(a))
		return 0;
	return conf_fail(r, key, -1, "is %s, which is no address of this machine", addr_str(a, text));
}

int
conf_check_radius(struct conf_reader *r)
{
	const struct conf_radius *c = &r->conf->radius;
	int rc = check_servers(r);
	if (!rc)
		rc = check_ours(r, "radius.source-address", &c->source_address);
	if (!rc)
		rc = check_ours(r, "radius.dynamic-author.server", &c->dynamic_author.server);
	return rc ? rc : check_dictionary(r);
}
