/* keys_radius.c - the section radius. */
#include "conf/reader.h"
#include "conf/row.h"

/* clang-format off */
static const struct conf_word auto_words[] = {{"auto", CONF_AUTO}, {"yes", CONF_YES}, {"no", CONF_NO}, {NULL}};

static int
server_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_radius_server *v = obj;
	(void)s;
	if (!v->acct_port && v->port == 65535)
		return conf_fail(r, "acct-port", -1, "would be 65536, port + 1, expected a port");
	if (!v->acct_port)
		v->acct_port = v->port + 1;
	return 0;
}

#define T struct conf_radius_server
static const struct conf_row server_rows[] = {
	ADDR(T, address, "address", "RFC 2865", "The server.", .flags = ROW_REQUIRED),
	STRING(T, key, "key", 1, 255, NULL, "RFC 2865 3", "The secret shared with it.",
		.flags = ROW_REQUIRED | ROW_SECRET),
	NUMBER(T, port, "port", 1, 65535, "1812", "RFC 2865 3", "Its port for authentication."),
	NUMBER(T, acct_port, "acct-port", 1, 65535, NULL, "RFC 2866 3", "Its port for accounting.",
		.def_text = "port + 1"),
	NUMBER(T, fail_time, "fail-time", 0, 86400, "30", "VyOS",
		"Seconds that a server that does not answer is left alone, unless it answers Status-Server; 0 is never."),
	NUMBER(T, max_fail, "max-fail", 1, 1000, "3", "accel-ppp", "Packets in a row without an answer before that."),
	NUMBER(T, req_limit, "req-limit", 0, 1600, "0", "accel-ppp", "Requests outstanding at once; 0 is 200."),
	NUMBER(T, priority, "priority", 0, 1000, "0", "order of servers", "Lower is asked first."),
	NUMBER(T, weight, "weight", 0, 1000, "0", "accel-ppp",
		"Share of requests among servers of one priority that have one; 0: in the order written."),
	BOOL(T, backup, "backup", "false", "accel-ppp", "Ask it only when all others are down."),
	BOOL(T, disable, "disable", "false", "VyOS", "Leave it out."),
	BOOL(T, disable_accounting, "disable-accounting", "false", "VyOS", "Send it no accounting."),
};
#undef T
static const struct conf_table server_table =
	CONF_TABLE(struct conf_radius_server, "server", server_rows, .finish = server_finish);

#define T struct conf_radius_client
static const struct conf_row client_rows[] = {
	PREFIX(T, address, "address", "RFC 5176 3", "Who may send, an address or a network.", .flags = ROW_REQUIRED),
	STRING(T, key, "key", 1, 255, NULL, "RFC 5176 3", "The secret shared with it.",
		.flags = ROW_REQUIRED | ROW_SECRET),
};
#undef T
static const struct conf_table client_table = CONF_TABLE(struct conf_radius_client, "client", client_rows);

#define T struct conf_dynamic_author
static const struct conf_row dynamic_author_rows[] = {
	ADDR(T, server, "server", "RFC 5176 3", "The address of ours that takes CoA and Disconnect.",
		.flags = ROW_RESTART),
	NUMBER(T, port, "port", 1, 65535, "3799", "RFC 5176 3", "Its port.", .flags = ROW_RESTART),
	STRING(T, key, "key", 0, 255, NULL, "RFC 5176 3", "The secret of senders that are not in client.",
		.flags = ROW_SECRET),
	ITEMS(T, client, struct conf_radius_client, "client", &client_table, 1024, "RFC 5176 3",
		"Senders with a secret of their own."),
	BOOL(T, require_nas_identification, "require-nas-identification", "false", "RFC 5176 3",
		"Refuse requests that do not name us."),
	BOOL(T, require_event_timestamp, "require-event-timestamp", "false", "RFC 5176 6.3",
		"Do not hear requests without Event-Timestamp, which could be replayed later."),
};
#undef T
static const struct conf_table dynamic_author_table =
	CONF_TABLE(struct conf_dynamic_author, "dynamic-author", dynamic_author_rows);

#define T struct conf_radius_rate_limit
static const struct conf_row rate_rows[] = {
	BOOL(T, enable, "enable", "false", "VyOS", "Take rates from the attribute."),
	STRING(T, attribute, "attribute", 1, 63, "Filter-Id", "RFC 2865 5.11", "The attribute."),
	STRING(T, vendor, "vendor", 0, 63, NULL, "RFC 2865 5.26", "The vendor, when it is a vendor's attribute."),
	{"multiplier", CONF_MILLI, .offset = AT(T, multiplier_permille, unsigned), .min = 1, .max = 1000000, .def = "1",
		.why = "VyOS", .help = "What a rate in it is multiplied by to give kbit/s."},
};
#undef T
static const struct conf_table rate_table = CONF_TABLE(struct conf_radius_rate_limit, "rate-limit", rate_rows);

#define T struct conf_radius
static const struct conf_row radius_rows[] = {
	ITEMS(T, server, struct conf_radius_server, "server", &server_table, 64, "RFC 2865",
		"The servers, in the order in which they are asked."),
	ADDR(T, source_address, "source-address", "VyOS", "The address that requests are sent from."),
	NUMBER(T, timeout, "timeout", 1, 60, "3", "RFC 2865 2.5",
		"The longest wait in seconds before a request is sent again; the first is a third of it, each doubles."),
	NUMBER(T, max_try, "max-try", 1, 20, "3", "RFC 2865 2.5", "Times that a request is sent to one server."),
	NUMBER(T, acct_timeout, "acct-timeout", 0, 60, "3", "RFC 2866 2",
		"Seconds to wait for the reply to an accounting record before it is sent again."),
	NUMBER(T, acct_interim_interval, "acct-interim-interval", 0, 86400, "0", "RFC 2869 2.1",
		"Seconds between interim records; 0 sends none unless the server asks."),
	NUMBER(T, acct_interim_jitter, "acct-interim-jitter", 0, 3600, "0", "RFC 2869 2.1",
		"Seconds that they may be early or late."),
	BOOL(T, acct_on, "acct-on", "true", "RFC 2866 5.1", "Send Accounting-On and -Off."),
	BOOL(T, acct_required, "acct-required", "false", "accel-ppp", "End sessions that cannot be accounted for."),
	BOOL(T, acct_delay_time, "acct-delay-time", "true", "RFC 2866 5.2", "Send Acct-Delay-Time."),
	STRING(T, acct_spool, "acct-spool", 0, 1023, NULL, "nothing is lost",
		"Directory for records that no server has taken yet.", .def_text = "acct below state-directory", .flags = ROW_RESTART),
	NUMBER(T, acct_spool_size, "acct-spool-size", 1, 1048576, "256", "a bounded spool", "MiB that they may take.", .flags = ROW_RESTART),
	STRING(T, acct_file, "acct-file", 0, 1023, NULL, "without a server",
		"File that records are written to as well.", .flags = ROW_RESTART),
	STRING(T, nas_identifier, "nas-identifier", 0, 253, NULL, "RFC 2865 5.32", "Our name to servers."),
	ADDR(T, nas_ip_address, "nas-ip-address", "RFC 2865 5.4", "Our address to servers.", .flags = ROW_V4),
	ADDR(T, nas_ipv6_address, "nas-ipv6-address", "RFC 3162 2.1", "The same for IPv6.", .flags = ROW_V6),
	BOOL(T, nas_port_id_in_req, "nas-port-id-in-req", "true", "RFC 2869 5.17",
		"Send NAS-Port-Id in Access-Request."),
	BOOL(T, sid_in_auth, "sid-in-auth", "true", "RFC 2866 5.5", "Send Acct-Session-Id in Access-Request."),
	BOOL(T, strip_realm, "strip-realm", "false", "RFC 7542", "Send the user name without its realm."),
	STRING(T, default_realm, "default-realm", 0, 253, NULL, "RFC 7542", "The realm of user names without one."),
	WORD(T, require_message_authenticator, "require-message-authenticator", auto_words, "auto", "RFC 3579 3.2",
		"Whether a reply must carry it: auto is once the server has sent one."),
	STRINGS(T, dictionary, "dictionary", 1, 1023, NULL, "libradcli", "More dictionary files."),
	GROUP(T, rate_limit, "rate-limit", &rate_table, "VyOS", "Rates from an attribute."),
	GROUP(T, dynamic_author, "dynamic-author", &dynamic_author_table, "RFC 5176", "CoA and Disconnect."),
};
#undef T
const struct conf_table conf_radius_table = CONF_TABLE(struct conf_radius, "radius", radius_rows);
/* clang-format on */
