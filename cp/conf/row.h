/* row.h - one row per key: the only place where a key is described.
 *
 * A table is the rows of one group.  The reader (read.c), the printer (print.c), the manual (man.c) and the tests walk
 * the same rows; a key that is not in a table is refused.  The macros below write a row, and refuse at compile time a
 * field whose C type is not the row's.
 *
 * A default is text, read by the same code that reads the file; several values are separated by blanks; NULL is unset.
 * An EMBED row stands for all rows of another table, as if they were written in its place: so the keys that each
 * protocol may override are written once (keys_access.c).
 *
 * Constant data; any thread.
 */
#ifndef CP_CONF_ROW_H
#define CP_CONF_ROW_H

#include "conf/conf.h"

struct config_setting_t;
struct conf_reader;

enum conf_type {
	CONF_BOOL,     /* bool */
	CONF_NUMBER,   /* unsigned */
	CONF_MILLI,    /* unsigned: thousandths of the number written */
	CONF_WORD,     /* unsigned: an enumerator */
	CONF_STRING,   /* const char * */
	CONF_ADDR,     /* struct addr */
	CONF_PREFIX,   /* struct prefix */
	CONF_ENDPOINT, /* struct conf_endpoint */
	CONF_RANGE,    /* struct conf_range */
	CONF_GROUP,    /* a nested table */
	CONF_EMBED,    /* a table whose keys stand here */
};

enum {
	ROW_REQUIRED = 1 << 0,  /* the group cannot do without */
	ROW_SECRET = 1 << 2,    /* shown as *** */
	ROW_LATER = 1 << 3,     /* checked and reported, not in this release */
	ROW_VOID = 1 << 4,      /* taken for those who bring it along; it has no meaning here, `why` says why */
	ROW_PRESENCE = 1 << 5,  /* the group's struct starts with bool enabled: the file has it */
	ROW_V4 = 1 << 6,        /* IPv4 addresses only */
	ROW_V6 = 1 << 7,        /* IPv6 addresses only */
	ROW_HOST_BITS = 1 << 8, /* a prefix with host bits set is meant */
	ROW_RESTART = 1 << 9,   /* a reload cannot change it, nor what is in it */
};

/* conf_word: value and spelling; `later`: not in this release. */
struct conf_word {
	const char *word;
	unsigned value;
	bool later;
};

/* conf_syntax: whether a string is well formed; `expects` completes the sentence "expected ...". */
struct conf_syntax {
	bool (*ok)(const char *s);
	const char *expects;
};

struct conf_row {
	const char *name;
	enum conf_type type;
	bool list; /* several of it: a struct with n and v */
	unsigned flags;
	size_t offset;
	int64_t min, max; /* of a number; of a string's length; of a list of groups, how many */
	const char *def;
	const char *def_for[CONF_PROTOCOLS]; /* a protocol's own default, when neither it nor the top level says */
	const char *def_text;                /* for the manual, when the default is computed */
	const struct conf_word *words;
	const struct conf_syntax *syntax;
	const struct conf_table *sub;
	const char *help, *why;
};

struct conf_table {
	const char *name; /* of one such group, in the manual */
	const struct conf_row *rows;
	unsigned n;
	size_t size;
	/* finish: computes what follows from other fields; `s` is the group in the file, NULL when it is not there. */
	int (*finish)(struct conf_reader *r, void *obj, const struct config_setting_t *s);
};

#define CONF_TABLE(T, label, rows_, ...)                                                                               \
	{                                                                                                              \
		.name = label, .rows = rows_, .n = sizeof(rows_) / sizeof *(rows_), .size = sizeof(T), __VA_ARGS__     \
	}

/* AT: the offset of a field, which must have this type. */
#define AT(T, f, type)                                                                                                 \
	(offsetof(T, f) + 0 * sizeof(char[__builtin_types_compatible_p(__typeof__(((T *)0)->f), type) ? 1 : -1]))
/* AT_ITEMS: the offset of a list of groups {unsigned n; U *v}. */
#define AT_ITEMS(T, f, U) (AT(T, f.v, U *) - offsetof(__typeof__(((T *)0)->f), v))

#define BOOL(T, f, key, d, w, h, ...)                                                                                  \
	{                                                                                                              \
		key, CONF_BOOL, .offset = AT(T, f, bool), .def = d, .why = w, .help = h, __VA_ARGS__                   \
	}
#define NUMBER(T, f, key, lo, hi, d, w, h, ...)                                                                        \
	{                                                                                                              \
		key, CONF_NUMBER, .offset = AT(T, f, unsigned), .min = lo, .max = hi, .def = d, .why = w, .help = h,   \
				  __VA_ARGS__                                                                          \
	}
#define WORD(T, f, key, vocabulary, d, w, h, ...)                                                                      \
	{                                                                                                              \
		key, CONF_WORD, .offset = AT(T, f, unsigned), .words = vocabulary, .def = d, .why = w, .help = h,      \
				__VA_ARGS__                                                                            \
	}
#define STRING(T, f, key, lo, hi, d, w, h, ...)                                                                        \
	{                                                                                                              \
		key, CONF_STRING, .offset = AT(T, f, const char *), .min = lo, .max = hi, .def = d, .why = w,          \
				  .help = h, __VA_ARGS__                                                               \
	}
#define ADDR(T, f, key, w, h, ...)                                                                                     \
	{                                                                                                              \
		key, CONF_ADDR, .offset = AT(T, f, struct addr), .why = w, .help = h, __VA_ARGS__                      \
	}
#define PREFIX(T, f, key, w, h, ...)                                                                                   \
	{                                                                                                              \
		key, CONF_PREFIX, .offset = AT(T, f, struct prefix), .why = w, .help = h, __VA_ARGS__                  \
	}
#define GROUP(T, f, key, table, w, h, ...)                                                                             \
	{                                                                                                              \
		key, CONF_GROUP, .offset = offsetof(T, f), .sub = table, .why = w, .help = h, __VA_ARGS__              \
	}
#define ITEMS(T, f, U, key, table, hi, w, h, ...)                                                                      \
	{                                                                                                              \
		key, CONF_GROUP, .list = true, .offset = AT_ITEMS(T, f, U), .max = hi, .sub = table, .why = w,         \
				 .help = h, __VA_ARGS__                                                                \
	}
#define EMBED(offset_, table)                                                                                          \
	{                                                                                                              \
		NULL, CONF_EMBED, .offset = offset_, .sub = table                                                      \
	}

#define NUMBERS(T, f, key, lo, hi, d, w, h, ...)                                                                       \
	{                                                                                                              \
		key, CONF_NUMBER, .list = true, .offset = AT(T, f, struct conf_numbers), .min = lo, .max = hi,         \
				  .def = d, .why = w, .help = h, __VA_ARGS__                                           \
	}
#define WORDS(T, f, key, vocabulary, d, w, h, ...)                                                                     \
	{                                                                                                              \
		key, CONF_WORD, .list = true, .offset = AT(T, f, struct conf_numbers), .words = vocabulary, .def = d,  \
				.why = w, .help = h, __VA_ARGS__                                                       \
	}
#define STRINGS(T, f, key, lo, hi, d, w, h, ...)                                                                       \
	{                                                                                                              \
		key, CONF_STRING, .list = true, .offset = AT(T, f, struct conf_strings), .min = lo, .max = hi,         \
				  .def = d, .why = w, .help = h, __VA_ARGS__                                           \
	}
#define ADDRS(T, f, key, w, h, ...)                                                                                    \
	{                                                                                                              \
		key, CONF_ADDR, .list = true, .offset = AT(T, f, struct conf_addrs), .why = w, .help = h, __VA_ARGS__  \
	}
#define PREFIXES(T, f, key, w, h, ...)                                                                                 \
	{                                                                                                              \
		key, CONF_PREFIX, .list = true, .offset = AT(T, f, struct conf_prefixes), .why = w, .help = h,         \
				  __VA_ARGS__                                                                          \
	}
#define ENDPOINTS(T, f, key, d, w, h, ...)                                                                             \
	{                                                                                                              \
		key, CONF_ENDPOINT, .list = true, .offset = AT(T, f, struct conf_endpoints), .def = d, .why = w,       \
				    .help = h, __VA_ARGS__                                                             \
	}

extern const struct conf_table conf_top_table;
extern const struct conf_table conf_access_table, conf_access_common_table, conf_access_authentication_table;
extern const struct conf_table conf_authentication_table, conf_pool_table, conf_ipv6_pool_table, conf_user_table;
extern const struct conf_table conf_l2tp_table, conf_sstp_table, conf_pptp_table, conf_radius_table;
extern const struct conf_table conf_rate_limit_table;
extern const struct conf_table conf_router_advertisement_table, conf_dhcpv6_table;

extern const struct conf_word conf_policy_words[], conf_protocol_words[];
extern const struct conf_syntax conf_syntax_name, conf_syntax_ifname, conf_syntax_ifname_pattern;

#endif
