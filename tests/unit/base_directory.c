#include "src/base/directory.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

Test(directory, of_a_path_is_what_it_lies_in)
{
	static const char *const cases[][2] = {
	    {"a", "."},	    {"", "."},	  {"/", "/"},	  {"/a", "/"},
	    {"//a", "/"},   {"a/b", "a"}, {"a//b", "a"},  {"./a", "."},
	    {"/a/b", "/a"}, {"a/", "a"},  {"../a", ".."}, {"a/b/c", "a/b"},
	};
	char out[PATH_MAX];
	char longest[PATH_MAX + 2];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		cr_assert_eq(directory_of(out, cases[i][0]), 0);
		cr_assert_str_eq(out, cases[i][1], "of '%s'", cases[i][0]);
	}
	memset(longest, 'x', sizeof(longest));
	longest[PATH_MAX] = '\0';
	cr_assert_eq(directory_of(out, longest), FTX_E_NAME);
	longest[PATH_MAX - 1] = '\0';
	cr_assert_eq(directory_of(out, longest), 0);
}

Test(directory, makes_what_is_missing_and_nothing_else)
{
	char top[] = "/tmp/ftx-directory-XXXXXX";
	struct stat st;

	umask(022);
	cr_assert(mkdtemp(top) != NULL && chdir(top) == 0);
	cr_assert_eq(directory_make("a/b//c", 0700), 0);
	cr_assert(stat("a/b", &st) == 0 && (st.st_mode & 0777) == 0700);
	cr_assert_eq(directory_make("a/b/c/", 0777), 0);
	cr_assert(stat("a/b/c", &st) == 0 && (st.st_mode & 0777) == 0700, "an old one is changed");
	cr_assert_eq(directory_make("d", 0777), 0);
	cr_assert(stat("d", &st) == 0 && (st.st_mode & 0777) == 0755);
	cr_assert_eq(directory_make(top, 0700), 0);
	cr_assert_eq(directory_make("", 0700), FTX_E_NOT_FOUND);
	cr_assert_eq(directory_make("/proc/self/status/x", 0700), FTX_E_CONFLICT);
	cr_assert_eq(errno, ENOTDIR);
	cr_assert_eq(directory_sync_path("nowhere"), FTX_E_NOT_FOUND);
	cr_assert_eq(errno, ENOENT);
	cr_assert_eq(directory_sync_path("a/b"), 0);
	cr_assert(rmdir("a/b/c") == 0 && rmdir("a/b") == 0 && rmdir("a") == 0 && rmdir("d") == 0);
	cr_assert(chdir("/") == 0 && rmdir(top) == 0);
}
