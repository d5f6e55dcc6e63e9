/* RFC 2661 appendix B, control message examples, number by number: B.1, lock-step tunnel establishment, and B.2, a lost
 * packet with retransmission; each with us as the LNS and as the LAC.  (Appendix A is window_test's.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/peer.h"

#define ZLB 0 /* in place of a message type */

static const struct l2tp_config plain = {.host_name = "ours"};
static struct peer p;

/* heard: the next datagram of ours is this message, with these numbers. */
static void
heard(unsigned type, uint16_t nr, uint16_t ns)
{
	if (!sim_next(&p.sim, &p.h, &p.m))
		fail_msg("nothing is said, expected %s", type ? l2tp_msg_name(type) : "a ZLB");
	assert_int_equal(p.m.type, type);
	assert_int_equal(p.h.nr, nr);
	assert_int_equal(p.h.ns, ns);
}

static void
nothing_heard(void)
{
	assert_false(sim_next(&p.sim, &p.h, &p.m));
}

/* says: the message that is in p.b, or a ZLB. */
static void
says(unsigned type, uint16_t nr, uint16_t ns)
{
	uint8_t zlb[L2TP_CTL_HDR];
	if (type) {
		sim_message(p.e, &p.b, ns, nr);
		return;
	}
	l2tp_build_zlb(zlb, p.tid, ns, nr);
	sim_input(p.e, zlb, sizeof zlb);
}

static void
start_message(unsigned type)
{
	peer_begin(&p, type, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "theirs");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
}

static void
call_message(unsigned type, uint16_t sid)
{
	peer_begin(&p, type, sid);
	if (type != L2TP_MSG_ICCN)
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
}

static void
lns_in_lock_step(void)
{
	peer_start(&p, 1, &plain);
	start_message(L2TP_MSG_SCCRQ);
	says(L2TP_MSG_SCCRQ, 0, 0);
	heard(L2TP_MSG_SCCRP, 1, 0);
	p.tid = p.m.tid;
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	says(L2TP_MSG_SCCCN, 1, 1);
	sim_run_ms(&p.sim, 100);
	heard(ZLB, 2, 1);
	nothing_heard();
}

static void
lac_in_lock_step(void)
{
	peer_start(&p, 0, &plain);
	assert_non_null(sim_tunnel_open(p.e, NULL));
	heard(L2TP_MSG_SCCRQ, 0, 0);
	p.tid = p.m.tid;
	start_message(L2TP_MSG_SCCRP);
	says(L2TP_MSG_SCCRP, 1, 0);
	heard(L2TP_MSG_SCCCN, 1, 1);
	says(ZLB, 2, 1);
	sim_run_ms(&p.sim, 5000);
	nothing_heard();
}

static void
b1(void **state)
{
	(void)state;
	lns_in_lock_step();
	assert_int_equal(p.e->tunnel->state, L2TP_ESTABLISHED);
	peer_stop(&p);
	lac_in_lock_step();
	assert_int_equal(p.e->tunnel->state, L2TP_ESTABLISHED);
	peer_stop(&p);
}

/* The ICRP is lost.  The LAC's timer fires first: the LNS knows the packet and acknowledges it; then the LNS's fires. */
static void
b2_lns(void **state)
{
	(void)state;
	lns_in_lock_step();
	call_message(L2TP_MSG_ICRQ, 0);
	says(L2TP_MSG_ICRQ, 1, 2);
	heard(L2TP_MSG_ICRP, 3, 1); /* lost */
	uint16_t sid = p.m.sid;
	sim_run_ms(&p.sim, 900);
	call_message(L2TP_MSG_ICRQ, 0);
	says(L2TP_MSG_ICRQ, 1, 2);
	sim_run_ms(&p.sim, 50);
	heard(ZLB, 3, 2);
	assert_int_equal(p.e->call_new, 1);
	sim_run_ms(&p.sim, 100);
	heard(L2TP_MSG_ICRP, 3, 1);
	assert_int_equal(p.m.sid, sid);
	call_message(L2TP_MSG_ICCN, sid);
	says(L2TP_MSG_ICCN, 2, 3);
	sim_run_ms(&p.sim, 100);
	heard(ZLB, 4, 2);
	assert_true(p.e->is_up[sid]);
	peer_stop(&p);
}

static void
b2_lac(void **state)
{
	(void)state;
	lac_in_lock_step();
	const struct l2tp_call *c = sim_call_open(p.e, p.e->tunnel, "123");
	heard(L2TP_MSG_ICRQ, 1, 2); /* its answer is lost */
	sim_run_ms(&p.sim, 990);
	nothing_heard();
	sim_run_ms(&p.sim, 20);
	heard(L2TP_MSG_ICRQ, 1, 2);
	says(ZLB, 3, 2);
	sim_run_ms(&p.sim, 5000);
	nothing_heard();
	call_message(L2TP_MSG_ICRP, c->our_sid);
	says(L2TP_MSG_ICRP, 3, 1);
	heard(L2TP_MSG_ICCN, 2, 3);
	says(ZLB, 4, 2);
	assert_true(p.e->is_up[c->our_sid]);
	peer_stop(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(b1), cmocka_unit_test(b2_lns), cmocka_unit_test(b2_lac)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
