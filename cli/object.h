/* object.h - an answer that is an object: indented text as it comes, or JSON at the end.  The program only. */
#ifndef CLI_OBJECT_H
#define CLI_OBJECT_H

#include <stdbool.h>

#include <cli/reply.h>
#include <jansson.h>

struct object {
	bool json;
	json_t *root;                    /* for JSON */
	json_t *open[CLI_DEPTH_MAX + 1]; /* the section at each depth, borrowed from root */
	bool list[CLI_DEPTH_MAX + 1];    /* it is a list */
	unsigned depth;                  /* of the innermost section */
};

/* object_line: takes [depth, name, kind, value]; prints it to stdout as text, or adds it to root; -EPROTO when it does
 * not fit what came before. */
int object_line(struct object *o, const json_t *line);

void object_fini(struct object *o);

#endif
