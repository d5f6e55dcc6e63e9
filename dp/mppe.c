#include "mppe.h"

#include <rte_ip.h>

#include <millrace/bytes.h>

#include "ip6.h"
#include "mbuf.h"
#include "ppp_data.h"

#define MPPE_A 0x8000 /* flushed: RFC 3078 3.1 */
#define MPPE_B 0x4000 /* MPPC */
#define MPPE_C 0x2000 /* MPPC: compressed */
#define MPPE_D 0x1000 /* encrypted */
#define COUNT_MASK (MPPE_COUNTS - 1)
#define FLAG_COUNT 0xff    /* low octet of a packet before which a stateful key changes */
#define TRIAL_LEN (2 + 60) /* what a key is told by: the protocol field and the longest IPv4 header */

#define CCP_RESET_REQUEST 14 /* RFC 1962 5.7 */
#define CCP_RESET_ACK 15
#define CCP_LEN 4

/* One packet of a group. */
struct member {
	struct mppe_key *k;
	unsigned changes; /* of the key, before this packet */
	bool restart;     /* stateful: the stream begins anew */
	bool ready;       /* its key is known */
	uint8_t *p;
	uint32_t len, now_ms;
	uint8_t key[MPPE_KEY_MAX]; /* stateless: of this packet alone */
	struct rc4 box;
};

/* Packets that are en- or decrypted together.  A session may have several in it if it is stateless: then its key changes
 * one by one, and the streams run side by side all the same. */
struct group {
	unsigned n;
	struct member m[RC4_LANES];
};

static void group_add(struct group *g, struct mppe_key *k, const struct member *m);
static void group_ready(struct group *g);
static void group_run(struct group *g);
static enum drop up_one(struct group *g, struct mppe_key *k, struct rte_mbuf *m, uint32_t now_ms) ON_LCORE;
static bool may_catch_up(struct mppe_key *k, uint32_t now_ms) ON_LCORE;
static enum drop up_stateless(struct group *g, struct mppe_key *k, uint16_t count, struct member *m) ON_LCORE;
static enum drop up_stateful(struct group *g, struct mppe_key *k, uint16_t header, struct member *m) ON_LCORE;
static bool up_start(struct mppe_key *k, const struct member *m) ON_LCORE;
static bool up_plausible(const struct mppe_key *k, const struct member *m) ON_LCORE;
static bool up_reset(struct lcore *lc, struct pkt *p, struct mppe_key *k) ON_LCORE;
static enum drop up_inner(struct rte_mbuf *m) ON_LCORE;
static void down_one(struct group *g, struct mppe_key *k, bool pfc, struct rte_mbuf *m) ON_LCORE;
static struct mppe *mppe_of(struct lcore *lc, const struct dp_session *s) ON_LCORE;

static struct mppe *
mppe_of(struct lcore *lc, const struct dp_session *s)
{
	return lc->mppe ? &lc->mppe[s - lc->sessions] : NULL;
}

/* --- up ---------------------------------------------------------------------------------------------------------- */

void
mppe_up(struct lcore *lc, struct lane *v, struct lane *clear, struct lane *replies)
{
	struct group g = {.n = 0};
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct mppe_key *k = &mppe_of(lc, p->s)->up;
		enum drop why = up_one(&g, k, p->m, (uint32_t)(lc->now.us / 1000));
		if (likely(why == DROP_NONE)) {
			v->p[n++] = p;
			continue;
		}
		p->s->up_drops++;
		if (why == DROP_MPPE_GAP && up_reset(lc, p, k)) {
			lc->stats.drops[why]++;
			lane_add(replies, p);
			continue;
		}
		lcore_drop(lc, p->m, why);
	}
	group_run(&g);
	for (unsigned i = 0; i < n; i++) {
		struct pkt *p = v->p[i];
		enum drop why = up_inner(p->m);
		if (likely(why == DROP_NONE)) {
			lane_add(clear, p);
			continue;
		}
		mppe_of(lc, p->s)->up.discards = true; /* stateful: the stream is lost, whatever the count says */
		p->s->up_drops++;
		lcore_drop(lc, p->m, why);
	}
	v->n = 0;
}

static enum drop
up_one(struct group *g, struct mppe_key *k, struct rte_mbuf *m, uint32_t now_ms)
{
	if (unlikely(m->nb_segs > 1 && rte_pktmbuf_linearize(m) < 0))
		return DROP_NO_MBUF;
	if (unlikely(m->data_len <= MPPE_HDR_LEN))
		return DROP_MPPE_HEADER;
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint16_t header = be16(p);
	struct member member = {.p = p + MPPE_HDR_LEN, .len = m->data_len - MPPE_HDR_LEN, .now_ms = now_ms};

	if (unlikely((header & (MPPE_B | MPPE_C | MPPE_D)) != MPPE_D || (k->stateless && !(header & MPPE_A))))
		return DROP_MPPE_HEADER;
	enum drop why =
		k->stateless ? up_stateless(g, k, header & COUNT_MASK, &member) : up_stateful(g, k, header, &member);
	if (likely(why == DROP_NONE))
		rte_pktmbuf_adj(m, MPPE_HDR_LEN);
	return why;
}

/* may_catch_up: a gap costs keys, and whoever sends nothing but gaps must not have a core for it. */
static bool
may_catch_up(struct mppe_key *k, uint32_t now_ms)
{
	bool may = k->catch_ms != now_ms;
	k->catch_ms = now_ms;
	return may;
}

/* RFC 3078 8.1. */
static enum drop
up_stateless(struct group *g, struct mppe_key *k, uint16_t count, struct member *m)
{
	unsigned ahead = (unsigned)(count - k->count) & COUNT_MASK;

	if (unlikely(ahead == 0 || ahead > MPPE_COUNTS / 2))
		return DROP_MPPE_LATE;
	if (unlikely(ahead > MPPE_CATCH_UP_SOON) && !may_catch_up(k, m->now_ms))
		return DROP_MPPE_GAP;
	m->changes = ahead;
	if (likely(ahead <= MPPE_CATCH_UP)) {
		k->count = count;
		group_add(g, k, m);
		return DROP_NONE;
	}
	group_run(g);
	for (unsigned i = 0; i < MPPE_CATCH_UP; i++)
		mppe_key_change(&k, 1);
	k->count = (k->count + MPPE_CATCH_UP) & COUNT_MASK;
	return DROP_MPPE_GAP;
}

/* RFC 3078 8.2.  In step when the next number comes, or when the stream starts anew; then the keys of the packets in
 * between that would have changed it are made up for. */
static enum drop
up_stateful(struct group *g, struct mppe_key *k, uint16_t header, struct member *m)
{
	uint16_t count = header & COUNT_MASK;
	unsigned ahead = (unsigned)(count - k->count) & COUNT_MASK;
	bool flushed = header & MPPE_A, flag = (count & FLAG_COUNT) == FLAG_COUNT;

	if (ahead == 0 || ahead > MPPE_COUNTS / 2)
		return DROP_MPPE_LATE;
	if (!flushed && (k->discards || ahead != 1)) {
		k->discards = true;
		return DROP_MPPE_GAP;
	}
	if (flushed && !flag && k->catch_ms == m->now_ms) /* a trial has failed just now: see mppe.h */
		return DROP_MPPE_GAP;
	group_run(g); /* the stream is one: what is before this packet must be through */
	unsigned missed = ((k->count + ahead) >> 8) - ((unsigned)(k->count + 1) >> 8);
	for (unsigned i = 0; i < missed + flag; i++)
		mppe_key_change(&k, 1);
	k->count = count;
	k->discards = flushed && !flag && !up_start(k, m);
	if (k->discards) {
		k->catch_ms = m->now_ms;
		return DROP_MPPE_GAP;
	}
	if (flag)
		mppe_key_start(k);
	if (flushed)
		k->reset_id = 0; /* what we asked for is done: the next loss is asked for at once */
	m->ready = true;
	group_add(g, k, m);
	return DROP_NONE;
}

/* up_start: the peer has begun its stream anew between two changes of the key: see mppe.h.  It may have done so before,
 * in packets that are lost, and changed the key each time.  False: with none of these keys the packet becomes one. */
static bool
up_start(struct mppe_key *k, const struct member *m)
{
	struct mppe_key trial = *k, *changed = &trial;

	for (unsigned i = 0; i <= MPPE_RESTARTS; i++) {
		mppe_key_start(&trial);
		if (up_plausible(&trial, m)) {
			*k = trial;
			return true;
		}
		mppe_key_change(&changed, 1);
	}
	return false;
}

/* up_plausible: does the packet begin as an IP packet of its length?  With IPv4 the header checksum says so: of those who
 * start anew often, a wrong key would be taken once in some thousand times, and none is right after it.  Leaves everything
 * as it is. */
static bool
up_plausible(const struct mppe_key *k, const struct member *m)
{
	struct rc4 box = k->box;
	uint8_t trial[TRIAL_LEN];
	struct rc4_lane l = {.box = &box, .p = trial, .len = RTE_MIN(m->len, (uint32_t)TRIAL_LEN)};
	struct ppp h;

	memcpy(trial, m->p, l.len);
	rc4_crypt(&l, 1);
	if (ppp_parse(trial, l.len, &h) != DROP_NONE || l.len < h.hdr_len + 20u)
		return false;
	const uint8_t *ip = trial + h.hdr_len;
	if (h.protocol == PPP_IP4) {
		unsigned hdr = (ip[0] & 15u) * 4;
		return ip[0] >> 4 == 4 && hdr >= 20 && hdr <= l.len - h.hdr_len && be16(ip + 2) <= m->len - h.hdr_len &&
		       rte_raw_cksum(ip, hdr) == 0xffff;
	}
	return h.protocol == 0x0057 && ip[0] >> 4 == 6 && (uint32_t)be16(ip + 4) + IP6_HDR_LEN == m->len - h.hdr_len;
}

/* up_reset: makes the packet a Reset-Request, unless one is under way.  Stateless mode needs none. */
static bool
up_reset(struct lcore *lc, struct pkt *p, struct mppe_key *k)
{
	uint32_t now_ms = (uint32_t)(lc->now.us / 1000);

	if (k->stateless || (k->reset_id && now_ms - k->reset_ms < MPPE_RESET_MS))
		return false;
	if (p->m->pkt_len > 2 + CCP_LEN)
		mbuf_trim(p->m, 2 + CCP_LEN);
	else if (!rte_pktmbuf_append(p->m, (uint16_t)(2 + CCP_LEN - p->m->pkt_len)))
		return false;
	uint8_t *ccp = rte_pktmbuf_mtod(p->m, uint8_t *);
	k->reset_ms = now_ms;
	k->reset_id = ++k->resets ? k->resets : ++k->resets;
	put_be16(ccp, PPP_CCP);
	ccp[2] = CCP_RESET_REQUEST;
	ccp[3] = k->reset_id;
	put_be16(ccp + 4, CCP_LEN);
	return true;
}

static enum drop
up_inner(struct rte_mbuf *m)
{
	struct ppp h;
	enum drop why = ppp_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &h);

	if (why != DROP_NONE)
		return why;
	if (h.protocol != PPP_IP4)
		return DROP_MPPE_PROTOCOL;
	rte_pktmbuf_adj(m, h.hdr_len);
	return DROP_NONE;
}

enum mppe_reset
mppe_reset(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m)
{
	struct mppe *x = mppe_of(lc, s);
	uint8_t *ccp = rte_pktmbuf_mtod(m, uint8_t *);

	if (!x || !(x->up.len | x->down.len) || m->data_len < CCP_LEN || be16(ccp + 2) < CCP_LEN)
		return MPPE_RESET_NONE;
	if (ccp[0] == CCP_RESET_ACK)
		return MPPE_RESET_TAKEN; /* the flushed packet that follows is what counts */
	if (ccp[0] != CCP_RESET_REQUEST)
		return MPPE_RESET_NONE;
	x->down.flushed = !x->down.stateless;
	ccp[0] = CCP_RESET_ACK;
	put_be16(ccp + 2, CCP_LEN);
	mbuf_trim(m, CCP_LEN);
	return MPPE_RESET_ANSWERED;
}

/* --- down -------------------------------------------------------------------------------------------------------- */

void
mppe_down(struct lcore *lc, struct lane *v)
{
	struct group g = {.n = 0};
	unsigned n = 0;

	for (unsigned i = 0; i < v->n; i++) {
		struct pkt *p = v->p[i];
		struct dp_session *s = &lc->sessions[nh_session_slot(p->nh)];
		if (unlikely(p->m->nb_segs > 1 && rte_pktmbuf_linearize(p->m) < 0)) {
			s->down_drops++;
			lcore_drop(lc, p->m, DROP_NO_MBUF);
			continue;
		}
		down_one(&g, &mppe_of(lc, s)->down, s->pfc, p->m);
		v->p[n++] = p;
	}
	group_run(&g);
	v->n = n;
}

/* Stateful, a new start waits for no number: it goes on to the next at which the key changes anyway (mppe.h). */
static void
down_one(struct group *g, struct mppe_key *k, bool pfc, struct rte_mbuf *m)
{
	unsigned front = MPPE_HDR_LEN + (pfc ? 1 : 2);
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)front); /* down has looked at the headroom */
	struct member member = {.p = p + MPPE_HDR_LEN, .len = m->data_len - MPPE_HDR_LEN};

	k->count = (k->count + 1) & COUNT_MASK;
	if (unlikely(k->flushed))
		k->count |= FLAG_COUNT;
	k->flushed = false;
	bool change = k->stateless || (k->count & FLAG_COUNT) == FLAG_COUNT;
	put_be16(p, (uint16_t)(MPPE_D | (change ? MPPE_A : 0) | k->count));
	p[MPPE_HDR_LEN] = 0;
	p[front - 1] = PPP_IP4;
	member.changes = change;
	member.restart = change;
	group_add(g, k, &member);
}

/* --- both -------------------------------------------------------------------------------------------------------- */

static void
group_add(struct group *g, struct mppe_key *k, const struct member *m)
{
	bool mine = false;

	for (unsigned i = 0; i < g->n; i++)
		mine = mine || g->m[i].k == k;
	if (mine && !k->stateless)
		group_run(g);
	else if (mine)
		group_ready(g);
	struct member *to = &g->m[g->n++];
	to->k = k;
	to->changes = m->changes;
	to->restart = m->restart;
	to->ready = m->ready;
	to->p = m->p;
	to->len = m->len;
	if (g->n == RC4_LANES)
		group_run(g);
}

/* group_ready: the keys of those whose keys are not known yet, who are of distinct sessions. */
static void
group_ready(struct group *g)
{
	struct mppe_key *k[RC4_LANES];
	unsigned n;

	do {
		n = 0;
		for (unsigned i = 0; i < g->n; i++)
			if (!g->m[i].ready && g->m[i].changes) {
				g->m[i].changes--;
				k[n++] = g->m[i].k;
			}
		if (n)
			mppe_key_change(k, n);
	} while (n);
	for (unsigned i = 0; i < g->n; i++) {
		struct member *m = &g->m[i];
		if (m->ready)
			continue;
		m->ready = true;
		if (m->k->stateless)
			memcpy(m->key, m->k->session, sizeof m->key);
		else if (m->restart)
			mppe_key_start(m->k);
	}
}

static void
group_run(struct group *g)
{
	struct rc4_lane all[RC4_LANES], fresh[2][RC4_LANES];
	unsigned n_fresh[2] = {0, 0};

	if (!g->n)
		return;
	group_ready(g);
	for (unsigned i = 0; i < g->n; i++) {
		struct member *m = &g->m[i];
		bool is_long = m->k->len == MPPE_KEY_MAX;
		all[i] = (struct rc4_lane){m->k->stateless ? &m->box : &m->k->box, m->key, m->p, m->len};
		if (m->k->stateless)
			fresh[is_long][n_fresh[is_long]++] = all[i];
	}
	if (n_fresh[1])
		rc4_init(fresh[1], n_fresh[1], MPPE_KEY_MAX);
	if (n_fresh[0])
		rc4_init(fresh[0], n_fresh[0], MPPE_KEY_MAX / 2);
	rc4_crypt(all, g->n);
	g->n = 0;
}
