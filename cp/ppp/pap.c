/* pap.c - the Password Authentication Protocol, RFC 1334 2. */
#include "ppp/auth.h"
#include "ppp/link.h"

/* RFC 1334 2.2 */
enum pap_code {
	PAP_REQUEST = 1,
	PAP_ACK,
	PAP_NAK,
};

#define PAP_HDR 4

/* An Authenticate-Request has name and password; an Ack or Nak has only a message, which is put in name. */
struct pap_packet {
	uint8_t code, id;
	struct part name, password;
};

static bool pap_parse(struct pap_packet *pkt, const uint8_t *p, size_t len);
static void pap_act(struct ppp *p, const struct pap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_request(struct ppp *p, const struct pap_packet *pkt, struct mono now) ON_MAIN;
static void rcv_answer(struct ppp *p, const struct pap_packet *pkt, struct mono now) ON_MAIN;
static void send_request(struct ppp *p, struct mono now) ON_MAIN;

void
pap_start(struct ppp *p, struct mono now)
{
	if (p->role == PPP_CLIENT) {
		p->auth.phase = AUTH_RESPONDED;
		send_request(p, now);
		return;
	}
	p->auth.phase = AUTH_CHALLENGED;
	auth_wait(p, p->conf->auth_timeout_ms * p->conf->auth_max_failure, now);
}

/* A server can do nothing but wait: it is the client that repeats. */
void
pap_timeout(struct ppp *p, struct mono now)
{
	bool late = mono_since_us(now, p->auth.since) >= (int64_t)p->conf->auth_wait_ms * 1000;
	if (p->role == PPP_SERVER || late) {
		ppp_fail(p, CAUSE_AUTH_TIMEOUT);
		return;
	}
	p->stats->auth_resends++;
	send_request(p, now);
}

void
pap_input(struct ppp *p, const uint8_t *packet, size_t len, struct mono now)
{
	struct pap_packet pkt;
	if (pap_parse(&pkt, packet, len))
		pap_act(p, &pkt, now);
	else
		p->stats->malformed++;
}

/* An Ack or Nak without a message is taken: some servers leave out its length too. */
static bool
pap_parse(struct pap_packet *pkt, const uint8_t *p, size_t len)
{
	struct rd r = rd_init(p, len);
	*pkt = (struct pap_packet){.code = rd_u8(&r), .id = rd_u8(&r)};
	uint16_t length = rd_be16(&r);
	if (r.bad || length < PAP_HDR || length > len)
		return false;
	struct rd body = rd_sub(&r, length - PAP_HDR);
	if (pkt->code != PAP_REQUEST && !rd_left(&body)) {
		pkt->name = (struct part){body.p, 0};
		return true;
	}
	pkt->name.n = rd_u8(&body);
	pkt->name.p = rd_take(&body, pkt->name.n);
	if (pkt->code == PAP_REQUEST) {
		pkt->password.n = rd_u8(&body);
		pkt->password.p = rd_take(&body, pkt->password.n);
	}
	return !body.bad;
}

static void
pap_act(struct ppp *p, const struct pap_packet *pkt, struct mono now)
{
	bool client = p->role == PPP_CLIENT;
	if (pkt->code == PAP_REQUEST && !client)
		rcv_request(p, pkt, now);
	else if ((pkt->code == PAP_ACK || pkt->code == PAP_NAK) && client)
		rcv_answer(p, pkt, now);
	else
		p->stats->malformed++;
}

/* RFC 1334 2.2.1: the Ack may be lost, so a request that comes after it gets it again.  One that comes while the owner
 * thinks is the same one repeated under another Identifier, and that is the one to answer. */
static void
rcv_request(struct ppp *p, const struct pap_packet *pkt, struct mono now)
{
	struct ppp_auth_state *a = &p->auth;
	a->id = pkt->id;
	if (a->phase == AUTH_DONE)
		pap_verdict(p, true, now);
	if (a->phase != AUTH_CHALLENGED)
		return;
	struct ppp_auth_request req = {
		.method = PPP_AUTH_PAP,
		.id = pkt->id,
		.response = pkt->password.p,
		.response_len = (uint8_t)pkt->password.n,
	};
	auth_ask(p, &req, &pkt->name, now);
}

/* RFC 1334 2.2.1: each request has an Identifier of its own; the answer to an earlier copy is as good. */
static void
rcv_answer(struct ppp *p, const struct pap_packet *pkt, struct mono now)
{
	uint8_t age = (uint8_t)(p->auth.id - pkt->id);
	if (p->auth.phase != AUTH_RESPONDED || age >= p->auth.sends) {
		p->stats->stale++;
		return;
	}
	if (pkt->code == PAP_ACK)
		auth_accepted(p, NULL, now);
	else
		auth_refused_us(p, &pkt->name);
}

static void
send_request(struct ppp *p, struct mono now)
{
	uint8_t frame[2 + PAP_HDR + 2 + 2 * UINT8_MAX];
	struct ppp_credentials cred = {"", ""};
	p->ops->credentials(p->owner, &cred);
	size_t name_len = strnlen(cred.name, UINT8_MAX), password_len = strnlen(cred.password, UINT8_MAX);
	struct wr w = wr_init(frame, sizeof frame);
	wr_be16(&w, PPP_PAP);
	wr_u8(&w, PAP_REQUEST);
	wr_u8(&w, ++p->auth.id);
	wr_be16(&w, (uint16_t)(PAP_HDR + 2 + name_len + password_len));
	wr_u8(&w, (uint8_t)name_len);
	wr_bytes(&w, cred.name, name_len);
	wr_u8(&w, (uint8_t)password_len);
	wr_bytes(&w, cred.password, password_len);
	if (p->auth.sends < UINT8_MAX)
		p->auth.sends++;
	ppp_output(p, frame, wr_len(&w), now);
	auth_wait(p, p->conf->restart_ms, now);
}

void
pap_verdict(struct ppp *p, bool ok, struct mono now)
{
	uint8_t frame[2 + PAP_HDR + 1 + sizeof p->auth.text];
	size_t len = strlen(p->auth.text);
	struct wr w = wr_init(frame, sizeof frame);
	wr_be16(&w, PPP_PAP);
	wr_u8(&w, ok ? PAP_ACK : PAP_NAK);
	wr_u8(&w, p->auth.id);
	wr_be16(&w, (uint16_t)(PAP_HDR + 1 + len));
	wr_u8(&w, (uint8_t)len);
	wr_bytes(&w, p->auth.text, len);
	ppp_output(p, frame, wr_len(&w), now);
}

/* The length of a password is no secret that its bytes do not tell as well. */
bool
pap_check(const struct ppp_crypto *c, const struct ppp_auth_request *req, const char *password,
	  struct ppp_auth_result *result)
{
	(void)c, (void)result;
	size_t len = strlen(password);
	return len == req->response_len && crypto_equal(password, req->response, len);
}
