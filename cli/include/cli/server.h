/* server.h - the control socket: commands in, answers out, on MAIN.
 *
 * Owns a Unix stream socket and its clients; knows the grammar (command.def), not what the commands do: the daemon
 * supplies one handler per command (reply.h).  Nothing here blocks, and nothing a client does costs more than its own
 * slot: the number of clients, the length of a request, the buffer of an answer and the work per turn are bounded; a
 * client that sends no request within 5 s, or takes nothing of its answer for 30 s, is dropped.
 *
 *	struct cli_handler handlers[CLI_N_COMMANDS] = {
 *		[CLI_SHOW_SESSIONS] = {show_sessions, session_columns, N_SESSION_COLUMNS},
 *		[CLI_SHOW_STATISTICS] = {show_statistics}, ...
 *	};
 *	struct cli_server_conf conf = {.path = "/run/millrace/control.sock", .handlers = handlers, .context = daemon};
 *	err = cli_server_open(&server, &conf);
 *	epoll_ctl(loop, EPOLL_CTL_ADD, cli_server_fd(server), ...);	// EPOLLIN; an epoll of its own stands behind it
 *	...when it is readable, or cli_server_deadline(server) is reached:
 *		cli_server_step(server, now);
 *	cli_server_close(server);
 *
 * Protocol: lines of JSON, one request a connection, so that a script can use `socat` as well as the millrace program.
 *
 *	-> {"words":["show","sessions","order","ip"]}
 *	   {"complete":["show","se"]}				what fits as the last word, in lines of text
 *	<- {"columns":[["ifname","string"],["ip","string"],...],"shown":9,"order":1}
 *	<- ["l2tp0","10.77.0.9",...]				a row, by column; the first `shown` are for the reader
 *	or
 *	<- [0,"uptime","duration",81]				an item of an object: depth, name, kind, value
 *	   [0,"sessions","object",null]				a section, whose items are one deeper
 *	   [1,"active","integer",3]
 *	or
 *	<- "a line of text"
 *	and always last
 *	<- {"status":0} or {"status":1,"error":"no session l2tp7"}
 *
 * Rows come in the server's order; `order` is the column that the client is to sort by (absent: none).  Status 0 is
 * done, 1 failed, 2 misused (unknown or ambiguous words, bad arguments).  A connection that ends without a status
 * carried an answer that is not whole.
 *
 * Thread: MAIN.  Memory: the server with its 16 slots is some 150 KiB; a client adds 140 KiB while it is connected.
 */
#ifndef CLI_SERVER_H
#define CLI_SERVER_H

#include <cli/command.h>
#include <cli/reply.h>
#include <millrace/mono.h>
#include <millrace/role.h>

#define CLI_DEFAULT_SOCKET "/run/millrace/control.sock"

struct cli_server;

struct cli_server_conf {
	const char *path;                   /* at most 107 bytes; its folder must exist */
	const struct cli_handler *handlers; /* CLI_N_COMMANDS of them, by enum cli_command; stay the caller's */
	void *context;                      /* given to each handler */
	unsigned max_clients;               /* 0: 16 */
};

/* cli_server_open: binds the socket with mode 0600.  The socket file of a dead daemon is replaced; -EADDRINUSE when a
 * live one answers there, -EEXIST when the path is something other than a socket, -ENAMETOOLONG, -ENOENT (no such
 * folder), -EINVAL (a pattern of the table is malformed), or what socket(2) and bind(2) say. */
int cli_server_open(struct cli_server **server, const struct cli_server_conf *conf) ON_MAIN;

/* cli_server_close: sends what can be sent at once, drops all clients, removes the socket file if it is still ours. */
void cli_server_close(struct cli_server *server) ON_MAIN;

/* cli_server_fd: readable when cli_server_step has something to do.  Never changes. */
int cli_server_fd(const struct cli_server *server) ON_MAIN;

/* cli_server_deadline: when to call cli_server_step even without an event; in the past when an answer is waiting to be
 * continued, MONO_NEVER when there is no client. */
struct mono cli_server_deadline(const struct cli_server *server) ON_MAIN;

/* cli_server_step: accepts, reads, runs handlers and writes, each within its bound; harmless when there is nothing. */
void cli_server_step(struct cli_server *server, struct mono now) ON_MAIN;

#endif
