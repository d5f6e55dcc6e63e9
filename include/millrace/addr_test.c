/* Addresses and prefixes: text, families, edges, and what a hostile peer or a tired operator writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <millrace/addr.h>

static struct addr
addr(const char *s)
{
	struct addr a;
	if (!addr_parse(s, &a))
		fail_msg("%s is no address", s);
	return a;
}

static struct prefix
prefix(const char *s)
{
	struct prefix p;
	if (!prefix_parse(s, &p))
		fail_msg("%s is no prefix", s);
	return p;
}

static void
prints_as(const char *in, const char *out)
{
	char buf[ADDR_STRLEN];
	struct addr a = addr(in);
	assert_ptr_equal(addr_str(&a, buf), buf);
	assert_string_equal(buf, out);
}

static void
addresses_are_printed(void **state)
{
	(void)state;
	prints_as("0.0.0.0", "0.0.0.0");
	prints_as("255.255.255.255", "255.255.255.255");
	prints_as("10.78.1.9", "10.78.1.9");
	prints_as("::", "::");
	prints_as("::1", "::1");
	prints_as("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
	prints_as("fe80::1:0:0:1", "fe80::1:0:0:1");
	prints_as("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	/* RFC 4291 2.5.5.2: the mapped form is the IPv4 address */
	prints_as("::ffff:10.0.0.1", "10.0.0.1");
	prints_as("::ffff:a00:1", "10.0.0.1");
	/* the compatible form (2.5.5.1) is not */
	prints_as("::10.0.0.1", "::10.0.0.1");
	prints_as("2001:db8::192.0.2.33", "2001:db8::c000:221");
}

static void
families_are_told_apart(void **state)
{
	(void)state;
	struct addr v4 = addr_from_ip4(0x0a4e0109), same = addr("10.78.1.9"), v6 = addr("::10.78.1.9");
	assert_true(addr_is_v4(&v4));
	assert_false(addr_is_v4(&v6));
	assert_true(addr_eq(&v4, &same));
	assert_false(addr_eq(&v4, &v6));
	assert_int_equal(addr_cmp(&v4, &same), 0);
	assert_int_equal(addr_ip4(&v4), 0x0a4e0109);
	for (unsigned i = 0; i < 33; i++) {
		uint32_t ip = i < 32 ? 1u << i : UINT32_MAX;
		struct addr a = addr_from_ip4(ip);
		assert_true(addr_is_v4(&a));
		assert_int_equal(addr_ip4(&a), ip);
	}
}

static void
order_is_that_of_the_numbers(void **state)
{
	static const char *const sorted[] = {"::",       "::1",       "0.0.0.0",         "0.0.0.255",  "9.255.255.255",
					     "10.0.0.0", "128.0.0.1", "255.255.255.255", "2001:db8::", "2001:db8:0:1::",
					     "ff02::1"};
	const int n = sizeof sorted / sizeof *sorted;
	(void)state;
	for (int i = 0; i < n; i++) {
		for (int j = 0; j < n; j++) {
			struct addr a = addr(sorted[i]), b = addr(sorted[j]);
			int c = addr_cmp(&a, &b);
			assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
		}
	}
}

static void
any_is_all_zeros(void **state)
{
	(void)state;
	struct addr any4 = addr("0.0.0.0"), any6 = addr("::");
	assert_true(addr_is_any(&any4));
	assert_true(addr_is_any(&any6));
	for (unsigned bit = 0; bit < 128; bit++) {
		struct addr a = {{0}};
		a.b[bit / 8] = (uint8_t)(1u << bit % 8);
		assert_false(addr_is_any(&a));
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		struct addr a = addr_from_ip4(1u << bit);
		assert_false(addr_is_any(&a));
	}
}

static void
hostile_addresses_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		".",
		":",
		":::",
		"1",
		"1.2.3",
		"1.2.3.",
		"1.2.3.4.",
		"1.2.3.4.5",
		".1.2.3.4",
		"1..2.3",
		"256.1.1.1",
		"1.1.1.256",
		"1.1.1.0256",
		"01.1.1.1",
		"0x10.1.1.1",
		"-1.1.1.1",
		"1.1.1.-1",
		"4294967296",
		" 1.2.3.4",
		"1.2.3.4 ",
		"1.2.3.4\n",
		"1.2.3.4/24",
		"1.2.3.4:80",
		"[::1]",
		"::1%lo",
		"fe80::1%eth0",
		"12345::",
		"g::",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1::2::3",
		"1:2:3:4:5:6:7::8:9",
		"::1.2.3",
		"::1.2.3.256",
		"::1.2.3.4:5",
		"::ffff:1.2.3.4.5",
		"localhost",
		"10.0.0.1\xff",
		"\xd9\xa1.0.0.1",
	};
	(void)state;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct addr a, before;
		struct prefix p, p_before;
		memset(&a, 0xa5, sizeof a);
		memset(&p, 0xa5, sizeof p);
		before = a;
		p_before = p;
		if (addr_parse(bad[i], &a))
			fail_msg("\"%s\" is taken for an address", bad[i]);
		assert_memory_equal(&a, &before, sizeof a);
		if (!strchr(bad[i], '/') && prefix_parse(bad[i], &p))
			fail_msg("\"%s\" is taken for a prefix", bad[i]);
		assert_memory_equal(&p, &p_before, sizeof p);
	}
}

static void
prefixes_are_parsed_and_printed(void **state)
{
	static const char *const same[] = {
		"0.0.0.0/0",     "10.78.1.9/24",    "10.78.1.9/32",    "::/0",
		"2001:db8::/32", "2001:db8::1/127", "2001:db8::1/128", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"};
	char buf[PREFIX_STRLEN];
	(void)state;
	for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
		struct prefix p = prefix(same[i]);
		assert_ptr_equal(prefix_str(&p, buf), buf);
		assert_string_equal(buf, same[i]);
	}
	assert_int_equal(prefix("10.0.0.1").len, 32);
	assert_int_equal(prefix("2001:db8::1").len, 128);
	assert_int_equal(prefix("::ffff:10.0.0.0/24").len, 24);
	/* 45 characters, the longest there is */
	assert_int_equal(prefix("0000:0000:0000:0000:0000:0000:255.255.255.255/128").len, 128);
	/* the longest text of all fits */
	struct prefix longest = {.len = 255};
	memset(longest.addr.b, 0xff, 16);
	assert_int_equal(strlen(prefix_str(&longest, buf)), 43);
}

static void
hostile_prefixes_are_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"/",
		"/24",
		"10.0.0.0/",
		"10.0.0.0/33",
		"10.0.0.0/-1",
		"10.0.0.0/+1",
		"10.0.0.0/ 1",
		"10.0.0.0/1 ",
		"10.0.0.0/0x8",
		"10.0.0.0/a",
		"10.0.0.0/8a",
		"10.0.0.0/8/8",
		"10.0.0.0//8",
		"10.0.0.0/255.0.0.0",
		"10.0.0.0 /8",
		"10.0.0/8",
		"::/129",
		"::/256",
		"::/",
		"::ffff:10.0.0.0/120",
		"10.0.0.0/4294967296",
		"10.0.0.0/4294967304",
		"10.0.0.0/18446744073709551616",
		"10.0.0.0/18446744073709551624",
		"10.0.0.0/99999999999999999999999999999999999999",
		"0000:0000:0000:0000:0000:0000:0255.255.255.255/1",
		"00000000000000000000000000000000000000000000010.0.0.0/8",
	};
	char huge[5000];
	struct prefix p, before;
	(void)state;
	memset(&p, 0xa5, sizeof p);
	before = p;
	for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (prefix_parse(bad[i], &p))
			fail_msg("\"%s\" is taken for a prefix", bad[i]);
		assert_memory_equal(&p, &before, sizeof p);
	}
	for (size_t n = 40; n < sizeof huge; n += 37) {
		memset(huge, '1', n);
		huge[n] = 0;
		assert_false(prefix_parse(huge, &p));
		huge[n - 2] = '/';
		assert_false(prefix_parse(huge, &p));
	}
}

/* bit by bit: the slow and certain way */
static bool
contains_slowly(const struct prefix *p, const struct addr *a)
{
	unsigned bits = addr_is_v4(&p->addr) ? p->len + 96u : p->len;
	if (addr_is_v4(&p->addr) != addr_is_v4(a))
		return false;
	for (unsigned i = 0; i < bits; i++)
		if ((p->addr.b[i / 8] ^ a->b[i / 8]) & 0x80 >> i % 8)
			return false;
	return true;
}

static void
one_prefix(struct prefix p)
{
	struct prefix masked = prefix_mask(p);
	bool v4 = addr_is_v4(&p.addr);
	unsigned first = v4 ? 96 : 0;
	assert_int_equal(masked.len, p.len);
	assert_true(prefix_contains(&p, &p.addr));
	assert_true(prefix_contains(&p, &masked.addr));
	assert_true(prefix_contains(&masked, &p.addr));
	for (unsigned bit = first; bit < 128; bit++) {
		struct addr other = p.addr;
		other.b[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		if (addr_is_v4(&other) != v4)
			continue;
		assert_int_equal(prefix_contains(&p, &other), contains_slowly(&p, &other));
		assert_int_equal(prefix_contains(&p, &other), bit >= first + p.len);
		if (bit >= first + p.len)
			assert_int_equal(masked.addr.b[bit / 8] & 0x80 >> bit % 8, 0);
		else
			assert_int_equal((masked.addr.b[bit / 8] ^ p.addr.b[bit / 8]) & 0x80 >> bit % 8, 0);
	}
	struct prefix again = prefix_mask(masked);
	assert_memory_equal(&again.addr, &masked.addr, 16);
}

static void
every_length_contains_and_masks(void **state)
{
	static const char *const v6[] = {"2001:db8:a5a5:5a5a:ffff:0:1234:8001", "::", "::1",
					 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::fffe:a00:1"};
	static const uint32_t v4[] = {0, 1, 0x80000000, 0x0a4e0109, 0xa5a5a5a5, UINT32_MAX};
	(void)state;
	for (unsigned i = 0; i < sizeof v6 / sizeof *v6; i++)
		for (unsigned len = 0; len <= 128; len++)
			one_prefix((struct prefix){addr(v6[i]), (uint8_t)len});
	for (unsigned i = 0; i < sizeof v4 / sizeof *v4; i++)
		for (unsigned len = 0; len <= 32; len++)
			one_prefix((struct prefix){addr_from_ip4(v4[i]), (uint8_t)len});
}

static void
a_prefix_is_of_one_family(void **state)
{
	(void)state;
	struct prefix all4 = prefix("0.0.0.0/0"), all6 = prefix("::/0");
	struct addr v4 = addr("10.0.0.1"), v6 = addr("::10.0.0.1");
	assert_true(prefix_contains(&all4, &v4));
	assert_false(prefix_contains(&all4, &v6));
	assert_true(prefix_contains(&all6, &v6));
	assert_false(prefix_contains(&all6, &v4));
	/* clearing host bits never moves a prefix to the other family */
	struct prefix masked = prefix_mask(prefix("255.255.255.255/0"));
	assert_true(addr_is_v4(&masked.addr));
	assert_int_equal(addr_ip4(&masked.addr), 0);
	struct prefix near4 = {{{0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 1, 2, 3, 4}}, 60};
	for (near4.len = 0; near4.len <= 128; near4.len++) {
		masked = prefix_mask(near4);
		assert_false(addr_is_v4(&masked.addr));
	}
}

/* A length byte from the wire can say anything; the address has 128 bits all the same. */
static void
lengths_beyond_the_family(void **state)
{
	struct prefix *p = malloc(sizeof *p); /* exact, so that a sanitizer sees a read beyond */
	struct addr *other = malloc(sizeof *other);
	(void)state;
	for (unsigned len = 33; len < 256; len++) {
		*p = (struct prefix){addr_from_ip4(0x0a000001), (uint8_t)len};
		*other = addr_from_ip4(0x0a000000);
		assert_true(prefix_bits(p) == 128);
		assert_true(prefix_contains(p, &p->addr));
		assert_false(prefix_contains(p, other));
		struct prefix masked = prefix_mask(*p);
		assert_true(addr_eq(&masked.addr, &p->addr));
		if (len <= 128)
			continue;
		*p = (struct prefix){addr("2001:db8::1"), (uint8_t)len};
		*other = addr("2001:db8::");
		assert_true(prefix_contains(p, &p->addr));
		assert_false(prefix_contains(p, other));
	}
	free(other);
	free(p);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_printed),         cmocka_unit_test(families_are_told_apart),
		cmocka_unit_test(order_is_that_of_the_numbers),  cmocka_unit_test(any_is_all_zeros),
		cmocka_unit_test(hostile_addresses_are_refused), cmocka_unit_test(prefixes_are_parsed_and_printed),
		cmocka_unit_test(hostile_prefixes_are_refused),  cmocka_unit_test(every_length_contains_and_masks),
		cmocka_unit_test(a_prefix_is_of_one_family),     cmocka_unit_test(lengths_beyond_the_family),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
