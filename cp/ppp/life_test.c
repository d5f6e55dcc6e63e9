/* The life of a link as its owner sees it: ends from inside upcalls, misuse, what happens after the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ppp/script.h"

static struct script s;

static int
server(void **state)
{
	(void)state;
	script_init(&s, PPP_SERVER);
	s.conf.noauth = true;
	return 0;
}

static int
end(void **state)
{
	(void)state;
	script_fini(&s);
	return 0;
}

/* A whole set-up without authentication; stops short when the link ends on the way. */
static void
set_up(void)
{
	script_up(&s);
	script_feed(&s, "c021 02 01 000e 0104 0578 0506 01010101");
	script_feed(&s, "c021 01 01 0004");
	script_feed(&s, "8021 02 01 000a 0306 0a4e0001");
	script_feed(&s, "8021 01 01 000a 0306 0a4e0105");
}

#define LINK "link_up(mtu=1400,mru=1400,01010101,00000000)"

/* The owner ends the link inside each upcall: what is due follows, `down` last and once. */
static void
ends_inside_upcalls(void **state)
{
	(void)state;
	static const struct {
		const char *at, *events;
	} rows[] = {
		{"link_up", LINK " auth(none,) link_down"},
		{"auth", LINK " auth(none,) link_down"},
		{"opening", LINK " auth(none,) opening(8021) up(8021) down(8021) link_down"},
		{"up", LINK " auth(none,) opening(8021) up(8021) down(8021) link_down"},
	};
	for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		script_fini(&s);
		server(state);
		s.end_at = rows[i].at;
		set_up();
		script_events(&s, rows[i].events);
		script_feed(&s, "c021 06 02 0004");
		script_events(&s, "end(ADMIN_RESET)");
	}
}

static void
ends_hard_inside_upcalls(void **state)
{
	(void)state;
	static const char *const at[] = {"link_up", "auth", "opening", "up"};
	for (unsigned i = 0; i < sizeof at / sizeof at[0]; i++) {
		script_fini(&s);
		server(state);
		s.end_at = at[i];
		s.end_hard = true;
		set_up();
		assert_non_null(strstr(s.events, " link_down end(PEER_CALL_CLEARED)"));
		assert_true(s.over);
	}
}

static void
ends_while_going_down(void **state)
{
	(void)state;
	set_up();
	s.events[0] = 0;
	s.end_at = "down";
	script_feed(&s, "c021 01 02 0008 0104 0400");
	script_events(&s, "down(8021) link_down");
	script_feed(&s, "c021 06 03 0004");
	script_events(&s, "end(ADMIN_RESET)");
}

static void
before_and_after(void **state)
{
	(void)state;
	script_feed(&s, "c021 01 01 0004");
	script_quiet(&s);
	set_up();
	s.n_read = s.n_sent;
	script_up(&s);
	script_quiet(&s);
	ppp_bearer_down(&s.ppp, CAUSE_PEER_CALL_CLEARED, s.now);
	assert_true(s.over);
	script_wait(&s, 60000);
	script_quiet(&s);
}

/* A link that has ended and not been freed yet is deaf. */
static void
deaf_after_fini(void **state)
{
	(void)state;
	set_up();
	s.n_read = s.n_sent;
	s.events[0] = 0;
	ppp_fini(&s.ppp);
	ppp_fini(&s.ppp);
	script_feed(&s, "c021 01 02 0008 0104 0400");
	ppp_terminate(&s.ppp, CAUSE_ADMIN_RESET, s.now);
	ppp_bearer_down(&s.ppp, CAUSE_PEER_CALL_CLEARED, s.now);
	script_wait(&s, 60000);
	script_quiet(&s);
	script_events(&s, "");
}

/* A server without a method to offer lets nobody in, unless noauth says so. */
static void
no_method_no_link(void **state)
{
	(void)state;
	s.conf.noauth = false;
	s.conf.n_auth = 0;
	set_up();
	script_events(&s, LINK " link_down");
	script_feed(&s, "c021 06 02 0004");
	script_events(&s, "end(AUTH_REFUSED)");
}

static void
kernel_randomness(void **state)
{
	(void)state;
	const struct ppp_ops *ops = s.ppp.ops;
	struct ppp_ops plain = *ops;
	plain.random = NULL;
	s.ppp.ops = &plain;
	uint32_t a = ppp_magic(&s.ppp), b = ppp_magic(&s.ppp), c = ppp_magic(&s.ppp);
	assert_true(a && b && c && !(a == b && b == c));
	s.ppp.ops = ops;
}

static void
phases(void **state)
{
	(void)state;
	assert_string_equal(ppp_phase_name(&s.ppp), "dead");
	script_up(&s);
	assert_string_equal(ppp_phase_name(&s.ppp), "establish");
	script_feed(&s, "c021 02 01 000e 0104 0578 0506 01010101");
	script_feed(&s, "c021 01 01 0004");
	assert_string_equal(ppp_phase_name(&s.ppp), "network");
}

/* The budget of a session record: 2 KiB in cp, with everything. */
static void
size(void **state)
{
	(void)state;
	assert_true(sizeof(struct ppp) <= 1024);
}

#define SERVER(f) cmocka_unit_test_setup_teardown(f, server, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		SERVER(ends_inside_upcalls),   SERVER(ends_hard_inside_upcalls),
		SERVER(ends_while_going_down), SERVER(before_and_after),
		SERVER(deaf_after_fini),       SERVER(no_method_no_link),
		SERVER(kernel_randomness),     SERVER(phases),
		cmocka_unit_test(size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
