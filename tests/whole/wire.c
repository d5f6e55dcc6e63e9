#include "wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <rte_ether.h>

#include "frame_build.h"

#define ETH_HDR 14
#define IP_HDR 20
#define UDP_HDR 8
#define L2TP_T 0x8000
#define L2TP_L 0x4000
#define L2TP_S 0x0800
#define ARP_LEN 28

static void
mac_of(uint32_t ip4, uint8_t mac[6])
{
	put_be16(mac, 0x0200);
	put_be32(mac + 2, ip4);
}

static struct rte_mbuf *
buffer(struct lcore *lc, const struct frame *f)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(lc->pool);
	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)frame_len(f)), f->p, frame_len(f));
	return m;
}

struct rte_mbuf *
wire_frame(struct lcore *lc, unsigned iface, const struct fake_packet *p)
{
	static struct frame f;
	struct frame_ip4 ip = {.src = addr_ip4(&p->path.local), .dst = addr_ip4(&p->path.peer), .proto = 17, .ttl = 64};
	uint8_t mac[6];
	mac_of(ip.src, mac);
	frame_bytes(&f, p->bytes, (unsigned)p->len);
	if (!p->control) {
		frame_16(frame_push(&f, 2), 0xff03);
		frame_l2tp(&f, (struct frame_l2tp){.tid = p->tid, .sid = p->sid});
	}
	frame_udp(&f, p->path.local_port, p->path.peer_port);
	frame_ip4(&f, ip);
	frame_eth(&f, lc->ifaces[iface].mac.addr_bytes, mac, 0, RTE_ETHER_TYPE_IPV4);
	return buffer(lc, &f);
}

static uint16_t
eth_type(const struct rte_mbuf *m)
{
	assert_int_equal(m->nb_segs, 1);
	return be16(rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_HDR - 2));
}

bool
wire_packet(const struct rte_mbuf *m, struct fake_packet *p)
{
	const uint8_t *ip = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_HDR), *udp = ip + IP_HDR;
	const uint8_t *l2tp = udp + UDP_HDR, *at = l2tp;
	if (eth_type(m) != RTE_ETHER_TYPE_IPV4 || ip[9] != 17)
		return false;
	uint16_t flags = be16(l2tp);
	*p = (struct fake_packet){.control = flags & L2TP_T};
	p->path = (struct l2tp_path){addr_from_ip4(be32(ip + 12)), addr_from_ip4(be32(ip + 16)), be16(udp),
				     be16(udp + 2)};
	at += flags & L2TP_L ? 4 : 2;
	p->tid = be16(at);
	p->sid = be16(at + 2);
	at += flags & L2TP_S ? 8 : 4;
	if (p->control)
		at = l2tp;
	else if (be16(at) == 0xff03)
		at += 2;
	p->len = (size_t)(ip + be16(ip + 2) - at);
	assert_true(p->len <= sizeof p->bytes);
	memcpy(p->bytes, at, p->len);
	return true;
}

struct rte_mbuf *
wire_arp_answer(struct lcore *lc, const struct rte_mbuf *m)
{
	static struct frame f;
	const uint8_t *arp = rte_pktmbuf_mtod_offset(m, const uint8_t *, ETH_HDR);
	uint8_t reply[ARP_LEN], mac[6];
	if (eth_type(m) != RTE_ETHER_TYPE_ARP || be16(arp + 6) != 1)
		return NULL;
	mac_of(be32(arp + 24), mac);
	memcpy(reply, arp, sizeof reply);
	put_be16(reply + 6, 2);
	memcpy(reply + 8, mac, sizeof mac);
	memcpy(reply + 14, arp + 24, 4);
	memcpy(reply + 18, arp + 8, 10);
	frame_bytes(&f, reply, sizeof reply);
	frame_eth(&f, arp + 8, mac, 0, RTE_ETHER_TYPE_ARP);
	return buffer(lc, &f);
}
