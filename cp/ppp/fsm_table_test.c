/* Every cell of the automaton's table against the table of RFC 1661 4.1 as the RFC prints it, states 0 to 5 and then
 * 6 to 9, transcribed here a second time and read as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ppp/fsm.h"

/* clang-format off */
static const char *const printed[][11] = {
	{"Up",    "2",     "irc,scr/6", "-",         "-",             "-",     "-",     "-",         "-",         "-",         "-"},
	{"Down",  "-",     "-",         "0",         "tls/1",         "0",     "1",     "1",         "1",         "1",         "tld/1"},
	{"Open",  "tls/1", "1",         "irc,scr/6", "3r",            "5r",    "5r",    "6",         "7",         "8",         "9r"},
	{"Close", "0",     "tlf/0",     "2",         "2",             "4",     "4",     "irc,str/4", "irc,str/4", "irc,str/4", "tld,irc,str/4"},
	{"TO+",   "-",     "-",         "-",         "-",             "str/4", "str/5", "scr/6",     "scr/6",     "scr/8",     "-"},
	{"TO-",   "-",     "-",         "-",         "-",             "tlf/2", "tlf/3", "tlf/3p",    "tlf/3p",    "tlf/3p",    "-"},
	{"RCR+",  "-",     "-",         "sta/2",     "irc,scr,sca/8", "4",     "5",     "sca/8",     "sca,tlu/9", "sca/8",     "tld,scr,sca/8"},
	{"RCR-",  "-",     "-",         "sta/2",     "irc,scr,scn/6", "4",     "5",     "scn/6",     "scn/7",     "scn/6",     "tld,scr,scn/6"},
	{"RCA",   "-",     "-",         "sta/2",     "sta/3",         "4",     "5",     "irc/7",     "scr/6x",    "irc,tlu/9", "tld,scr/6x"},
	{"RCN",   "-",     "-",         "sta/2",     "sta/3",         "4",     "5",     "irc,scr/6", "scr/6x",    "irc,scr/8", "tld,scr/6x"},
	{"RTR",   "-",     "-",         "sta/2",     "sta/3",         "sta/4", "sta/5", "sta/6",     "sta/6",     "sta/6",     "tld,zrc,sta/5"},
	{"RTA",   "-",     "-",         "2",         "3",             "tlf/2", "tlf/3", "6",         "6",         "8",         "tld,scr/6"},
	{"RUC",   "-",     "-",         "scj/2",     "scj/3",         "scj/4", "scj/5", "scj/6",     "scj/7",     "scj/8",     "scj/9"},
	{"RXJ+",  "-",     "-",         "2",         "3",             "4",     "5",     "6",         "6",         "8",         "9"},
	{"RXJ-",  "-",     "-",         "tlf/2",     "tlf/3",         "tlf/2", "tlf/3", "tlf/3",     "tlf/3",     "tlf/3",     "tld,irc,str/5"},
	{"RXR",   "-",     "-",         "2",         "3",             "4",     "5",     "6",         "7",         "8",         "ser/9"},
};
/* clang-format on */

#define EVENTS (sizeof printed / sizeof printed[0])

static const char *const numbered[] = {"Initial",  "Starting", "Closed",   "Stopped",  "Closing",
				       "Stopping", "Req-Sent", "Ack-Rcvd", "Ack-Sent", "Opened"};

/* The cell as the RFC would print it, without its notes r, p and x. */
static const char *
cell_text(const struct fsm_cell *c, char *buf, size_t size)
{
	if (c->next == FSM_NONE)
		return "-";
	size_t n = 0;
	for (unsigned i = 0; i < 3 && c->action[i]; i++)
		n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? "," : "", fsm_action_names[c->action[i]]);
	snprintf(buf + n, size - n, "%s%u", n ? "/" : "", c->next);
	return buf;
}

static void
every_cell(void **state)
{
	(void)state;
	assert_int_equal(EVENTS, FSM_EVENT_COUNT);
	for (unsigned e = 0; e < EVENTS; e++) {
		assert_string_equal(printed[e][0], fsm_event_names[e]);
		for (unsigned s = 0; s < FSM_STATE_COUNT; s++) {
			char buf[40], want[40];
			snprintf(want, sizeof want, "%s", printed[e][s + 1]);
			want[strcspn(want, "px")] = 0;
			if (strlen(want) == 2 && want[1] == 'r')
				want[1] = 0;
			const char *is = cell_text(&fsm_table[e][s], buf, sizeof buf);
			if (strcmp(is, want))
				fail_msg("%s in %s: %s, RFC 1661 says %s", printed[e][0], fsm_state_names[s], is, want);
		}
	}
}

static void
names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(FSM_STATE_COUNT, 10);
	for (unsigned s = 0; s < FSM_STATE_COUNT; s++)
		assert_string_equal(fsm_state_names[s], numbered[s]);
	for (unsigned a = 1; a < FSM_ACTION_COUNT; a++)
		assert_int_equal(strlen(fsm_action_names[a]), 3);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(names_and_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
