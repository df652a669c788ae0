#include "src/base/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "proto/errors.h"

struct unit {
	const char *suffix;
	uint64_t factor;
};

static const struct unit size_units[] = {
    {"", 1},
    {"K", UINT64_C(1) << 10},
    {"M", UINT64_C(1) << 20},
    {"G", UINT64_C(1) << 30},
    {"T", UINT64_C(1) << 40},
    {"k", UINT64_C(1) << 10},
    {"m", UINT64_C(1) << 20},
    {"g", UINT64_C(1) << 30},
    {"t", UINT64_C(1) << 40},
    {NULL, 0},
};

static const struct unit duration_units[] = {
    {"ms", 1},		{"", 1000},	 {"s", 1000}, {"m", 60 * 1000},
    {"h", 3600 * 1000}, {"d", 86400000}, {NULL, 0},
};

static const char *
skip_digits(const char *text)
{
	while (*text >= '0' && *text <= '9')
		text++;
	return text;
}

/*
 * digits[0..length) behind a point, times factor, rounded down.  From the last digit to the first,
 * so that any number of them is exact; factor * 10 must fit 64 bits.
 */
static uint64_t
fraction_of(const char *digits, size_t length, uint64_t factor)
{
	uint64_t value = 0;

	while (length > 0)
		value = ((uint64_t)(digits[--length] - '0') * factor + value) / 10;
	return value;
}

/* text..end are digits. */
static int
digits_parse(uint64_t *value, const char *text, const char *end)
{
	uint64_t n = 0;

	for (; text < end; text++)
		if (__builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(*text - '0'), &n))
			return FTX_E_USAGE;
	*value = n;
	return 0;
}

int
count_parse(uint64_t *n, const char *text)
{
	const char *end = skip_digits(text);

	return end == text || *end != '\0' ? FTX_E_USAGE : digits_parse(n, text, end);
}

/* Number, optional fraction, suffix.  A fraction of the smallest unit is no value. */
static int
quantity_parse(uint64_t *value, const char *text, const struct unit *units)
{
	const char *end = skip_digits(text);
	const char *fraction = *end == '.' ? end + 1 : end;
	const char *suffix = skip_digits(fraction);
	uint64_t n = 0;

	if (end == text || (*end == '.' && suffix == fraction))
		return FTX_E_USAGE;
	while (units->suffix != NULL && strcmp(units->suffix, suffix) != 0)
		units++;
	if (units->suffix == NULL || (fraction != end && units->factor == 1))
		return FTX_E_USAGE;
	if (digits_parse(&n, text, end) != 0 || __builtin_mul_overflow(n, units->factor, &n) ||
	    __builtin_add_overflow(
		n, fraction_of(fraction, (size_t)(suffix - fraction), units->factor), &n))
		return FTX_E_USAGE;
	*value = n;
	return 0;
}

int
size_parse(uint64_t *bytes, const char *text)
{
	return quantity_parse(bytes, text, size_units);
}

int
duration_parse(uint64_t *milliseconds, const char *text)
{
	uint64_t value;
	int r = quantity_parse(&value, text, duration_units);

	if (r != 0 || value > INT64_MAX)
		return FTX_E_USAGE;
	*milliseconds = value;
	return 0;
}

char *
size_format(char *out, size_t capacity, uint64_t bytes)
{
	static const char prefixes[] = "KMGTPE";

	if (bytes < 1024) {
		snprintf(out, capacity, "%" PRIu64 " B", bytes);
		return out;
	}
	for (unsigned i = 0;; i++) {
		unsigned shift = 10 * (i + 1);
		uint64_t unit = UINT64_C(1) << shift;
		uint64_t whole = bytes >> shift;
		uint64_t tenths = whole * 10 + (((bytes & (unit - 1)) * 10 + unit / 2) >> shift);

		if (tenths < 10240 || prefixes[i + 1] == '\0') {
			snprintf(out, capacity, "%" PRIu64 ".%" PRIu64 " %ciB", tenths / 10,
				 tenths % 10, prefixes[i]);
			return out;
		}
	}
}

char *
duration_format(char *out, size_t capacity, uint64_t milliseconds)
{
	uint64_t tenths = milliseconds / 100 + (milliseconds % 100 >= 50);
	uint64_t seconds = milliseconds / 1000 + (milliseconds % 1000 >= 500);
	uint64_t minutes = seconds / 60 + (seconds % 60 >= 30);

	if (tenths < 100)
		snprintf(out, capacity, "%" PRIu64 ".%" PRIu64 " s", tenths / 10, tenths % 10);
	else if (seconds < 60)
		snprintf(out, capacity, "%" PRIu64 " s", seconds);
	else if (seconds < 3600)
		snprintf(out, capacity, "%" PRIu64 " min %" PRIu64 " s", seconds / 60,
			 seconds % 60);
	else if (minutes < 24 * 60)
		snprintf(out, capacity, "%" PRIu64 " h %" PRIu64 " min", minutes / 60,
			 minutes % 60);
	else
		snprintf(out, capacity, "%" PRIu64 " d %" PRIu64 " h", minutes / 60 / 24,
			 minutes / 60 % 24);
	return out;
}
