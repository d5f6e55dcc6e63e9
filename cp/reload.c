#include "reload.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aaa/aaa.h"
#include "era.h"
#include "lns.h"
#include "sstp_server.h"
#include "stock.h"
#include "tls.h"

struct reload {
	struct cp *cp;
	const char *path;
	pthread_t thread;
	bool reading;   /* the thread has been started and not joined */
	uint64_t asked; /* tickets given */
	uint64_t taken; /* those that the reading under way, or the last one, is for */
	uint64_t done;  /* those that are over */
	const struct conf *running;
	const struct tls_contexts *former; /* both stay what they are until we change them */
	/* the thread's until `read` is true */
	atomic_bool read;
	struct conf *conf;
	struct tls_contexts *tls; /* NULL: none, or at fault */
	struct conf_error conf_err;
	char tls_err[512];
	/* of the last one that is over */
	bool ok;
	char result[640];
};

static void *read_file(void *arg);
static void drop(struct reload *r) ON_MAIN;
static void start(struct reload *r) ON_MAIN;
static void finish(struct reload *r) ON_MAIN;
static void set_log_level(struct cp *cp) ON_MAIN;

struct reload *
reload_new(struct cp *cp, const char *path)
{
	struct reload *r = calloc(1, sizeof *r);
	if (!r)
		return NULL;
	r->cp = cp;
	r->path = path;
	return r;
}

void
reload_free(struct reload *r)
{
	if (r && r->reading) {
		pthread_join(r->thread, NULL);
		drop(r);
	}
	free(r);
}

static void
drop(struct reload *r)
{
	conf_free(r->conf);
	if (r->tls)
		tls_contexts_put(r->tls);
}

uint64_t
reload_begin(struct reload *r)
{
	return ++r->asked;
}

void
reload_step(struct reload *r)
{
	if (!r->reading && r->taken < r->asked)
		start(r);
	else if (r->reading && atomic_load_explicit(&r->read, memory_order_acquire))
		finish(r);
}

static void
start(struct reload *r)
{
	r->taken = r->asked;
	r->running = r->cp->conf;
	r->former = r->cp->tls ? tls_offload_contexts(r->cp->tls, TLS_SERVER) : NULL;
	r->conf = NULL;
	r->tls = NULL;
	*r->tls_err = 0;
	atomic_store_explicit(&r->read, false, memory_order_relaxed);
	int rc = pthread_create(&r->thread, NULL, read_file, r);
	r->reading = !rc;
	if (!rc)
		return;
	r->done = r->taken;
	r->ok = false;
	snprintf(r->result, sizeof r->result, "no thread to read %s: %s", r->path, strerror(rc));
}

static void *
read_file(void *arg)
{
	struct reload *r = arg;
	int rc = conf_load_beside(r->path, r->running, &r->conf, &r->conf_err);
	/* Certificates may be many, and lie on a slow disk. */
	if (!rc && r->cp->tls && r->conf->sstp.enabled)
		r->tls = tls_contexts_of(r->conf, r->former, r->tls_err, sizeof r->tls_err);
	atomic_store_explicit(&r->read, true, memory_order_release);
	return NULL;
}

static void
finish(struct reload *r)
{
	struct cp *cp = r->cp;
	char err[512] = "";
	snprintf(err, sizeof err, "%s", r->tls_err);
	pthread_join(r->thread, NULL);
	r->reading = false;
	r->done = r->taken;
	r->ok = r->conf && !*err && !reload_apply(cp, r->conf, r->tls, err, sizeof err);
	if (r->ok) {
		snprintf(r->result, sizeof r->result, "%u users, %u pools", conf_users(cp->conf),
			 cp->conf->client_ip_pool.n);
		log_line(cp->log, LOG_LEVEL_INFO, "millrace: reloaded %s: %s", r->path, r->result);
		return;
	}
	if (r->conf)
		snprintf(r->result, sizeof r->result, "%s: %s", r->path, err);
	else
		snprintf(r->result, sizeof r->result, "%s", r->conf_err.text);
	drop(r);
	log_line(cp->log, LOG_LEVEL_ERROR, "millrace: not reloaded: %s", r->result);
}

const char *
reload_result(const struct reload *r, uint64_t ticket, bool *ok)
{
	*ok = r->ok;
	return r->done >= ticket ? r->result : NULL;
}

/* All that can fail comes first. */
int
reload_apply(struct cp *cp, struct conf *conf, struct tls_contexts *tls, char *err, size_t err_len)
{
	const struct conf *old = cp->conf;
	struct pool4_set *pools;
	struct users users;
	if (conf->radius.enabled != !!cp->aaa) {
		snprintf(err, err_len, "radius: the section is %s, which takes a restart", cp->aaa ? "gone" : "new");
		return -EINVAL;
	}
	int rc = stock_ready(cp, conf, &pools, err, err_len);
	if (rc)
		return rc;
	rc = cp->aaa ? aaa_configure(cp->aaa, conf, cp->now, err, err_len) : 0;
	if (rc) {
		stock_drop(cp, pools, conf);
		return rc;
	}
	struct era *era = era_new(conf, cp->crypto);
	bool indexed = users_init(&users, conf) == 0;
	cp->conf = conf;
	if (!era || !indexed || lns_configure(cp) < 0) {
		cp->conf = old;
		if (cp->aaa)
			(void)aaa_configure(cp->aaa, old, cp->now, err, err_len);
		stock_drop(cp, pools, conf);
		if (indexed)
			users_fini(&users);
		era_put(era);
		snprintf(err, err_len, "out of memory");
		return -ENOMEM;
	}
	/* Handshakes from now on are made with the certificates as they are now; who is connected notices nothing. */
	if (tls)
		tls_offload_contexts_set(cp->tls, tls);
	sstp_server_configure(cp);
	era->owned = conf;
	users_fini(&cp->users);
	cp->users = users;
	stock_exchange(cp, pools, old, conf);
	set_log_level(cp);
	/* Last: the old configuration may go with it. */
	era_put(cp->era);
	cp->era = era;
	return 0;
}

static void
set_log_level(struct cp *cp)
{
	for (unsigned i = 0; i < cp->conf->notices.n; i++)
		log_line(cp->log, LOG_LEVEL_WARN, "millrace: %s", cp->conf->notices.v[i]);
	log_set_level(cp->log, (enum log_level)cp->conf->log.level);
}
