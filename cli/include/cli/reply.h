/* reply.h - what a command's handler is given, and how it answers.
 *
 * A handler is a resumable producer.  Its step() answers one piece (a row, a few items), and says whether there is
 * more; the server calls it again when the client has taken what was produced, a bounded number of times per turn of
 * the loop.  So a listing of a million sessions is never in memory and never holds MAIN up.  What must be remembered
 * between two steps is `cursor` and `count`, zero at the first: a cursor is a place that stays meaningful while objects
 * come and go (a slot number, not a pointer), because other events of MAIN happen in between.  A step looks at a
 * bounded number of things (some 64) even when none of them is worth an answer.
 *
 * An answer is one table, one object or lines of text; the first reply function used decides which.  Whether it is
 * shown as text or as JSON, aligned and in what order, is the client program's work and memory.
 *
 *	static const struct cli_column columns[] = {
 *		[COL_IFNAME] = {"ifname", CLI_STRING, true}, [COL_RX] = {"rx-bytes", CLI_BYTES, true}, ...
 *	};
 *
 *	static enum cli_step
 *	show_sessions(void *context, struct cli_call *call)
 *	{
 *		struct session *s = session_from(context, &call->cursor, 64);	// moves the cursor past what it saw
 *		if (!s)
 *			return session_at_end(context, call->cursor) ? CLI_DONE : CLI_MORE;
 *		struct cli_value row[] = {[COL_IFNAME] = cli_string(s->ifname), [COL_RX] = cli_bytes(s->rx)};
 *		cli_row(call, row);						// filtered by `match`, cut to COLUMNS
 *		return CLI_MORE;
 *	}
 *
 *	static enum cli_step
 *	terminate(void *context, struct cli_call *call)
 *	{
 *		...a session as above, and its row...
 *		const char *name = cli_after(call, "username");			// NULL: another key was given
 *		if (cli_matches(call, row) && (!name || !strcmp(name, s->username))) {
 *			session_end(s, CAUSE_ADMIN_RESET);
 *			call->count++;
 *		}
 *		...at the end:
 *		cli_item(call, "terminated", cli_integer((int64_t)call->count));
 *		return call->count ? CLI_DONE : cli_fail(call, "no session matches");
 *	}
 *
 * A client that goes away in the middle of an answer ends the command there: what it had done stays done.
 *
 * Thread: MAIN.  Memory: a call belongs to the server and lives from the first step to the last.
 */
#ifndef CLI_REPLY_H
#define CLI_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include <cli/command.h>
#include <cli/value.h>
#include <millrace/mono.h>
#include <millrace/role.h>

/* What one step may produce, in bytes of JSON; a step that exceeds it fails the command (it is a bug of the handler).
 * A row or an item is always far below. */
#define CLI_STEP_MAX 65536
#define CLI_COLUMNS_MAX 64
#define CLI_DEPTH_MAX 8

struct cli_call {
	enum cli_command command; /* server's; read-only */
	struct mono now;          /* server's; read-only: of this step */
	uint64_t cursor, count;   /* the handler's own, zero at the first step */
};

/* One column of a table.  `shown`: without COLUMNS, it is among those shown.  Cells are of `kind`, or CLI_NONE. */
struct cli_column {
	const char *name;
	enum cli_kind kind;
	bool shown;
};

enum cli_step {
	CLI_MORE, /* call again, at once when the client has room */
	CLI_WAIT, /* call again in some 50 ms: nothing to say yet */
	CLI_DONE, /* the answer is whole */
	CLI_FAIL, /* so is cli_fail's */
};

/* What the daemon supplies per command.  A row of command.def without a step does not exist for the user. */
struct cli_handler {
	enum cli_step (*step)(void *context, struct cli_call *call);
	const struct cli_column *columns; /* of the table it answers with, and of what `match` may name */
	unsigned n_columns;
};

/* cli_after: the argument that follows the keyword, e.g. NAME of `username NAME`, or NULL when it was not given. */
const char *cli_after(const struct cli_call *call, const char *keyword) ON_MAIN;

/* cli_given: whether the keyword was given, e.g. "hard". */
bool cli_given(const struct cli_call *call, const char *keyword) ON_MAIN;

/* cli_wants: whether cli_row will look at this column (it is shown, ordered by or matched); a handler may leave out
 * what is costly and not wanted. */
bool cli_wants(const struct cli_call *call, unsigned column) ON_MAIN;

/* cli_matches: whether the row (n_columns values) fits `match COLUMN REGEX`, which sees the text that the user sees.
 * True when there is no such clause. */
bool cli_matches(struct cli_call *call, const struct cli_value *row) ON_MAIN;

/* cli_row: one row of the table, n_columns values by column number, if it matches. */
void cli_row(struct cli_call *call, const struct cli_value *row) ON_MAIN;

/* cli_item: one named value of the object, inside the innermost open section.  In a list the name is NULL. */
void cli_item(struct cli_call *call, const char *name, struct cli_value value) ON_MAIN;

/* cli_section, cli_list: opens a named object or list (NULL: an entry of a list) within the object; at most
 * CLI_DEPTH_MAX deep.  Stays open over steps until cli_end. */
void cli_section(struct cli_call *call, const char *name) ON_MAIN;
void cli_list(struct cli_call *call, const char *name) ON_MAIN;
void cli_end(struct cli_call *call) ON_MAIN;

/* cli_text: one line of plain text (show config, help), without its newline; tabs are kept. */
void cli_text(struct cli_call *call, const char *line) ON_MAIN;

/* cli_fail: ends the command with exit status 1 and this reason: `return cli_fail(call, "no session %s", id);`. */
enum cli_step cli_fail(struct cli_call *call, const char *format, ...) __attribute__((format(printf, 2, 3))) ON_MAIN;

/* cli_misused: as cli_fail, with exit status 2: an argument that cannot be meant, e.g. a tunnel ID of letters. */
enum cli_step cli_misused(struct cli_call *call, const char *format, ...) __attribute__((format(printf, 2, 3))) ON_MAIN;

#endif
