#include "aaa/rate.h"

#include <stdlib.h>
#include <string.h>

#define KBPS_MAX 4000000000u

static bool number(const char **at, uint64_t unit_mbps, uint64_t *out);
static bool pair_of(const char **at, uint64_t out[2]);
static uint32_t kbps_of(uint64_t bps);
static uint32_t burst_of(uint64_t bps, uint64_t burst_bps, uint64_t seconds);

/* number: in thousandths of bit/s when no suffix says otherwise; unit: of a bare number. */
static bool
number(const char **at, uint64_t unit, uint64_t *out)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	double v = strtod(*at, &end), factor = (double)unit;
	switch (*end) {
	case 'b':
	case 'B':
		factor = 1e3;
		end++;
		break;
	case 'k':
	case 'K':
		factor = 1e6;
		end++;
		break;
	case 'm':
	case 'M':
		factor = 1e9;
		end++;
		break;
	case 'g':
	case 'G':
		factor = 1e12;
		end++;
		break;
	default:
		break;
	}
	if (v * factor > (double)KBPS_MAX * 1e6)
		return false;
	*out = (uint64_t)(v * factor + 0.5) / 1000;
	*at = end;
	return true;
}

static uint32_t
kbps_of(uint64_t bps)
{
	return (uint32_t)((bps + 999) / 1000); /* never 0, which is no limit, for a rate that is not */
}

bool
rate_parse_pair(const char *text, unsigned multiplier_permille, struct rate *out)
{
	uint64_t unit = (uint64_t)multiplier_permille * 1000, down, up;
	const char *at = text;

	if (!number(&at, unit, &down))
		return false;
	up = down;
	if (*at && strchr("/\\:", *at)) {
		at++;
		if (!number(&at, unit, &up))
			return false;
	}
	if (*at && *at != ' ')
		return false;
	*out = (struct rate){{true, kbps_of(down), 0}, {true, kbps_of(up), 0}};
	return true;
}

/* pair_of: "a/b" or "a", which is both; bit/s. */
static bool
pair_of(const char **at, uint64_t out[2])
{
	if (!number(at, 1000, &out[0]))
		return false;
	out[1] = out[0];
	if (**at == '/') {
		++*at;
		if (!number(at, 1000, &out[1]))
			return false;
	}
	return !**at || **at == ' ';
}

static uint32_t
burst_of(uint64_t bps, uint64_t burst_bps, uint64_t seconds)
{
	uint64_t bytes = burst_bps > bps ? (burst_bps - bps) / 8 * seconds : 0;

	return bytes > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes;
}

bool
rate_parse_mikrotik(const char *text, struct rate *out)
{
	enum { RATE, BURST, THRESHOLD, TIME, PARTS };
	uint64_t part[PARTS][2] = {{0}};
	const char *at = text;
	unsigned n = 0;

	for (; n < PARTS && *at; n++) {
		if (!pair_of(&at, part[n]))
			return false;
		while (*at == ' ')
			at++;
	}
	if (!n)
		return false;
	*out = (struct rate){
		.up = {true, kbps_of(part[RATE][0]), burst_of(part[RATE][0], part[BURST][0], part[TIME][0])},
		.down = {true, kbps_of(part[RATE][1]), burst_of(part[RATE][1], part[BURST][1], part[TIME][1])},
	};
	return true;
}

bool
rate_parse_cisco(const char *text, struct rate *out, bool *broken)
{
	static const char prefix[] = "lcp:interface-config";
	const char *at = strchr(text, '=');
	bool output;

	*broken = false;
	if (strncmp(text, prefix, sizeof prefix - 1) || !at || strncmp(++at, "rate-limit ", 11))
		return false;
	at += 11;
	*broken = true;
	output = !strncmp(at, "output ", 7);
	if (!output && strncmp(at, "input ", 6))
		return false;
	at += output ? 7 : 6;
	if (!strncmp(at, "access-group ", 13)) {
		at += 13;
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	uint64_t bps, burst = 0;
	if (!number(&at, 1000, &bps) || (*at && *at != ' '))
		return false;
	at += *at == ' ';
	(void)number(&at, 1000, &burst);
	struct rate_way way = {true, kbps_of(bps), burst > UINT32_MAX ? UINT32_MAX : (uint32_t)burst};
	*out = (struct rate){0};
	*(output ? &out->down : &out->up) = way;
	*broken = false;
	return true;
}

struct rate
rate_of_bps(uint32_t bps, bool down)
{
	struct rate r = {0};

	*(down ? &r.down : &r.up) = (struct rate_way){true, kbps_of(bps), 0};
	return r;
}

void
rate_merge(struct rate *to, const struct rate *from)
{
	if (!to->down.said)
		to->down = from->down;
	if (!to->up.said)
		to->up = from->up;
}
