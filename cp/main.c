/* main.c - millraced: reads the configuration, starts the dataplane and MAIN's loop, ends in order. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cli/server.h>

#include "aaa/acct.h"
#include "loop.h"
#include "reload.h"
#include "start.h"
#include "tls.h"

#define DEFAULT_CONF "/etc/millrace/millrace.conf"

/* What runs beside MAIN. */
struct running {
	struct dp *dp;
	struct tls_offload *tls; /* NULL: no SSTP */
	struct log *log;
};

static int usage(FILE *f);
static int check_only(const struct conf *conf, const char *path);
static int run(const struct conf *conf, const char *path);
static int start_tls(const struct conf *conf, struct dp_start *start, char *err, size_t err_len) INIT_ONLY;
static int run_main(const struct conf *conf, const char *path, const struct running *with);
static int open_accounting(struct cp *cp, char *err, size_t err_len) ON_MAIN;
static void log_start(struct log *log, const struct conf *conf, const struct dp *dp) ON_MAIN;
static void log_port(struct log *log, const struct dp *dp, unsigned port) ON_MAIN;
static void make_folder_of(const char *socket_path);

int
main(int argc, char **argv)
{
	const char *path = DEFAULT_CONF;
	bool test = false;
	for (int c; (c = getopt(argc, argv, "c:tVh")) != -1;) {
		switch (c) {
		case 'c':
			path = optarg;
			break;
		case 't':
			test = true;
			break;
		case 'V':
			puts("millraced " MILLRACE_VERSION);
			return 0;
		case 'h':
			usage(stdout);
			return 0;
		default:
			return usage(stderr);
		}
	}
	if (optind != argc)
		return usage(stderr);
	struct conf *conf;
	struct conf_error err;
	if (conf_load(path, &conf, &err) < 0) {
		fprintf(stderr, "millraced: %s\n", err.text);
		return 1;
	}
	int status = test ? check_only(conf, path) : run(conf, path);
	conf_free(conf);
	return status;
}

static int
usage(FILE *f)
{
	fputs("usage: millraced [-c FILE] [-t] [-V] [-h]\n"
	      "  -c FILE  configuration; " DEFAULT_CONF " without it\n"
	      "  -t       check the configuration, print the memory that it needs, start nothing\n"
	      "  -V       print the version\n",
	      f);
	return 2;
}

static int
check_only(const struct conf *conf, const char *path)
{
	for (unsigned i = 0; i < conf->notices.n; i++)
		printf("notice: %s\n", conf->notices.v[i]);
	char err[640];
	struct tls_contexts *tls = conf->sstp.enabled ? tls_contexts_of(conf, NULL, err, sizeof err) : NULL;
	if (conf->sstp.enabled && !tls) {
		fprintf(stderr, "millraced: %s: %s\n", path, err);
		return 1;
	}
	if (tls)
		tls_contexts_put(tls);
	bool enough = start_print_sizes(conf, stdout);
	printf("%s: %s\n", path, enough ? "good" : "cores.memory is too small");
	return enough ? 0 : 1;
}

static int
run(const struct conf *conf, const char *path)
{
	char err[512];
	struct log *log;
	struct dp *dp;
	sigset_t set;
	struct dp_start *start = start_dataplane(conf);
	role_assume_init();
	/* Before any thread starts, so that all of them inherit it: signals are read by MAIN's signalfd. */
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	int rc = start ? log_open(&log, conf->log.file, (enum log_level)conf->log.level) : -ENOMEM;
	if (rc) {
		fprintf(stderr, "millraced: log.file: %s: %s\n", conf->log.file, strerror(-rc));
		free(start);
		return 1;
	}
	rc = start_tls(conf, start, err, sizeof err);
	struct tls_offload *tls = start->tls;
	if (!rc)
		rc = dp_start(start, &dp, err, sizeof err);
	free(start);
	if (rc) {
		fprintf(stderr, "millraced: %s: %s\n", path, err);
		if (tls)
			tls_offload_free(tls);
		log_close(log);
		return 1;
	}
	if (tls)
		tls_offload_start(tls);
	int status = run_main(conf, path, &(struct running){dp, tls, log});
	if (tls)
		tls_offload_stop(tls);
	dp_stop(dp);
	if (tls)
		tls_offload_free(tls);
	log_close(log);
	return status;
}

/* start_tls: certificates, and the OFFLOAD threads' side of what the worker cores will have; -errno with a sentence. */
static int
start_tls(const struct conf *conf, struct dp_start *start, char *err, size_t err_len)
{
	if (!conf->sstp.enabled)
		return 0;
	role_assume_main();
	struct tls_contexts *contexts = tls_contexts_of(conf, NULL, err, err_len);
	if (!contexts)
		return -EINVAL;
	start->tls = tls_offload_of(conf, start->limits.conns);
	if (!start->tls) {
		snprintf(err, err_len, "sstp: out of memory for TLS");
		tls_contexts_put(contexts);
		return -ENOMEM;
	}
	tls_offload_contexts_set(start->tls, contexts);
	return 0;
}

static int
run_main(const struct conf *conf, const char *path, const struct running *with)
{
	struct dp *dp = with->dp;
	struct log *log = with->log;
	char err[512];
	struct dp_link link;
	struct loop loop;
	struct cli_server *cli = NULL;
	bool in_order = false;
	role_assume_init();
	role_assume_main();
	dp_link_init(&link, dp);
	struct cp *cp = cp_new(conf, &link.base, log, loop_now(), err, sizeof err);
	if (!cp) {
		fprintf(stderr, "millraced: %s\n", err);
		dp_link_fini(&link);
		return 1;
	}
	if (open_accounting(cp, err, sizeof err) < 0) {
		fprintf(stderr, "millraced: %s\n", err);
		cp_free(cp);
		dp_link_fini(&link);
		return 1;
	}
	cp->real_dp = dp;
	cp->tls = with->tls;
	cp->link = &link;
	make_folder_of(conf->control.socket);
	struct cli_server_conf cli_conf = {.path = conf->control.socket, .handlers = cp_handlers(), .context = cp};
	cp->reload = reload_new(cp, path);
	int rc = cp->reload ? cli_server_open(&cli, &cli_conf) : -ENOMEM;
	if (!rc)
		rc = loop_init(&loop, cp, &link, cli, conf->shutdown_timeout);
	if (rc) {
		fprintf(stderr, "millraced: control.socket: %s: %s\n", conf->control.socket, strerror(-rc));
	} else {
		log_start(log, conf, dp);
		in_order = loop_run(&loop);
		log_line(log, LOG_LEVEL_INFO, "millrace: ended%s", in_order ? "" : ", not every peer answered in time");
		loop_fini(&loop);
	}
	if (cli)
		cli_server_close(cli);
	reload_free(cp->reload);
	cp_free(cp);
	dp_link_fini(&link);
	return rc ? 1 : 0;
}

/* Records of before are sent, sessions of before closed, from the folder below state-directory unless another is named. */
static int
open_accounting(struct cp *cp, char *err, size_t err_len)
{
	char folder[1100];
	const struct conf_radius *c = &cp->conf->radius;
	if (!cp->aaa)
		return 0;
	if (c->acct_spool && *c->acct_spool) {
		snprintf(folder, sizeof folder, "%s", c->acct_spool);
	} else {
		mkdir(cp->conf->state_directory, 0755); /* the folder's own error says what came of it */
		snprintf(folder, sizeof folder, "%s/acct", cp->conf->state_directory);
	}
	return acct_open(cp->aaa, folder, cp->now, err, err_len);
}

static void
log_start(struct log *log, const struct conf *conf, const struct dp *dp)
{
	char address[ADDR_STRLEN];
	for (unsigned i = 0; i < conf->notices.n; i++)
		log_line(log, LOG_LEVEL_WARN, "millrace: %s", conf->notices.v[i]);
	for (unsigned i = 0; i < dp_ports(dp); i++)
		log_port(log, dp, i);
	for (unsigned i = 0; conf->l2tp.enabled && i < conf->l2tp.listen.n; i++)
		log_line(log, LOG_LEVEL_INFO, "l2tp: listening on %s port %u",
			 addr_str(&conf->l2tp.listen.v[i].addr, address), conf->l2tp.listen.v[i].port);
	for (unsigned i = 0; conf->sstp.enabled && i < conf->sstp.listen.n; i++)
		log_line(log, LOG_LEVEL_INFO, "sstp: listening on %s port %u",
			 addr_str(&conf->sstp.listen.v[i].addr, address), conf->sstp.listen.v[i].port);
	log_line(log, LOG_LEVEL_INFO, "millrace: started version=%s workers=%u", MILLRACE_VERSION, dp_workers(dp));
}

static void
log_port(struct log *log, const struct dp *dp, unsigned port)
{
	struct dp_port_info p;
	dp_port_info(dp, port, &p);
	log_line(log, LOG_LEVEL_INFO, "port %s: device=%s driver=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", p.name,
		 p.device, p.driver, p.mac[0], p.mac[1], p.mac[2], p.mac[3], p.mac[4], p.mac[5]);
}

/* /run is empty after a boot: our folder in it is made, no folder above it. */
static void
make_folder_of(const char *socket_path)
{
	char folder[256];
	const char *slash = strrchr(socket_path, '/');
	if (!slash || slash == socket_path)
		return;
	snprintf(folder, sizeof folder, "%.*s", (int)(slash - socket_path), socket_path);
	mkdir(folder, 0755); /* the socket's own error says what came of it */
}
