/* split.h - a line of an interactive user into words: blanks separate, "..." and '...' keep them, \ takes the next
 * character as it is (not within '...').  A regular expression with backslashes is best written in '...'. */
#ifndef CLI_SPLIT_H
#define CLI_SPLIT_H

/* split_line: cuts `line` in place; the words, at most max, point into it.  Returns how many, or -EINVAL when a quote
 * is left open, -E2BIG when there are more. */
int split_line(char *line, const char **words, unsigned max);

#endif
