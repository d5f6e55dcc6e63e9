#include "ppp/fuzz_link.h"

#include <stdlib.h>

#include "ppp/auth.h"
#include "ppp/link.h"

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

#define FUZZ_STATEFUL 32
#define FUZZ_NO_KEYS 64

struct fuzz {
	struct ppp ppp;
	struct ppp_conf conf;
	struct ppp_stats stats;
	struct bearer bearer;
	struct timers timers;
	struct mono now;
	uint16_t serial;
	uint8_t draw, switches, mppe;
	bool asked, link, gate, up, over;
	uint8_t bits[2]; /* encrypted with: what we send, what we receive */
	size_t last_len;
	uint8_t last[PPP_FRAME_MAX];
};

static struct fuzz fuzz;
static struct ppp_crypto *crypto;

static void
send_frame(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	(void)b, (void)now;
	CHECK(!fuzz.over && len >= 2 + FSM_HDR && len <= PPP_FRAME_MAX);
	fuzz.last_len = len;
	memcpy(fuzz.last, frame, len);
}

static bool
trace_on(void *owner)
{
	(void)owner;
	return fuzz.switches & FUZZ_TRACE;
}

static void
trace(void *owner, const char *line)
{
	(void)owner;
	CHECK(strlen(line) > 7 && strlen(line) < 1024);
}

static void
random_bytes(void *owner, void *buf, size_t len)
{
	(void)owner;
	memset(buf, ++fuzz.draw ? fuzz.draw : ++fuzz.draw, len);
}

static void
link_up(void *owner, const struct ppp_link *link, struct mono now)
{
	(void)owner, (void)now;
	CHECK(!fuzz.link && !fuzz.gate && !fuzz.over && link->mtu >= fuzz.conf.min_mtu && link->mtu <= fuzz.conf.mtu);
	fuzz.link = true;
}

static void
link_down(void *owner, struct mono now)
{
	(void)owner, (void)now;
	CHECK(fuzz.link && !fuzz.gate);
	fuzz.link = false;
}

static void
give_result(struct mono now, bool ok)
{
	struct ppp_auth_result r = {.serial = fuzz.serial,
				    .ok = ok,
				    .ip4_ok = true,
				    .ip4 = {.our = 0x0a000001, .peer = 0x0a000002, .dns = {0x0a000003, 0}}};
	if (fuzz.conf.mppe && !(fuzz.mppe & FUZZ_NO_KEYS))
		r.keys = (struct ppp_keys){.len = 16};
	ppp_auth_result(&fuzz.ppp, &r, now);
}

static void
auth_request(void *owner, const struct ppp_auth_request *req, struct mono now)
{
	(void)owner;
	struct ppp_auth_result unused = {.ok = false};
	CHECK(fuzz.link && !fuzz.gate && strlen(req->name) < PPP_NAME_MAX);
	fuzz.serial = req->serial;
	fuzz.asked = true;
	ppp_auth_check(crypto, req, "wonderland", &unused);
	if (!(fuzz.switches & FUZZ_DEFER))
		give_result(now, unused.ok || req->id % 4 != 3);
}

static void
credentials(void *owner, struct ppp_credentials *out)
{
	(void)owner;
	*out = (struct ppp_credentials){"alice", "wonderland"};
}

static void
mppe(void *owner, bool recv, const struct ppp_mppe *m, struct mono now)
{
	(void)owner, (void)now;
	CHECK(!fuzz.over && (!m->bits || fuzz.link) && !(fuzz.mppe & FUZZ_NO_KEYS && m->bits));
	CHECK(m->bits == 0 || m->bits == 40 || m->bits == 56 || m->bits == 128);
	CHECK(fuzz.conf.mppe != PPP_DENY);
	fuzz.bits[recv] = m->bits;
}

static void
ncp_opening(void *owner, uint16_t proto, struct mono now)
{
	(void)owner, (void)proto, (void)now;
	CHECK(fuzz.link && !fuzz.gate);
	CHECK(fuzz.conf.mppe != PPP_REQUIRE || (fuzz.bits[0] && fuzz.bits[1]));
	fuzz.gate = true;
}

static void
ncp_up(void *owner, uint16_t proto, struct mono now)
{
	(void)owner, (void)proto, (void)now;
	CHECK(fuzz.gate && !fuzz.up && fuzz.ppp.ip4.our);
	fuzz.up = true;
}

static void
ncp_down(void *owner, uint16_t proto, struct mono now)
{
	(void)owner, (void)proto, (void)now;
	CHECK(fuzz.gate);
	fuzz.gate = fuzz.up = false;
}

static void
down(void *owner, enum cause cause, struct mono now)
{
	(void)owner, (void)now;
	CHECK(!fuzz.over && !fuzz.gate && !fuzz.link && cause != CAUSE_NONE);
	fuzz.over = true;
}

static const struct bearer_ops bearer_ops = {.send = send_frame};
static const struct ppp_ops ops = {
	.trace_on = trace_on,
	.trace = trace,
	.random = random_bytes,
	.link_up = link_up,
	.link_down = link_down,
	.auth_request = auth_request,
	.credentials = credentials,
	.mppe = mppe,
	.ncp_opening = ncp_opening,
	.ncp_up = ncp_up,
	.ncp_down = ncp_down,
	.down = down,
};

static void feed_auth_request(void);
static void feed_response(void);

static void
begin(uint8_t switches, uint8_t mppe_conf)
{
	crypto = crypto ? crypto : ppp_crypto_new(NULL);
	CHECK(crypto);
	memset(&fuzz, 0, offsetof(struct fuzz, last));
	fuzz.switches = switches;
	fuzz.mppe = mppe_conf;
	fuzz.now = mono_add_s((struct mono){0}, 1);
	fuzz.bearer.ops = &bearer_ops;
	timers_init(&fuzz.timers, fuzz.now);
	ppp_conf_init(&fuzz.conf, crypto);
	fuzz.conf.acfc = fuzz.conf.pfc = switches & FUZZ_ACCEPT ? PPP_PREFER : PPP_DENY;
	fuzz.conf.ipv4 = switches & FUZZ_ACCEPT ? PPP_ALLOW : PPP_REQUIRE;
	fuzz.conf.noauth = switches & FUZZ_NOAUTH;
	fuzz.conf.auth_interval_s = 7;
	fuzz.conf.mppe = mppe_conf & 3;
	fuzz.conf.mppe_strengths = mppe_conf >> 2 & 7;
	fuzz.conf.mppe_stateful = mppe_conf & FUZZ_STATEFUL;
	if (switches & FUZZ_MD5)
		fuzz.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	if (switches & FUZZ_PAP)
		fuzz.conf.auth[0] = PPP_AUTH_PAP;
	if (switches & FUZZ_MSCHAP)
		fuzz.conf.auth[0] = PPP_AUTH_MSCHAP;
	ppp_init(&fuzz.ppp, &(struct ppp_args){.role = switches & FUZZ_CLIENT ? PPP_CLIENT : PPP_SERVER,
					       .conf = &fuzz.conf,
					       .ops = &ops,
					       .owner = &fuzz,
					       .bearer = &fuzz.bearer,
					       .timers = &fuzz.timers,
					       .stats = &fuzz.stats});
	ppp_bearer_up(&fuzz.ppp, fuzz.now);
}

static void
feed(const uint8_t *frame, size_t len)
{
	uint8_t *exact = malloc(len);
	CHECK(exact);
	memcpy(exact, frame, len);
	if (!fuzz.over)
		ppp_input(&fuzz.ppp, exact, len, fuzz.now);
	free(exact);
}

static void
feed_back(bool ack)
{
	uint8_t copy[PPP_FRAME_MAX];
	if (!fuzz.last_len)
		return;
	memcpy(copy, fuzz.last, fuzz.last_len);
	if (ack)
		copy[2] = CONF_ACK;
	feed(copy, fuzz.last_len);
}

/* Brings LCP up, and for IPCP lets the peer in. */
static void
go_to(enum fuzz_start start)
{
	static const uint8_t plain[] = {0xc0, 0x21, 1, 1, 0, 4};
	bool client = fuzz.switches & FUZZ_CLIENT;
	if (start == FUZZ_AT_LCP)
		return;
	feed_back(true);
	if (client && start == FUZZ_AT_AUTH)
		feed_auth_request();
	else
		feed(plain, sizeof plain);
	if (start >= FUZZ_AT_IPCP && !client && !(fuzz.switches & FUZZ_NOAUTH)) {
		feed_response();
		if (fuzz.switches & FUZZ_DEFER)
			give_result(fuzz.now, true);
	}
}

/* The peer of a client wants to authenticate by the client's own first method. */
static void
feed_auth_request(void)
{
	uint8_t frame[11] = {0xc0, 0x21, 1, 1};
	struct wr w = wr_init(frame + 6, sizeof frame - 6);
	auth_option_put(&w, 3, fuzz.conf.auth[0]);
	put_be16(frame + 4, (uint16_t)(4 + wr_len(&w)));
	feed(frame, 6 + wr_len(&w));
}

/* What a server lets in, without looking at the digest. */
static void
feed_response(void)
{
	static const uint8_t pap[] = {0xc0, 0x23, 1, 1, 0, 12, 5, 'a', 'l', 'i', 'c', 'e', 0, 0};
	uint8_t chap[2 + 4 + 50 + 5] = {0xc2, 0x23, 2, 1, 0, 59, 49};
	memcpy(chap + 56, "alice", 5);
	if (fuzz.ppp.opt.auth == PPP_AUTH_CHAP_MD5)
		chap[6] = 16;
	if (fuzz.ppp.opt.auth == PPP_AUTH_PAP)
		feed(pap, sizeof pap);
	else
		feed(chap, sizeof chap);
}

static void
pass_time(void)
{
	for (unsigned i = 0; i < 10; i++) {
		fuzz.now = mono_add_ms(fuzz.now, 100);
		timers_run(&fuzz.timers, fuzz.now, 100);
	}
}

static void
command(uint8_t c)
{
	if (c == FUZZ_SECOND)
		pass_time();
	else if (c == FUZZ_ACK || c == FUZZ_LOOP)
		feed_back(c == FUZZ_ACK);
	else if (c == FUZZ_RESULT && fuzz.asked)
		give_result(fuzz.now, true);
	else if (c == FUZZ_TERMINATE)
		ppp_terminate(&fuzz.ppp, CAUSE_ADMIN_RESET, fuzz.now);
	else if (c == FUZZ_BEARER_DOWN)
		ppp_bearer_down(&fuzz.ppp, CAUSE_PEER_CALL_CLEARED, fuzz.now);
}

int
fuzz_link(enum fuzz_start start, const uint8_t *data, size_t size)
{
	struct rd r = rd_init(data, size);
	uint8_t switches = rd_u8(&r);
	begin(switches, start == FUZZ_AT_CCP ? rd_u8(&r) : 0);
	go_to(start);
	while (rd_left(&r) && !fuzz.over) {
		uint8_t n = rd_u8(&r);
		size_t len = n < rd_left(&r) ? n : rd_left(&r);
		if (n == FUZZ_SECOND || n >= FUZZ_ACK)
			command(n);
		else if (len)
			feed(rd_take(&r, len), len);
	}
	/* Left alone, every link that is not up ends by itself. */
	for (unsigned i = 0; i < 150 && !fuzz.over && !fuzz.up && !(fuzz.switches & FUZZ_DEFER); i++)
		pass_time();
	CHECK(fuzz.over || fuzz.up || fuzz.switches & FUZZ_DEFER);
	if (!fuzz.over)
		ppp_bearer_down(&fuzz.ppp, CAUSE_TUNNEL_TIMEOUT, fuzz.now);
	CHECK(fuzz.over && !fuzz.gate && !fuzz.link && !fuzz.bits[0] && !fuzz.bits[1]);
	return 0;
}
