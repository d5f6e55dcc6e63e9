#include "opt.h"

#include <string.h>

#include <millrace/bytes.h>

static void options_parse(struct rd *r, struct tcp_options *o);
static void option_parse(uint8_t kind, struct rd *body, struct tcp_options *o);
static void sack_parse(struct rd *body, struct tcp_options *o);

enum drop
tcp_parse(const uint8_t *p, size_t here, size_t len, struct tcp_header *h)
{
	if (here < TCP_HDR_LEN || len < here)
		return DROP_TCP_SHORT;
	h->src_port = be16(p);
	h->dst_port = be16(p + 2);
	h->seq = be32(p + 4);
	h->ack = be32(p + 8);
	h->hdr_len = (uint8_t)(p[12] >> 4) * 4;
	h->flags = p[13];
	h->wnd = be16(p + 14);
	if (h->hdr_len < TCP_HDR_LEN || h->hdr_len > here)
		return DROP_TCP_OFFSET;
	/* RFC 9293 3.5: neither a beginning nor an end, or both at once. */
	if (!(h->flags & (TCP_F_SYN | TCP_F_RST | TCP_F_ACK)) ||
	    ((h->flags & TCP_F_SYN) && (h->flags & (TCP_F_FIN | TCP_F_RST))))
		return DROP_TCP_FLAGS;
	struct rd r = rd_init(p + TCP_HDR_LEN, h->hdr_len - TCP_HDR_LEN);
	h->opt = (struct tcp_options){0};
	options_parse(&r, &h->opt);
	return DROP_NONE;
}

/* Each turn takes an octet at least. */
static void
options_parse(struct rd *r, struct tcp_options *o)
{
	while (rd_left(r)) {
		uint8_t kind = rd_u8(r);
		if (kind == TCP_OPT_EOL)
			return;
		if (kind == TCP_OPT_NOP)
			continue;
		uint8_t len = rd_u8(r);
		if (r->bad || len < 2)
			return;
		struct rd body = rd_sub(r, len - 2u);
		if (body.bad)
			return;
		option_parse(kind, &body, o);
	}
}

static void
option_parse(uint8_t kind, struct rd *body, struct tcp_options *o)
{
	size_t len = rd_left(body);
	if (kind == TCP_OPT_MSS && len == 2 && !o->has_mss) {
		o->has_mss = true;
		o->mss = rd_be16(body);
	} else if (kind == TCP_OPT_WS && len == 1 && !o->has_ws) {
		/* RFC 7323 2.3 MUST: more than 14 is taken for 14. */
		uint8_t ws = rd_u8(body);
		o->has_ws = true;
		o->ws = ws > TCP_MAX_WS ? TCP_MAX_WS : ws;
	} else if (kind == TCP_OPT_SACK_OK && len == 0) {
		o->sack_ok = true;
	} else if (kind == TCP_OPT_TS && len == 8 && !o->has_ts) {
		o->has_ts = true;
		o->tsval = rd_be32(body);
		o->tsecr = rd_be32(body);
	} else if (kind == TCP_OPT_SACK && !o->n_sacks) {
		sack_parse(body, o);
	}
}

static void
sack_parse(struct rd *body, struct tcp_options *o)
{
	if (rd_left(body) % 8)
		return;
	while (rd_left(body) && o->n_sacks < TCP_SACKS) {
		struct tcp_block *b = &o->sack[o->n_sacks++];
		b->start = rd_be32(body);
		b->end = rd_be32(body);
	}
}

unsigned
tcp_options_len_all(const struct tcp_options_out *o)
{
	unsigned n = o->mss ? 4 : 0;
	n += o->ws ? 4 : 0;
	n += o->ts ? 12 : o->sack_ok ? 4 : 0; /* beside time stamps "SACK permitted" takes the place of two NOPs */
	return n + (o->n_sacks ? 4 + o->n_sacks * 8u : 0);
}

static void
stamp_alone(uint8_t *p, const struct tcp_options_out *o)
{
	put_be32(p, (uint32_t)TCP_OPT_NOP << 24 | TCP_OPT_NOP << 16 | TCP_OPT_TS << 8 | 10);
	put_be32(p + 4, o->tsval);
	put_be32(p + 8, o->tsecr);
}

void
tcp_options_build(uint8_t *p, const struct tcp_options_out *o)
{
	if (likely(tcp_options_stamp(o))) {
		stamp_alone(p, o);
		return;
	}
	struct wr w = wr_init(p, tcp_options_len(o));
	if (o->mss) {
		wr_be16(&w, TCP_OPT_MSS << 8 | 4);
		wr_be16(&w, o->mss_value);
	}
	if (o->sack_ok)
		wr_be16(&w, TCP_OPT_SACK_OK << 8 | 2);
	else if (o->ts)
		wr_be16(&w, TCP_OPT_NOP << 8 | TCP_OPT_NOP);
	if (o->ts) {
		wr_be16(&w, TCP_OPT_TS << 8 | 10);
		wr_be32(&w, o->tsval);
		wr_be32(&w, o->tsecr);
	} else if (o->sack_ok) {
		wr_be16(&w, TCP_OPT_NOP << 8 | TCP_OPT_NOP);
	}
	if (o->ws) {
		wr_be16(&w, TCP_OPT_NOP << 8 | TCP_OPT_WS);
		wr_be16(&w, (uint16_t)(3 << 8 | o->ws_value));
	}
	if (!o->n_sacks)
		return;
	wr_be16(&w, TCP_OPT_NOP << 8 | TCP_OPT_NOP);
	wr_be16(&w, (uint16_t)(TCP_OPT_SACK << 8 | (2 + o->n_sacks * 8)));
	for (unsigned i = 0; i < o->n_sacks; i++) {
		wr_be32(&w, o->sack[i].start);
		wr_be32(&w, o->sack[i].end);
	}
}
