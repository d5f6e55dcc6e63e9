/* dp_start for real: EAL, ports, worker threads.  Each case is a process of its own, since EAL starts once in one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <rte_ethdev.h>

#include <dp/placement.h>

#include "start_fixture.h"

#define CHECK(cond)                                                                                                    \
	do {                                                                                                           \
		if (!(cond)) {                                                                                         \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond);                                     \
			_exit(1);                                                                                      \
		}                                                                                                      \
	} while (0)

#define DEADLINE_US 10000000

static void
in_a_process(void (*body)(void))
{
	int status;
	fflush(NULL);
	pid_t pid = fork();
	if (!pid) {
		alarm(60);
		body();
		exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static struct mono
clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

static struct dp *
started(const struct dp_start *s)
{
	struct dp *dp = NULL;
	char err[512];
	if (dp_start(s, &dp, err, sizeof err) < 0) {
		fprintf(stderr, "dp_start: %s\n", err);
		_exit(1);
	}
	return dp;
}

/* next: the next message of worker 0, waited for. */
static const struct byte_ring_rec *
next(struct dp *dp)
{
	struct mono until = mono_add_us(clock_now(), DEADLINE_US);
	const struct byte_ring_rec *rec = NULL;
	while (!rec && !mono_reached(clock_now(), until)) {
		rec = dp_recv(dp, 0);
		dp_step(dp, clock_now());
	}
	CHECK(rec);
	return rec;
}

static void
expect_refusal(const struct dp_start *s, const char *words[])
{
	struct dp *dp = NULL;
	char err[512];
	CHECK(dp_start(s, &dp, err, sizeof err) < 0);
	printf("  %s\n", err);
	for (; *words; words++)
		CHECK(strstr(err, *words));
}

static void
body_runs(void)
{
	struct dp_start s = fixture_start("net_null0");
	struct dp *dp = started(&s);
	struct dp_core_info before, after = {0};
	struct dp_port_info port;
	struct dp_stage_info rx;
	dp_core_info(dp, 0, &before);
	after = before;
	/* net_null receives for ever: packets of zeros, each of them a drop with a reason. */
	struct mono until = mono_add_us(clock_now(), DEADLINE_US);
	uint64_t drops[DROP_COUNT] = {0}, sum = 0;
	while ((sum < 100000 || after.loops == before.loops) && !mono_reached(clock_now(), until)) {
		dp_core_info(dp, 0, &after);
		dp_drops(dp, drops);
		sum = 0;
		for (unsigned i = 0; i < DROP_COUNT; i++)
			sum += drops[i];
		dp_step(dp, clock_now());
	}
	dp_port_info(dp, 0, &port);
	dp_stage_info(dp, 0, &rx);
	CHECK(sum >= 100000);
	CHECK(after.loops > before.loops && after.busy_loops > 0 && after.tsc_hz > 100000000);
	CHECK(after.mbufs_total >= 1000);
	CHECK(!strcmp(port.name, "p0") && !strcmp(port.driver, "net_null") && port.rx_packets >= sum);
	CHECK(!strcmp(rx.name, "RX") && rx.packets >= sum && rx.calls && !rx.cycles);
	CHECK(dp_ports(dp) == 1 && dp_workers(dp) == 1 && dp_stages() > 5);
	dp_stage_cycles(dp, true);
	until = mono_add_us(clock_now(), DEADLINE_US);
	while (!rx.cycles && !mono_reached(clock_now(), until))
		dp_stage_info(dp, 0, &rx);
	CHECK(rx.cycles);
	dp_stop(dp);
}

static void
body_session(void)
{
	struct dp_start s = fixture_start("net_ring0");
	struct dp *dp = started(&s);
	uint64_t h = handle_make(0, 5, 9);
	struct dp_session_open o = {
		.local = addr_from_ip4(0xc0000201),
		.peer = addr_from_ip4(0xc0000202),
		.local_port = 1701,
		.peer_port = 1701,
		.our_sid = 5,
		.bearer = DP_BEARER_L2TP,
		.nh = nh_make(NH_ADJ, 0),
	};
	struct mono sent = clock_now();
	CHECK(!dp_send(dp, DP_MSG_SESSION_OPEN, h, &o, NULL, 0));
	CHECK(!dp_send(dp, DP_MSG_SESSION_CLOSE, handle_make(0, 5, 8), NULL, NULL, 0)); /* stale */
	struct mono opened = {0}, until = mono_add_us(sent, DEADLINE_US);
	while (!opened.us && !mono_reached(clock_now(), until))
		opened = dp_session_last_packet(dp, h);
	/* The worker's clock and ours are the same clock. */
	CHECK(opened.us > sent.us - 20000 && opened.us < clock_now().us + 20000);
	CHECK(!dp_send(dp, DP_MSG_SESSION_CLOSE, h, NULL, NULL, 0));
	const struct byte_ring_rec *rec = next(dp);
	CHECK(rec->type == DP_MSG_SESSION_CLOSED && rec->handle == h && rec->len == sizeof(struct dp_counters));
	dp_recv_done(dp, 0);
	CHECK(!dp_recv(dp, 0));
	struct dp_core_info core;
	dp_core_info(dp, 0, &core);
	CHECK(core.sessions == 0 && core.messages_in == 3 && core.messages_out == 1 && core.messages_stale == 1);
	dp_stop(dp);
}

static uint64_t
naps_in_a_while(bool nap)
{
	struct dp_start s = fixture_start("net_ring0"); /* nothing comes in */
	s.nap = nap;
	struct dp *dp = started(&s);
	struct dp_core_info core;
	struct mono until = mono_add_us(clock_now(), DEADLINE_US);
	do
		dp_core_info(dp, 0, &core);
	while (core.loops < 5000 && !core.naps && !mono_reached(clock_now(), until));
	dp_stop(dp);
	return core.naps;
}

static void
body_naps(void)
{
	CHECK(naps_in_a_while(true) > 0);
}

static void
body_polls(void)
{
	CHECK(naps_in_a_while(false) == 0);
}

/* spread_as_placement_says: the table of queues of device 0. */
static bool
spread_as_placement_says(void)
{
	struct rte_eth_rss_reta_entry64 table[2] = {{.mask = UINT64_MAX}, {.mask = UINT64_MAX}};
	bool same = rte_eth_dev_rss_reta_query(0, table, 128) == 0;
	for (unsigned i = 0; i < 128; i++)
		same &= table[i / 64].reta[i % 64] == i % PLACEMENT_SLOTS % 2;
	return same;
}

static void
body_two_workers(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.n_workers = 2; /* both on the first cpu, as is MAIN */
	struct dp *dp = started(&s);
	struct dp_core_info core;
	struct mono until = mono_add_us(clock_now(), DEADLINE_US);
	do
		dp_core_info(dp, 1, &core);
	while (!core.busy_loops && !mono_reached(clock_now(), until));
	CHECK(core.busy_loops); /* it has a queue of its own */
	CHECK(spread_as_placement_says());
	dp_stop(dp);
}

static void
body_no_such_driver(void)
{
	struct dp_start s = fixture_start("net_nonsense0,iface=x");
	expect_refusal(&s,
		       (const char *[]){"port p0", "device net_nonsense0,iface=x", "no such driver", "net_tap", NULL});
}

static void
body_no_such_interface(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.n_ports = 2;
	s.ports[1] = (struct dp_port_start){.name = "p1", .device = "net_af_packet0,iface=nowhere0"};
	expect_refusal(&s, (const char *[]){"port p1", "device net_af_packet0,iface=nowhere0", NULL});
}

static void
body_no_such_pci_device(void)
{
	struct dp_start s = fixture_start("00fe:1f:1f.7");
	expect_refusal(&s, (const char *[]){"port p0", "device 00fe:1f:1f.7", NULL});
}

static void
body_same_device_twice(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.n_ports = 2;
	s.ports[1] = (struct dp_port_start){.name = "p1", .device = "net_null0"};
	expect_refusal(&s, (const char *[]){"port p1", "net_null0", "another port has it", NULL});
}

static void
body_too_little_memory(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.memory_mib = 64;
	expect_refusal(&s, (const char *[]){"cores.memory: 64 MiB", "routes", NULL});
}

static void
body_no_such_cpu(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.workers[0] = 1000;
	expect_refusal(&s, (const char *[]){"cores.workers", "cpu 1000", NULL});
}

static void
body_wrong_limits(void)
{
	struct dp_start s = fixture_start("net_null0");
	s.limits.ring_bytes = 100000;
	expect_refusal(&s, (const char *[]){"power of two", NULL});
	s = fixture_start("net_null0");
	s.n_workers = 0;
	expect_refusal(&s, (const char *[]){"cores.workers", NULL});
	s = fixture_start("net_null0");
	s.ifaces[0].port = 1;
	expect_refusal(&s, (const char *[]){"interface if0", NULL});
}

static void
body_exactly_enough_memory(void)
{
	struct dp_start s = fixture_start("net_null0");
	struct dp_memory m;
	s.memory_mib = (unsigned)((dp_memory_bytes(&s, &m) + (1 << 20) - 1) >> 20);
	dp_stop(started(&s)); /* what -t says is what it takes */
}

#define CASE(name)                                                                                                     \
	static void name(void **state)                                                                                 \
	{                                                                                                              \
		(void)state;                                                                                           \
		in_a_process(body_##name);                                                                             \
	}

CASE(runs)
CASE(session)
CASE(naps)
CASE(polls)
CASE(two_workers)
CASE(no_such_driver)
CASE(no_such_interface)
CASE(no_such_pci_device)
CASE(same_device_twice)
CASE(too_little_memory)
CASE(no_such_cpu)
CASE(wrong_limits)
CASE(exactly_enough_memory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(runs),
		cmocka_unit_test(session),
		cmocka_unit_test(naps),
		cmocka_unit_test(polls),
		cmocka_unit_test(two_workers),
		cmocka_unit_test(no_such_driver),
		cmocka_unit_test(no_such_interface),
		cmocka_unit_test(no_such_pci_device),
		cmocka_unit_test(same_device_twice),
		cmocka_unit_test(too_little_memory),
		cmocka_unit_test(no_such_cpu),
		cmocka_unit_test(wrong_limits),
		cmocka_unit_test(exactly_enough_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
