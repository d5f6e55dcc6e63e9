/* request.c - who and where: the attributes of every request. */
#include <inttypes.h>

#include "aaa/aaa.h"

#define SERVICE_FRAMED 2
#define PROTOCOL_PPP 1
#define PORT_VIRTUAL 5
#define MEDIUM_IPV4 1
#define MEDIUM_IPV6 2
#define TUNNEL_NONE 0

static void put_tunnel(const struct session *s, struct wr *w) ON_MAIN;
static void put_text(struct wr *w, uint32_t attr, const char *s) ON_MAIN;

bool
request_adds_nas_address(const struct aaa *a)
{
	const struct conf_radius *c = &a->cp->conf->radius;

	return addr_is_any(&c->nas_ip_address) && addr_is_any(&c->nas_ipv6_address);
}

void
request_nas(const struct aaa *a, struct wr *w)
{
	const struct conf_radius *c = &a->cp->conf->radius;

	radius_put_text(w, RADIUS_NAS_IDENTIFIER, c->nas_identifier);
	if (!addr_is_any(&c->nas_ip_address))
		radius_put_addr(w, RADIUS_NAS_IP_ADDRESS, &c->nas_ip_address);
	if (!addr_is_any(&c->nas_ipv6_address))
		radius_put_addr(w, RADIUS_NAS_IPV6_ADDRESS, &c->nas_ipv6_address);
}

char *
request_sid(const struct session *s, char *buf)
{
	snprintf(buf, 17, s->cp->conf->sid_case == CONF_SID_UPPER ? "%016" PRIX64 : "%016" PRIx64, s->sid);
	return buf;
}

/* RFC 7542: the realm is what follows the last @. */
char *
request_user(const struct aaa *a, const char *name, char *buf)
{
	const struct conf_radius *c = &a->cp->conf->radius;
	const char *at = strrchr(name, '@');
	int n = (int)(at && c->strip_realm ? (size_t)(at - name) : strlen(name));
	bool add = !at && c->default_realm && *c->default_realm;

	snprintf(buf, PPP_NAME_MAX, "%.*s%s%s", n, name, add ? "@" : "", add ? c->default_realm : "");
	return buf;
}

void
request_who(const struct aaa *a, const struct session *s, const char *name, struct wr *w)
{
	const struct conf_radius *c = &a->cp->conf->radius;
	char info[64];

	put_text(w, RADIUS_USER_NAME, name);
	request_nas(a, w);
	radius_put_u32(w, RADIUS_NAS_PORT, handle_lcore(s->handle) << 24 | handle_index(s->handle));
	if (c->nas_port_id_in_req)
		radius_put_text(w, RADIUS_NAS_PORT_ID, s->ifname);
	radius_put_u32(w, RADIUS_NAS_PORT_TYPE, PORT_VIRTUAL);
	radius_put_u32(w, RADIUS_SERVICE_TYPE, SERVICE_FRAMED);
	radius_put_u32(w, RADIUS_FRAMED_PROTOCOL, PROTOCOL_PPP);
	put_text(w, RADIUS_CALLING_STATION_ID, s->calling);
	put_text(w, RADIUS_CALLED_STATION_ID, s->called);
	snprintf(info, sizeof info, "%s mtu=%u mru=%u", s->info.type ? s->info.type : "ppp", s->link.mtu, s->link.mru);
	radius_put_text(w, RADIUS_CONNECT_INFO, info);
	radius_put_u32(w, RADIUS_EVENT_TIMESTAMP, (uint32_t)a->wall_s());
	put_tunnel(s, w);
}

/* What is longer than an attribute is cut: a peer chooses these. */
static void
put_text(struct wr *w, uint32_t attr, const char *s)
{
	size_t n = strlen(s);

	radius_put(w, attr, s, n < RADIUS_VALUE_MAX ? n : RADIUS_VALUE_MAX);
}

/* RFC 2868 3.1 to 3.4.  SSTP has no number there, so its tunnel is described without a type. */
static void
put_tunnel(const struct session *s, struct wr *w)
{
	static const uint8_t types[CONF_PROTOCOLS] = {[CONF_L2TP] = 3, [CONF_PPTP] = 1, [CONF_SSTP] = TUNNEL_NONE};
	char text[ADDR_STRLEN];

	if (types[s->protocol] != TUNNEL_NONE)
		radius_put_tagged_u24(w, RADIUS_TUNNEL_TYPE, 0, types[s->protocol]);
	radius_put_tagged_u24(w, RADIUS_TUNNEL_MEDIUM_TYPE, 0, addr_is_v4(&s->info.peer) ? MEDIUM_IPV4 : MEDIUM_IPV6);
	radius_put_text(w, RADIUS_TUNNEL_CLIENT_ENDPOINT, addr_str(&s->info.peer, text));
	radius_put_text(w, RADIUS_TUNNEL_SERVER_ENDPOINT, addr_str(&s->info.local, text));
}
