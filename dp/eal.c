/* init-only file */
#include "eal.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "port.h"

#define ARGS_MAX 128
#define ARG_LEN 320

struct args {
	int n;
	char *v[ARGS_MAX + 1];
	char text[ARGS_MAX][ARG_LEN];
};

static void arg(struct args *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void arg_lcores(struct args *a, const struct dp_start *s);
static void arg_devices(struct args *a, const struct dp_start *s);
static int check_cpus(const struct dp_start *s, struct eal_log *l);

int
eal_log_open(struct eal_log *l)
{
	*l = (struct eal_log){0};
	l->stream = open_memstream(&l->text, &l->len);
	if (!l->stream)
		return -ENOMEM;
	rte_openlog_stream(l->stream);
	return 0;
}

void
eal_log_mark(struct eal_log *l)
{
	fflush(l->stream);
	l->mark = (long)l->len;
}

void
eal_log_first(struct eal_log *l, char *out, size_t len)
{
	fflush(l->stream);
	const char *line = l->text + l->mark;
	snprintf(out, len, "%.*s", (int)strcspn(line, "\n"), line);
}

void
eal_log_close(struct eal_log *l)
{
	rte_openlog_stream(NULL);
	if (l->stream)
		fclose(l->stream);
	free(l->text);
	*l = (struct eal_log){0};
}

int
eal_start(const struct dp_start *s, struct eal_log *l)
{
	int e = check_cpus(s, l);
	if (e < 0)
		return e;
	static struct args a;
	a.n = 0;
	arg(&a, "millrace");
	arg_lcores(&a, s);
	arg(&a, "-m");
	arg(&a, "%u", s->memory_mib);
	arg(&a, "--file-prefix=millrace-%d", (int)getpid());
	arg(&a, "--log-level=error");
	arg(&a, "--no-telemetry");
	if (s->hugepages) {
		arg(&a, "--in-memory");
		arg(&a, "--single-file-segments"); /* memif without a copy needs it */
	} else {
		arg(&a, "--no-huge");
		arg(&a, "--no-shconf");
	}
	arg_devices(&a, s);
	for (unsigned i = 0; i < s->n_eal_arguments; i++)
		arg(&a, "%s", s->eal_arguments[i]);
	if (a.n > ARGS_MAX) {
		snprintf(l->sentence, sizeof l->sentence, "too many EAL arguments: at most %d", ARGS_MAX);
		return -E2BIG;
	}

	/* DPDK's threads inherit the mask: signals are MAIN's, but for faults of their own, and for the real-time ones that
	 * net_tap sends (dp.h). */
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t all, old;
	sigfillset(&all);
	for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++)
		sigdelset(&all, faults[i]);
	pthread_sigmask(SIG_BLOCK, &all, &old);
	eal_log_mark(l);
	e = rte_eal_init(a.n, a.v) < 0 ? -rte_errno : 0;
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++)
		sigaddset(&old, sig);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	/* EAL makes it, also when it then fails; without its shared configuration nothing is put there. */
	rmdir(rte_eal_get_runtime_dir());
	if (!e)
		return 0;
	char said[256];
	eal_log_first(l, said, sizeof said);
	snprintf(l->sentence, sizeof l->sentence, "DPDK does not start: %s%s", said[0] ? said : strerror(-e),
		 s->hugepages ? " (cores.hugepages = true needs them: sysctl vm.nr_hugepages)" : "");
	return e < 0 ? e : -EIO;
}

static void
arg(struct args *a, const char *format, ...)
{
	va_list list;
	if (a->n < ARGS_MAX) {
		va_start(list, format);
		vsnprintf(a->text[a->n], ARG_LEN, format, list);
		va_end(list);
		a->v[a->n] = a->text[a->n];
		a->v[a->n + 1] = NULL;
	}
	a->n++;
}

/* Each lcore on its cpu, and several may share one: 0@0,1@1. */
static void
arg_lcores(struct args *a, const struct dp_start *s)
{
	char list[ARG_LEN];
	int n = snprintf(list, sizeof list, "0@%u", s->main_cpu);
	for (unsigned i = 0; i < s->n_workers && n < (int)sizeof list; i++)
		n += snprintf(list + n, sizeof list - (size_t)n, ",%u@%u", eal_lcore_of(i), s->workers[i]);
	arg(a, "--lcores=%s", list);
}

/* PCI devices must be allowed before EAL looks for them; without any it shall not look at the machine's own cards. */
static void
arg_devices(struct args *a, const struct dp_start *s)
{
	unsigned n = 0;
	for (unsigned i = 0; i < s->n_ports; i++)
		if (port_is_pci(s->ports[i].device, NULL)) {
			arg(a, "--allow=%s", s->ports[i].device);
			n++;
		}
	if (!n)
		arg(a, "--no-pci");
}

static int
check_cpus(const struct dp_start *s, struct eal_log *l)
{
	cpu_set_t set;
	if (sched_getaffinity(0, sizeof set, &set) < 0)
		return 0;
	if (s->main_cpu >= CPU_SETSIZE || !CPU_ISSET(s->main_cpu, &set)) {
		snprintf(l->sentence, sizeof l->sentence, "cores.main: there is no cpu %u for us", s->main_cpu);
		return -EINVAL;
	}
	for (unsigned i = 0; i < s->n_workers; i++)
		if (s->workers[i] >= CPU_SETSIZE || !CPU_ISSET(s->workers[i], &set)) {
			snprintf(l->sentence, sizeof l->sentence, "cores.workers: there is no cpu %u for us",
				 s->workers[i]);
			return -EINVAL;
		}
	return 0;
}

void
eal_stop(void)
{
	rte_eal_cleanup();
}
