#include "sstp_data.h"

#include <errno.h>

#include <dp/sstp.h>
#include <millrace/bytes.h>

#include "lcore_msg.h"
#include "mbuf.h"

#define MSG_ECHO_REQUEST 8
#define MSG_ECHO_RESPONSE 9

static enum sstp_step next_head(struct lcore *lc, struct conn *c) ON_LCORE;
static enum sstp_step next_plain(struct lcore *lc, struct conn *c) ON_LCORE;
static enum sstp_step next_packet(struct lcore *lc, struct conn *c, struct rte_mbuf **out) ON_LCORE;
static enum sstp_step control(struct lcore *lc, struct conn *c, uint32_t len) ON_LCORE;
static enum sstp_step to_main(struct lcore *lc, struct conn *c, uint32_t len) ON_LCORE;
static void chop(struct conn *c, uint32_t len) ON_LCORE;
static struct rte_mbuf *cut(struct lcore *lc, struct conn *c, uint32_t skip, uint32_t len) ON_LCORE;

enum sstp_step
sstp_next_unit(struct lcore *lc, struct conn *c, struct rte_mbuf **out)
{
	if (!c->in)
		return SSTP_STEP_IDLE;
	if (c->state == CONN_HEAD)
		return next_head(lc, c);
	if (c->state == CONN_PACKETS)
		return next_packet(lc, c, out);
	return c->state == CONN_PLAIN ? next_plain(lc, c) : SSTP_STEP_IDLE;
}

/* chop: takes len bytes off the front of what has come. */
static void
chop(struct conn *c, uint32_t len)
{
	while (len && c->in) {
		struct rte_mbuf *m = c->in;
		if (len < m->data_len) {
			m->data_off += (uint16_t)len;
			m->data_len -= (uint16_t)len;
			m->pkt_len -= len;
			return;
		}
		len -= m->data_len;
		c->in = m->next;
		if (c->in) {
			c->in->pkt_len = m->pkt_len - m->data_len;
			c->in->nb_segs = m->nb_segs - 1;
		}
		m->next = NULL;
		m->nb_segs = 1;
		rte_pktmbuf_free_seg(m);
	}
}

/* to_main: the first len bytes as one message. */
static enum sstp_step
to_main(struct lcore *lc, struct conn *c, uint32_t len)
{
	uint8_t room[SSTP_HTTP_MAX];
	if (!policer_ready(&c->talk, lc->now)) {
		lc->stats.messages_held_back += !c->held_back;
		c->held_back = true;
		return SSTP_STEP_BLOCKED;
	}
	c->held_back = false;
	const void *p = rte_pktmbuf_read(c->in, 0, len, room);
	if (lcore_send(lc, DP_MSG_STREAM_IN, conn_handle_of(lc, c), NULL, p, len))
		return SSTP_STEP_BLOCKED;
	(void)policer_take(&c->talk, lc->now);
	chop(c, len);
	return SSTP_STEP_TAKEN;
}

static enum sstp_step
next_head(struct lcore *lc, struct conn *c)
{
	uint8_t room[SSTP_HTTP_MAX];
	uint32_t have = RTE_MIN(c->in->pkt_len, SSTP_HTTP_MAX);
	uint32_t end = sstp_head_end(rte_pktmbuf_read(c->in, 0, have, room), have, c->head_seen);
	if (!end) {
		c->head_seen = have;
		return have == SSTP_HTTP_MAX ? SSTP_STEP_BAD : SSTP_STEP_IDLE;
	}
	enum sstp_step step = to_main(lc, c, end);
	if (step == SSTP_STEP_TAKEN)
		c->state = CONN_PACKETS;
	return step;
}

/* PPTP: MAIN frames for itself. */
static enum sstp_step
next_plain(struct lcore *lc, struct conn *c)
{
	return to_main(lc, c, RTE_MIN(c->in->pkt_len, SSTP_HTTP_MAX));
}

static enum sstp_step
next_packet(struct lcore *lc, struct conn *c, struct rte_mbuf **out)
{
	uint8_t room[SSTP_HEADER_LEN];
	uint32_t have = RTE_MIN(c->in->pkt_len, SSTP_HEADER_LEN), len = 0;
	enum sstp_frame kind = sstp_frame_parse(rte_pktmbuf_read(c->in, 0, have, room), have, &len);
	if (kind == SSTP_FRAME_BAD)
		return SSTP_STEP_BAD;
	if (kind == SSTP_FRAME_MORE || c->in->pkt_len < len)
		return SSTP_STEP_IDLE;
	if (kind == SSTP_FRAME_CONTROL)
		return control(lc, c, len);
	struct dp_session *s = c->slot < lc->n_sessions ? &lc->sessions[c->slot] : NULL;
	if (!s || len == SSTP_HEADER_LEN) { /* data before there is a session, or after */
		lc->stats.drops[s ? DROP_PPP_SHORT : DROP_SESSION_GONE]++;
		chop(c, len);
		return SSTP_STEP_TAKEN;
	}
	*out = cut(lc, c, SSTP_HEADER_LEN, len - SSTP_HEADER_LEN);
	return *out ? SSTP_STEP_PACKET : SSTP_STEP_TAKEN;
}

/* Echo is answered here ([MS-SSTP] 3.1.5.2), all else by MAIN. */
static enum sstp_step
control(struct lcore *lc, struct conn *c, uint32_t len)
{
	uint8_t room[SSTP_CONTROL_MIN];
	uint16_t type = be16((const uint8_t *)rte_pktmbuf_read(c->in, 0, SSTP_CONTROL_MIN, room) + SSTP_HEADER_LEN);
	if (type != MSG_ECHO_REQUEST && type != MSG_ECHO_RESPONSE)
		return to_main(lc, c, len);
	struct rte_mbuf *m = type == MSG_ECHO_REQUEST ? sstp_control(lc, MSG_ECHO_RESPONSE) : NULL;
	if (m)
		conn_put_control(lc, c, m);
	if (type == MSG_ECHO_RESPONSE)
		c->asked = false;
	chop(c, len);
	return SSTP_STEP_TAKEN;
}

/* cut: a packet of its own out of the stream.  One that is a record and a buffer, as most are, is not copied. */
static struct rte_mbuf *
cut(struct lcore *lc, struct conn *c, uint32_t skip, uint32_t len)
{
	struct rte_mbuf *m = c->in;
	chop(c, skip);
	m = c->in;
	if (m && m->nb_segs == 1 && m->pkt_len == len) {
		c->in = NULL;
		return m;
	}
	struct rte_mbuf *copy = rte_pktmbuf_alloc(lc->pool);
	if (copy && len > rte_pktmbuf_tailroom(copy)) {
		lcore_drop(lc, copy, DROP_IP4_TOO_BIG);
		copy = NULL;
	} else if (!copy) {
		lc->stats.drops[DROP_NO_MBUF]++;
	}
	if (copy) {
		uint8_t *to = (uint8_t *)rte_pktmbuf_append(copy, (uint16_t)len);
		const void *from = rte_pktmbuf_read(m, 0, len, to);
		if (from != to)
			memcpy(to, from, len);
	}
	chop(c, len);
	return copy;
}

/* --- down -------------------------------------------------------------------------------------------------------- */

bool
sstp_frame(const struct dp_session *s, struct rte_mbuf *m)
{
	unsigned front = SSTP_HEADER_LEN + s->ppp_len;
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)front);
	if (!p)
		return false;
	/* As many octets as PPP's header may have; SSTP's then covers those that it has not. */
	memcpy(p + front - PPP_HDR_MAX, s->template + SESSION_TEMPLATE_MAX - PPP_HDR_MAX, PPP_HDR_MAX);
	sstp_header_put(p, false, (uint16_t)m->pkt_len);
	return true;
}

bool
sstp_ppp_frame(struct rte_mbuf *m)
{
	uint8_t *p = (uint8_t *)rte_pktmbuf_prepend(m, SSTP_HEADER_LEN + 2);
	if (!p)
		return false;
	sstp_header_put(p, false, (uint16_t)m->pkt_len);
	p[SSTP_HEADER_LEN] = 0xff;
	p[SSTP_HEADER_LEN + 1] = 0x03;
	return true;
}

struct rte_mbuf *
sstp_control(struct lcore *lc, uint16_t type)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);
	if (!m) {
		lc->stats.drops[DROP_NO_MBUF]++;
		return NULL;
	}
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	m->data_len = SSTP_CONTROL_MIN;
	m->pkt_len = SSTP_CONTROL_MIN;
	memset(p, 0, SSTP_CONTROL_MIN);
	sstp_header_put(p, true, SSTP_CONTROL_MIN);
	put_be16(p + SSTP_HEADER_LEN, type);
	return m;
}
