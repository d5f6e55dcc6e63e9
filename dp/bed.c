/* init-only file */
#include "bed.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "gre.h"
#include "lcore_msg.h"
#include "mppe.h"
#include "path.h"
#include "template.h"

struct bed bed;

static struct dp_session *bed_session_between(uint16_t sid, const char *local, const char *peer, enum bed_adj adj);

static const struct {
	uint16_t port, vlan;
	bool access, core;
	uint32_t ip4;
	const char *ip6;
} links[BED_LINKS] = {
	[BED_ACCESS] = {0, 0, true, false, BED_LNS, BED_LNS6},
	[BED_CORE] = {1, 100, false, true, BED_CORE_IP, "2001:db8:1::1"},
	[BED_TAGGED] = {0, 7, true, false, 0x0a4d0702, "fd77:7::2"},
	[BED_PLAIN] = {2, 0, false, true, 0xc6336401},
};

static const struct {
	enum bed_iface iface;
	const char *addr;
} neighbours[BED_ADJS] = {
	[BED_ADJ_LAC] = {BED_ACCESS, "10.77.0.1"},     [BED_ADJ_ROUTER] = {BED_CORE, "192.0.2.2"},
	[BED_ADJ_DARK] = {BED_CORE, "192.0.2.9"},      [BED_ADJ_TAGGED] = {BED_TAGGED, "10.77.7.1"},
	[BED_ADJ_PLAIN] = {BED_PLAIN, "198.51.100.2"}, [BED_ADJ_LAC6] = {BED_ACCESS, BED_LAC6},
	[BED_ADJ_TAGGED6] = {BED_TAGGED, "fd77:7::1"},
};

static void
bed_die(const char *what)
{
	fprintf(stderr, "bed: %s: %s\n", what, rte_strerror(rte_errno));
	exit(1);
}

static unsigned
bed_first_cpu(void)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof set, &set);
	for (unsigned i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set))
			return i;
	return 0;
}

/* bed_huge_free: MiB of free 2 MiB pages. */
static unsigned
bed_huge_free(void)
{
	unsigned pages = 0;
	FILE *f = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "r");
	if (f && fscanf(f, "%u", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * 2;
}

static void
bed_eal(const struct bed_size *size)
{
	char lcores[32], memory[16], prefix[48];
	snprintf(lcores, sizeof lcores, "--lcores=0@%u", size->cpu);
	snprintf(memory, sizeof memory, "%u", size->memory_mib);
	snprintf(prefix, sizeof prefix, "--file-prefix=bed%d", (int)getpid());
	bed.huge_pages = size->huge_pages && bed_huge_free() >= size->memory_mib;
	char *argv[] = {"bed",
			bed.huge_pages ? "--in-memory" : "--no-huge",
			"--no-shconf",
			"--no-pci",
			"--no-telemetry",
			"--log-level=3",
			lcores,
			prefix,
			"-m",
			memory,
			NULL};
	if (rte_eal_init(RTE_DIM(argv) - 1, argv) < 0)
		bed_die("rte_eal_init");
	rmdir(rte_eal_get_runtime_dir()); /* empty with --no-shconf; made all the same */
}

void *
bed_memory(size_t n)
{
	const size_t huge = 2u << 20;
	n = (n + huge - 1) & ~(huge - 1);
	void *p = aligned_alloc(huge, n);
	if (!p)
		bed_die("memory");
	madvise(p, n, MADV_HUGEPAGE);
	return memset(p, 0, n);
}

static struct rte_fib *
bed_fib(const char *name, bool fast)
{
	struct rte_fib_conf conf = {.type = fast ? RTE_FIB_DIR24_8 : RTE_FIB_DUMMY, .max_routes = 64};
	if (fast) {
		conf.dir24_8.nh_sz = RTE_FIB_DIR24_8_2B;
		conf.dir24_8.num_tbl8 = 256;
	}
	struct rte_fib *fib = rte_fib_create(name, SOCKET_ID_ANY, &conf);
	if (!fib)
		bed_die("rte_fib_create");
	return fib;
}

static void
bed_tables(const struct bed_size *size)
{
	struct tables *t = &bed.tables;
	bed.blocks = size->blocks;
	t->sub4.l1 = bed_memory(65536 * sizeof *t->sub4.l1);
	t->sub4.l2 = bed_memory(size->blocks * sizeof *t->sub4.l2);
	t->sub4.l3 = bed_memory(size->blocks * sizeof *t->sub4.l3);
	t->fib_nh = bed_memory(FIB_NEXTHOPS * sizeof *t->fib_nh);
	t->fib[DP_TABLE_CORE] = bed_fib("core", size->fast_routes);
	t->fib[DP_TABLE_ACCESS] = bed_fib("access", size->fast_routes);
	t->adj = bed_memory(BED_ADJS * sizeof *t->adj);
	t->n_adj = BED_ADJS;
	t->qsbr = bed_memory(rte_rcu_qsbr_get_memsize(1));
	rte_rcu_qsbr_init(t->qsbr, 1);
	if (route6_init(&bed.route6, &t->route6, t->qsbr, 64, SOCKET_ID_ANY) < 0)
		bed_die("route6_init");
}

struct addr
bed_addr(const char *text)
{
	struct addr a;
	if (!addr_parse(text, &a))
		bed_die(text);
	return a;
}

void
bed_route6(enum dp_table table, const char *text, uint32_t nh)
{
	struct prefix p;
	if (!prefix_parse(text, &p) || route6_set(&bed.route6, table, &p, nh) < 0)
		bed_die(text);
}

static void
bed_link6(struct iface *ifc, unsigned i)
{
	if (!links[i].ip6)
		return;
	ifc->ip6 = bed_addr(links[i].ip6);
	ifc->link_local = addr_link_local(ifc->mac.addr_bytes);
	bed_route6(DP_TABLE_ACCESS, links[i].ip6, nh_make(NH_LOCAL, i));
	bed_route6(DP_TABLE_CORE, links[i].ip6, nh_make(NH_LOCAL, i));
}

static void
bed_links(struct lcore *lc)
{
	memset(lc->iface_of, 0xff, sizeof lc->iface_of);
	lc->n_ifaces = BED_LINKS;
	for (unsigned i = 0; i < BED_LINKS; i++) {
		struct iface *ifc = &lc->ifaces[i];
		*ifc = (struct iface){.port = links[i].port, .vlan = links[i].vlan, .mtu = 1500, .ip4 = links[i].ip4};
		ifc->access = links[i].access;
		ifc->core = links[i].core;
		memcpy(&ifc->mac, (const uint8_t[]){2, 0, 0, 0, 1, (uint8_t)i}, 6);
		lc->iface_of[links[i].port][links[i].vlan] = (uint16_t)i;
		bed_sub4(links[i].ip4, nh_make(NH_LOCAL, i));
		bed_link6(ifc, i);
	}
	for (unsigned a = 0; a < BED_ADJS; a++)
		bed_adj(a, a != BED_ADJ_DARK);
	bed_sub4(BED_GATEWAY, nh_make(NH_LOCAL, NH_LOCAL_GATEWAY));
	bed_sub4(BED_LAC, nh_make(NH_ADJ, BED_ADJ_LAC));
	bed_route(DP_TABLE_CORE, 0xcb007100, 24, nh_make(NH_ADJ, BED_ADJ_ROUTER));
	bed_route(DP_TABLE_CORE, 0xc6120000, 24, nh_make(NH_ADJ, BED_ADJ_DARK));
	bed_route(DP_TABLE_CORE, 0xc0000200, 24, nh_make(NH_GLEAN, BED_CORE));
	bed_route(DP_TABLE_CORE, 0x0a4e0000, 16, nh_make(NH_DISCARD, 0));
	bed_route(DP_TABLE_ACCESS, 0x0a000000, 8, nh_make(NH_ADJ, BED_ADJ_LAC));
	bed_route6(DP_TABLE_ACCESS, BED_LAC6, nh_make(NH_ADJ, BED_ADJ_LAC6));
	bed_route6(DP_TABLE_ACCESS, "fd77::/64", nh_make(NH_GLEAN, BED_ACCESS));
	bed_route6(DP_TABLE_ACCESS, "2001:db8:2::/48", nh_make(NH_ADJ, BED_ADJ_LAC6));
	bed_route6(DP_TABLE_CORE, "2001:db8:1::/64", nh_make(NH_GLEAN, BED_CORE));
}

void
bed_start(const struct bed_size *size)
{
	bed_eal(size);
	bed_tables(size);
	struct lcore *lc = bed_memory(sizeof *lc);
	bed.lc = lc;
	lc->tables = &bed.tables;
	lc->n_ports = 3;
	lc->n_sessions = size->sessions;
	lc->sessions = bed_memory(size->sessions * sizeof *lc->sessions);
	bed.all = bed_memory(size->mbufs * sizeof(struct rte_mbuf *));
	lc->mppe = bed_memory(BED_NEAR * sizeof *lc->mppe);
	lc->gre = bed_memory(sizeof *lc->gre);
	lc->gre->calls = bed_memory(BED_NEAR * sizeof *lc->gre->calls);
	lc->tunnels = bed_memory(65536 * sizeof *lc->tunnels);
	lc->tunnel_peers = bed_memory(65536 * sizeof *lc->tunnel_peers);
	lc->pool = rte_pktmbuf_pool_create("bed", size->mbufs, 0, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
	lc->handover_out[1] = rte_ring_create("handover1", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	lc->handover_out[2] = rte_ring_create("handover2", 64, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	if (!lc->pool || !lc->handover_out[1] || !lc->handover_out[2])
		bed_die("pool");
	if (rte_pktmbuf_alloc_bulk(lc->pool, bed.spare, RTE_DIM(bed.spare)) < 0)
		bed_die("spare");
	bed_links(lc);
	bed_reset();
}

void
bed_start_small(void)
{
	bed_start(&(struct bed_size){
		.sessions = BED_SESSIONS, .blocks = 64, .mbufs = 1023, .cpu = bed_first_cpu(), .memory_mib = 32});
}

/* bed_gre: no calls; what waited in one is freed. */
static void
bed_gre(struct gre_core *g)
{
	for (uint32_t i = 0; i < g->n_calls; i++)
		for (uint32_t n = g->calls[i].held; n != GRE_NONE; n = g->node[n].next)
			rte_pktmbuf_free(g->node[n].m);
	gre_init(g, g->calls, BED_NEAR, bed.lc->pool->size);
}

void
bed_reset(void)
{
	struct lcore *lc = bed.lc;
	struct rte_mbuf *m = NULL;

	path_free(lc);
	for (unsigned core = 1; core <= 2; core++)
		while (rte_ring_sc_dequeue(lc->handover_out[core], (void **)&m) == 0)
			rte_pktmbuf_free(m);
	lc->n_workers = 2;
	lc->n_places = 1;
	memset(&lc->stats, 0, sizeof lc->stats);
	memset(lc->mppe, 0, BED_NEAR * sizeof *lc->mppe);
	bed_gre(lc->gre);
	memset(lc->hold, 0, sizeof lc->hold);
	memset(lc->tunnels, 0, 65536 * sizeof *lc->tunnels);
	memset(lc->tunnel_peers, 0, 65536 * sizeof *lc->tunnel_peers);
	for (uint32_t i = 0; i < BED_NEAR; i++) {
		if (lc->sessions[i].ip4)
			bed_sub4(lc->sessions[i].ip4, NH_NONE);
		memset(&lc->sessions[i], 0, sizeof lc->sessions[i]);
	}
	for (unsigned i = 0; i < BED_LINKS; i++)
		lc->ifaces[i].mtu = 1500;
	lc->now = (struct mono){1000000000};
	lc->ip_id = 1;
	path_init(lc, lc->now);
	lc->n_listeners = 3;
	lc->listeners[2] = (struct dp_listen){bed_addr("::"), 1701, 17, 1};
	lc->listeners[0] = (struct dp_listen){addr_from_ip4(0), 1701, 17, 1};
	lc->listeners[1] = (struct dp_listen){addr_from_ip4(0), 0, IP4_PROTO_GRE, 1};
	bed.n_said = 0;
	bed.send_answer = 0;
}

static uint32_t
bed_block(uint32_t *used)
{
	if (++*used >= bed.blocks)
		bed_die("blocks");
	return *used;
}

void
bed_sub4(uint32_t ip4, uint32_t nh)
{
	struct sub4 *t = &bed.tables.sub4;
	_Atomic uint32_t *b2 = &t->l1[ip4 >> 16];
	if (!*b2)
		*b2 = bed_block(&bed.l2_used);
	_Atomic uint32_t *b3 = &t->l2[*b2][ip4 >> 8 & 0xff];
	if (!*b3)
		*b3 = bed_block(&bed.l3_used);
	t->l3[*b3][ip4 & 0xff] = nh;
}

void
bed_route(enum dp_table table, uint32_t ip4, uint8_t len, uint32_t nh)
{
	bed.tables.fib_nh[++bed.n_nh] = nh;
	if (rte_fib_add(bed.tables.fib[table], ip4, len, bed.n_nh) < 0)
		bed_die("rte_fib_add");
}

uint8_t *
bed_mac(enum bed_iface iface)
{
	return bed.lc->ifaces[iface].mac.addr_bytes;
}

uint8_t *
bed_neighbour_mac(enum bed_adj adj)
{
	static uint8_t mac[BED_ADJS][6];
	memcpy(mac[adj], (const uint8_t[]){2, 0, 0, 0, 2, (uint8_t)adj}, 6);
	return mac[adj];
}

void
bed_adj(enum bed_adj adj, bool resolved)
{
	struct adj *a = &bed.tables.adj[adj];
	uint64_t word = 0;
	memcpy(&word, bed_neighbour_mac(adj), 6);
	a->addr = bed_addr(neighbours[adj].addr);
	a->iface = neighbours[adj].iface;
	a->word =
		(uint64_t)a->iface << 48 | (resolved ? word | ADJ_RESOLVED : 0) | (addr_is_v4(&a->addr) ? 0 : ADJ_IP6);
}

static struct dp_session *bed_open(struct dp_session *s, const struct dp_session_open *o);

struct dp_session *
bed_session(uint16_t sid)
{
	return bed_session_between(sid, "10.77.0.2", "10.77.0.1", BED_ADJ_LAC);
}

struct dp_session *
bed_session6(uint16_t sid)
{
	return bed_session_between(sid, BED_LNS6, BED_LAC6, BED_ADJ_LAC6);
}

static struct dp_session *
bed_session_between(uint16_t sid, const char *local, const char *peer, enum bed_adj adj)
{
	struct dp_session *s = &bed.lc->sessions[sid];
	struct dp_session_open o = {
		.local = bed_addr(local),
		.peer = bed_addr(peer),
		.local_port = 1701,
		.peer_port = 1701,
		.our_tid = BED_TID,
		.our_sid = sid,
		.peer_tid = BED_PEER_TID,
		.peer_sid = (uint16_t)(sid + BED_SID_BASE),
		.nh = nh_make(NH_ADJ, adj),
		.bearer = DP_BEARER_L2TP,
	};
	bed.lc->tunnels[BED_TID] = (struct tunnel){.region = 0, .used = true};
	bed.lc->tunnel_peers[BED_TID] = o.peer;
	return bed_open(s, &o);
}

struct dp_session *
bed_call(uint16_t sid)
{
	struct dp_session *s = &bed.lc->sessions[sid];
	struct dp_session_open o = {
		.local = addr_from_ip4(BED_LNS),
		.peer = addr_from_ip4(BED_LAC),
		.our_sid = sid,
		.peer_sid = (uint16_t)(sid + BED_SID_BASE),
		.nh = nh_make(NH_ADJ, BED_ADJ_LAC),
		.bearer = DP_BEARER_PPTP,
		.gre_window = 8,
		.gre_patience_ms = 50,
	};
	bed_open(s, &o);
	gre_open(bed.lc, s, &o);
	return s;
}

static struct dp_session *
bed_open(struct dp_session *s, const struct dp_session_open *o)
{
	*s = (struct dp_session){.state = SESSION_OPEN, .bearer = o->bearer, .generation = 1};
	if (template_open(s, o) < 0)
		bed_die("template_open");
	s->ip4 = BED_POOL + o->our_sid;
	s->gateway_ip4 = BED_GATEWAY;
	s->mtu = 1400;
	s->our_magic = 0x11111111;
	s->peer_magic = 0x22222222;
	s->link_open = 1;
	session_set_gates(s, DP_GATE_AUTHENTICATED | DP_GATE_IP4);
	bed_sub4(s->ip4, nh_session(0, o->our_sid));
	return s;
}

struct rte_mbuf *
bed_mbuf(const struct frame *f, unsigned segment)
{
	unsigned len = frame_len(f), at = 0;
	struct rte_mbuf *first = NULL;

	if (!segment)
		segment = 2048;
	do {
		unsigned n = RTE_MIN(segment, len - at);
		struct rte_mbuf *m = rte_pktmbuf_alloc(bed.lc->pool);
		if (!m)
			bed_die("bed_mbuf");
		memcpy(rte_pktmbuf_append(m, (uint16_t)n), f->p + at, n);
		if (!first)
			first = m;
		else if (rte_pktmbuf_chain(first, m) < 0)
			bed_die("rte_pktmbuf_chain");
		at += n;
	} while (at < len);
	return first;
}

void
bed_rx(unsigned port, const struct frame *f)
{
	struct vec v = {.n = 1};
	/* What a vector held before must not matter. */
	memset(&v.p[0], 0xa5, sizeof v.p[0]);
	v.p[0].m = bed_mbuf(f, 0);
	v.p[0].iface = (uint16_t)port;
	path_run(bed.lc, &v);
	if (v.n)
		bed_die("path_run has not emptied the vector");
}

unsigned
bed_held(void)
{
	unsigned sent = 0;
	for (unsigned i = 0; i < bed.lc->n_ports; i++)
		for (unsigned j = 0; j < bed.lc->tx[i].n; j++)
			sent += bed.lc->tx[i].m[j]->nb_segs;
	return rte_mempool_in_use_count(bed.lc->pool) - (unsigned)RTE_DIM(bed.spare) - sent;
}

bool
bed_sound(void)
{
	unsigned n = bed.lc->pool->size - RTE_DIM(bed.spare), wrong = 0;

	if (rte_pktmbuf_alloc_bulk(bed.lc->pool, bed.all, n) < 0)
		return false;
	/* One that is there twice keeps the later of its numbers. */
	for (unsigned i = 0; i < n; i++)
		bed.all[i]->hash.usr = i;
	for (unsigned i = 0; i < n; i++)
		wrong += bed.all[i]->hash.usr != i;
	rte_pktmbuf_free_bulk(bed.all, n);
	return !wrong;
}

uint64_t
bed_drops(void)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < DROP_COUNT; i++)
		sum += bed.lc->stats.drops[i];
	return sum;
}

static struct bed_said *
bed_say(enum dp_msg type, uint64_t handle, const void *payload)
{
	static const uint16_t size[DP_MSG_COUNT] = {
		[DP_MSG_PUNT_UDP] = sizeof(struct dp_udp_path),       [DP_MSG_PUNT_ETH] = sizeof(struct dp_eth_path),
		[DP_MSG_RESOLVE] = sizeof(struct dp_resolve),         [DP_MSG_CONN_GONE] = sizeof(struct dp_conn_gone),
		[DP_MSG_CONN_FAILED] = sizeof(struct dp_conn_failed),
	};
	struct bed_said *said = &bed.said[bed.n_said++ % RTE_DIM(bed.said)];
	*said = (struct bed_said){.type = type, .handle = handle};
	if (payload)
		memcpy(said->payload, payload, size[type]);
	return said;
}

int
lcore_send(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const void *bytes, size_t len)
{
	(void)lc;
	if (bed.send_answer)
		return bed.send_answer;
	struct bed_said *said = bed_say(type, handle, payload);
	said->len = (unsigned)RTE_MIN(len, sizeof said->bytes);
	if (len)
		memcpy(said->bytes, bytes, said->len);
	return 0;
}

int
lcore_send_mbuf(struct lcore *lc, enum dp_msg type, uint64_t handle, const void *payload, const struct rte_mbuf *m,
		uint32_t offset)
{
	(void)lc;
	if (bed.send_answer)
		return bed.send_answer;
	if (offset > m->pkt_len)
		return -EMSGSIZE;
	struct bed_said *said = bed_say(type, handle, payload);
	said->len = (unsigned)RTE_MIN(m->pkt_len - offset, sizeof said->bytes);
	const void *p = rte_pktmbuf_read(m, offset, said->len, said->bytes);
	if (p != said->bytes)
		memcpy(said->bytes, p, said->len);
	return 0;
}
