/* Runs segment scripts (README) against a stack: each in the variants that it does not rule out, IPv4 and IPv6.
 *
 *	script [-k] [-v] FILE ...       -k: against the kernel; -v: prints every packet
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dut.h"
#include "opt.h"
#include "packet.h"
#include "sim.h"

struct variant {
	bool v6, ts, sack;
};

static struct {
	const struct dut *dut;
	const char *file;
	unsigned line;
	struct variant v;
	struct dut_conf conf;
	struct peer peer;
	uint32_t tsval;  /* of the peer's first time stamp; 0: whatever */
	int64_t mark_us; /* of the last packet, either way */
	bool verbose, started;
	char why[256];
} r;

static bool __attribute__((format(printf, 1, 2))) fail(const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(r.why, sizeof r.why, format, ap);
	va_end(ap);
	return false;
}

static void
start(void)
{
	if (r.started)
		return;
	r.conf.v6 = r.v.v6;
	r.conf.peer_port = r.peer.port;
	r.dut->reset(&r.conf);
	if (r.tsval)
		r.peer.ts_offset = r.tsval - (uint32_t)(r.dut->now_us() / 1000);
	r.started = true;
	r.mark_us = r.dut->now_us();
}

/* --- packets */

static bool
inject(char *words)
{
	uint8_t ip[2048];
	struct wanted w;
	start();
	const char *bad = packet_parse(words, &r.peer, &w);
	if (bad)
		return fail("what is %s?", bad);
	unsigned n = packet_build(ip, &r.peer, &w, (uint32_t)(r.dut->now_us() / 1000));
	if (r.verbose)
		packet_print(stderr, "  >", ip, n, &r.peer);
	for (unsigned i = 0; i < w.times; i++)
		r.dut->inject(ip, n);
	r.mark_us = r.dut->now_us();
	return true;
}

static bool
expect(char *words)
{
	uint8_t ip[4096];
	struct wanted w;
	start();
	const char *bad = packet_parse(words, &r.peer, &w);
	if (bad)
		return fail("what is %s?", bad);
	for (unsigned i = 0; i < w.times; i++) {
		int64_t most = w.until_ms ? (int64_t)w.until_ms * 1000 : 20000, late = r.dut->real_time ? 60000 : 2000;
		unsigned n = r.dut->receive(ip, sizeof ip, most + late - (r.dut->now_us() - r.mark_us));
		int64_t after = r.dut->now_us() - r.mark_us;
		if (!n)
			return fail("no packet within %lld ms", (long long)(most / 1000));
		if (r.verbose)
			packet_print(stderr, "  <", ip, n, &r.peer);
		const char *differs = packet_compare(ip, n, &r.peer, &w);
		if (differs) {
			char text[200] = "";
			FILE *f = fmemopen(text, sizeof text - 1, "w");
			packet_print(f, "got", ip, n, &r.peer);
			fclose(f);
			return fail("%s differs: %s", differs, text);
		}
		if (after + late < (int64_t)w.from_ms * 1000)
			return fail("came after %lld ms already", (long long)(after / 1000));
		r.mark_us = r.dut->now_us();
	}
	return true;
}

static bool
expect_none(const char *ms)
{
	uint8_t ip[4096];
	start();
	int64_t until = r.dut->now_us() + atoll(ms) * 1000;
	unsigned n = r.dut->receive(ip, sizeof ip, until - r.dut->now_us());
	if (!n)
		return true;
	char text[200] = "";
	FILE *f = fmemopen(text, sizeof text - 1, "w");
	packet_print(f, "got", ip, n, &r.peer);
	fclose(f);
	return fail("a packet that should not be: %s", text);
}

/* skip: packets are taken as they come for so long; the peer sees them, and answers none. */
static bool
skip(const char *ms)
{
	uint8_t ip[4096];
	start();
	for (int64_t until = r.dut->now_us() + atoll(ms) * 1000; r.dut->now_us() < until;) {
		unsigned n = r.dut->receive(ip, sizeof ip, until - r.dut->now_us());
		if (n)
			packet_compare(ip, n, &r.peer, &(struct wanted){0});
		if (n && r.verbose)
			packet_print(stderr, "  ~", ip, n, &r.peer);
	}
	r.mark_us = r.dut->now_us();
	return true;
}

/* --- handshakes in short */

static bool
line_of(bool (*f)(char *), const char *text)
{
	char words[256];
	snprintf(words, sizeof words, "%s", text);
	return f(words);
}

static bool
handshake(const char *who)
{
	char syn[128];
	snprintf(syn, sizeof syn, "S mss %u ws 7 %s %s", r.peer.mss, r.v.sack ? "sackok" : "", r.v.ts ? "ts" : "nots");
	start();
	if (who && !strcmp(who, "active")) {
		if (!r.dut->connect() || !line_of(expect, "S"))
			return false;
		snprintf(syn, sizeof syn, "S. mss %u ws 7 %s %s", r.peer.mss, r.v.sack ? "sackok" : "",
			 r.v.ts ? "ts" : "nots");
		return line_of(inject, syn) && line_of(expect, ".");
	}
	/* With a round trip of 40 ms, that the stack may measure. */
	return r.dut->listen() && line_of(inject, syn) && line_of(expect, "S.") && skip("40") && line_of(inject, ".") &&
	       (r.dut->saw("OPEN") || fail("not open"));
}

/* --- the other words */

static bool
app(char *words)
{
	const char *verb = strtok(words, " "), *n = strtok(NULL, " "), *times = strtok(NULL, " ");
	start();
	if (!verb)
		return fail("app what?");
	if (!strcmp(verb, "listen"))
		return r.dut->listen() || fail("listen");
	if (!strcmp(verb, "connect"))
		return r.dut->connect() || fail("connect");
	if (!strcmp(verb, "send") || !strcmp(verb, "record")) {
		bool ok = true;
		r.mark_us = r.dut->now_us();
		for (int i = 0; ok && i < (times ? atoi(times) : 1); i++)
			ok = r.dut->send((unsigned)atoi(n ? n : "1"), *verb == 'r');
		return ok || fail("did not take it all");
	}
	if (!strcmp(verb, "fill")) {
		unsigned took = r.dut->fill((unsigned)atoi(n ? n : "0"));
		return !times || took == (unsigned)atoi(times) || fail("took %u", took);
	}
	if (!strcmp(verb, "window"))
		r.dut->window((unsigned)atoi(n ? n : "0"));
	else if (!strcmp(verb, "read"))
		r.dut->read();
	else if (!strcmp(verb, "shutdown"))
		r.dut->shutdown();
	else if (!strcmp(verb, "close"))
		r.dut->close();
	else if (!strcmp(verb, "abort"))
		r.dut->abort();
	else
		return fail("app %s?", verb);
	r.mark_us = r.dut->now_us();
	return true;
}

static bool
count(const char *name, const char *op, const char *value)
{
	int64_t is = r.dut->counter(name), want = value ? atoll(value) : 0;
	if (is < 0 && r.dut->real_time)
		return true;
	bool ok = !strcmp(op, "=") ? is == want : !strcmp(op, "<=") ? is <= want : is >= want;
	return ok || fail("%s is %lld", name, (long long)is);
}

static bool
set(const char *name, const char *value)
{
	uint32_t n = value ? (uint32_t)strtoul(value, NULL, 0) : 1;
	struct {
		const char *name;
		uint32_t *at;
	} numbers[] = {
		{"rcv", &r.conf.rcv_bytes},
		{"snd", &r.conf.snd_bytes},
		{"user-timeout", &r.conf.user_timeout_ms},
		{"keepalive", &r.conf.keepalive_ms},
		{"half-open", &r.conf.half_open},
		{"isn", &r.peer.isn},
		{"reorder", &r.conf.reorder_mbufs},
		{"window", &r.peer.window},
		{"mss", &r.peer.mss},
		{"iss", &r.conf.iss},
		{"tsval", &r.tsval},
	};
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (!strcmp(name, numbers[i].name)) {
			*numbers[i].at = n;
			if (numbers[i].at == &r.peer.isn)
				peer_renew(&r.peer, n);
			r.conf.has_iss |= numbers[i].at == &r.conf.iss;
			return true;
		}
	if (!strcmp(name, "ecn"))
		r.conf.ecn = true;
	else if (!strcmp(name, "delayed-ack"))
		r.conf.delayed_ack = true;
	else if (!strcmp(name, "paused"))
		r.conf.paused = true;
	else
		return fail("set %s?", name);
	return true;
}

/* step: one line. */
static bool
step(char *line)
{
	char *end = line + strcspn(line, "#\n");
	*end = 0;
	while (end > line && end[-1] == ' ')
		*--end = 0;
	line += strspn(line, " \t");
	if (!*line)
		return true;
	char *rest = line + strcspn(line, " ");
	if (*rest)
		*rest++ = 0;
	if (!strcmp(line, ">"))
		return inject(rest);
	if (!strcmp(line, "<"))
		return expect(rest);
	if (!strcmp(line, "app"))
		return app(rest);
	char *a = strtok(rest, " "), *b = strtok(NULL, " "), *c = strtok(NULL, " ");
	if (!strcmp(line, "none"))
		return expect_none(a);
	if (!strcmp(line, "skip"))
		return skip(a);
	if (!strcmp(line, "handshake"))
		return handshake(a);
	if (!strcmp(line, "set"))
		return set(a, b);
	if (!strcmp(line, "count"))
		return count(a, b, c);
	if (!strcmp(line, "saw"))
		return r.dut->saw(a) || fail("no %s", a);
	if (!strcmp(line, "received"))
		return r.dut->received() == strtoull(a, NULL, 0) || fail("received %lld", (long long)r.dut->received());
	if (!strcmp(line, "icmp")) {
		r.dut->icmp(r.peer.dut_iss + (uint32_t)strtoul(a, NULL, 0), (uint16_t)atoi(b ? b : "0"));
		return true;
	}
	if (!strcmp(line, "need"))
		return true;
	return fail("what is %s?", line);
}

static bool
run(void)
{
	char line[256];
	FILE *f = fopen(r.file, "r");
	bool ok = f || fail("cannot be read");
	r.line = 0;
	r.started = false;
	r.conf = (struct dut_conf){0};
	r.tsval = 0;
	r.peer = (struct peer){
		.v6 = r.v.v6, .ts = r.v.ts, .sack = r.v.sack, .window = 65535, .mss = r.v.v6 ? 1440 : 1460};
	static uint16_t port = 40000; /* another for each: the kernel remembers */
	r.peer.port = port++;
	peer_renew(&r.peer, 1000);
	while (ok && fgets(line, sizeof line, f)) {
		r.line++;
		ok = step(line);
		const char *wrong = ok && r.started ? r.dut->check() : NULL;
		if (wrong)
			ok = fail("%s", wrong);
	}
	if (f)
		fclose(f);
	r.dut->fini();
	if (!r.dut->real_time && sim_pool && rte_mempool_avail_count(sim_pool) != sim_pool->size && ok)
		ok = fail("%u buffers are missing", sim_pool->size - rte_mempool_avail_count(sim_pool));
	return ok;
}

/* rules_out: the script has a line "need WORD" that this variant, or this stack, does not give. */
static bool
rules_out(const struct variant *v)
{
	char line[256], word[32];
	FILE *f = fopen(r.file, "r");
	bool out = false;
	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "need %31s", word) != 1)
			continue;
		out |= (!strcmp(word, "sack") && !v->sack) || (!strcmp(word, "ts") && !v->ts) ||
		       (!strcmp(word, "nosack") && v->sack) || (!strcmp(word, "nots") && v->ts) ||
		       (!strcmp(word, "ours") && r.dut->real_time) || (!strcmp(word, "v4") && v->v6) ||
		       (!strcmp(word, "v6") && !v->v6);
	}
	if (f)
		fclose(f);
	return out;
}

int
main(int argc, char **argv)
{
	unsigned failed = 0, done = 0;
	r.dut = &dut_stack;
	for (int o; (o = getopt(argc, argv, "kv")) != -1;) {
		if (o == 'k')
			r.dut = &dut_kernel;
		r.verbose |= o == 'v';
	}
	if (!r.dut->real_time)
		sim_start(4000);
	for (int i = optind; i < argc; i++)
		for (unsigned bits = 0; bits < 8; bits++) {
			r.v = (struct variant){bits & 1, !(bits & 2), !(bits & 4)};
			r.file = argv[i];
			if (rules_out(&r.v))
				continue;
			done++;
			if (run())
				continue;
			failed++;
			fprintf(stderr, "%s:%u: %s (%s, IPv%d, %s, %s)\n", r.file, r.line, r.why, r.dut->name,
				r.v.v6 ? 6 : 4, r.v.ts ? "time stamps" : "no time stamps",
				r.v.sack ? "SACK" : "no SACK");
		}
	printf("%u scripts and variants, %u failed (%s)\n", done, failed, r.dut->name);
	return failed || !done;
}
