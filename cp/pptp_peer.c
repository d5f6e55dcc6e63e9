#include "pptp_peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ask.h"

#define STEP_MS 10

struct pptp_peer peer;

/* --- the world: no delay, nothing is lost ------------------------------------------------------------------------ */

static void
on_wire(void *arg, const struct fake_packet *p)
{
	(void)arg;
	assert_true(!p->control && peer.n_frames < PEER_FRAMES);
	peer.frames[peer.n_frames++] = *p;
}

static void
on_stream(void *arg, uint64_t conn, const uint8_t *bytes, size_t len, bool closed)
{
	(void)arg;
	assert_true(conn == PEER_CONN && peer.n_stream + len <= sizeof peer.stream);
	if (len)
		memcpy(peer.stream + peer.n_stream, bytes, len);
	peer.n_stream += len;
	peer.closes += closed;
}

static const char *
in_dir(const char *name)
{
	static char path[64];
	snprintf(path, sizeof path, "%s/%s", peer.dir, name);
	return path;
}

void
peer_begin(const char *conf)
{
	char err[256] = "";
	struct conf_error conf_err;
	const struct dp_conn_open open = {.local = addr_from_ip4(0x0ac81402),
					  .peer = addr_from_ip4(0xc0a8012f),
					  .local_port = 1723,
					  .peer_port = 2000,
					  .stream = DP_STREAM_PPTP};
	memset(&peer, 0, sizeof peer);
	snprintf(peer.dir, sizeof peer.dir, "/tmp/millrace-pptp.XXXXXX");
	assert_non_null(mkdtemp(peer.dir));
	assert_int_equal(log_open(&peer.log, in_dir("log"), LOG_LEVEL_INFO), 0);
	peer.now = (struct mono){1000000000};
	fake_dataplane_init(&peer.fake);
	peer.fake.wire = on_wire;
	peer.fake.stream = on_stream;
	if (conf_load_string(conf, "pptp.conf", &peer.conf, &conf_err) < 0)
		fail_msg("%s", conf_err.text);
	peer.cp = cp_new(peer.conf, &peer.fake.base, peer.log, peer.now, err, sizeof err);
	if (!peer.cp)
		fail_msg("%s", err);
	fake_dataplane_say(&peer.fake, DP_MSG_CONN_OPEN, PEER_CONN, &open, NULL, 0);
	peer_run_ms(10);
}

void
peer_end(void)
{
	peer_log();
	cp_free(peer.cp);
	conf_free(peer.conf);
	fake_dataplane_fini(&peer.fake);
	unlink(in_dir("log"));
	rmdir(peer.dir);
}

void
peer_run_ms(unsigned ms)
{
	for (unsigned at = 0; at <= ms; at += STEP_MS) {
		if (peer.idle)
			peer.idle();
		fake_dataplane_deliver(&peer.fake, peer.cp, peer.now);
		cp_step(peer.cp, peer.now);
		peer.now = mono_add_ms(peer.now, STEP_MS);
	}
}

/* --- the control connection -------------------------------------------------------------------------------------- */

void
peer_say(const struct pptp_msg *m)
{
	uint8_t bytes[PPTP_MSG_MAX];
	fake_dataplane_say(&peer.fake, DP_MSG_STREAM_IN, PEER_CONN, NULL, bytes, pptp_build(bytes, m));
	peer_run_ms(STEP_MS);
}

struct pptp_msg
peer_hear(enum pptp_type type)
{
	struct pptp_msg m;
	size_t len = 0;
	if (peer.n_read == peer.n_stream)
		fail_msg("heard nothing, expected %s", pptp_type_name(type));
	assert_int_equal(pptp_next(peer.stream + peer.n_read, peer.n_stream - peer.n_read, &len, &m), PPTP_WHOLE);
	assert_string_equal(pptp_type_name(m.type), pptp_type_name(type));
	peer.n_read += len;
	return m;
}

void
peer_quiet(void)
{
	assert_int_equal(peer.n_read, peer.n_stream);
}

void
peer_start(void)
{
	peer_say(&(struct pptp_msg){.type = PPTP_SCCRQ, .version = 0x100, .host = "client", .vendor = "Microsoft"});
	assert_int_equal(peer_hear(PPTP_SCCRP).result, 1);
	peer_quiet();
}

struct fake_session *
peer_call(uint16_t our_id)
{
	peer_say(&(struct pptp_msg){.type = PPTP_OCRQ, .call_id = our_id, .window = 64});
	struct pptp_msg m = peer_hear(PPTP_OCRP);
	assert_int_equal(m.result, 1);
	assert_int_equal(m.peer_call_id, our_id);
	peer.session = &peer.fake.sessions[m.call_id];
	assert_true(peer.session->open);
	assert_int_equal(peer.session->how.peer_sid, our_id);
	return peer.session;
}

void
peer_gone(enum dp_conn_gone_reason reason)
{
	const struct dp_conn_gone gone = {.reason = (uint8_t)reason};
	fake_dataplane_say(&peer.fake, DP_MSG_CONN_GONE, PEER_CONN, &gone, NULL, 0);
	peer_run_ms(100);
}

/* --- PPP --------------------------------------------------------------------------------------------------------- */

void
peer_ppp(uint16_t proto, uint8_t code, uint8_t id, const void *data, size_t len)
{
	struct fake_packet p = {.sid = peer.session->how.our_sid, .len = 6 + len};
	put_be16(p.bytes, proto);
	p.bytes[2] = code;
	p.bytes[3] = id;
	put_be16(p.bytes + 4, (uint16_t)(4 + len));
	if (len)
		memcpy(p.bytes + 6, data, len);
	fake_dataplane_arrive(&peer.fake, &p);
	peer_run_ms(STEP_MS);
}

void
peer_ack(const struct fake_packet *request)
{
	const struct fake_packet p = *request; /* its place may be used again */
	peer_ppp(be16(p.bytes), CONF_ACK, p.bytes[3], p.bytes + 6, p.len - 6);
}

const struct fake_packet *
peer_heard(const char *want)
{
	if (peer.n_seen >= peer.n_frames)
		fail_msg("heard nothing, expected %s", want);
	const struct fake_packet *p = &peer.frames[peer.n_seen++];
	ppp_trace_format(peer.line, sizeof peer.line, p->bytes, p->len);
	const char *star = strchr(want, '*');
	size_t n = star ? (size_t)(star - want) : strlen(want) + 1, len = strlen(peer.line);
	size_t tail = star ? strlen(star + 1) : 0;
	if (strncmp(peer.line, want, n) != 0 || len < tail || (star && strcmp(peer.line + len - tail, star + 1) != 0))
		fail_msg("heard %s, expected %s", peer.line, want);
	return p;
}

void
peer_silence(void)
{
	if (peer.n_seen < peer.n_frames)
		peer_heard("nothing more");
}

/* --- what operators see ------------------------------------------------------------------------------------------ */

const char *
peer_ask(const char *command)
{
	return ask(peer.cp, in_dir("socket"), command, peer.now);
}

const char *
peer_log(void)
{
	static char text[1 << 16];
	if (peer.log)
		log_close(peer.log);
	peer.log = peer.cp->log = NULL;
	FILE *f = fopen(in_dir("log"), "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

void
peer_must(const char *text, const char *want)
{
	if (!strstr(text, want))
		fail_msg("no \"%s\" in\n%s", want, text);
}
