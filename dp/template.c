#include "template.h"

#include <errno.h>

#include <rte_hash_crc.h>

#include <millrace/bytes.h>

#include "gre.h"
#include "ip4.h"
#include "ip6.h"
#include "l2tp_data.h"
#include "mppe.h"
#include "ppp_data.h"
#include "udp.h"

#define TUNNEL_TTL 64

static void template_ip4(uint8_t *ip, uint8_t proto, const struct dp_session_open *o);
static void template_ip6(uint8_t *ip, const struct dp_session_open *o);
static int template_pptp(struct dp_session *s, const struct dp_session_open *o) ON_LCORE;
static void template_fill(struct dp_session *s, const uint8_t *front, unsigned front_len) ON_LCORE;
static int template_open_queued(struct dp_session *s, const struct dp_session_open *o) ON_LCORE;
static unsigned template_ppp(uint8_t *p, uint8_t protocol, bool acfc, bool pfc);

int
template_open(struct dp_session *s, const struct dp_session_open *o)
{
	unsigned ids_at = o->l2tp_length ? 4 : 2, l2tp_len = ids_at + 4;
	bool numbered = o->l2tp_seq & DP_L2TP_SEQ_ON;
	uint8_t ppp[PPP_HDR_MAX];

	bool six = !addr_is_v4(&o->peer);
	if (o->bearer == DP_BEARER_SSTP)
		return template_open_queued(s, o);
	if (addr_is_v4(&o->local) == six || (six && o->bearer != DP_BEARER_L2TP))
		return -EAFNOSUPPORT;
	if (o->bearer == DP_BEARER_PPTP)
		return template_pptp(s, o);
	if (o->bearer != DP_BEARER_L2TP)
		return -EAFNOSUPPORT;
	s->peer = o->peer;
	s->ip6 = six;
	s->udp_checksum = six && !o->udp6_zero_checksum;
	s->our_tid = o->our_tid;
	s->our_sid = o->our_sid;
	s->nh = o->nh;
	s->l2tp_length = o->l2tp_length;
	s->peer_port = o->peer_port;
	s->l2tp_seq = o->l2tp_seq;
	s->l2tp_numbered = numbered;
	if (numbered)
		l2tp_len += 4;
	s->ppp_len = (uint8_t)template_ppp(ppp, PPP_IP4, false, false);
	s->template_len = (uint8_t)(template_ip_len(s) + UDP_HDR_LEN + l2tp_len + s->ppp_len);

	memset(s->template, 0, sizeof s->template);
	uint8_t *ip = s->template + SESSION_TEMPLATE_MAX - s->template_len, *udp = ip + template_ip_len(s);
	if (six)
		template_ip6(ip, o);
	else
		template_ip4(ip, IP4_PROTO_UDP, o);
	put_be16(udp, o->local_port);
	put_be16(udp + 2, o->peer_port);
	uint8_t *l2tp = udp + UDP_HDR_LEN;
	put_be16(l2tp, L2TP_VER | (o->l2tp_length ? L2TP_L : 0) | (numbered ? L2TP_S : 0));
	put_be16(l2tp + ids_at, o->peer_tid);
	put_be16(l2tp + ids_at + 2, o->peer_sid);
	memcpy(l2tp + l2tp_len, ppp, s->ppp_len);
	return 0;
}

static void
template_ip4(uint8_t *ip, uint8_t proto, const struct dp_session_open *o)
{
	ip[0] = 0x45;
	ip[8] = TUNNEL_TTL;
	ip[9] = proto;
	put_be32(ip + 12, addr_ip4(&o->local));
	put_be32(ip + 16, addr_ip4(&o->peer));
	ip4_set_checksum(ip);
}

/* The flow label of a tunnel is a hash of its ends, so that it keeps to one of several equal paths (RFC 6437 3, RFC 6438). */
static void
template_ip6(uint8_t *ip, const struct dp_session_open *o)
{
	ip[6] = IP4_PROTO_UDP;
	ip[7] = TUNNEL_TTL;
	memcpy(ip + 8, o->local.b, 16);
	memcpy(ip + 24, o->peer.b, 16);
	uint64_t ends[4]; /* aligned, as the hash reads words */
	memcpy(ends, ip + 8, sizeof ends);
	uint32_t hash = rte_hash_crc(ends, sizeof ends, (uint32_t)o->local_port << 16 | o->peer_port);
	put_be32(ip, 6u << 28 | (hash & 0xfffff));
	uint16_t sum = o->udp6_zero_checksum ? 0 : udp6_pseudo_sum(ip, 0);
	memcpy(ip + IP6_HDR_LEN + 6, &sum, 2);
}

/* Without an acknowledgment number: there is nothing to acknowledge yet. */
static int
template_pptp(struct dp_session *s, const struct dp_session_open *o)
{
	uint8_t front[IP4_HDR_LEN + GRE_HDR_LEN] = {0};

	s->peer = o->peer;
	s->our_sid = o->our_sid;
	s->nh = o->nh;
	s->gre = 1;
	template_ip4(front, IP4_PROTO_GRE, o);
	unsigned len = IP4_HDR_LEN + gre_build(front + IP4_HDR_LEN, o->peer_sid, false);
	template_fill(s, front, len);
	return 0;
}

void
template_gre_ack(struct dp_session *s, uint32_t ack)
{
	uint8_t front[SESSION_TEMPLATE_MAX];
	unsigned len = s->template_len - s->ppp_len;

	if (unlikely(!s->gre_acks)) {
		memcpy(front, s->template + SESSION_TEMPLATE_MAX - s->template_len, len);
		len = IP4_HDR_LEN + gre_build(front + IP4_HDR_LEN, be16(front + IP4_HDR_LEN + 6), true);
		s->gre_acks = 1;
		template_fill(s, front, len);
	}
	put_be32(s->template + SESSION_TEMPLATE_MAX - s->ppp_len - 4, ack);
}

/* template_fill: the tunnel's headers, and the PPP header as the link has it, to the end of the template. */
static void
template_fill(struct dp_session *s, const uint8_t *front, unsigned front_len)
{
	uint8_t ppp[PPP_HDR_MAX];

	s->ppp_len = (uint8_t)template_ppp(ppp, s->mppe_down ? PPP_MPPE : PPP_IP4, s->acfc, s->pfc);
	s->template_len = (uint8_t)(front_len + s->ppp_len);
	memset(s->template, 0, sizeof s->template);
	memcpy(s->template + SESSION_TEMPLATE_MAX - s->ppp_len, ppp, s->ppp_len);
	memcpy(s->template + SESSION_TEMPLATE_MAX - s->template_len, front, front_len);
}

/* template_open_queued: the PPP header alone: TCP and TLS are made when a packet leaves its queue (conn_down.c). */
static int
template_open_queued(struct dp_session *s, const struct dp_session_open *o) ON_LCORE
{
	s->peer = o->peer;
	s->peer_port = o->peer_port;
	s->queued = 1;
	s->gates_more = DP_GATE_SSTP_BOUND;
	s->ppp_len = (uint8_t)template_ppp(s->template, PPP_IP4, false, false);
	s->template_len = s->ppp_len;
	template_link(s, false, false);
	return 0;
}

void
template_port(struct dp_session *s, uint16_t peer_port)
{
	s->peer_port = peer_port;
	put_be16(s->template + SESSION_TEMPLATE_MAX - s->template_len + template_ip_len(s) + 2, peer_port);
}

void
template_link(struct dp_session *s, bool acfc, bool pfc)
{
	uint8_t front[SESSION_TEMPLATE_MAX];
	unsigned front_len = s->template_len - s->ppp_len;

	memcpy(front, s->template + SESSION_TEMPLATE_MAX - s->template_len, front_len);
	s->acfc = acfc;
	s->pfc = pfc;
	template_fill(s, front, front_len);
}

static unsigned
template_ppp(uint8_t *p, uint8_t protocol, bool acfc, bool pfc)
{
	unsigned n = 0;

	if (!acfc) {
		p[n++] = 0xff;
		p[n++] = 0x03;
	}
	if (!pfc)
		p[n++] = 0;
	p[n++] = protocol;
	return n;
}
