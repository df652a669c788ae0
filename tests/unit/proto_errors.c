#include "tests/harness/unit.h"
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "proto/errors.h"

static const struct {
	const char *upper;
	const char *name;
	int error;
	unsigned number;
	int exit_code;
	bool retryable;
	const char *text;
} errors[] = {
#define ERROR(NAME, name, number, exit_code, retryable, text)                                      \
	{#NAME, #name, FTX_E_##NAME, number, FTX_EXIT_##exit_code, (retryable) != 0, text},
#include "proto/errors.def"
};
#define ERROR_COUNT (sizeof(errors) / sizeof(errors[0]))

static const struct {
	const char *upper;
	const char *name;
	int code;
} exits[] = {
#define EXIT(NAME, name, number, retry, meaning) {#NAME, #name, number},
#include "proto/errors.def"
};
#define EXIT_COUNT (sizeof(exits) / sizeof(exits[0]))

static bool
is_lower_of(const char *lower, const char *upper)
{
	if (strlen(lower) != strlen(upper))
		return false;
	for (size_t i = 0; lower[i] != '\0'; i++)
		if (lower[i] != tolower((unsigned char)upper[i]))
			return false;
	return true;
}

Test(errors, numbers_and_names_are_unique)
{
	for (size_t i = 0; i < ERROR_COUNT; i++) {
		cr_expect_gt(errors[i].number, 0);
		cr_expect_leq(errors[i].number, UINT16_MAX);
		cr_expect(is_lower_of(errors[i].name, errors[i].upper), "%s", errors[i].upper);
		for (size_t k = 0; k < i; k++) {
			cr_expect_neq(errors[i].number, errors[k].number, "%s", errors[i].name);
			cr_expect_str_neq(errors[i].name, errors[k].name);
		}
	}
	for (size_t i = 0; i < EXIT_COUNT; i++) {
		cr_expect(is_lower_of(exits[i].name, exits[i].upper), "%s", exits[i].upper);
		for (size_t k = 0; k < i; k++)
			cr_expect_neq(exits[i].code, exits[k].code, "%s", exits[i].name);
	}
}

Test(errors, every_row_is_found_by_its_value_and_its_number)
{
	for (size_t i = 0; i < ERROR_COUNT; i++) {
		cr_expect_eq(errors[i].error, -(int)errors[i].number, "%s", errors[i].name);
		cr_expect_eq(error_from_wire(errors[i].number), errors[i].error);
		cr_expect_str_eq(error_name(errors[i].error), errors[i].name);
		cr_expect_str_eq(error_text(errors[i].error), errors[i].text);
		cr_expect_eq(error_exit(errors[i].error), errors[i].exit_code);
		cr_expect_eq(error_retryable(errors[i].error), errors[i].retryable);
	}
}

Test(errors, every_exit_code_exists_and_none_is_success)
{
	for (size_t i = 0; i < ERROR_COUNT; i++) {
		cr_expect_neq(errors[i].exit_code, FTX_EXIT_OK, "%s", errors[i].name);
		cr_expect_str_neq(exit_name(errors[i].exit_code), "unknown");
	}
	for (size_t i = 0; i < EXIT_COUNT; i++)
		cr_expect_str_eq(exit_name(exits[i].code), exits[i].name);
}

Test(errors, texts_are_clauses)
{
	for (size_t i = 0; i < ERROR_COUNT; i++) {
		const char *text = errors[i].text;

		cr_expect_gt(strlen(text), 0);
		cr_expect(!isupper((unsigned char)text[0]), "%s", text);
		cr_expect_neq(text[strlen(text) - 1], '.', "%s", text);
	}
}

Test(errors, a_number_without_a_row_from_the_wire_is_a_broken_protocol)
{
	static const unsigned numbers[] = {0, ERROR_COUNT + 100, UINT16_MAX, INT_MAX, UINT_MAX};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		cr_expect_eq(error_from_wire(numbers[i]), FTX_E_PROTOCOL, "%u", numbers[i]);
}

Test(errors, values_without_a_row_are_harmless)
{
	static const int values[] = {1, INT_MAX, INT_MIN, -10000};

	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		cr_expect_str_eq(error_name(values[i]), "unknown");
		cr_expect_str_eq(exit_name(values[i] + (values[i] == 1 ? 1000 : 0)), "unknown");
		cr_expect_eq(error_exit(values[i]), FTX_EXIT_FAILURE);
		cr_expect_not(error_retryable(values[i]));
		cr_expect_not_null(error_text(values[i]));
	}
	cr_expect_eq(error_exit(0), FTX_EXIT_OK);
}

Test(errors, errnos_have_their_errors)
{
	static const struct {
		int errnum;
		int error;
	} cases[] = {
	    {ENOSPC, FTX_E_NO_SPACE},
	    {EDQUOT, FTX_E_QUOTA},
	    {ENOENT, FTX_E_NOT_FOUND},
	    {EACCES, FTX_E_DENIED},
	    {EPERM, FTX_E_DENIED},
	    {ELOOP, FTX_E_IS_LINK},
	    {EXDEV, FTX_E_OTHER_FILE_SYSTEM},
	    {EEXIST, FTX_E_EXISTS},
	    {ENOTDIR, FTX_E_CONFLICT},
	    {EISDIR, FTX_E_CONFLICT},
	    {EROFS, FTX_E_READ_ONLY},
	    {EIO, FTX_E_IO},
	    {ENOMEM, FTX_E_NOMEM},
	    {ENAMETOOLONG, FTX_E_NAME},
	    {EFBIG, FTX_E_TOO_LARGE},
	    {EBADF, FTX_E_IO},
	    {0, FTX_E_IO},
	    {-1, FTX_E_IO},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect_eq(error_from_errno(cases[i].errnum), cases[i].error, "errno %d",
			     cases[i].errnum);
}
