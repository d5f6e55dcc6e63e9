#include "answer.h"

#include <errno.h>
#include <string.h>

#include <jansson.h>

#include "object.h"
#include "table.h"

struct answer {
	bool json;
	enum { SHOWS_NOTHING, SHOWS_TABLE, SHOWS_OBJECT, SHOWS_TEXT } form;
	struct table table;
	struct object object;
	json_t *text; /* the lines, for JSON */
	bool ended;   /* the status has come */
	int status;
};

static bool
begins(struct answer *a, int form)
{
	bool fits = a->form == SHOWS_NOTHING || (int)a->form == form;
	a->form = form;
	return fits;
}

static int
take_text(struct answer *a, const json_t *line)
{
	if (!begins(a, SHOWS_TEXT))
		return -EPROTO;
	if (!a->json)
		return puts(json_string_value(line)) < 0 ? -EIO : 0;
	if (!a->text)
		a->text = json_array();
	return json_array_append(a->text, (json_t *)(uintptr_t)line) < 0 ? -ENOMEM : 0;
}

static int
take_array(struct answer *a, const struct talk *t, const json_t *line)
{
	if (a->form == SHOWS_TABLE)
		return table_row(&a->table, line, t->line);
	return begins(a, SHOWS_OBJECT) ? object_line(&a->object, line) : -EPROTO;
}

static int
take_object(struct answer *a, const json_t *line)
{
	const json_t *status = json_object_get(line, "status"), *error = json_object_get(line, "error");
	if (!status)
		return begins(a, SHOWS_TABLE) ? table_begin(&a->table, line, a->json) : -EPROTO;
	a->ended = true;
	a->status = (int)json_integer_value(status);
	if (error) {
		fflush(stdout);
		fprintf(stderr, "millrace: %s\n", json_string_value(error));
	}
	return 0;
}

static int
take_line(struct answer *a, const struct talk *t, size_t n)
{
	json_t *line = json_loadb(t->line, n, JSON_DECODE_ANY, NULL);
	int err = -EPROTO;
	if (json_is_object(line))
		err = take_object(a, line);
	else if (json_is_array(line))
		err = take_array(a, t, line);
	else if (json_is_string(line))
		err = take_text(a, line);
	json_decref(line);
	return err;
}

/* print: what had to wait for the end.  An answer that failed half-way through a table is not shown. */
static int
print(struct answer *a)
{
	if (a->form == SHOWS_TABLE)
		return a->status == STATUS_OK ? table_print(&a->table, stdout) : 0;
	json_t *whole = a->form == SHOWS_OBJECT ? a->object.root : a->text;
	if (!a->json || (!whole && a->status != STATUS_OK))
		return 0;
	if (!whole)
		return puts("{}") < 0 ? -EIO : 0;
	return json_dumpf(whole, stdout, JSON_INDENT(2)) < 0 || putchar('\n') < 0 ? -EIO : 0;
}

static void
explain(int err)
{
	fflush(stdout);
	switch (err) {
	case -EAGAIN:
		fprintf(stderr, "millrace: no answer for %d s: the daemon is stopped or overloaded\n", TALK_SILENCE_S);
		return;
	case -ECONNRESET:
	case -EPIPE:
		fprintf(stderr, "millrace: the daemon closed the connection before its answer was whole\n");
		return;
	case -EPROTO:
		fprintf(stderr,
			"millrace: the answer is not understood: millrace and millraced are of different versions\n");
		return;
	case -E2BIG:
		fprintf(stderr,
			"millrace: more than %d rows cannot be ordered; narrow them with match, or leave order out\n",
			TABLE_ORDER_MAX);
		return;
	default:
		fprintf(stderr, "millrace: cannot show the answer: %s\n", strerror(-err));
	}
}

static int
status_of(int err)
{
	return err == -E2BIG || err == -EIO || err == -ENOSPC || err == -ENOMEM ? STATUS_FAILED : STATUS_NO_SERVER;
}

int
answer_show(struct talk *t, bool json)
{
	struct answer a = {.json = json, .object.json = json};
	int err = 0;
	while (!a.ended && !err) {
		ssize_t n = talk_line(t);
		err = n > 0 ? take_line(&a, t, (size_t)n) : n < 0 ? (int)n : -ECONNRESET;
	}
	if (!err)
		err = print(&a);
	if (!err && fflush(stdout) != 0)
		err = -EIO;
	if (err)
		explain(err);
	table_fini(&a.table);
	object_fini(&a.object);
	json_decref(a.text);
	return err ? status_of(err) : a.status;
}
