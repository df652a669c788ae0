#include "src/client/hint.h"

#include "tests/harness/unit.h"
#include <stddef.h>
#include <string.h>

#include "proto/errors.h"

static struct server_info info = {.share_count = 2, .shares = {{"media", 1}, {"me", 1}}};

static const struct {
	int error;
	enum side side;
	const char *path, *words; /* NULL: no hint */
} hints[] = {
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "films", "lists no 'films' for this key"},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "films/a/b", "lists no 'films' for this key"},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "med/a", "lists no 'med' for this key"},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "media2/a", "lists no 'media2' for this key"},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "media", NULL},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "me/a", NULL},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "media/*.mkv", "is no pattern"},
    {FTX_E_NOT_FOUND, SIDE_REMOTE, "media/a?", "is no pattern"},
    {FTX_E_NOT_FOUND, SIDE_LOCAL, "films/a", NULL},
    {FTX_E_DENIED, SIDE_REMOTE, "films/a", NULL},
};

Test(hint, says_what_may_be_behind_a_path_that_does_not_exist)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct problem p;

		problem_set(&p, hints[i].error, hints[i].side, "text");
		hint_missing(&p, &info, hints[i].path);
		if (hints[i].words == NULL)
			cr_expect_str_eq(p.hint, "", "%s: %s", hints[i].path, p.hint);
		else
			cr_expect(strstr(p.hint, hints[i].words) != NULL, "%s: %s", hints[i].path,
				  p.hint);
		cr_expect_str_eq(p.text, "text");
	}
}

Test(hint, leaves_another_hint)
{
	struct problem p;

	problem_set(&p, FTX_E_NOT_FOUND, SIDE_REMOTE, NULL);
	problem_hint(&p, "first");
	hint_missing(&p, &info, "films");
	cr_expect_str_eq(p.hint, "first");
}
