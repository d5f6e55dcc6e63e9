/* tls.h - from the section sstp to TLS: certificates and rules, and the OFFLOAD threads.  main() and MAIN. */
#ifndef CP_TLS_H
#define CP_TLS_H

#include <tls-offload/offload.h>

#include "conf/conf.h"

/* tls_contexts_of: what handshakes are made with; NULL with a sentence in err that names the key and the file at fault.
 * former: whose session tickets stay good, or NULL. */
struct tls_contexts *tls_contexts_of(const struct conf *conf, const struct tls_contexts *former, char *err,
				     size_t err_len) ANY_THREAD;

/* tls_offload_of: the OFFLOAD threads' state, which are not started yet, for so many connections of each worker core. */
struct tls_offload *tls_offload_of(const struct conf *conf, unsigned connections) INIT_ONLY;

#endif
