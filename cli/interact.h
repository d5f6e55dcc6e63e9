/* interact.h - the program at a terminal: a prompt with history, and completion that asks the server's grammar. */
#ifndef CLI_INTERACT_H
#define CLI_INTERACT_H

#include <stdbool.h>

/* interact: until `exit`, `quit` or end of file; the status of the last command. */
int interact(const char *socket_path, bool json);

/* run_words: one command over a connection of its own; the status to exit with. */
int run_words(const char *socket_path, const char *const *words, unsigned n, bool json);

#endif
