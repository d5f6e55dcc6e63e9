#include "tls.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define RING_BYTES (256u << 10)

static unsigned
versions_of(const struct conf_sstp *c)
{
	static const uint8_t bits[] = {
		[CONF_TLS_1_0] = TLS_V1_0,
		[CONF_TLS_1_1] = TLS_V1_1,
		[CONF_TLS_1_2] = TLS_V1_2,
		[CONF_TLS_1_3] = TLS_V1_3,
	};
	unsigned versions = 0;
	for (unsigned i = 0; i < c->ssl_protocol.n; i++)
		versions |= bits[c->ssl_protocol.v[i]];
	return versions;
}

struct tls_contexts *
tls_contexts_of(const struct conf *conf, const struct tls_contexts *former, char *err, size_t err_len)
{
	const struct conf_sstp *c = &conf->sstp;
	struct tls_error e = {0};
	struct tls_certificate *certificates = calloc(c->certificates.n + 1, sizeof *certificates);
	if (!certificates) {
		snprintf(err, err_len, "sstp.certificate: out of memory");
		return NULL;
	}
	certificates[0] = (struct tls_certificate){NULL, c->certificate, c->private_key, c->ca_certificate};
	for (unsigned i = 0; i < c->certificates.n; i++) {
		const struct conf_certificate *more = &c->certificates.v[i];
		certificates[i + 1] = (struct tls_certificate){more->host_name, more->certificate, more->private_key,
							       more->ca_certificate};
	}
	const struct tls_contexts_conf tls = {
		.role = TLS_SERVER,
		.certificates = certificates,
		.n_certificates = c->certificates.n + 1,
		.host_name = c->host_name,
		.versions = versions_of(c),
		.ciphers = c->ssl_ciphers,
		.ciphersuites = c->ssl_ciphersuites,
		.groups = c->ssl_groups,
		.prefer_server_ciphers = c->ssl_prefer_server_ciphers,
		.engine = c->tls_engine,
	};
	struct tls_contexts *made = tls_contexts_new(&tls, former, time(NULL), &e);
	if (!made)
		snprintf(err, err_len, "sstp: %s", e.text);
	free(certificates);
	return made;
}

struct tls_offload *
tls_offload_of(const struct conf *conf, unsigned connections)
{
	const struct tls_offload_conf off = {
		.threads = conf->cores.offload ? conf->cores.offload : 1,
		.cores = conf->cores.workers.n,
		.connections = connections,
		.max_relayed = conf->sstp.max_offloaded,
		.max_handshakes = 2 * (conf->sstp.max_handshakes + conf->cores.workers.n), /* half of them given up */
		.ring_bytes = RING_BYTES,
	};
	return tls_offload_new(&off);
}
