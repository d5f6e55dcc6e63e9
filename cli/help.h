/* help.h - the one command that the room answers itself, from the grammar.  MAIN only. */
#ifndef CLI_HELP_H
#define CLI_HELP_H

#include <cli/reply.h>

/* help_step: the handler of CLI_HELP; its context is the struct grammar. */
enum cli_step help_step(void *grammar, struct cli_call *call) ON_MAIN;

#endif
