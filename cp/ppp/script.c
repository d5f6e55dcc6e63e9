#include "ppp/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void
check_idle(const struct ppp *p)
{
	assert_false(timer_pending(&p->lcp.timer));
	assert_false(timer_pending(&p->ccp.timer));
	assert_false(timer_pending(&p->ipcp.timer));
	assert_false(timer_pending(&p->auth.timer));
	assert_false(timer_pending(&p->network_timer));
}

static void
event(struct script *s, const char *fmt, ...)
{
	va_list ap;
	size_t n = strlen(s->events);
	va_start(ap, fmt);
	if (n)
		s->events[n++] = ' ';
	vsnprintf(s->events + n, sizeof s->events - n, fmt, ap);
	va_end(ap);
	const char *end_at = s->end_at;
	if (!end_at || strncmp(s->events + n, end_at, strlen(end_at)))
		return;
	s->end_at = NULL;
	s->bearer_gone = s->end_hard;
	if (s->end_hard)
		ppp_bearer_down(&s->ppp, CAUSE_PEER_CALL_CLEARED, s->now);
	else
		ppp_terminate(&s->ppp, CAUSE_ADMIN_RESET, s->now);
}

static void
bearer_send(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	struct script *s = (struct script *)(void *)((char *)b - offsetof(struct script, bearer));
	(void)now;
	assert_false(s->bearer_gone);
	assert_in_range(len, 2 + FSM_HDR, PPP_FRAME_MAX);
	assert_true(s->n_sent < SCRIPT_FRAMES);
	s->sent[s->n_sent].len = len;
	memcpy(s->sent[s->n_sent++].bytes, frame, len);
}

static void
bearer_keys(struct bearer *b, const struct ppp_keys *keys, struct mono now)
{
	struct script *s = (struct script *)(void *)((char *)b - offsetof(struct script, bearer));
	(void)now;
	s->keys = *keys;
	s->keys_told++;
	if (keys->len)
		event(s, "keys");
}

static void
random_bytes(void *owner, void *buf, size_t len)
{
	struct script *s = owner;
	memset(buf, ++s->draw, len);
}

static bool
trace_on(void *owner)
{
	return ((struct script *)owner)->trace;
}

static void
trace(void *owner, const char *line)
{
	struct script *s = owner;
	snprintf(s->line, sizeof s->line, "%s", line);
}

static void
link_up(void *owner, const struct ppp_link *link, struct mono now)
{
	(void)now;
	event(owner, "link_up(mtu=%u,mru=%u,%08x,%08x%s%s)", link->mtu, link->mru, link->our_magic, link->peer_magic,
	      link->acfc ? ",acfc" : "", link->pfc ? ",pfc" : "");
}

static void
link_down(void *owner, struct mono now)
{
	(void)now;
	event(owner, "link_down");
}

static void
auth_request(void *owner, const struct ppp_auth_request *req, struct mono now)
{
	struct script *s = owner;
	struct ppp_auth_result result = s->result;
	event(s, "auth(%s,%s%s)", ppp_auth_name(req->method), req->name, req->again ? ",again" : "");
	s->asked = req->serial;
	if (s->defer)
		return;
	result.serial = req->serial;
	result.ok = req->method == PPP_AUTH_NONE ||
		    (!strcmp(req->name, s->name) && ppp_auth_check(s->conf.crypto, req, s->password, &result));
	ppp_auth_result(&s->ppp, &result, now);
}

static void
credentials(void *owner, struct ppp_credentials *out)
{
	struct script *s = owner;
	*out = (struct ppp_credentials){s->name, s->password};
}

static void
authenticated(void *owner, struct mono now)
{
	(void)now;
	event(owner, "authenticated");
}

static void
mppe(void *owner, bool recv, const struct ppp_mppe *m, struct mono now)
{
	struct script *s = owner;
	(void)now;
	event(s, "%s(%u%s)", recv ? "decrypt" : "encrypt", m->bits,
	      !m->bits       ? ""
	      : m->stateless ? ",stateless"
			     : ",stateful");
	*(recv ? &s->decrypt : &s->encrypt) = *m;
}

static void
ncp_opening(void *owner, uint16_t proto, struct mono now)
{
	(void)now;
	event(owner, "opening(%04x)", proto);
}

static void
ncp_up(void *owner, uint16_t proto, struct mono now)
{
	(void)now;
	event(owner, "up(%04x)", proto);
}

static void
ncp_down(void *owner, uint16_t proto, struct mono now)
{
	(void)now;
	event(owner, "down(%04x)", proto);
}

/* The record may be gone after this upcall: it is overwritten, and script_fini sees whether anyone has touched it. */
static void
down(void *owner, enum cause cause, struct mono now)
{
	struct script *s = owner;
	(void)now;
	event(s, "end(%s)", cause_row(cause)->name);
	ppp_fini(&s->ppp);
	check_idle(&s->ppp);
	memset(&s->ppp, 0xee, sizeof s->ppp);
	s->over = true;
}

static const struct bearer_ops bearer_ops = {.send = bearer_send, .keys = bearer_keys};
static const struct ppp_ops ops = {
	.trace_on = trace_on,
	.trace = trace,
	.random = random_bytes,
	.link_up = link_up,
	.link_down = link_down,
	.auth_request = auth_request,
	.credentials = credentials,
	.authenticated = authenticated,
	.mppe = mppe,
	.ncp_opening = ncp_opening,
	.ncp_up = ncp_up,
	.ncp_down = ncp_down,
	.down = down,
};

void
script_init(struct script *s, enum ppp_role role)
{
	const char *why = "";
	memset(s, 0, sizeof *s);
	struct ppp_crypto *crypto = ppp_crypto_new(&why);
	if (!crypto)
		fail_msg("%s", why);
	ppp_conf_init(&s->conf, crypto);
	s->now = mono_add_s((struct mono){0}, 100);
	timers_init(&s->timers, s->now);
	s->bearer.ops = &bearer_ops;
	s->name = "alice";
	s->password = "wonderland";
	s->result = (struct ppp_auth_result){.ip4_ok = true, .ip4 = {.our = 0x0a4e0001, .peer = 0x0a4e0105}};
	ppp_init(&s->ppp, &(struct ppp_args){.role = role,
					     .conf = &s->conf,
					     .ops = &ops,
					     .owner = s,
					     .bearer = &s->bearer,
					     .timers = &s->timers,
					     .stats = &s->stats});
}

void
script_up(struct script *s)
{
	ppp_bearer_up(&s->ppp, s->now);
}

void
script_fini(struct script *s)
{
	const uint8_t *gone = (const uint8_t *)&s->ppp;
	for (size_t i = 0; s->over && i < sizeof s->ppp; i++)
		assert_int_equal(gone[i], 0xee);
	if (!s->over) {
		ppp_fini(&s->ppp);
		check_idle(&s->ppp);
	}
	ppp_crypto_free((struct ppp_crypto *)(uintptr_t)s->conf.crypto);
}

void
script_feed(struct script *s, const char *hex)
{
	uint8_t buf[PPP_FRAME_MAX];
	size_t n = 0;
	for (unsigned byte; *hex; hex += 2) {
		while (*hex == ' ')
			hex++;
		if (!*hex)
			break;
		assert_int_equal(sscanf(hex, "%2x", &byte), 1);
		buf[n++] = (uint8_t)byte;
	}
	/* an exact copy, so that a read beyond its end is seen by the sanitizer */
	uint8_t *exact = malloc(n ? n : 1);
	memcpy(exact, buf, n);
	if (!s->over)
		ppp_input(&s->ppp, exact, n, s->now);
	free(exact);
}

void
script_expect(struct script *s, const char *line)
{
	char is[1024];
	if (s->n_read == s->n_sent)
		fail_msg("nothing sent, expected %s", line);
	const struct script_frame *f = &s->sent[s->n_read++];
	assert_string_equal(ppp_trace_format(is, sizeof is, f->bytes, f->len), line);
}

void
script_quiet(struct script *s)
{
	char is[1024];
	if (s->n_read < s->n_sent)
		fail_msg("unexpected %s",
			 ppp_trace_format(is, sizeof is, s->sent[s->n_read].bytes, s->sent[s->n_read].len));
	s->n_read = s->n_sent = 0;
}

void
script_echo(struct script *s, uint8_t code)
{
	assert_true(s->n_read > 0);
	struct script_frame f = s->sent[s->n_read - 1];
	f.bytes[2] = code;
	ppp_input(&s->ppp, f.bytes, f.len, s->now);
}

void
script_events(struct script *s, const char *words)
{
	assert_string_equal(s->events, words);
	s->events[0] = 0;
}

void
script_wait(struct script *s, int64_t ms)
{
	struct mono end = mono_add_ms(s->now, ms);
	while (s->now.us < end.us) {
		s->now = mono_add_ms(s->now, 1);
		timers_run(&s->timers, s->now, 1000);
	}
}

void
script_lcp(struct script *s)
{
	script_up(s);
	s->n_read = s->n_sent;
	script_echo(s, CONF_ACK);
	script_feed(s, s->ppp.role == PPP_SERVER ? "c021 01 01 0004" : "c021 01 01 0009 03 05 c223 81");
	assert_int_equal(s->ppp.lcp.state, FSM_OPENED);
	s->n_read = s->n_sent = 0;
	s->events[0] = 0;
}
