/* fuzz_link.h - a whole link under libFuzzer: the body of the ppp_*_fuzz targets.
 *
 * Input: one byte of switches (FUZZ_AT_CCP: and one of MPPE: policy, strengths, stateful, keys missing), then records {u8 n, n bytes}.  n of 1 to 250 is a frame for ppp_input, in a buffer of
 * exactly that size; the values around it are commands (see enum fuzz_command), so that the fuzzer can answer our
 * requests, let time pass and end the link.  Upcalls check the contract of ppp.h and abort where it is broken.
 */
#ifndef CP_PPP_FUZZ_LINK_H
#define CP_PPP_FUZZ_LINK_H

#include "ppp/ppp.h"

/* Where the fuzzer takes over. */
enum fuzz_start { FUZZ_AT_LCP, FUZZ_AT_AUTH, FUZZ_AT_IPCP, FUZZ_AT_CCP };

enum fuzz_switch {
	FUZZ_CLIENT = 1,
	FUZZ_ACCEPT = 2,
	FUZZ_NOAUTH = 4,
	FUZZ_TRACE = 8,
	FUZZ_DEFER = 16,
	FUZZ_MD5 = 32,
	FUZZ_PAP = 64,
	FUZZ_MSCHAP = 128
};

enum fuzz_command {
	FUZZ_SECOND = 0,        /* a second passes */
	FUZZ_ACK = 251,         /* our last frame comes back as a Configure-Ack */
	FUZZ_RESULT = 252,      /* the owner says yes to the last auth_request */
	FUZZ_TERMINATE = 253,   /* the operator ends the link */
	FUZZ_BEARER_DOWN = 254, /* the tunnel is gone */
	FUZZ_LOOP = 255,        /* our last frame comes back as it is */
};

int fuzz_link(enum fuzz_start start, const uint8_t *data, size_t size);

#endif
