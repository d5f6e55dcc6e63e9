/* text.h - values as people read them; used by the server (`match` sees what the user sees) and by the program.
 * Any thread; no state. */
#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stddef.h>

#include <cli/value.h>

/* text_unit: the next character of [*p, end), p < end, in a form that is safe to print: valid UTF-8 as it is, a byte
 * that is a control character (C0, DEL, C1) or not UTF-8 as \xNN.  Moves *p past it; returns 1 to 4, the length of
 * unit. */
size_t text_unit(const char **p, const char *end, char unit[4]);

/* text_value: the text of v in buf, NUL-terminated, cut between characters where size is too small; returns its
 * length. */
size_t text_value(char *buf, size_t size, struct cli_value v);

/* text_width: how many columns of a terminal n bytes of safe UTF-8 take, one per character. */
size_t text_width(const char *s, size_t n);

/* text_kind_name, text_kind: the protocol's word for a kind, and back (CLI_NONE when there is none). */
const char *text_kind_name(enum cli_kind kind);
enum cli_kind text_kind(const char *name);

#endif
