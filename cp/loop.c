#include "loop.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <cli/server.h>

#include "reload.h"

#define MESSAGES_PER_TURN 4096

static void wait_for_events(struct loop *l, bool busy) ON_MAIN;
static bool take_messages(struct loop *l, struct mono now) ON_MAIN;
static void log_links(struct loop *l) ON_MAIN;
static void take_signals(struct loop *l) ON_MAIN;
static void begin_end(struct loop *l, struct mono now) ON_MAIN;
static bool ended(struct loop *l, struct mono now) ON_MAIN;
static int watch(struct loop *l, int fd) ON_MAIN;

struct mono
loop_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct mono){(int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000};
}

int
loop_init(struct loop *l, struct cp *cp, struct dp_link *link, struct cli_server *cli, unsigned shutdown_s)
{
	sigset_t set;
	*l = (struct loop){.cp = cp, .link = link, .cli = cli, .shutdown_s = shutdown_s};
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	l->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->signal_fd < 0 || l->epoll_fd < 0)
		return -errno;
	int rc = watch(l, l->signal_fd);
	return rc ? rc : watch(l, cli_server_fd(cli));
}

static int
watch(struct loop *l, int fd)
{
	struct epoll_event e = {.events = EPOLLIN, .data.fd = fd};
	return epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e) < 0 ? -errno : 0;
}

void
loop_fini(struct loop *l)
{
	close(l->signal_fd);
	close(l->epoll_fd);
}

bool
loop_run(struct loop *l)
{
	bool busy = false;
	for (;;) {
		wait_for_events(l, busy);
		struct mono now = loop_now();
		busy = take_messages(l, now);
		cp_step(l->cp, now);
		cli_server_step(l->cli, now);
		take_signals(l);
		reload_step(l->cp->reload);
		begin_end(l, now);
		dp_link_step(l->link);
		dp_step(l->link->dp, now);
		log_links(l);
		if (l->ending && ended(l, now))
			return l->in_order;
	}
}

/* A turn that left messages behind does not sleep; an answer of the control socket that waits does not either. */
static void
wait_for_events(struct loop *l, bool busy)
{
	struct epoll_event events[4];
	bool at_once = busy || cli_server_deadline(l->cli).us <= l->cp->now.us;
	epoll_wait(l->epoll_fd, events, 4, at_once ? 0 : 1);
}

static bool
take_messages(struct loop *l, struct mono now)
{
	bool more = false;
	for (unsigned i = 0; i < l->link->base.n_workers; i++) {
		unsigned left = MESSAGES_PER_TURN;
		const struct byte_ring_rec *rec;
		for (; left && (rec = dp_recv(l->link->dp, i)); left--) {
			cp_message(l->cp, rec, now);
			dp_recv_done(l->link->dp, i);
		}
		more |= !left;
	}
	return more;
}

static void
log_links(struct loop *l)
{
	struct dp_port_info p;
	for (unsigned i = 0; i < dp_ports(l->link->dp); i++) {
		bool up = dp_port_link_up(l->link->dp, i);
		if (up == l->link_up[i])
			continue;
		l->link_up[i] = up;
		dp_port_info(l->link->dp, i, &p);
		log_line(l->cp->log, up ? LOG_LEVEL_INFO : LOG_LEVEL_WARN, "port %s: link %s", p.name,
			 up ? "up" : "down");
	}
}

static void
take_signals(struct loop *l)
{
	struct signalfd_siginfo info;
	while (read(l->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
		if (info.ssi_signo == SIGHUP)
			reload_begin(l->cp->reload);
		else
			l->signals++;
	}
}

static void
begin_end(struct loop *l, struct mono now)
{
	struct cp *cp = l->cp;
	bool wanted = l->signals || cp->end_requested || (cp->refusing && cp->end_when_empty && !cp_sessions(cp));
	if (!wanted || l->ending)
		return;
	l->ending = true;
	l->in_order = true;
	l->end_by = mono_add_s(now, l->shutdown_s);
	l->hard_at = mono_add_ms(l->end_by, l->shutdown_s > 3 ? -2000 : -(int64_t)l->shutdown_s * 500);
	log_line(cp->log, LOG_LEVEL_INFO, "millrace: shutting down, %u sessions", cp_sessions(cp));
	cp_shutdown(cp, now);
}

static bool
ended(struct loop *l, struct mono now)
{
	if (cp_idle(l->cp, now))
		return true;
	if (l->in_order && mono_reached(now, l->hard_at)) {
		l->in_order = false;
		cp_shutdown_hard(l->cp, now);
	}
	return mono_reached(now, l->end_by) || l->signals > 1;
}
