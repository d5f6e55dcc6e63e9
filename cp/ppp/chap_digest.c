/* chap_digest.c - what tells CHAP with MD5 (RFC 1994), MS-CHAP (RFC 2433) and MS-CHAPv2 (RFC 2759) apart, in rows. */
#include <openssl/crypto.h>
#include <stdio.h>

#include "ppp/auth.h"
#include "ppp/link.h"
#include "ppp/mschapv1.h"
#include "ppp/mschapv2.h"

static bool md5_value(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		      uint8_t out[MD5_LEN]);
static bool md5_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req);
static void md5_message(struct ppp *p, bool ok, char *out, size_t size);
static bool v1_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req);
static void v1_message(struct ppp *p, bool ok, char *out, size_t size) ON_MAIN;
static bool v1_keys(struct ppp *p, const struct ppp_credentials *cred, struct ppp_keys *keys);
static bool v2_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req) ON_MAIN;
static void v2_message(struct ppp *p, bool ok, char *out, size_t size) ON_MAIN;
static bool v2_proved(struct ppp *p, const uint8_t *text, size_t len);
static bool v2_keys(struct ppp *p, const struct ppp_credentials *cred, struct ppp_keys *keys);
static char *hex(char *out, const uint8_t *in, size_t n);

const struct chap_digest chap_md5 = {
	.challenge_len = 16,
	.challenge_min = 1,
	.response_len = MD5_LEN,
	.respond = md5_respond,
	.message = md5_message,
};

const struct chap_digest chap_mschap = {
	.challenge_len = MSCHAPV1_CHALLENGE_LEN,
	.challenge_min = MSCHAPV1_CHALLENGE_LEN,
	.response_len = MSCHAPV1_RESPONSE_LEN,
	.respond = v1_respond,
	.message = v1_message,
	.keys = v1_keys,
};

const struct chap_digest chap_mschapv2 = {
	.challenge_len = 16,
	.challenge_min = 16,
	.response_len = MSCHAPV2_RESPONSE_LEN,
	.respond = v2_respond,
	.message = v2_message,
	.proved = v2_proved,
	.keys = v2_keys,
};

bool
chap_md5_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
	       struct ppp_auth_result *result)
{
	(void)result;
	uint8_t want[MD5_LEN];
	return req->response_len == sizeof want && md5_value(c, req, password, want) &&
	       crypto_equal(want, req->response, sizeof want);
}

/* RFC 1994 4.1: Identifier, secret, challenge */
static bool
md5_value(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password, uint8_t out[MD5_LEN])
{
	const struct part in[] = {{&req->id, 1}, {password, strlen(password)}, {req->challenge, req->challenge_len}};
	return crypto_md5(c, in, 3, out);
}

static bool
md5_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req)
{
	return md5_value(p->conf->crypto, req, cred->password, p->auth.response);
}

static void
md5_message(struct ppp *p, bool ok, char *out, size_t size)
{
	(void)ok;
	snprintf(out, size, "%s", p->auth.text);
}

/* RFC 2433 6: without the flag the peer has computed the LAN Manager response alone, which is not taken. */
bool
chap_mschap_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		  struct ppp_auth_result *result)
{
	uint8_t nt[MSCHAPV1_NT_LEN];
	if (req->response_len != MSCHAPV1_RESPONSE_LEN || req->challenge_len != MSCHAPV1_CHALLENGE_LEN ||
	    req->response[MSCHAPV1_FLAG_OFFSET] != 1)
		return false;
	return mschapv1_nt_response(c, req->challenge, password, nt) &&
	       crypto_equal(nt, req->response + MSCHAPV1_NT_OFFSET, sizeof nt) &&
	       mschapv1_keys(c, req->challenge, password, &result->keys);
}

/* The challenge is kept: the keys are made of it. */
static bool
v1_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req)
{
	uint8_t *r = p->auth.response;
	memset(r, 0, MSCHAPV1_RESPONSE_LEN);
	r[MSCHAPV1_FLAG_OFFSET] = 1;
	memcpy(p->auth.challenge, req->challenge, MSCHAPV1_CHALLENGE_LEN);
	return mschapv1_nt_response(p->conf->crypto, req->challenge, cred->password, r + MSCHAPV1_NT_OFFSET);
}

/* RFC 2433 8: the text of a Failure has no M=.  R=0 as in version 2. */
static void
v1_message(struct ppp *p, bool ok, char *out, size_t size)
{
	char h[2 * MSCHAPV1_CHALLENGE_LEN + 1];
	uint8_t unused[MSCHAPV1_CHALLENGE_LEN];
	if (ok) {
		snprintf(out, size, "%s", p->auth.text);
		return;
	}
	ppp_random(p, unused, sizeof unused);
	snprintf(out, size, "E=%u R=0 C=%s V=2", p->auth.error, hex(h, unused, sizeof unused));
}

static bool
v1_keys(struct ppp *p, const struct ppp_credentials *cred, struct ppp_keys *keys)
{
	return mschapv1_keys(p->conf->crypto, p->auth.challenge, cred->password, keys);
}

bool
chap_mschapv2_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
		    struct ppp_auth_result *result)
{
	uint8_t nt[MSCHAPV2_NT_LEN];
	if (req->response_len != MSCHAPV2_RESPONSE_LEN || req->challenge_len != 16)
		return false;
	const uint8_t *theirs = req->response + MSCHAPV2_NT_OFFSET;
	const struct mschapv2 m = {c, req->name, password, req->challenge, req->response};
	return mschapv2_nt_response(&m, nt) && crypto_equal(nt, theirs, sizeof nt) &&
	       mschapv2_auth_response(&m, nt, result->auth_response) && mschapv2_keys(&m, nt, true, &result->keys);
}

/* RFC 2759 4: peer challenge, 8 bytes reserved, NT-Response, flags; the last two are zero apart from the response. */
static bool
v2_respond(struct ppp *p, const struct ppp_credentials *cred, const struct ppp_auth_request *req)
{
	uint8_t *r = p->auth.response;
	const struct mschapv2 m = {p->conf->crypto, cred->name, cred->password, req->challenge, r};
	memset(r, 0, MSCHAPV2_RESPONSE_LEN);
	ppp_random(p, r, 16);
	return mschapv2_nt_response(&m, r + MSCHAPV2_NT_OFFSET) &&
	       mschapv2_auth_response(&m, r + MSCHAPV2_NT_OFFSET, p->auth.auth_response);
}

/* RFC 2759 5 and 6.  R=0: there is no second try on this link, so the new challenge C= is never used. */
static void
v2_message(struct ppp *p, bool ok, char *out, size_t size)
{
	char h[2 * SHA1_LEN + 1];
	uint8_t unused[16];
	if (ok) {
		snprintf(out, size, "S=%s M=%s", hex(h, p->auth.auth_response, SHA1_LEN), p->auth.text);
		return;
	}
	ppp_random(p, unused, sizeof unused);
	snprintf(out, size, "E=%u R=0 C=%s V=3 M=%s", p->auth.error, hex(h, unused, sizeof unused), p->auth.text);
}

static bool
v2_proved(struct ppp *p, const uint8_t *text, size_t len)
{
	char want[2 * SHA1_LEN + 1];
	hex(want, p->auth.auth_response, SHA1_LEN);
	return len >= 42 && !memcmp(text, "S=", 2) && crypto_equal(text + 2, want, 40);
}

static bool
v2_keys(struct ppp *p, const struct ppp_credentials *cred, struct ppp_keys *keys)
{
	const struct mschapv2 m = {p->conf->crypto, cred->name, cred->password, NULL, NULL};
	return mschapv2_keys(&m, p->auth.response + MSCHAPV2_NT_OFFSET, false, keys);
}

/* RFC 2759 5: upper case. */
static char *
hex(char *out, const uint8_t *in, size_t n)
{
	for (size_t i = 0; i < n; i++)
		snprintf(out + 2 * i, 3, "%02X", in[i]);
	return out;
}
