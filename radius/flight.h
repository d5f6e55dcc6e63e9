/* flight.h - the inside of the client: requests in flight and the ports of servers they are at.
 *
 * client.c takes requests and decides which server; flight.c is one request from its packet to its end; port.c is one
 * port of a server: its sockets, identifiers and health.  Caller serialises.
 */
#ifndef RADIUS_FLIGHT_H
#define RADIUS_FLIGHT_H

#include <sys/queue.h>
#include <sys/socket.h>

#include <millrace/wheel.h>

#include <radius/client.h>

#include "latency.h"

#define FLIGHT_IDS 256
#define FLIGHT_PER_SOCKET 200 /* an identifier rests a while before it is used again */
#define PORT_SOCKETS 8
/* What stands in front of the caller's attributes, and behind them. */
#define FLIGHT_HEAD (RADIUS_HEADER + 2 + RADIUS_AUTHENTICATOR + 2 + RADIUS_PASSWORD_MAX)
#define FLIGHT_TAIL (18 + 6)
#define WHEEL_SLOTS 4096
#define WHEEL_TICK_US 4096
#define RANDOM_BYTES 1024

struct flight;

struct port_socket {
	int fd; /* -1: closed */
	uint8_t next_id;
	uint16_t busy;
	struct port *port;
	struct addr local; /* of ours */
	struct flight *by_id[FLIGHT_IDS];
};

/* One request.  Invariant: sock is set if and only if sock->by_id[id] == this one. */
struct flight {
	struct wheel_node timer;
	TAILQ_ENTRY(flight) link; /* in `spare` or `waiting`; else in none */
	struct port_socket *sock;
	uint64_t cookie, tried;
	struct mono event, give_up, first_sent;
	uint8_t role, id, tries, limit; /* limit: packets for this server */
	uint8_t password_len;
	bool has_password, add_nas_address, add_delay, probe;
	bool last_round;               /* all are dead: one packet to each */
	bool refused;                  /* the port is closed: the timer fires at once */
	uint16_t body_len, start, len; /* the packet is at bytes + start */
	uint8_t password[RADIUS_PASSWORD_MAX];
	uint8_t bytes[FLIGHT_HEAD + RADIUS_PACKET_MAX + FLIGHT_TAIL];
};

TAILQ_HEAD(flights, flight);

/* One port of a server: where its authentication or its accounting is. */
struct port {
	struct radius_client *client;
	const struct radius_server_conf *server;
	unsigned index; /* of the server */
	enum radius_role role;
	bool used, dead, seen_signature;
	uint32_t lost_in_a_row, outstanding, window;
	struct mono dead_until;
	struct mono probe_at; /* when dead */
	unsigned n_sockets;
	struct port_socket *sockets;
	struct radius_port_stats stats;
	struct latency latency;
};

struct radius_client {
	struct radius_client_conf conf;     /* servers: the list below; nas_identifier: ours */
	struct radius_server_conf *servers; /* with secrets of ours */
	char *nas_identifier;
	struct port ports[RADIUS_SERVERS_MAX][RADIUS_ROLES];
	int epoll_fd;
	struct wheel wheel;
	struct wheel_node *slots[WHEEL_SLOTS];
	struct mono now;
	struct flight *flights, *probes;
	struct flights spare[RADIUS_ROLES], waiting[RADIUS_ROLES];
	uint32_t n_spare[RADIUS_ROLES], n_waiting[RADIUS_ROLES];
	uint8_t random[RANDOM_BYTES];
	unsigned random_left;
};

/* servers.c */
/* servers_copy: a list of ours, secrets too; NULL: no memory. */
struct radius_server_conf *servers_copy(const struct radius_server_conf *from, unsigned n) ON_MAIN;
void servers_free(struct radius_server_conf *list, unsigned n) ON_MAIN;

/* client.c */
void client_random(struct radius_client *c, void *bytes, size_t n) ON_MAIN;
/* client_next_server: where f goes now; false when there is no server left for it. */
bool client_next_server(struct radius_client *c, struct flight *f) ON_MAIN;
/* client_done: f has ended: reply NULL is silence. */
void client_done(struct radius_client *c, struct flight *f, struct radius_reply *reply) ON_MAIN;

/* flight.c */
/* flight_launch: sends f to this port, of which it takes an identifier; false: it could not be sent at all. */
bool flight_launch(struct flight *f, struct port *port) ON_MAIN;
void flight_timeout(struct radius_client *c, struct flight *f) ON_MAIN;
/* flight_input: a datagram at this socket. */
void flight_input(struct port_socket *s, uint8_t *packet, size_t n) ON_MAIN;
/* flight_unreachable: the system says that nobody listens there. */
void flight_unreachable(struct port_socket *s) ON_MAIN;

/* port.c */
/* port_init: false: no memory. */
bool port_init(struct port *p, struct radius_client *c, const struct radius_server_conf *s, enum radius_role role)
	ON_MAIN;
void port_fini(struct port *p) ON_MAIN;
/* port_take: a socket with a free identifier for f; NULL when there is none. */
struct port_socket *port_take(struct port *p, struct flight *f) ON_MAIN;
void port_give(struct flight *f) ON_MAIN;
bool port_has_room(const struct port *p) ON_MAIN;
/* port_answered, port_lost: what this says of the server's health. */
void port_answered(struct port *p) ON_MAIN;
void port_lost(struct port *p) ON_MAIN;
/* port_usable: alive, or dead for so long that it is tried again. */
bool port_usable(const struct port *p) ON_MAIN;
void port_probe(struct port *p) ON_MAIN;
void port_read(struct port_socket *s) ON_MAIN;

#endif
