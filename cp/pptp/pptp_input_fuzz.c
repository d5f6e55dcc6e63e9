/* One control connection under libFuzzer.
 *
 * Input: one byte: accepted or dialled, incoming calls, how pieces are cut; then octets of the stream.  An octet 0xfe where a
 * message would begin lets 30 seconds pass, 0xff ends the first call from our side.  Upcalls check the contract of pptp.h.
 */
#include <stdlib.h>
#include <string.h>

#include <millrace/bytes.h>

#include "pptp/pptp.h"

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)

enum fuzz_switch { FUZZ_DIAL = 1, FUZZ_INCOMING = 2, FUZZ_REFUSE = 4, FUZZ_TRACE = 8 };

static struct {
	struct pptp_conn *conn;
	struct timers timers;
	struct mono now;
	uint8_t switches;
	bool closed;
	unsigned calls;
	uint16_t id;
} fuzz;

static void
on_send(void *owner, struct pptp_conn *conn, const uint8_t *bytes, size_t len)
{
	struct pptp_msg m;
	size_t n = 0;
	(void)owner, (void)conn;
	CHECK(!fuzz.closed && pptp_next(bytes, len, &n, &m) == PPTP_WHOLE && n == len);
}

static void
on_close(void *owner, struct pptp_conn *conn, bool hard, struct mono now)
{
	(void)owner, (void)conn, (void)hard, (void)now;
	CHECK(!fuzz.closed && !fuzz.calls);
	fuzz.closed = true;
}

static void
on_frame(void *owner, struct pptp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	(void)owner, (void)call, (void)frame, (void)len, (void)now;
}

static enum cause
on_call_new(void *owner, struct pptp_call *call, struct mono now)
{
	(void)owner, (void)now;
	CHECK(!fuzz.closed);
	if (fuzz.switches & FUZZ_REFUSE && fuzz.id % 2)
		return CAUSE_NO_RESOURCES;
	call->our_id = ++fuzz.id;
	call->user = &fuzz;
	fuzz.calls++;
	return CAUSE_NONE;
}

static void
on_call_up(void *owner, struct pptp_call *call, struct mono now)
{
	static const uint8_t frame[] = {0xc0, 0x21, 1, 1, 0, 4};
	(void)owner;
	CHECK(call->user == &fuzz);
	call->bearer.ops->send(&call->bearer, frame, sizeof frame, now);
}

static void
on_call_down(void *owner, struct pptp_call *call, enum cause cause, struct mono now)
{
	(void)owner, (void)now;
	CHECK(call->user == &fuzz && cause != CAUSE_NONE && fuzz.calls);
	fuzz.calls--;
}

static void
on_note(void *owner, const struct pptp_conn *conn, enum cause cause, const char *text)
{
	(void)owner, (void)conn;
	CHECK(cause != CAUSE_NONE && *text);
}

static bool
trace_on(void *owner, const struct pptp_conn *conn)
{
	(void)owner, (void)conn;
	return fuzz.switches & FUZZ_TRACE;
}

static void
trace(void *owner, const struct pptp_conn *conn, const char *line)
{
	(void)owner, (void)conn;
	CHECK(strlen(line) > 10 && line[strlen(line) - 1] == ']');
}

static const struct pptp_ops ops = {
	.send = on_send,
	.close = on_close,
	.frame = on_frame,
	.call_new = on_call_new,
	.call_up = on_call_up,
	.call_down = on_call_down,
	.note = on_note,
	.trace_on = trace_on,
	.trace = trace,
};

static void
pass_time(int64_t s)
{
	fuzz.now = mono_add_s(fuzz.now, s);
	timers_run(&fuzz.timers, fuzz.now, 1000);
}

static void
end_a_call(void)
{
	struct pptp_call *call = LIST_FIRST(&fuzz.conn->calls);
	if (!call || !call->user)
		return;
	fuzz.calls--;
	call->bearer.ops->close(&call->bearer, CAUSE_ADMIN_RESET, fuzz.now);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct pptp_config config = {"fuzz", 5, 60, 60, 10, 2, 64};
	const struct pptp_info info = {.conn = 1};
	memset(&fuzz, 0, sizeof fuzz);
	fuzz.now = (struct mono){1000000000};
	timers_init(&fuzz.timers, fuzz.now);
	struct rd r = rd_init(data, size);
	fuzz.switches = rd_u8(&r);
	struct pptp *p = pptp_new(&config, &ops, &fuzz, &fuzz.timers);
	CHECK(p);
	fuzz.conn = fuzz.switches & FUZZ_DIAL ? pptp_dial(p, &info, 2, fuzz.switches & FUZZ_INCOMING, fuzz.now)
					      : pptp_accept(p, &info, fuzz.now);
	CHECK(fuzz.conn);
	size_t cut = 1 + (fuzz.switches >> 4) * 16u;
	while (rd_left(&r) && !fuzz.closed) {
		bool between = !fuzz.conn->have;
		size_t n = between || cut > rd_left(&r) ? 1 : cut;
		const uint8_t *bytes = rd_take(&r, n);
		if (between && *bytes == 0xfe)
			pass_time(30);
		else if (between && *bytes == 0xff)
			end_a_call();
		else
			pptp_input(fuzz.conn, bytes, n, fuzz.now);
	}
	pass_time(1);
	pptp_gone(fuzz.conn, CAUSE_CONN_RESET, fuzz.now);
	CHECK(!fuzz.calls && !pptp_stats(p)->conns);
	pptp_free(p);
	return 0;
}
