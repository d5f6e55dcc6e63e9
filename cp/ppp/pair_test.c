/* Our client against our server over a loop-back bearer on a virtual clock: a link that loses, delays, reorders and
 * doubles frames.  Whatever happens, every link comes up on both sides, or ends on both sides with a cause. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "ppp/link.h"

#define FLIGHT 256
#define STEP_MS 8
#define GIVE_UP_S 600

#define OUR_IP 0x0a4e0001u
#define PEER_IP 0x0a4e0105u
#define DNS_IP 0xc0000235u

struct pair;

struct side {
	struct ppp ppp;
	struct ppp_conf conf;
	struct ppp_stats stats;
	struct bearer bearer;
	struct pair *pair;
	struct side *other;
	unsigned auths, ups;
	bool link, gate, up, over;
	enum cause cause;
	struct ppp_keys keys;
};

struct flight {
	struct mono due;
	struct side *to;
	size_t len;
	uint8_t bytes[PPP_FRAME_MAX];
};

struct pair {
	struct timers timers;
	struct mono now;
	uint64_t seed;
	unsigned loss, doubled, jitter_ms; /* percent, percent, added to 5 ms */
	unsigned answer_ms;                /* how long the server's owner takes to decide */
	const char *password;              /* the client's */
	struct mono answer_at;
	struct ppp_auth_result answer;
	struct side server, client;
	struct flight flight[FLIGHT];
	unsigned n_flight, n_sent;
};

#define N_METHODS 4
static const uint8_t methods[N_METHODS] = {PPP_AUTH_MSCHAPV2, PPP_AUTH_CHAP_MD5, PPP_AUTH_PAP, PPP_AUTH_MSCHAP};

static struct ppp_crypto *crypto;
static struct pair pair;

static uint32_t
draw(struct pair *p)
{
	p->seed ^= p->seed << 13;
	p->seed ^= p->seed >> 7;
	p->seed ^= p->seed << 17;
	return (uint32_t)(p->seed >> 16);
}

static void
launch(struct pair *p, struct side *to, const uint8_t *frame, size_t len)
{
	assert_true(p->n_flight < FLIGHT);
	struct flight *f = &p->flight[p->n_flight++];
	f->due = mono_add_ms(p->now, 5 + (p->jitter_ms ? draw(p) % p->jitter_ms : 0));
	f->to = to;
	f->len = len;
	memcpy(f->bytes, frame, len);
}

static void
send_frame(struct bearer *b, const uint8_t *frame, size_t len, struct mono now)
{
	struct side *from = (struct side *)(void *)((char *)b - offsetof(struct side, bearer));
	struct pair *p = from->pair;
	(void)now;
	assert_false(from->over);
	p->n_sent++;
	if (draw(p) % 100 < p->loss)
		return;
	launch(p, from->other, frame, len);
	if (draw(p) % 100 < p->doubled)
		launch(p, from->other, frame, len);
}

static void
take_keys(struct bearer *b, const struct ppp_keys *keys, struct mono now)
{
	(void)now;
	((struct side *)(void *)((char *)b - offsetof(struct side, bearer)))->keys = *keys;
}

static void
random_bytes(void *owner, void *buf, size_t len)
{
	struct side *s = owner;
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)draw(s->pair);
}

static void
link_up(void *owner, const struct ppp_link *link, struct mono now)
{
	struct side *s = owner;
	(void)now;
	assert_false(s->link || s->gate || s->over);
	assert_int_equal(link->mtu, 1400);
	assert_int_not_equal(link->our_magic, 0);
	s->link = true;
}

static void
link_down(void *owner, struct mono now)
{
	struct side *s = owner;
	(void)now;
	assert_true(s->link);
	assert_false(s->gate);
	s->link = false;
}

static void
auth_request(void *owner, const struct ppp_auth_request *req, struct mono now)
{
	struct side *s = owner;
	struct pair *p = s->pair;
	assert_true(s->link);
	s->auths++;
	p->answer =
		(struct ppp_auth_result){.ip4_ok = true, .ip4 = {.our = OUR_IP, .peer = PEER_IP, .dns = {DNS_IP, 0}}};
	ppp_auth_check(crypto, req, "wonderland", &p->answer);
	p->answer_at = mono_add_ms(now, p->answer_ms);
	if (p->answer_ms)
		return;
	p->answer_at = MONO_NEVER;
	ppp_auth_result(&s->ppp, &p->answer, now);
}

static void
credentials(void *owner, struct ppp_credentials *out)
{
	*out = (struct ppp_credentials){"alice", ((struct side *)owner)->pair->password};
}

static void
ncp_opening(void *owner, uint16_t proto, struct mono now)
{
	struct side *s = owner;
	(void)now;
	assert_true(s->link && !s->gate && proto == PPP_IPCP);
	s->gate = true;
}

static void
ncp_up(void *owner, uint16_t proto, struct mono now)
{
	struct side *s = owner;
	(void)proto, (void)now;
	assert_true(s->gate && !s->up);
	s->up = true;
	s->ups++;
}

static void
ncp_down(void *owner, uint16_t proto, struct mono now)
{
	struct side *s = owner;
	(void)proto, (void)now;
	assert_true(s->gate);
	s->gate = s->up = false;
}

static void
down(void *owner, enum cause cause, struct mono now)
{
	struct side *s = owner;
	(void)now;
	assert_false(s->over || s->gate || s->link);
	s->over = true;
	s->cause = cause;
	ppp_fini(&s->ppp);
	assert_false(timer_pending(&s->ppp.lcp.timer) || timer_pending(&s->ppp.ipcp.timer) ||
		     timer_pending(&s->ppp.auth.timer) || timer_pending(&s->ppp.network_timer));
}

static const struct bearer_ops bearer_ops = {.send = send_frame, .keys = take_keys};
static const struct ppp_ops ops = {
	.random = random_bytes,
	.link_up = link_up,
	.link_down = link_down,
	.auth_request = auth_request,
	.credentials = credentials,
	.ncp_opening = ncp_opening,
	.ncp_up = ncp_up,
	.ncp_down = ncp_down,
	.down = down,
};

static void
side_init(struct side *s, enum ppp_role role, struct pair *p)
{
	s->pair = p;
	s->other = role == PPP_SERVER ? &p->client : &p->server;
	s->bearer.ops = &bearer_ops;
	ppp_conf_init(&s->conf, crypto);
	ppp_init(&s->ppp, &(struct ppp_args){.role = role,
					     .conf = &s->conf,
					     .ops = &ops,
					     .owner = s,
					     .bearer = &s->bearer,
					     .timers = &p->timers,
					     .stats = &s->stats});
}

static struct pair *
pair_init(uint64_t seed)
{
	struct pair *p = &pair;
	memset(p, 0, sizeof *p);
	p->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	p->now = mono_add_s((struct mono){0}, 1000);
	p->password = "wonderland";
	p->answer_at = MONO_NEVER;
	timers_init(&p->timers, p->now);
	side_init(&p->server, PPP_SERVER, p);
	side_init(&p->client, PPP_CLIENT, p);
	return p;
}

static void
deliver(struct pair *p)
{
	for (unsigned i = 0; i < p->n_flight;) {
		struct flight f = p->flight[i];
		if (!mono_reached(p->now, f.due)) {
			i++;
			continue;
		}
		memmove(&p->flight[i], &p->flight[i + 1], (--p->n_flight - i) * sizeof f);
		if (!f.to->over)
			ppp_input(&f.to->ppp, f.bytes, f.len, p->now);
		i = 0;
	}
}

static void
step(struct pair *p)
{
	p->now = mono_add_ms(p->now, STEP_MS);
	deliver(p);
	if (mono_reached(p->now, p->answer_at)) {
		p->answer_at = MONO_NEVER;
		if (!p->server.over)
			ppp_auth_result(&p->server.ppp, &p->answer, p->now);
	}
	timers_run(&p->timers, p->now, 1000);
}

/* One side that has ended clears its call, and the other's bearer is gone a moment later: what a tunnel does. */
static void
clear_calls(struct pair *p)
{
	if (p->server.over && !p->client.over)
		ppp_bearer_down(&p->client.ppp, CAUSE_PEER_CALL_CLEARED, p->now);
	if (p->client.over && !p->server.over)
		ppp_bearer_down(&p->server.ppp, CAUSE_PEER_CALL_CLEARED, p->now);
}

static bool
settled(const struct pair *p)
{
	return !p->n_flight && ((p->server.over && p->client.over) || (p->server.up && p->client.up));
}

/* Runs until both are up or both are over; returns milliseconds of virtual time. */
static int64_t
run(struct pair *p)
{
	struct mono start = p->now;
	ppp_bearer_up(&p->server.ppp, p->now);
	ppp_bearer_up(&p->client.ppp, p->now);
	while (!settled(p)) {
		step(p);
		clear_calls(p);
		if (mono_since_us(p->now, start) > (int64_t)GIVE_UP_S * 1000000)
			fail_msg("neither up nor over: server %s/%s/%s, client %s/%s/%s",
				 ppp_phase_name(&p->server.ppp), fsm_state_names[p->server.ppp.lcp.state],
				 fsm_state_names[p->server.ppp.ipcp.state], ppp_phase_name(&p->client.ppp),
				 fsm_state_names[p->client.ppp.lcp.state], fsm_state_names[p->client.ppp.ipcp.state]);
	}
	return mono_since_us(p->now, start) / 1000;
}

static void
check_up(struct pair *p)
{
	assert_true(p->server.up && p->client.up);
	assert_int_equal(p->client.ppp.ip4.our, PEER_IP);
	assert_int_equal(p->client.ppp.ip4.peer, OUR_IP);
	assert_int_equal(p->client.ppp.ip4.dns[0], DNS_IP);
	assert_int_equal(p->client.ppp.ip4.dns[1], 0);
}

static void
check_over(struct pair *p)
{
	assert_true(p->server.over && p->client.over);
	assert_int_not_equal(p->server.cause, CAUSE_NONE);
	assert_int_not_equal(p->client.cause, CAUSE_NONE);
}

static void
finish(struct pair *p)
{
	ppp_fini(&p->server.ppp);
	ppp_fini(&p->client.ppp);
}

static void
use_method(struct pair *p, uint8_t method)
{
	p->server.conf.auth[0] = p->client.conf.auth[0] = method;
	p->server.conf.n_auth = p->client.conf.n_auth = 1;
}

/* No retransmission timer fires in a clean set-up, and nothing goes out twice. */
static void
clean(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_METHODS; i++) {
		struct pair *p = pair_init(1);
		use_method(p, methods[i]);
		int64_t ms = run(p);
		check_up(p);
		for (unsigned k = 0; k < 2; k++) {
			const struct ppp_stats *st = k ? &p->server.stats : &p->client.stats;
			assert_int_equal(st->retransmits + st->early_resends + st->term_resends + st->auth_resends, 0);
			assert_int_equal(st->malformed + st->stale + st->out_of_phase + st->renegotiations, 0);
			assert_int_equal(st->auth_ok, 1);
			assert_int_equal(st->opened, 1);
		}
		bool ms_chap = methods[i] == PPP_AUTH_MSCHAP || methods[i] == PPP_AUTH_MSCHAPV2;
		assert_int_equal(p->server.keys.len, ms_chap ? 16 : 0);
		assert_int_equal(p->client.keys.len, p->server.keys.len);
		assert_memory_equal(p->server.keys.send, p->client.keys.recv, 16);
		assert_memory_equal(p->server.keys.recv, p->client.keys.send, 16);
		print_message("  %s: %u frames, %d ms at 5 ms one way\n", ppp_auth_name(methods[i]), p->n_sent,
			      (int)ms);
		finish(p);
	}
}

/* The client's pppd listens only 200 ms after the call is up: set-up does not wait for the restart timer. */
static void
late_client(void **state)
{
	(void)state;
	struct pair *p = pair_init(2);
	ppp_bearer_up(&p->server.ppp, p->now);
	for (struct mono end = mono_add_ms(p->now, 200); p->now.us < end.us;) {
		step(p);
		p->n_flight = 0;
	}
	int64_t ms = run(p);
	check_up(p);
	assert_int_equal(p->server.stats.retransmits, 0);
	assert_int_equal(p->server.stats.early_resends, 1);
	assert_true(ms < 1000);
	print_message("  %d ms after the client began\n", (int)ms);
	finish(p);
}

static void
wrong_password(void **state)
{
	(void)state;
	for (unsigned i = 0; i < N_METHODS; i++) {
		struct pair *p = pair_init(3);
		p->password = "looking-glass";
		use_method(p, methods[i]);
		run(p);
		check_over(p);
		assert_int_equal(p->server.cause, CAUSE_AUTH_FAILED);
		assert_int_equal(p->client.cause, CAUSE_AUTH_FAILED);
		assert_int_equal(p->server.stats.auth_failed, 1);
		assert_int_equal(p->server.ups + p->client.ups, 0);
	}
}

static void
no_common_method(void **state)
{
	(void)state;
	struct pair *p = pair_init(4);
	p->server.conf.auth[0] = PPP_AUTH_MSCHAPV2;
	p->server.conf.n_auth = 1;
	p->client.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	p->client.conf.n_auth = 1;
	run(p);
	check_over(p);
	assert_int_equal(p->server.cause, CAUSE_AUTH_REFUSED);
	assert_int_equal(p->server.auths, 0);
}

static void
second_method(void **state)
{
	(void)state;
	struct pair *p = pair_init(5);
	p->client.conf.auth[0] = PPP_AUTH_CHAP_MD5;
	p->client.conf.n_auth = 1;
	run(p);
	check_up(p);
	assert_int_equal(p->server.ppp.opt.auth, PPP_AUTH_CHAP_MD5);
	finish(p);
}

/* The network as a whole: up, or over with a cause; once up, addresses are right on both sides. */
static void
many_seeds(unsigned seeds, unsigned loss, unsigned doubled, unsigned jitter_ms)
{
	unsigned up = 0, resends = 0;
	int64_t total_ms = 0;
	for (unsigned i = 1; i <= seeds; i++) {
		struct pair *p = pair_init(i);
		p->loss = loss;
		p->doubled = doubled;
		p->jitter_ms = jitter_ms;
		p->answer_ms = i % 3 * 40;
		use_method(p, methods[i / 3 % N_METHODS]);
		total_ms += run(p);
		if (p->server.over)
			check_over(p);
		else
			check_up(p);
		up += p->server.up;
		resends += (unsigned)(p->server.stats.retransmits + p->client.stats.retransmits);
		finish(p);
	}
	print_message("  loss %u %%, doubled %u %%, jitter %u ms: %u of %u up, %u retransmissions, %d ms on average\n",
		      loss, doubled, jitter_ms, up, seeds, resends, (int)(total_ms / seeds));
	if (loss <= 5 && doubled <= 5)
		assert_int_equal(up, seeds);
	assert_true(up * 10 >= seeds * 9);
}

static void
lossy(void **state)
{
	(void)state;
	many_seeds(1000, 0, 0, 0);
	many_seeds(1000, 5, 0, 0);
	many_seeds(1000, 30, 0, 0);
}

static void
unruly(void **state)
{
	(void)state;
	many_seeds(300, 0, 5, 40);
	many_seeds(300, 0, 30, 40);
	many_seeds(300, 15, 10, 100);
}

/* Either side ends; the other learns of it, and both are over within the bound that max-terminate sets. */
static void
terminated(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 200; i++) {
		struct pair *p = pair_init(i);
		p->loss = i % 4 * 15;
		run(p);
		if (p->server.over)
			continue;
		bool by_server = i % 2;
		struct side *a = by_server ? &p->server : &p->client, *b = a->other;
		struct mono start = p->now;
		ppp_terminate(&a->ppp, by_server ? CAUSE_SHUTDOWN : CAUSE_IDLE_TIMEOUT, p->now);
		while (!a->over)
			step(p);
		assert_true(mono_since_us(p->now, start) < 6100000);
		assert_false(a->up);
		if (!p->loss) {
			assert_false(b->up);
			assert_true(mono_since_us(p->now, start) < 100000);
		}
		clear_calls(p);
		check_over(p);
		assert_int_equal(a->cause, by_server ? CAUSE_SHUTDOWN : CAUSE_IDLE_TIMEOUT);
		if (!p->loss)
			assert_int_equal(b->cause, CAUSE_USER_REQUEST);
	}
}

/* Challenged every minute on a network that loses: who answers stays, and the addresses stay with him. */
static void
challenged_for_an_hour(void **state)
{
	(void)state;
	struct pair *p = pair_init(8);
	p->server.conf.auth_interval_s = 60;
	p->loss = 5;
	run(p);
	check_up(p);
	for (struct mono until = mono_add_s(p->now, 3600); p->now.us < until.us;)
		step(p);
	check_up(p);
	assert_in_range(p->server.auths, 55, 61);
	assert_int_equal(p->server.ups, 1);
	finish(p);
}

/* A peer that begins anew on an open link: down, authenticated again, up again. */
static void
renegotiated(void **state)
{
	(void)state;
	for (unsigned i = 1; i <= 100; i++) {
		struct pair *p = pair_init(i);
		p->loss = i % 3 * 10;
		run(p);
		if (p->server.over)
			continue;
		check_up(p);
		ppp_fini(&p->client.ppp);
		struct ppp_conf conf = p->client.conf;
		memset(&p->client, 0, sizeof p->client);
		side_init(&p->client, PPP_CLIENT, p);
		p->client.conf = conf;
		ppp_bearer_up(&p->client.ppp, p->now);
		unsigned ups = p->server.ups;
		while (!settled(p) || (!p->server.over && p->server.ups == ups)) {
			step(p);
			clear_calls(p);
		}
		if (p->server.over) {
			check_over(p);
			continue;
		}
		check_up(p);
		assert_true(p->server.auths >= 2);
		assert_true(p->server.stats.renegotiations >= 1);
		finish(p);
	}
}

/* A bearer that connects a link to itself. */
static void
looped(void **state)
{
	(void)state;
	struct pair *p = pair_init(6);
	p->server.other = &p->server;
	ppp_bearer_up(&p->server.ppp, p->now);
	for (unsigned i = 0; i < 1000 && !p->server.over; i++)
		step(p);
	assert_true(p->server.over);
	assert_int_equal(p->server.cause, CAUSE_LCP_LOOPBACK);
}

/* The client has gone without a word: nobody answers, the server gives up by itself. */
static void
silence(void **state)
{
	(void)state;
	struct pair *p = pair_init(7);
	p->loss = 100;
	ppp_bearer_up(&p->server.ppp, p->now);
	while (!p->server.over)
		step(p);
	assert_int_equal(p->server.cause, CAUSE_LCP_TIMEOUT);
	assert_int_equal(p->n_sent, 12);
}

static int
load(void **state)
{
	(void)state;
	crypto = ppp_crypto_new(NULL);
	return crypto ? 0 : -1;
}

static int
unload(void **state)
{
	(void)state;
	ppp_crypto_free(crypto);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clean),          cmocka_unit_test(late_client),
		cmocka_unit_test(wrong_password), cmocka_unit_test(no_common_method),
		cmocka_unit_test(second_method),  cmocka_unit_test(lossy),
		cmocka_unit_test(unruly),         cmocka_unit_test(terminated),
		cmocka_unit_test(renegotiated),   cmocka_unit_test(looped),
		cmocka_unit_test(silence),        cmocka_unit_test(challenged_for_an_hour),
	};
	return cmocka_run_group_tests(tests, load, unload);
}
