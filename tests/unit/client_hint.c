#include "src/client/hint.h"

#include "tests/harness/unit.h"
#include <stddef.h>
#include <string.h>

#include "proto/errors.h"

static struct server_info info = {
    .client = "lap\ntop", .share_count = 3, .shares = {{"media", 1}, {"me", 7}, {"all", 31}}};

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
    {FTX_E_DENIED, SIDE_REMOTE, "films/a", "lists no 'films' for this key"},
    {FTX_E_DENIED, SIDE_REMOTE, "media/*",
     "this key, which is lap\\ntop there, has list for 'media'"},
    {FTX_E_DENIED, SIDE_REMOTE, "me", "has list,get,put for 'me'"},
    {FTX_E_DENIED, SIDE_REMOTE, "all/a", "all rights for 'all': it is ftxd that may not"},
    {FTX_E_DENIED, SIDE_LOCAL, "me", NULL},
    {FTX_E_READ_ONLY, SIDE_REMOTE, "me", NULL},
};

Test(hint, says_what_may_be_behind_a_path_that_is_not_there_or_denied)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		struct problem p;

		problem_set(&p, hints[i].error, hints[i].side, "text");
		hint_remote(&p, &info, hints[i].path);
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
	hint_remote(&p, &info, "films");
	cr_expect_str_eq(p.hint, "first");
}

Test(hint, concerns_what_is_below_what_was_typed)
{
	cr_expect(hint_concerns("nas:s/a", "nas:s/a"));
	cr_expect(hint_concerns("nas:s/a/b", "nas:s/a"));
	cr_expect(hint_concerns("nas:s/a/b", "nas:s/a/"));
	cr_expect(hint_concerns("nas:s/a", "nas:s/a//"));
	cr_expect(hint_concerns(NULL, "nas:s/a"));
	cr_expect(!hint_concerns("nas:s/ab", "nas:s/a"));
	cr_expect(!hint_concerns("nas:s/a", "nas:s/a/b"));
	cr_expect(!hint_concerns("nas:films", "nas:s"));
}
