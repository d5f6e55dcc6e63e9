#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"

#define STRANGER 0x0a4d0009
#define ANSWER_MAX (1 << 17)

struct world world;

static const char conf_text[] =
	"ports = ( { name = \"p0\"; device = \"net_null0\"; }, { name = \"p1\"; device = \"net_null1\"; } );\n"
	"interfaces = ( { name = \"access\"; port = \"p0\"; addresses = [ \"10.77.0.2/24\" ]; access = true; },\n"
	"  { name = \"core\"; port = \"p1\"; addresses = [ \"192.0.2.1/30\" ]; } );\n"
	"l2tp = { %s };\n"
	"authentication = { %s local-users = ( { username = \"u0\"; password = \"p\"; },\n"
	"  { username = \"u1\"; password = \"p\"; },\n"
	"  { username = \"u2\"; password = \"p\"; static-ip = \"10.99.0.1\"; } ); };\n"
	"default-pool = \"home\"; gateway-address = \"10.78.0.1\";\n%s\n";
static const char usual_l2tp[] = "secret = \"tunnel\"; idle-tunnel-timeout = 1000;";
static const char usual_top[] = "client-ip-pool = ( { name = \"home\"; range = [ \"10.78.1.0/24\" ]; } );";

/* --- what the server says ---------------------------------------------------------------------------------------- */

static void
keep_result(struct world_said *said, const struct l2tp_result *r)
{
	said->times++;
	said->result = r->code;
	said->error = r->error;
	l2tp_span_copy(&r->text, said->text, sizeof said->text);
}

static void
keep_text(struct world_said *said, const uint8_t *text, size_t len)
{
	said->times++;
	snprintf(said->text, sizeof said->text, "%.*s", (int)len, (const char *)text);
}

static void
keep_control(const struct fake_packet *p)
{
	const struct l2tp_reading how = {.secret = "tunnel"};
	struct l2tp_hdr h;
	struct l2tp_msg m;
	assert_int_equal(l2tp_hdr_parse(p->bytes, p->len, &h), L2TP_WHY_OK);
	if (!h.body_len)
		return;
	assert_int_equal(l2tp_msg_parse(h.body, h.body_len, &how, &m), L2TP_WHY_OK);
	if (m.type == L2TP_MSG_CDN)
		keep_result(&world.cdn, &m.result);
	if (m.type == L2TP_MSG_STOPCCN)
		keep_result(&world.stop, &m.result);
	if (m.type == L2TP_MSG_SCCRP)
		world.tid = m.tid;
}

static void
keep_frame(const uint8_t *frame, size_t len)
{
	unsigned proto = be16(frame), code = frame[2], packet_len = be16(frame + 4);
	assert_int_equal(packet_len + 2u, len);
	if (proto == PPP_LCP && code == TERM_REQ)
		keep_text(&world.term, frame + 6, len - 6);
	if (proto == PPP_CHAP && code == 4)
		keep_text(&world.auth, frame + 6, len - 6);
	if (world.on_frame)
		world.on_frame(frame, len);
}

static void
tap(struct twin *t, bool to_server, const struct fake_packet *p)
{
	(void)t;
	if (!to_server && p->control)
		keep_control(p);
	else if (!to_server)
		keep_frame(p->bytes, p->len);
}

static void
hold_close(struct dataplane *d, enum dp_msg type, uint64_t handle, const void *payload, const void *extra, size_t len)
{
	if (type == DP_MSG_SESSION_CLOSE && world.holding) {
		assert_true(world.n_held < WORLD_HELD);
		world.held[world.n_held++] = handle;
		return;
	}
	world.real->send(d, type, handle, payload, extra, len);
}

void
world_release(void)
{
	world.holding = false;
	for (unsigned i = 0; i < world.n_held; i++)
		world.real->send(&world.t.fake.base, DP_MSG_SESSION_CLOSE, world.held[i], NULL, NULL, 0);
	world.n_held = 0;
}

/* --- begin and end ----------------------------------------------------------------------------------------------- */

static const char *
in_dir(const char *name)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s", world.dir, name);
	return path;
}

void
world_begin(const char *auth, const char *l2tp, const char *top)
{
	char conf[2048];
	memset(&world, 0, sizeof world);
	snprintf(world.dir, sizeof world.dir, "/tmp/millrace-cause.XXXXXX");
	assert_non_null(mkdtemp(world.dir));
	assert_int_equal(log_open(&world.log, in_dir("log"), LOG_LEVEL_INFO), 0);
	snprintf(conf, sizeof conf, conf_text, l2tp ? l2tp : usual_l2tp, auth ? auth : "", top ? top : usual_top);
	twin_init(&world.t, &(struct twin_args){.conf = conf, .seed = 1, .log = world.log});
	world.t.tap = tap;
	world.real = world.t.fake.base.ops;
	world.ops = *world.real;
	world.ops.send = hold_close;
	world.t.fake.base.ops = &world.ops;
	world.holding = true;
}

void
world_end(void)
{
	if (world.log)
		world_log();
	twin_fini(&world.t);
	unlink(in_dir("log"));
	rmdir(world.dir);
}

/* --- log and control socket -------------------------------------------------------------------------------------- */

static const char *
content(FILE *f)
{
	static char text[ANSWER_MAX];
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

const char *
world_log(void)
{
	log_close(world.log);
	world.log = world.t.cp->log = NULL;
	return content(fopen(in_dir("log"), "r"));
}

const char *
world_ask(const char *command)
{
	return ask(world.t.cp, in_dir("socket"), command, world.t.now);
}

/* --- what is said to the server ---------------------------------------------------------------------------------- */

void
world_say(const void *frame, size_t len)
{
	struct l2tp_call *call = world.t.calls[0].call;
	call->bearer.ops->send(&call->bearer, frame, len, world.t.now);
}

void
world_tell(struct build *b, uint16_t ns, uint16_t nr)
{
	struct fake_packet p = {.control = true, .len = l2tp_build_end(b)};
	p.path = (struct l2tp_path){addr_from_ip4(STRANGER), addr_from_ip4(0x0a4d0002), 1701, 1701};
	memcpy(p.bytes, b->bytes, p.len);
	put_be16(p.bytes + L2TP_CTL_NS, ns);
	put_be16(p.bytes + L2TP_CTL_NR, nr);
	fake_dataplane_arrive(&world.t.fake, &p);
	twin_run_ms(&world.t, 100);
}
