/* path.h - the packet's way through a worker core.
 *
 * path_run takes what one rx burst brought (or hand-over, or a benchmark) and leaves packets in lc->tx, messages in the
 * ring to MAIN, and the rest counted in lc->stats.drops.  path_flush hands lc->tx to the ports.  Both are called by
 * lcore.c, path_run also by the benchmark, with packets from memory.
 */
#ifndef DP_PATH_H
#define DP_PATH_H

#include "lcore.h"

/* path_init: policers' rates, interfaces' headers.  Once, when lc is zeroed and its pool, tables and interfaces are set; `now` for the buckets. */
void path_init(struct lcore *lc, struct mono now) INIT_ONLY;

/* path_run: v's packets have m set, and in iface the number of the port (index of lc->port_id) on which they were received;
 * stage ETH turns it into the interface.  Empties v. */
void path_run(struct lcore *lc, struct vec *v) ON_LCORE;

/* path_handed_over: packets whose session or peer lives here, from a hand-over ring; only m need be set.  Empties v. */
void path_handed_over(struct lcore *lc, struct vec *v) ON_LCORE;

/* path_send_ip: one packet that starts at an outer IP header, to a next hop of the access or core table: punts' answers,
 * frames of MAIN, echo requests. */
void path_send_ip(struct lcore *lc, struct rte_mbuf *m, uint32_t nh) ON_LCORE;

/* path_send_ppp: one PPP frame of ours (m starts at the protocol field) on a session: adds PPP, tunnel and IP headers.
 * m needs RTE_PKTMBUF_HEADROOM, as the others here do.  Gates do not hold it up. */
void path_send_ppp(struct lcore *lc, struct dp_session *s, struct rte_mbuf *m) ON_LCORE;

/* path_send_eth: payload of an Ethernet frame on an interface, VLAN tag added where the interface has one. */
void path_send_eth(struct lcore *lc, unsigned iface, const uint8_t dst[6], uint16_t ether_type, struct rte_mbuf *m)
	ON_LCORE;

/* path_streams: timers of TCP, what is spoken on its streams, and what it has to send.  Once a turn of the loop, before
 * path_flush.  Not 0 when there was something to do. */
unsigned path_streams(struct lcore *lc) ON_LCORE;

/* path_flush: rte_eth_tx_burst of every queue with a bounded retry; the rest is dropped as TX_FULL. */
void path_flush(struct lcore *lc) ON_LCORE;

/* path_adj_up: sends what was kept for this neighbour (message ADJ_UP). */
void path_adj_up(struct lcore *lc, const struct dp_adj_up *up) ON_LCORE;

/* path_overdue: PPTP's packets that have waited long enough for those before them, and acknowledgments that are due. */
void path_overdue(struct lcore *lc, unsigned quota) ON_LCORE;

/* path_tick: frees what was kept for neighbours that did not answer.  About once a second. */
void path_tick(struct lcore *lc) ON_LCORE;

/* path_free: gives back everything that the path still holds (lc->tx, lc->hold, lc->made).  At the end. */
void path_free(struct lcore *lc) ON_LCORE;

#endif
