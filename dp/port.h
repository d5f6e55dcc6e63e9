/* port.h - a port: one ethdev with a transmit queue for every worker and, where the device allows, a receive queue each.
 *
 * What the device cannot do (checksums, VLAN tags, several receive queues) is done by software, so a port is configured
 * from what rte_eth_dev_info_get says and never from what its driver is called.
 * Thread: started and stopped while no worker runs; workers call rx and tx burst on their own queues; MAIN reads
 * statistics and link.
 */
#ifndef DP_PORT_H
#define DP_PORT_H

#include <rte_ethdev.h>
#include <rte_mempool.h>

#include <dp/dp.h>

struct eal_log;

struct port {
	char name[DP_NAME], device[256], driver[DP_NAME];
	uint16_t id; /* of ethdev */
	uint16_t n_rx_queues, mtu;
	uint16_t rx_descs, tx_descs;
	bool probed, started;
	bool tx_ip4_checksum, tx_udp_checksum, tx_tcp_checksum, rx_ip4_checksum, vlan_strip;
	struct rte_ether_addr mac;
	bool link_up; /* as dp_step last read them */
	uint32_t speed_mbps;
};

/* port_plan: name, device, MTU and descriptors of port `index` as the configuration wants them; touches no device. */
void port_plan(struct port *p, const struct dp_start *s, unsigned index) INIT_ONLY;

/* port_start: probes, configures and starts the device.  pools: one per worker.  -errno with log's sentence. */
int port_start(struct port *p, const struct dp_start *s, unsigned index, struct rte_mempool *const *pools,
	       struct eal_log *log) INIT_ONLY;

/* port_stop: also of a port that has come half way. */
void port_stop(struct port *p) INIT_ONLY;

/* port_read_link: a system call on some devices. */
void port_read_link(struct port *p) ON_MAIN;

/* port_is_pci: the device string is a PCI address; written with its domain into out when out is not NULL. */
bool port_is_pci(const char *device, char out[32]) ANY_THREAD;

#endif
