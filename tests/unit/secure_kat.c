#include "tests/unit/secure_kat.h"

#include "tests/harness/unit.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "src/base/encoding.h"

json_t *
kat_load(void)
{
	const char *top = getenv("FTX_TOP");
	char path[PATH_MAX];
	json_error_t error;
	json_t *root;

	snprintf(path, sizeof(path), "%s/tests/vectors/ftx1_kat.json", top != NULL ? top : ".");
	root = json_load_file(path, 0, &error);
	cr_assert_not_null(root, "%s: %s", path, error.text);
	return root;
}

size_t
kat_hex(uint8_t *out, size_t capacity, const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));
	size_t length;

	cr_assert_not_null(text, "no %s", name);
	length = strlen(text) / 2;
	cr_assert(length <= capacity, "%s is too long", name);
	cr_assert_eq(hex_decode(out, length, text), 0, "%s is not hex", name);
	return length;
}

void
kat_bytes(uint8_t *out, size_t length, const json_t *object, const char *name)
{
	cr_assert_eq(kat_hex(out, length, object, name), length, "%s is too short", name);
}
