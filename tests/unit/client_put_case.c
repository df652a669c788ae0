#include "tests/unit/client_put_case.h"

#include "tests/harness/unit.h"
#include <string.h>
#include <unistd.h>

struct rig rig;
struct fake *fake;

void
case_begin(void)
{
	fake = fake_new();
	rig_init(&rig, TRANSFER_PUT);
	rig_directory(&rig, "src");
}

int
case_run(void)
{
	int r;

	rig_start(&rig);
	rig_stream(&rig, fake_serve, fake);
	r = rig_put(&rig);
	return r;
}

void
case_end(void)
{
	rig_end(&rig);
	cr_expect_str_eq(fake->broken, "");
	fake_free(fake);
}

void
case_make_tree(void)
{
	rig_file(&rig, "src/a/b/g", 300);
	rig_file(&rig, "src/a/f", 5000);
	rig_file(&rig, "src/empty", 0);
	cr_assert(symlinkat("a/f", rig.dir, "src/l") == 0);
}

bool
case_in_order(const char *first, const char *second)
{
	const char *a = strstr(fake->log, first), *b = strstr(fake->log, second);

	return a != NULL && b != NULL && a < b;
}
