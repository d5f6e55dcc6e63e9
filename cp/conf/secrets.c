/* secrets.c - users in the form of pppd's chap-secrets.
 *
 *	# client   server   secret       address     rate
 *	alice      *        wonderland   *
 *	bob        *        "two words"  10.78.1.9   20000/5000
 *	carol      *        'x"y'        gold
 *
 * One user a line: words with blanks between them, in double or single quotes when a blank, a # or nothing is in them; a
 * backslash takes the meaning from what follows it.  The server's name does not matter.  The fourth word is the user's
 * address, the name of a pool, or * for the default pool; the fifth, which accel-ppp adds, kbit/s down and up, or one
 * figure for both.  What pppd can say and we cannot (a secret in another file, any client, no address at all) is refused,
 * with its line.
 */
#include <errno.h>
#include <stdlib.h>

#include "conf/reader.h"

#define WORDS_MAX 5
#define USERS_MAX 1000000

enum { CLIENT, SERVER, SECRET, ADDRESS, RATE };

struct words {
	char *v[WORDS_MAX];
	bool quoted[WORDS_MAX];
	unsigned n;
};

static int parse_line(struct conf_reader *r, const char *file, unsigned line, char *text);
static const char *split(char *text, struct words *w);
static const char *take_word(char **at, char **word, bool *quoted);
static int make_user(struct conf_reader *r, const char *file, unsigned line, const struct words *w);
static bool parse_address(const struct words *w, struct conf_user *u);
static bool parse_rate(const char *s, struct conf_rate_limit *rate);
static int check_unique(struct conf_reader *r, const char *file);

int
conf_secrets_read(struct conf_reader *r)
{
	struct conf_authentication *a = &r->conf->authentication;
	char path[1280], *text;
	if (!a->chap_secrets || !r->dir)
		return 0;
	bool beside = *a->chap_secrets != '/' && r->dir;
	snprintf(path, sizeof path, "%s%s%s", beside ? r->dir : "", beside ? "/" : "", a->chap_secrets);
	int rc = conf_source_read(path, &text, r->err);
	if (!rc)
		rc = conf_secrets_parse(r, path, text);
	free(text);
	return rc;
}

static unsigned
count_lines(const char *text)
{
	unsigned n = 1;
	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

int
conf_secrets_parse(struct conf_reader *r, const char *file, char *text)
{
	struct conf_authentication *a = &r->conf->authentication;
	unsigned lines = count_lines(text);
	int rc = 0;
	if (lines > USERS_MAX)
		return conf_fail_file(r->err, file, 0, "has more than %u lines", USERS_MAX);
	a->secrets.v = conf_arena_alloc(r->conf->arena, lines * sizeof *a->secrets.v);
	if (!a->secrets.v)
		return conf_no_memory(r);
	for (unsigned line = 1; !rc && text; line++) {
		char *next = strchr(text, '\n');
		if (next)
			*next++ = 0;
		rc = parse_line(r, file, line, text);
		text = next;
	}
	return rc ? rc : check_unique(r, file);
}

static int
parse_line(struct conf_reader *r, const char *file, unsigned line, char *text)
{
	struct words w = {.n = 0};
	const char *why = split(text, &w);
	if (why)
		return conf_fail_file(r->err, file, line, "%s", why);
	if (!w.n)
		return 0;
	if (w.n < 3)
		return conf_fail_file(r->err, file, line, "has %u words, expected client, server, secret", w.n);
	return make_user(r, file, line, &w);
}

/* split: the words of a line, in place; NULL or what is wrong. */
static const char *
split(char *text, struct words *w)
{
	for (;;) {
		char *word;
		bool quoted;
		text += strspn(text, " \t\r\f\v");
		if (!*text || *text == '#')
			return NULL;
		if (w->n == WORDS_MAX)
			return "has more than 5 words";
		const char *why = take_word(&text, &word, &quoted);
		if (why)
			return why;
		w->v[w->n] = word;
		w->quoted[w->n++] = quoted;
	}
}

/* take_word: it ends where it is not quoted and a blank comes; what it means is written over it, never longer. */
static const char *
take_word(char **at, char **word, bool *quoted)
{
	char *from = *at, *to = from, quote = 0;
	*word = from;
	*quoted = *from == '"' || *from == '\'' || *from == '\\';
	for (; *from && (quote || !strchr(" \t\r\f\v", *from)); from++) {
		if (*from == '\\' && from[1])
			*to++ = *++from;
		else if (!quote && (*from == '"' || *from == '\''))
			quote = *from;
		else if (*from == quote)
			quote = 0;
		else
			*to++ = *from;
	}
	*at = *from ? from + 1 : from;
	*to = 0;
	return quote ? "has a quote that does not end" : NULL;
}

static int
make_user(struct conf_reader *r, const char *file, unsigned line, const struct words *w)
{
	struct conf_authentication *a = &r->conf->authentication;
	struct conf_user *u = &a->secrets.v[a->secrets.n];
	size_t name = strlen(w->v[CLIENT]);
	if (!name || name > 253)
		return conf_fail_file(r->err, file, line, "has a client of %zu bytes, expected 1 to 253", name);
	if (!w->quoted[CLIENT] && !strcmp(w->v[CLIENT], "*"))
		return conf_fail_file(r->err, file, line, "is for any client: see any-login");
	if (!w->quoted[SECRET] && *w->v[SECRET] == '@')
		return conf_fail_file(r->err, file, line, "names a file for its secret: write the secret here");
	*u = (struct conf_user){.line = line};
	u->username = conf_arena_string(r->conf->arena, w->v[CLIENT]);
	u->password = conf_arena_string(r->conf->arena, w->v[SECRET]);
	if (w->n > ADDRESS && !parse_address(w, u))
		return conf_fail_file(r->err, file, line,
				      "has \"%s\" as address, expected an IPv4 address, a pool or *", w->v[ADDRESS]);
	if (w->n > RATE && !parse_rate(w->v[RATE], &u->rate_limit))
		return conf_fail_file(r->err, file, line, "has \"%s\" as rate, expected kbit/s such as 20000/5000",
				      w->v[RATE]);
	if (u->pool && !(u->pool = conf_arena_string(r->conf->arena, u->pool)))
		return conf_no_memory(r);
	if (!u->username || !u->password)
		return conf_no_memory(r);
	a->secrets.n++;
	return 0;
}

/* parse_address: u->pool is the word itself then. */
static bool
parse_address(const struct words *w, struct conf_user *u)
{
	const char *s = w->v[ADDRESS];
	struct addr ip;
	if (!strcmp(s, "*"))
		return true;
	if (addr_parse(s, &ip)) {
		u->static_ip = ip;
		return addr_is_v4(&ip) && !addr_is_any(&ip);
	}
	u->pool = s;
	return *s && strcmp(s, "-") != 0 && conf_syntax_name.ok(s);
}

static bool
parse_rate(const char *s, struct conf_rate_limit *rate)
{
	char rest;
	if (strspn(s, "0123456789/") != strlen(s) || strlen(s) > 19)
		return false;
	if (sscanf(s, "%9u/%9u%c", &rate->download, &rate->upload, &rest) == 2)
		return true;
	rate->upload = 0;
	if (sscanf(s, "%9u%c", &rate->download, &rest) != 1)
		return false;
	rate->upload = rate->download;
	return true;
}

/* --- everybody once ---------------------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
	const struct conf_user *x = *(const struct conf_user *const *)a, *y = *(const struct conf_user *const *)b;
	int order = strcmp(x->username, y->username);
	return order ? order : (x->line > y->line) - (x->line < y->line);
}

static int
check_unique(struct conf_reader *r, const char *file)
{
	const struct conf *c = r->conf;
	unsigned n = conf_users(c);
	const struct conf_user **v = malloc((n + 1) * sizeof *v);
	int rc = 0;
	if (!v)
		return conf_no_memory(r);
	for (unsigned i = 0; i < n; i++)
		v[i] = conf_user_at(c, i);
	qsort(v, n, sizeof *v, by_name);
	for (unsigned i = 1; !rc && i < n; i++)
		if (v[i]->line && !strcmp(v[i]->username, v[i - 1]->username))
			rc = conf_fail_file(r->err, file, v[i]->line, "user \"%s\" is %s already", v[i]->username,
					    v[i - 1]->line ? "in this file" : "one of local-users");
	free(v);
	return rc;
}
