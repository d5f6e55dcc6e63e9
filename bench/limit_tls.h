/* limit_tls.h - ipsec-mb alone: what sealing and opening costs when nothing but the cipher is done.
 *
 * AES-128-GCM with expanded keys of each connection in memory (1 KiB), nonce by sequence number, TLS 1.3's additional data,
 * one buffer for each record, in place; in bursts with the keys prefetched as our engine does.  What it has not: records in
 * chains, headers, types, tags into the record, state of connections, queues.  In a file of its own because the library's
 * header and OpenSSL's cannot stand together.  One thread.
 */
#ifndef BENCH_LIMIT_TLS_H
#define BENCH_LIMIT_TLS_H

#include <stdint.h>

struct limit_tls;

/* limit_tls_new: n keys; NULL without memory. */
struct limit_tls *limit_tls_new(uint32_t n);
void limit_tls_free(struct limit_tls *l);

/* limit_tls_seal: n buffers of len bytes, the i-th with the key which[i]. */
void limit_tls_seal(struct limit_tls *l, const uint32_t *which, uint8_t *const *buffers, unsigned n, uint32_t len);
void limit_tls_open(struct limit_tls *l, const uint32_t *which, uint8_t *const *buffers, unsigned n, uint32_t len);

#endif
