/* link.h - what the files of cp/ppp share about one link beside its public face.
 *
 * Private, MAIN only.  Every way into a link (API call, timer) is bracketed by ppp_enter and ppp_leave; the outermost
 * ppp_leave carries out an end that was asked for meanwhile, and makes the `down` upcall as the very last thing.
 */
#ifndef CP_PPP_LINK_H
#define CP_PPP_LINK_H

#include "ppp/ppp.h"

#define GATE_IPCP 1u

extern const struct fsm_ops lcp_ops, ccp_ops, ipcp_ops;

void ppp_enter(struct ppp *p) ON_MAIN;
void ppp_leave(struct ppp *p, struct mono now) ON_MAIN;

/* ppp_set_cause: why the link will end; the first cause stands. */
void ppp_set_cause(struct ppp *p, enum cause cause) ON_MAIN;

/* ppp_fail: the link is to end; happens in the outermost ppp_leave. */
void ppp_fail(struct ppp *p, enum cause cause) ON_MAIN;

/* ppp_output: traces and sends a frame, protocol field included. */
void ppp_output(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ppp_network: authentication is done: network protocols may start (RFC 1661 3.6). */
void ppp_network(struct ppp *p, struct mono now) ON_MAIN;

void ppp_random(struct ppp *p, void *buf, size_t len) ON_MAIN;

/* ppp_magic: random, never 0 (RFC 1661 6.4). */
uint32_t ppp_magic(struct ppp *p) ON_MAIN;

/* ppp_checksum: to tell copies of a packet from others (FNV-1a); no protection against intent. */
uint32_t ppp_checksum(const void *data, size_t len) ANY_THREAD;

/* ppp_printable: bytes of the peer as text for log and CLI: control characters become '.', cut to size. */
void ppp_printable(char *out, size_t size, const uint8_t *in, size_t len) ANY_THREAD;

/* ppp_is_text: whether bytes of the peer are meant to be read: three of four are printable. */
bool ppp_is_text(const uint8_t *in, size_t len) ANY_THREAD;

/* ppp_term_decode: the data of a Terminate-Request as text; Windows' magic and error number become "error 742". */
void ppp_term_decode(char *out, size_t size, const uint8_t *in, size_t len) ANY_THREAD;

/* lcp_proto_reject: Protocol-Reject (RFC 1661 5.7) of a frame, protocol field included. */
void lcp_proto_reject(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ppp_reject_room: how much of a rejected packet goes into its Reject (RFC 1661 5.6, 5.7: the peer's MRU). */
size_t ppp_reject_room(const struct ppp *p) ANY_THREAD;

/* ppp_network_input: a network protocol's frame of at least two bytes, in the Network phase. */
void ppp_network_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ppp_network_go: network protocols may speak: CCP does not hold them, or no longer. */
void ppp_network_go(struct ppp *p, struct mono now) ON_MAIN;

/* ccp_start: the Network phase begins: asks for MPPE when the policy says so. */
void ccp_start(struct ppp *p, struct mono now) ON_MAIN;

/* ccp_input: a frame of CCP.  False: it is to be rejected. */
bool ccp_input(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ccp_hold: keeps a network protocol's frame until CCP is through.  False: CCP does not hold it. */
bool ccp_hold(struct ppp *p, const uint8_t *frame, size_t len, struct mono now) ON_MAIN;

/* ccp_ends_first: the link is to end for want of encryption: CCP takes leave before LCP does (RFC 3078 says nothing;
 * Cisco does, and Windows shows error 734).  True while it does. */
bool ccp_ends_first(struct ppp *p, struct mono now) ON_MAIN;

/* ccp_stop: the link is down: keys are withdrawn. */
void ccp_stop(struct ppp *p, struct mono now) ON_MAIN;

/* ipcp_close_gate: ncp_down when ncp_opening has been called. */
void ipcp_close_gate(struct ppp *p, struct mono now) ON_MAIN;

#endif
