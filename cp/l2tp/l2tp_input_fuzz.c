/* Whole conversations with an LNS that has an established tunnel with a call.
 *
 * The input is a list of {u8 how, u8 len, len bytes}: bits of `how` put right what a fuzzer rarely hits: tunnel id,
 * Ns, Nr, length field and flags; PORT has it come from another port, DIAL has us dial the same peer first, with a tie
 * breaker; WAIT lets time pass instead.  The books of sim.c are the oracle, and nothing may be
 * left at the end.  The instance is made once (its tables are large), and quiet between two inputs.
 */
#include <stdlib.h>

#include "l2tp/sim.h"

#define FIX_TID 1
#define FIX_NS 2
#define FIX_NR 4
#define FIX_LENGTH 8
#define PORT 16
#define DIAL 32
#define WAIT 0x80

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static struct sim sim;
static uint16_t tid, ns, nr;

static void
say(struct sim_end *e, struct build *b)
{
	sim_message(e, b, ns++, nr);
}

static uint16_t
hear(void)
{
	struct l2tp_hdr h;
	struct l2tp_msg m;
	uint16_t id = 0;
	while (sim_next(&sim, &h, &m)) {
		if (h.body_len && h.ns == nr)
			nr++;
		if (m.type == L2TP_MSG_SCCRP)
			id = m.tid;
		if (m.type == L2TP_MSG_ICRP)
			id = m.sid;
	}
	return id;
}

static void
establish(struct sim_end *e)
{
	struct build b;
	tid = ns = nr = 0;
	l2tp_build_start(&b, 0, 0, L2TP_MSG_SCCRQ);
	l2tp_avp_u16(&b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&b, AVP_HOST_NAME, "x");
	l2tp_avp_u16(&b, AVP_ASSIGNED_TUNNEL_ID, 1);
	say(e, &b);
	tid = hear();
	l2tp_build_start(&b, tid, 0, L2TP_MSG_SCCCN);
	say(e, &b);
	l2tp_build_start(&b, tid, 0, L2TP_MSG_ICRQ);
	l2tp_avp_u16(&b, AVP_ASSIGNED_SESSION_ID, 1);
	say(e, &b);
	l2tp_build_start(&b, tid, hear(), L2TP_MSG_ICCN);
	say(e, &b);
	if (e->live_calls != 1)
		abort();
}

static void
datagram(struct sim_end *e, unsigned how, const uint8_t *bytes, size_t len)
{
	uint8_t copy[256];
	memcpy(copy, bytes, len);
	if (len >= L2TP_CTL_HDR) {
		if (how & FIX_LENGTH) {
			put_be16(copy, L2TP_CTL_FLAGS);
			put_be16(copy + 2, (uint16_t)len);
		}
		if (how & FIX_TID)
			put_be16(copy + 4, tid);
		if (how & FIX_NS)
			put_be16(copy + L2TP_CTL_NS, ns);
		if (how & FIX_NR)
			put_be16(copy + L2TP_CTL_NR, nr);
		if (how & FIX_NS && len > L2TP_CTL_HDR)
			ns++;
	}
	e->peer_port = how & PORT ? 40000 : 0;
	sim_input(e, copy, len);
	hear();
	e->peer_port = 0;
}

static void
dial(struct sim_end *e)
{
	const struct l2tp_open open = {.path = sim_path(1), .region = 7, .only_one = true};
	if (l2tp_tunnel_open(e->l2tp, &open, sim.now))
		e->live_tunnels++;
	hear();
}

static struct sim_end *
instance(void)
{
	static const struct l2tp_config config = {
		.max_half_open = 3, .max_tunnels = 6, .max_starting = 3, .secret = "", .dir300_quirk = true};
	if (!sim.end[1].l2tp) {
		sim_init(&sim, 1);
		sim.scripted = true;
		sim.step_ms = 64;
		sim_end(&sim, 1, &config);
	}
	return &sim.end[1];
}

static void
nothing_left(struct sim_end *e)
{
	const struct l2tp_tunnel *t;
	while ((t = l2tp_tunnel_next(e->l2tp, 0)))
		l2tp_tunnel_close(e->l2tp, t->our_tid, CAUSE_SHUTDOWN, sim.now);
	if (e->live_tunnels || e->live_calls)
		abort();
	sim_run_ms(&sim, 60000);
	hear();
	if (l2tp_memory(e->l2tp))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rd r = rd_init(bytes, len);
	struct sim_end *e = instance();
	establish(e);
	while (rd_left(&r) >= 2) {
		unsigned how = rd_u8(&r), n = rd_u8(&r);
		if (how & WAIT) {
			sim_run_ms(&sim, n * 100);
			hear();
			continue;
		}
		if (n > rd_left(&r))
			n = (unsigned)rd_left(&r);
		if (how & DIAL)
			dial(e);
		datagram(e, how, rd_take(&r, n), n);
		if (l2tp_memory(e->l2tp) > 1000)
			abort();
	}
	nothing_left(e);
	return 0;
}
