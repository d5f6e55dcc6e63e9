#include "call.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include "text.h"

/* Longer texts are compared by their beginning. */
#define MATCH_TEXT_MAX 1024

static struct call *
call_of(const struct cli_call *pub)
{
	return (struct call *)((char *)(uintptr_t)pub - offsetof(struct call, pub));
}

/* word_after: the index of the word that follows the keyword, when it is an argument; else 0. */
static unsigned
word_after(const struct call *call, const char *keyword)
{
	const struct grammar_token *const *tokens = call->parse.tokens;
	for (unsigned i = 0; i + 1 < call->request.n_words; i++)
		if (!tokens[i]->argument && grammar_token_is(tokens[i], keyword) && tokens[i + 1]->argument)
			return i + 1;
	return 0;
}

/* argument: the word that stands for the argument of this name, e.g. "COLUMNS". */
static const char *
argument(const struct call *call, const char *name)
{
	for (unsigned i = 0; i < call->request.n_words; i++)
		if (call->parse.tokens[i]->argument && grammar_token_is(call->parse.tokens[i], name))
			return call->request.words[i];
	return NULL;
}

const char *
cli_after(const struct cli_call *pub, const char *keyword)
{
	const struct call *call = call_of(pub);
	unsigned i = word_after(call, keyword);
	return i ? call->request.words[i] : NULL;
}

bool
cli_given(const struct cli_call *pub, const char *keyword)
{
	const struct call *call = call_of(pub);
	for (unsigned i = 0; i < call->request.n_words; i++)
		if (!call->parse.tokens[i]->argument && grammar_token_is(call->parse.tokens[i], keyword))
			return true;
	return false;
}

static int
column_named(const struct cli_handler *h, const char *name, size_t len)
{
	for (unsigned i = 0; i < h->n_columns; i++)
		if (strlen(h->columns[i].name) == len && !memcmp(h->columns[i].name, name, len))
			return (int)i;
	return -1;
}

static void
refuse_column(struct call *call, const char *name, size_t len)
{
	char *e = call->error;
	size_t size = sizeof call->error;
	int at = snprintf(e, size, "no column '%.*s'; columns are", len < 64 ? (int)len : 64, name);
	for (unsigned i = 0; i < call->handler->n_columns && (size_t)at < size; i++)
		at += snprintf(e + at, size - (size_t)at, "%s %s", i ? "," : "", call->handler->columns[i].name);
	call->status = CALL_MISUSED;
}

/* need_column: as column_named, and refuses the command when there is none. */
static int
need_column(struct call *call, const char *name, size_t len)
{
	int column = column_named(call->handler, name, len);
	if (column < 0)
		refuse_column(call, name, len);
	return column;
}

static void
select_default(struct call *call)
{
	struct selection *s = &call->selection;
	for (unsigned i = 0; i < call->handler->n_columns; i++)
		if (call->handler->columns[i].shown)
			s->columns[s->n_shown++] = (uint8_t)i;
}

static void ON_MAIN
select_named(struct call *call, const char *list)
{
	struct selection *s = &call->selection;
	for (;;) {
		size_t len = strcspn(list, ",");
		int column = need_column(call, list, len);
		if (column < 0)
			return;
		if (s->n_shown == CLI_COLUMNS_MAX) {
			call_refuse(call, CALL_MISUSED, "too many columns");
			return;
		}
		s->columns[s->n_shown++] = (uint8_t)column;
		if (!list[len])
			return;
		list += len + 1;
	}
}

static void ON_MAIN
select_order(struct call *call, const char *name)
{
	struct selection *s = &call->selection;
	int column = need_column(call, name, strlen(name));
	if (column < 0)
		return;
	for (unsigned i = 0; i < s->n_shown && s->order < 0; i++)
		if (s->columns[i] == column)
			s->order = (int)i;
	if (s->order >= 0)
		return;
	s->order = (int)s->n_sent;
	s->columns[s->n_sent++] = (uint8_t)column;
}

static void ON_MAIN
select_match(struct call *call, unsigned word)
{
	const char *name = call->request.words[word], *pattern = call->request.words[word + 1];
	call->selection.match_column = need_column(call, name, strlen(name));
	if (call->status == CALL_OK && match_init(&call->match, pattern, call->error, sizeof call->error) < 0)
		call->status = CALL_MISUSED;
}

static void ON_MAIN
select_columns(struct call *call)
{
	struct selection *s = &call->selection;
	const char *columns = argument(call, "COLUMNS"), *order = cli_after(&call->pub, "order");
	unsigned match = word_after(call, "match");
	assert(call->handler->n_columns <= CLI_COLUMNS_MAX);
	if (columns)
		select_named(call, columns);
	else
		select_default(call);
	s->n_sent = s->n_shown;
	if (order && call->status == CALL_OK)
		select_order(call, order);
	if (match && call->status == CALL_OK)
		select_match(call, match);
}

void
call_open(struct call *call, const struct cli_handler *handler, void *context, struct out *out)
{
	call->handler = handler;
	call->context = context;
	call->out = out;
	call->pub = (struct cli_call){.command = (enum cli_command)call->parse.command->id};
	call->selection = (struct selection){.order = -1, .match_column = -1};
	if (handler->columns)
		select_columns(call);
}

void
call_refuse(struct call *call, enum call_status status, const char *why)
{
	call->status = status;
	snprintf(call->error, sizeof call->error, "%s", why);
}

bool
cli_wants(const struct cli_call *pub, unsigned column)
{
	const struct selection *s = &call_of(pub)->selection;
	for (unsigned i = 0; i < s->n_sent; i++)
		if (s->columns[i] == column)
			return true;
	return s->match_column == (int)column;
}

bool
cli_matches(struct cli_call *pub, const struct cli_value *row)
{
	struct call *call = call_of(pub);
	if (call->selection.match_column < 0)
		return true;
	char text[MATCH_TEXT_MAX];
	size_t n = text_value(text, sizeof text, row[call->selection.match_column]);
	int found = match_text(&call->match, text, n);
	if (found < 0)
		call_refuse(call, CALL_FAILED, "the regular expression costs too much; use a simpler one");
	return found > 0;
}

/* begin: the answer's form is decided by its first piece; a handler that mixes forms is a bug. */
static bool
begin(struct call *call, int form)
{
	assert(call->form == ANSWER_NOTHING || (int)call->form == form);
	bool first = call->form == ANSWER_NOTHING;
	call->form = form;
	return first;
}

static void
table_head(struct call *call)
{
	const struct selection *s = &call->selection;
	struct out *o = call->out;
	begin(call, ANSWER_TABLE);
	out_raw(o, "{\"columns\":[");
	for (unsigned i = 0; i < s->n_sent; i++) {
		const struct cli_column *c = &call->handler->columns[s->columns[i]];
		out_raw(o, i ? ",[" : "[");
		out_value(o, cli_string(c->name));
		out_raw(o, ",");
		out_value(o, cli_string(text_kind_name(c->kind)));
		out_raw(o, "]");
	}
	out_raw(o, "],\"shown\":");
	out_integer(o, s->n_shown);
	if (s->order >= 0) {
		out_raw(o, ",\"order\":");
		out_integer(o, s->order);
	}
	out_raw(o, "}\n");
}

void
cli_row(struct cli_call *pub, const struct cli_value *row)
{
	struct call *call = call_of(pub);
	const struct selection *s = &call->selection;
	if (!cli_matches(pub, row))
		return;
	if (call->form == ANSWER_NOTHING)
		table_head(call);
	begin(call, ANSWER_TABLE);
	for (unsigned i = 0; i < s->n_sent; i++) {
		const struct cli_value *v = &row[s->columns[i]];
		assert(v->kind == CLI_NONE || v->kind == call->handler->columns[s->columns[i]].kind);
		out_raw(call->out, i ? "," : "[");
		out_value(call->out, *v);
	}
	out_raw(call->out, "]\n");
}

/* object_line: [depth, name, kind, value]; a section's kind is "object" or "list" and its value null. */
static void
object_line(struct call *call, const char *name, const char *kind, struct cli_value value)
{
	begin(call, ANSWER_OBJECT);
	out_raw(call->out, "[");
	out_integer(call->out, call->depth);
	out_raw(call->out, ",");
	out_value(call->out, cli_string(name));
	out_raw(call->out, ",");
	out_value(call->out, cli_string(kind));
	out_raw(call->out, ",");
	out_value(call->out, value);
	out_raw(call->out, "]\n");
}

void
cli_item(struct cli_call *pub, const char *name, struct cli_value value)
{
	object_line(call_of(pub), name, text_kind_name(value.kind), value);
}

static void
open_section(struct call *call, const char *name, const char *kind)
{
	object_line(call, name, kind, cli_none());
	assert(call->depth < CLI_DEPTH_MAX);
	call->depth++;
}

void
cli_section(struct cli_call *pub, const char *name)
{
	open_section(call_of(pub), name, "object");
}

void
cli_list(struct cli_call *pub, const char *name)
{
	open_section(call_of(pub), name, "list");
}

void
cli_end(struct cli_call *pub)
{
	struct call *call = call_of(pub);
	assert(call->depth > 0);
	call->depth--;
}

void
cli_text(struct cli_call *pub, const char *line)
{
	struct call *call = call_of(pub);
	begin(call, ANSWER_TEXT);
	out_line(call->out, line, strlen(line));
	out_raw(call->out, "\n");
}

enum cli_step
cli_fail(struct cli_call *pub, const char *format, ...)
{
	struct call *call = call_of(pub);
	va_list args;
	va_start(args, format);
	vsnprintf(call->error, sizeof call->error, format, args);
	va_end(args);
	call->status = CALL_FAILED;
	return CLI_FAIL;
}

enum cli_step
cli_misused(struct cli_call *pub, const char *format, ...)
{
	struct call *call = call_of(pub);
	va_list args;
	va_start(args, format);
	vsnprintf(call->error, sizeof call->error, format, args);
	va_end(args);
	call->status = CALL_MISUSED;
	return CLI_FAIL;
}

void
call_finish(struct call *call)
{
	struct out *o = call->out;
	out_raw(o, "{\"status\":");
	out_integer(o, call->status);
	if (call->status != CALL_OK) {
		out_raw(o, ",\"error\":");
		out_value(o, cli_string(call->error));
	}
	out_raw(o, "}\n");
}

enum cli_step
call_step(struct call *call, struct mono now)
{
	struct out *o = call->out;
	size_t whole = o->len, limit = o->limit;
	call->pub.now = now;
	o->limit = whole + CLI_STEP_MAX;
	enum cli_step step = call->handler->step(call->context, &call->pub);
	o->limit = limit;
	if (o->overflow) {
		o->len = whole;
		o->overflow = false;
		call_refuse(call, CALL_FAILED, "a piece of the answer is longer than may be sent at once");
	}
	if (step == CLI_FAIL && call->status == CALL_OK)
		call_refuse(call, CALL_FAILED, "failed");
	if (call->status != CALL_OK)
		step = CLI_FAIL;
	if (step == CLI_DONE && call->form == ANSWER_NOTHING && call->handler->columns)
		table_head(call);
	if (step == CLI_DONE || step == CLI_FAIL)
		call_finish(call);
	return step;
}

void
call_close(struct call *call)
{
	match_fini(&call->match);
	request_fini(&call->request);
}
