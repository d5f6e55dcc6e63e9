/* PPTP over a byte stream that is cut anywhere: our client against our server, and scripted peers of either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pptp/pptp.h"

#define PIPE 65536

/* One end: an instance and its only connection; what it sends waits in `out`. */
struct end {
	struct pptp *pptp;
	struct pptp_conn *conn;
	struct pptp_call *call[8];
	unsigned n_new, n_up, n_down;
	enum cause refuse, down_cause, note_cause;
	bool closed, aborted;
	uint16_t next_id;
	size_t n_out;
	uint8_t out[PIPE];
	size_t n_read; /* of out, by the script */
};

static struct end server, client;
static struct timers timers;
static struct mono now;

static void
on_send(void *owner, struct pptp_conn *conn, const uint8_t *bytes, size_t len)
{
	struct end *e = owner;
	(void)conn;
	assert_false(e->closed);
	assert_true(e->n_out + len <= PIPE);
	memcpy(e->out + e->n_out, bytes, len);
	e->n_out += len;
}

static void
on_close(void *owner, struct pptp_conn *conn, bool abort, struct mono at)
{
	struct end *e = owner;
	(void)at;
	assert_ptr_equal(conn, e->conn);
	assert_false(e->closed);
	e->closed = true;
	e->aborted = abort;
}

static void
on_frame(void *owner, struct pptp_call *call, const uint8_t *frame, size_t len, struct mono at)
{
	(void)owner, (void)call, (void)frame, (void)len, (void)at;
}

static enum cause
on_call_new(void *owner, struct pptp_call *call, struct mono at)
{
	struct end *e = owner;
	(void)at;
	if (e->refuse != CAUSE_NONE)
		return e->refuse;
	call->our_id = e->next_id++;
	call->user = e;
	e->call[e->n_new++] = call;
	return CAUSE_NONE;
}

static void
on_call_up(void *owner, struct pptp_call *call, struct mono at)
{
	(void)call, (void)at;
	((struct end *)owner)->n_up++;
}

static void
on_call_down(void *owner, struct pptp_call *call, enum cause cause, struct mono at)
{
	struct end *e = owner;
	(void)at;
	for (unsigned i = 0; i < 8; i++)
		if (e->call[i] == call)
			e->call[i] = NULL;
	e->n_down++;
	e->down_cause = cause;
}

static void
on_note(void *owner, const struct pptp_conn *conn, enum cause cause, const char *text)
{
	(void)conn, (void)text;
	((struct end *)owner)->note_cause = cause;
}

static const struct pptp_ops ops = {
	.send = on_send,
	.close = on_close,
	.frame = on_frame,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_down = on_call_down,
	.note = on_note,
};

static const struct pptp_config config = {
	.host_name = "bras1",
	.timeout_s = 5,
	.echo_interval_s = 60,
	.echo_timeout_s = 60,
	.idle_s = 10,
	.max_conns = 4,
	.recv_window = 64,
};

static int
begin(void **state)
{
	(void)state;
	now = (struct mono){1000000000};
	timers_init(&timers, now);
	memset(&server, 0, sizeof server);
	memset(&client, 0, sizeof client);
	server.next_id = 100;
	client.next_id = 7;
	server.pptp = pptp_new(&config, &ops, &server, &timers);
	client.pptp = pptp_new(&config, &ops, &client, &timers);
	server.conn = pptp_accept(server.pptp, &(struct pptp_info){.conn = 1}, now);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	pptp_free(server.pptp);
	pptp_free(client.pptp);
	return 0;
}

static void
again(void **state)
{
	end(state);
	begin(state);
}

/* carry: what `from` has sent, in pieces of up to `cut` octets. */
static bool
carry(struct end *from, struct end *to, unsigned cut)
{
	size_t at = 0, all = from->n_out;
	uint8_t copy[PIPE];
	memcpy(copy, from->out, all);
	from->n_out = 0;
	while (at < all && !to->closed) {
		size_t n = 1 + (size_t)rand() % cut;
		n = n < all - at ? n : all - at;
		pptp_input(to->conn, copy + at, n, now);
		at += n;
	}
	return all != 0;
}

static void
settle(unsigned cut)
{
	bool said;
	do {
		said = carry(&client, &server, cut);
		said = carry(&server, &client, cut) || said;
	} while (said);
}

static void
later(int64_t s)
{
	struct mono until = mono_add_s(now, s);
	while (now.us < until.us) {
		now = mono_add_ms(now, 100);
		timers_run(&timers, now, 1000);
	}
}

static void
dial(unsigned calls, bool incoming, unsigned cut)
{
	client.conn = pptp_dial(client.pptp, &(struct pptp_info){.conn = 2}, calls, incoming, now);
	settle(cut);
}

/* Two calls on one connection, by either way of asking, whatever the cuts. */
static void
two_calls(void **state)
{
	for (unsigned round = 0; round < 200; round++) {
		again(state);
		srand(round);
		dial(2, round % 2, 1 + round);
		assert_int_equal(client.n_up, 2);
		assert_int_equal(server.n_up, 2);
		assert_int_equal(client.call[0]->peer_id, server.call[0]->our_id);
		assert_int_equal(server.call[1]->peer_id, client.call[1]->our_id);
		assert_string_equal(server.conn->peer_name, "bras1");
		/* the first ends by the client, the second by the server */
		struct pptp_call *one = client.call[0];
		one->bearer.ops->close(&one->bearer, CAUSE_USER_REQUEST, now);
		settle(1 + round);
		later(1);
		assert_int_equal(server.n_down, 1);
		assert_int_equal(server.down_cause, CAUSE_PEER_CALL_CLEARED);
		assert_int_equal(client.conn->n_calls, 1);
		one = server.call[1];
		one->bearer.ops->close(&one->bearer, CAUSE_ADMIN_RESET, now);
		settle(1 + round);
		later(1);
		assert_int_equal(client.n_down, 1);
		assert_int_equal(server.conn->n_calls, 0);
		assert_int_equal(client.conn->n_calls, 0);
	}
}

/* A connection without calls ends after its time, in order. */
static void
idle(void **state)
{
	(void)state;
	dial(1, false, 100);
	struct pptp_call *one = client.call[0];
	one->bearer.ops->close(&one->bearer, CAUSE_USER_REQUEST, now);
	settle(100);
	later(9);
	assert_int_equal(server.n_out + client.n_out, 0);
	later(2);
	settle(100);
	assert_true(server.closed && client.closed);
	assert_false(server.aborted || client.aborted);
}

/* Echo: only after silence; a lost answer ends all calls. */
static void
echo(void **state)
{
	(void)state;
	dial(2, false, 100);
	later(59);
	assert_int_equal(server.n_out, 0);
	later(2);
	assert_int_equal(server.n_out, 16);
	settle(3);
	later(50);
	settle(3);
	assert_int_equal(server.n_down, 0);
	later(30); /* an Echo-Request is out, and nobody answers */
	server.n_out = client.n_out = 0;
	later(61);
	assert_true(server.closed && server.aborted);
	assert_int_equal(server.n_down, 2);
	assert_int_equal(server.down_cause, CAUSE_TUNNEL_TIMEOUT);
	assert_int_equal(pptp_stats(server.pptp)->echo_lost, 1);
}

static void
stop(void **state)
{
	(void)state;
	dial(2, false, 100);
	pptp_stop(server.conn, CAUSE_SHUTDOWN, now);
	assert_int_equal(server.n_down, 2);
	settle(5);
	assert_true(server.closed && client.closed);
	assert_int_equal(client.n_down, 2);
	assert_int_equal(client.down_cause, CAUSE_PEER_TUNNEL_CLOSED);
}

/* What refuses a call, and what the peer is told (RFC 2637 2.8). */
static void
refusals(void **state)
{
	static const struct {
		enum cause cause;
		uint8_t result, error;
	} rows[] = {{CAUSE_NO_RESOURCES, 2, 4}, {CAUSE_MAINTENANCE, 7, 0}, {CAUSE_SHUTDOWN, 7, 0}};
	for (unsigned i = 0; i < 3; i++) {
		again(state);
		server.refuse = rows[i].cause;
		client.conn = pptp_dial(client.pptp, &(struct pptp_info){.conn = 2}, 1, false, now);
		carry(&client, &server, 50);
		carry(&server, &client, 50);
		carry(&client, &server, 50);
		assert_int_equal(server.n_out, 32);
		assert_int_equal(server.out[12 + 4], rows[i].result);
		assert_int_equal(server.out[12 + 5], rows[i].error);
		settle(50);
		assert_int_equal(client.n_down, 1);
	}
}

/* The connection is gone: so are its calls. */
static void
gone(void **state)
{
	(void)state;
	dial(2, true, 100);
	pptp_gone(server.conn, CAUSE_CONN_RESET, now);
	assert_int_equal(server.n_down, 2);
	assert_int_equal(server.down_cause, CAUSE_CONN_RESET);
	assert_int_equal(pptp_stats(server.pptp)->conns, 0);
}

/* --- scripted peers ---------------------------------------------------------------------------------------------- */

static void
say(const struct pptp_msg *m)
{
	uint8_t bytes[PPTP_MSG_MAX];
	pptp_input(server.conn, bytes, pptp_build(bytes, m), now);
}

static struct pptp_msg
hear(enum pptp_type type)
{
	struct pptp_msg m;
	size_t len = 0;
	assert_int_equal(pptp_next(server.out + server.n_read, server.n_out - server.n_read, &len, &m), PPTP_WHOLE);
	assert_int_equal(m.type, type);
	server.n_read += len;
	return m;
}

static void
quiet(void)
{
	assert_int_equal(server.n_read, server.n_out);
}

static void
start(void)
{
	say(&(struct pptp_msg){.type = PPTP_SCCRQ, .version = 0x100, .host = "local", .vendor = "cananian"});
	struct pptp_msg m = hear(PPTP_SCCRP);
	assert_int_equal(m.result, 1);
	assert_int_equal(m.version, 0x100);
	assert_string_equal(m.host, "bras1");
	quiet();
}

/* pptp-linux, as it was seen: window 3, and its own leave. */
static void
pptp_linux(void **state)
{
	(void)state;
	start();
	say(&(struct pptp_msg){.type = PPTP_OCRQ,
			       .call_id = 9,
			       .min_bps = 2400,
			       .max_bps = 10000000,
			       .bearer = 3,
			       .framing = 3,
			       .window = 3});
	struct pptp_msg m = hear(PPTP_OCRP);
	assert_int_equal(m.call_id, 100);
	assert_int_equal(m.peer_call_id, 9);
	assert_int_equal(m.result, 1);
	assert_int_equal(m.window, 64);
	assert_int_equal(server.n_up, 1);
	say(&(struct pptp_msg){
		.type = PPTP_SLI, .peer_call_id = 100, .send_accm = 0xffffffff, .recv_accm = 0xffffffff});
	say(&(struct pptp_msg){.type = PPTP_ECHORQ, .id = 0x1234});
	m = hear(PPTP_ECHORP);
	assert_int_equal(m.id, 0x1234);
	assert_int_equal(m.result, 1);
	say(&(struct pptp_msg){.type = PPTP_CCRQ, .call_id = 9});
	m = hear(PPTP_CDN);
	assert_int_equal(m.call_id, 100);
	assert_int_equal(m.result, 4);
	assert_int_equal(server.n_down, 1);
	say(&(struct pptp_msg){.type = PPTP_STOPCCRQ, .reason = 1});
	hear(PPTP_STOPCCRP);
	assert_true(server.closed && !server.aborted);
}

/* A PAC offers a call; errors of its line are noted. */
static void
incoming(void **state)
{
	(void)state;
	start();
	say(&(struct pptp_msg){
		.type = PPTP_ICRQ, .call_id = 5, .dialing_len = 3, .dialing = "123", .dialed_len = 3, .dialed = "456"});
	struct pptp_msg m = hear(PPTP_ICRP);
	assert_int_equal(m.result, 1);
	assert_int_equal(m.peer_call_id, 5);
	assert_int_equal(server.n_up, 0);
	say(&(struct pptp_msg){.type = PPTP_ICCN, .peer_call_id = m.call_id, .speed = 64000, .window = 16});
	assert_int_equal(server.n_up, 1);
	struct bearer_info info;
	server.call[0]->bearer.ops->describe(&server.call[0]->bearer, &info);
	assert_string_equal(info.calling, "123");
	assert_string_equal(info.called, "456");
	say(&(struct pptp_msg){.type = PPTP_WEN, .peer_call_id = m.call_id, .errors = {1, 2, 3, 4, 5, 6}});
	assert_int_equal(server.call[0]->errors[5], 6);
	say(&(struct pptp_msg){.type = PPTP_CDN, .call_id = 5, .result = 1});
	assert_int_equal(server.n_down, 1);
	quiet();
}

/* Who takes the receiver's call id for its own is understood; two calls are told apart. */
static void
ids_swapped(void **state)
{
	(void)state;
	start();
	say(&(struct pptp_msg){.type = PPTP_OCRQ, .call_id = 1});
	say(&(struct pptp_msg){.type = PPTP_OCRQ, .call_id = 2});
	hear(PPTP_OCRP);
	hear(PPTP_OCRP);
	struct pptp_call *second = server.call[1];
	say(&(struct pptp_msg){.type = PPTP_CCRQ, .call_id = 101}); /* ours of the second */
	assert_int_equal(hear(PPTP_CDN).call_id, 101);
	assert_null(server.call[1]);
	(void)second;
	assert_int_equal(server.conn->n_calls, 1);
	say(&(struct pptp_msg){.type = PPTP_WEN, .peer_call_id = 1, .errors = {9}}); /* its own of the first */
	assert_int_equal(server.call[0]->errors[0], 9);
	say(&(struct pptp_msg){.type = PPTP_CCRQ, .call_id = 77});
	assert_int_equal(server.conn->n_calls, 1);
	say(&(struct pptp_msg){.type = PPTP_OCRQ, .call_id = 1}); /* in use */
	struct pptp_msg m = hear(PPTP_OCRP);
	assert_int_equal(m.result, 2);
	assert_int_equal(m.error, 5);
}

/* RFC 2637 1.4, 3.1: what ends a connection. */
static void
violations(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool started, aborted;
		enum cause cause;
	} rows[] = {
		{"\0\x10\0\1\x1a\x2b\x3c\x4e\0\5\0\0\0\0\0\1", 16, false, true, CAUSE_MALFORMED}, /* magic */
		{"\0\x0b\0\1\x1a\x2b\x3c\x4d\0\5\0\0", 12, true, true, CAUSE_MALFORMED},          /* too short */
		{"\7\0\0\1\x1a\x2b\x3c\x4d\0\5\0\0", 12, true, true, CAUSE_MALFORMED},            /* too long */
		{"\0\x0c\0\1\x1a\x2b\x3c\x4d\0\5\0\0", 12, true, true,
		 CAUSE_MALFORMED}, /* an echo without its number */
		{"\0\x10\0\1\x1a\x2b\x3c\x4d\0\5\0\0\0\0\0\1", 16, false, false,
		 CAUSE_MESSAGE_ORDER}, /* before the start */
	};
	for (unsigned i = 0; i < 5; i++) {
		again(state);
		if (rows[i].started)
			start();
		pptp_input(server.conn, (const uint8_t *)rows[i].bytes, rows[i].len, now);
		assert_true(server.closed);
		assert_int_equal(server.aborted, rows[i].aborted);
		assert_int_equal(server.note_cause, rows[i].cause);
	}
	again(state);
	start();
	/* another type, and a management message, are passed over */
	pptp_input(server.conn, (const uint8_t *)"\0\x10\0\1\x1a\x2b\x3c\x4d\0\x63\0\0\0\0\0\1", 16, now);
	pptp_input(server.conn, (const uint8_t *)"\0\x10\0\2\x1a\x2b\x3c\x4d\0\1\0\0\0\0\0\1", 16, now);
	say(&(struct pptp_msg){.type = PPTP_ECHORQ, .id = 1});
	hear(PPTP_ECHORP);
	/* a second start */
	say(&(struct pptp_msg){.type = PPTP_SCCRQ, .version = 0x100});
	assert_int_equal(hear(PPTP_SCCRP).result, 3);
	assert_true(server.closed);
}

static void
versions(void **state)
{
	(void)state;
	say(&(struct pptp_msg){.type = PPTP_SCCRQ, .version = 0x200});
	struct pptp_msg m = hear(PPTP_SCCRP);
	assert_int_equal(m.result, 5);
	assert_int_equal(m.version, 0x100);
	assert_true(server.closed && !server.aborted);
}

/* Who says nothing is let go of. */
static void
silence(void **state)
{
	(void)state;
	later(6);
	assert_true(server.closed && server.aborted);
	again(state);
	start();
	say(&(struct pptp_msg){.type = PPTP_ICRQ, .call_id = 5});
	later(6);
	assert_int_equal(server.n_down, 1);
	assert_int_equal(server.down_cause, CAUSE_TUNNEL_TIMEOUT);
}

static void
bounds(void **state)
{
	struct pptp_conn *c[3];
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(c[i] = pptp_accept(server.pptp, &(struct pptp_info){0}, now));
	assert_null(pptp_accept(server.pptp, &(struct pptp_info){0}, now));
	pptp_gone(c[0], CAUSE_CONN_RESET, now);
	assert_non_null(pptp_accept(server.pptp, &(struct pptp_info){0}, now));
}

/* Every message, whole: what is built is what is parsed; its length is the RFC's. */
static void
round_trip(void **state)
{
	static const uint16_t lengths[] = {0, 156, 156, 16, 16, 16, 20, 168, 32, 220, 24, 28, 16, 148, 40, 24};
	char text[512];
	(void)state;
	for (unsigned type = 1; type < PPTP_TYPES; type++) {
		uint8_t a[PPTP_MSG_MAX], b[PPTP_MSG_MAX];
		struct pptp_msg m = {.type = (uint16_t)type,
				     .version = 0x100,
				     .max_channels = 3,
				     .call_id = 5,
				     .peer_call_id = 6,
				     .result = 7,
				     .reason = 8,
				     .speed = 9,
				     .errors = {1, 2, 3, 4, 5, 6},
				     .host = "host",
				     .dialed = "1"},
				is;
		size_t len = 0, n = pptp_build(a, &m);
		assert_int_equal(n, lengths[type]);
		assert_int_equal(pptp_next(a, n - 1, &len, &is), PPTP_MORE);
		assert_int_equal(pptp_next(a, n, &len, &is), PPTP_WHOLE);
		assert_int_equal(len, n);
		assert_int_equal(pptp_build(b, &is), n);
		assert_memory_equal(a, b, n);
		for (size_t size = 40; size < sizeof text; size += 31) {
			pptp_trace(text, size, &is);
			assert_true(strlen(text) < size && text[strlen(text) - 1] == ']');
		}
	}
	assert_string_equal(
		pptp_trace(text, sizeof text, &(struct pptp_msg){.type = PPTP_OCRP, .call_id = 1, .result = 1}),
		"[PPTP Outgoing-Call-Reply call_id=1 result=1]");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(two_calls), TEST(idle),       TEST(echo),     TEST(stop),        TEST(refusals),
		TEST(gone),      TEST(pptp_linux), TEST(incoming), TEST(ids_swapped), TEST(violations),
		TEST(versions),  TEST(silence),    TEST(bounds),   TEST(round_trip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
