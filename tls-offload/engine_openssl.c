/* engine_openssl.c - OpenSSL's engines, for private keys: QAT and the like.
 *
 * Engines are deprecated in OpenSSL 3 in favour of providers, but those have no asynchronous jobs yet; the engines do.
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <string.h>

#include <openssl/engine.h>

#include "contexts_ssl.h"

/* Not ciphers, digests and random numbers: those of the whole process would go to the engine. */
#define METHODS (ENGINE_METHOD_RSA | ENGINE_METHOD_DH | ENGINE_METHOD_EC | ENGINE_METHOD_PKEY_METHS)

enum tls_reason
engine_load(const char *name, struct tls_error *err)
{
	static char loaded[64];
	if (!strcmp(loaded, name))
		return TLS_OK;
	if (*loaded)
		return error_set(err, TLS_ENGINE, "engine \"%s\" is in use already: restart for another", loaded);
	if (strlen(name) >= sizeof loaded)
		return error_set(err, TLS_ENGINE, "engine \"%s\": the name is too long", name);
	ENGINE *e = ENGINE_by_id(name);
	if (!e)
		return error_set(err, TLS_ENGINE, "engine \"%s\" is not installed", name);
	bool ok = ENGINE_init(e) && ENGINE_set_default(e, METHODS);
	ENGINE_free(e); /* the structural reference; the functional one stays */
	if (!ok)
		return error_set(err, TLS_ENGINE, "engine \"%s\" does not start", name);
	memcpy(loaded, name, strlen(name) + 1);
	return TLS_OK;
}
