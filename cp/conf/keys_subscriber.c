/* keys_subscriber.c - users and the addresses that they get. */
#include "conf/reader.h"
#include "conf/row.h"

/* clang-format off */
const struct conf_word conf_protocol_words[] = {
	{"l2tp", CONF_L2TP}, {"sstp", CONF_SSTP}, {"pptp", CONF_PPTP}, {NULL},
};
static const struct conf_word user_mppe_words[] = {
	{"as-protocol", CONF_AS_PROTOCOL}, {"deny", CONF_DENY}, {"allow", CONF_ALLOW}, {"prefer", CONF_PREFER},
	{"require", CONF_REQUIRE}, {NULL},
};
static const struct conf_word mode_words[] = {{"local", CONF_MODE_LOCAL}, {"radius", CONF_MODE_RADIUS}, {NULL}};

#define T struct conf_rate_limit
static const struct conf_row rate_limit_rows[] = {
	NUMBER(T, download, "download", 0, 400000000, "0", "kbit/s", "To the subscriber, in kbit/s; 0 is no limit."),
	NUMBER(T, upload, "upload", 0, 400000000, "0", "kbit/s", "From the subscriber, in kbit/s; 0 is no limit."),
};
#undef T
const struct conf_table conf_rate_limit_table = CONF_TABLE(struct conf_rate_limit, "rate-limit", rate_limit_rows);

/* What a profile can say for its users. */
#define T struct conf_user
static const struct conf_row user_common_rows[] = {
	BOOL(T, disable, "disable", "false", "VyOS", "Refuse new sessions."),
	STRING(T, pool, "pool", 0, 31, NULL, "client-ip-pool", "The pool, instead of default-pool."),
	ADDR(T, gateway_address, "gateway-address", "RFC 1332 3.3", "Our address in this session.", .flags = ROW_V4),
	PREFIXES(T, routes, "routes", "RFC 2865 5.22",
		"Networks behind the subscriber: routed to the session while it is up. Of several sessions that have "
		"one, the newest gets it.", .flags = ROW_V4),
	WORDS(T, service, "service", conf_protocol_words, NULL, "pppd",
		"Protocols that may be used; none named is all."),
	STRINGS(T, caller_id, "caller-id", 1, 127, NULL, "pppd", "Calling numbers, addresses or networks that may be used; none named is all."),
	STRING(T, ifname, "ifname", 0, 15, NULL, "RFC 2869 5.17",
		"The session's name, instead of ifname of the protocol.",
		.syntax = &conf_syntax_ifname),
	GROUP(T, rate_limit, "rate-limit", &conf_rate_limit_table, "kbit/s", "What the subscriber may use.",
		.flags = ROW_LATER),
	WORD(T, mppe, "mppe", user_mppe_words, "as-protocol", "RFC 2548 2.4.4",
		"Instead of ppp-options.mppe."),
	NUMBER(T, session_timeout, "session-timeout", 0, 31536000, "0", "RFC 2865 5.27",
		"Seconds after which a session ends; 0 is as the protocol says."),
	NUMBER(T, idle_timeout, "idle-timeout", 0, 31536000, "0", "RFC 2865 5.28",
		"Seconds without traffic after which it ends; 0 is as the protocol says."),
	STRING(T, ipv6_pool, "ipv6-pool", 0, 31, NULL, "client-ipv6-pool", "The pool, instead of default-ipv6-pool.",
		.flags = ROW_LATER),
};
static const struct conf_table user_common_table = CONF_TABLE(struct conf_user, "user", user_common_rows);

static const struct conf_row user_rows[] = {
	STRING(T, username, "username", 1, 253, NULL, "RFC 2865 5.1", "The name, as the subscriber gives it.",
		.flags = ROW_REQUIRED),
	STRING(T, password, "password", 0, 255, NULL, "RFC 1334", "The password, in clear: CHAP needs it.",
		.flags = ROW_REQUIRED | ROW_SECRET),
	STRING(T, profile, "profile", 0, 31, NULL, "authentication.profiles",
		"The profile that says what is not said here."),
	ADDR(T, static_ip, "static-ip", "RFC 2865 5.8", "The address that this user gets, and nobody else.",
		.flags = ROW_V4),
	PREFIX(T, ipv6_prefix, "ipv6-prefix", "RFC 4862", "The /64 of this user.", .flags = ROW_V6 | ROW_LATER),
	PREFIX(T, delegated_prefix, "delegated-prefix", "RFC 8415", "The prefix delegated to this user.",
		.flags = ROW_V6 | ROW_LATER),
	EMBED(0, &user_common_table),
};
const struct conf_table conf_user_table = CONF_TABLE(struct conf_user, "user", user_rows);

static const struct conf_row profile_rows[] = {
	STRING(T, name, "name", 1, 31, NULL, "users name it", "The profile's name.", .flags = ROW_REQUIRED,
		.syntax = &conf_syntax_name),
	EMBED(0, &user_common_table),
};
#undef T
static const struct conf_table profile_table = CONF_TABLE(struct conf_user, "profile", profile_rows);

static const struct conf_user *
profile_of(const struct conf_authentication *a, struct conf_user *u)
{
	u->profile_index = -1;
	for (unsigned i = 0; u->profile && i < a->profiles.n; i++)
		if (!strcmp(a->profiles.v[i].name, u->profile))
			u->profile_index = (int)i;
	return u->profile_index < 0 ? NULL : &a->profiles.v[u->profile_index];
}

/* user_take: what the user's group does not say, the profile does. */
static void
user_take(struct conf_user *u, const struct conf_user *profile, const struct config_setting_t *s)
{
	for (unsigned i = 0; i < user_common_table.n; i++) {
		const struct conf_row *row = &user_common_rows[i];
		if (!config_setting_get_member((struct config_setting_t *)s, row->name))
			memcpy((char *)u + row->offset, (const char *)profile + row->offset, conf_row_size(row));
	}
}

static int
authentication_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_authentication *a = &((struct conf *)obj)->authentication;
	struct config_setting_t *users =
		s ? config_setting_get_member((struct config_setting_t *)s, "local-users") : NULL;
	for (unsigned i = 0; i < a->local_users.n; i++) {
		struct conf_user *u = &a->local_users.v[i];
		const struct conf_user *profile = profile_of(a, u);
		char key[48];
		snprintf(key, sizeof key, "local-users[%u].profile", i);
		if (u->profile && !profile)
			return conf_fail(r, key, -1, "is \"%s\", expected the name of a profile", u->profile);
		if (profile)
			user_take(u, profile, config_setting_get_elem(users, i));
	}
	return conf_secrets_read(r);
}

/* The section is one for the operator and two for us: what a protocol may override lives in conf->access. */
#define T struct conf
static const struct conf_row authentication_rows[] = {
	WORDS(T, authentication.mode, "mode", mode_words, "local", "VyOS",
		"Who decides, in this order: only silence of one asks the next, a reject never does."),
	EMBED(offsetof(T, access.authentication), &conf_access_authentication_table),
	BOOL(T, authentication.any_login, "any-login", "false", "accel-ppp",
		"Take any name and any password, and ask no server. MS-CHAPv2, where the server proves that it knows "
		"the password, is not offered then."),
	STRING(T, authentication.chap_secrets, "chap-secrets", 0, 1023, NULL, "pppd",
		"A file of more local users, in the form of pppd: client, server, secret, and perhaps an address or a "
		"pool, and kbit/s down/up. The server does not matter. A relative path begins at this file."),
	ITEMS(T, authentication.profiles, struct conf_user, "profiles", &profile_table, 4096, "keys for many users",
		"Groups of user keys that have a name."),
	ITEMS(T, authentication.local_users, struct conf_user, "local-users", &conf_user_table, 1000000, "VyOS",
		"The users whom we know ourselves."),
};
#undef T
const struct conf_table conf_authentication_table = CONF_TABLE(struct conf, "authentication",
	authentication_rows, .finish = authentication_finish);

static int
pool_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_pool *p = obj;
	(void)s;
	for (unsigned i = 0; i < p->range.n; i++) {
		struct conf_range *range = &p->range.v[i];
		if (!conf_range_parse(range->text, p->all_addresses, range))
			return conf_fail(r, "range", (int)i, "%s has no address to lend without all-addresses",
					 range->text);
	}
	if (!p->range.n)
		return conf_fail(r, "range", -1, "is empty, expected addresses such as \"10.78.1.0/24\"");
	return 0;
}

#define T struct conf_pool
static const struct conf_row pool_rows[] = {
	STRING(T, name, "name", 1, 31, NULL, "default-pool, next-pool and users name it", "The pool's name.",
		.flags = ROW_REQUIRED, .syntax = &conf_syntax_name),
	{"range", CONF_RANGE, .list = true, .flags = ROW_REQUIRED, .offset = AT_ITEMS(T, range, struct conf_range),
		.why = "RFC 1332 3.3",
		.help = "Addresses to lend, first-last or network/length of any size. Host bits say "
		"where to start; the ends of a network are not lent unless all-addresses is set."},
	STRING(T, next_pool, "next-pool", 0, 31, NULL, "VyOS", "The pool that is asked when this one is empty."),
	BOOL(T, all_addresses, "all-addresses", "false", "RFC 3021", "Lend the ends of networks too."),
};
#undef T
const struct conf_table conf_pool_table = CONF_TABLE(struct conf_pool, "pool", pool_rows, .finish = pool_finish);

#define T struct conf_ipv6_prefix
static const struct conf_row ipv6_prefix_rows[] = {
	PREFIX(T, address, "address", "RFC 4862", "The prefixes of subscribers are cut from it.",
		.flags = ROW_REQUIRED | ROW_V6),
	NUMBER(T, mask, "mask", 48, 128, "64", "RFC 4862", "The length of a subscriber's prefix."),
};
#undef T
static const struct conf_table ipv6_prefix_table = CONF_TABLE(struct conf_ipv6_prefix, "prefix", ipv6_prefix_rows);

#define T struct conf_ipv6_delegate
static const struct conf_row ipv6_delegate_rows[] = {
	PREFIX(T, address, "address", "RFC 8415 6.3", "The delegated prefixes are cut from it.",
		.flags = ROW_REQUIRED | ROW_V6),
	NUMBER(T, delegation_prefix, "delegation-prefix", 32, 64, "56", "RFC 8415 6.3",
		"The length of a delegated prefix."),
};
#undef T
static const struct conf_table ipv6_delegate_table =
	CONF_TABLE(struct conf_ipv6_delegate, "delegate", ipv6_delegate_rows);

#define T struct conf_ipv6_pool
static const struct conf_row ipv6_pool_rows[] = {
	STRING(T, name, "name", 1, 31, NULL, "default-ipv6-pool and users name it", "The pool's name.",
		.flags = ROW_REQUIRED, .syntax = &conf_syntax_name),
	ITEMS(T, prefix, struct conf_ipv6_prefix, "prefix", &ipv6_prefix_table, 256, "RFC 4862", "Prefixes for links."),
	ITEMS(T, delegate, struct conf_ipv6_delegate, "delegate", &ipv6_delegate_table, 256, "RFC 8415 6.3",
		"Prefixes to delegate."),
	STRING(T, next_pool, "next-pool", 0, 31, NULL, "as client-ip-pool",
		"The pool that is asked when this one is empty."),
};
#undef T
const struct conf_table conf_ipv6_pool_table = CONF_TABLE(struct conf_ipv6_pool, "ipv6-pool", ipv6_pool_rows);
/* clang-format on */
