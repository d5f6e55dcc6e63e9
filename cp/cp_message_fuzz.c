/* All of MAIN, against what workers may tell it: tunnel control, PPP, ARP, what waits and what is dead, in any order,
 * true or not, with time passing and an operator who ends things.
 *
 *	input   { u8 kind, u8 how, u8 length, length octets } ...
 *
 * A fuzzer does not find tunnels, calls and subscribers by chance, so it may ask for the right numbers: of a tunnel that
 * lives, of a call in it, of a session; and for the next step of a client that means well.
 *
 * What must hold after each record: sessions are where the books say; the inner table leads to a session that has the
 * address, and to no other; a worker's gate is open only for who has proved himself; neighbours are within their bound.
 * In the end nothing is left, and the next input finds all quiet: its tables are large, so MAIN is made once.
 */
#include <stdlib.h>
#include <string.h>

#include "fake_dataplane.h"
#include "l2tp/call.h"
#include "session.h"

#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x))                                                                                              \
			abort();                                                                                       \
	} while (0)
#define PEERS 4
#define SLOTS 48
#define OUR_IP 0x0a4d0002
#define LAC_IP 0x0a4d0001

enum kind {
	KIND_CONTROL,
	KIND_UDP,
	KIND_ARP,
	KIND_PPP,
	KIND_CLIENT,
	KIND_RECORD,
	KIND_TIME,
	KIND_OPERATOR,
	KIND_COUNT
};

static const char text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/28\" ]; } );"
	"l2tp = { listen = [ \"0.0.0.0\" ]; max-tunnels = 6; };"
	"authentication = { mode = [ \"local\" ]; protocols = [ \"pap\" ]; local-users = ("
	"  { username = \"a\"; password = \"p\"; }, { username = \"s\"; password = \"p\"; static-ip = \"10.99.0.9\"; } "
	"); };"
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/29\" ]; } ); default-pool = \"home\";"
	"gateway-address = \"10.78.0.1\"; max-sessions = 40; max-concurrent-sessions = 12;"
	"single-session = \"replace\"; tables = { adjacencies = 16; routes = 64; };";

static struct conf *conf;
static struct cp *cp;
static struct fake_dataplane fake;
static struct mono now;
static uint64_t rng;
static struct {
	size_t len;
	uint8_t bytes[128];
} asked[65536]; /* by the peer's session id: our last Configure-Request, protocol field first */

static void
random_bytes(void *arg, void *bytes, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		rng = rng * 6364136223846793005ull + 1442695040888963407ull;
		((uint8_t *)bytes)[i] = (uint8_t)(rng >> 56);
	}
}

static void
on_wire(void *arg, const struct fake_packet *p)
{
	(void)arg;
	if (p->control || p->len < 6 || p->bytes[2] != 1 || p->len > sizeof asked->bytes)
		return;
	asked[p->sid].len = p->len;
	memcpy(asked[p->sid].bytes, p->bytes, p->len);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int
LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct conf_error conf_err;
	char err[256];
	(void)argc, (void)argv;
	CHECK(conf_load_string(text, "fuzz.conf", &conf, &conf_err) == 0);
	now = (struct mono){1000000000};
	fake_dataplane_init(&fake);
	fake.wire = on_wire;
	cp = cp_new(conf, &fake.base, NULL, now, err, sizeof err);
	CHECK(cp);
	cp->random = random_bytes;
	return 0;
}

/* --- records ----------------------------------------------------------------------------------------------------- */

static void
record(unsigned type, uint64_t handle, const void *payload, size_t n, const void *bytes, size_t len)
{
	struct byte_ring_rec *rec = malloc(sizeof *rec + n + len);
	CHECK(rec);
	*rec = (struct byte_ring_rec){.type = (uint16_t)type, .len = (uint16_t)(n + len), .handle = handle};
	if (n)
		memcpy(rec->payload, payload, n);
	if (len)
		memcpy(rec->payload + n, bytes, len);
	cp_message(cp, rec, now);
	free(rec);
}

static void
datagram(unsigned peer, const uint8_t *bytes, size_t len)
{
	struct dp_udp_path path = {.local = addr_from_ip4(OUR_IP), .local_port = 1701};
	path.peer = addr_from_ip4(LAC_IP + (peer % PEERS ? 10 + peer % PEERS : 0));
	path.peer_port = (uint16_t)(1701 + peer / PEERS % 2);
	record(DP_MSG_PUNT_UDP, HANDLE_NONE, &path, sizeof path, bytes, len);
}

static struct session *
nth_session(unsigned n)
{
	struct session *s = NULL;
	for (unsigned round = 0; round < 2 && n < SLOTS; round++) {
		uint64_t cursor = 0;
		while (!session_last(cp, cursor)) {
			struct session *next = session_next(cp, &cursor, 4096);
			s = next ? next : s;
			if (next && !n--)
				return next;
		}
	}
	return s;
}

static struct tunnel *
nth_tunnel(unsigned n)
{
	const struct l2tp_tunnel *t = l2tp_tunnel_next(cp->l2tp, 0), *next;
	for (; t && n; n--) {
		next = l2tp_tunnel_next(cp->l2tp, t->our_tid);
		t = next ? next : t;
	}
	return (struct tunnel *)(uintptr_t)t;
}

/* The AVPs that a message of this type must have; ids of the peer's are small. */
static void
usual_avps(struct build *b, unsigned type, unsigned how)
{
	if (type == L2TP_MSG_SCCRQ) {
		l2tp_avp_u16(b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
		l2tp_avp_text(b, AVP_HOST_NAME, "fuzz");
		l2tp_avp_u16(b, AVP_ASSIGNED_TUNNEL_ID, (uint16_t)(1 + how % 8));
	} else if (type == L2TP_MSG_ICRQ) {
		l2tp_avp_u16(b, AVP_ASSIGNED_SESSION_ID, (uint16_t)(1 + how % 32));
	} else if (type == L2TP_MSG_ICCN) {
		l2tp_avp_u32(b, AVP_TX_CONNECT_SPEED, 0);
		l2tp_avp_u32(b, AVP_FRAMING_TYPE, L2TP_FRAMING_SYNC);
	} else if (type == L2TP_MSG_CDN || type == L2TP_MSG_STOPCCN) {
		l2tp_avp_result(b, type, CAUSE_SHUTDOWN);
		l2tp_avp_u16(b, type == L2TP_MSG_CDN ? AVP_ASSIGNED_SESSION_ID : AVP_ASSIGNED_TUNNEL_ID,
			     (uint16_t)(1 + how % 8));
	}
}

static void
control(unsigned how, struct rd *r)
{
	unsigned type = rd_u8(r), which = rd_u8(r);
	struct tunnel *t = how & 0x80 ? nth_tunnel(which) : NULL;
	struct call *c = t ? LIST_FIRST(&t->starting) : NULL;
	struct build b;
	if (t && (!c || how & 0x40))
		c = LIST_FIRST(&t->running);
	bool of_call = c && type != L2TP_MSG_ICRQ && l2tp_msg_is_of_call(type);
	l2tp_build_start(&b, t ? t->pub.our_tid : 0, of_call ? c->pub.our_sid : 0, type % 24);
	if (how & 0x20)
		usual_avps(&b, type, which);
	wr_bytes(&b.w, r->p, rd_left(r));
	size_t len = l2tp_build_end(&b);
	put_be16(b.bytes + L2TP_CTL_NS, t ? t->window.rcv_nxt : 0);
	put_be16(b.bytes + L2TP_CTL_NR, t ? t->window.max : 0);
	unsigned peer =
		t && addr_ip4(&t->pub.path.peer) != LAC_IP ? addr_ip4(&t->pub.path.peer) - LAC_IP - 10 : how % PEERS;
	if (t && addr_ip4(&t->pub.path.peer) == LAC_IP)
		peer = 0;
	datagram(peer + (t && t->pub.path.peer_port != 1701 ? PEERS : 0), b.bytes, len);
}

static void
arp(unsigned how, struct rd *r)
{
	uint8_t p[64] = {0, 1, 8, 0, 6, 4, 0, (uint8_t)(1 + (how & 1)), 2, 0, 0, 0, 0, 1};
	struct dp_eth_path path = {.iface = (uint16_t)(how >> 1 & 3), .ether_type = 0x0806};
	size_t n = rd_left(r) < 64 ? rd_left(r) : 64;
	if (how & 0x80) {
		memcpy(p, r->p, n);
	} else {
		put_be32(p + 14, (path.iface ? 0xc0000200 : 0x0a4d0000) + rd_u8(r));
		put_be32(p + 24, path.iface ? 0xc0000201 : OUR_IP);
		n = 28;
	}
	record(DP_MSG_PUNT_ETH, HANDLE_NONE, &path, sizeof path, p, n);
}

/* --- a client that means well ------------------------------------------------------------------------------------ */

static void
ppp(const struct session *s, uint16_t proto, const void *packet, size_t len)
{
	uint8_t frame[2 + 256];
	put_be16(frame, proto);
	memcpy(frame + 2, packet, len);
	record(DP_MSG_PUNT_PPP, s->handle, NULL, 0, frame, 2 + len);
}

static void
client(struct session *s, unsigned how)
{
	static const uint8_t request[] = {1, 1, 0, 4}, terminate[] = {5, 9, 0, 4}, other[] = {1, 77, 0, 8, 1, 4, 2, 0};
	uint8_t pap[] = {1, 1, 0, 8, 1, how & 0x10 ? 's' : 'a', 1, how & 0x20 ? 'x' : 'p'};
	uint8_t ipcp[] = {1, 1, 0, 10, 3, 6, 0, 0, 0, 0};
	uint8_t ack[sizeof asked->bytes];
	const struct fake_session *f = &fake.sessions[handle_index(s->handle)];
	size_t n = asked[f->how.peer_sid].len;
	put_be32(ipcp + 6, s->ip4);
	switch (how & 7) {
	case 0:
		ppp(s, PPP_LCP, request, sizeof request);
		break;
	case 1:
		memcpy(ack, asked[f->how.peer_sid].bytes, n);
		if (n > 2)
			ack[2] = CONF_ACK;
		record(DP_MSG_PUNT_PPP, s->handle, NULL, 0, ack, n);
		break;
	case 2:
		ppp(s, PPP_PAP, pap, sizeof pap);
		break;
	case 3:
		ppp(s, PPP_IPCP, ipcp, sizeof ipcp);
		break;
	case 4:
		ppp(s, PPP_LCP, terminate, sizeof terminate);
		break;
	case 5:
		ppp(s, PPP_LCP, other, sizeof other);
		break;
	default:
		ppp(s, PPP_IPCP, terminate, sizeof terminate);
	}
}

static void
any_record(unsigned how, struct rd *r)
{
	struct session *s = nth_session(rd_u8(r));
	uint64_t handle = s && how & 0x80 ? s->handle : (uint64_t)rd_be32(r) << 32 | rd_be32(r);
	uint32_t neighbour = (how & 0x40 ? 0xc0000200 : 0x0a4d0000) + rd_u8(r);
	struct dp_resolve resolve = {.addr = addr_from_ip4(neighbour), .iface = how >> 4 & 3};
	/* SESSION_CLOSED answers a SESSION_CLOSE, once: that much is believed of a worker. */
	if ((how & 15) == 0)
		record(DP_MSG_RESOLVE, HANDLE_NONE, &resolve, sizeof resolve, NULL, 0);
	else if ((how & 15) == 1)
		fake_dataplane_dead(&fake, handle);
	else if ((how & 15) != 2 || !s || s->state != SESSION_CLOSING)
		record(how & 1 ? DP_MSG_SESSION_DEAD : how & 31, handle, NULL, 0, r->p, rd_left(r));
}

static void
operator(unsigned how, struct rd *r)
{
	struct session *s = nth_session(rd_u8(r));
	struct tunnel *t = nth_tunnel(rd_u8(r));
	if ((how & 7) == 0 && s)
		session_end(s, CAUSE_ADMIN_RESET, now);
	else if ((how & 7) == 1 && s)
		session_end_hard(s, CAUSE_ADMIN_RESET, now);
	else if ((how & 7) == 2 && t)
		l2tp_tunnel_close(cp->l2tp, t->pub.our_tid, CAUSE_ADMIN_RESET, now);
	else if ((how & 7) == 3)
		cp_refuse(cp, how & 8);
}

static void
pass_ms(unsigned ms)
{
	for (unsigned step = ms > 2000 ? 500 : 20; ms >= step; ms -= step) {
		now = mono_add_ms(now, step);
		cp_step(cp, now);
		fake_dataplane_deliver(&fake, cp, now);
	}
}

/* --- what must hold ---------------------------------------------------------------------------------------------- */

static void
check_session(const struct session *s)
{
	const struct fake_session *f = &fake.sessions[handle_index(s->handle)];
	uint32_t owner, mine = nh_session(0, handle_index(s->handle));
	if (s->route_set)
		CHECK(s->ip4 && fake_dataplane_nh(&fake, s->ip4) == mine);
	if (s->ip4 && s->pool >= 0)
		CHECK(pool4_holder(cp->pools, s->ip4, &owner) && owner == mine);
	if (!f->open || f->handle != s->handle)
		return;
	if (f->set.gates)
		CHECK(s->authenticated && s->dp_known && s->backend);
	if (f->set.gates & DP_GATE_IP4)
		CHECK(f->set.gates & DP_GATE_AUTHENTICATED && f->set.ip4 == s->ip4 && s->ip4);
}

static void
check(void)
{
	uint64_t cursor = 0;
	uint32_t n = 0, routes = 0;
	while (!session_last(cp, cursor)) {
		const struct session *s = session_next(cp, &cursor, 4096);
		if (!s)
			continue;
		check_session(s);
		routes += s->route_set;
		n++;
	}
	CHECK(n == cp_sessions(cp) && n == cp->slots[0].in_use);
	CHECK(n <= conf->max_sessions && cp->starting_of.held == cp->starting);
	CHECK(routes == fake_dataplane_subscribers(&fake));
	CHECK(cp->neigh.n <= conf->tables.adjacencies);
	CHECK(cp->l2tp->n_tunnels <= conf->l2tp.max_tunnels);
}

static void
nothing_left(void)
{
	uint64_t cursor = 0;
	const struct l2tp_tunnel *t = NULL;
	while (!session_last(cp, cursor)) {
		struct session *s = session_next(cp, &cursor, 4096);
		if (s)
			session_end_hard(s, CAUSE_SHUTDOWN, now);
	}
	while ((t = l2tp_tunnel_next(cp->l2tp, t ? t->our_tid : 0)))
		l2tp_tunnel_close(cp->l2tp, t->our_tid, CAUSE_SHUTDOWN, now);
	pass_ms(60000);
	CHECK(cp_sessions(cp) == 0 && cp->slots[0].in_use == 0 && cp->starting_of.held == 0);
	CHECK(fake_dataplane_subscribers(&fake) == 0);
	CHECK(pool4_counts(cp->pools, 0).lent == 0 && pool4_set_check(cp->pools));
	CHECK(fake_dataplane_nh(&fake, 0x0a630009) == NH_NONE);
	CHECK(l2tp_memory(cp->l2tp) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
one(unsigned kind, unsigned how, struct rd *r)
{
	struct session *s = NULL;
	if (kind == KIND_PPP || kind == KIND_CLIENT)
		s = nth_session(rd_u8(r));
	if (kind == KIND_CONTROL)
		control(how, r);
	else if (kind == KIND_UDP)
		datagram(how, r->p, rd_left(r));
	else if (kind == KIND_ARP)
		arp(how, r);
	else if (kind == KIND_PPP && s)
		record(DP_MSG_PUNT_PPP, s->handle, NULL, 0, r->p, rd_left(r));
	else if (kind == KIND_CLIENT && s && s->dp_known)
		client(s, how);
	else if (kind == KIND_RECORD)
		any_record(how, r);
	else if (kind == KIND_TIME)
		pass_ms(how & 0x80 ? (how & 0x7f) * 500 : how);
	else if (kind == KIND_OPERATOR)
		operator(how, r);
	fake_dataplane_deliver(&fake, cp, now);
	cp_step(cp, now);
	check();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct rd r = rd_init(data, len);
	rng = 1;
	memset(asked, 0, 64 * sizeof *asked);
	cp_refuse(cp, false);
	while (rd_left(&r) >= 3) {
		unsigned kind = rd_u8(&r) % KIND_COUNT, how = rd_u8(&r), n = rd_u8(&r);
		struct rd body = rd_sub(&r, n < rd_left(&r) ? n : rd_left(&r));
		one(kind, how, &body);
	}
	nothing_left();
	return 0;
}
