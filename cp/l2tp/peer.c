#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/peer.h"

void
peer_start(struct peer *p, unsigned index, const struct l2tp_config *config)
{
	memset(p, 0, sizeof *p);
	sim_init(&p->sim, 7);
	p->sim.scripted = true;
	p->e = sim_end(&p->sim, index, config);
}

void
peer_stop(struct peer *p)
{
	l2tp_shutdown(p->e->l2tp, p->sim.now);
	assert_int_equal(p->e->live_tunnels, 0);
	assert_int_equal(p->e->live_calls, 0);
	sim_run_ms(&p->sim, 120000);
	assert_int_equal(l2tp_memory(p->e->l2tp), 0);
	sim_fini(&p->sim);
}

void
peer_forget(struct peer *p)
{
	p->ns = p->nr = p->tid = 0;
}

void
peer_begin(struct peer *p, unsigned type, uint16_t sid)
{
	l2tp_build_start(&p->b, p->tid, sid, type);
}

void
peer_avp(struct peer *p, uint16_t flags, uint16_t vendor, uint16_t attr, const void *value, uint16_t len)
{
	wr_be16(&p->b.w, (uint16_t)(flags | (AVP_HDR + len)));
	wr_be16(&p->b.w, vendor);
	wr_be16(&p->b.w, attr);
	wr_bytes(&p->b.w, value, len);
}

void
peer_end(struct peer *p)
{
	sim_message(p->e, &p->b, p->ns++, p->nr);
}

void
peer_say(struct peer *p, unsigned type, uint16_t sid)
{
	peer_begin(p, type, sid);
	peer_end(p);
}

void
peer_zlb(struct peer *p)
{
	uint8_t zlb[L2TP_CTL_HDR];
	l2tp_build_zlb(zlb, p->tid, p->ns, p->nr);
	sim_input(p->e, zlb, sizeof zlb);
}

unsigned
peer_hear_any(struct peer *p)
{
	do {
		if (!sim_next(&p->sim, &p->h, &p->m))
			return 0;
	} while (!p->h.body_len);
	if (p->h.ns == p->nr)
		p->nr++;
	return p->m.type;
}

void
peer_hear(struct peer *p, unsigned type)
{
	unsigned heard = peer_hear_any(p);
	assert_int_equal(heard, type);
}

void
peer_hear_result(struct peer *p, unsigned type, unsigned result, unsigned error)
{
	peer_hear(p, type);
	assert_int_equal(p->m.result.code, result);
	assert_int_equal(p->m.result.error, error);
	peer_zlb(p);
}

/* As xl2tpd 1.3.18 sends it: M bits, order and values. */
void
peer_sccrq(struct peer *p, uint16_t tid)
{
	uint8_t id[2];
	put_be16(id, tid);
	peer_begin(p, L2TP_MSG_SCCRQ, 0);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_PROTOCOL_VERSION, "\1\0", 2);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_FRAMING_CAPS, "\0\0\0\3", 4);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_BEARER_CAPS, "\0\0\0\0", 4);
	peer_avp(p, 0, 0, AVP_FIRMWARE_REVISION, "\6\220", 2);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_HOST_NAME, "cli", 3);
	peer_avp(p, 0, 0, AVP_VENDOR_NAME, "xelerance.com", 13);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_ASSIGNED_TUNNEL_ID, id, 2);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_RECEIVE_WINDOW, "\0\4", 2);
	peer_end(p);
}

void
peer_half_open(struct peer *p)
{
	peer_sccrq(p, PEER_TID);
	peer_hear(p, L2TP_MSG_SCCRP);
	p->tid = p->m.tid;
}

void
peer_open(struct peer *p)
{
	peer_half_open(p);
	peer_say(p, L2TP_MSG_SCCCN, 0);
	assert_int_equal(p->e->tunnel->state, L2TP_ESTABLISHED);
}

uint16_t
peer_icrq(struct peer *p, uint16_t sid)
{
	uint8_t id[2];
	put_be16(id, sid);
	peer_begin(p, L2TP_MSG_ICRQ, 0);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_ASSIGNED_SESSION_ID, id, 2);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_CALL_SERIAL_NUMBER, "\0\0\0\1", 4);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_BEARER_TYPE, "\0\0\0\0", 4);
	peer_end(p);
	peer_hear(p, L2TP_MSG_ICRP);
	assert_int_equal(p->h.sid, sid);
	return p->m.sid;
}

uint16_t
peer_call(struct peer *p, uint16_t sid)
{
	uint16_t their_sid = peer_icrq(p, sid);
	peer_begin(p, L2TP_MSG_ICCN, their_sid);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_TX_CONNECT_SPEED, "\0\0\0\0", 4);
	peer_avp(p, AVP_F_MANDATORY, 0, AVP_FRAMING_TYPE, "\0\0\0\1", 4);
	peer_avp(p, 0, 0, AVP_RX_CONNECT_SPEED, "\0\0\0\0", 4);
	peer_end(p);
	assert_true(p->e->is_up[their_sid]);
	return their_sid;
}
