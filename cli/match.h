/* match.h - `match COLUMN REGEX`: a PCRE2 expression whose cost is bounded.
 *
 * The expression comes from the user and runs on MAIN: its length, its compiled size (PCRE2 refuses what exceeds 64
 * KiB) and the backtracking of one comparison are limited.  The owner of a struct match is its only caller. */
#ifndef CLI_MATCH_H
#define CLI_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#define MATCH_PATTERN_MAX 256

struct match {
	void *code, *data, *limits; /* PCRE2's; NULL when there is no expression */
};

/* match_init: 0, or -EINVAL with PCRE2's reason and place in error. */
int match_init(struct match *m, const char *pattern, char *error, size_t error_size);
void match_fini(struct match *m);

/* match_text: 1 when the expression is found somewhere in n bytes of valid UTF-8, 0 when not, -E2BIG when it cost more
 * than a comparison may. */
int match_text(struct match *m, const char *text, size_t n);

#endif
