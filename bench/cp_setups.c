/* millrace-bench-setups: what one session costs the control thread, from the call to the address, and its end.
 *
 * The whole of cp (L2TP, PPP, authentication, pools) as the server, with the dataplane of a few lines that its tests use;
 * our own LAC and PPP client on the other side.  No network, no threads, no clock: time is virtual, and each side works
 * off all that the other has sent, in turns.  What a side does in its turn is measured by the CPU time of the thread.
 * The stand-in for the dataplane copies each frame twice; that is in the server's figure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "fake_dataplane.h"
#include "session.h"

#define WAVE 200 /* calls set up at the same time */
#define N_WAVES 15
#define CLIENT_IP4 0x0a4d0001u
#define SERVER_IP4 0x0a4d0002u
#define TURN_MS 2
#define GIVE_UP_TURNS 20000
#define CHECK(x)                                                                                                       \
	do {                                                                                                           \
		if (!(x)) {                                                                                            \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #x);                                        \
			exit(1);                                                                                       \
		}                                                                                                      \
	} while (0)

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
	"l2tp = { listen = [ \"0.0.0.0\" ]; };\n"
	"authentication = { protocols = [ \"mschap-v2\", \"mschap\", \"chap\", \"pap\" ];\n"
	"  local-users = ( { username = \"alice\"; password = \"wonderland\"; } ); };\n"
	"client-ip-pool = ( { name = \"home\"; range = [ \"10.78.0.0/16\" ]; } );\n"
	"name-server = [ \"192.0.2.53\" ]; single-session = \"off\";\n"
	"default-pool = \"home\"; gateway-address = \"10.77.0.1\"; max-sessions = 4000; max-concurrent-sessions = 0;\n";

struct packet {
	struct packet *next;
	struct l2tp_path path;
	bool control;
	uint16_t sid;
	size_t len;
	uint8_t bytes[];
};

struct call {
	struct ppp ppp;
	struct l2tp_call *call;
	bool has_ppp, up, over;
};

struct spent {
	double server_us, client_us;
};

/* The client, and what is on its way to it and from it. */
struct bench {
	struct mono now;
	uint64_t rng;
	struct fake_dataplane fake;
	struct conf *conf;
	struct cp *cp;
	struct timers timers;
	struct l2tp *l2tp;
	struct l2tp_tunnel *tunnel;
	struct ppp_crypto *crypto;
	struct ppp_conf ppp_conf;
	struct ppp_stats ppp_stats;
	struct packet *inbox, **inbox_last;
	struct call calls[WAVE];
	unsigned waves;
};

static struct bench bench, *const b = &bench;

static double
cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
random_bytes(void *arg, void *bytes, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		b->rng ^= b->rng << 13;
		b->rng ^= b->rng >> 7;
		b->rng ^= b->rng << 17;
		((uint8_t *)bytes)[i] = (uint8_t)(b->rng >> 16);
	}
}

/* --- the wire ---------------------------------------------------------------------------------------------------- */

static void
server_wire(void *arg, const struct fake_packet *p)
{
	struct packet *copy = malloc(sizeof *copy + p->len);
	(void)arg;
	CHECK(copy);
	*copy = (struct packet){.control = p->control, .path = p->path, .sid = p->sid, .len = p->len};
	memcpy(copy->bytes, p->bytes, p->len);
	*b->inbox_last = copy;
	b->inbox_last = &copy->next;
}

static void
client_send(void *owner, const struct l2tp_path *path, const uint8_t *bytes, size_t len)
{
	struct fake_packet p;
	(void)owner;
	p.control = true;
	p.conn = 0;
	p.path = *path;
	p.len = len;
	memcpy(p.bytes, bytes, len);
	fake_dataplane_arrive(&b->fake, &p);
}

static void
client_frame(void *owner, struct l2tp_call *call, const uint8_t *frame, size_t len, struct mono now)
{
	struct fake_packet p;
	(void)owner, (void)now;
	p.control = false;
	p.conn = 0;
	p.tid = call->tunnel->peer_tid;
	p.sid = call->peer_sid;
	p.len = len;
	memcpy(p.bytes, frame, len);
	fake_dataplane_arrive(&b->fake, &p);
}

/* --- the client -------------------------------------------------------------------------------------------------- */

static void
client_credentials(void *owner, struct ppp_credentials *out)
{
	(void)owner;
	*out = (struct ppp_credentials){"alice", "wonderland"};
}

static void
client_random(void *owner, void *buf, size_t len)
{
	random_bytes(owner, buf, len);
}

static void
client_ncp(void *owner, uint16_t proto, struct mono now)
{
	(void)owner, (void)proto, (void)now;
}

static void
client_ncp_up(void *owner, uint16_t proto, struct mono now)
{
	(void)proto, (void)now;
	((struct call *)owner)->up = true;
}

static void
client_down(void *owner, enum cause cause, struct mono now)
{
	struct call *c = owner;
	struct l2tp_call *call = c->call;
	c->over = true;
	c->call = NULL;
	if (call)
		call->bearer.ops->close(&call->bearer, cause, now);
}

static const struct ppp_ops client_ppp_ops = {
	.credentials = client_credentials,
	.random = client_random,
	.ncp_opening = client_ncp,
	.ncp_up = client_ncp_up,
	.ncp_down = client_ncp,
	.down = client_down,
};

static void
client_call_up(void *owner, struct l2tp_call *call, struct mono now)
{
	struct call *c = call->user;
	(void)owner;
	c->has_ppp = true;
	ppp_init(&c->ppp, &(struct ppp_args){.role = PPP_CLIENT,
					     .conf = &b->ppp_conf,
					     .ops = &client_ppp_ops,
					     .owner = c,
					     .bearer = &call->bearer,
					     .timers = &b->timers,
					     .stats = &b->ppp_stats});
	ppp_bearer_up(&c->ppp, now);
}

static void
client_call_down(void *owner, struct l2tp_call *call, enum cause cause, struct mono now)
{
	struct call *c = call->user;
	(void)owner;
	c->call = NULL;
	if (c->has_ppp && !c->over)
		ppp_bearer_down(&c->ppp, cause, now);
	c->over = true;
}

static void
client_tunnel(void *owner, struct l2tp_tunnel *t, struct mono now)
{
	(void)owner, (void)t, (void)now;
}

static void
client_tunnel_down(void *owner, struct l2tp_tunnel *t, enum cause cause, struct mono now)
{
	(void)owner, (void)t, (void)cause, (void)now;
	b->tunnel = NULL;
}

static const struct l2tp_ops client_l2tp_ops = {
	.send = client_send,
	.frame = client_frame,
	.tunnel_set = client_tunnel,
	.tunnel_down = client_tunnel_down,
	.call_up = client_call_up,
	.call_down = client_call_down,
	.random = random_bytes,
};

static void
client_turn(void)
{
	for (struct packet *p; (p = b->inbox);) {
		b->inbox = p->next;
		if (!b->inbox)
			b->inbox_last = &b->inbox;
		if (p->control) {
			struct l2tp_path path = {p->path.peer, p->path.local, p->path.peer_port, p->path.local_port};
			l2tp_input(b->l2tp, &path, p->bytes, p->len, b->now);
		} else if (p->sid && p->sid <= WAVE && b->calls[p->sid - 1].has_ppp) {
			ppp_input(&b->calls[p->sid - 1].ppp, p->bytes, p->len, b->now);
		}
		free(p);
	}
	timers_run(&b->timers, b->now, 1u << 20);
}

/* --- the measurement --------------------------------------------------------------------------------------------- */

static void
turn(struct spent *spent)
{
	b->now = mono_add_ms(b->now, TURN_MS);
	double began = cpu_us();
	fake_dataplane_deliver(&b->fake, b->cp, b->now);
	cp_step(b->cp, b->now);
	double between = cpu_us();
	client_turn();
	spent->server_us += between - began;
	spent->client_us += cpu_us() - between;
}

static void
dial(struct spent *spent)
{
	double began = cpu_us();
	for (unsigned i = 0; i < WAVE; i++) {
		struct l2tp_call_open open = {.sid = (uint16_t)(i + 1), .user = &b->calls[i], .calling = "100"};
		b->calls[i].has_ppp = b->calls[i].up = b->calls[i].over = false;
		b->calls[i].call = l2tp_call_open(b->tunnel, &open, b->now);
		CHECK(b->calls[i].call);
	}
	spent->client_us += cpu_us() - began;
}

static void
until_active(struct spent *spent)
{
	for (unsigned turns = 0; b->cp->active < WAVE; turns++) {
		CHECK(turns < GIVE_UP_TURNS);
		turn(spent);
	}
	while (b->inbox)
		turn(spent);
	for (unsigned i = 0; i < WAVE; i++)
		CHECK(b->calls[i].up && !b->calls[i].over);
}

static void
until_gone(struct spent *spent)
{
	double began = cpu_us();
	for (unsigned i = 0; i < WAVE; i++)
		ppp_terminate(&b->calls[i].ppp, CAUSE_USER_REQUEST, b->now);
	spent->client_us += cpu_us() - began;
	for (unsigned turns = 0; cp_sessions(b->cp) || b->inbox; turns++) {
		CHECK(turns < GIVE_UP_TURNS);
		turn(spent);
	}
}

static void
measure(enum ppp_auth method)
{
	struct spent up = {0}, down = {0};
	double n = (double)WAVE * b->waves;
	b->ppp_conf.auth[0] = (uint8_t)method;
	b->ppp_conf.n_auth = 1;
	for (unsigned i = 0; i < b->waves; i++) {
		dial(&up);
		until_active(&up);
		until_gone(&down);
	}
	printf("%-10s %12.1f %12.1f %12.1f %12.1f %14.0f\n", ppp_auth_name(method), up.server_us / n, up.client_us / n,
	       down.server_us / n, down.client_us / n, 1e6 * n / up.server_us);
}

static void
begin(void)
{
	char err[256] = "";
	struct conf_error conf_err;
	struct l2tp_config config = {.host_name = "client"};
	struct l2tp_open open = {.path = {addr_from_ip4(CLIENT_IP4), addr_from_ip4(SERVER_IP4), 1701, 1701}};
	struct spent spent = {0};
	b->rng = 88172645463325252ull;
	b->now = mono_add_s((struct mono){0}, 1000);
	b->inbox_last = &b->inbox;
	fake_dataplane_init(&b->fake);
	b->fake.wire = server_wire;
	CHECK(!conf_load_string(conf_text, "bench", &b->conf, &conf_err));
	b->cp = cp_new(b->conf, &b->fake.base, NULL, b->now, err, sizeof err);
	if (!b->cp)
		fprintf(stderr, "%s\n", err);
	CHECK(b->cp);
	b->cp->random = random_bytes;
	timers_init(&b->timers, b->now);
	b->l2tp = l2tp_new(&config, &client_l2tp_ops, b, &b->timers);
	b->crypto = ppp_crypto_new(NULL);
	CHECK(b->l2tp && b->crypto);
	ppp_conf_init(&b->ppp_conf, b->crypto);
	b->tunnel = l2tp_tunnel_open(b->l2tp, &open, b->now);
	CHECK(b->tunnel);
	for (unsigned i = 0; i < 20; i++)
		turn(&spent);
}

static void
end(void)
{
	l2tp_free(b->l2tp);
	cp_free(b->cp);
	conf_free(b->conf);
	ppp_crypto_free(b->crypto);
	fake_dataplane_fini(&b->fake);
}

int
main(int argc, char **argv)
{
	bool quick = argc == 2 && !strcmp(argv[1], "--quick");
	if (argc > 1 && !quick) {
		fprintf(stderr, "usage: %s [--quick]\n", argv[0]);
		return 2;
	}
	b->waves = quick ? 1 : N_WAVES;
	begin();
	printf("thread CPU time of a session in us, mean of %u; its record has %zu bytes\n", WAVE * b->waves,
	       sizeof(struct session));
	printf("%-10s %12s %12s %12s %12s %14s\n", "", "set-up", "client's", "end", "client's", "set-ups/s");
	measure(PPP_AUTH_PAP);
	measure(PPP_AUTH_CHAP_MD5);
	measure(PPP_AUTH_MSCHAP);
	measure(PPP_AUTH_MSCHAPV2);
	CHECK(!b->cp->ppp_stats.retransmits && !b->ppp_stats.retransmits);
	end();
	return 0;
}
