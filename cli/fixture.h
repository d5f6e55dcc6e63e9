/* fixture.h - for the tests: a server with a small daemon behind it, on a virtual clock, and raw clients. */
#ifndef CLI_FIXTURE_H
#define CLI_FIXTURE_H

#include <cli/server.h>

enum fixture_column { COL_IFNAME, COL_USERNAME, COL_IP, COL_UPTIME, COL_RX_BYTES, COL_RX_PKTS, COL_ACTIVE, N_COLS };

struct fixture {
	char dir[64], path[100];
	struct cli_server *server;
	struct mono now;
	unsigned n_sessions; /* rows of show sessions; 0 to n-1 */
	unsigned steps;      /* of handlers, ever */
	unsigned waits;      /* left of shutdown soft */
};

void fixture_open(struct fixture *f, unsigned max_clients);
void fixture_close(struct fixture *f);

/* fixture_conf: a configuration for the fixture's path, to open another server with. */
struct cli_server_conf fixture_conf(struct fixture *f);

/* fixture_connect: a non-blocking client. */
int fixture_connect(const struct fixture *f);

/* fixture_say: sends text as it is, within the socket's room. */
void fixture_say(int fd, const char *text);

/* fixture_answer: steps the server until the client has its whole answer (buf, terminated) or the end; its length.
 * Fails the test when neither comes. */
size_t fixture_answer(struct fixture *f, int fd, char *buf, size_t size);

/* fixture_ask: connects, says the line, returns the answer. */
size_t fixture_ask(struct fixture *f, const char *line, char *buf, size_t size);

/* fixture_step: n steps, us apart. */
void fixture_step(struct fixture *f, unsigned n, int64_t us);

/* fixture_gone: whether the server has closed the connection (what it sent before is thrown away). */
bool fixture_gone(int fd);

#endif
