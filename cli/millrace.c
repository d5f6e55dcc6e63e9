/* millrace: the operator's program.  Words go to millraced over its control socket; its answer is shown. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cli/server.h>

#include "answer.h"
#include "interact.h"
#include "request.h"
#include "split.h"

struct options {
	const char *socket;
	bool json, help, version;
};

static const struct option long_options[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

static void
print_usage(FILE *out)
{
	fputs("usage: millrace [-s SOCKET] [--json] WORD...    run one command\n"
	      "       millrace [-s SOCKET] [--json]            at a terminal: a prompt\n"
	      "       millrace -h | -V\n",
	      out);
}

static void
print_help(void)
{
	print_usage(stdout);
	fputs("\n"
	      "  -s, --socket SOCKET  the control socket of millraced (" CLI_DEFAULT_SOCKET ")\n"
	      "  -j, --json           answer in JSON\n"
	      "  -h, --help           this\n"
	      "  -V, --version        the version\n"
	      "  --                   what follows are words, even if they begin with a dash\n"
	      "\n"
	      "Exit status: 0 done, 1 the command failed, 2 wrong usage, 3 no answer from the daemon.\n"
	      "Commands, of whose words any unique beginning will do:\n"
	      "\n",
	      stdout);
#define CLI_COMMAND(id, pattern, help) printf("  %s\n      %s\n", pattern, help);
#include <cli/command.def>
#undef CLI_COMMAND
}

static int
parse_options(struct options *o, int argc, char **argv)
{
	int c;
	*o = (struct options){.socket = CLI_DEFAULT_SOCKET};
	while ((c = getopt_long(argc, argv, "s:jhV", long_options, NULL)) != -1) {
		if (c == '?')
			return -1;
		if (c == 's')
			o->socket = optarg;
		o->json |= c == 'j';
		o->help |= c == 'h';
		o->version |= c == 'V';
	}
	return 0;
}

/* run_arguments: a single argument may hold the whole command, as in millrace "show sessions". */
static int
run_arguments(const struct options *o, char **argv, int n)
{
	const char *words[REQUEST_WORDS_MAX];
	if (n == 1)
		n = split_line(argv[0], words, REQUEST_WORDS_MAX);
	else
		for (int i = 0; i < n && i < REQUEST_WORDS_MAX; i++)
			words[i] = argv[i];
	if (n <= 0 || n > REQUEST_WORDS_MAX) {
		fprintf(stderr, "millrace: a command has 1 to %d words and closed quotes\n", REQUEST_WORDS_MAX);
		return STATUS_USAGE;
	}
	return run_words(o->socket, words, (unsigned)n, o->json);
}

int
main(int argc, char **argv)
{
	struct options o;
	if (parse_options(&o, argc, argv) < 0) {
		print_usage(stderr);
		return STATUS_USAGE;
	}
	if (o.version) {
		puts("millrace " MILLRACE_VERSION);
		return STATUS_OK;
	}
	if (o.help) {
		print_help();
		return STATUS_OK;
	}
	if (optind < argc)
		return run_arguments(&o, argv + optind, argc - optind);
	if (isatty(STDIN_FILENO))
		return interact(o.socket, o.json);
	print_usage(stderr);
	return STATUS_USAGE;
}
