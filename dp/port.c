/* init-only file */
#include "port.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_devargs.h>
#include <rte_errno.h>

#include <dp/placement.h>

#include "eal.h"

#define DESCS 1024
#define MTU 1500
#define RSS_TYPES (RTE_ETH_RSS_IP | RTE_ETH_RSS_NONFRAG_IPV4_TCP | RTE_ETH_RSS_NONFRAG_IPV6_TCP)
#define RSS_KEY_MAX 64
#define RSS_TABLE_MAX 2048
#define GROUPS_MAX (DP_MAX_IFACES * (DP_MAX_IFACE_ADDRS + 1) + 1)

/* Where an attempt to start a port stopped, for the sentence. */
struct attempt {
	struct port *p;
	const struct dp_start *s;
	unsigned index;
	struct rte_mempool *const *pools;
	struct rte_eth_dev_info info;
	const char *what;
};

static int probe(struct attempt *a);
static int find(const char *device, uint16_t *id);
static int configure(struct attempt *a);
static void choose_rss(struct rte_eth_rss_conf *rss, const struct rte_eth_dev_info *info);
static void choose_offloads(struct port *p, const struct rte_eth_dev_info *info, bool vlans);
static int queues(struct attempt *a);
static int set_mtu(struct attempt *a);
static int run(struct attempt *a);
static void spread(const struct attempt *a);
static int hear_groups(struct attempt *a);
static unsigned add_group(struct rte_ether_addr *groups, unsigned n, struct addr group);
static bool has_vlans(const struct dp_start *s, unsigned port);
static bool has_driver(const char *device);
static void drivers(char *out, size_t len);

void
port_plan(struct port *p, const struct dp_start *s, unsigned index)
{
	const struct dp_port_start *ps = &s->ports[index];
	*p = (struct port){.mtu = MTU};
	snprintf(p->name, sizeof p->name, "%s", ps->name);
	snprintf(p->device, sizeof p->device, "%s", ps->device);
	p->rx_descs = ps->rx_descs ? ps->rx_descs : s->limits.rx_descs ? s->limits.rx_descs : DESCS;
	p->tx_descs = ps->tx_descs ? ps->tx_descs : s->limits.tx_descs ? s->limits.tx_descs : DESCS;
	for (unsigned i = 0; i < s->n_ifaces; i++)
		if (s->ifaces[i].port == index && s->ifaces[i].mtu > p->mtu)
			p->mtu = s->ifaces[i].mtu;
}

int
port_start(struct port *p, const struct dp_start *s, unsigned index, struct rte_mempool *const *pools,
	   struct eal_log *log)
{
	static int (*const steps[])(struct attempt *) = {probe, configure, queues, set_mtu, run};
	struct attempt a = {.p = p, .s = s, .index = index, .pools = pools};
	int e = 0;
	for (unsigned i = 0; i < sizeof steps / sizeof *steps && !e; i++) {
		eal_log_mark(log);
		e = steps[i](&a);
	}
	if (!e)
		return 0;
	/* What the driver said is nearer to the cause than its error number, which is often just -1. */
	char said[384];
	eal_log_first(log, said, sizeof said);
	if (e == -EPROTONOSUPPORT)
		drivers(said, sizeof said);
	bool plain = said[0] || e == -EEXIST;
	snprintf(log->sentence, sizeof log->sentence, "port %s: device %s: %s%s%s", p->name, p->device, a.what,
		 said[0] || e != -EEXIST ? ": " : "", plain ? said : strerror(-e));
	return e;
}

/* probe: makes the device known to ethdev.  An address that EAL has probed already, being allowed, is only found. */
static int
probe(struct attempt *a)
{
	const char *device = a->p->device;
	a->what = "cannot be opened";
	if (!port_is_pci(device, NULL) && !has_driver(device))
		return -EPROTONOSUPPORT;
	int e = find(device, &a->p->id) < 0 ? rte_dev_probe(device) : 0;
	if (e < 0)
		return e;
	if (find(device, &a->p->id) < 0)
		return -ENODEV;
	for (struct port *other = a->p - a->index; other < a->p; other++)
		if (other->id == a->p->id) {
			a->what = "another port has it";
			return -EEXIST;
		}
	a->p->probed = true;
	return 0;
}

static int
find(const char *device, uint16_t *id)
{
	char name[RTE_ETH_NAME_MAX_LEN];
	if (!port_is_pci(device, name))
		snprintf(name, sizeof name, "%.*s", (int)strcspn(device, ","), device);
	return rte_eth_dev_get_port_by_name(name, id);
}

static int
configure(struct attempt *a)
{
	struct port *p = a->p;
	unsigned n = a->s->n_workers;
	a->what = "cannot be configured";
	int e = rte_eth_dev_info_get(p->id, &a->info);
	if (e < 0)
		return e;
	snprintf(p->driver, sizeof p->driver, "%s", a->info.driver_name);
	if (a->info.max_tx_queues < n) {
		a->what = "has fewer transmit queues than there are workers";
		return -ENOSPC;
	}
	p->n_rx_queues = (uint16_t)(a->info.max_rx_queues >= n ? n : 1);
	if (!a->s->ports[a->index].no_offload)
		choose_offloads(p, &a->info, has_vlans(a->s, a->index));
	struct rte_eth_conf conf = {0};
	if (p->tx_ip4_checksum)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	if (p->tx_udp_checksum)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_UDP_CKSUM;
	if (p->tx_tcp_checksum)
		conf.txmode.offloads |= RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	conf.txmode.offloads |= a->info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
	if (p->rx_ip4_checksum)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	conf.rxmode.offloads |= p->rx_ip4_checksum ? a->info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_UDP_CKSUM : 0;
	if (p->vlan_strip)
		conf.rxmode.offloads |= RTE_ETH_RX_OFFLOAD_VLAN_STRIP;
	if (p->n_rx_queues > 1 && (a->info.flow_type_rss_offloads & RTE_ETH_RSS_IP)) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		choose_rss(&conf.rx_adv_conf.rss_conf, &a->info);
	}
	return rte_eth_dev_configure(p->id, p->n_rx_queues, (uint16_t)n, &conf);
}

/* choose_rss: the device's queues are to be placement.h's cores: addresses, of TCP ports too, and its key; a device with a
 * longer one uses no more of it for these. */
static void
choose_rss(struct rte_eth_rss_conf *rss, const struct rte_eth_dev_info *info)
{
	static uint8_t key[RSS_KEY_MAX];
	rss->rss_hf = info->flow_type_rss_offloads & RSS_TYPES;
	if (info->hash_key_size < PLACEMENT_KEY_LEN || info->hash_key_size > RSS_KEY_MAX)
		return;
	memcpy(key, placement_key, PLACEMENT_KEY_LEN);
	rss->rss_key = key;
	rss->rss_key_len = info->hash_key_size;
}

static void
choose_offloads(struct port *p, const struct rte_eth_dev_info *info, bool vlans)
{
	p->tx_ip4_checksum = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
	p->tx_udp_checksum = p->tx_ip4_checksum && (info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
	p->tx_tcp_checksum = info->tx_offload_capa & RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	p->rx_ip4_checksum = info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_IPV4_CKSUM;
	p->vlan_strip = vlans && (info->rx_offload_capa & RTE_ETH_RX_OFFLOAD_VLAN_STRIP);
}

static int
queues(struct attempt *a)
{
	struct port *p = a->p;
	a->what = "queues cannot be set up";
	int e = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &p->rx_descs, &p->tx_descs);
	for (uint16_t q = 0; q < p->n_rx_queues && !e; q++)
		e = rte_eth_rx_queue_setup(p->id, q, p->rx_descs, (unsigned)rte_eth_dev_socket_id(p->id), NULL,
					   a->pools[q]);
	for (uint16_t q = 0; q < a->s->n_workers && !e; q++)
		e = rte_eth_tx_queue_setup(p->id, q, p->tx_descs, (unsigned)rte_eth_dev_socket_id(p->id), NULL);
	return e;
}

/* set_mtu: a device that cannot be told takes what it takes: enough, unless more than the usual is wanted. */
static int
set_mtu(struct attempt *a)
{
	uint16_t mtu;
	a->what = "MTU cannot be set";
	if (rte_eth_dev_get_mtu(a->p->id, &mtu) == 0 && mtu == a->p->mtu)
		return 0;
	int e = rte_eth_dev_set_mtu(a->p->id, a->p->mtu);
	return e == -ENOTSUP && a->p->mtu <= MTU ? 0 : e;
}

static int
run(struct attempt *a)
{
	struct port *p = a->p;
	a->what = "cannot be started";
	int e = rte_eth_dev_start(p->id);
	if (e < 0)
		return e;
	p->started = true;
	spread(a);
	a->what = "has no MAC address";
	e = rte_eth_macaddr_get(p->id, &p->mac);
	if (e < 0)
		return e;
	e = hear_groups(a);
	if (e < 0 || !a->s->ports[a->index].promiscuous)
		return e;
	a->what = "promiscuous mode";
	return rte_eth_promiscuous_enable(p->id);
}

/* spread: the table of queues is to be placement.h's; a device that does not take it spreads as it likes, and stage PLACE
 * finds the core. */
static void
spread(const struct attempt *a)
{
	struct rte_eth_rss_reta_entry64 table[RSS_TABLE_MAX / RTE_ETH_RETA_GROUP_SIZE];
	unsigned n = a->info.reta_size;
	if (a->p->n_rx_queues < 2 || !n || n > RSS_TABLE_MAX || n % RTE_ETH_RETA_GROUP_SIZE)
		return;
	for (unsigned i = 0; i < n; i++) {
		struct rte_eth_rss_reta_entry64 *group = &table[i / RTE_ETH_RETA_GROUP_SIZE];
		group->mask = UINT64_MAX;
		group->reta[i % RTE_ETH_RETA_GROUP_SIZE] = (uint16_t)(i % PLACEMENT_SLOTS % a->p->n_rx_queues);
	}
	(void)rte_eth_dev_rss_reta_update(a->p->id, table, (uint16_t)n);
}

/* hear_groups: those in which neighbours ask for our IPv6 addresses (RFC 4861 7.2.1); a device that cannot choose takes
 * all, and one that knows nothing of groups has no filter. */
static int
hear_groups(struct attempt *a)
{
	struct rte_ether_addr groups[GROUPS_MAX];
	unsigned n = 0;
	a->what = "multicast";
	for (unsigned i = 0; i < a->s->n_ifaces; i++) {
		const struct dp_iface_start *f = &a->s->ifaces[i];
		unsigned first = n;
		for (unsigned j = 0; f->port == a->index && j < f->n_addrs; j++)
			if (!addr_is_v4(&f->addrs[j].addr))
				n = add_group(groups, n, addr_solicited_node(&f->addrs[j].addr));
		if (n == first)
			continue;
		struct addr own = addr_link_local(a->p->mac.addr_bytes);
		n = add_group(groups, n, addr_solicited_node(&own));
		n = add_group(groups, n, (struct addr){{0xff, 2, [15] = 1}});
	}
	int e = n ? rte_eth_dev_set_mc_addr_list(a->p->id, groups, n) : 0;
	if (e < 0)
		e = rte_eth_allmulticast_enable(a->p->id);
	return e == -ENOTSUP ? 0 : e;
}

/* add_group: its Ethernet address (RFC 2464 7), unless it is there. */
static unsigned
add_group(struct rte_ether_addr *groups, unsigned n, struct addr group)
{
	struct rte_ether_addr mac = {{0x33, 0x33, group.b[12], group.b[13], group.b[14], group.b[15]}};
	for (unsigned i = 0; i < n; i++)
		if (rte_is_same_ether_addr(&groups[i], &mac))
			return n;
	groups[n] = mac;
	return n + 1;
}

void
port_stop(struct port *p)
{
	if (p->started)
		rte_eth_dev_stop(p->id);
	if (p->probed)
		rte_eth_dev_close(p->id);
	p->started = p->probed = false;
}

static bool
has_vlans(const struct dp_start *s, unsigned port)
{
	for (unsigned i = 0; i < s->n_ifaces; i++)
		if (s->ifaces[i].port == port && s->ifaces[i].vlan)
			return true;
	return false;
}

bool
port_is_pci(const char *device, char out[32])
{
	unsigned domain = 0, bus, slot, function;
	int n = 0;
	if (sscanf(device, "%4x:%2x:%2x.%1x%n", &domain, &bus, &slot, &function, &n) != 4 || !n) {
		domain = 0;
		if (sscanf(device, "%2x:%2x.%1x%n", &bus, &slot, &function, &n) != 3 || !n)
			return false;
	}
	if (device[n] && device[n] != ',')
		return false;
	if (out)
		snprintf(out, 32, "%04x:%02x:%02x.%x", domain, bus, slot, function);
	return true;
}

/* has_driver: one of DPDK's buses knows what to do with the name. */
static bool
has_driver(const char *device)
{
	struct rte_devargs da = {0};
	bool known = device[0] && rte_devargs_parse(&da, device) == 0;
	rte_devargs_reset(&da);
	return known;
}

/* drivers: those of the usual ones that this DPDK has; it gives no list, but knows a name when it sees one. */
static void
drivers(char *out, size_t len)
{
	static const char *const usual[] = {"net_af_packet", "net_af_xdp",     "net_bonding", "net_memif",
					    "net_null",      "net_pcap",       "net_ring",    "net_tap",
					    "net_vhost",     "net_virtio_user"};
	size_t n = (size_t)snprintf(out, len, "no such driver (there are");
	for (unsigned i = 0; i < sizeof usual / sizeof *usual && n < len; i++) {
		char name[DP_NAME];
		snprintf(name, sizeof name, "%s0", usual[i]);
		if (has_driver(name))
			n += (size_t)snprintf(out + n, len - n, " %s,", usual[i]);
	}
	if (n < len)
		snprintf(out + n, len - n, " each with a number, and PCI addresses)");
}
