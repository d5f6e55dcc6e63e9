/* man.c - millrace.conf(5) from the key tables; runs at build time: man HEAD TAIL > millrace.conf.5 */
#include <stdlib.h>

#include "conf/reader.h"

/* roff: text in which a leading dot or quote, a backslash and a minus are themselves. */
static void
roff(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
}

static void
print_default(const struct conf_row *row)
{
	bool quoted = row->type == CONF_STRING || row->type == CONF_WORD || row->type == CONF_ENDPOINT;
	if (row->def_text) {
		fputs(" Default: ", stdout);
		roff(row->def_text);
	} else if (row->def && row->list) {
		fputs(" Default: ", stdout);
		roff(row->def);
	} else if (row->def) {
		printf(quoted ? " Default: \"" : " Default: ");
		roff(row->def);
		fputs(quoted ? "\"" : "", stdout);
	}
	if (row->def || row->def_text)
		putchar('.');
	for (unsigned p = 0; p < CONF_PROTOCOLS && !row->def_text; p++)
		if (row->def_for[p]) {
			printf(" In %s: ", conf_protocol_words[p].word);
			roff(row->def_for[p]);
			putchar('.');
		}
}

static void
print_words_later(const struct conf_row *row)
{
	bool any = false;
	for (const struct conf_word *w = row->words; w && w->word; w++) {
		if (!w->later)
			continue;
		fputs(any ? ", \"" : " Not in this release: \"", stdout);
		roff(w->word);
		putchar('"');
		any = true;
	}
	fputs(any ? "." : "", stdout);
}

static void
print_flags(const struct conf_row *row)
{
	if (row->flags & ROW_REQUIRED)
		fputs(" Required.", stdout);
	if (row->flags & ROW_RESTART)
		fputs(" A change takes a restart.", stdout);
	if (row->flags & ROW_LATER)
		fputs(" Not in this release: checked, reported, ignored.", stdout);
	else
		print_words_later(row);
	if (row->flags & ROW_VOID)
		printf(" Ignored: %s.", row->why);
}

static void
print_why(const struct conf_row *row)
{
	if (strncmp(row->why, "RFC ", 4) == 0 || strncmp(row->why, "MS-", 3) == 0) {
		fputs(" (", stdout);
		roff(row->why);
		putchar(')');
	}
	putchar('\n');
}

static void
print_key(const struct conf_row *row)
{
	char expects[CONF_TEXT];
	fputs(".TP\n.B ", stdout);
	roff(row->name);
	fputs("\n", stdout);
	roff(row->help);
	fputs("\nExpects ", stdout);
	roff(conf_row_expects(row, expects));
	putchar('.');
	print_default(row);
	print_flags(row);
	print_why(row);
}

static void print_keys(const struct conf_table *t);

/* elsewhere: an embedded table that has a section of its own, unless this is that section. */
static bool
elsewhere(const struct conf_table *t, const struct conf_row *row)
{
	return t != &conf_access_table && (row->sub == &conf_access_table || row->sub == &conf_access_common_table);
}

static void
print_row(const struct conf_table *t, const struct conf_row *row)
{
	if (row->type != CONF_EMBED)
		print_key(row);
	else if (!elsewhere(t, row))
		print_keys(row->sub);
	else
		puts(".TP\n.B and\nall keys of PER PROTOCOL.");
}

static void
print_keys(const struct conf_table *t)
{
	for (unsigned i = 0; i < t->n; i++)
		print_row(t, &t->rows[i]);
}

/* print_section: the keys of a group, and those of the groups in it, each under the path to it. */
static void
print_section(const struct conf_table *t, const char *path)
{
	if (*path) {
		fputs(".SS ", stdout);
		roff(path);
		putchar('\n');
	}
	print_keys(t);
}

static void
print_groups(const struct conf_table *t, const char *path)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct conf_row *row = &t->rows[i];
		char inner[128];
		snprintf(inner, sizeof inner, "%s%s%s%s", path, *path ? "." : "", row->name ? row->name : "",
			 row->list ? "[ ]" : "");
		if (row->type == CONF_EMBED && !elsewhere(t, row))
			print_groups(row->sub, path);
		if (row->type != CONF_GROUP)
			continue;
		print_section(row->sub, inner);
		print_groups(row->sub, inner);
	}
}

static int
copy(const char *path)
{
	FILE *f = fopen(path, "r");
	if (!f) {
		perror(path);
		return 1;
	}
	for (int c = getc(f); c != EOF; c = getc(f))
		putchar(c);
	fclose(f);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc != 3 || copy(argv[1]))
		return 1;
	puts(".SH PER PROTOCOL\nThese may stand at the top level, for all subscribers, and in\n.BR l2tp ,\n.B "
	     "sstp\nand\n"
	     ".BR pptp ,\nfor their own.");
	print_section(&conf_access_table, "");
	print_groups(&conf_access_table, "");
	puts(".SH KEYS");
	print_section(&conf_top_table, "");
	puts(".SH GROUPS");
	print_groups(&conf_top_table, "");
	return copy(argv[2]) || fflush(stdout) ? 1 : 0;
}
