#include "src/store/name.h"

#include "tests/harness/unit.h"

#include <stdio.h>
#include <string.h>

#include "proto/errors.h"
#include "proto/limits.h"

Test(name, allows_any_bytes_but_the_few_that_mean_something)
{
	static const struct {
		const char *name;
		size_t length;
		bool ok;
	} cases[] = {
	    {"a", 1, true},
	    {"-rf", 3, true},
	    {"line\nbreak", 10, true},
	    {"\xff\xfe\x80", 3, true},
	    {"\x1b[31m", 5, true},
	    {" ", 1, true},
	    {"...", 3, true},
	    {"..a", 3, true},
	    {".a", 2, true},
	    {".ftxx", 5, true},
	    {".ft", 3, true},
	    {".FTX", 4, true},
	    {"a.ftx", 5, true},
	    {"ftx-a", 5, true},
	    {"", 0, false},
	    {".", 1, false},
	    {"..", 2, false},
	    {"a/b", 3, false},
	    {"/", 1, false},
	    {"a\0b", 3, false},
	    {"\0", 1, false},
	    {".ftx", 4, false},
	    {".ftx-", 5, false},
	    {".ftx-0123.part", 14, false},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(name_ok(cases[i].name, cases[i].length) == cases[i].ok, "case %zu", i);
}

Test(name, ends_at_255_bytes)
{
	char name[256];

	memset(name, 'n', sizeof(name));
	cr_expect(name_ok(name, 255));
	cr_expect(!name_ok(name, 256));
	cr_expect(path_check(name, 255) == 0);
	cr_expect(path_check(name, 256) == FTX_E_NAME);
}

Test(path, is_names_joined_by_single_slashes)
{
	static const struct {
		const char *path;
		bool ok;
	} cases[] = {
	    {"a", true},	 {"a/b", true},	      {"a/b/c.d", true},   {"-/-", true},
	    {"\n/\xff", true},	 {"", false},	      {"/", false},	   {"/a", false},
	    {"a/", false},	 {"a//b", false},     {"./a", false},	   {"a/.", false},
	    {"a/./b", false},	 {"../a", false},     {"a/..", false},	   {"a/../b", false},
	    {".ftx/a", false},	 {"a/.ftx", false},   {"a/.ftx/b", false}, {"a/.ftx-x", false},
	    {".ftx-x/a", false}, {"a/.ftxy/b", true}, {"a/b/...", true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		cr_expect(path_check(cases[i].path, strlen(cases[i].path)) ==
			      (cases[i].ok ? 0 : FTX_E_NAME),
			  "'%s'", cases[i].path);
	cr_expect(path_check("a/b\0c", 5) == FTX_E_NAME);
}

/* "d/d/d/...": depth components. */
static size_t
deep(char *path, unsigned depth)
{
	size_t length = 0;

	for (unsigned i = 0; i < depth; i++) {
		path[length++] = 'd';
		path[length++] = '/';
	}
	return length - 1;
}

Test(path, ends_at_128_components_and_4095_bytes)
{
	char path[5000];

	cr_expect(path_check(path, deep(path, 127)) == 0);
	cr_expect(path_check(path, deep(path, 128)) == 0);
	cr_expect(path_check(path, deep(path, 129)) == FTX_E_NAME);
	memset(path, 'x', sizeof(path));
	for (size_t i = 200; i < sizeof(path); i += 200)
		path[i] = '/';
	cr_expect(path_check(path, 4094) == 0);
	cr_expect(path_check(path, 4095) == 0);
	cr_expect(path_check(path, 4096) == FTX_E_NAME);
}
