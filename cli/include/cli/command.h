/* command.h - the commands of the control socket by name; the table itself is command.def.  Any thread; no state. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

enum cli_command {
#define CLI_COMMAND(id, pattern, help) CLI_##id,
#include <cli/command.def>
#undef CLI_COMMAND
	CLI_N_COMMANDS
};

#endif
