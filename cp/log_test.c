#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"

static char path[] = "/tmp/millrace-log-test.XXXXXX";

static char *
logged(void)
{
	static char text[1 << 22];
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof text - 1, f)] = 0;
	fclose(f);
	return text;
}

static void
lines_arrive_in_order_and_whole(void **state)
{
	struct log *log;
	(void)state;
	assert_int_equal(log_open(&log, path, LOG_LEVEL_INFO), 0);
	assert_true(log_on(log, LOG_LEVEL_INFO));
	assert_false(log_on(log, LOG_LEVEL_DEBUG));
	for (int i = 0; i < 1000; i++)
		log_line(log, i % 2 ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "line=%d.", i);
	log_close(log);
	const char *at = logged();
	for (int i = 1; i < 1000; i += 2) {
		char want[32];
		snprintf(want, sizeof want, " info  line=%d.\n", i);
		at = strstr(at, want);
		assert_non_null(at);
	}
	assert_null(strstr(logged(), "line=2."));
}

static void
a_line_cannot_fake_another(void **state)
{
	struct log *log;
	char lengthy[LOG_LINE_MAX * 2];
	(void)state;
	assert_int_equal(log_open(&log, path, LOG_LEVEL_INFO), 0);
	memset(lengthy, 'x', sizeof lengthy);
	lengthy[sizeof lengthy - 1] = 0;
	log_line(log, LOG_LEVEL_INFO, "name=%s", "eve\n[2026] info l2tp0:root: started\033[2J\x7f");
	log_line(log, LOG_LEVEL_INFO, "c1=%s",
		 "a\xc2\x9b"
		 "2J\x9b"
		 "2J\x90.");
	log_line(log, LOG_LEVEL_INFO, "utf8=%s", "J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x9a\x80");
	log_line(log, LOG_LEVEL_INFO, "%s", lengthy);
	log_close(log);
	assert_non_null(strstr(logged(), "c1=a\xc2 2J 2J .\n"));
	assert_non_null(strstr(logged(), "utf8=J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x9a\x80\n"));
	assert_non_null(strstr(logged(), "name=eve [2026] info l2tp0:root: started [2J \n"));
	assert_int_equal(logged()[strlen(logged()) - 1], '\n');
}

static void
a_file_that_cannot_be_opened_is_said(void **state)
{
	struct log *log;
	(void)state;
	assert_int_equal(log_open(&log, "/nonexistent/log", LOG_LEVEL_INFO), -2);
	log_line(NULL, LOG_LEVEL_ERROR, "a NULL log swallows %s", "everything");
	log_close(NULL);
}

static void *
read_all(void *fd)
{
	char buf[4096];
	while (read(*(int *)fd, buf, sizeof buf) > 0)
		;
	return NULL;
}

/* A reader that does not read: MAIN goes on, the loss is counted. */
static void
a_slow_disk_delays_nobody(void **state)
{
	struct log *log;
	int ends[2];
	char fd_path[32];
	(void)state;
	assert_int_equal(pipe(ends), 0);
	snprintf(fd_path, sizeof fd_path, "/dev/fd/%d", ends[1]);
	assert_int_equal(log_open(&log, fd_path, LOG_LEVEL_INFO), 0);
	for (int i = 0; i < 40000; i++)
		log_line(log, LOG_LEVEL_INFO, "a line of some length, to fill the pipe and then the queue %d", i);
	assert_true(log_lost(log) > 0);
	close(ends[1]);
	/* Now the reader reads, and WRITER can end. */
	pthread_t reader;
	assert_int_equal(pthread_create(&reader, NULL, read_all, &ends[0]), 0);
	log_close(log);
	pthread_join(reader, NULL);
	close(ends[0]);
}

/* Ten a second, and the eleventh is counted, and told when there is room again. */
static void
others_lines_are_limited(void **state)
{
	struct log_limit l = {0};
	struct mono now = {5000000};
	uint32_t left_out = 99;
	(void)state;
	for (unsigned i = 0; i < LOG_LIMIT; i++) {
		assert_true(log_limit_take(&l, now, &left_out));
		assert_int_equal(left_out, 0);
	}
	assert_false(log_limit_take(&l, now, &left_out));
	now.us += 999999;
	assert_false(log_limit_take(&l, now, &left_out));
	now.us += 1;
	assert_true(log_limit_take(&l, now, &left_out));
	assert_int_equal(left_out, 2);
	assert_true(log_limit_take(&l, now, &left_out));
	assert_int_equal(left_out, 0);
}

static void
what_was_left_out_is_said(void **state)
{
	struct log_limit l = {0};
	struct mono now = {5000000};
	struct log *log;
	(void)state;
	assert_int_equal(log_open(&log, path, LOG_LEVEL_INFO), 0);
	for (unsigned i = 0; i < LOG_LIMIT + 3; i++)
		log_limited(log, &l, now, LOG_LEVEL_WARN, "stranger=%u.", i);
	now.us += 1000000;
	log_limited(log, &l, now, LOG_LEVEL_WARN, "stranger=last.");
	log_close(log);
	assert_non_null(strstr(logged(), "stranger=9.\n"));
	assert_null(strstr(logged(), "stranger=10."));
	assert_non_null(strstr(logged(), "stranger=last. (after 3 more)\n"));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_arrive_in_order_and_whole),
		cmocka_unit_test(a_line_cannot_fake_another),
		cmocka_unit_test(a_file_that_cannot_be_opened_is_said),
		cmocka_unit_test(a_slow_disk_delays_nobody),
		cmocka_unit_test(others_lines_are_limited),
		cmocka_unit_test(what_was_left_out_is_said),
	};
	int fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
