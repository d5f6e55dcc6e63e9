#include "aaa/map.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define MTU_MIN 64
#define INTERIM_MIN_S 60 /* RFC 2869 5.16 */
#define ASK_USER 0xffffffffu
#define ASK_NAS 0xfffffffeu

enum rate_rank { RANK_CONFIGURED, RANK_CISCO, RANK_MIKROTIK, RANK_WISPR, RANKS };

/* What a row needs besides the attribute. */
struct row {
	uint32_t id;
	bool (*take)(struct map *m, const struct radius_attr *a);
};

static const struct row *row_of(uint32_t id) ON_MAIN;
static bool take_one(struct map *m, const struct radius_attr *a) ON_MAIN;
static void finish(struct map *m) ON_MAIN;
static bool fail(struct map *m, const struct radius_attr *a, const char *format, ...) ON_MAIN
	__attribute__((format(printf, 3, 4)));
static void note(struct map *m, const struct radius_attr *a, const char *what) ON_MAIN;
static const char *name_of(const struct map *m, uint32_t id) ON_MAIN;
static bool parse_route(const char *text, bool v6, struct prefix *out);

void
map_init(struct map *m, const struct map_conf *conf)
{
	*m = (struct map){.conf = conf};
	profile_init(&m->profile);
}

void
map_fini(struct map *m)
{
	profile_fini(&m->profile);
	explicit_bzero(m->send_key, sizeof m->send_key);
	explicit_bzero(m->recv_key, sizeof m->recv_key);
	explicit_bzero(m->lm_key, sizeof m->lm_key);
	explicit_bzero(m->nt_key, sizeof m->nt_key);
}

bool
map_take(struct map *m, struct radius_walk w)
{
	struct radius_attr a;

	for (enum radius_step s; (s = radius_next(&w, &a)) != RADIUS_END;) {
		/* The inside of a vendor that is not known may have any form. */
		if (s == RADIUS_BROKEN && !radius_dict_name(m->conf->dict, a.id | 1)) {
			m->ignored++;
			continue;
		}
		if (s == RADIUS_BROKEN)
			return fail(m, &a, "sub-attributes do not add up");
		if (!take_one(m, &a))
			return false;
	}
	finish(m);
	return true;
}

static bool
take_one(struct map *m, const struct radius_attr *a)
{
	const struct row *row = row_of(a->id);

	if (m->conf->rate_attr == a->id) {
		char text[RADIUS_VALUE_MAX + 1];
		struct rate r;
		uint32_t kbps;
		bool is_number = a->len == 4 && radius_get_u32(a, &kbps) && !radius_get_text(a, text, sizeof text);
		if (is_number)
			snprintf(text, sizeof text, "%u", kbps);
		if ((is_number || radius_get_text(a, text, sizeof text)) &&
		    rate_parse_pair(text, m->conf->rate_multiplier_permille, &r))
			rate_merge(&m->rates[RANK_CONFIGURED], &r);
		else if (!row || a->id == RADIUS_FILTER_ID)
			note(m, a, "is not a rate, ignored");
	}
	if (row)
		return row->take(m, a);
	m->ignored++;
	if (!m->first_unknown)
		m->first_unknown = a->id;
	return true;
}

/* The first word for a direction stands, in the order of ranks. */
static void
finish(struct map *m)
{
	struct rate r = {0};

	for (unsigned i = 0; i < RANKS; i++)
		rate_merge(&r, &m->rates[i]);
	if (r.down.said) {
		profile_say_down_kbps(&m->profile, r.down.kbps);
		profile_say_down_burst(&m->profile, r.down.burst_bytes);
	}
	if (r.up.said) {
		profile_say_up_kbps(&m->profile, r.up.kbps);
		profile_say_up_burst(&m->profile, r.up.burst_bytes);
	}
	if (m->n_routes)
		(void)profile_say_routes(&m->profile, m->routes, m->n_routes * sizeof *m->routes);
	if (m->n_routes6)
		(void)profile_say_routes6(&m->profile, m->routes6, m->n_routes6 * sizeof *m->routes6);
	if (m->classes_len)
		(void)profile_say_classes(&m->profile, m->classes, m->classes_len);
}

static const char *
name_of(const struct map *m, uint32_t id)
{
	const char *name = radius_dict_name(m->conf->dict, id);

	return name ? name : "an attribute";
}

static bool
fail(struct map *m, const struct radius_attr *a, const char *format, ...)
{
	va_list ap;
	int n = snprintf(m->why, sizeof m->why, "%s: ", name_of(m, a->id));

	va_start(ap, format);
	vsnprintf(m->why + n, sizeof m->why - (size_t)n, format, ap);
	va_end(ap);
	m->faulty = a->id;
	return false;
}

static bool
malformed(struct map *m, const struct radius_attr *a) ON_MAIN
{
	return fail(m, a, "malformed, %u bytes", a->len);
}

static void
note(struct map *m, const struct radius_attr *a, const char *what)
{
	char text[96];

	if (!radius_get_text(a, text, sizeof text))
		snprintf(text, sizeof text, "(%u bytes)", a->len);
	snprintf(m->note, sizeof m->note, "%s \"%.60s\" %s", name_of(m, a->id), text, what);
}

/* --- rows -------------------------------------------------------------------------------------------------------- */

#define ROW(name) static bool take_##name(struct map *m, const struct radius_attr *a) ON_MAIN

/* A number as it is. */
#define ROW_U32(name, setter)                                                                                          \
	ROW(name)                                                                                                      \
	{                                                                                                              \
		uint32_t v;                                                                                            \
		if (!radius_get_u32(a, &v))                                                                            \
			return malformed(m, a);                                                                        \
		setter(&m->profile, v);                                                                                \
		return true;                                                                                           \
	}
ROW_U32(session_timeout, profile_say_session_timeout_s)
ROW_U32(idle_timeout, profile_say_idle_timeout_s)
ROW_U32(port_limit, profile_say_port_limit)

/* An IPv4 server; 0.0.0.0 is none. */
#define ROW_SERVER(name, setter) ROW_U32(name, setter)
ROW_SERVER(dns1, profile_say_dns1)
ROW_SERVER(dns2, profile_say_dns2)
ROW_SERVER(wins1, profile_say_wins1)
ROW_SERVER(wins2, profile_say_wins2)

/* A pool's name: too long for any pool is refused as unknown, in the same words. */
#define ROW_POOL(name, setter)                                                                                         \
	ROW(name)                                                                                                      \
	{                                                                                                              \
		char text[RADIUS_VALUE_MAX + 1];                                                                       \
		if (!radius_get_text(a, text, sizeof text))                                                            \
			return malformed(m, a);                                                                        \
		return setter(&m->profile, text) || fail(m, a, "no pool is called %.80s", text);                       \
	}
ROW_POOL(pool, profile_say_pool)
ROW_POOL(ipv6_pool, profile_say_ipv6_pool)
ROW_POOL(stateful_pool, profile_say_stateful_pool)
ROW_POOL(delegated_pool, profile_say_delegated_pool)

#define ROW_PREFIX(name, setter)                                                                                       \
	ROW(name)                                                                                                      \
	{                                                                                                              \
		struct prefix p;                                                                                       \
		if (!radius_get_prefix(a, &p))                                                                         \
			return malformed(m, a);                                                                        \
		setter(&m->profile, p);                                                                                \
		return true;                                                                                           \
	}
ROW_PREFIX(ipv6_prefix, profile_say_ipv6_prefix)
ROW_PREFIX(delegated_prefix, profile_say_delegated_prefix)

ROW(user_name)
{
	char text[RADIUS_VALUE_MAX + 1];

	if (!radius_get_text(a, text, sizeof text))
		return malformed(m, a);
	return !profile_say_username(&m->profile, text, strlen(text)) || fail(m, a, "out of memory");
}

/* RFC 2865 5.8: both special values ask us for an address: a subscriber who chooses his own could choose anybody's. */
ROW(ip_address)
{
	uint32_t ip4;

	if (!radius_get_ip4(a, &ip4) || !ip4)
		return malformed(m, a);
	if (ip4 != ASK_USER && ip4 != ASK_NAS)
		profile_say_ip4(&m->profile, ip4);
	return true;
}

ROW(netmask)
{
	uint32_t mask;

	if (!radius_get_ip4(a, &mask) || (~mask & (~mask + 1)))
		return malformed(m, a);
	profile_say_netmask_len(&m->profile, (uint8_t)__builtin_popcount(mask));
	return true;
}

ROW(mtu)
{
	uint32_t mtu;

	if (!radius_get_u32(a, &mtu) || mtu < MTU_MIN || mtu > UINT16_MAX)
		return malformed(m, a);
	profile_say_mtu(&m->profile, (uint16_t)mtu);
	return true;
}

ROW(interim)
{
	uint32_t s;

	if (!radius_get_u32(a, &s))
		return malformed(m, a);
	profile_say_interim_s(&m->profile, s && s < INTERIM_MIN_S ? INTERIM_MIN_S : s);
	return true;
}

ROW(termination)
{
	uint32_t v;

	if (!radius_get_u32(a, &v))
		return malformed(m, a);
	profile_say_termination(&m->profile, v == 1);
	return true;
}

ROW(route)
{
	char text[RADIUS_VALUE_MAX + 1];
	struct prefix p;

	if (!radius_get_text(a, text, sizeof text))
		return malformed(m, a);
	bool v6 = a->id == RADIUS_FRAMED_IPV6_ROUTE;
	unsigned *n = v6 ? &m->n_routes6 : &m->n_routes;
	if (!parse_route(text, v6, &p))
		return fail(m, a, "\"%.80s\" is not a route", text);
	if (*n == MAP_ROUTES)
		return fail(m, a, "more than %d of them", MAP_ROUTES);
	(v6 ? m->routes6 : m->routes)[(*n)++] = p;
	return true;
}

/* parse_route: "prefix [gateway [metric...]]" (RFC 2865 5.22); the gateway is the subscriber, whatever it says. */
static bool
parse_route(const char *text, bool v6, struct prefix *out)
{
	char dst[PREFIX_STRLEN];
	size_t n = strcspn(text, " ");

	if (n >= sizeof dst)
		return false;
	memcpy(dst, text, n);
	dst[n] = 0;
	if (!prefix_parse(dst, out) || addr_is_v4(&out->addr) == v6 || !out->len)
		return false;
	*out = prefix_mask(*out);
	text += n;
	text += strspn(text, " ");
	n = strcspn(text, " ");
	struct addr gateway;
	if (!n)
		return true;
	if (n >= sizeof dst)
		return false;
	memcpy(dst, text, n);
	dst[n] = 0;
	return addr_parse(dst, &gateway) && addr_is_v4(&gateway) != v6;
}

ROW(ipv6_address)
{
	struct addr ip6;

	if (!radius_get_ip6(a, &ip6) || addr_is_v4(&ip6) || addr_is_any(&ip6))
		return malformed(m, a);
	profile_say_ip6(&m->profile, ip6);
	return true;
}

ROW(interface_id)
{
	if (a->len != 8 || !be64(a->value))
		return malformed(m, a);
	profile_say_interface_id(&m->profile, be64(a->value));
	return true;
}

ROW(dns6)
{
	struct addr ip6;

	if (!radius_get_ip6(a, &ip6) || addr_is_v4(&ip6))
		return malformed(m, a);
	struct addr list[4];
	const struct profile_block *b = m->profile.dns6;
	unsigned n = b ? b->len / (unsigned)sizeof *list : 0;
	if (n == 4)
		return true;
	if (n)
		memcpy(list, b->bytes, n * sizeof *list);
	list[n] = ip6;
	return !profile_say_dns6(&m->profile, list, (n + 1) * sizeof *list) || fail(m, a, "out of memory");
}

/* RFC 2865 5.25: any bytes, echoed as they came, in their order. */
ROW(class)
{
	if (!a->len)
		return malformed(m, a);
	if (m->classes_len + 1 + a->len > MAP_CLASSES)
		return fail(m, a, "more than %d bytes of them", MAP_CLASSES);
	m->classes[m->classes_len++] = a->len;
	memcpy(m->classes + m->classes_len, a->value, a->len);
	m->classes_len += a->len;
	return true;
}

ROW(state)
{
	if (!a->len)
		return malformed(m, a);
	return !profile_say_state(&m->profile, a->value, a->len) || fail(m, a, "out of memory");
}

/* A name of an interface of ours: what Linux takes, and no format. */
ROW(nas_port_id)
{
	char text[RADIUS_VALUE_MAX + 1];

	if (!radius_get_text(a, text, sizeof text) || strpbrk(text, "% /:") || !profile_say_ifname(&m->profile, text))
		note(m, a, "cannot be a name of an interface, ignored");
	return true;
}

ROW(vrf)
{
	char text[RADIUS_VALUE_MAX + 1];

	if (!radius_get_text(a, text, sizeof text))
		return malformed(m, a);
	return fail(m, a, "\"%.60s\": there are no VRFs in this release", text);
}

ROW(filter_id)
{
	(void)m;
	(void)a;
	return true; /* a rate when the configuration says so (take_one), else of no meaning here */
}

ROW(cisco)
{
	char text[RADIUS_VALUE_MAX + 1];
	static const char pool[] = "ip:addr-pool=";
	struct rate r;
	bool broken;

	if (!radius_get_text(a, text, sizeof text))
		return malformed(m, a);
	if (!strncmp(text, pool, sizeof pool - 1))
		return profile_says(&m->profile, PROFILE_POOL) ||
		       profile_say_pool(&m->profile, text + sizeof pool - 1) ||
		       fail(m, a, "no pool is called %.80s", text + sizeof pool - 1);
	if (rate_parse_cisco(text, &r, &broken))
		rate_merge(&m->rates[RANK_CISCO], &r);
	else if (broken)
		note(m, a, "is not a rate, ignored");
	else
		m->ignored++;
	return true;
}

ROW(mikrotik)
{
	char text[RADIUS_VALUE_MAX + 1];
	struct rate r;

	if (radius_get_text(a, text, sizeof text) && rate_parse_mikrotik(text, &r))
		rate_merge(&m->rates[RANK_MIKROTIK], &r);
	else
		note(m, a, "is not a rate, ignored");
	return true;
}

ROW(wispr)
{
	uint32_t bps;

	if (!radius_get_u32(a, &bps))
		return malformed(m, a);
	struct rate r = rate_of_bps(bps, a->id == RADIUS_WISPR_MAX_DOWN);
	rate_merge(&m->rates[RANK_WISPR], &r);
	return true;
}

/* Cut to what a peer is told; control characters never reach it. */
ROW(message)
{
	size_t n = strlen(m->message);

	for (unsigned i = 0; i < a->len && n < MAP_TEXT - 1; i++)
		m->message[n++] = (char)(a->value[i] < 0x20 || a->value[i] == 0x7f ? ' ' : a->value[i]);
	return true;
}

ROW(chap_error)
{
	unsigned n = a->len > 1 ? a->len - 1u : 0;

	n = n < MAP_TEXT - 1 ? n : MAP_TEXT - 1;
	for (unsigned i = 0; i < n; i++)
		m->chap_error[i] = (char)(a->value[i + 1] < 0x20 ? ' ' : a->value[i + 1]);
	m->chap_error[n] = 0;
	return true;
}

static int
hex(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2548 2.3.3: identifier, then "S=" and 40 digits. */
ROW(chap2_success)
{
	if (a->len < 43 || a->value[1] != 'S' || a->value[2] != '=')
		return malformed(m, a);
	for (unsigned i = 0; i < 20; i++) {
		int high = hex(a->value[3 + 2 * i]), low = hex(a->value[4 + 2 * i]);
		if (high < 0 || low < 0)
			return malformed(m, a);
		m->chap_success[i] = (uint8_t)(high << 4 | low);
	}
	m->chap_ident = a->value[0];
	m->has_chap_success = true;
	return true;
}

ROW(mppe_key)
{
	bool send = a->id == RADIUS_MS_MPPE_SEND_KEY;
	size_t *n = send ? &m->send_len : &m->recv_len;

	if (!m->secret)
		return true;
	*n = radius_get_mppe(a, m->secret, m->authenticator, send ? m->send_key : m->recv_key);
	if (*n != 16)
		return fail(m, a, "does not decrypt to a key of 16 bytes");
	*(send ? &m->has_send : &m->has_recv) = true;
	return true;
}

ROW(mschap_keys)
{
	if (!m->secret)
		return true;
	m->has_v1_keys = radius_get_mschap_keys(a, m->secret, m->authenticator, m->lm_key, m->nt_key);
	return m->has_v1_keys || malformed(m, a);
}

ROW(mppe_policy)
{
	m->has_mppe_policy = radius_get_u32(a, &m->mppe_policy);
	return m->has_mppe_policy || malformed(m, a);
}

ROW(mppe_types)
{
	m->has_mppe_types = radius_get_u32(a, &m->mppe_types);
	return m->has_mppe_types || malformed(m, a);
}

/* Of a session that PPP carries: they say what is so already. */
ROW(nothing)
{
	(void)m;
	(void)a;
	return true;
}

static const struct row rows[] = {
	{RADIUS_USER_NAME, take_user_name},
	{RADIUS_FRAMED_IP_ADDRESS, take_ip_address},
	{RADIUS_FRAMED_IP_NETMASK, take_netmask},
	{RADIUS_FRAMED_POOL, take_pool},
	{RADIUS_FRAMED_ROUTE, take_route},
	{RADIUS_FRAMED_MTU, take_mtu},
	{RADIUS_FRAMED_IPV6_PREFIX, take_ipv6_prefix},
	{RADIUS_FRAMED_IPV6_ADDRESS, take_ipv6_address},
	{RADIUS_FRAMED_IPV6_ROUTE, take_route},
	{RADIUS_FRAMED_INTERFACE_ID, take_interface_id},
	{RADIUS_FRAMED_IPV6_POOL, take_ipv6_pool},
	{RADIUS_STATEFUL_IPV6_POOL, take_stateful_pool},
	{RADIUS_DELEGATED_IPV6_PREFIX, take_delegated_prefix},
	{RADIUS_DELEGATED_IPV6_POOL, take_delegated_pool},
	{RADIUS_DNS_SERVER_IPV6_ADDRESS, take_dns6},
	{RADIUS_MS_PRIMARY_DNS, take_dns1},
	{RADIUS_MS_SECONDARY_DNS, take_dns2},
	{RADIUS_MS_PRIMARY_NBNS, take_wins1},
	{RADIUS_MS_SECONDARY_NBNS, take_wins2},
	{RADIUS_SESSION_TIMEOUT, take_session_timeout},
	{RADIUS_IDLE_TIMEOUT, take_idle_timeout},
	{RADIUS_TERMINATION_ACTION, take_termination},
	{RADIUS_ACCT_INTERIM_INTERVAL, take_interim},
	{RADIUS_CLASS, take_class},
	{RADIUS_STATE, take_state},
	{RADIUS_PORT_LIMIT, take_port_limit},
	{RADIUS_NAS_PORT_ID, take_nas_port_id},
	{RADIUS_ACCEL_VRF_NAME, take_vrf},
	{RADIUS_FILTER_ID, take_filter_id},
	{RADIUS_CISCO_AVPAIR, take_cisco},
	{RADIUS_MIKROTIK_RATE_LIMIT, take_mikrotik},
	{RADIUS_WISPR_MAX_UP, take_wispr},
	{RADIUS_WISPR_MAX_DOWN, take_wispr},
	{RADIUS_REPLY_MESSAGE, take_message},
	{RADIUS_MS_CHAP_ERROR, take_chap_error},
	{RADIUS_MS_CHAP2_SUCCESS, take_chap2_success},
	{RADIUS_MS_MPPE_SEND_KEY, take_mppe_key},
	{RADIUS_MS_MPPE_RECV_KEY, take_mppe_key},
	{RADIUS_MS_CHAP_MPPE_KEYS, take_mschap_keys},
	{RADIUS_MS_MPPE_POLICY, take_mppe_policy},
	{RADIUS_MS_MPPE_TYPES, take_mppe_types},
	{RADIUS_MESSAGE_AUTHENTICATOR, take_nothing},
	{RADIUS_PROXY_STATE, take_nothing},
	{RADIUS_SERVICE_TYPE, take_nothing},
	{RADIUS_FRAMED_PROTOCOL, take_nothing},
};

static const struct row *
row_of(uint32_t id)
{
	for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++)
		if (rows[i].id == id)
			return &rows[i];
	return NULL;
}

void
map_take_reject(struct map *m, struct radius_walk w)
{
	struct radius_attr a;

	for (enum radius_step s; (s = radius_next(&w, &a)) != RADIUS_END;) {
		if (s != RADIUS_FOUND)
			continue;
		if (a.id == RADIUS_REPLY_MESSAGE)
			(void)take_message(m, &a);
		else if (a.id == RADIUS_MS_CHAP_ERROR)
			(void)take_chap_error(m, &a);
	}
}
