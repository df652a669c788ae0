#include "tests/unit/client_files.h"

#include "tests/harness/unit.h"
#include <stdio.h>
#include <unistd.h>

char files_directory[PATH_MAX];

void
files_enter(void)
{
	unit_directory(files_directory, sizeof(files_directory), "files");
	cr_assert_eq(chdir(files_directory), 0);
}

void
files_leave(void)
{
	unlink("user");
	unlink("system");
	cr_assert(chdir("/") == 0 && rmdir(files_directory) == 0);
}

void
files_write(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}
