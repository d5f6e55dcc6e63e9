#include "aaa/coa.h"

#include <errno.h>
#include <ifaddrs.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <uthash.h>

#include "aaa/acct.h"

#define WINDOW_S 300
#define AUTHORIZE_ONLY 17
#define KEY_MAX (RADIUS_VALUE_MAX + 1)

/* In the order in which they are looked up: the ones that name one session first. */
enum index_kind { BY_SID, BY_IP4, BY_IFNAME, BY_PREFIX, BY_USER, BY_CALLING, KINDS };

static const uint32_t attr_of[KINDS] = {RADIUS_ACCT_SESSION_ID,    RADIUS_FRAMED_IP_ADDRESS, RADIUS_NAS_PORT_ID,
					RADIUS_FRAMED_IPV6_PREFIX, RADIUS_USER_NAME,         RADIUS_CALLING_STATION_ID};

struct index_link {
	LIST_ENTRY(index_link) link;
	struct session *s;
	struct coa_entry *entry;
};

struct coa_entry {
	LIST_HEAD(, index_link) members;
	UT_hash_handle hh;
	unsigned len;
	uint8_t key[];
};

struct coa_session {
	struct index_link links[KINDS];
};

/* A request, taken apart. */
struct wanted {
	struct radius_attr key[KINDS]; /* value NULL: not named */
	unsigned n_keys;
	bool nas_named, nas_foreign, authorize_only, broken;
	uint8_t prefix[32];                 /* as we write it: senders may pad it */
	uint8_t changes[RADIUS_PACKET_MAX]; /* attributes that are not about which session */
	struct wr w;
};

static size_t key_of(const struct session *s, enum index_kind kind, uint8_t *key) ON_MAIN;
static size_t key_build(enum index_kind kind, const void *value, size_t n, uint8_t *key);
static struct coa_entry *find(const struct aaa *a, const uint8_t *key, size_t n) ON_MAIN;
static void join(struct aaa *a, struct index_link *l, const uint8_t *key, size_t n) ON_MAIN;
static void take_apart(const struct aaa *a, const struct radius_dae_request *r, struct wanted *out) ON_MAIN;
static bool take_identity(const struct aaa *a, const struct radius_attr *attr, struct wanted *out) ON_MAIN;
static void unpad_prefix(struct wanted *out) ON_MAIN;
static bool is_ours(const struct aaa *a, const struct radius_attr *attr) ON_MAIN;
static enum radius_error_cause select_one(const struct aaa *a, const struct wanted *w, struct session **out) ON_MAIN;
static bool agrees(const struct session *s, const struct wanted *w) ON_MAIN;
static enum radius_error_cause change(struct aaa *a, struct session *s, struct wanted *w, struct mono now) ON_MAIN;
static enum radius_error_cause decide(struct aaa *a, const struct radius_dae_request *r, struct mono now,
				      struct session **s) ON_MAIN;
static void note_own_addresses(struct aaa *a) ON_MAIN;

int
coa_new(struct aaa *a, char *err, size_t err_len)
{
	const struct conf_dynamic_author *d = &a->cp->conf->radius.dynamic_author;
	int n = snprintf(err, err_len, "radius.dynamic-author.server: ");

	note_own_addresses(a);
	if (addr_is_any(&d->server))
		return 0;
	struct radius_dae_conf conf = {
		.address = d->server,
		.port = (uint16_t)d->port,
		.window_s = WINDOW_S,
		.request = coa_request,
		.owner = a,
	};
	a->dae = radius_dae_new(&conf, err + n, err_len - (size_t)n);
	return a->dae ? 0 : -EADDRNOTAVAIL;
}

int
coa_configure(struct aaa *a, const struct conf_radius *c, char *err, size_t err_len)
{
	const struct conf_dynamic_author *d = &c->dynamic_author;
	struct radius_dae_client *clients = calloc(d->client.n + 1, sizeof *clients);
	struct radius_dae_conf conf = {
		.clients = clients,
		.n_clients = d->client.n,
		.secret = d->key && *d->key ? d->key : NULL,
		.require_timestamp = d->require_event_timestamp,
	};

	for (unsigned i = 0; clients && i < d->client.n; i++)
		clients[i] = (struct radius_dae_client){d->client.v[i].address, d->client.v[i].key};
	bool ok = clients && (!a->dae || radius_dae_configure(a->dae, &conf));
	free(clients);
	if (!ok)
		snprintf(err, err_len, "radius.dynamic-author: out of memory");
	return ok ? 0 : -ENOMEM;
}

static void
note_own_addresses(struct aaa *a)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		return;
	for (struct ifaddrs *i = list; i && a->n_own < AAA_OWN_MAX; i = i->ifa_next) {
		struct addr *out = &a->own[a->n_own];
		if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET)
			*out = addr_from_ip4(ntohl(((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr.s_addr));
		else if (i->ifa_addr && i->ifa_addr->sa_family == AF_INET6)
			memcpy(out->b, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
		else
			continue;
		a->n_own++;
	}
	freeifaddrs(list);
}

void
coa_free(struct aaa *a)
{
	struct coa_entry *e, *next;

	radius_dae_free(a->dae);
	HASH_ITER(hh, a->index, e, next)
	{
		HASH_DEL(a->index, e);
		free(e);
	}
}

/* --- the index ------------------------------------------------------------------------------------------------------- */

static size_t
key_build(enum index_kind kind, const void *value, size_t n, uint8_t *key)
{
	if (!n || n > RADIUS_VALUE_MAX)
		return 0;
	key[0] = (uint8_t)kind;
	memcpy(key + 1, value, n);
	return n + 1;
}

/* The key as the attribute of our accounting has it. */
static size_t
key_of(const struct session *s, enum index_kind kind, uint8_t *key)
{
	const char *name = s->profile.username ? profile_text(s->profile.username) : s->username;
	char text[PPP_NAME_MAX], sid[17];
	uint8_t ip4[4], prefix[32];
	struct wr w = wr_init(prefix, sizeof prefix);

	switch (kind) {
	case BY_SID:
		snprintf(sid, sizeof sid, "%016" PRIx64, s->sid);
		return key_build(kind, sid, 16, key);
	case BY_IP4:
		put_be32(ip4, s->ip4);
		return key_build(kind, ip4, s->ip4 ? sizeof ip4 : 0, key);
	case BY_IFNAME:
		return key_build(kind, s->ifname, strlen(s->ifname), key);
	case BY_PREFIX:
		if (!profile_says(&s->profile, PROFILE_IPV6_PREFIX))
			return 0;
		radius_put_prefix(&w, RADIUS_FRAMED_IPV6_PREFIX, &s->profile.ipv6_prefix);
		return key_build(kind, prefix + 2, wr_len(&w) - 2, key);
	case BY_USER:
		request_user(s->cp->aaa, name ? name : "", text);
		return key_build(kind, text, strlen(text), key);
	case BY_CALLING:
		return key_build(kind, s->calling, strlen(s->calling), key);
	default:
		return 0;
	}
}

static struct coa_entry *
find(const struct aaa *a, const uint8_t *key, size_t n)
{
	struct coa_entry *e = NULL;

	if (n)
		HASH_FIND(hh, a->index, key, n, e);
	return e;
}

void
coa_join(struct session *s)
{
	struct aaa *a = s->cp->aaa;
	uint8_t key[KEY_MAX];

	if (!a)
		return;
	s->coa = calloc(1, sizeof *s->coa);
	for (unsigned kind = 0; s->coa && kind < KINDS; kind++) {
		s->coa->links[kind].s = s;
		join(a, &s->coa->links[kind], key, key_of(s, kind, key));
	}
}

static void
join(struct aaa *a, struct index_link *l, const uint8_t *key, size_t n)
{
	struct coa_entry *e = find(a, key, n);

	if (!n)
		return;
	if (!e) {
		e = calloc(1, sizeof *e + n);
		if (!e)
			return;
		e->len = (unsigned)n;
		memcpy(e->key, key, n);
		HASH_ADD_KEYPTR(hh, a->index, e->key, n, e);
	}
	l->entry = e;
	LIST_INSERT_HEAD(&e->members, l, link);
}

void
coa_leave(struct session *s)
{
	if (!s->coa)
		return;
	for (unsigned kind = 0; kind < KINDS; kind++) {
		struct index_link *l = &s->coa->links[kind];
		struct coa_entry *e = l->entry;
		if (!e)
			continue;
		LIST_REMOVE(l, link);
		if (!LIST_EMPTY(&e->members))
			continue;
		HASH_DEL(s->cp->aaa->index, e);
		free(e);
	}
	free(s->coa);
	s->coa = NULL;
}

struct session *
coa_find_sid(const struct aaa *a, uint64_t sid)
{
	uint8_t key[KEY_MAX];
	char text[17];

	snprintf(text, sizeof text, "%016" PRIx64, sid);
	struct coa_entry *e = find(a, key, key_build(BY_SID, text, 16, key));
	return e ? LIST_FIRST(&e->members)->s : NULL;
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

enum radius_error_cause
coa_request(void *owner, const struct radius_dae_request *r, struct mono now)
{
	struct aaa *a = owner;
	struct session *s = NULL;
	char name[SESSION_NAME_LEN] = "radius", from[ADDR_STRLEN];
	enum radius_error_cause e = decide(a, r, now, &s);

	if (s)
		session_name(s, name, sizeof name);
	log_line(a->cp->log, LOG_LEVEL_INFO, "%s: %s from %s: %s", name, radius_code_name(r->view.code),
		 addr_str(&r->from, from), radius_error_cause_text(e));
	if (!e && r->disconnect)
		session_end(s, CAUSE_ADMIN_RESET, now);
	return e;
}

static enum radius_error_cause
decide(struct aaa *a, const struct radius_dae_request *r, struct mono now, struct session **s)
{
	static struct wanted w; /* 8 KiB, MAIN's alone */

	take_apart(a, r, &w);
	if (w.nas_foreign || (!w.nas_named && a->cp->conf->radius.dynamic_author.require_nas_identification))
		return w.nas_foreign ? RADIUS_EC_NAS_IDENTIFICATION : RADIUS_EC_MISSING_ATTRIBUTE;
	if (w.broken)
		return RADIUS_EC_INVALID_REQUEST;
	if (w.authorize_only)
		return RADIUS_EC_UNSUPPORTED_SERVICE;
	if (!w.n_keys)
		return RADIUS_EC_MISSING_ATTRIBUTE;
	enum radius_error_cause e = select_one(a, &w, s);
	return e || r->disconnect ? e : change(a, *s, &w, now);
}

static void
take_apart(const struct aaa *a, const struct radius_dae_request *r, struct wanted *out)
{
	struct radius_walk walk = radius_walk_init(r->packet, &r->view);
	struct radius_attr attr;

	*out = (struct wanted){0};
	out->w = wr_init(out->changes, sizeof out->changes);
	for (enum radius_step s; (s = radius_next(&walk, &attr)) != RADIUS_END;) {
		if (s == RADIUS_BROKEN)
			out->broken = true;
		else if (!take_identity(a, &attr, out))
			radius_put(&out->w, attr.id, attr.value, attr.len);
	}
}

/* take_identity: whether the attribute is about who is meant, or about the request itself. */
static bool
take_identity(const struct aaa *a, const struct radius_attr *attr, struct wanted *out)
{
	uint32_t v;

	for (unsigned kind = 0; kind < KINDS; kind++)
		if (attr_of[kind] == attr->id) {
			out->n_keys += !out->key[kind].value;
			out->key[kind] = *attr;
			if (kind == BY_PREFIX)
				unpad_prefix(out);
			return true;
		}
	switch (attr->id) {
	case RADIUS_NAS_IP_ADDRESS:
	case RADIUS_NAS_IPV6_ADDRESS:
	case RADIUS_NAS_IDENTIFIER:
		out->nas_named = true;
		out->nas_foreign |= !is_ours(a, attr);
		return true;
	case RADIUS_SERVICE_TYPE:
		out->authorize_only |= radius_get_u32(attr, &v) && v == AUTHORIZE_ONLY;
		return true;
	case RADIUS_NAS_PORT:
	case RADIUS_NAS_PORT_TYPE:
	case RADIUS_CALLED_STATION_ID:
	case RADIUS_FRAMED_PROTOCOL:
	case RADIUS_EVENT_TIMESTAMP:
	case RADIUS_MESSAGE_AUTHENTICATOR:
	case RADIUS_PROXY_STATE:
	case RADIUS_STATE:
		return true;
	default:
		return false;
	}
}

/* RFC 3162 2.3: the prefix may have as many bytes as its length needs, or more. */
static void
unpad_prefix(struct wanted *out)
{
	struct radius_attr *attr = &out->key[BY_PREFIX];
	struct wr w = wr_init(out->prefix, sizeof out->prefix);
	struct prefix p;

	if (!radius_get_prefix(attr, &p))
		return;
	radius_put_prefix(&w, RADIUS_FRAMED_IPV6_PREFIX, &p);
	attr->value = out->prefix + 2;
	attr->len = (uint8_t)(wr_len(&w) - 2);
}

static bool
is_ours(const struct aaa *a, const struct radius_attr *attr)
{
	const struct conf_radius *c = &a->cp->conf->radius;
	struct addr theirs;
	uint32_t ip4;

	if (attr->id == RADIUS_NAS_IDENTIFIER)
		return c->nas_identifier && strlen(c->nas_identifier) == attr->len &&
		       !memcmp(c->nas_identifier, attr->value, attr->len);
	if (attr->id == RADIUS_NAS_IP_ADDRESS ? !radius_get_ip4(attr, &ip4) : !radius_get_ip6(attr, &theirs))
		return false;
	if (attr->id == RADIUS_NAS_IP_ADDRESS)
		theirs = addr_from_ip4(ip4);
	if (addr_eq(&theirs, &c->nas_ip_address) || addr_eq(&theirs, &c->nas_ipv6_address))
		return true;
	for (unsigned i = 0; request_adds_nas_address(a) && i < a->n_own; i++)
		if (addr_eq(&theirs, &a->own[i]))
			return true;
	return false;
}

static enum radius_error_cause
select_one(const struct aaa *a, const struct wanted *w, struct session **out)
{
	uint8_t key[KEY_MAX];
	unsigned kind = 0;
	struct index_link *l;

	while (!w->key[kind].value)
		kind++;
	struct radius_attr attr = w->key[kind];
	size_t n = key_build(kind, attr.value, attr.len, key);
	for (size_t i = 1; kind == BY_SID && i < n; i++) /* of either case */
		if (key[i] >= 'A' && key[i] <= 'F')
			key[i] = (uint8_t)(key[i] + 'a' - 'A');
	struct coa_entry *e = find(a, key, n);
	if (!e)
		return RADIUS_EC_NOT_FOUND;
	LIST_FOREACH(l, &e->members, link)
	{
		if (l->s->state >= SESSION_FINISHING || !agrees(l->s, w))
			continue;
		if (*out) {
			*out = NULL;
			return RADIUS_EC_SEVERAL;
		}
		*out = l->s;
	}
	return *out ? RADIUS_EC_NONE : RADIUS_EC_NOT_FOUND;
}

static bool
agrees(const struct session *s, const struct wanted *w)
{
	uint8_t key[KEY_MAX];

	for (unsigned kind = BY_SID + 1; kind < KINDS; kind++) {
		const struct radius_attr *attr = &w->key[kind];
		if (!attr->value)
			continue;
		size_t n = key_of(s, kind, key);
		if (n != attr->len + 1u || memcmp(key + 1, attr->value, attr->len))
			return false;
	}
	return true;
}

/* What may change while a session is up. */
static bool
changeable(const struct aaa *a, uint32_t id) ON_MAIN
{
	switch (id) {
	case RADIUS_SESSION_TIMEOUT:
	case RADIUS_IDLE_TIMEOUT:
	case RADIUS_TERMINATION_ACTION:
	case RADIUS_ACCT_INTERIM_INTERVAL:
	case RADIUS_CLASS:
	case RADIUS_MIKROTIK_RATE_LIMIT:
	case RADIUS_WISPR_MAX_UP:
	case RADIUS_WISPR_MAX_DOWN:
	case RADIUS_CISCO_AVPAIR:
		return true;
	default:
		return a->map.rate_attr && id == a->map.rate_attr;
	}
}

/* change: nothing of the session is touched before all of it is known to be good. */
static enum radius_error_cause
change(struct aaa *a, struct session *s, struct wanted *w, struct mono now)
{
	struct radius_walk walk = radius_walk_bare(w->changes, wr_len(&w->w));
	struct radius_attr attr;
	struct map m;

	if (!wr_len(&w->w))
		return RADIUS_EC_MISSING_ATTRIBUTE;
	while (radius_next(&walk, &attr) == RADIUS_FOUND)
		if (!changeable(a, attr.id))
			return RADIUS_EC_UNSUPPORTED_ATTRIBUTE;
	map_init(&m, &a->map);
	bool ok = map_take(&m, radius_walk_bare(w->changes, wr_len(&w->w)));
	enum radius_error_cause e = !ok || *m.note ? RADIUS_EC_INVALID_VALUE
				    : m.ignored    ? RADIUS_EC_UNSUPPORTED_ATTRIBUTE
						   : RADIUS_EC_NONE;
	if (!e) {
		profile_take(&m.profile, &s->profile);
		profile_fini(&s->profile);
		s->profile = m.profile;
		profile_init(&m.profile);
		session_changed(s, now);
	}
	map_fini(&m);
	return e;
}
