/* keys_ipv6.c - what a subscriber's link says in router advertisements and DHCPv6. */
#include "conf/reader.h"
#include "conf/row.h"

/* clang-format off */
static int
advertisement_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_router_advertisement *a = obj;
	(void)s;
	/* RFC 4861 6.2.1: a third of MaxRtrAdvInterval, and three times of it. */
	if (!a->min_interval)
		a->min_interval = a->max_interval >= 9 ? a->max_interval / 3 : a->max_interval * 3 / 4;
	if (!a->lifetime)
		a->lifetime = a->max_interval * 3 < 9000 ? a->max_interval * 3 : 9000;
	if (a->min_interval > a->max_interval * 3 / 4)
		return conf_fail(r, "min-interval", -1, "is %u, more than three quarters of max-interval (%u)",
			a->min_interval, a->max_interval);
	return 0;
}

#define T struct conf_router_advertisement
static const struct conf_row advertisement_rows[] = {
	NUMBER(T, max_interval, "max-interval", 4, 1800, "600", "RFC 4861 6.2.1", "MaxRtrAdvInterval in seconds."),
	NUMBER(T, min_interval, "min-interval", 3, 1350, NULL, "RFC 4861 6.2.1", "MinRtrAdvInterval in seconds.",
		.def_text = "a third of max-interval"),
	NUMBER(T, initial_count, "initial-count", 1, 20, "5", "RFC 4861 10",
		"Advertisements after a link has come up."),
	NUMBER(T, initial_interval, "initial-interval", 1, 60, "3", "RFC 4861 10", "Seconds between those."),
	NUMBER(T, lifetime, "lifetime", 4, 9000, NULL, "RFC 4861 6.2.1", "AdvDefaultLifetime in seconds.",
		.def_text = "three times max-interval"),
	NUMBER(T, valid_lifetime, "valid-lifetime", 1, 2147483647, "2592000", "RFC 4861 6.2.1",
		"Of the prefix, in seconds."),
	NUMBER(T, preferred_lifetime, "preferred-lifetime", 1, 2147483647, "604800", "RFC 4861 6.2.1",
		"Of the prefix, in seconds."),
	NUMBER(T, hop_limit, "hop-limit", 0, 255, "64", "RFC 4861 6.2.1", "AdvCurHopLimit."),
	NUMBER(T, mtu, "mtu", 0, 9216, "0", "RFC 4861 6.2.1", "AdvLinkMTU; 0 sends none."),
	NUMBER(T, reachable_time, "reachable-time", 0, 3600000, "0", "RFC 4861 6.2.1", "AdvReachableTime in ms."),
	NUMBER(T, retransmit_timer, "retransmit-timer", 0, 3600000, "0", "RFC 4861 6.2.1", "AdvRetransTimer in ms."),
	BOOL(T, managed, "managed", "false", "RFC 4861 4.2", "Addresses come by DHCPv6."),
	BOOL(T, other_config, "other-config", "true", "RFC 4861 4.2", "Other information comes by DHCPv6."),
	BOOL(T, autonomous, "autonomous", "true", "RFC 4862 5.5.3", "Hosts may make addresses of the prefix."),
	BOOL(T, on_link, "on-link", "true", "RFC 4861 4.6.2", "The prefix is on the link."),
	STRINGS(T, dnssl, "dnssl", 1, 253, NULL, "RFC 8106 5.2", "Domains to search."),
};
#undef T
const struct conf_table conf_router_advertisement_table = CONF_TABLE(struct conf_router_advertisement,
	"router-advertisement", advertisement_rows, .finish = advertisement_finish);

#define T struct conf_dhcpv6
static const struct conf_row dhcpv6_rows[] = {
	BOOL(T, enable, "enable", "true", "RFC 8415", "Answer DHCPv6."),
	BOOL(T, rapid_commit, "rapid-commit", "true", "RFC 8415 5.1",
		"Two messages instead of four, when the client asks."),
	NUMBER(T, valid_lifetime, "valid-lifetime", 60, 2147483647, "2592000", "RFC 8415 7.7", "Seconds."),
	NUMBER(T, preferred_lifetime, "preferred-lifetime", 60, 2147483647, "604800", "RFC 8415 7.7", "Seconds."),
	STRING(T, server_id, "server-id", 0, 63, NULL, "RFC 8415 11.4", "Our identifier, x:x:x:x.",
		.def_text = "made once"),
	STRING(T, aftr_name, "aftr-name", 0, 253, NULL, "RFC 6334", "The AFTR of DS-Lite."),
	STRINGS(T, domain_search, "domain-search", 1, 253, NULL, "RFC 3646 4", "Domains to search."),
};
#undef T
const struct conf_table conf_dhcpv6_table = CONF_TABLE(struct conf_dhcpv6, "dhcpv6", dhcpv6_rows);
/* clang-format on */
