/* packet.h - RADIUS packets: attributes put and taken, signatures made and judged.
 *
 * What: the codec and the hashes of RFC 2865 3 to 5, RFC 2866, RFC 2869 5.14 (Message-Authenticator), RFC 2548 (MPPE
 * keys), RFC 3162 and RFC 5176.  Not what: no sockets, no time, no retransmission (client.h, dae.h).
 *
 * An attribute is known by one number: its type, and for an attribute of a vendor (vendor << 8 | type), see attr.def.
 * They are put with a struct wr (millrace/bytes.h), which says `bad` once something did not fit, and taken with a walk
 * that goes into Vendor-Specific and finds each of the sub-attributes there.
 *
 * A packet from the wire goes through, in this order: radius_check (structure), radius_verify_* (who has made it), the
 * walk.  Nothing else reads its bytes.  A getter says false for a value of the wrong form; there is no value for it then.
 *
 * Thread: any; no state.  Memory: the caller's; nothing is allocated.  Shared secrets are strings.
 */
#ifndef RADIUS_PACKET_H
#define RADIUS_PACKET_H

#include <millrace/addr.h>
#include <millrace/bytes.h>
#include <millrace/role.h>

#include <radius/err.h>

#define RADIUS_HEADER 20
#define RADIUS_PACKET_MAX 4096
#define RADIUS_VALUE_MAX 253
#define RADIUS_VENDOR_VALUE_MAX 247
#define RADIUS_PASSWORD_MAX 128
#define RADIUS_AUTHENTICATOR 16

enum radius_code {
	RADIUS_ACCESS_REQUEST = 1,
	RADIUS_ACCESS_ACCEPT = 2,
	RADIUS_ACCESS_REJECT = 3,
	RADIUS_ACCOUNTING_REQUEST = 4,
	RADIUS_ACCOUNTING_RESPONSE = 5,
	RADIUS_ACCESS_CHALLENGE = 11,
	RADIUS_STATUS_SERVER = 12,
	RADIUS_DISCONNECT_REQUEST = 40,
	RADIUS_DISCONNECT_ACK = 41,
	RADIUS_DISCONNECT_NAK = 42,
	RADIUS_COA_REQUEST = 43,
	RADIUS_COA_ACK = 44,
	RADIUS_COA_NAK = 45,
};

enum radius_attr_id {
#define RADIUS_ATTR(name, vendor, type, text) RADIUS_##name = (vendor) << 8 | (type),
#include <radius/attr.def>
#undef RADIUS_ATTR
};

/* --- putting ----------------------------------------------------------------------------------------------------- */

/* radius_put: n of 1..253 bytes, 1..247 for a vendor's; of 0 bytes nothing is put (RFC 2865 5: send no empty text). */
void radius_put(struct wr *w, uint32_t attr, const void *value, size_t n) ANY_THREAD;
void radius_put_u32(struct wr *w, uint32_t attr, uint32_t v) ANY_THREAD;
void radius_put_text(struct wr *w, uint32_t attr, const char *s) ANY_THREAD;

/* radius_put_addr: 4 bytes of an IPv4 address, 16 of an IPv6 address. */
void radius_put_addr(struct wr *w, uint32_t attr, const struct addr *a) ANY_THREAD;

/* radius_put_prefix: RFC 3162 2.3, with no more bytes than the length needs. */
void radius_put_prefix(struct wr *w, uint32_t attr, const struct prefix *p) ANY_THREAD;

/* radius_put_long: as many attributes as the value needs (EAP-Message, RFC 3579 3.1). */
void radius_put_long(struct wr *w, uint32_t attr, const void *value, size_t n) ANY_THREAD;

/* radius_put_tagged: RFC 2868: tag 0..31 in front of a text; in the first byte of a number. */
void radius_put_tagged_text(struct wr *w, uint32_t attr, uint8_t tag, const char *s) ANY_THREAD;
void radius_put_tagged_u24(struct wr *w, uint32_t attr, uint8_t tag, uint32_t v) ANY_THREAD;

/* radius_hide: RFC 2865 5.2: the password of n <= 128 bytes hidden in out of 128 bytes; returns the length there. */
size_t radius_hide(uint8_t *out, const void *password, size_t n, const char *secret, const uint8_t *authenticator)
	ANY_THREAD;

/* radius_sign_request: of a packet whose header and attributes stand, computes Message-Authenticator at offset `ma`
 * (0: there is none), then, unless it is Access-Request or Status-Server, the Request Authenticator. */
void radius_sign_request(uint8_t *packet, size_t n, size_t ma, const char *secret) ANY_THREAD;

/* radius_sign_reply: the same for a reply to the request with this authenticator. */
void radius_sign_reply(uint8_t *packet, size_t n, size_t ma, const char *secret, const uint8_t *authenticator)
	ANY_THREAD;

/* --- judging ----------------------------------------------------------------------------------------------------- */

/* A packet whose structure holds. */
struct radius_view {
	size_t len; /* what the header says; the datagram may have padding behind it */
	size_t ma;  /* offset of the value of Message-Authenticator, 0: none */
	uint8_t code, id;
};

/* radius_check: RFC 2865 3, 5; RFC 2869 5.14: SHORT, LENGTH, ATTRIBUTE or TWO_SIGNATURES. */
enum radius_err radius_check(const uint8_t *packet, size_t n, struct radius_view *out) ANY_THREAD;

/* radius_verify_reply: AUTHENTICATOR_WRONG or SIGNATURE, when it is not made with this secret for this request.  The packet is
 * as before when it returns. */
enum radius_err radius_verify_reply(uint8_t *packet, const struct radius_view *v, const char *secret,
				    const uint8_t *authenticator) ANY_THREAD;

/* radius_verify_request: the same for a request whose authenticator is a hash: accounting, CoA, Disconnect. */
enum radius_err radius_verify_request(uint8_t *packet, const struct radius_view *v, const char *secret) ANY_THREAD;

/* --- taking ------------------------------------------------------------------------------------------------------ */

struct radius_attr {
	uint32_t id; /* enum radius_attr_id, or one that is not in it */
	uint8_t len;
	const uint8_t *value;
};

struct radius_walk {
	struct rd outer, inner;
	uint32_t vendor;
};

enum radius_step { RADIUS_END, RADIUS_FOUND, RADIUS_BROKEN };

/* radius_walk_init: over the attributes of a packet that radius_check has passed; or over bare attributes. */
struct radius_walk radius_walk_init(const uint8_t *packet, const struct radius_view *v) ANY_THREAD;
struct radius_walk radius_walk_bare(const void *attributes, size_t n) ANY_THREAD;

/* radius_next: BROKEN: a Vendor-Specific whose inside does not add up (out->id is the vendor << 8), or, in bare
 * attributes, the rest; the walk goes on behind it. */
enum radius_step radius_next(struct radius_walk *w, struct radius_attr *out) ANY_THREAD;

bool radius_get_u32(const struct radius_attr *a, uint32_t *v) ANY_THREAD;
bool radius_get_ip4(const struct radius_attr *a, uint32_t *ip4) ANY_THREAD;
bool radius_get_ip6(const struct radius_attr *a, struct addr *out) ANY_THREAD;

/* radius_get_prefix: RFC 3162 2.3: 2..18 bytes, length 0..128, enough bytes for it, no host bits. */
bool radius_get_prefix(const struct radius_attr *a, struct prefix *out) ANY_THREAD;

/* radius_get_text: NUL-terminated into size bytes; not empty, no control characters; a NUL at its end is forgiven. */
bool radius_get_text(const struct radius_attr *a, char *out, size_t size) ANY_THREAD;

/* radius_get_long: the values of all attributes of this type, one behind the other, into size bytes; their sum, or 0 when
 * it does not fit. */
size_t radius_get_long(struct radius_walk w, uint32_t attr, uint8_t *out, size_t size) ANY_THREAD;

/* radius_get_mppe: RFC 2548 2.4.2: MS-MPPE-Send-Key or -Recv-Key into key of 32 bytes; its length, 0 when it does not
 * decrypt to a key. */
size_t radius_get_mppe(const struct radius_attr *a, const char *secret, const uint8_t *authenticator, uint8_t *key)
	ANY_THREAD;

/* radius_get_mschap_keys: RFC 2548 2.4.1: MS-CHAP-MPPE-Keys: the LM key of 8 bytes, zeros when the server knows none, and the
 * NT key of 16. */
bool radius_get_mschap_keys(const struct radius_attr *a, const char *secret, const uint8_t *authenticator,
			    uint8_t lm_key[8], uint8_t nt_key[16]) ANY_THREAD;

/* radius_code_name: "Access-Accept"; "unknown code". */
const char *radius_code_name(uint8_t code) ANY_THREAD;

#endif
