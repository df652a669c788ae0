#include "src/client/mapping.h"

#include "tests/harness/unit.h"

#include <string.h>

#include "proto/errors.h"

enum { SLASH = 1, ROOT = 2, DIRECTORY = 4, SEVERAL = 8, FORCED = 16 };

static const struct {
	const char *dest;
	unsigned how;
	const char *name, *result; /* result NULL: error */
	int error;
} cases[] = {
    {"s/g", 0, "f", "s/g", 0},
    {"s/g", SLASH, "f", "s/g/f", 0},
    {"s/g", DIRECTORY, "f", "s/g/f", 0},
    {"s/g", DIRECTORY | SLASH, "f", "s/g/f", 0},
    {"s/g", SEVERAL, "f", "s/g/f", 0},
    {"s", ROOT, "f", "s/f", 0},
    {"s", ROOT | SLASH, "f", "s/f", 0},
    {"s/g", FORCED, "f", "s/g", 0},
    {"s/g", FORCED | SLASH, "f", "s/g", 0},
    {"s/g", FORCED | DIRECTORY, "f", NULL, FTX_E_CONFLICT},
    {"s", FORCED | ROOT, "f", NULL, FTX_E_CONFLICT},
    /* local destinations of a get */
    {".", ROOT | DIRECTORY, "f", "./f", 0},
    {"..", ROOT | DIRECTORY, "f", "../f", 0},
    {"/", ROOT | SLASH | DIRECTORY, "f", "/f", 0},
    {"a/..", ROOT, "f", "a/../f", 0},
    {"new", 0, "f", "new", 0},
    {"new", SLASH, "f", "new/f", 0},
    /* names taken by ftx, and those only like them */
    {"s/.ftx-1", 0, "f", NULL, FTX_E_NAME},
    {"s", ROOT, ".ftx", NULL, FTX_E_NAME},
    {"s", ROOT, ".ftx-part", NULL, FTX_E_NAME},
    {"s", ROOT, ".ftxrc", "s/.ftxrc", 0},
    {"s/ok", 0, ".ftx-1", "s/ok", 0},
};

Test(mapping, lands_where_the_rule_says)
{
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct landing l = {.dest = cases[i].dest,
					  .ends_in_slash = (cases[i].how & SLASH) != 0,
					  .is_root = (cases[i].how & ROOT) != 0,
					  .is_directory = (cases[i].how & DIRECTORY) != 0,
					  .several = (cases[i].how & SEVERAL) != 0,
					  .no_target_directory = (cases[i].how & FORCED) != 0};
		char out[64];
		int r = mapping_land(&l, cases[i].name, strlen(cases[i].name), out, sizeof(out));

		cr_expect(r == cases[i].error, "case %zu: %s", i, error_name(r));
		if (cases[i].result != NULL)
			cr_expect_str_eq(out, cases[i].result, "case %zu: %s", i, out);
	}
}

/* A directory arrives in the destination whatever that is, with -T as the destination. */
static const struct {
	const char *dest;
	unsigned how;
	const char *name, *result;
	int error;
} directories[] = {
    {"s/g", 0, "d", "s/g/d", 0},
    {"s/g", SLASH, "d", "s/g/d", 0},
    {"s/g", DIRECTORY, "d", "s/g/d", 0},
    {"s/g", SEVERAL, "d", "s/g/d", 0},
    {"s", ROOT, "d", "s/d", 0},
    {"s/g", FORCED, "d", "s/g", 0},
    {"s/g", FORCED | DIRECTORY, "d", "s/g", 0},
    {"s", FORCED | ROOT, "d", "s", 0},
    /* "." and a share have no name of their own */
    {"s/g", 0, "", "s/g", 0},
    {"s", ROOT, "", "s", 0},
    /* local destinations of a get */
    {"/", ROOT | SLASH | DIRECTORY, "d", "/d", 0},
    {".", ROOT | DIRECTORY, "d", "./d", 0},
    {"/", ROOT | SLASH | DIRECTORY, "", "/", 0},
    /* names taken by ftx */
    {"s/g", 0, ".ftx", NULL, FTX_E_NAME},
    {"s/g", 0, ".ftx-1", NULL, FTX_E_NAME},
    {"s/g", FORCED, ".ftx-1", "s/g", 0},
};

Test(mapping, a_directory_lands_in_the_destination_or_is_it)
{
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++) {
		const struct landing l = {.dest = directories[i].dest,
					  .ends_in_slash = (directories[i].how & SLASH) != 0,
					  .is_root = (directories[i].how & ROOT) != 0,
					  .is_directory = (directories[i].how & DIRECTORY) != 0,
					  .several = (directories[i].how & SEVERAL) != 0,
					  .no_target_directory =
					      (directories[i].how & FORCED) != 0};
		char out[64];
		int r = mapping_land_directory(&l, directories[i].name, strlen(directories[i].name),
					       out, sizeof(out));

		cr_expect(r == directories[i].error, "case %zu: %s", i, error_name(r));
		if (directories[i].result != NULL)
			cr_expect_str_eq(out, directories[i].result, "case %zu: %s", i, out);
	}
}

Test(mapping, refuses_a_path_that_does_not_fit)
{
	const struct landing l = {.dest = "share/abc", .ends_in_slash = true};
	char out[14];

	cr_expect(mapping_land(&l, "def", 3, out, sizeof(out)) == 0);
	cr_expect(mapping_land(&l, "defg", 4, out, sizeof(out)) == FTX_E_NAME);
	cr_expect(mapping_land_directory(&l, "def", 3, out, sizeof(out)) == 0);
	cr_expect(mapping_land_directory(&l, "defg", 4, out, sizeof(out)) == FTX_E_NAME);
}

static const struct {
	const char *path, *name;
} last_names[] = {
    {"f", "f"},	    {"a/f", "f"},   {"/f", "f"},   {"a/f/", "f"}, {"a/f//", "f"}, {"a//f", "f"},
    {"...", "..."}, {"a/.x", ".x"}, {"", ""},	   {"/", ""},	  {"//", ""},	  {".", ""},
    {"..", ""},	    {"a/.", ""},    {"a/../", ""}, {"./", ""},
};

Test(mapping, finds_the_last_name)
{
	for (size_t i = 0; i < sizeof(last_names) / sizeof(last_names[0]); i++) {
		const char *name;
		size_t n = mapping_last_name(last_names[i].path, &name);

		cr_expect(n == strlen(last_names[i].name) &&
			      memcmp(name, last_names[i].name, n) == 0,
			  "%s", last_names[i].path);
	}
}

Test(mapping, refuses_two_sources_of_one_last_name)
{
	static const char *const twice[] = {"a/f", "g", "b/f/"};
	static const char *const different[] = {"a/f", "g", "b/ff", ".", ".."};
	struct problem why = {0};

	cr_expect(mapping_check_sources(twice, 3, false, &why) == FTX_E_USAGE);
	cr_expect(strstr(why.text, "'f'") != NULL, "%s", why.text);
	cr_expect(mapping_check_sources(different, 5, false, &why) == 0);
	cr_expect(mapping_check_sources(twice, 1, false, &why) == 0);
}

Test(mapping, refuses_one_name_for_several_sources)
{
	static const char *const two[] = {"f", "g"};
	struct problem why = {0};

	cr_expect(mapping_check_sources(two, 2, true, &why) == FTX_E_USAGE);
	cr_expect(mapping_check_sources(two, 1, true, &why) == 0);
}
