/* load.c - from a file or a string to a struct conf, or to one sentence that says why not. */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>

#include "conf/reader.h"

struct source {
	const char *name, *dir;
	const struct conf *running; /* beside which it is to stand; NULL: alone */
};

static int
conf_new(struct conf **out)
{
	struct conf_arena *a = conf_arena_new();
	struct conf *c = a ? conf_arena_alloc(a, sizeof *c) : NULL;
	if (!c) {
		conf_arena_free(a);
		return -ENOMEM;
	}
	c->arena = a;
	*out = c;
	return 0;
}

void
conf_free(struct conf *c)
{
	if (c)
		conf_arena_free(c->arena);
}

static int
parse(config_t *tree, const char *text, const char *name, const char *dir, struct conf_error *err)
{
	char buf[sizeof err->file];
	if (config_read_string(tree, text))
		return 0;
	const char *file = conf_file_name(config_error_file(tree), dir, name, buf, sizeof buf);
	return conf_fail_file(err, file, (unsigned)config_error_line(tree), "%s", config_error_text(tree));
}

/* build: tree to struct; what has been built of a wrong one is freed. */
static int
build(config_t *tree, const struct source *s, struct conf **out, struct conf_error *err)
{
	struct conf_reader r = {.err = err, .file = s->name, .dir = s->dir, .tree = tree, .protocol = CONF_PROTOCOLS};
	if (conf_new(&r.conf) < 0)
		return conf_no_memory(&r);
	int rc = conf_read_tree(&r);
	if (!rc)
		rc = conf_check(&r);
	if (!rc)
		rc = conf_check_restart(&r, s->running);
	if (rc)
		conf_free(r.conf);
	else
		*out = r.conf;
	return rc;
}

static int
load_text(const char *text, const struct source *s, struct conf **out, struct conf_error *err)
{
	*out = NULL;
	int rc = conf_source_scan(text, s->name, s->dir, err);
	if (rc < 0)
		return rc;
	config_t tree;
	config_init(&tree);
	if (s->dir)
		config_set_include_dir(&tree, s->dir);
	rc = parse(&tree, text, s->name, s->dir, err);
	if (!rc)
		rc = build(&tree, s, out, err);
	config_destroy(&tree);
	return rc;
}

int
conf_load_string(const char *text, const char *name, struct conf **out, struct conf_error *err)
{
	memset(err, 0, sizeof *err);
	return load_text(text, &(struct source){.name = name}, out, err);
}

int
conf_load(const char *path, struct conf **out, struct conf_error *err)
{
	return conf_load_beside(path, NULL, out, err);
}

int
conf_load_beside(const char *path, const struct conf *running, struct conf **out, struct conf_error *err)
{
	memset(err, 0, sizeof *err);
	*out = NULL;
	char *text, *copy = strdup(path);
	int rc = copy ? conf_source_read(path, &text, err) : -ENOMEM;
	if (!rc) {
		rc = load_text(text, &(struct source){path, dirname(copy), running}, out, err);
		free(text);
	}
	free(copy);
	return rc;
}
