#include "help.h"

#include <stdio.h>

#include "call.h"

static void ON_MAIN
say(struct cli_call *pub, const struct grammar_command *command)
{
	char line[320];
	cli_text(pub, command->pattern);
	snprintf(line, sizeof line, "    %s", command->help);
	cli_text(pub, line);
}

enum cli_step
help_step(void *grammar, struct cli_call *pub)
{
	const struct grammar *g = grammar;
	const struct request *r = &((struct call *)(void *)pub)->request;
	if (pub->cursor == g->n_commands)
		return pub->count ? CLI_DONE : cli_misused(pub, "no command begins so; see help");
	const struct grammar_command *command = &g->commands[pub->cursor++];
	if (grammar_begins(command, r->words + 1, r->n_words - 1)) {
		say(pub, command);
		pub->count++;
	}
	return CLI_MORE;
}
