/* scan.h - what a handshake's output tells about the records to come.
 *
 * OpenSSL does not say with which sequence number and which explicit nonce the next record begins, but its output does:
 * it is in the headers of the records that it sends.  The scanner sees the output in any pieces.
 *	TLS 1.2 GCM (RFC 5288 3): the explicit nonce of our Finished, the first record behind our ChangeCipherSpec.
 *	TLS 1.3 (RFC 8446 4.6.1): a server's tickets are its first records under the new key: those of type 23 that it sends
 *	after the client's last bytes.
 */
#ifndef TLS_OFFLOAD_SCAN_H
#define TLS_OFFLOAD_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct scan {
	uint8_t header[5], have;
	uint16_t left; /* bytes of the record that are to come */
	bool behind_ccs;
	uint8_t explicit[8], explicit_have;
	unsigned data_records;
};

/* scan_output: n bytes more. */
void scan_output(struct scan *s, const uint8_t *p, size_t n);

#endif
