/* keyed.h - TLS connections with keys and without a handshake: for tests, fuzzing and benchmarks of what is above TLS.
 *
 * What OFFLOAD would answer is put into its rings, so the worker core's side runs as it always does.  One of OFFLOAD's
 * cores is the server's, another the client's; keys are made from a number that both give.
 */
#ifndef TESTS_KEYED_H
#define TESTS_KEYED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tls-offload/offload.h>
#include <tls-offload/tls.h>

/* keyed_answer: every OPEN that a core has sent to OFFLOAD is answered with UP, keys from `number`; what else it has sent is
 * forgotten.  How many were answered. */
unsigned keyed_answer(struct tls_offload *off, unsigned core, bool v13, enum tls_aead aead, uint64_t number);

/* keyed_relay: every OPEN of a core is answered with UP of a suite that stays with OFFLOAD, and every BYTES with out_bytes for
 * the peer.  How many BYTES there were. */
unsigned keyed_relay(struct tls_offload *off, unsigned core, size_t out_bytes);

/* keyed_fail: every BYTES is answered with FAILED: the peer's alert.  How many were. */
unsigned keyed_fail(struct tls_offload *off, unsigned core, uint8_t alert);

/* keyed_taken: BYTES of a core are taken; the connection of the last of them is answered with something for the peer, if `say`;
 * what else it has sent is forgotten. */
void keyed_taken(struct tls_offload *off, unsigned core, bool say);

/* keyed_send: a record of any type, sealed; tls_seal_end gives it.  False: it found no room. */
bool keyed_send(struct tls_core *core, struct tls_conn *conn, uint8_t type, const void *p, size_t n);

/* keyed_next: the client's next key for what it sends (RFC 8446 7.2), as after a KeyUpdate of its own. */
void keyed_next(struct tls_core *core, struct tls_conn *conn);

#endif
