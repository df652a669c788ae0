/*
 * What unit tests are written with.  The names and the form are Criterion's:
 *
 *	TestSuite(record, .init = begin, .fini = end, .timeout = 30);
 *	Test(record, refuses_length_over_maximum)
 *	{
 *		cr_assert(open_record(&r) == 0, "%s", why);
 *	}
 *
 * Each test is forked from the one process of its program (Criterion executes the program anew for
 * each, which with sanitizers took nine tenths of the time).  It fails when something expected is
 * not so, here or in a process that it forks, when it crashes, exits or leaks, and when it takes
 * longer than its timeout.  What it leaves running is killed.
 *
 * cr_expect... goes on after a failure, cr_assert... ends the test, whose .fini is run all the
 * same; in another thread or process than the test's own it ends that process.  Behind what is
 * compared may stand a format and its arguments, for the message.
 */
#ifndef TESTS_HARNESS_UNIT_H
#define TESTS_HARNESS_UNIT_H

/* For macros without variable arguments, which C11 has not. */
#pragma GCC system_header
#ifdef __clang__
#pragma clang diagnostic ignored "-Wgnu-zero-variadic-macro-arguments"
#endif

#include <stddef.h>
#include <string.h>

struct unit_test {
	const char *suite, *name; /* name: NULL for a suite */
	void (*run)(void);
	/* Those of the suite are run around those of the test. */
	void (*init)(void);
	void (*fini)(void);
	unsigned timeout; /* seconds, 0: that of the suite, if it has one */
	struct unit_test *next;
};

/* Borrows until the end of the program. */
void unit_add(struct unit_test *t);

void unit_expected(const char *file, unsigned line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void unit_asserted(const char *file, unsigned line, const char *what, const char *format, ...)
    __attribute__((format(printf, 4, 5), noreturn));
void unit_note(const char *format, ...) __attribute__((format(printf, 1, 2)));
void unit_skip(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));

/* Makes a directory of its own in $TMPDIR or /tmp, as "ftx-NAME-" and six characters; fails the
 * test. */
void unit_directory(char *path, size_t size, const char *name);

#define UNIT_ADD(symbol, ...)                                                                      \
	static void __attribute__((constructor)) symbol##_add(void)                                \
	{                                                                                          \
		static struct unit_test t = {__VA_ARGS__};                                         \
		unit_add(&t);                                                                      \
	}

#define TestSuite(suite_, ...)                                                                     \
	UNIT_ADD(suite_##_suite, .suite = #suite_, __VA_ARGS__)                                    \
	struct unit_test

#define Test(suite_, name_, ...)                                                                   \
	static void suite_##_##name_##_test(void);                                                 \
	UNIT_ADD(suite_##_##name_, .suite = #suite_, .name = #name_,                               \
		 .run = suite_##_##name_##_test, __VA_ARGS__)                                      \
	static void suite_##_##name_##_test(void)

#define UNIT_EXPECT(condition, what, ...)                                                          \
	((condition) ? (void)0 : unit_expected(__FILE__, __LINE__, what, "" __VA_ARGS__))
#define UNIT_ASSERT(condition, what, ...)                                                          \
	((condition) ? (void)0 : unit_asserted(__FILE__, __LINE__, what, "" __VA_ARGS__))

#define cr_expect(a, ...)	   UNIT_EXPECT(a, #a, __VA_ARGS__)
#define cr_expect_not(a, ...)	   UNIT_EXPECT(!(a), "not " #a, __VA_ARGS__)
#define cr_expect_null(a, ...)	   UNIT_EXPECT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_expect_not_null(a, ...) UNIT_EXPECT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_expect_eq(a, b, ...)	   UNIT_EXPECT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_expect_neq(a, b, ...)   UNIT_EXPECT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_expect_lt(a, b, ...)	   UNIT_EXPECT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_expect_leq(a, b, ...)   UNIT_EXPECT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_expect_gt(a, b, ...)	   UNIT_EXPECT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_expect_geq(a, b, ...)   UNIT_EXPECT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)                                                                \
	UNIT_EXPECT(strcmp(a, b) == 0, #a " is the text " #b, __VA_ARGS__)
#define cr_expect_str_neq(a, b, ...)                                                               \
	UNIT_EXPECT(strcmp(a, b) != 0, #a " is not the text " #b, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, size, ...)                                                          \
	UNIT_EXPECT(memcmp(a, b, size) == 0, #a " has the bytes of " #b, __VA_ARGS__)
#define cr_expect_arr_neq(a, b, size, ...)                                                         \
	UNIT_EXPECT(memcmp(a, b, size) != 0, #a " has not the bytes of " #b, __VA_ARGS__)
#define cr_expect_fail(...) UNIT_EXPECT(0, "not to come here", __VA_ARGS__)

#define cr_assert(a, ...)	   UNIT_ASSERT(a, #a, __VA_ARGS__)
#define cr_assert_not(a, ...)	   UNIT_ASSERT(!(a), "not " #a, __VA_ARGS__)
#define cr_assert_null(a, ...)	   UNIT_ASSERT((a) == NULL, #a " is NULL", __VA_ARGS__)
#define cr_assert_not_null(a, ...) UNIT_ASSERT((a) != NULL, #a " is not NULL", __VA_ARGS__)
#define cr_assert_eq(a, b, ...)	   UNIT_ASSERT((a) == (b), #a " == " #b, __VA_ARGS__)
#define cr_assert_neq(a, b, ...)   UNIT_ASSERT((a) != (b), #a " != " #b, __VA_ARGS__)
#define cr_assert_lt(a, b, ...)	   UNIT_ASSERT((a) < (b), #a " < " #b, __VA_ARGS__)
#define cr_assert_leq(a, b, ...)   UNIT_ASSERT((a) <= (b), #a " <= " #b, __VA_ARGS__)
#define cr_assert_gt(a, b, ...)	   UNIT_ASSERT((a) > (b), #a " > " #b, __VA_ARGS__)
#define cr_assert_geq(a, b, ...)   UNIT_ASSERT((a) >= (b), #a " >= " #b, __VA_ARGS__)
#define cr_assert_str_eq(a, b, ...)                                                                \
	UNIT_ASSERT(strcmp(a, b) == 0, #a " is the text " #b, __VA_ARGS__)
#define cr_assert_str_neq(a, b, ...)                                                               \
	UNIT_ASSERT(strcmp(a, b) != 0, #a " is not the text " #b, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, size, ...)                                                          \
	UNIT_ASSERT(memcmp(a, b, size) == 0, #a " has the bytes of " #b, __VA_ARGS__)
#define cr_assert_arr_neq(a, b, size, ...)                                                         \
	UNIT_ASSERT(memcmp(a, b, size) != 0, #a " has not the bytes of " #b, __VA_ARGS__)
#define cr_assert_fail(...) unit_asserted(__FILE__, __LINE__, "not to come here", "" __VA_ARGS__)

/* Something that was not tested: said, not counted. */
#define cr_log_warn(...) unit_note(__VA_ARGS__)

/* Ends the test, which counts as skipped: why. */
#define cr_skip_test(...) unit_skip(__VA_ARGS__)

#endif
