/* Scripted peers against the LNS: xl2tpd's exchange, restarts, refusals, floods, messages out of order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/peer.h"

static const struct l2tp_config plain = {.host_name = "bras1"};
static const struct l2tp_config small = {.max_tunnels = 3, .max_half_open = 2, .max_starting = 2};
static struct peer p;

static int
start(void **state)
{
	(void)state;
	peer_start(&p, 1, &plain);
	return 0;
}

static int
start_small(void **state)
{
	(void)state;
	peer_start(&p, 1, &small);
	return 0;
}

static int
stop(void **state)
{
	(void)state;
	peer_stop(&p);
	return 0;
}

static uint64_t
stat(enum l2tp_stat s)
{
	return l2tp_stats(p.e->l2tp)[s];
}

/* The exchange of xl2tpd 1.3.18 in user-space mode: ICRQ in the same instant as SCCCN. */
static void
xl2tpd(void **state)
{
	(void)state;
	p.e->tracing = true;
	peer_half_open(&p);
	assert_int_equal(p.h.tid, PEER_TID);
	assert_int_equal(p.h.nr, 1);
	assert_int_equal(p.m.version, 0x0100);
	assert_memory_equal(p.m.host_name.p, "bras1", 5);
	assert_int_equal(p.m.rws, 16);
	assert_false(l2tp_msg_has(&p.m, AVP_CHALLENGE));
	assert_string_equal(p.e->tunnel->peer_name, "cli");
	assert_string_equal(p.e->tunnel->peer_vendor, "xelerance.com");
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel_set, 1);
	uint16_t sid = peer_call(&p, PEER_SID);
	assert_string_equal(p.e->calls[sid]->calling, "10.0.0.1");
	sim_run_ms(&p.sim, 100);
	assert_true(sim_next(&p.sim, &p.h, &p.m)); /* the acknowledgement of ICCN, alone */
	assert_int_equal(p.h.body_len, 0);
	assert_int_equal(p.h.ns, 2);
	assert_int_equal(p.h.nr, 4);
	assert_string_equal(p.e->line + 0, "send [L2TP tid=4242 sid=0 Ns=2 Nr=4 ZLB]");
	peer_zlb(&p);
	peer_say(&p, L2TP_MSG_HELLO, 0);
	sim_run_ms(&p.sim, 100);
	assert_true(sim_next(&p.sim, &p.h, &p.m));
	assert_int_equal(p.h.nr, 5);
	peer_begin(&p, L2TP_MSG_CDN, sid);
	l2tp_avp_result(&p.b, L2TP_MSG_CDN, CAUSE_USER_REQUEST);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
	peer_end(&p);
	assert_int_equal(p.e->call_down, 1);
	assert_int_equal(p.e->call_cause, CAUSE_PEER_CALL_CLEARED);
	assert_int_equal(p.e->peer_result, 3);
	peer_begin(&p, L2TP_MSG_STOPCCN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	l2tp_avp_result(&p.b, L2TP_MSG_STOPCCN, CAUSE_SHUTDOWN);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_down, 1);
	assert_int_equal(p.e->tunnel_cause, CAUSE_PEER_TUNNEL_CLOSED);
	assert_null(l2tp_tunnel_next(p.e->l2tp, 0));
	sim_run_ms(&p.sim, 100);
	assert_int_equal(stat(L2TP_STAT_TX_RETRANSMIT), 0);
	assert_int_equal(l2tp_memory(p.e->l2tp), 1); /* it lingers, to acknowledge the StopCCN again */
	p.ns--;
	assert_int_equal(stat(L2TP_STAT_RX_DUPLICATE), 0);
	peer_say(&p, L2TP_MSG_STOPCCN, 0);
	assert_int_equal(stat(L2TP_STAT_RX_DUPLICATE), 1);
	sim_run_ms(&p.sim, 32000);
	assert_int_equal(l2tp_memory(p.e->l2tp), 0);
}

static void
sccrq_again(void **state)
{
	(void)state;
	peer_half_open(&p);
	for (unsigned i = 0; i < 3; i++) {
		uint16_t tid = p.tid;
		peer_forget(&p);
		peer_sccrq(&p, PEER_TID);
		p.tid = tid;
	}
	assert_int_equal(p.e->tunnel_new, 1);
	assert_int_equal(stat(L2TP_STAT_RX_DUPLICATE), 3);
	sim_run_ms(&p.sim, 900);
	assert_int_equal(stat(L2TP_STAT_TX_ZLB), 1);
	sim_run_ms(&p.sim, 200);
	peer_hear(&p, L2TP_MSG_SCCRP); /* its own timer sends it again */
	p.nr = 1;
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel->state, L2TP_ESTABLISHED);
}

/* A client killed and started again on the same port, which even takes the same tunnel id, is served at once: beside a
 * tunnel that lives, and beside one that lingers. */
static void
restart(void **state)
{
	(void)state;
	peer_open(&p);
	uint16_t first = p.tid;
	peer_call(&p, PEER_SID);
	peer_forget(&p);
	peer_open(&p);
	assert_int_not_equal(p.tid, first);
	peer_call(&p, PEER_SID);
	assert_int_equal(p.e->live_calls, 2);
	assert_true(l2tp_tunnel_close(p.e->l2tp, first, CAUSE_ADMIN_RESET, p.sim.now));
	assert_false(l2tp_tunnel_close(p.e->l2tp, first, CAUSE_ADMIN_RESET, p.sim.now));
	assert_int_equal(p.e->live_calls, 1);
	assert_true(l2tp_tunnel_close(p.e->l2tp, p.tid, CAUSE_ADMIN_RESET, p.sim.now));
	assert_int_equal(l2tp_draining(p.e->l2tp), 2);
	while (peer_hear_any(&p))
		;
	peer_forget(&p);
	peer_open(&p);
	peer_call(&p, PEER_SID);
	assert_int_equal(p.e->live_calls, 1);
}

static void
taken_back(void **state)
{
	(void)state;
	peer_half_open(&p);
	p.tid = 0; /* RFC 2661 5.7: StopCCN from one who has not seen our tunnel id */
	peer_begin(&p, L2TP_MSG_STOPCCN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_down, 1);
	peer_begin(&p, L2TP_MSG_STOPCCN, 0); /* and for a tunnel that nobody has */
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, 5);
	peer_end(&p);
	peer_zlb(&p);
	peer_say(&p, L2TP_MSG_HELLO, 0);
	assert_int_equal(stat(L2TP_STAT_RX_NOT_SCCRQ), 3);
}

/* Ten thousand SCCRQs from nowhere: no more tunnels than allowed, and a peer that answers still gets through. */
static void
flood(void **state)
{
	(void)state;
	for (uint16_t tid = 1; tid <= 10000; tid++) {
		peer_forget(&p);
		peer_sccrq(&p, tid == PEER_TID ? 60000 : tid);
		while (peer_hear_any(&p))
			;
		assert_true(p.e->live_tunnels <= 2);
		assert_true(l2tp_memory(p.e->l2tp) <= 4); /* tunnels and their SCCRPs */
	}
	assert_int_equal(stat(L2TP_STAT_TUNNELS_EVICTED), 9998);
	assert_int_equal(p.e->tunnel_cause, CAUSE_NO_RESOURCES);
	peer_forget(&p);
	peer_open(&p);
	peer_call(&p, PEER_SID);
	assert_int_equal(p.e->live_calls, 1);
	sim_run_ms(&p.sim, 120000); /* nobody acknowledges anything any more */
	assert_int_equal(p.e->live_tunnels, 0);
}

static void
refused(enum cause cause, unsigned result, unsigned error)
{
	peer_forget(&p);
	p.e->refuse_tunnel = cause;
	peer_sccrq(&p, PEER_TID);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, result, error);
	assert_int_equal(p.h.tid, PEER_TID);
	assert_int_equal(p.h.nr, 1);
	assert_int_equal(l2tp_memory(p.e->l2tp), 0);
	assert_int_equal(p.e->live_tunnels, 0);
}

static void
refusals(void **state)
{
	(void)state;
	refused(CAUSE_NO_RESOURCES, 2, 4);
	refused(CAUSE_SHUTDOWN, 6, 0);
	assert_int_equal(stat(L2TP_STAT_TUNNELS_REFUSED), 2);
	p.e->refuse_tunnel = CAUSE_NONE;
	/* each way in which a SCCRQ is not acceptable */
	static const struct {
		const char *version;
		uint16_t flags, attr, len;
		unsigned result, error;
	} bad[] = {{"\2\0", 0, AVP_VENDOR_NAME, 1, 5, 0x0100},
		   {"\1\0", AVP_F_MANDATORY, AVP_CHALLENGE, 5, 4, 0},
		   {"\1\0", AVP_F_MANDATORY, 999, 5, 2, 8},
		   {"\1\0", AVP_F_MANDATORY, AVP_RECEIVE_WINDOW, 5, 2, 2}};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		peer_forget(&p);
		peer_begin(&p, L2TP_MSG_SCCRQ, 0);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
		peer_avp(&p, AVP_F_MANDATORY, 0, AVP_PROTOCOL_VERSION, bad[i].version, 2);
		l2tp_avp_text(&p.b, AVP_HOST_NAME, "x");
		peer_avp(&p, bad[i].flags, 0, bad[i].attr, "12345", bad[i].len);
		peer_end(&p);
		peer_hear_result(&p, L2TP_MSG_STOPCCN, bad[i].result, bad[i].error);
	}
	assert_int_equal(p.e->tunnel_new, 2);
	assert_int_equal(l2tp_memory(p.e->l2tp), 0);
	peer_forget(&p);
	p.ns = 1; /* a SCCRQ is the first message */
	peer_sccrq(&p, PEER_TID);
	assert_int_equal(peer_hear_any(&p), 0);
	assert_int_equal(p.e->tunnel_new, 2);
}

static void
table_full(void **state)
{
	(void)state;
	uint16_t tids[3];
	for (unsigned i = 0; i < 3; i++) {
		peer_forget(&p);
		peer_open(&p);
		tids[i] = p.tid;
	}
	peer_forget(&p);
	peer_sccrq(&p, PEER_TID);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 4);
	l2tp_tunnel_close(p.e->l2tp, tids[0], CAUSE_ADMIN_RESET, p.sim.now);
	while (peer_hear_any(&p))
		;
	peer_forget(&p);
	peer_open(&p); /* the closing one has made room */
	assert_int_equal(p.e->live_tunnels, 3);
}

static void
icrq_without_ack(uint16_t sid)
{
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, sid);
	sim_message(p.e, &p.b, p.ns++, 1);
}

/* The Receive Window Size of a peer that takes one message at a time (RFC 2661 4.4.3). */
static void
window_of_one(void **state)
{
	(void)state;
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "small");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	l2tp_avp_u16(&p.b, AVP_RECEIVE_WINDOW, 1);
	peer_end(&p);
	peer_hear(&p, L2TP_MSG_SCCRP);
	p.tid = p.m.tid;
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	icrq_without_ack(PEER_SID);
	icrq_without_ack(PEER_SID + 1);
	peer_hear(&p, L2TP_MSG_ICRP);
	assert_int_equal(p.h.sid, PEER_SID);
	assert_int_equal(peer_hear_any(&p), 0);
	peer_zlb(&p);
	peer_hear(&p, L2TP_MSG_ICRP);
	assert_int_equal(p.h.sid, PEER_SID + 1);
}

/* Tunnels that we have asked for ourselves take room too, and are not the ones to make it. */
static void
table_full_of_our_own(void **state)
{
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(sim_tunnel_open(p.e, NULL));
	assert_null(sim_tunnel_open(p.e, NULL));
	while (peer_hear_any(&p))
		;
	peer_forget(&p);
	peer_sccrq(&p, PEER_TID);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 4);
	assert_int_equal(p.e->live_tunnels, 3);
}

/* The message that was begun, from another address. */
static void
end_from(uint32_t ip4)
{
	struct l2tp_path path = sim_path(1);
	size_t len = l2tp_build_end(&p.b);
	put_be16(p.b.bytes + L2TP_CTL_NS, p.ns++);
	put_be16(p.b.bytes + L2TP_CTL_NR, p.nr);
	path.peer = addr_from_ip4(ip4);
	l2tp_input(p.e->l2tp, &path, p.b.bytes, len, p.sim.now);
}

static void
sccrq_from(uint32_t ip4)
{
	peer_forget(&p);
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_u32(&p.b, AVP_FRAMING_CAPS, L2TP_FRAMING_SYNC);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "another");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	end_from(ip4);
}

/* One peer's tunnels leave room for another's; those that linger after their end are nobody's. */
static void
shares(void **state)
{
	(void)state;
	static const struct l2tp_config ten = {.max_tunnels = 10};
	uint16_t tid = 0;
	peer_start(&p, 1, &ten);
	for (unsigned i = 0; i < 8; i++) {
		peer_forget(&p);
		peer_open(&p);
		tid = tid ? tid : p.tid;
	}
	peer_forget(&p);
	peer_sccrq(&p, PEER_TID);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 4);
	sccrq_from(0x0a000063);
	peer_hear(&p, L2TP_MSG_SCCRP);
	p.tid = p.m.tid;
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	end_from(0x0a000063);
	assert_int_equal(p.e->live_tunnels, 9);
	assert_int_equal(p.e->tunnel_set, 9);
	l2tp_tunnel_close(p.e->l2tp, tid, CAUSE_ADMIN_RESET, p.sim.now);
	while (peer_hear_any(&p))
		;
	peer_forget(&p);
	peer_open(&p);
	peer_stop(&p);
}

/* Nor does it help to begin them all before finishing one. */
static void
shares_of_tunnels_in_set_up(void **state)
{
	(void)state;
	static const struct l2tp_config ten = {.max_tunnels = 10};
	uint16_t tids[9];
	peer_start(&p, 1, &ten);
	for (unsigned i = 0; i < 9; i++) {
		peer_forget(&p);
		peer_sccrq(&p, (uint16_t)(100 + i));
		peer_hear(&p, L2TP_MSG_SCCRP);
		tids[i] = p.m.tid;
	}
	for (unsigned i = 0; i < 9; i++) {
		p.ns = p.nr = 1;
		p.tid = tids[i];
		peer_say(&p, L2TP_MSG_SCCCN, 0);
		assert_int_equal(p.e->tunnel_set, i < 8 ? i + 1 : 8);
	}
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 4);
	peer_stop(&p);
}

/* A table of fewer tunnels than may be half-open is no easier to fill. */
static void
flood_of_a_small_table(void **state)
{
	(void)state;
	static const struct l2tp_config four = {.max_tunnels = 4};
	peer_start(&p, 1, &four);
	for (uint32_t i = 0; i < 100; i++) {
		sccrq_from(0x0a000100 + i);
		while (peer_hear_any(&p))
			;
	}
	assert_int_equal(stat(L2TP_STAT_TUNNELS_REFUSED), 0);
	assert_int_equal(p.e->tunnel_new, 100);
	peer_forget(&p);
	peer_open(&p);
	peer_stop(&p);
}

/* Message types that a tunnel in this state must not see end it with Result Code 7, finite state machine error. */
static void
out_of_order(bool established, unsigned type)
{
	peer_start(&p, 1, &plain);
	if (established)
		peer_open(&p);
	else
		peer_half_open(&p);
	peer_begin(&p, type, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "x");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, 5);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 5);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_down, 1);
	assert_int_equal(p.e->tunnel_cause, CAUSE_MESSAGE_ORDER);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 7, 0);
	peer_say(&p, L2TP_MSG_HELLO, 0);
	assert_int_equal(stat(L2TP_STAT_RX_CLOSING), 1);
	peer_stop(&p);
}

static void
wrong_order(void **state)
{
	static const unsigned half[] = {L2TP_MSG_SCCRQ, L2TP_MSG_SCCRP, L2TP_MSG_ICRQ, L2TP_MSG_ICRP, L2TP_MSG_ICCN,
					L2TP_MSG_CDN,   L2TP_MSG_WEN,   L2TP_MSG_SLI,  L2TP_MSG_OCRQ, L2TP_MSG_OCCN};
	static const unsigned open[] = {L2TP_MSG_SCCRQ, L2TP_MSG_SCCRP, L2TP_MSG_SCCCN};
	(void)state;
	for (size_t i = 0; i < sizeof half / sizeof *half; i++)
		out_of_order(false, half[i]);
	for (size_t i = 0; i < sizeof open / sizeof *open; i++)
		out_of_order(true, open[i]);
}

/* The same for a call: CDN, and the tunnel lives. */
static void
wrong_order_in_call(void **state)
{
	static const unsigned types[] = {L2TP_MSG_ICRQ, L2TP_MSG_ICRP, L2TP_MSG_ICCN, L2TP_MSG_OCRP, L2TP_MSG_OCCN};
	(void)state;
	peer_open(&p);
	for (unsigned i = 0; i < 10; i++) {
		bool up = i >= 5;
		if (!up && types[i % 5] == L2TP_MSG_ICCN)
			continue;
		uint16_t sid = up ? peer_call(&p, PEER_SID) : peer_icrq(&p, PEER_SID);
		peer_begin(&p, types[i % 5], sid);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 5);
		peer_end(&p);
		peer_hear_result(&p, L2TP_MSG_CDN, 2, 3);
		assert_int_equal(p.h.sid, PEER_SID);
		assert_int_equal(p.m.sid, sid);
		assert_int_equal(p.e->call_cause, CAUSE_MESSAGE_ORDER);
		assert_int_equal(p.e->live_calls, 0);
	}
	assert_int_equal(p.e->live_tunnels, 1);
}

static void
strays(void **state)
{
	static const unsigned types[] = {L2TP_MSG_ICCN, L2TP_MSG_CDN, L2TP_MSG_WEN, L2TP_MSG_SLI, L2TP_MSG_OCCN};
	(void)state;
	peer_open(&p);
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		peer_say(&p, types[i], 200);
	assert_int_equal(stat(L2TP_STAT_MSG_NO_CALL), 5);
	uint16_t sid = peer_call(&p, PEER_SID);
	peer_begin(&p, L2TP_MSG_WEN, sid);
	peer_avp(&p, AVP_F_MANDATORY, 0, AVP_CALL_ERRORS, "00000000000000000000000000", 26);
	peer_end(&p);
	peer_begin(&p, L2TP_MSG_SLI, sid);
	peer_avp(&p, AVP_F_MANDATORY, 0, AVP_ACCM, "0000000000", 10);
	peer_end(&p);
	assert_int_equal(p.e->live_calls, 1);
	peer_begin(&p, L2TP_MSG_OCRQ, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 17);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 5, 0);
	assert_int_equal(p.h.sid, 17);
	assert_int_equal(p.e->live_tunnels, 1);
}

/* RFC 2661 6.12: CDN from a LAC that has no ICRP yet. */
static void
cdn_without_sid(void **state)
{
	(void)state;
	peer_open(&p);
	peer_icrq(&p, 31);
	peer_icrq(&p, 32);
	peer_begin(&p, L2TP_MSG_CDN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 31);
	peer_end(&p);
	assert_int_equal(p.e->live_calls, 1);
	peer_begin(&p, L2TP_MSG_CDN, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 33);
	peer_end(&p);
	assert_int_equal(p.e->live_calls, 1);
}

static void
call_refused(uint16_t peer_sid, unsigned result, unsigned error)
{
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, peer_sid);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, result, error);
	assert_int_equal(p.h.sid, peer_sid);
	assert_int_equal(p.e->live_calls, 0);
}

static void
calls_refused(void **state)
{
	(void)state;
	peer_open(&p);
	p.e->refuse_call = CAUSE_NO_RESOURCES;
	call_refused(5, 4, 4);
	p.e->refuse_call = CAUSE_NONE;
	p.e->force_sid = 0;
	uint16_t sid = peer_icrq(&p, 6);
	p.e->force_sid = sid; /* an owner that gives a sid twice is refused, and hears of the end */
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 7);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 4, 4);
	assert_int_equal(p.e->live_calls, 1);
	p.e->force_sid = 0;
	peer_icrq(&p, 8);
	peer_begin(&p, L2TP_MSG_ICRQ, 0); /* max_starting is 2 */
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 9);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 4, 4);
	assert_int_equal(p.h.sid, 9);
	assert_int_equal(stat(L2TP_STAT_CALLS_REFUSED), 3);
}

static void
unknown(void **state)
{
	(void)state;
	peer_open(&p);
	peer_begin(&p, 50, 0); /* RFC 2661 4.4.1: without M it may be ignored */
	p.b.bytes[L2TP_CTL_HDR] &= 0x7f;
	peer_end(&p);
	assert_int_equal(p.e->live_tunnels, 1);
	peer_begin(&p, L2TP_MSG_HELLO, 0);
	peer_avp(&p, 0, 0, 999, "1", 1);
	peer_avp(&p, 0, 9, 1, "1", 1);
	peer_end(&p);
	assert_int_equal(stat(L2TP_STAT_AVP_IGNORED), 2);
	/* in a call's message it ends the call */
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 9);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 2, 8);
	uint16_t sid = peer_icrq(&p, PEER_SID);
	peer_begin(&p, L2TP_MSG_ICCN, sid);
	peer_avp(&p, AVP_F_MANDATORY | AVP_F_HIDDEN, 0, AVP_TX_CONNECT_SPEED, "123456", 6);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 2, 8);
	assert_int_equal(p.e->call_cause, CAUSE_UNKNOWN_AVP);
	sid = peer_icrq(&p, PEER_SID);
	peer_begin(&p, L2TP_MSG_ICCN, sid);
	peer_avp(&p, AVP_F_MANDATORY, 0, AVP_TX_CONNECT_SPEED, "123", 3);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 2, 2);
	/* a CDN that cannot be understood is a CDN all the same */
	sid = peer_call(&p, PEER_SID);
	peer_begin(&p, L2TP_MSG_CDN, sid);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	assert_int_equal(p.e->call_cause, CAUSE_PEER_CALL_CLEARED);
	/* in the tunnel's message it ends the tunnel */
	peer_begin(&p, 50, 0);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 8);
	assert_int_equal(p.e->tunnel_cause, CAUSE_UNKNOWN_AVP);
	peer_forget(&p);
	peer_open(&p);
	peer_begin(&p, L2TP_MSG_HELLO, 0);
	wr_be32(&p.b.w, 0x80ff0000);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 2);
	assert_int_equal(p.e->tunnel_cause, CAUSE_MALFORMED);
	peer_forget(&p);
	peer_open(&p);
	peer_begin(&p, L2TP_MSG_STOPCCN, 0);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_cause, CAUSE_PEER_TUNNEL_CLOSED);
}

/* A peer that acknowledges but does not go on. */
static void
set_up_timeout(void **state)
{
	(void)state;
	peer_half_open(&p);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 59000);
	assert_int_equal(p.e->tunnel_down, 0);
	sim_run_ms(&p.sim, 2000);
	assert_int_equal(p.e->tunnel_cause, CAUSE_SET_UP_TIMEOUT);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 6);
	peer_forget(&p);
	peer_open(&p);
	peer_icrq(&p, PEER_SID);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 61000);
	assert_int_equal(p.e->call_cause, CAUSE_SET_UP_TIMEOUT);
	unsigned type = peer_hear_any(&p);
	if (type == L2TP_MSG_HELLO)
		type = peer_hear_any(&p);
	assert_int_equal(type, L2TP_MSG_CDN);
}

static void
idle_and_hello(void **state)
{
	(void)state;
	peer_open(&p);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 9000);
	uint16_t sid = peer_call(&p, PEER_SID);
	peer_zlb(&p);
	for (unsigned i = 0; i < 5; i++) { /* no Hello while the peer is heard */
		sim_run_ms(&p.sim, 50000);
		peer_say(&p, L2TP_MSG_HELLO, 0);
	}
	assert_int_equal(peer_hear_any(&p), 0);
	sim_run_ms(&p.sim, 59000);
	assert_int_equal(peer_hear_any(&p), 0);
	sim_run_ms(&p.sim, 2000);
	peer_hear(&p, L2TP_MSG_HELLO);
	peer_zlb(&p);
	sim_call_close(p.e, sid, CAUSE_ADMIN_RESET);
	peer_hear_result(&p, L2TP_MSG_CDN, 3, 0);
	sim_run_ms(&p.sim, 9000);
	assert_int_equal(p.e->live_tunnels, 1);
	sim_run_ms(&p.sim, 2000);
	assert_int_equal(p.e->tunnel_cause, CAUSE_TUNNEL_IDLE);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 1, 0);
}

/* While one Hello waits for its acknowledgement no other is said. */
static void
one_hello(void **state)
{
	static const struct l2tp_config often = {.hello_s = 1};
	(void)state;
	peer_start(&p, 1, &often);
	peer_open(&p);
	peer_call(&p, PEER_SID);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 20000);
	assert_int_equal(l2tp_memory(p.e->l2tp), 3); /* tunnel, call, Hello */
	peer_stop(&p);
}

static void
elsewhere(void **state)
{
	struct l2tp_path path = sim_path(1);
	uint8_t zlb[L2TP_CTL_HDR];
	(void)state;
	peer_open(&p);
	l2tp_build_zlb(zlb, p.tid, p.ns, p.nr);
	path.peer_port++;
	l2tp_input(p.e->l2tp, &path, zlb, sizeof zlb, p.sim.now);
	path = sim_path(1);
	path.peer = addr_from_ip4(0x0a0000ff);
	l2tp_input(p.e->l2tp, &path, zlb, sizeof zlb, p.sim.now);
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), 2);
	put_be16(zlb + 4, (uint16_t)(p.tid ^ 1));
	sim_input(p.e, zlb, sizeof zlb);
	assert_int_equal(stat(L2TP_STAT_RX_NO_TUNNEL), 1);
}

static void
cut_message(unsigned type, size_t len)
{
	peer_start(&p, 1, &plain);
	peer_open(&p);
	uint16_t sid = type == L2TP_MSG_ICRQ ? 0 : peer_icrq(&p, PEER_SID);
	peer_begin(&p, type, l2tp_msg_is_of_call(type) ? sid : 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, 7);
	l2tp_avp_result(&p.b, L2TP_MSG_CDN, CAUSE_SHUTDOWN);
	l2tp_avp_text(&p.b, AVP_CALLING_NUMBER, "55");
	size_t full = l2tp_build_end(&p.b);
	len = len < full ? len : full;
	put_be16(p.b.bytes + 2, (uint16_t)len);
	put_be16(p.b.bytes + L2TP_CTL_NS, p.ns);
	put_be16(p.b.bytes + L2TP_CTL_NR, p.nr);
	sim_input(p.e, p.b.bytes, len);
	peer_stop(&p);
}

/* Each message cut at each length, with a length field that says so, in an established tunnel. */
static void
cut(void **state)
{
	(void)state;
	for (unsigned type = 1; type < L2TP_MSG_COUNT; type++)
		for (size_t len = 1; len < 80; len++)
			cut_message(type, len);
}

static void
secret(void **state)
{
	static const struct l2tp_config with_secret = {.secret = "wholesale"};
	(void)state;
	peer_start(&p, 1, &with_secret);
	peer_half_open(&p); /* one that does not challenge us is challenged all the same */
	assert_int_equal(p.m.challenge.len, 16);
	uint8_t first[16];
	memcpy(first, p.m.challenge.p, sizeof first);
	assert_false(l2tp_msg_has(&p.m, AVP_CHALLENGE_RESPONSE));
	peer_say(&p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p.e->tunnel_cause, CAUSE_TUNNEL_AUTH);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 4, 0);
	peer_forget(&p);
	peer_half_open(&p);
	assert_memory_not_equal(first, p.m.challenge.p, sizeof first); /* or an old response would do */
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	l2tp_avp_bytes(&p.b, AVP_CHALLENGE_RESPONSE, "0123456789abcdef", 16);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 4, 0);
	peer_stop(&p);
}

static void
names(void **state)
{
	(void)state;
	for (unsigned s = 0; s < L2TP_STAT_COUNT; s++) {
		assert_non_null(l2tp_stat_row(s)->name);
		assert_true(l2tp_stat_row(s)->meaning[0]);
	}
	assert_string_equal(l2tp_tunnel_state_name(L2TP_WAIT_CTL_CONN), "wait-ctl-conn");
	assert_string_equal(l2tp_call_state_name(L2TP_CALL_WAIT_CONNECT), "wait-connect");
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)
#define SMALL(f) cmocka_unit_test_setup_teardown(f, start_small, stop)
	const struct CMUnitTest tests[] = {
		TEST(xl2tpd),
		TEST(sccrq_again),
		TEST(restart),
		TEST(taken_back),
		SMALL(flood),
		TEST(refusals),
		SMALL(table_full),
		SMALL(table_full_of_our_own),
		TEST(window_of_one),
		cmocka_unit_test(shares),
		cmocka_unit_test(shares_of_tunnels_in_set_up),
		cmocka_unit_test(flood_of_a_small_table),
		cmocka_unit_test(wrong_order),
		TEST(wrong_order_in_call),
		TEST(strays),
		TEST(cdn_without_sid),
		SMALL(calls_refused),
		TEST(unknown),
		TEST(set_up_timeout),
		TEST(idle_and_hello),
		TEST(elsewhere),
		cmocka_unit_test(one_hello),
		cmocka_unit_test(cut),
		cmocka_unit_test(secret),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
