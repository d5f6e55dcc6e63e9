#include "object.h"

#include <errno.h>
#include <stdio.h>

#include "convert.h"
#include "text.h"

#define ITEM_MAX 65536

static int
add(struct object *o, const char *name, json_t *value)
{
	json_t *in = o->open[o->depth];
	return o->list[o->depth] ? json_array_append(in, value) : json_object_set(in, name, value);
}

static int
open_section(struct object *o, const char *name, bool list)
{
	if (o->depth == CLI_DEPTH_MAX)
		return -EPROTO;
	json_t *section = NULL;
	if (o->json) {
		section = list ? json_array() : json_object();
		int err = add(o, name, section);
		json_decref(section); /* the tree holds it now */
		if (err)
			return -ENOMEM;
	}
	o->depth++;
	o->open[o->depth] = section;
	o->list[o->depth] = list;
	return 0;
}

static void
print_line(const struct object *o, const char *name, const char *text)
{
	printf("%*s", (int)(2 * o->depth), "");
	if (o->list[o->depth])
		printf("-%s%s\n", *text ? " " : "", text);
	else
		printf("%s:%s%s\n", name, *text ? " " : "", text);
}

static int
take_item(struct object *o, const char *name, const char *kind, json_t *value)
{
	bool list = !strcmp(kind, "list"), section = list || !strcmp(kind, "object");
	if (!o->json) {
		char text[ITEM_MAX];
		text_value(text, sizeof text, value_of(text_kind(kind), value));
		print_line(o, name, text);
	}
	if (section)
		return open_section(o, name, list);
	return o->json && add(o, name, value) < 0 ? -ENOMEM : 0;
}

int
object_line(struct object *o, const json_t *line)
{
	const json_t *depth = json_array_get(line, 0);
	const char *name = json_string_value(json_array_get(line, 1)),
		   *kind = json_string_value(json_array_get(line, 2));
	json_t *value = json_array_get(line, 3);
	if (!json_is_integer(depth) || !kind || !value)
		return -EPROTO;
	if (json_integer_value(depth) < 0 || json_integer_value(depth) > o->depth)
		return -EPROTO;
	if (o->json && !o->root)
		o->open[0] = o->root = json_object();
	o->depth = (unsigned)json_integer_value(depth);
	if (!name && !o->list[o->depth])
		return -EPROTO;
	return take_item(o, name, kind, value);
}

void
object_fini(struct object *o)
{
	json_decref(o->root);
	*o = (struct object){0};
}
