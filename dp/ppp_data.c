#include "ppp_data.h"

#include <millrace/bytes.h>

#include "echo.h"
#include "mbuf.h"
#include "mppe.h"
#include "punt.h"

enum echo { ECHO_NONE, ECHO_ANSWERED, ECHO_TAKEN, ECHO_LOOPED, ECHO_BAD };

static void ppp_sealed(struct lcore *lc, struct pkt *p, struct lane *sealed) ON_LCORE;
static enum echo ppp_reset(struct lcore *lc, struct pkt *p) ON_LCORE;
static void ppp_control(struct lcore *lc, struct pkt *p, const struct ppp *h, struct lane *replies) ON_LCORE;
static enum echo ppp_echo(struct dp_session *s, struct rte_mbuf *m) ON_LCORE;

void
ppp_up(struct lcore *lc, struct lane *v, struct lane *sealed, struct lane *replies)
{
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct ppp h;
		enum drop why = ppp_parse(rte_pktmbuf_mtod(p->m, const uint8_t *), p->m->data_len, &h);
		if (unlikely(why != DROP_NONE)) {
			p->s->up_drops++;
			lcore_drop(lc, p->m, why);
			continue;
		}
		rte_pktmbuf_adj(p->m, h.hdr_len);
		if (h.protocol == PPP_MPPE) {
			ppp_sealed(lc, p, sealed);
			continue;
		}
		if (unlikely(h.protocol != PPP_IP4)) {
			ppp_control(lc, p, &h, replies);
			continue;
		}
		if (unlikely(p->s->gates & DP_GATE_MPPE_REQUIRED)) {
			p->s->up_drops++;
			lcore_drop(lc, p->m, DROP_MPPE_CLEAR);
			continue;
		}
		v->p[n++] = p;
	}
	v->n = n;
}

static void
ppp_sealed(struct lcore *lc, struct pkt *p, struct lane *sealed)
{
	if (likely(lc->mppe && lc->mppe[p->s - lc->sessions].up.len)) {
		lane_add(sealed, p);
		return;
	}
	p->s->up_drops++;
	lcore_drop(lc, p->m, DROP_MPPE_NO_KEY);
}

/* ppp_control: every protocol but IPv4, known or not: what MAIN does not know it answers with Protocol-Reject (RFC 1661
 * 5.7). */
static void
ppp_control(struct lcore *lc, struct pkt *p, const struct ppp *h, struct lane *replies)
{
	enum echo echo = h->protocol == PPP_LCP && p->s->link_open ? ppp_echo(p->s, p->m) : ECHO_NONE;

	if (h->protocol == PPP_CCP)
		echo = ppp_reset(lc, p);

	if (echo < ECHO_LOOPED)
		echo_heard(p->s, lc->now);
	if (echo == ECHO_BAD) {
		p->s->up_drops++;
		lcore_drop(lc, p->m, DROP_ECHO_MALFORMED);
		return;
	}
	if (echo == ECHO_TAKEN) {
		rte_pktmbuf_free(p->m);
		return;
	}
	uint8_t *protocol = (uint8_t *)rte_pktmbuf_prepend(p->m, 2);
	if (unlikely(!protocol)) {
		lcore_drop(lc, p->m, DROP_PPP_SHORT);
		return;
	}
	put_be16(protocol, h->protocol);
	if (echo == ECHO_ANSWERED)
		lane_add(replies, p);
	else
		punt_ppp(lc, p);
}

/* ppp_reset: CCP's resets are dealt with as echoes are. */
static enum echo
ppp_reset(struct lcore *lc, struct pkt *p)
{
	static const enum echo as[] = {
		[MPPE_RESET_NONE] = ECHO_NONE, [MPPE_RESET_TAKEN] = ECHO_TAKEN, [MPPE_RESET_ANSWERED] = ECHO_ANSWERED};
	return as[mppe_reset(lc, p->s, p->m)];
}

/* ppp_echo: m at the code field.  RFC 1661 6.4: our own magic number in what we receive means that the link is looped
 * back: no sign of life, and for MAIN to judge; 0 means that the peer has none. */
static enum echo
ppp_echo(struct dp_session *s, struct rte_mbuf *m)
{
	uint8_t *lcp = rte_pktmbuf_mtod(m, uint8_t *);
	struct lcp_echo e;
	enum drop why = lcp_echo_parse(lcp, m->data_len, &e);

	if (why == DROP_NONE && e.code == 0)
		return ECHO_NONE;
	if (why != DROP_NONE)
		return ECHO_BAD;
	if (e.magic && e.magic == s->our_magic)
		return ECHO_LOOPED;
	if (e.code == LCP_ECHO_REPLY) {
		s->echo_unanswered = 0;
		return ECHO_TAKEN;
	}
	lcp[0] = LCP_ECHO_REPLY;
	put_be32(lcp + 4, s->our_magic);
	mbuf_trim(m, e.len);
	return ECHO_ANSWERED;
}

enum drop
lcp_echo_parse(const uint8_t *p, uint32_t have, struct lcp_echo *out)
{
	*out = (struct lcp_echo){0};
	if (have < 1 || (p[0] != LCP_ECHO_REQUEST && p[0] != LCP_ECHO_REPLY))
		return DROP_NONE;
	if (have < LCP_ECHO_LEN)
		return DROP_ECHO_MALFORMED;
	*out = (struct lcp_echo){.code = p[0], .len = be16(p + 2), .magic = be32(p + 4)};
	return out->len < LCP_ECHO_LEN || out->len > have ? DROP_ECHO_MALFORMED : DROP_NONE;
}
