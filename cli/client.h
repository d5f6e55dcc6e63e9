/* client.h - one client of the control socket, from accept to close: READING its request, ANSWERING, LEAVING.
 *
 * Owned by the server's slot; MAIN only.  Its cost is bounded: REQUEST_MAX bytes in, CLIENT_BUFFER bytes out, a number
 * of handler steps per turn that the server sets, and deadlines that make a silent or slow client go. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include <cli/server.h>

#include "call.h"

#define CLIENT_BUFFER (2 * CLI_STEP_MAX + 8192)
#define CLIENT_REQUEST_S 5
#define CLIENT_STALL_S 30
#define CLIENT_WAIT_MS 50

enum client_state {
	CLIENT_FREE,
	CLIENT_READING,
	CLIENT_ANSWERING,
	CLIENT_LEAVING, /* the answer is whole; its rest is to be sent */
};

/* Invariant: sent <= out.len <= out.limit == CLIENT_BUFFER between turns. */
struct client {
	enum client_state state;
	int fd;
	uint32_t events;   /* that epoll watches for us */
	bool blocked;      /* the socket took no more; wait for EPOLLOUT */
	struct mono drop;  /* when our patience ends */
	struct mono again; /* when a handler that said CLI_WAIT is asked again */
	size_t n_in, sent;
	struct out out;
	struct call call;
	char in[REQUEST_MAX];
};

/* What a client needs of the server to run a command. */
struct client_host {
	struct grammar *grammar;
	const struct cli_handler *handlers;
	void *context;
};

/* client_open: takes fd over; -ENOMEM leaves it to the caller. */
int client_open(struct client *c, int fd, struct mono now) ON_MAIN;
void client_close(struct client *c) ON_MAIN;

/* client_turn: reads, runs at most `steps` steps of the handler, writes.  `events`: what epoll said, 0 for nothing.
 * Returns false when the client is done or has to go; the caller closes it. */
bool client_turn(struct client *c, const struct client_host *host, uint32_t events, unsigned steps, struct mono now)
	ON_MAIN;

/* client_deadline: when client_turn is due without an event; `now` when it could go on at once. */
struct mono client_deadline(const struct client *c, struct mono now) ON_MAIN;

/* client_events: what epoll is to watch now. */
uint32_t client_events(const struct client *c) ON_MAIN;

#endif
