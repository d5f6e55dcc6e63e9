#include <assert.h>
#include <string.h>

#include "conn.h"
#include "echo.h"
#include "gre.h"
#include "lifecycle.h"
#include "message.h"
#include "mppe.h"
#include "template.h"

static bool fits(const struct lcore *lc, const struct message *m) ON_LCORE;
static void set_mtu(struct dp_session *s) ON_LCORE;
static void set_link(struct dp_session *s, const struct dp_session_set *p) ON_LCORE;
static bool session_check(const struct lcore *lc, const struct dp_session *s) __attribute__((unused)) ON_LCORE;

struct dp_session *
session_find(struct lcore *lc, uint64_t handle)
{
	uint32_t slot = handle_index(handle);
	struct dp_session *s = slot < lc->n_sessions ? &lc->sessions[slot] : NULL;
	if (!s || s->state != SESSION_OPEN || s->generation != handle_generation(handle))
		return NULL;
	return s;
}

void
tunnel_set(struct lcore *lc, const struct message *m)
{
	const struct dp_tunnel *p = m->payload;
	uint32_t tid = handle_index(m->handle);
	if (tid > UINT16_MAX) {
		lc->stats.messages_stale++;
		return;
	}
	lc->tunnels[tid] = (struct tunnel){.region = p->region, .used = true};
	lc->tunnel_peers[tid] = p->peer;
}

void
tunnel_close(struct lcore *lc, const struct message *m)
{
	uint32_t tid = handle_index(m->handle);
	if (tid > UINT16_MAX) {
		lc->stats.messages_stale++;
		return;
	}
	lc->tunnels[tid] = (struct tunnel){0};
	lc->tunnel_peers[tid] = (struct addr){0};
}

void
session_open(struct lcore *lc, const struct message *m)
{
	if (!fits(lc, m)) {
		lc->stats.messages_stale++;
		return;
	}
	struct dp_session *s = &lc->sessions[handle_index(m->handle)];
	const struct dp_session_open *p = m->payload;
	uint32_t former = s->generation;
	memset(s, 0, sizeof *s);
	if (template_open(s, p) < 0) {
		memset(s, 0, sizeof *s);
		s->generation = former;
		lc->stats.messages_stale++;
		return;
	}
	s->generation = handle_generation(m->handle);
	s->bearer = p->bearer;
	s->last_up_us = s->last_down_us = lc->now.us;
	if (s->gre)
		gre_open(lc, s, p);
	s->state = SESSION_OPEN;
	if (p->bearer == DP_BEARER_SSTP && !conn_bind(lc, p->conn, s, p->sstp_echo_s))
		lc->stats.messages_stale++; /* its CONN_GONE is on the way to MAIN */
	session_set_gates(s, 0);
	lc->stats.sessions++;
	assert(session_check(lc, s));
}

/* fits: the slot is free, and what cp says about it hangs together. */
static bool
fits(const struct lcore *lc, const struct message *m)
{
	const struct dp_session_open *p = m->payload;
	uint32_t slot = handle_index(m->handle);
	if (slot >= lc->n_sessions || !handle_generation(m->handle))
		return false;
	const struct dp_session *s = &lc->sessions[slot];
	if (s->state != SESSION_FREE || s->pending)
		return false;
	if (p->bearer != DP_BEARER_L2TP && p->bearer != DP_BEARER_PPTP)
		return true;
	if (p->bearer == DP_BEARER_PPTP && (!lc->gre || lc->gre->calls[slot & 0xffff].slot != GRE_NONE))
		return false;
	return p->our_sid == (slot & 0xffff);
}

void
session_set(struct lcore *lc, const struct message *m)
{
	const struct dp_session_set *p = m->payload;
	struct dp_session *s = session_find(lc, m->handle);
	if (!s) {
		lc->stats.messages_stale++;
		return;
	}
	if (p->what & DP_SET_LINK)
		set_link(s, p);
	if (p->what & DP_SET_IP4) {
		s->ip4 = p->ip4;
		s->gateway_ip4 = p->gateway_ip4;
		s->isolate = p->isolate;
	}
	if (p->what & DP_SET_NH && !s->queued)
		s->nh = p->nh;
	if (p->what & DP_SET_PORT)
		template_port(s, p->peer_port);
	if (p->what & DP_SET_ECHO)
		echo_set(lc, s, p);
	if (p->what & DP_SET_GATES) /* last: what the gate lets through is set by now */
		session_set_gates(s, (uint8_t)p->gates);
	if (s->queued && s->down_open)
		conn_settled(lc, s);
	assert(session_check(lc, s));
}

static void
set_link(struct dp_session *s, const struct dp_session_set *p)
{
	s->link_mtu = p->mtu;
	set_mtu(s);
	s->acfc = p->acfc;
	s->pfc = p->pfc;
	s->our_magic = p->our_magic;
	s->peer_magic = p->peer_magic;
	s->link_open = p->mtu != 0;
	template_link(s, p->acfc, p->pfc);
}

static void
set_mtu(struct dp_session *s)
{
	uint16_t less = s->mppe_down ? MPPE_OVERHEAD : 0;
	s->mtu = s->link_mtu > less ? s->link_mtu - less : 0;
}

void
session_keys(struct lcore *lc, const struct message *m)
{
	const struct dp_session_keys *p = m->payload;
	struct dp_session *s = session_find(lc, m->handle);
	bool sound = p->bits == 0 || p->bits == 40 || p->bits == 56 || p->bits == 128;
	if (!s || !lc->mppe || !sound) {
		lc->stats.messages_stale++;
		return;
	}
	struct mppe *x = &lc->mppe[s - lc->sessions];
	mppe_key_init(p->up ? &x->up : &x->down, p->start_key, p->bits, p->stateless);
	if (p->up)
		return;
	s->mppe_down = p->bits != 0;
	template_link(s, s->acfc, s->pfc);
	set_mtu(s);
	session_set_gates(s, s->gates);
	assert(session_check(lc, s));
}

/* session_close: the first of the two steps; the slot rests as it is until cp has read the counters. */
void
session_close(struct lcore *lc, const struct message *m)
{
	struct dp_session *s = session_find(lc, m->handle);
	if (!s) {
		lc->stats.messages_stale++;
		return;
	}
	wheel_del(&s->timer);
	if (s->gre)
		gre_close(lc, s);
	if (s->queued)
		conn_unbind(lc, s);
	s->state = SESSION_FREE;
	session_set_gates(s, 0);
	s->link_open = 0;
	if (lc->mppe)
		memset(&lc->mppe[s - lc->sessions], 0, sizeof *lc->mppe);
	s->generation = handle_next_generation(s->generation);
	lc->stats.sessions--;
	lifecycle_send(lc, s, PENDING_CLOSED);
	assert(session_check(lc, s));
}

/* session_check: the invariants of session.h. */
static bool
session_check(const struct lcore *lc, const struct dp_session *s)
{
	const uint8_t need = DP_GATE_AUTHENTICATED | DP_GATE_IP4 | s->gates_more;
	bool open = s->state == SESSION_OPEN;
	bool sealed = !(s->gates & DP_GATE_MPPE_REQUIRED) || s->mppe_down;
	if (!s->generation || s->down_open != (open && (s->gates & need) == need && sealed))
		return false;
	if (!open)
		return !s->gates && !wheel_pending(&s->timer);
	return (s->bearer != DP_BEARER_L2TP && s->bearer != DP_BEARER_PPTP) ||
	       s->our_sid == ((s - lc->sessions) & 0xffff);
}
