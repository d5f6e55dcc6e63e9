/* keys_tunnel.c - the sections l2tp, sstp and pptp: a section that is there switches its protocol on. */
#include "conf/reader.h"
#include "conf/row.h"
#include "l2tp/l2tp.h"

/* clang-format off */
static void
default_port(struct conf_endpoints *e, unsigned port)
{
	for (unsigned i = 0; i < e->n; i++)
		if (!e->v[i].port)
			e->v[i].port = (uint16_t)port;
}

/* access_finish: what a protocol's view still leaves open, of itself. */
static void
access_finish(struct conf_access *a)
{
	if (!a->ppp_options.mru)
		a->ppp_options.mru = a->mtu;
}

static int
l2tp_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_l2tp *l = obj;
	(void)r;
	(void)s;
	default_port(&l->listen, l->port);
	access_finish(&l->access);
	return 0;
}

#define T struct conf_l2tp_peer
static const struct conf_row l2tp_peer_rows[] = {
	PREFIX(T, address, "address", "RFC 2661 4.4.3", "The peer, or a network of peers.", .flags = ROW_REQUIRED),
	STRING(T, secret, "secret", 0, L2TP_SECRET_MAX, NULL, "RFC 2661 4.2",
		"The tunnel secret that these peers use, instead of l2tp.secret.", .flags = ROW_SECRET),
};
#undef T
static const struct conf_table l2tp_peer_table = CONF_TABLE(struct conf_l2tp_peer, "peer", l2tp_peer_rows);

#define T struct conf_l2tp
static const struct conf_row l2tp_rows[] = {
	ENDPOINTS(T, listen, "listen", "0.0.0.0", "RFC 2661 8.1",
		"Addresses of ours that take tunnels; 0.0.0.0 and :: are those of all interfaces with access = true.", .flags = ROW_RESTART),
	NUMBER(T, port, "port", 1, 65535, "1701", "RFC 2661 8.1", "The port of listen lines without one.", .flags = ROW_RESTART),
	STRING(T, host_name, "host-name", 1, 63, "millrace", "RFC 2661 4.4.3", "Our name to peers."),
	STRING(T, secret, "secret", 0, L2TP_SECRET_MAX, NULL, "RFC 2661 4.2",
		"The tunnel secret; without one peers are not challenged.",
		.flags = ROW_SECRET),
	ITEMS(T, peer, struct conf_l2tp_peer, "peer", &l2tp_peer_table, 65536, "RFC 2661 4.2",
		"Peers with a secret of their own; the longest prefix counts."),
	BOOL(T, only_known_peers, "only-known-peers", "false", "RFC 2661 9.1",
		"Refuse tunnels of peers not listed in peer."),
	NUMBER(T, hello_interval, "hello-interval", 0, 3600, "60", "RFC 2661 5.5",
		"Seconds of silence after which a Hello is sent; 0 sends none."),
	NUMBER(T, timeout, "timeout", 1, 600, "60", "RFC 2661 7.2",
		"Seconds that a tunnel or a call may take to come up."),
	NUMBER(T, rtimeout, "rtimeout", 1, 60, "1", "RFC 2661 5.8",
		"Seconds before a control message is sent again the first time; doubled each time."),
	NUMBER(T, rtimeout_cap, "rtimeout-cap", 8, 600, "16", "RFC 2661 5.8",
		"The most that rtimeout grows to, in seconds."),
	NUMBER(T, retransmit, "retransmit", 1, 100, "5", "RFC 2661 5.8",
		"Retransmissions without an answer after which the tunnel is dead."),
	NUMBER(T, recv_window, "recv-window", 1, 32768, "16", "RFC 2661 4.4.3",
		"The Receive Window Size that we announce; 1024 at most."),
	WORD(T, dataseq, "dataseq", conf_policy_words, "allow", "RFC 2661 5.4", "Sequence numbers on data messages: "
		"deny refuses calls that require them, allow uses them for those, prefer sends them always, require also "
		"drops data without."),
	NUMBER(T, reorder_timeout, "reorder-timeout", 0, 1000, "0", "RFC 2661 5.4",
		"Milliseconds that a sequenced data message waits for the one before it.", .flags = ROW_LATER),
	BOOL(T, hide_avps, "hide-avps", "false", "RFC 2661 4.3", "Hide the AVPs that may be hidden, where there is a "
		"tunnel secret."),
	BOOL(T, avp_permissive, "avp-permissive", "false", "RFC 2661 4.1",
		"Ignore unknown AVPs though their M bit asks to end the tunnel."),
	BOOL(T, dir300_quirk, "dir300-quirk", "false", "D-Link DIR-300 sends it",
		"Take a control message with tunnel id 0 after the first."),
	BOOL(T, use_ephemeral_ports, "use-ephemeral-ports", "false", "RFC 2661 8.1",
		"Answer from a port of the tunnel's own, 49152 to 65535.", .flags = ROW_RESTART),
	BOOL(T, data_checksums, "data-checksums", "true", "RFC 2661 8.1", "UDP checksums on data messages over IPv4.",
		.flags = ROW_LATER),
	BOOL(T, udp6_csum_tx, "udp6-csum-tx", "true", "RFC 6935 5", "UDP checksums on the data messages that we send over "
		"IPv6. Without them only to peers that take it."),
	BOOL(T, udp6_csum_rx, "udp6-csum-rx", "true", "RFC 6936 4", "Drop data messages over IPv6 that have no UDP "
		"checksum. Control messages always have one."),
	NUMBER(T, idle_tunnel_timeout, "idle-tunnel-timeout", 0, 86400, "10", "RFC 2661 5.7",
		"Seconds that a tunnel without calls stays; 0 is for ever."),
	NUMBER(T, max_tunnels, "max-tunnels", 1, 65535, "4096", "RFC 2661 3.1", "Tunnels at once."),
	EMBED(offsetof(T, access), &conf_access_table),
};
#undef T
const struct conf_table conf_l2tp_table = CONF_TABLE(struct conf_l2tp, "l2tp", l2tp_rows, .finish = l2tp_finish);

static int
sstp_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_sstp *p = obj;
	default_port(&p->listen, p->port);
	default_port(&p->legacy_listen, p->port);
	default_port(&p->proxy_listen, p->port);
	access_finish(&p->access);
	if (p->proxy_listen.n && !p->proxy_from.n)
		return conf_fail(r, "proxy-from", -1, "is missing, expected the addresses of the load balancers of proxy-listen");
	if (p->record_engine == CONF_RECORD_CRYPTODEV && !(p->cryptodev && *p->cryptodev))
		return conf_fail(r, "cryptodev", -1, "is missing, expected the device of record-engine = \"cryptodev\"");
	/* MPPE inside TLS protects nothing: what the top level wants of it is not meant for SSTP. */
	unsigned wanted = p->access.ppp_options.mppe;
	p->access.ppp_options.mppe = CONF_DENY;
	if (wanted == CONF_REQUIRE && s && config_setting_lookup((struct config_setting_t *)s, "ppp-options.mppe"))
		return conf_fail(r, "ppp-options.mppe", -1, "is \"require\", expected \"deny\": TLS encrypts SSTP");
	return 0;
}

static bool
http_error_ok(const char *s)
{
	return !strcmp(s, "deny") || !strcmp(s, "allow") || !strncmp(s, "http://", 7) || !strncmp(s, "https://", 8);
}

/* hex_ok: n digits, or none. */
static bool
hex_ok(const char *s, size_t n)
{
	size_t len = strlen(s);
	return strspn(s, "0123456789abcdefABCDEF") == len && (!len || len == n);
}

static bool
sha1_ok(const char *s)
{
	return hex_ok(s, 40);
}

static bool
sha256_ok(const char *s)
{
	return hex_ok(s, 64);
}

static bool
no_pattern(const char *s)
{
	return !strchr(s, '*');
}

static const struct conf_syntax http_error = {http_error_ok, "\"deny\", \"allow\" or a URL"};
static const struct conf_syntax sha1 = {sha1_ok, "40 hexadecimal digits"};
static const struct conf_syntax sha256 = {sha256_ok, "64 hexadecimal digits"};
static const struct conf_syntax host_name = {no_pattern, "one name without *"};
static const struct conf_word hash_words[] = {{"sha1", CONF_HASH_SHA1}, {"sha256", CONF_HASH_SHA256}, {NULL}};
static const struct conf_word tls_words[] = {
	{"tls1", CONF_TLS_1_0}, {"tls1.1", CONF_TLS_1_1}, {"tls1.2", CONF_TLS_1_2}, {"tls1.3", CONF_TLS_1_3}, {NULL},
};
static const struct conf_word record_words[] = {
	{"ipsec-mb", CONF_RECORD_IPSEC_MB}, {"cryptodev", CONF_RECORD_CRYPTODEV}, {NULL},
};

#define T struct conf_certificate
static const struct conf_row certificate_rows[] = {
	STRING(T, host_name, "host-name", 1, 255, NULL, "RFC 6066 3", "The server name that clients ask for; *.example.net "
		"is all those with one label more.",
		.flags = ROW_REQUIRED),
	STRING(T, certificate, "certificate", 1, 1023, NULL, "PEM", "File of the certificate.", .flags = ROW_REQUIRED),
	STRING(T, private_key, "private-key", 1, 1023, NULL, "PEM", "File of its key.", .flags = ROW_REQUIRED),
	STRING(T, ca_certificate, "ca-certificate", 0, 1023, NULL, "PEM", "File of the chain that is sent with it."),
};
#undef T
static const struct conf_table certificate_table =
	CONF_TABLE(struct conf_certificate, "certificate", certificate_rows);

#define T struct conf_sstp
static const struct conf_row sstp_rows[] = {
	ENDPOINTS(T, listen, "listen", "0.0.0.0", "MS-SSTP 2.1", "Addresses of ours that take connections.", .flags = ROW_RESTART),
	ENDPOINTS(T, legacy_listen, "legacy-listen", NULL, "RFC 8996",
		"The same for old clients: TLS 1.0 and 1.1 are allowed there.", .flags = ROW_RESTART),
	ENDPOINTS(T, proxy_listen, "proxy-listen", NULL, "PROXY protocol 2",
		"The same behind a load balancer: each connection begins with a PROXY header, whose source counts.", .flags = ROW_RESTART),
	PREFIXES(T, proxy_from, "proxy-from", "PROXY protocol 2 section 6",
		"The load balancers of proxy-listen, which needs it: who connects from elsewhere could call himself anybody, and is "
		"not taken."),
	NUMBER(T, port, "port", 1, 65535, "443", "MS-SSTP 2.1", "The port of listen lines without one.", .flags = ROW_RESTART),
	STRING(T, certificate, "certificate", 1, 1023, NULL, "PEM", "File of our certificate.", .flags = ROW_REQUIRED),
	STRING(T, private_key, "private-key", 1, 1023, NULL, "PEM", "File of its key.", .flags = ROW_REQUIRED),
	STRING(T, ca_certificate, "ca-certificate", 0, 1023, NULL, "PEM", "File of the chain that is sent with it."),
	ITEMS(T, certificates, struct conf_certificate, "certificates", &certificate_table, 1024, "RFC 6066 3",
		"More certificates, chosen by the name that the client asks for."),
	STRING(T, host_name, "host-name", 0, 255, NULL, "MS-SSTP 2.1",
		"Only connections to this host, by TLS server name and HTTP Host, are taken.", .syntax = &host_name),
	STRING(T, http_error, "http-error", 1, 1023, "allow", "RFC 9110 15",
		"The answer to other HTTP requests: deny closes, allow sends the status, a URL redirects.",
		.syntax = &http_error),
	WORDS(T, cert_hash_proto, "cert-hash-proto", hash_words, "sha1 sha256", "MS-SSTP 2.2.6",
		"Crypto binding hashes offered."),
	STRING(T, cert_hash_sha1, "cert-hash-sha1", 0, 40, NULL, "MS-SSTP 2.2.7",
		"The certificate's hash, when a load balancer shows another certificate.", .syntax = &sha1),
	STRING(T, cert_hash_sha256, "cert-hash-sha256", 0, 64, NULL, "MS-SSTP 2.2.7", "The same with SHA-256.",
		.syntax = &sha256),
	WORDS(T, ssl_protocol, "ssl-protocol", tls_words, "tls1.2 tls1.3", "RFC 8446, RFC 5246",
		"TLS versions of listen."),
	STRING(T, ssl_ciphers, "ssl-ciphers", 0, 1023, NULL, "RFC 5246", "Suites of TLS 1.2, as OpenSSL writes them."),
	STRING(T, ssl_ciphersuites, "ssl-ciphersuites", 0, 1023, NULL, "RFC 8446", "Suites of TLS 1.3."),
	STRING(T, ssl_groups, "ssl-groups", 1, 255, "X25519:P-256", "RFC 8446 4.2.7", "Groups, best first."),
	BOOL(T, ssl_prefer_server_ciphers, "ssl-prefer-server-ciphers", "true", "RFC 5246 7.4.1.3",
		"Our order of suites counts, not the client's."),
	STRING(T, tls_engine, "tls-engine", 0, 63, NULL, "OpenSSL", "An engine for handshakes, such as qatengine.", .flags = ROW_RESTART),
	WORD(T, record_engine, "record-engine", record_words, "ipsec-mb", "RFC 8446 5",
		"What seals and opens records.", .flags = ROW_RESTART),
	STRING(T, cryptodev, "cryptodev", 0, 255, NULL, "DPDK cryptodev",
		"The device, with record-engine = \"cryptodev\".", .flags = ROW_RESTART),
	NUMBER(T, handshake_rate, "handshake-rate", 0, 1000000, "0", "flood control",
		"Handshakes a second; 0 is no limit.", .flags = ROW_RESTART),
	NUMBER(T, max_handshakes, "max-handshakes", 1, 1000000, "1024", "flood control", "Handshakes at once.", .flags = ROW_RESTART),
	NUMBER(T, max_offloaded, "max-offloaded", 0, 65536, "256", "OpenSSL keeps them",
		"Connections with a suite without AEAD at once.", .flags = ROW_RESTART),
	NUMBER(T, timeout, "timeout", 1, 600, "60", "MS-SSTP 3.3.2.1", "Seconds of the negotiation timer."),
	NUMBER(T, hello_interval, "hello-interval", 1, 3600, "60", "MS-SSTP 3.1.2",
		"Seconds of silence before an Echo Request."),
	EMBED(offsetof(T, access), &conf_access_table),
};
#undef T
const struct conf_table conf_sstp_table = CONF_TABLE(struct conf_sstp, "sstp", sstp_rows, .finish = sstp_finish);

static int
pptp_finish(struct conf_reader *r, void *obj, const struct config_setting_t *s)
{
	struct conf_pptp *p = obj;
	(void)r;
	(void)s;
	default_port(&p->listen, p->port);
	access_finish(&p->access);
	return 0;
}

#define T struct conf_pptp
static const struct conf_row pptp_rows[] = {
	ENDPOINTS(T, listen, "listen", "0.0.0.0", "RFC 2637 1.3", "Addresses of ours that take connections; IPv4."),
	NUMBER(T, port, "port", 1, 65535, "1723", "RFC 2637 1.3", "The port of listen lines without one."),
	STRING(T, host_name, "host-name", 1, 63, "millrace", "RFC 2637 2.2", "Our name to peers."),
	NUMBER(T, timeout, "timeout", 1, 600, "5", "RFC 2637 3.1.4",
		"Seconds that the control connection may take to come up."),
	NUMBER(T, echo_interval, "echo-interval", 0, 3600, "60", "RFC 2637 3.1.4",
		"Seconds of silence before an Echo-Request; 0 sends none."),
	NUMBER(T, echo_timeout, "echo-timeout", 1, 3600, "60", "RFC 2637 3.1.4",
		"Seconds within which its reply is due; else the connection ends."),
	NUMBER(T, recv_window, "recv-window", 1, 65535, "64", "RFC 2637 4.2",
		"The packet receive window that we announce."),
	NUMBER(T, reorder_packets, "reorder-packets", 0, 256, "32", "RFC 2637 4.3",
		"Packets that wait for one before them."),
	NUMBER(T, reorder_timeout, "reorder-timeout", 0, 1000, "50", "RFC 2637 4.3", "Milliseconds that they wait."),
	NUMBER(T, idle_tunnel_timeout, "idle-tunnel-timeout", 0, 86400, "10", "RFC 2637 3.1",
		"Seconds that a connection without calls stays; 0 is for ever."),
	NUMBER(T, max_tunnels, "max-tunnels", 1, 1000000, "65535", "RFC 2637 3.1", "Control connections at once."),
	EMBED(offsetof(T, access), &conf_access_table),
};
#undef T
const struct conf_table conf_pptp_table = CONF_TABLE(struct conf_pptp, "pptp", pptp_rows, .finish = pptp_finish);
/* clang-format on */
