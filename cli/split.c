#include "split.h"

#include <errno.h>
#include <string.h>

/* take_word: moves one word to its own beginning, without quotes; returns where the line goes on, NULL for an open
 * quote. */
static char *
take_word(char *from)
{
	char *to = from, quote = '\0';
	for (; *from && (quote || !strchr(" \t", *from)); from++) {
		if (quote ? *from == quote : *from == '"' || *from == '\'') {
			quote = quote ? '\0' : *from;
			continue;
		}
		if (*from == '\\' && quote != '\'' && from[1])
			from++;
		*to++ = *from;
	}
	char *next = *from ? from + 1 : from;
	*to = '\0';
	return quote ? NULL : next;
}

int
split_line(char *line, const char **words, unsigned max)
{
	unsigned n = 0;
	for (;;) {
		line += strspn(line, " \t");
		if (!*line)
			return (int)n;
		if (n == max)
			return -E2BIG;
		words[n++] = line;
		line = take_word(line);
		if (!line)
			return -EINVAL;
	}
}
