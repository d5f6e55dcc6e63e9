/* chap.c - the Challenge Handshake Authentication Protocol, RFC 1994, for all digests. */
#include <openssl/crypto.h>

#include "ppp/auth.h"
#include "ppp/link.h"

/* RFC 1994 4 */
enum chap_code {
	CHAP_CHALLENGE = 1,
	CHAP_RESPONSE,
	CHAP_SUCCESS,
	CHAP_FAILURE,
};

#define CHAP_HDR 4

/* A Challenge or Response has value and name; Success and Failure have only text, which is put in name. */
struct chap_packet {
	uint8_t code, id, value_len;
	const uint8_t *value;
	struct part name;
};

static bool chap_parse(struct chap_packet *pkt, const uint8_t *p, size_t len);
static void chap_act(struct ppp *p, const struct chap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_challenge(struct ppp *p, const struct chap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_response(struct ppp *p, const struct chap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_success(struct ppp *p, const struct chap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_failure(struct ppp *p, const struct chap_packet *pkt) ON_MAIN;
static void challenge(struct ppp *p, struct mono now) ON_MAIN;
static void send_challenge(struct ppp *p, struct mono now) ON_MAIN;
static void send_response(struct ppp *p, struct mono now) ON_MAIN;
static void send_value(struct ppp *p, uint8_t code, const struct part *value, const char *name, struct mono now)
	ON_MAIN;
static void send_message(struct ppp *p, bool ok, struct mono now) ON_MAIN;
static const struct chap_digest *digest_of(const struct ppp *p);

static const struct chap_digest *
digest_of(const struct ppp *p)
{
	return auth_method((enum ppp_auth)p->opt.auth)->digest;
}

void
chap_start(struct ppp *p, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	if (p->role == PPP_CLIENT) {
		a->phase = AUTH_WAITING;
		auth_wait(p, p->conf->auth_wait_ms, now);
		return;
	}
	challenge(p, now);
}

static void
challenge(struct ppp *p, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	a->phase = AUTH_CHALLENGED;
	a->sends = 0;
	a->id++;
	ppp_random(p, a->challenge, digest_of(p)->challenge_len);
	send_challenge(p, now);
}

/* The same Challenge goes out again, under its Identifier: an answer to an earlier copy is as good.  Who is in already
 * is challenged anew (RFC 1994 2). */
void
chap_timeout(struct ppp *p, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	bool client = p->role == PPP_CLIENT;
	bool late = client ? mono_since_us(now, a->since) >= (int64_t)p->conf->auth_wait_ms * 1000
			   : a->sends >= p->conf->auth_max_failure;
	if (!client && a->phase == AUTH_DONE) {
		challenge(p, now);
		return;
	}
	if (late) {
		ppp_fail(p, CAUSE_AUTH_TIMEOUT);
		return;
	}
	p->stats->auth_resends++;
	if (a->phase == AUTH_CHALLENGED)
		send_challenge(p, now);
	else
		send_response(p, now);
}

void
chap_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now)
{
	struct chap_packet pkt;
	if (chap_parse(&pkt, packet, len))
		chap_act(p, &pkt, now);
	else
		p->stats->malformed++;
}

static bool
chap_parse(struct chap_packet *pkt, const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	*pkt = (struct chap_packet){.code = rd_u8(&r), .id = rd_u8(&r)};
	uint16_t length = rd_be16(&r);
	if (r.bad || length < CHAP_HDR || length > len)
		return false;
	struct rd body = rd_sub(&r, length - CHAP_HDR);
	if (pkt->code == CHAP_CHALLENGE || pkt->code == CHAP_RESPONSE) {
		pkt->value_len = rd_u8(&body);
		pkt->value = rd_take(&body, pkt->value_len);
	}
	pkt->name = (struct part){body.p, rd_left(&body)};
	return !body.bad;
}

/* Each role has its own two codes; the other's are no business of ours. */
static void
chap_act(struct ppp *p, const struct chap_packet *pkt, struct mono now)
{
	bool client = p->role == PPP_CLIENT;
	if (pkt->code == CHAP_CHALLENGE && client)
		rcv_challenge(p, pkt, now);
	else if (pkt->code == CHAP_RESPONSE && !client)
		rcv_response(p, pkt, now);
	else if (pkt->code == CHAP_SUCCESS && client)
		rcv_success(p, pkt, now);
	else if (pkt->code == CHAP_FAILURE && client)
		rcv_failure(p, pkt);
	else
		p->stats->malformed++;
}

/* RFC 1994 4.2: a Response that comes again after the Success gets it again, since that may be lost.  (After a Failure
 * the link is terminating and hears LCP alone.) */
static void
rcv_response(struct ppp *p, const struct chap_packet *pkt, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	if (pkt->id != a->id || (a->phase != AUTH_CHALLENGED && a->phase != AUTH_DONE)) {
		p->stats->stale++;
		return;
	}
	if (pkt->value_len != digest_of(p)->response_len) {
		p->stats->malformed++;
		return;
	}
	if (a->phase == AUTH_DONE) {
		send_message(p, true, now);
		return;
	}
	struct ppp_auth_request req = {
		.method = (enum ppp_auth)p->opt.auth,
		.id = pkt->id,
		.challenge = a->challenge,
		.challenge_len = digest_of(p)->challenge_len,
		.response = pkt->value,
		.response_len = pkt->value_len,
	};
	auth_ask(p, &req, &pkt->name, now);
}

void
chap_verdict(struct ppp *p, bool ok, struct mono now)
{
	send_message(p, ok, now);
}

/* A server may challenge at any time (RFC 1994 2).  The copy of a Challenge gets the copy of the Response: for
 * MS-CHAPv2 a new one would differ, and the server's proof would not fit it. */
static void
rcv_challenge(struct ppp *p, const struct chap_packet *pkt, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	uint32_t sum = ppp_checksum(pkt->value, pkt->value_len);
	bool copy = a->sends && a->id == pkt->id && a->seen == sum;
	struct ppp_credentials cred = {"", ""};
	const struct ppp_auth_request req = {.id = pkt->id, .challenge = pkt->value, .challenge_len = pkt->value_len};
	if (pkt->value_len < digest_of(p)->challenge_min) {
		p->stats->malformed++;
		return;
	}
	if (!copy) {
		p->ops->credentials(p->owner, &cred);
		a->id = pkt->id;
		a->seen = sum;
		a->since = now;
		if (!digest_of(p)->respond(p, &cred, &req)) {
			ppp_fail(p, CAUSE_NO_RESOURCES);
			return;
		}
		a->phase = AUTH_RESPONDED;
	}
	send_response(p, now);
}

/* RFC 2759 5: a server that does not prove itself must not be talked to. */
static void
rcv_success(struct ppp *p, const struct chap_packet *pkt, struct mono now)
{
	const struct chap_digest *d = digest_of(p);
	struct ppp_credentials cred = {"", ""};
	struct ppp_keys keys = {.len = 0};
	if (p->auth.phase != AUTH_RESPONDED || pkt->id != p->auth.id) {
		p->stats->stale++;
		return;
	}
	if (d->proved && !d->proved(p, pkt->name.p, pkt->name.n)) {
		p->stats->auth_failed++;
		ppp_fail(p, CAUSE_AUTH_FAILED);
		return;
	}
	p->ops->credentials(p->owner, &cred);
	if (d->keys && !d->keys(p, &cred, &keys)) {
		ppp_fail(p, CAUSE_NO_RESOURCES);
		return;
	}
	auth_accepted(p, &keys, now);
	OPENSSL_cleanse(&keys, sizeof keys);
}

static void
rcv_failure(struct ppp *p, const struct chap_packet *pkt)
{
	if (p->auth.phase != AUTH_RESPONDED || pkt->id != p->auth.id) {
		p->stats->stale++;
		return;
	}
	auth_refused_us(p, &pkt->name);
}

static void
send_challenge(struct ppp *p, struct mono now)
{
	const struct part value = {p->auth.challenge, digest_of(p)->challenge_len};
	send_value(p, CHAP_CHALLENGE, &value, p->conf->challenge_name, now);
}

static void
send_response(struct ppp *p, struct mono now)
{
	const struct part value = {p->auth.response, digest_of(p)->response_len};
	struct ppp_credentials cred = {"", ""};
	p->ops->credentials(p->owner, &cred);
	send_value(p, CHAP_RESPONSE, &value, cred.name, now);
}

static void
send_value(struct ppp *p, uint8_t code, const struct part *value, const char *name, struct mono now)
{
	uint8_t frame[2 + CHAP_HDR + 1 + UINT8_MAX + PPP_NAME_MAX];
	size_t name_len = strnlen(name, PPP_NAME_MAX - 1);
	struct wr w = wr_init(frame, sizeof frame);
	wr_be16(&w, PPP_CHAP);
	wr_u8(&w, code);
	wr_u8(&w, p->auth.id);
	wr_be16(&w, (uint16_t)(CHAP_HDR + 1 + value->n + name_len));
	wr_u8(&w, (uint8_t)value->n);
	wr_bytes(&w, value->p, value->n);
	wr_bytes(&w, name, name_len);
	if (p->auth.sends < UINT8_MAX)
		p->auth.sends++;
	ppp_output(p, frame, wr_len(&w), now);
	auth_wait(p, p->role == PPP_CLIENT ? p->conf->restart_ms : p->conf->auth_timeout_ms, now);
}

static void
send_message(struct ppp *p, bool ok, struct mono now)
{
	char text[256];
	uint8_t frame[2 + CHAP_HDR + sizeof text];
	digest_of(p)->message(p, ok, text, sizeof text);
	struct wr w = wr_init(frame, sizeof frame);
	wr_be16(&w, PPP_CHAP);
	wr_u8(&w, ok ? CHAP_SUCCESS : CHAP_FAILURE);
	wr_u8(&w, p->auth.id);
	wr_be16(&w, (uint16_t)(CHAP_HDR + strlen(text)));
	wr_bytes(&w, text, strlen(text));
	ppp_output(p, frame, wr_len(&w), now);
}
