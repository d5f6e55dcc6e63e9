/* conf.h - the configuration of the daemon, as everybody else sees it.
 *
 * One libconfig file is read whole, checked whole, and becomes one `struct conf` that nobody changes afterwards: a
 * reload builds a second one beside it.  Each field is one row of the key tables (keys_*.c: name, type, range, default,
 * help, RFC); a field has its key's name with `_` for `-`, and always holds a value: what the file says, else what the
 * level above says, else the default.  Nobody merges by hand.
 *
 *   struct conf_access   what sstp, pptp and l2tp may each say for themselves; conf->access is the top level, and
 *                        conf_access_of() the view of one protocol, resolved: its own word, else the top level's, else
 *                        the protocol's own default, else the key's.
 *   *_index              a name of another section, resolved: ports.v[interface.port_index]; -1 is none.
 *   unset                strings NULL, addresses `::` (addr_is_any), numbers as the comment beside the field says.
 *   notices              rows whose work is not in this release, when the file sets them: "pptp: not in this
 *                        release, ignored".  The reader logs them once.  They are checked as all others are.
 *
 * Memory: one arena per struct conf; conf_free() gives everything back.  Thread: any, one at a time; MAIN owns the
 * current one, and what a worker needs of it is sent or swapped as a struct of dp's own.
 */
#ifndef CP_CONF_CONF_H
#define CP_CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <millrace/addr.h>
#include <millrace/role.h>

/* CONF_LIST(T): n items at v, in the order of the file; v is NULL when n is 0. */
#define CONF_LIST(T)                                                                                                   \
	struct {                                                                                                       \
		unsigned n;                                                                                            \
		T *v;                                                                                                  \
	}

enum conf_protocol { CONF_L2TP, CONF_SSTP, CONF_PPTP, CONF_PROTOCOLS };
enum conf_idle { CONF_IDLE_NAP, CONF_IDLE_POLL };
enum conf_table_id { CONF_TABLE_CORE, CONF_TABLE_ACCESS };
enum conf_auth { CONF_AUTH_PAP, CONF_AUTH_CHAP, CONF_AUTH_MSCHAP, CONF_AUTH_MSCHAP_V2 };
enum conf_auth_mode { CONF_MODE_LOCAL, CONF_MODE_RADIUS, CONF_MODES };
/* conf_policy: deny = refuse; allow = take it when the peer asks; prefer = ask, live without; require = ask, or end. */
enum conf_policy { CONF_DENY, CONF_ALLOW, CONF_PREFER, CONF_REQUIRE };
/* What a user's own word for MPPE adds: none. */
enum { CONF_AS_PROTOCOL = CONF_REQUIRE + 1 };
enum conf_mppe_bits { CONF_MPPE_40, CONF_MPPE_56, CONF_MPPE_128 };
enum conf_single_session { CONF_SINGLE_OFF, CONF_SINGLE_REPLACE, CONF_SINGLE_DENY };
enum conf_log_level { CONF_LOG_ERROR, CONF_LOG_WARN, CONF_LOG_INFO, CONF_LOG_DEBUG };
enum conf_sid_case { CONF_SID_LOWER, CONF_SID_UPPER };
enum conf_auto { CONF_AUTO, CONF_YES, CONF_NO };
enum conf_hash { CONF_HASH_SHA1, CONF_HASH_SHA256 };
enum conf_tls { CONF_TLS_1_0, CONF_TLS_1_1, CONF_TLS_1_2, CONF_TLS_1_3 };
enum conf_record_engine { CONF_RECORD_IPSEC_MB, CONF_RECORD_CRYPTODEV };

/* conf_endpoint: port is never 0: a listen line without one gets its protocol's. */
struct conf_endpoint {
	struct addr addr;
	uint16_t port;
};

/* conf_range: IPv4, host order, first <= last: what may be lent, so that of a network written a.b.c.d/m its ends are
 * already left out unless all-addresses (a /31 and a /32 have no ends to leave out), and so is what lies before the
 * host bits.  conf_reserved() names the single addresses in between that may not. */
struct conf_range {
	uint32_t first, last;
	const char *text; /* as the file has it */
};

struct conf_strings {
	unsigned n;
	const char **v;
};

struct conf_addrs {
	unsigned n;
	struct addr *v;
};

struct conf_prefixes {
	unsigned n;
	struct prefix *v;
};

struct conf_endpoints {
	unsigned n;
	struct conf_endpoint *v;
};

/* conf_numbers: of enumerators too. */
struct conf_numbers {
	unsigned n;
	unsigned *v;
};

struct conf_cores {
	unsigned main;
	struct conf_numbers workers;
	unsigned offload; /* threads for TLS handshakes */
	bool hugepages;
	unsigned memory; /* MiB */
	unsigned idle;   /* enum conf_idle */
	bool stage_cycles;
	unsigned mbufs; /* per worker; 0 = as many as the sizes need */
	struct conf_strings eal_arguments;
};

struct conf_port {
	const char *name;
	const char *device;
	unsigned rx_descriptors, tx_descriptors;
	bool promiscuous;
	bool checksum_offload;
};

struct conf_interface {
	const char *name;
	const char *port;
	int port_index;
	unsigned vlan; /* 0 = untagged */
	unsigned mtu;
	struct conf_prefixes addresses; /* host bits kept: they are our address */
	bool access;                    /* tunnel peers are here */
	bool core;                      /* inner traffic may enter and leave here */
	bool proxy_arp;
	const char *host;
};

struct conf_route {
	unsigned table; /* enum conf_table_id */
	struct prefix prefix;
	struct addr via;     /* unset when discard */
	int interface_index; /* on whose network `via` is; -1 when discard */
	bool discard;
};

struct conf_tables {
	unsigned adjacencies;
	unsigned routes; /* per table */
};

struct conf_limits {
	const char *connection_limit; /* "60/sec"; NULL = none */
	unsigned connections, per_s;  /* the same, parsed: so many in so many seconds; 0 = no limit */
	unsigned burst;
	unsigned timeout; /* s */
};

struct conf_ppp_options {
	unsigned ipv4, ipv6, mppe; /* enum conf_policy */
	unsigned pcomp, accomp;    /* enum conf_policy */
	unsigned mru; /* what we announce; never 0 in a protocol's view; top level: 0 = the protocol's mtu */
	unsigned min_mtu;
	unsigned lcp_echo_interval; /* s; 0 = no echo */
	unsigned lcp_echo_failure;
	unsigned lcp_echo_timeout;  /* s; > 0 = adaptive mode */
	unsigned keepalive_timeout; /* s; 0 = off */
	unsigned timeout;           /* s: the Restart timer, RFC 1661 4.6 */
	unsigned max_configure, max_terminate, max_failure;
	struct conf_numbers mppe_bits; /* enum conf_mppe_bits */
	bool mppe_stateful;
	bool disable_ccp;
	unsigned ccp_max_configure;
	const char *ipv6_interface_id, *ipv6_peer_interface_id;
	bool ipv6_accept_peer_interface_id;
	unsigned interface_cache;
};

/* conf_access_authentication: the part of `authentication` that a protocol may override. */
struct conf_access_authentication {
	struct conf_numbers protocols; /* enum conf_auth, in the order of preference */
	unsigned timeout;              /* s */
	unsigned max_failure;
	unsigned interval; /* s between re-challenges; 0 = none */
	const char *challenge_name;
	const char *success_text, *failure_text;
};

struct conf_access {
	struct conf_access_authentication authentication;
	const char *default_pool;
	int default_pool_index;
	const char *default_ipv6_pool;
	int default_ipv6_pool_index;
	struct addr gateway_address;
	struct conf_addrs name_server;
	struct conf_addrs wins_server;
	unsigned mtu; /* of the subscriber's link; never 0 in a protocol's view; top level: 0 = each protocol's own */
	unsigned session_timeout, idle_timeout; /* s; 0 = none */
	const char *ifname;                     /* one %d; top level: NULL = each protocol's own */
	struct conf_limits limits;
	struct conf_ppp_options ppp_options;
};

struct conf_l2tp_peer {
	struct prefix address;
	const char *secret;
};

struct conf_l2tp {
	bool enabled; /* the file has this section */
	struct conf_endpoints listen;
	unsigned port;
	const char *host_name;
	const char *secret; /* NULL = peers are not challenged */
	CONF_LIST(struct conf_l2tp_peer) peer;
	bool only_known_peers;
	bool hide_avps, avp_permissive, dir300_quirk;
	unsigned hello_interval;                     /* s; 0 = none */
	unsigned timeout;                            /* s, for a tunnel or a call to come up */
	unsigned rtimeout, rtimeout_cap, retransmit; /* s, s, count */
	unsigned recv_window;
	unsigned dataseq;         /* enum conf_policy */
	unsigned reorder_timeout; /* ms */
	bool use_ephemeral_ports;
	bool data_checksums;
	bool udp6_csum_tx, udp6_csum_rx;
	unsigned idle_tunnel_timeout; /* s */
	unsigned max_tunnels;
	struct conf_access access;
};

struct conf_certificate {
	const char *host_name;
	const char *certificate, *private_key, *ca_certificate;
};

struct conf_sstp {
	bool enabled;
	struct conf_endpoints listen, legacy_listen, proxy_listen;
	struct conf_prefixes proxy_from; /* not empty when proxy_listen is not */
	unsigned port;
	const char *certificate, *private_key, *ca_certificate;
	CONF_LIST(struct conf_certificate) certificates;
	const char *host_name;
	const char *http_error;
	struct conf_numbers cert_hash_proto; /* enum conf_hash */
	const char *cert_hash_sha1, *cert_hash_sha256;
	struct conf_numbers ssl_protocol; /* enum conf_tls */
	const char *ssl_ciphers, *ssl_ciphersuites, *ssl_groups;
	bool ssl_prefer_server_ciphers;
	const char *tls_engine;
	unsigned record_engine; /* enum conf_record_engine */
	const char *cryptodev;
	unsigned handshake_rate, max_handshakes, max_offloaded;
	unsigned timeout, hello_interval; /* s */
	struct conf_access access;
};

struct conf_pptp {
	bool enabled;
	struct conf_endpoints listen;
	unsigned port;
	const char *host_name;
	unsigned timeout;                          /* s */
	unsigned echo_interval, echo_timeout;      /* s */
	unsigned recv_window;                      /* packets */
	unsigned reorder_packets, reorder_timeout; /* packets, ms */
	unsigned idle_tunnel_timeout;              /* s */
	unsigned max_tunnels;
	struct conf_access access;
};

struct conf_rate_limit {
	unsigned download, upload; /* kbit/s; 0 = none */
};

struct conf_user {
	const char *username; /* NULL in a profile */
	const char *name;     /* of a profile; NULL in a user */
	const char *password;
	const char *profile;
	int profile_index;
	bool disable;
	struct addr static_ip;
	const char *pool;
	int pool_index;
	struct addr gateway_address;
	struct conf_prefixes routes;
	struct conf_numbers service; /* enum conf_protocol; empty = any */
	struct conf_strings caller_id;
	const char *ifname;
	struct conf_rate_limit rate_limit;
	unsigned mppe;                          /* enum conf_policy, or CONF_AS_PROTOCOL */
	unsigned session_timeout, idle_timeout; /* s */
	const char *ipv6_pool;
	int ipv6_pool_index;
	struct prefix ipv6_prefix, delegated_prefix;
	unsigned line; /* of a user of chap-secrets: where he stands there; 0: one of local-users */
};

struct conf_authentication {
	struct conf_numbers mode; /* enum conf_auth_mode, in this order */
	bool any_login;
	const char *chap_secrets;
	CONF_LIST(struct conf_user) profiles;
	CONF_LIST(struct conf_user) local_users;
	CONF_LIST(struct conf_user) secrets; /* the users of chap-secrets; not printed: they are of another file */
};

struct conf_pool {
	const char *name;
	CONF_LIST(struct conf_range) range;
	const char *next_pool;
	int next_pool_index;
	bool all_addresses;
};

struct conf_ipv6_prefix {
	struct prefix address;
	unsigned mask;
};

struct conf_ipv6_delegate {
	struct prefix address;
	unsigned delegation_prefix;
};

struct conf_ipv6_pool {
	const char *name;
	CONF_LIST(struct conf_ipv6_prefix) prefix;
	CONF_LIST(struct conf_ipv6_delegate) delegate;
	const char *next_pool;
	int next_pool_index;
};

struct conf_radius_server {
	struct addr address;
	const char *key;
	unsigned port, acct_port; /* acct_port 0 in the file = port + 1; never 0 here */
	unsigned fail_time;       /* s */
	unsigned max_fail, req_limit;
	unsigned priority, weight;
	bool backup, disable, disable_accounting;
};

struct conf_radius_client {
	struct prefix address;
	const char *key;
};

struct conf_dynamic_author {
	struct addr server; /* unset = no CoA and no Disconnect */
	unsigned port;
	const char *key;
	CONF_LIST(struct conf_radius_client) client;
	bool require_nas_identification, require_event_timestamp;
};

struct conf_radius_rate_limit {
	bool enable;
	const char *attribute, *vendor;
	unsigned multiplier_permille;
};

struct conf_radius {
	bool enabled;
	CONF_LIST(struct conf_radius_server) server;
	struct addr source_address;
	unsigned timeout, max_try, acct_timeout;             /* s, count, s */
	unsigned acct_interim_interval, acct_interim_jitter; /* s */
	bool acct_on, acct_required, acct_delay_time;
	const char *acct_spool;
	unsigned acct_spool_size; /* MiB */
	const char *acct_file;
	const char *nas_identifier;
	struct addr nas_ip_address, nas_ipv6_address;
	bool nas_port_id_in_req, sid_in_auth, strip_realm;
	const char *default_realm;
	unsigned require_message_authenticator; /* enum conf_auto */
	struct conf_strings dictionary;
	struct conf_radius_rate_limit rate_limit;
	struct conf_dynamic_author dynamic_author;
};

struct conf_shaper {
	struct conf_rate_limit rate_limit;
	unsigned burst, latency; /* ms, ms */
	unsigned fwmark;
};

struct conf_router_advertisement {
	unsigned max_interval, min_interval, initial_count, initial_interval; /* s */
	unsigned lifetime, valid_lifetime, preferred_lifetime;                /* s */
	unsigned hop_limit, mtu, reachable_time, retransmit_timer;
	bool managed, other_config, autonomous, on_link;
	struct conf_strings dnssl;
};

struct conf_dhcpv6 {
	bool enable, rapid_commit;
	unsigned valid_lifetime, preferred_lifetime; /* s */
	const char *server_id, *aftr_name;
	struct conf_strings domain_search;
};

struct conf_scripts {
	const char *on_pre_up, *on_up, *on_down, *on_change;
};

struct conf_punt {
	unsigned session, source, control; /* packets a second */
};

struct conf_control {
	const char *socket, *group;
};

struct conf_log {
	unsigned level; /* enum conf_log_level */
	const char *file;
};

struct conf_metrics {
	struct conf_endpoint listen; /* port 0 = none */
	bool sessions;
};

struct conf_snmp {
	bool master_agent;
};

struct conf {
	const char *description;
	struct conf_cores cores;
	CONF_LIST(struct conf_port) ports;
	CONF_LIST(struct conf_interface) interfaces;
	struct conf_addrs loopback_addresses;
	CONF_LIST(struct conf_route) routes;
	struct conf_tables tables;
	struct conf_l2tp l2tp;
	struct conf_sstp sstp;
	struct conf_pptp pptp;
	struct conf_authentication authentication;
	unsigned single_session; /* enum conf_single_session */
	bool single_session_ignore_case;
	unsigned sid_case; /* enum conf_sid_case */
	unsigned max_sessions;
	unsigned max_concurrent_sessions; /* being set up; 0 = no limit */
	bool isolate;
	unsigned shutdown_timeout; /* s */
	CONF_LIST(struct conf_pool) client_ip_pool;
	CONF_LIST(struct conf_ipv6_pool) client_ipv6_pool;
	struct conf_access access; /* the top level: use conf_access_of */
	struct conf_radius radius;
	struct conf_shaper shaper;
	struct conf_router_advertisement router_advertisement;
	struct conf_dhcpv6 dhcpv6;
	struct conf_punt punt;
	struct conf_scripts extended_scripts;
	const char *state_directory;
	struct conf_control control;
	struct conf_log log;
	struct conf_metrics metrics;
	struct conf_snmp snmp;
	struct conf_strings notices;
	struct conf_arena *arena;
};

/* conf_error: `text` is the whole sentence for the operator, "millrace.conf:12: client-ip-pool[1].range: 10.78.1.0/24
 * overlaps pool \"home\" (10.78.0.0/16)"; the rest is the same in parts.  line 0: the fault is not on one line. */
struct conf_error {
	char text[512];
	char file[128];
	char key[128];
	unsigned line;
};

/* conf_load: reads, checks and resolves the file.  0 and *out, or -errno, *err filled and *out NULL: -ENOENT, -EACCES
 * for a file that cannot be read, -EINVAL for one that is wrong, -ENOMEM. */
int conf_load(const char *path, struct conf **out, struct conf_error *err) ANY_THREAD;

/* conf_load_beside: the same for a reload of what runs: -EINVAL too when a key differs that takes a restart. */
int conf_load_beside(const char *path, const struct conf *running, struct conf **out, struct conf_error *err)
	ANY_THREAD;

/* conf_load_string: the same from memory; `name` stands for the file in errors.  @include is refused here, and the file of
 * authentication.chap-secrets not read. */
int conf_load_string(const char *text, const char *name, struct conf **out, struct conf_error *err) ANY_THREAD;

void conf_free(struct conf *c) ANY_THREAD;

/* conf_access_of: what holds for a subscriber of this protocol, resolved. */
static inline const struct conf_access *
conf_access_of(const struct conf *c, enum conf_protocol p)
{
	return p == CONF_L2TP ? &c->l2tp.access : p == CONF_SSTP ? &c->sstp.access : &c->pptp.access;
}

/* conf_enabled: whether the file has this protocol's section. */
static inline bool
conf_enabled(const struct conf *c, enum conf_protocol p)
{
	return p == CONF_L2TP ? c->l2tp.enabled : p == CONF_SSTP ? c->sstp.enabled : c->pptp.enabled;
}

/* conf_users, conf_user_at: all users, those of local-users first. */
static inline unsigned
conf_users(const struct conf *c)
{
	return c->authentication.local_users.n + c->authentication.secrets.n;
}

static inline const struct conf_user *
conf_user_at(const struct conf *c, unsigned i)
{
	const struct conf_authentication *a = &c->authentication;
	return i < a->local_users.n ? &a->local_users.v[i] : &a->secrets.v[i - a->local_users.n];
}

/* conf_print: the configuration in effect, every key, in libconfig syntax that conf_load reads back to the same.
 * Secrets are `***` unless `secrets`. */
void conf_print(FILE *f, const struct conf *c, bool secrets) ANY_THREAD;

/* conf_interface_of: whose network the address is on, -1 for none; with `own`, whose own address it is. */
int conf_interface_of(const struct conf *c, const struct addr *a, bool own) ANY_THREAD;

/* conf_reserved: the IPv4 addresses (host order, ascending) that a pool may never lend: our own, the gateways, the
 * static ones of users.  Returns how many it wrote; more than `max` says how much room it wants at most, and that what
 * it wrote is of no use (NULL, 0 asks). */
unsigned conf_reserved(const struct conf *c, uint32_t *out, unsigned max) ANY_THREAD;

/* conf_ifname_numbered: whether ifname of some protocol makes this name of a number, as l2tp%d makes l2tp7. */
bool conf_ifname_numbered(const struct conf *c, const char *name) ANY_THREAD;

/* conf_pool_blocks: how many networks of /24 the pools touch; CONF_SPARE_BLOCKS more are set aside at the start, for
 * addresses of users outside of the pools, neighbours, our own addresses, and pools that grow. */
#define CONF_SPARE_BLOCKS 1024
uint32_t conf_pool_blocks(const struct conf *c) ANY_THREAD;

/* conf_mbufs: packet buffers of each worker core: cores.mbufs, or what its queues need. */
uint32_t conf_mbufs(const struct conf *c) ANY_THREAD;

#endif
