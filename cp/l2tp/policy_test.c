/* What the configuration and the peer's wishes decide: known peers and their secrets, ties, quirks, ports of a tunnel's
 * own, sequencing, proxy AVPs, notices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "l2tp/auth.h"
#include "l2tp/peer.h"
#include "l2tp/peers.h"

static const struct l2tp_config plain = {.host_name = "bras1"};
static struct peer p;

static uint64_t
stat(enum l2tp_stat s)
{
	return l2tp_stats(p.e->l2tp)[s];
}

/* --- peers ------------------------------------------------------------------------------------------------------- */

static struct l2tp_peer
row(const char *prefix, const char *secret)
{
	struct l2tp_peer out = {.secret = secret};
	assert_true(prefix_parse(prefix, &out.address));
	return out;
}

static const char *
secret_of(const struct peers *peers, const char *address)
{
	struct addr a;
	assert_true(addr_parse(address, &a));
	const struct l2tp_peer *found = l2tp_peers_find(peers, &a);
	return found ? found->secret : "nobody";
}

static void
longest_prefix(void **state)
{
	struct peers peers = {0};
	const struct l2tp_peer list[] = {
		row("10.0.0.0/8", "eight"),
		row("10.1.0.0/16", "sixteen"),
		row("10.1.2.3/32", "host"),
		row("10.1.2.0/24", "twenty-four"),
		row("2001:db8::/32", "six"),
		row("2001:db8::9/128", "six-host"),
		row("2001:db8:0:1::/120", "same-length-as-a-v4-24"),
		row("10.9.9.9/24", "host-bits"),
	};
	(void)state;
	assert_true(l2tp_peers_set(&peers, list, sizeof list / sizeof *list));
	assert_string_equal(secret_of(&peers, "10.200.0.1"), "eight");
	assert_string_equal(secret_of(&peers, "10.1.200.1"), "sixteen");
	assert_string_equal(secret_of(&peers, "10.1.2.255"), "twenty-four");
	assert_string_equal(secret_of(&peers, "10.1.2.3"), "host");
	assert_string_equal(secret_of(&peers, "10.9.9.200"), "host-bits");
	assert_string_equal(secret_of(&peers, "11.0.0.0"), "nobody");
	assert_string_equal(secret_of(&peers, "9.255.255.255"), "nobody");
	assert_string_equal(secret_of(&peers, "2001:db8::1"), "six");
	assert_string_equal(secret_of(&peers, "2001:db8::9"), "six-host");
	assert_string_equal(secret_of(&peers, "2001:db8:0:1::77"), "same-length-as-a-v4-24");
	assert_string_equal(secret_of(&peers, "2001:db9::"), "nobody");
	const struct l2tp_peer all[] = {row("0.0.0.0/0", "v4"), row("10.0.0.0/9", NULL)};
	assert_true(l2tp_peers_set(&peers, all, 2));
	assert_string_equal(secret_of(&peers, "192.0.2.1"), "v4");
	assert_null(secret_of(&peers, "10.1.2.3"));
	assert_string_equal(secret_of(&peers, "2001:db8::1"), "nobody"); /* families do not mix */
	const struct l2tp_peer six[] = {row("::/0", "v6")};
	assert_true(l2tp_peers_set(&peers, six, 1));
	assert_string_equal(secret_of(&peers, "2001:db8::1"), "v6");
	assert_string_equal(secret_of(&peers, "10.1.2.3"), "nobody");
	assert_true(l2tp_peers_set(&peers, NULL, 0));
	assert_string_equal(secret_of(&peers, "10.1.2.3"), "nobody");
	l2tp_peers_fini(&peers);
}

/* Thousands of random prefixes against a linear search. */
static void
many_peers(void **state)
{
	enum { N = 3000 };
	static struct l2tp_peer list[N];
	struct peers peers = {0};
	struct sim sim;
	(void)state;
	sim_init(&sim, 5);
	for (unsigned i = 0; i < N; i++)
		list[i].address = (struct prefix){addr_from_ip4(0x0a000000u + sim_random(&sim, 1 << 20)),
						  (uint8_t)(12 + sim_random(&sim, 21))};
	assert_true(l2tp_peers_set(&peers, list, N));
	for (unsigned i = 0; i < 20000; i++) {
		struct addr a = addr_from_ip4(0x0a000000u + sim_random(&sim, 1 << 21));
		int longest = -1;
		for (unsigned j = 0; j < N; j++)
			if (prefix_contains(&list[j].address, &a) && list[j].address.len > longest)
				longest = list[j].address.len;
		const struct l2tp_peer *found = l2tp_peers_find(&peers, &a);
		assert_int_equal(found ? found->address.len : -1, longest);
		assert_true(!found || prefix_contains(&found->address, &a));
	}
	l2tp_peers_fini(&peers);
}

/* Opens with this secret; whether it was let in. */
static bool
let_in(const char *secret)
{
	uint8_t response[AUTH_LEN];
	peer_half_open(&p);
	bool challenged = l2tp_msg_has(&p.m, AVP_CHALLENGE);
	assert_int_equal(challenged, secret != NULL);
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	if (challenged) {
		l2tp_auth_response(L2TP_MSG_SCCCN, secret, &p.m.challenge, response);
		l2tp_avp_bytes(&p.b, AVP_CHALLENGE_RESPONSE, response, sizeof response);
	}
	peer_end(&p);
	bool in = p.e->tunnel && p.e->tunnel->state == L2TP_ESTABLISHED;
	if (!in)
		peer_hear_result(&p, L2TP_MSG_STOPCCN, 4, 0);
	return in;
}

static void
a_secret_of_its_own(void **state)
{
	struct l2tp_peer peers[] = {row("10.0.0.0/24", "wholesale"), row("10.0.0.1/32", "own")};
	struct l2tp_config config = {.secret = "everybody's", .peers = peers, .n_peers = 2};
	(void)state;
	peer_start(&p, 1, &config); /* the peer is 10.0.0.1 */
	assert_false(let_in("everybody's"));
	peer_forget(&p);
	assert_false(let_in("wholesale"));
	peer_forget(&p);
	assert_true(let_in("own"));
	/* the list changes: the tunnel that is there keeps its secret, the next has the new one */
	config.n_peers = 1;
	assert_true(l2tp_configure(p.e->l2tp, &config));
	assert_int_equal(p.e->live_tunnels, 1);
	peer_forget(&p);
	assert_true(let_in("wholesale"));
	peers[0].secret = NULL; /* listed without a secret: everybody's */
	assert_true(l2tp_configure(p.e->l2tp, &config));
	peer_forget(&p);
	assert_true(let_in("everybody's"));
	peers[0].secret = ""; /* listed with none */
	assert_true(l2tp_configure(p.e->l2tp, &config));
	peer_forget(&p);
	assert_true(let_in(NULL));
	peer_stop(&p);
}

static void
the_lac_finds_the_secret_too(void **state)
{
	const struct l2tp_peer to_lns[] = {row("10.0.0.2/32", "own")}, to_lac[] = {row("10.0.0.0/30", "own")};
	const struct l2tp_config lac_config = {.secret = "a", .peers = to_lns, .n_peers = 1},
				 lns_config = {.secret = "b", .peers = to_lac, .n_peers = 1};
	struct sim sim;
	(void)state;
	sim_init(&sim, 1);
	struct sim_end *lac = sim_end(&sim, 0, &lac_config), *lns = sim_end(&sim, 1, &lns_config);
	sim_tunnel_open(lac, NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lac->tunnel_set, 1);
	assert_int_equal(lns->tunnel_set, 1);
	sim_fini(&sim);
}

static void
only_known_peers(void **state)
{
	struct l2tp_peer peers[] = {row("10.0.0.2/32", NULL)};
	struct l2tp_config config = {.peers = peers, .n_peers = 1, .only_known_peers = true};
	(void)state;
	peer_start(&p, 1, &config);
	peer_sccrq(&p, PEER_TID);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 4, 0);
	assert_int_equal(p.m.result.text.len, strlen("tunnel peer is not known"));
	assert_int_equal(stat(L2TP_STAT_TUNNELS_UNKNOWN), 1);
	assert_int_equal(l2tp_memory(p.e->l2tp), 0);
	peers[0] = row("10.0.0.1/32", NULL);
	assert_true(l2tp_configure(p.e->l2tp, &config));
	peer_forget(&p);
	peer_open(&p);
	peer_stop(&p);
}

/* --- ties -------------------------------------------------------------------------------------------------------- */

/* Our SCCRQ is out; the peer's comes, with this tie breaker relative to ours. */
static void
tie(bool ours, const int *theirs, bool we_stay, bool peer_served)
{
	uint8_t value[8];
	struct l2tp_open open = {.path = sim_path(1), .region = 7, .only_one = ours};
	peer_start(&p, 1, &plain);
	struct l2tp_tunnel *t = l2tp_tunnel_open(p.e->l2tp, &open, p.sim.now);
	assert_non_null(t);
	p.e->live_tunnels++;
	peer_hear(&p, L2TP_MSG_SCCRQ);
	assert_int_equal(l2tp_msg_has(&p.m, AVP_TIE_BREAKER), ours);
	uint16_t our_tid = p.m.tid;
	p.nr = 0; /* its SCCRQ crosses ours: it has seen nothing */
	put_be64(value, (ours ? p.m.tie_breaker : 5) + (uint64_t)(theirs ? *theirs : 0));
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	if (theirs)
		peer_avp(&p, 0, 0, AVP_TIE_BREAKER, value, 8);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_new, peer_served);
	assert_int_equal(p.e->tunnel_down, !we_stay);
	if (!we_stay)
		assert_int_equal(p.e->tunnel_cause, CAUSE_TIE_LOST);
	assert_int_equal(peer_hear_any(&p), peer_served ? L2TP_MSG_SCCRP : 0);
	assert_int_equal(stat(L2TP_STAT_TIES_LOST), !we_stay);
	/* the loser is silent: no StopCCN, no SCCRQ again */
	sim_run_ms(&p.sim, 1500);
	unsigned again = 0;
	while (sim_next(&p.sim, &p.h, &p.m))
		again += p.h.body_len && p.m.type != L2TP_MSG_SCCRP;
	assert_int_equal(again, we_stay);
	if (we_stay && !peer_served) { /* the peer has discarded its own, and answers ours */
		p.tid = our_tid;
		p.ns = 0;
		p.nr = 1;
		peer_begin(&p, L2TP_MSG_SCCRP, 0);
		l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
		l2tp_avp_text(&p.b, AVP_HOST_NAME, "cli");
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
		peer_end(&p);
		assert_int_equal(p.e->tunnel_set, 1);
	}
	peer_stop(&p);
}

static void
ties(void **state)
{
	static const int less = -1, more = 1, same = 0;
	(void)state;
	tie(true, &more, true, false); /* the lower value wins */
	tie(true, &less, false, true);
	tie(true, &same, false, false); /* both discard */
	tie(true, NULL, true, false);   /* one against none wins */
	tie(false, &more, false, true);
	tie(false, NULL, true, true); /* nobody minds: two tunnels */
}

/* Both ends dial at once over a link: one tunnel is left, and it is the same one.  (A SCCRQ that comes after the tie has
 * been decided makes a tunnel that nobody answers for; it is gone after its retransmissions.) */
static void
ties_over_a_link(void **state)
{
	static const struct l2tp_config patient = {.idle_tunnel_s = L2TP_NEVER};
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct sim sim;
		sim_init(&sim, seed);
		sim.loss = (unsigned)(seed % 20);
		sim.reorder = 20;
		for (unsigned i = 0; i < 2; i++) {
			struct sim_end *e = sim_end(&sim, i, &patient);
			struct l2tp_open open = {.path = sim_path(i), .region = 7, .only_one = true};
			assert_non_null(l2tp_tunnel_open(e->l2tp, &open, sim.now));
			e->live_tunnels++;
		}
		sim_run_ms(&sim, 60000);
		if (!sim.loss) {
			assert_int_equal(sim.end[0].live_tunnels, 1);
			assert_int_equal(sim.end[1].live_tunnels, 1);
			const struct l2tp_tunnel *a = l2tp_tunnel_next(sim.end[0].l2tp, 0),
						 *b = l2tp_tunnel_next(sim.end[1].l2tp, 0);
			assert_int_equal(a->peer_tid, b->our_tid);
			assert_int_equal(a->lac, !b->lac);
		}
		for (unsigned i = 0; i < 2; i++)
			l2tp_shutdown(sim.end[i].l2tp, sim.now);
		assert_true(sim_run_quiet(&sim, 120000));
		sim_fini(&sim);
	}
}

/* --- quirks ------------------------------------------------------------------------------------------------------ */

static void
tunnel_id_0(void **state)
{
	static const struct l2tp_config quirk = {.dir300_quirk = true};
	(void)state;
	for (unsigned on = 0; on < 2; on++) {
		peer_start(&p, 1, on ? &quirk : &plain);
		peer_half_open(&p);
		uint16_t tid = p.tid;
		p.tid = 0;
		peer_say(&p, L2TP_MSG_SCCCN, 0);
		assert_int_equal(p.e->tunnel_set, on);
		assert_int_equal(stat(L2TP_STAT_RX_QUIRK), on);
		assert_int_equal(stat(L2TP_STAT_RX_NOT_SCCRQ), !on);
		if (on) {
			peer_call(&p, PEER_SID);
			peer_zlb(&p);
			/* a new SCCRQ is a new tunnel still */
			peer_forget(&p);
			peer_open(&p);
			assert_int_not_equal(p.tid, tid);
			assert_int_equal(p.e->live_tunnels, 2);
			p.tid = 0; /* and the youngest is meant from then on */
			peer_begin(&p, L2TP_MSG_STOPCCN, 0);
			l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
			peer_end(&p);
			assert_int_equal(p.e->live_tunnels, 1);
			assert_int_equal(p.e->live_calls, 1);
			p.e->peer_port = 1800; /* nobody's */
			peer_say(&p, L2TP_MSG_HELLO, 0);
			assert_int_equal(stat(L2TP_STAT_RX_NOT_SCCRQ), 1);
		}
		peer_stop(&p);
	}
}

static void
permissive(void **state)
{
	static const struct l2tp_config config = {.avp_permissive = true};
	(void)state;
	peer_start(&p, 1, &config);
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	peer_avp(&p, AVP_F_MANDATORY, 9, 1, "Cisco", 5);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "cli");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	peer_hear(&p, L2TP_MSG_SCCRP);
	p.tid = p.m.tid;
	peer_begin(&p, L2TP_MSG_SCCCN, 0);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_set, 1);
	assert_true(stat(L2TP_STAT_AVP_IGNORED) >= 2);
	/* what is wrong in form stays wrong */
	peer_begin(&p, L2TP_MSG_HELLO, 0);
	peer_avp(&p, AVP_F_MANDATORY, 0, AVP_FRAMING_CAPS, "1", 1);
	peer_end(&p);
	assert_int_equal(p.e->tunnel_cause, CAUSE_MALFORMED);
	peer_stop(&p);
}

/* The error message names the AVP (RFC 2661 4.4.2, error 8). */
static void
the_offence_is_named(void **state)
{
	static const struct {
		uint16_t vendor, attr;
		const char *text;
	} rows[] = {{0, 999, "unknown mandatory AVP or message: AVP 999"},
		    {9, 1, "unknown mandatory AVP or message: AVP 1 of vendor 9"}};
	(void)state;
	peer_start(&p, 1, &plain);
	peer_open(&p);
	for (size_t i = 0; i < 2; i++) {
		peer_begin(&p, L2TP_MSG_ICRQ, 0);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
		peer_avp(&p, AVP_F_MANDATORY, rows[i].vendor, rows[i].attr, "1", 1);
		peer_end(&p);
		peer_hear_result(&p, L2TP_MSG_CDN, 2, 8);
		assert_int_equal(p.m.result.text.len, strlen(rows[i].text));
		assert_memory_equal(p.m.result.text.p, rows[i].text, p.m.result.text.len);
	}
	p.e->refuse_call = CAUSE_NO_RESOURCES; /* and it is not said of the next, which is innocent */
	peer_begin(&p, L2TP_MSG_ICRQ, 0);
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, PEER_SID);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_CDN, 4, 4);
	assert_int_equal(p.m.result.text.len, strlen(cause_row(CAUSE_NO_RESOURCES)->text));
	peer_say(&p, 50, 0);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 8);
	assert_memory_equal(p.m.result.text.p, "unknown mandatory AVP or message: message 50", p.m.result.text.len);
	peer_forget(&p);
	peer_begin(&p, L2TP_MSG_SCCRQ, 0);
	l2tp_avp_u16(&p.b, AVP_PROTOCOL_VERSION, L2TP_PROTOCOL_VERSION);
	l2tp_avp_text(&p.b, AVP_HOST_NAME, "x");
	l2tp_avp_u16(&p.b, AVP_ASSIGNED_TUNNEL_ID, PEER_TID);
	peer_avp(&p, AVP_F_MANDATORY, 0, 999, "1", 1);
	peer_end(&p);
	peer_hear_result(&p, L2TP_MSG_STOPCCN, 2, 8);
	assert_memory_equal(p.m.result.text.p, rows[0].text, p.m.result.text.len);
	peer_stop(&p);
}

/* --- ports of a tunnel's own (RFC 2661 8.1) ---------------------------------------------------------------------- */

static void
a_port_of_its_own(void **state)
{
	static const struct l2tp_config config = {.first_port = 50000, .last_port = 50003};
	(void)state;
	peer_start(&p, 1, &config);
	bool seen[4] = {false};
	for (unsigned i = 0; i < 40; i++) {
		peer_forget(&p);
		p.e->local_port = 0;
		peer_sccrq(&p, (uint16_t)(1000 + i));
		uint16_t port = p.e->tunnel->path.local_port;
		assert_in_range(port, 50000, 50003);
		seen[port - 50000] = true;
		assert_int_equal(TAILQ_FIRST(&p.sim.wire)->path.local_port, port); /* the answer comes from there */
		peer_hear(&p, L2TP_MSG_SCCRP);
		p.tid = p.m.tid;
		if (i == 0) { /* the SCCRQ again, to the well-known port: the same tunnel */
			uint16_t tid = p.tid;
			peer_forget(&p);
			peer_sccrq(&p, 1000);
			assert_int_equal(p.e->tunnel_new, 1);
			assert_int_equal(stat(L2TP_STAT_RX_DUPLICATE), 1);
			p.tid = tid;
			p.nr = 1;
		}
		p.e->local_port = port;
		peer_say(&p, L2TP_MSG_SCCCN, 0);
		assert_int_equal(p.e->tunnel_set, i + 1);
	}
	for (unsigned i = 0; i < 4; i++)
		assert_true(seen[i]);
	p.e->local_port = 0;
	peer_say(&p, L2TP_MSG_HELLO, 0); /* once it has followed, it stays there */
	assert_int_equal(stat(L2TP_STAT_RX_WRONG_PATH), 1);
	peer_forget(&p); /* one that does not follow is served where it is */
	peer_open(&p);
	assert_int_equal(p.e->tunnel->path.local_port, 1701);
	peer_call(&p, PEER_SID);
	peer_stop(&p);
}

/* --- calls ------------------------------------------------------------------------------------------------------- */

static void
sequencing(void **state)
{
	static const struct {
		enum l2tp_dataseq dataseq;
		bool required, up, send, require;
	} rows[] = {{L2TP_DATASEQ_ALLOW, false, true, false, false}, {L2TP_DATASEQ_ALLOW, true, true, true, false},
		    {L2TP_DATASEQ_DENY, false, true, false, false},  {L2TP_DATASEQ_DENY, true, false, false, false},
		    {L2TP_DATASEQ_PREFER, false, true, true, false}, {L2TP_DATASEQ_PREFER, true, true, true, false},
		    {L2TP_DATASEQ_REQUIRE, false, true, true, true}, {L2TP_DATASEQ_REQUIRE, true, true, true, true}};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct l2tp_config config = {.dataseq = rows[i].dataseq};
		peer_start(&p, 1, &config);
		peer_open(&p);
		uint16_t sid = peer_icrq(&p, PEER_SID);
		peer_begin(&p, L2TP_MSG_ICCN, sid);
		if (rows[i].required)
			peer_avp(&p, AVP_F_MANDATORY, 0, AVP_SEQUENCING_REQUIRED, NULL, 0);
		peer_end(&p);
		assert_int_equal(p.e->call_up, rows[i].up);
		if (rows[i].up) {
			assert_int_equal(p.e->calls[sid]->seq_send, rows[i].send);
			assert_int_equal(p.e->calls[sid]->seq_require, rows[i].require);
		} else {
			assert_int_equal(p.e->call_cause, CAUSE_SEQUENCING_DENIED);
			peer_hear_result(&p, L2TP_MSG_CDN, 5, 0);
		}
		peer_stop(&p);
	}
}

/* As LAC we say in ICCN that we require it, and an LNS that allows it obeys. */
static void
sequencing_of_the_lac(void **state)
{
	static const struct l2tp_config requires = {.dataseq = L2TP_DATASEQ_REQUIRE};
	struct sim sim;
	(void)state;
	sim_init(&sim, 1);
	struct sim_end *lac = sim_end(&sim, 0, &requires), *lns = sim_end(&sim, 1, &plain);
	sim_call_open(lac, sim_tunnel_open(lac, NULL), NULL);
	sim_run_ms(&sim, 1000);
	assert_int_equal(lns->call_up, 1);
	assert_true(lns->calls[1]->seq_send);
	assert_false(lns->calls[1]->seq_require);
	assert_true(lac->calls[1]->seq_send && lac->calls[1]->seq_require);
	sim_fini(&sim);
}

static void
proxy(void **state)
{
	static const uint8_t sent[] = {1, 4, 5, 0xd4, 3, 5, 0xc2, 0x23, 5, 5, 6, 1, 2, 3, 4};
	uint8_t longer[L2TP_PROXY_MAX + 9] = {0};
	(void)state;
	peer_start(&p, 1, &plain);
	peer_open(&p);
	uint16_t sid = peer_call(&p, PEER_SID);
	assert_null(p.e->calls[sid]->proxy);
	sid = peer_icrq(&p, PEER_SID + 1);
	peer_begin(&p, L2TP_MSG_ICCN, sid);
	peer_avp(&p, 0, 0, AVP_INITIAL_LCP_CONFREQ, longer, sizeof longer);
	peer_avp(&p, 0, 0, AVP_LAST_SENT_LCP_CONFREQ, sent, sizeof sent);
	peer_avp(&p, 0, 0, AVP_PROXY_AUTHEN_TYPE, "\0\2", 2);
	peer_avp(&p, 0, 0, AVP_PROXY_AUTHEN_NAME, "alice\n@example", 14);
	peer_avp(&p, 0, 0, AVP_PROXY_AUTHEN_CHALLENGE, "0123456789abcdef", 16);
	peer_avp(&p, 0, 0, AVP_PROXY_AUTHEN_ID, "\0\7", 2);
	peer_avp(&p, 0, 0, AVP_PROXY_AUTHEN_RESPONSE, "0123456789abcdef", 16);
	peer_end(&p);
	assert_true(p.e->is_up[sid]);
	const struct l2tp_proxy *x = p.e->calls[sid]->proxy;
	assert_non_null(x);
	assert_int_equal(x->lcp_initial.len, L2TP_PROXY_MAX);
	assert_int_equal(x->lcp_sent.len, sizeof sent);
	assert_memory_equal(x->lcp_sent.bytes, sent, sizeof sent);
	assert_int_equal(x->lcp_received.len, 0);
	assert_int_equal(x->authen_type, 2);
	assert_int_equal(x->authen_id, 7);
	assert_string_equal(x->authen_name, "alice?@example");
	peer_stop(&p);
}

static void
numbers(void **state)
{
	(void)state;
	peer_start(&p, 1, &plain);
	peer_open(&p);
	for (unsigned given = 0; given < 4; given++) {
		peer_begin(&p, L2TP_MSG_ICRQ, 0);
		l2tp_avp_u16(&p.b, AVP_ASSIGNED_SESSION_ID, (uint16_t)(PEER_SID + given));
		if (given & 1)
			l2tp_avp_text(&p.b, AVP_CALLING_NUMBER, "5551234");
		if (given & 2)
			l2tp_avp_text(&p.b, AVP_CALLED_NUMBER, "isp");
		peer_end(&p);
		peer_hear(&p, L2TP_MSG_ICRP);
		const struct l2tp_call *c = p.e->calls[p.m.sid];
		assert_string_equal(c->calling, given & 1 ? "5551234" : "10.0.0.1");
		assert_string_equal(c->called, given & 2 ? "isp" : "10.0.0.2");
	}
	peer_stop(&p);
}

static void
notices(void **state)
{
	static const uint8_t accm[10] = {0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff};
	static const uint8_t errors[26] = {0, 0, 0, 0, 0, 1};
	(void)state;
	peer_start(&p, 1, &plain);
	p.e->tracing = true;
	peer_open(&p);
	uint16_t sid = peer_call(&p, PEER_SID);
	for (unsigned i = 0; i < 3; i++) {
		peer_begin(&p, L2TP_MSG_SLI, sid);
		peer_avp(&p, AVP_F_MANDATORY, 0, AVP_ACCM, accm, sizeof accm);
		peer_end(&p);
	}
	assert_non_null(strstr(p.e->line, "SLI <ACCM 00000000000000ffffff>"));
	peer_begin(&p, L2TP_MSG_WEN, sid);
	peer_avp(&p, AVP_F_MANDATORY, 0, AVP_CALL_ERRORS, errors, sizeof errors);
	peer_end(&p);
	assert_non_null(strstr(p.e->line, "WEN <Call-Errors 000000000001"));
	assert_int_equal(stat(L2TP_STAT_MSG_SLI), 3);
	assert_int_equal(stat(L2TP_STAT_MSG_WEN), 1);
	peer_say(&p, L2TP_MSG_WEN, 777); /* of no call */
	assert_int_equal(stat(L2TP_STAT_MSG_WEN), 1);
	assert_int_equal(p.e->live_calls, 1);
	sim_run_ms(&p.sim, 100);
	while (sim_next(&p.sim, &p.h, &p.m))
		;
	assert_int_equal(p.h.nr, p.ns); /* all were acknowledged */
	peer_stop(&p);
}

/* hello-interval 0 and idle-tunnel-timeout 0 */
static void
never(void **state)
{
	static const struct l2tp_config config = {.hello_s = L2TP_NEVER, .idle_tunnel_s = L2TP_NEVER};
	(void)state;
	peer_start(&p, 1, &config);
	peer_open(&p);
	peer_zlb(&p);
	sim_run_ms(&p.sim, 200000);
	while (sim_next(&p.sim, &p.h, &p.m))
		assert_int_equal(p.h.body_len, 0);
	assert_int_equal(p.e->live_tunnels, 1);
	peer_stop(&p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix),
		cmocka_unit_test(many_peers),
		cmocka_unit_test(a_secret_of_its_own),
		cmocka_unit_test(the_lac_finds_the_secret_too),
		cmocka_unit_test(only_known_peers),
		cmocka_unit_test(ties),
		cmocka_unit_test(ties_over_a_link),
		cmocka_unit_test(tunnel_id_0),
		cmocka_unit_test(permissive),
		cmocka_unit_test(the_offence_is_named),
		cmocka_unit_test(a_port_of_its_own),
		cmocka_unit_test(sequencing),
		cmocka_unit_test(sequencing_of_the_lac),
		cmocka_unit_test(proxy),
		cmocka_unit_test(numbers),
		cmocka_unit_test(notices),
		cmocka_unit_test(never),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
