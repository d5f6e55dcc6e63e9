#include "packet.h"

#include <stdlib.h>
#include <string.h>

#include <millrace/bytes.h>

#include "dut.h"
#include "seq.h"

static const char letters[] = "FSRP.UEW";

void
peer_renew(struct peer *p, uint32_t isn)
{
	p->isn = isn;
	p->next = p->dut_next = 0;
	p->seen = false;
}

static uint32_t
number(const char *word)
{
	return word ? (uint32_t)strtoll(word, NULL, 0) : 0;
}

static void
parse_sack(struct wanted *w, const char *word)
{
	char *dash;
	if (!word || w->n_sacks == 4)
		return;
	w->sack[w->n_sacks].start = (uint32_t)strtoll(word, &dash, 0);
	w->sack[w->n_sacks++].end = *dash ? (uint32_t)strtoll(dash + 1, NULL, 0) : 0;
}

static void
parse_raw(struct wanted *w, const char *hex)
{
	unsigned octet;
	for (; hex && w->raw_len < sizeof w->raw && sscanf(hex, "%2x", &octet) == 1; hex += 2)
		w->raw[w->raw_len++] = (uint8_t)octet;
}

const char *
packet_parse(char *words, const struct peer *p, struct wanted *w)
{
	char *word = strtok(words, " ");
	(void)p;
	*w = (struct wanted){.times = 1};
	for (const char *c = word; c && *c; c++) {
		const char *at = strchr(letters, *c);
		if (!at && *c != '-')
			return word;
		w->flags |= at ? (uint8_t)(1 << (at - letters)) : 0;
	}
	struct {
		const char *name;
		bool *has;
		uint32_t *value;
	} fields[] = {
		{"seq", &w->has_seq, &w->seq}, {"ack", &w->has_ack, &w->ack}, {"len", &w->has_len, &w->len},
		{"win", &w->has_win, &w->win}, {"mss", &w->has_mss, &w->mss}, {"ws", &w->has_ws, &w->ws},
		{"ecn", &w->has_ecn, &w->ecn},
	};
	while ((word = strtok(NULL, " "))) {
		bool known = false;
		for (unsigned i = 0; i < sizeof fields / sizeof *fields; i++)
			if (!strcmp(word, fields[i].name)) {
				*fields[i].has = known = true;
				*fields[i].value = number(strtok(NULL, " "));
			}
		if (known)
			continue;
		if (!strcmp(word, "sackok"))
			w->sack_ok = true;
		else if (!strcmp(word, "ts"))
			w->has_ts = true;
		else if (!strcmp(word, "nots"))
			w->no_ts = true;
		else if (!strcmp(word, "older"))
			w->ts_shift = -(int32_t)number(strtok(NULL, " "));
		else if (!strcmp(word, "newer"))
			w->ts_shift = (int32_t)number(strtok(NULL, " "));
		else if (!strcmp(word, "echo"))
			w->ts_late = number(strtok(NULL, " "));
		else if (!strcmp(word, "sack"))
			parse_sack(w, strtok(NULL, " "));
		else if (!strcmp(word, "nosack"))
			w->no_sack = true;
		else if (!strcmp(word, "raw"))
			parse_raw(w, strtok(NULL, " "));
		else if (!strcmp(word, "flip"))
			w->flip = true;
		else if (!strcmp(word, "badsum"))
			w->bad_sum = true;
		else if (!strcmp(word, "times"))
			w->times = number(strtok(NULL, " "));
		else if (!strcmp(word, "within"))
			w->until_ms = number(strtok(NULL, " "));
		else if (!strcmp(word, "after"))
			w->from_ms = number(strtok(NULL, " "));
		else
			return word;
	}
	return NULL;
}

/* --- out */

static uint16_t
sum16(const uint8_t *p, unsigned n, uint32_t sum)
{
	for (unsigned i = 0; i + 1 < n; i += 2)
		sum += be16(p + i);
	if (n & 1)
		sum += (uint32_t)p[n - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint16_t
tcp_checksum(const struct peer *p, const uint8_t *tcp, unsigned n)
{
	struct addr a = dut_addr(p->v6, false), b = dut_addr(p->v6, true);
	unsigned skip = p->v6 ? 0 : 12;
	uint32_t sum = sum16(a.b + skip, 16 - skip, 0) + sum16(b.b + skip, 16 - skip, 0) + n + 6u;
	return (uint16_t)~sum16(tcp, n, sum);
}

static unsigned
build_ip(uint8_t *ip, const struct peer *p, unsigned len, uint8_t ecn)
{
	struct addr a = dut_addr(p->v6, true), b = dut_addr(p->v6, false);
	if (p->v6) {
		memset(ip, 0, 40);
		ip[0] = 0x60;
		ip[1] = (uint8_t)(ecn << 4);
		put_be16(ip + 4, (uint16_t)len);
		ip[6] = 6;
		ip[7] = 64;
		memcpy(ip + 8, a.b, 16);
		memcpy(ip + 24, b.b, 16);
		return 40;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = ecn;
	put_be16(ip + 2, (uint16_t)(20 + len));
	ip[6] = 0x40;
	ip[8] = 64;
	ip[9] = 6;
	memcpy(ip + 12, a.b + 12, 4);
	memcpy(ip + 16, b.b + 12, 4);
	put_be16(ip + 10, (uint16_t)~sum16(ip, 20, 0));
	return 20;
}

static unsigned
build_options(uint8_t *o, const struct peer *p, const struct wanted *w, uint32_t ms)
{
	struct tcp_options_out out = {
		.mss = w->has_mss, .mss_value = (uint16_t)w->mss, .ws = w->has_ws, .ws_value = (uint8_t)w->ws};
	out.sack_ok = w->sack_ok;
	out.ts = !w->no_ts && (w->has_ts || (p->ts && !(w->flags & (TCP_F_SYN | TCP_F_RST))));
	out.tsval = ms + p->ts_offset + (uint32_t)w->ts_shift;
	out.tsecr = w->flags & TCP_F_ACK ? p->ts_echo - w->ts_late : 0;
	for (unsigned i = 0; i < w->n_sacks; i++)
		out.sack[out.n_sacks++] =
			(struct tcp_block){p->dut_iss + w->sack[i].start, p->dut_iss + w->sack[i].end};
	if (w->raw_len) {
		unsigned n = (w->raw_len + 3) & ~3u;
		memset(o, 0, n);
		memcpy(o, w->raw, w->raw_len);
		return n;
	}
	tcp_options_build(o, &out);
	return tcp_options_len(&out);
}

unsigned
packet_build(uint8_t *ip, struct peer *p, const struct wanted *w, uint32_t ms)
{
	uint8_t tcp[2000];
	unsigned hdr = 20 + build_options(tcp + 20, p, w, ms), n = hdr + w->len;
	uint32_t seq = w->has_seq ? w->seq : p->next;
	put_be16(tcp, p->port);
	put_be16(tcp + 2, DUT_PORT);
	put_be32(tcp + 4, p->isn + seq);
	put_be32(tcp + 8, w->flags & TCP_F_ACK ? p->dut_iss + (w->has_ack ? w->ack : p->dut_next) : 0);
	tcp[12] = (uint8_t)(hdr / 4 << 4);
	tcp[13] = w->flags;
	put_be16(tcp + 14, (uint16_t)(w->has_win ? w->win : p->window));
	put_be32(tcp + 16, 0);
	for (unsigned i = 0; i < w->len; i++)
		tcp[hdr + i] = (uint8_t)(dut_octet(false, seq - 1 + i) ^ (w->flip ? 0xff : 0));
	put_be16(tcp + 16, (uint16_t)(tcp_checksum(p, tcp, n) ^ w->bad_sum));
	uint32_t end = seq + w->len + ((w->flags & (TCP_F_SYN | TCP_F_FIN)) != 0);
	if (!w->has_seq && !(w->flags & TCP_F_RST))
		p->next = end;
	unsigned l3 = build_ip(ip, p, n, (uint8_t)w->ecn);
	memcpy(ip + l3, tcp, n);
	return l3 + n;
}

/* --- in */

/* remember: what a real peer would. */
static void
remember(struct peer *p, const struct tcp_header *h, uint32_t len)
{
	if (h->flags & TCP_F_SYN && !(h->flags & TCP_F_RST)) {
		p->dut_iss = h->seq;
		p->seen = true;
		p->dut_next = 1;
	}
	if (h->opt.has_ts)
		p->ts_echo = h->opt.tsval;
	uint32_t seq = h->seq - p->dut_iss;
	if (p->seen && seq_leq(seq, p->dut_next) && !(h->flags & (TCP_F_SYN | TCP_F_RST)) &&
	    seq_gt(seq + len + (h->flags & TCP_F_FIN), p->dut_next))
		p->dut_next = seq + len + (h->flags & TCP_F_FIN);
}

static const char *
compare_options(const struct peer *p, const struct tcp_header *h, const struct wanted *w)
{
	const struct tcp_options *o = &h->opt;
	if (w->has_mss && (!o->has_mss || o->mss != w->mss))
		return "MSS";
	if (w->has_ws && (!o->has_ws || (w->ws && o->ws != w->ws)))
		return "window scale";
	if (w->sack_ok && !o->sack_ok)
		return "SACK permitted";
	if (w->has_ts && !o->has_ts)
		return "time stamp, missing,";
	if (w->no_ts && o->has_ts)
		return "time stamp, present,";
	if (w->no_sack && (o->n_sacks || o->sack_ok))
		return "SACK, present,";
	for (unsigned i = 0; i < w->n_sacks; i++)
		if (i >= o->n_sacks || o->sack[i].start != p->isn + w->sack[i].start ||
		    o->sack[i].end != p->isn + w->sack[i].end)
			return "SACK";
	return NULL;
}

const char *
packet_compare(const uint8_t *ip, unsigned n, struct peer *p, const struct wanted *w)
{
	unsigned l3 = p->v6 ? 40 : 20;
	struct tcp_header h;
	if (n < l3 + 20 || tcp_parse(ip + l3, n - l3, n - l3, &h) != DROP_NONE)
		return "the header";
	if (tcp_checksum(p, ip + l3, n - l3))
		return "the checksum";
	uint32_t len = n - l3 - h.hdr_len;
	remember(p, &h, len);
	if (!w->times)
		return NULL;
	if ((h.flags ^ w->flags) & (uint8_t)~TCP_F_PSH)
		return "flags";
	if (w->has_seq && h.seq != p->dut_iss + w->seq)
		return "seq";
	uint32_t ack = w->has_ack ? w->ack : p->next;
	if (w->flags & TCP_F_ACK && (w->has_ack || !(w->flags & TCP_F_RST)) && h.ack != p->isn + ack)
		return "ack";
	if (w->has_len ? len != w->len : len != 0)
		return "len";
	if (w->has_win && h.wnd != w->win)
		return "win";
	if (w->has_ecn && (p->v6 ? ip[1] >> 4 & 3 : ip[1] & 3u) != w->ecn)
		return "ECN";
	for (uint32_t i = 0; i < len; i++)
		if (ip[l3 + h.hdr_len + i] != dut_octet(true, h.seq - p->dut_iss - 1 + i))
			return "payload";
	return compare_options(p, &h, w);
}

void
packet_print(FILE *f, const char *head, const uint8_t *ip, unsigned n, const struct peer *p)
{
	unsigned l3 = ip[0] >> 4 == 4 ? 20 : 40;
	struct tcp_header h;
	if (tcp_parse(ip + l3, n - l3, n - l3, &h) != DROP_NONE) {
		fprintf(f, "%s %u octets\n", head, n);
		return;
	}
	bool ours = h.src_port == p->port;
	fprintf(f, "%s ", head);
	for (unsigned i = 0; i < 8; i++)
		if (h.flags & 1 << i)
			fputc(letters[i], f);
	fprintf(f, " seq %u len %u ack %u win %u", h.seq - (ours ? p->isn : p->dut_iss), n - l3 - h.hdr_len,
		h.ack - (ours ? p->dut_iss : p->isn), h.wnd);
	for (unsigned i = 0; i < h.opt.n_sacks; i++)
		fprintf(f, " sack %u-%u", h.opt.sack[i].start - (ours ? p->dut_iss : p->isn),
			h.opt.sack[i].end - (ours ? p->dut_iss : p->isn));
	if (h.opt.has_ts)
		fprintf(f, " ts %u %u", h.opt.tsval, h.opt.tsecr);
	fputc('\n', f);
}
