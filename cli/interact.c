#include "interact.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <editline/readline.h>
#include <jansson.h>

#include "answer.h"
#include "request.h"
#include "split.h"

#define HISTORY_LINES 500

/* libedit's completion has no context argument: there is one prompt in the program. */
static const char *completion_socket;
static json_t *candidates;
static size_t next_candidate;

int
run_words(const char *socket_path, const char *const *words, unsigned n, bool json)
{
	struct talk t;
	int err = talk_open(&t, socket_path);
	if (err) {
		talk_explain(socket_path, err);
		return STATUS_NO_SERVER;
	}
	err = talk_ask(&t, words, n, false);
	if (err == -EILSEQ) {
		fprintf(stderr, "millrace: a word is not UTF-8\n");
		talk_close(&t);
		return STATUS_USAGE;
	}
	/* A server that refuses without reading has still said why. */
	int status = answer_show(&t, json);
	talk_close(&t);
	return status;
}

/* fetch: the candidates for the last of n words, a JSON array; NULL when there is no answer. */
static json_t *
fetch(const char *const *words, unsigned n)
{
	struct talk t;
	ssize_t len;
	if (talk_open(&t, completion_socket) < 0)
		return NULL;
	json_t *list = json_array();
	if (talk_ask(&t, words, n, true) == 0)
		while ((len = talk_line(&t)) > 0) {
			json_t *line = json_loadb(t.line, (size_t)len, JSON_DECODE_ANY, NULL);
			if (json_is_string(line))
				json_array_append(list, line);
			json_decref(line);
		}
	talk_close(&t);
	return list;
}

static char *
next_match(const char *text, int state)
{
	(void)text;
	if (state == 0)
		next_candidate = 0;
	const char *match = json_string_value(json_array_get(candidates, next_candidate));
	next_candidate++;
	return match ? strdup(match) : NULL;
}

static char **
complete_word(const char *text, int start, int end)
{
	const char *words[REQUEST_WORDS_MAX];
	char *before = strndup(rl_line_buffer, (size_t)start);
	(void)end;
	/* Never file names, which libedit offers when we have nothing. */
	rl_attempted_completion_over = 1;
	int n = before ? split_line(before, words, REQUEST_WORDS_MAX - 1) : -ENOMEM;
	if (n >= 0) {
		words[n] = text;
		json_decref(candidates);
		candidates = fetch(words, (unsigned)n + 1);
	}
	free(before);
	return n >= 0 && json_array_size(candidates) ? rl_completion_matches(text, next_match) : NULL;
}

/* history_path: in the home of the user, or NULL when there is none.  The caller frees it. */
static char *
history_path(void)
{
	const char *home = getenv("HOME");
	char *path = NULL;
	if (!home || !*home || asprintf(&path, "%s/.millrace_history", home) < 0)
		return NULL;
	return path;
}

static int
run_line(const char *socket_path, char *line, bool json, int status)
{
	const char *words[REQUEST_WORDS_MAX];
	int n = split_line(line, words, REQUEST_WORDS_MAX);
	if (n < 0) {
		fprintf(stderr, "millrace: %s\n", n == -EINVAL ? "a quote is left open" : "too many words");
		return STATUS_USAGE;
	}
	return n ? run_words(socket_path, words, (unsigned)n, json) : status;
}

static int
converse(const char *socket_path, bool json)
{
	int status = STATUS_OK;
	for (;;) {
		char *line = readline("millrace> ");
		if (!line) {
			putchar('\n');
			return status;
		}
		bool leave = !strcmp(line, "exit") || !strcmp(line, "quit");
		if (*line && !leave)
			add_history(line);
		if (!leave)
			status = run_line(socket_path, line, json, status);
		free(line);
		if (leave)
			return status;
	}
}

int
interact(const char *socket_path, bool json)
{
	static char blanks[] = " \t";
	char *history = history_path();
	rl_readline_name = "millrace";
	rl_initialize();
	rl_completer_word_break_characters = blanks;
	rl_attempted_completion_function = complete_word;
	completion_socket = socket_path;
	using_history();
	stifle_history(HISTORY_LINES);
	umask(077); /* names of subscribers stand in the history */
	if (history)
		read_history(history);
	int status = converse(socket_path, json);
	if (history)
		write_history(history);
	free(history);
	json_decref(candidates);
	return status;
}
