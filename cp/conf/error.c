/* error.c - the sentences that an operator gets: file, line, key, what is wrong and what was expected. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "conf/reader.h"

/* join: "a[1]" and "b" give "a[1].b". */
static void
join(char *out, size_t size, const char *path, const char *key)
{
	const char *dot = *path && *key && *key != '[' ? "." : "";
	snprintf(out, size, "%s%s%s", path, dot, key);
}

/* locate: the setting that the path names, or the nearest around it that the file has; root when there is none. */
static config_setting_t *
locate(config_t *tree, const char *path)
{
	config_setting_t *at = config_root_setting(tree);
	while (at && *path) {
		char name[64];
		size_t n = strcspn(path, ".[");
		config_setting_t *next = NULL;
		if (*path == '[') {
			char *end;
			unsigned long i = strtoul(path + 1, &end, 10);
			next = config_setting_is_aggregate(at) ? config_setting_get_elem(at, (unsigned)i) : NULL;
			n = (size_t)(end + 1 - path);
		} else if (n < sizeof name && config_setting_is_group(at)) {
			memcpy(name, path, n);
			name[n] = 0;
			next = config_setting_get_member(at, name);
		}
		if (!next)
			return at;
		at = next;
		path += n;
		path += *path == '.';
	}
	return at;
}

/* put: what does not fit is cut off. */
static void put(char *to, size_t size, const char *form, ...) __attribute__((format(printf, 3, 4)));

static void
put(char *to, size_t size, const char *form, ...)
{
	va_list args;
	va_start(args, form);
	vsnprintf(to, size, form, args);
	va_end(args);
}

static void
fill(struct conf_error *err, const char *file, unsigned line, const char *key, const char *what)
{
	char where[16] = "";
	if (line)
		put(where, sizeof where, "%u:", line);
	put(err->file, sizeof err->file, "%s", file);
	put(err->key, sizeof err->key, "%s", key);
	err->line = line;
	put(err->text, sizeof err->text, "%s:%s %s%s%s", file, where, key, *key ? ": " : "", what);
}

const char *
conf_file_name(const char *included, const char *dir, const char *file, char *buf, size_t size)
{
	if (!included)
		return file;
	snprintf(buf, size, "%s%s%s", dir && *included != '/' ? dir : "", dir && *included != '/' ? "/" : "", included);
	return buf;
}

int
conf_fail(struct conf_reader *r, const char *key, int item, const char *fmt, ...)
{
	char path[sizeof r->path * 2], exact[sizeof path + 16], what[CONF_TEXT];
	join(path, sizeof path, r->path, key);
	if (item < 0)
		snprintf(exact, sizeof exact, "%s", path);
	else
		snprintf(exact, sizeof exact, "%s[%d]", path, item);
	config_setting_t *at = locate(r->tree, exact);
	char name[sizeof r->err->file];
	const char *file =
		conf_file_name(at ? config_setting_source_file(at) : NULL, r->dir, r->file, name, sizeof name);
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	fill(r->err, file, at ? config_setting_source_line(at) : 0, path, what);
	return -EINVAL;
}

int
conf_fail_file(struct conf_error *err, const char *file, unsigned line, const char *fmt, ...)
{
	char what[CONF_TEXT];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	fill(err, file, line, "", what);
	return -EINVAL;
}

int
conf_no_memory(struct conf_reader *r)
{
	fill(r->err, r->file, 0, r->path, "no memory");
	return -ENOMEM;
}

/* without_indices: "peer[3].secret" becomes "peer.secret". */
static void
without_indices(char *s)
{
	char *to = s;
	for (bool inside = false; *s; s++) {
		inside = inside ? *s != ']' : *s == '[';
		if (!inside && *s != ']')
			*to++ = *s;
	}
	*to = 0;
}

static bool
noted(const struct conf_strings *n, const char *text)
{
	for (unsigned i = 0; i < n->n; i++)
		if (!strcmp(n->v[i], text))
			return true;
	return false;
}

int
conf_note(struct conf_reader *r, const char *path, const char *fmt, ...)
{
	struct conf_strings *n = &r->conf->notices;
	char bare[sizeof r->path * 2], what[256], text[sizeof bare + sizeof what + 4];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(what, sizeof what, fmt, ap);
	va_end(ap);
	snprintf(bare, sizeof bare, "%s", path);
	without_indices(bare);
	snprintf(text, sizeof text, "%s: %s", bare, what);
	if (noted(n, text))
		return 0;
	const char **v = conf_arena_alloc(r->conf->arena, (n->n + 1) * sizeof *v);
	char *copy = conf_arena_string(r->conf->arena, text);
	if (!v || !copy)
		return conf_no_memory(r);
	if (n->n)
		memcpy(v, n->v, n->n * sizeof *v);
	v[n->n++] = copy;
	n->v = v;
	return 0;
}
