/* reader.h - what the parts of this room share while a file becomes a struct conf.
 *
 * A reader lives for one conf_load.  `path` is the key being read, "client-ip-pool[1]"; conf_fail() completes it, finds
 * its line in the libconfig tree and writes the sentence for the operator.  Any thread; not shared.
 */
#ifndef CP_CONF_READER_H
#define CP_CONF_READER_H

#include <libconfig.h>

#include "conf/row.h"

struct conf_reader {
	struct conf *conf;
	struct conf_error *err;
	const char *file;
	const char *dir; /* where includes are; NULL = there are none */
	config_t *tree;
	enum conf_protocol protocol; /* whose section is being read; CONF_PROTOCOLS = none */
	char path[128];
	char later[128]; /* the outermost group around that is not in this release; "" = none */
};

/* A value as the file has it, or as a default's text says. */
enum conf_kind { KIND_BOOL, KIND_NUMBER, KIND_REAL, KIND_STRING, KIND_GROUP, KIND_LIST };
struct conf_value {
	enum conf_kind kind;
	long long number; /* a bool too */
	double real;
	const char *string;
};

#define PRINTF(a, b) __attribute__((format(printf, a, b)))

/* error.c.  conf_fail: returns -EINVAL.  `key` is appended to the path; `item` >= 0 points at the line of one value in
 * a list.  conf_fail_file: for what concerns a file as a whole, or a line of it. */
int conf_fail(struct conf_reader *r, const char *key, int item, const char *fmt, ...) PRINTF(4, 5);
int conf_fail_file(struct conf_error *err, const char *file, unsigned line, const char *fmt, ...) PRINTF(4, 5);
/* conf_file_name: of the file that libconfig names; it leaves out the directory of an included one. */
const char *conf_file_name(const char *included, const char *dir, const char *file, char *buf, size_t size);
int conf_no_memory(struct conf_reader *r);
/* conf_note: adds a notice, once; the path (whole) loses its indices. */
int conf_note(struct conf_reader *r, const char *path, const char *fmt, ...) PRINTF(3, 4);

/* arena.c.  Zeroed; NULL when there is no memory. */
struct conf_arena *conf_arena_new(void);
void *conf_arena_alloc(struct conf_arena *a, size_t size);
char *conf_arena_string(struct conf_arena *a, const char *s);
void conf_arena_free(struct conf_arena *a);

/* source.c.  conf_source_read: a regular file as a string.  conf_source_scan: what libconfig would take in silence or
 * die of: numbers that do not fit, @include of something that is no file.  `dir` is where includes are; NULL refuses
 * them. */
int conf_source_read(const char *path, char **text, struct conf_error *err);
int conf_source_scan(const char *text, const char *file, const char *dir, struct conf_error *err);

/* value.c */
size_t conf_type_size(enum conf_type type);
size_t conf_row_size(const struct conf_row *row);
void conf_value_of_default(const struct conf_row *row, const char *text, struct conf_value *v);
/* conf_value_store: 1 = stored, 0 = the value is not what the row expects, -ENOMEM. */
int conf_value_store(struct conf_arena *a, const struct conf_row *row, const struct conf_value *v, void *dst);
/* conf_row_same: of one value; NULL strings too. */
bool conf_row_same(const struct conf_row *row, const void *a, const void *b);
bool conf_value_equal(const struct conf_row *row, const void *a, const void *b);
bool conf_range_parse(const char *text, bool all, struct conf_range *out);

/* describe.c: for people.  conf_value_describe: what the file has, "\"maybe\"", "a list". */
#define CONF_TEXT 512
char *conf_row_expects(const struct conf_row *row, char *buf);
char *conf_value_describe(const struct conf_row *row, const struct conf_value *v, char *buf);
void conf_value_print(FILE *f, const struct conf_row *row, const void *src, bool secrets);
const char *conf_unknown(const struct conf_table *t, const char *name, char *buf);

/* read.c */
const struct conf_row *conf_row_find(const struct conf_table *t, const char *name);
int conf_read_tree(struct conf_reader *r);

/* check.c, check_net.c, check_subscriber.c: what no single row can know; conf_check calls the others. */
int conf_check(struct conf_reader *r);
int conf_check_unique(struct conf_reader *r, const char *list, const char *key, const void *first_name, unsigned n,
		      size_t stride);
int conf_check_net(struct conf_reader *r);
int conf_check_radius(struct conf_reader *r);
int conf_check_subscriber(struct conf_reader *r);

/* secrets.c: the users of the file authentication.chap-secrets; conf_secrets_parse of a text, which it changes. */
int conf_secrets_read(struct conf_reader *r);
int conf_secrets_parse(struct conf_reader *r, const char *file, char *text);

/* restart.c: whether all that takes a restart is as in `running`, which may be NULL. */
int conf_check_restart(struct conf_reader *r, const struct conf *running);

/* check_user.c */
/* conf_fail_user: for what one user says: the key in local-users, or the line of chap-secrets. */
int conf_fail_user(struct conf_reader *r, const struct conf_user *u, const char *key, const char *fmt, ...)
	PRINTF(4, 5);
int conf_check_static(struct conf_reader *r);
int conf_check_user(struct conf_reader *r, const char *section, const struct conf_user *u);
int conf_check_any_login(struct conf_reader *r, const char *section, const struct conf_access *a);

#endif
