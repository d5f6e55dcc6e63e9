/* admission_test.c - backends that answer later, or never: their order, and sessions that do not wait for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admission.h"
#include "twin.h"

#define CONF(mode, extra)                                                                                              \
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"        \
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"     \
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"                                 \
	"l2tp = { listen = [ \"0.0.0.0\" ]; secret = \"tunnel\"; };\n"                                                 \
	"radius = { server = ( { address = \"192.0.2.7\"; key = \"s\"; } ); };\n"                                      \
	"authentication = { mode = [ " mode                                                                            \
	" ]; protocols = [ \"chap\", \"mschap-v2\" ]; interval = 10; local-users = (\n"                                \
	"  { username = \"u0\"; password = \"p\"; idle-timeout = 7; } ); };\n"                                         \
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\"; max-sessions = 100; name-server = \"192.0.2.1\";\n" \
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );\n" extra

static struct twin twin, *const t = &twin;

/* A server somewhere: it answers when the test says so. */
static struct {
	struct login *login; /* that waits for its answer; NULL: none */
	unsigned asked, cancelled;
} far;

static enum backend_answer
far_ask(struct cp *cp, struct login *login, struct verdict *v, struct mono now)
{
	(void)cp, (void)v, (void)now;
	assert_null(far.login);
	far.login = login;
	far.asked++;
	return BACKEND_PENDING;
}

static void
far_cancel(struct cp *cp, struct login *login)
{
	(void)cp;
	assert_ptr_equal(login, far.login);
	far.login = NULL;
	far.cancelled++;
}

static const struct backend far_backend = {.name = "far", .ask = far_ask, .cancel = far_cancel};

static void
begin(const char *conf)
{
	twin_init(t, &(struct twin_args){conf, 1, 0});
	memset(&far, 0, sizeof far);
	t->cp->backends[CONF_MODE_RADIUS] = &far_backend;
}

static void
dial(unsigned call)
{
	twin_dial(t, 0, call, 1);
	for (unsigned i = 0; i < 500 && !far.login; i++)
		twin_step(t);
	assert_non_null(far.login);
}

static void
dial_until_asked(void)
{
	dial(0);
}

static void
far_answers(enum verdict_kind kind, void (*say)(struct verdict *v))
{
	struct login *login = far.login;
	struct verdict v;
	far.login = NULL;
	verdict_init(&v, login);
	v.kind = kind;
	snprintf(v.by, sizeof v.by, "radius 192.0.2.7");
	if (say)
		say(&v);
	admission_verdict(login, &v, t->now);
}

static void
say_much(struct verdict *v)
{
	struct prefix net = {addr_from_ip4(0x0a01ca00), 24};
	profile_say_ip4(&v->profile, 0x0a4e0109);
	profile_say_mtu(&v->profile, 1300);
	profile_say_idle_timeout_s(&v->profile, 0);
	assert_int_equal(profile_say_routes(&v->profile, &net, sizeof net), 0);
}

static void
say_another_server(struct verdict *v)
{
	snprintf(v->by, sizeof v->by, "radius 192.0.2.8");
}

static struct ppp_auth_result proof_of_server;

static void
say_proof(struct verdict *v)
{
	memcpy(v->result.auth_response, proof_of_server.auth_response, sizeof v->result.auth_response);
}

static void
say_words(struct verdict *v)
{
	snprintf(v->text, sizeof v->text, "pay your bill");
	snprintf(v->why, sizeof v->why, "rejected");
}

static void
a_late_yes(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", "idle-timeout = 9;\n"));
	dial_until_asked();
	assert_null(twin_session(t, "u0"));
	far_answers(VERDICT_YES, say_much);
	assert_true(twin_settle(t, 1, 60));
	struct session *s = twin_session(t, "u0");
	assert_non_null(s);
	assert_int_equal(s->ip4, 0x0a4e0109);
	assert_string_equal(s->backend_name, "radius 192.0.2.7");
	assert_int_equal(s->profile.idle_timeout_s, 0);
	assert_int_equal(s->profile.dns1, 0xc0000201);
	assert_int_equal(t->fake.sessions[handle_index(s->handle)].set.mtu, 1300);
	twin_fini(t);
}

static void
a_late_no_with_its_own_words(void **state)
{
	(void)state;
	begin(CONF("\"radius\", \"local\"", ""));
	dial_until_asked();
	far_answers(VERDICT_NO, say_words);
	assert_true(twin_settle(t, 1, 60));
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_string_equal(t->calls[0].ppp.peer_text, "pay your bill");
	assert_int_equal(t->cp->stats.auth_failed, 1);
	twin_fini(t);
}

/* Only silence falls through. */
static void
silence_asks_the_next(void **state)
{
	(void)state;
	begin(CONF("\"radius\", \"local\"", ""));
	dial_until_asked();
	far_answers(VERDICT_SILENCE, NULL);
	assert_true(twin_settle(t, 1, 60));
	assert_string_equal(twin_session(t, "u0")->backend_name, "local");
	assert_int_equal(twin_session(t, "u0")->profile.idle_timeout_s, 7);
	twin_fini(t);
}

static void
the_first_that_knows_is_enough(void **state)
{
	(void)state;
	begin(CONF("\"local\", \"radius\"", ""));
	twin_dial(t, 0, 0, 1);
	assert_true(twin_settle(t, 1, 60));
	assert_non_null(twin_session(t, "u0"));
	assert_int_equal(far.asked, 0);
	twin_fini(t);
}

static void
silence_of_all_is_said(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	dial_until_asked();
	far_answers(VERDICT_SILENCE, NULL);
	assert_true(twin_settle(t, 1, 60));
	twin_run_ms(t, 1000);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_UNAVAILABLE], 1);
	assert_string_equal(t->calls[0].ppp.peer_text, "no authentication server answers");
	twin_fini(t);
}

/* Nobody is left who would want the answer. */
static void
an_end_cancels(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	dial_until_asked();
	session_end(far.login->s, CAUSE_ADMIN_RESET, t->now);
	assert_int_equal(far.cancelled, 1);
	assert_true(twin_settle(t, 1, 60));
	twin_run_ms(t, 1000);
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

static void
a_peer_that_leaves_cancels(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	dial_until_asked();
	ppp_terminate(&t->calls[0].ppp, CAUSE_USER_REQUEST, t->now);
	twin_run_ms(t, 1000);
	assert_int_equal(far.cancelled, 1);
	assert_int_equal(cp_sessions(t->cp), 0);
	twin_fini(t);
}

/* The answer may also never come, and nobody say so: set-up time is over then. */
static void
waiting_is_bounded(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", "limits = { timeout = 8; };\n"));
	dial_until_asked();
	twin_run_ms(t, 10000);
	assert_int_equal(far.cancelled, 1);
	assert_int_equal(t->cp->stats.ended[CAUSE_SET_UP_TIMEOUT], 1);
	twin_fini(t);
}

static void
the_end_of_all_is_quiet(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	dial_until_asked();
	twin_fini(t);
	assert_int_equal(far.cancelled, 1);
}

/* authentication.interval: it asks whoever has let the peer in; silence ends nothing, a no does. */
static void
asked_again(void **state)
{
	(void)state;
	begin(CONF("\"radius\", \"local\"", ""));
	dial_until_asked();
	far_answers(VERDICT_YES, NULL);
	assert_true(twin_settle(t, 1, 60));
	twin_run_ms(t, 11000);
	assert_int_equal(far.asked, 2);
	assert_true(far.login->req.again);
	far_answers(VERDICT_SILENCE, NULL);
	assert_non_null(twin_session(t, "u0"));
	twin_run_ms(t, 11000);
	assert_int_equal(far.asked, 3);
	far_answers(VERDICT_NO, NULL);
	twin_run_ms(t, 2000);
	assert_null(twin_session(t, "u0"));
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	twin_fini(t);
}

static unsigned chap_heard[5]; /* by code */

static void
hear_chap(struct twin *of, bool to_server, const struct fake_packet *p)
{
	(void)of;
	if (!to_server && !p->control && p->len > 2 && p->bytes[0] == 0xc2 && p->bytes[1] == 0x23 && p->bytes[2] < 5)
		chap_heard[p->bytes[2]]++;
}

/* MS-CHAPv2 proves both ways: without an answer there is no Success to give, nor has the peer failed. */
static void
nothing_is_proved_by_silence(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	t->ppp_conf.auth[0] = PPP_AUTH_MSCHAPV2;
	t->ppp_conf.n_auth = 1;
	t->tap = hear_chap;
	dial_until_asked();
	assert_true(ppp_auth_check(t->cp->crypto, &far.login->req, "p", &proof_of_server));
	far_answers(VERDICT_YES, say_proof);
	assert_true(twin_settle(t, 1, 60));
	assert_int_equal(t->calls[0].state, TWIN_UP);
	twin_run_ms(t, 11000);
	assert_int_equal(far.asked, 2);
	memset(chap_heard, 0, sizeof chap_heard);
	far_answers(VERDICT_SILENCE, NULL);
	twin_run_ms(t, 2000);
	assert_int_equal(chap_heard[3], 0);
	assert_int_equal(chap_heard[4], 0);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_UNAVAILABLE], 1);
	assert_string_equal(t->calls[0].ppp.peer_text, "authentication is not available");
	twin_fini(t);
}

static void
negotiate_again(void)
{
	static const uint8_t request[] = {0xc0, 0x21, 1, 77, 0, 8, 1, 4, 4, 0};
	struct l2tp_call *call = t->calls[0].call;
	far.login = NULL;
	call->bearer.ops->send(&call->bearer, request, sizeof request, t->now);
	for (unsigned i = 0; i < 500 && !far.login; i++)
		twin_step(t);
	assert_non_null(far.login);
}

/* What a session has carried, its accounting and its timers are of the user who began it. */
static void
nobody_takes_a_session_over(void **state)
{
	(void)state;
	begin(CONF("\"radius\"", ""));
	dial_until_asked();
	far_answers(VERDICT_YES, NULL);
	assert_true(twin_settle(t, 1, 60));
	struct session *s = twin_session(t, "u0");
	uint32_t ip4 = s->ip4;
	t->calls[0].name = "u1";
	negotiate_again();
	assert_string_equal(far.login->req.name, "u1");
	far_answers(VERDICT_YES, say_another_server);
	assert_string_equal(s->username, "u0");
	assert_string_equal(s->backend_name, "radius 192.0.2.7"); /* as in its accounting */
	assert_int_equal(s->ip4, ip4);
	twin_run_ms(t, 2000);
	assert_int_equal(t->cp->stats.ended[CAUSE_AUTH_FAILED], 1);
	assert_int_equal(cp_sessions(t->cp), 0);
	assert_int_equal(pool4_counts(t->cp->pools, 0).lent, 0);
	twin_fini(t);
}

static void
say_two(struct verdict *v)
{
	profile_say_port_limit(&v->profile, 2);
}

/* begin_port_limit: two sessions of u0, who may have two, and a third that has proved itself. */
static void
begin_port_limit(const char *conf)
{
	begin(conf);
	for (unsigned i = 0; i < 5; i++)
		t->calls[i].name = "u0";
	for (unsigned i = 0; i < 2; i++) {
		dial(i);
		far_answers(VERDICT_YES, say_two);
		assert_true(twin_settle(t, i + 1, 60));
		assert_int_equal(t->calls[i].state, TWIN_UP);
	}
	dial(2);
	far_answers(VERDICT_YES, say_two);
	twin_run_ms(t, 5000);
}

/* Port-Limit says more than single-session. */
static void
one_too_many_is_refused(void **state)
{
	(void)state;
	begin_port_limit(CONF("\"radius\"", "single-session = \"deny\";\n"));
	assert_int_equal(t->calls[2].state, TWIN_ENDED);
	assert_int_equal(t->cp->stats.ended[CAUSE_PORT_LIMIT], 1);
	assert_int_equal(t->cp->active, 2);
	dial(4);
	t->calls[4].mute = true; /* a call that was refused and does not go is none of the two */
	far_answers(VERDICT_YES, say_two);
	ppp_terminate(&t->calls[0].ppp, CAUSE_USER_REQUEST, t->now);
	twin_run_ms(t, 2000);
	dial(3);
	far_answers(VERDICT_YES, say_two);
	twin_run_ms(t, 2000);
	assert_int_equal(t->calls[3].state, TWIN_UP);
	twin_fini(t);
}

static void
one_too_many_replaces_the_oldest(void **state)
{
	(void)state;
	begin_port_limit(CONF("\"radius\"", "single-session = \"replace\";\n"));
	assert_int_equal(t->calls[0].state, TWIN_ENDED);
	assert_int_equal(t->calls[1].state, TWIN_UP);
	assert_int_equal(t->calls[2].state, TWIN_UP);
	assert_int_equal(t->cp->stats.ended[CAUSE_REPLACED], 1);
	assert_int_equal(t->cp->active, 2);
	/* nor does a peer that is gone keep the place */
	t->calls[1].mute = true;
	dial(3);
	far_answers(VERDICT_YES, say_two);
	twin_run_ms(t, 5000);
	assert_int_equal(t->calls[3].state, TWIN_UP);
	assert_int_equal(t->cp->stats.ended[CAUSE_REPLACED], 2);
	assert_int_equal(t->cp->active, 2);
	twin_fini(t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_late_yes),
		cmocka_unit_test(a_late_no_with_its_own_words),
		cmocka_unit_test(silence_asks_the_next),
		cmocka_unit_test(the_first_that_knows_is_enough),
		cmocka_unit_test(silence_of_all_is_said),
		cmocka_unit_test(an_end_cancels),
		cmocka_unit_test(a_peer_that_leaves_cancels),
		cmocka_unit_test(waiting_is_bounded),
		cmocka_unit_test(the_end_of_all_is_quiet),
		cmocka_unit_test(asked_again),
		cmocka_unit_test(one_too_many_is_refused),
		cmocka_unit_test(one_too_many_replaces_the_oldest),
		cmocka_unit_test(nothing_is_proved_by_silence),
		cmocka_unit_test(nobody_takes_a_session_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
