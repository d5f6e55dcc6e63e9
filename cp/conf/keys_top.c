/* keys_top.c - the top level: the machine, its ports and networks, and what is said once for the daemon. */
#include "conf/reader.h"
#include "conf/row.h"

/* clang-format off */
static const struct conf_word idle_words[] = {{"nap", CONF_IDLE_NAP}, {"poll", CONF_IDLE_POLL}, {NULL}};
static const struct conf_word table_words[] = {{"core", CONF_TABLE_CORE}, {"access", CONF_TABLE_ACCESS}, {NULL}};
static const struct conf_word single_words[] = {
	{"off", CONF_SINGLE_OFF}, {"replace", CONF_SINGLE_REPLACE}, {"deny", CONF_SINGLE_DENY}, {NULL},
};
static const struct conf_word case_words[] = {{"lower", CONF_SID_LOWER}, {"upper", CONF_SID_UPPER}, {NULL}};
static const struct conf_word level_words[] = {
	{"error", CONF_LOG_ERROR}, {"warn", CONF_LOG_WARN}, {"info", CONF_LOG_INFO}, {"debug", CONF_LOG_DEBUG}, {NULL},
};

static int
cores_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_cores *c = obj;
	(void)r;
	/* Without hugepages this is no machine to burn cores on. */
	if (!s || !config_setting_get_member((struct config_setting_t *)s, "idle"))
		c->idle = c->hugepages ? CONF_IDLE_POLL : CONF_IDLE_NAP;
	return 0;
}

#define T struct conf_cores
static const struct conf_row cores_rows[] = {
	NUMBER(T, main, "main", 0, 1023, "0", "DPDK --lcores", "The core of the control plane."),
	NUMBERS(T, workers, "workers", 0, 1023, "1", "DPDK --lcores",
		"The cores of the dataplane; with idle = \"nap\" main may share one of them."),
	NUMBER(T, offload, "offload", 0, 64, "1", "beside main", "Threads for TLS handshakes."),
	BOOL(T, hugepages, "hugepages", "false", "DPDK --no-huge", "Take memory from hugepages."),
	NUMBER(T, memory, "memory", 64, 4194304, "512", "DPDK -m", "MiB of memory for the dataplane."),
	WORD(T, idle, "idle", idle_words, "nap", "CPU time against latency",
		"What a worker core does without packets: nap sleeps for up to 50 microseconds at a time, poll never.",
		.def_text = "nap, and poll with hugepages"),
	BOOL(T, stage_cycles, "stage-cycles", "false", "measuring costs", "Count the cycles of each stage."),
	NUMBER(T, mbufs, "mbufs", 1024, 67108864, NULL, "DPDK mempool", "Packet buffers of each worker core.",
		.def_text = "as the ports need"),
	STRINGS(T, eal_arguments, "eal-arguments", 1, 255, NULL, "DPDK EAL", "More arguments for DPDK, as they are."),
};
#undef T
static const struct conf_table cores_table =
	CONF_TABLE(struct conf_cores, "cores", cores_rows, .finish = cores_finish);

#define T struct conf_port
static const struct conf_row port_rows[] = {
	STRING(T, name, "name", 1, 15, NULL, "interfaces name it", "The port's name.", .flags = ROW_REQUIRED,
		.syntax = &conf_syntax_name),
	STRING(T, device, "device", 1, 255, NULL, "DPDK -a, --vdev",
		"A PCI address, or a virtual device with its arguments, such as \"net_tap0,iface=acc0\".",
		.flags = ROW_REQUIRED),
	NUMBER(T, rx_descriptors, "rx-descriptors", 64, 32768, "1024", "rte_eth_rx_queue_setup", "Of each queue."),
	NUMBER(T, tx_descriptors, "tx-descriptors", 64, 32768, "1024", "rte_eth_tx_queue_setup", "Of each queue."),
	BOOL(T, promiscuous, "promiscuous", "false", "rte_eth_promiscuous_enable", "Take frames for other addresses."),
	BOOL(T, checksum_offload, "checksum-offload", "true", "RTE_ETH_TX_OFFLOAD_*",
		"Let the device check and write checksums where it can."),
};
#undef T
static const struct conf_table port_table = CONF_TABLE(struct conf_port, "port", port_rows);

static int
interface_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_interface *i = obj;
	(void)r;
	if (!config_setting_get_member((struct config_setting_t *)s, "core"))
		i->core = !i->access;
	return 0;
}

#define T struct conf_interface
static const struct conf_row interface_rows[] = {
	STRING(T, name, "name", 1, 31, NULL, "shown and logged", "The interface's name.", .flags = ROW_REQUIRED,
		.syntax = &conf_syntax_name),
	STRING(T, port, "port", 1, 15, NULL, "ports", "The port that it is on.", .flags = ROW_REQUIRED),
	NUMBER(T, vlan, "vlan", 0, 4094, "0", "IEEE 802.1Q 9.6", "The VLAN; 0 is untagged."),
	NUMBER(T, mtu, "mtu", 576, 9216, "1500", "RFC 791 3.2, RFC 8200 5",
		"The largest IP packet; with IPv6 at least 1280."),
	PREFIXES(T, addresses, "addresses", "RFC 791", "Our addresses, each with the length of its network.",
		.flags = ROW_HOST_BITS),
	BOOL(T, access, "access", "false", "where peers are", "Tunnel peers are on this interface."),
	BOOL(T, core, "core", NULL, "where subscribers' packets go",
		"Packets of subscribers may enter and leave here.", .def_text = "the opposite of access"),
	BOOL(T, proxy_arp, "proxy-arp", "false", "RFC 1027",
		"Answer ARP for subscribers that are up and have an address of this network."),
	STRING(T, host, "host", 0, 15, NULL, "for RADIUS, BGP, ssh",
		"An interface of the kernel with the same addresses.",
		.syntax = &conf_syntax_ifname, .flags = ROW_LATER),
};
#undef T
static const struct conf_table interface_table =
	CONF_TABLE(struct conf_interface, "interface", interface_rows, .finish = interface_finish);

#define T struct conf_route
static const struct conf_row route_rows[] = {
	WORD(T, table, "table", table_words, "core", "two tables",
		"Whose route it is: core is for packets of subscribers, access for those of tunnels."),
	PREFIX(T, prefix, "prefix", "RFC 4632", "The destination.", .flags = ROW_REQUIRED),
	ADDR(T, via, "via", "RFC 1812 5.2.4", "The next router, on a network of an interface."),
	BOOL(T, discard, "discard", "false", "RFC 1812 5.3.4", "Drop such packets, and say so to the sender."),
};
#undef T
static const struct conf_table route_table = CONF_TABLE(struct conf_route, "route", route_rows);

#define T struct conf_tables
static const struct conf_row tables_rows[] = {
	NUMBER(T, adjacencies, "adjacencies", 16, 1048576, "4096", "memory", "Neighbours known at once."),
	NUMBER(T, routes, "routes", 16, 4194304, "16384", "memory", "Routes in each table."),
};
#undef T
static const struct conf_table tables_table = CONF_TABLE(struct conf_tables, "tables", tables_rows);

#define T struct conf_shaper
static const struct conf_row shaper_rows[] = {
	GROUP(T, rate_limit, "rate-limit", &conf_rate_limit_table, "accel-ppp",
		"The rates of those for whom nobody says one."),
	NUMBER(T, burst, "burst", 1, 10000, "100", "RFC 2697", "Milliseconds of the rate that may pass at once."),
	NUMBER(T, latency, "latency", 1, 10000, "50", "RFC 8290", "Milliseconds that packets may wait."),
	NUMBER(T, fwmark, "fwmark", 1, 2147483647, NULL, "no kernel firewall marks packets here",
		"Marked traffic is not shaped.",
		.flags = ROW_VOID),
};
#undef T
static const struct conf_table shaper_table = CONF_TABLE(struct conf_shaper, "shaper", shaper_rows);

#define T struct conf_punt
static const struct conf_row punt_rows[] = {
	NUMBER(T, session, "session", 1, 1000000, "100", "flood control", "Control packets a second of one session."),
	NUMBER(T, source, "source", 1, 1000000, "1000", "flood control", "Control packets a second of one source."),
	NUMBER(T, control, "control", 1, 10000000, "100000", "flood control",
		"Control packets a second of all together."),
};
#undef T
static const struct conf_table punt_table = CONF_TABLE(struct conf_punt, "punt", punt_rows);

#define T struct conf_scripts
static const struct conf_row scripts_rows[] = {
	STRING(T, on_pre_up, "on-pre-up", 0, 1023, NULL, "VyOS", "Run before a session comes up."),
	STRING(T, on_up, "on-up", 0, 1023, NULL, "VyOS", "Run when a session is up."),
	STRING(T, on_down, "on-down", 0, 1023, NULL, "VyOS", "Run when a session ends."),
	STRING(T, on_change, "on-change", 0, 1023, NULL, "VyOS", "Run when a CoA has changed a session."),
};
#undef T
static const struct conf_table scripts_table = CONF_TABLE(struct conf_scripts, "extended-scripts", scripts_rows);

#define T struct conf_control
static const struct conf_row control_rows[] = {
	STRING(T, socket, "socket", 1, 107, "/run/millrace/control.sock", "sun_path", "The socket of the CLI."),
	STRING(T, group, "group", 0, 31, NULL, "chown", "The group that may use it besides root.", .flags = ROW_LATER),
};
#undef T
static const struct conf_table control_table = CONF_TABLE(struct conf_control, "control", control_rows);

#define T struct conf_log
static const struct conf_row log_rows[] = {
	WORD(T, level, "level", level_words, "info", "life events at info, negotiation at debug",
		"The least that is logged."),
	STRING(T, file, "file", 1, 1023, "stderr", "logs", "A file, or \"stderr\".", .flags = ROW_RESTART),
};
#undef T
static const struct conf_table log_table = CONF_TABLE(struct conf_log, "log", log_rows);

static int
metrics_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_metrics *m = obj;
	(void)r;
	if (!m->listen.port && s && config_setting_get_member((struct config_setting_t *)s, "listen"))
		m->listen.port = 9100;
	return 0;
}

#define T struct conf_metrics
static const struct conf_row metrics_rows[] = {
	{"listen", CONF_ENDPOINT, .offset = AT(T, listen, struct conf_endpoint), .why = "Prometheus",
		.help = "The address that answers HTTP GET /metrics; the port is 9100 unless said."},
	BOOL(T, sessions, "sessions", "false", "Prometheus", "Figures of each session too."),
};
#undef T
static const struct conf_table metrics_table =
	CONF_TABLE(struct conf_metrics, "metrics", metrics_rows, .finish = metrics_finish);

#define T struct conf_snmp
static const struct conf_row snmp_rows[] = {
	BOOL(T, master_agent, "master-agent", "false", "VyOS", "Serve SNMP."),
};
#undef T
static const struct conf_table snmp_table = CONF_TABLE(struct conf_snmp, "snmp", snmp_rows);

#define T struct conf
static const struct conf_row top_rows[] = {
	STRING(T, description, "description", 0, 255, NULL, "VyOS", "A word about this machine."),
	GROUP(T, cores, "cores", &cores_table, "DPDK EAL", "Cores and memory.", .flags = ROW_RESTART),
	ITEMS(T, ports, struct conf_port, "ports", &port_table, 16, "DPDK ethdev", "The devices.", .flags = ROW_RESTART),
	ITEMS(T, interfaces, struct conf_interface, "interfaces", &interface_table, 64, "IEEE 802.1Q, RFC 791",
		"Our networks; several may share a port.", .flags = ROW_RESTART),
	ADDRS(T, loopback_addresses, "loopback-addresses", "RFC 1812 2.2.7",
		"Addresses of ours that no interface has.", .flags = ROW_RESTART),
	ITEMS(T, routes, struct conf_route, "routes", &route_table, 65536, "RFC 1812 5.2.4", "Static routes.",
		.flags = ROW_RESTART),
	GROUP(T, tables, "tables", &tables_table, "memory", "Sizes.", .flags = ROW_RESTART),
	/* The top level comes before the protocols, which inherit from it. */
	{"authentication", CONF_GROUP, .sub = &conf_authentication_table, .why = "RFC 1661 6.2",
		.help = "Who comes in, and how."},
	EMBED(offsetof(T, access), &conf_access_common_table),
	GROUP(T, l2tp, "l2tp", &conf_l2tp_table, "RFC 2661", "L2TPv2. The section switches it on.",
		.flags = ROW_PRESENCE),
	GROUP(T, sstp, "sstp", &conf_sstp_table, "MS-SSTP", "SSTP. The section switches it on.",
		.flags = ROW_PRESENCE),
	GROUP(T, pptp, "pptp", &conf_pptp_table, "RFC 2637", "PPTP. The section switches it on.",
		.flags = ROW_PRESENCE | ROW_RESTART),
	WORD(T, single_session, "single-session", single_words, "off", "accel-ppp",
		"A second session of one user: replace ends the first, deny refuses the second."),
	BOOL(T, single_session_ignore_case, "single-session-ignore-case", "false", "accel-ppp",
		"User names that differ in case are one user.", .flags = ROW_RESTART),
	WORD(T, sid_case, "sid-case", case_words, "lower", "accel-ppp", "Letters of Acct-Session-Id.",
		.flags = ROW_LATER),
	NUMBER(T, max_sessions, "max-sessions", 1, 16777215, "65536", "memory", "Sessions at once.",
		.flags = ROW_RESTART),
	NUMBER(T, max_concurrent_sessions, "max-concurrent-sessions", 0, 16777215, "1000", "VyOS",
		"Sessions being set up at once; 0 is no limit."),
	BOOL(T, isolate, "isolate", "false", "subscribers apart", "Drop packets from one subscriber to another."),
	NUMBER(T, shutdown_timeout, "shutdown-timeout", 1, 600, "5", "SIGTERM",
		"Seconds within which all sessions are ended when the daemon stops."),
	ITEMS(T, client_ip_pool, struct conf_pool, "client-ip-pool", &conf_pool_table, 4096, "RFC 1332 3.3",
		"IPv4 pools."),
	ITEMS(T, client_ipv6_pool, struct conf_ipv6_pool, "client-ipv6-pool", &conf_ipv6_pool_table, 4096, "RFC 8415",
		"IPv6 pools.", .flags = ROW_LATER),
	GROUP(T, radius, "radius", &conf_radius_table, "RFC 2865, RFC 2866, RFC 5176", "RADIUS.",
		.flags = ROW_PRESENCE),
	GROUP(T, shaper, "shaper", &shaper_table, "RFC 8290", "Rates.", .flags = ROW_LATER),
	GROUP(T, router_advertisement, "router-advertisement", &conf_router_advertisement_table, "RFC 4861 6.2.1",
		"Router advertisements to subscribers.", .flags = ROW_LATER),
	GROUP(T, dhcpv6, "dhcpv6", &conf_dhcpv6_table, "RFC 8415", "DHCPv6 to subscribers.", .flags = ROW_LATER),
	GROUP(T, punt, "punt", &punt_table, "flood control", "How much reaches the control plane.", .flags = ROW_LATER),
	GROUP(T, extended_scripts, "extended-scripts", &scripts_table, "VyOS", "Programs to run.", .flags = ROW_LATER),
	STRING(T, state_directory, "state-directory", 1, 1023, "/var/lib/millrace", "FHS 5.8",
		"What must survive a restart.", .flags = ROW_RESTART),
	GROUP(T, control, "control", &control_table, "the CLI", "The control socket.", .flags = ROW_RESTART),
	GROUP(T, log, "log", &log_table, "logs", "The log."),
	GROUP(T, metrics, "metrics", &metrics_table, "Prometheus", "Metrics over HTTP.", .flags = ROW_LATER | ROW_RESTART),
	GROUP(T, snmp, "snmp", &snmp_table, "RFC 3411", "SNMP.", .flags = ROW_LATER | ROW_RESTART),
};
#undef T
const struct conf_table conf_top_table = CONF_TABLE(struct conf, "millrace.conf", top_rows);
/* clang-format on */
