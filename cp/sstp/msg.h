/* msg.h - SSTP control messages as structs: parse and build ([MS-SSTP] 2.2).  Private to cp/sstp and its tests.
 *
 * The parser checks in wire order, changes nothing and allocates nothing; pointers go into the caller's bytes.  Any
 * thread.
 */
#ifndef CP_SSTP_MSG_H
#define CP_SSTP_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dp/sstp.h>
#include <millrace/role.h>

#define SSTP_NONCE_LEN 32
#define SSTP_HASH_ROOM 32 /* a SHA-1 of 20 bytes is followed by zeros */
#define SSTP_CONNECTED_LEN 0x70
#define SSTP_CONNECTED_MAC_AT 0x50 /* the last 32 bytes */
#define SSTP_PROTOCOL_PPP 1
#define SSTP_MESSAGE_MAX 128 /* the longest that we send */

enum sstp_msg_type {
#define MSG(name, number, must, may) SSTP_MSG_##name = (number),
#include "sstp/msg.def"
#undef MSG
};

enum sstp_attr {
#define ATTR(name, id, shortest, longest) SSTP_ATTR_##name = (id),
#include "sstp/attr.def"
#undef ATTR
};

enum sstp_status {
#define STATUS(name, number, text) SSTP_STATUS_##name = (number),
#include "sstp/status.def"
#undef STATUS
};

/* Bits of CRYPTO_BINDING_REQ's bitmask and of CRYPTO_BINDING's hash. */
enum sstp_hash { SSTP_HASH_SHA1 = 1, SSTP_HASH_SHA256 = 2 };

/* What STATUS_INFO says: which attribute, and what is wrong with it. */
struct sstp_fault {
	uint32_t status; /* enum sstp_status; 0: nothing is wrong */
	uint8_t attr;    /* enum sstp_attr; 0: none */
};

struct sstp_msg {
	uint16_t type;
	uint8_t seen;                   /* bit per enum sstp_attr */
	uint16_t protocol;              /* ENCAPSULATED_PROTOCOL_ID */
	uint8_t hash;                   /* CRYPTO_BINDING_REQ: the bitmask; CRYPTO_BINDING: one bit */
	const uint8_t *nonce;           /* SSTP_NONCE_LEN */
	const uint8_t *cert_hash, *mac; /* SSTP_HASH_ROOM each */
	struct sstp_fault told;         /* STATUS_INFO */
};

/* sstp_msg_parse: one control packet, header included.  A fault's status is what the peer is told of it. */
struct sstp_fault sstp_msg_parse(const uint8_t *p, size_t len, struct sstp_msg *out) ANY_THREAD;

/* The builders write at most SSTP_MESSAGE_MAX bytes and return how many. */
size_t sstp_build_plain(uint8_t *p, enum sstp_msg_type type) ANY_THREAD;
size_t sstp_build_request(uint8_t *p, uint16_t protocol) ANY_THREAD;
size_t sstp_build_ack(uint8_t *p, uint8_t hashes, const uint8_t nonce[SSTP_NONCE_LEN]) ANY_THREAD;
size_t sstp_build_status(uint8_t *p, enum sstp_msg_type type, struct sstp_fault fault) ANY_THREAD;

/* sstp_build_connected: with zeros for the MAC, which binding.h fills in. */
size_t sstp_build_connected(uint8_t *p, enum sstp_hash hash, const uint8_t nonce[SSTP_NONCE_LEN],
			    const uint8_t cert_hash[SSTP_HASH_ROOM]) ANY_THREAD;

/* sstp_msg_name: "SSTP_MSG_CALL_CONNECT_REQUEST", "unknown". */
const char *sstp_msg_name(unsigned type) ANY_THREAD;
const char *sstp_attr_name(unsigned attr) ANY_THREAD;
const char *sstp_status_text(uint32_t status) ANY_THREAD;

#endif
