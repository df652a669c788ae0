#include "tests/harness/unit.h"
#include <netinet/in.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/server/rights.h"

Test(rights, words_add)
{
	static const struct {
		const char *text;
		uint8_t rights;
		const char *again;
	} cases[] = {
	    {"list", RIGHT_LIST, "list"},
	    {"get", RIGHT_GET, "get"},
	    {"put", RIGHT_PUT, "put"},
	    {"overwrite", RIGHT_OVERWRITE, "overwrite"},
	    {"delete", RIGHT_DELETE, "delete"},
	    {"readonly", 3, "list,get"},
	    {"append", 7, "list,get,put"},
	    {"full", 31, "list,get,put,overwrite,delete"},
	    {"put,list", 5, "list,put"},
	    {"list,list", 1, "list"},
	    {"append,delete", 23, "list,get,put,delete"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[RIGHTS_TEXT_BYTES];
		uint8_t rights = 0;

		cr_expect_eq(rights_parse(&rights, cases[i].text), 0, "%s", cases[i].text);
		cr_expect_eq(rights, cases[i].rights, "%s", cases[i].text);
		cr_expect_str_eq(rights_format(text, rights), cases[i].again);
	}
}

Test(rights, other_words_are_none)
{
	static const char *const wrong[] = {"",		 ",",	    "list,", ",list",
					    "list,,get", "List",    "lis",   "list get",
					    "all",	 "listget", "none",  "list, get"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		uint8_t rights = 0;

		cr_expect_eq(rights_parse(&rights, wrong[i]), FTX_E_USAGE, "'%s'", wrong[i]);
	}
}

Test(rights, a_subtree_may_have_any_characters)
{
	struct share_spec spec;
	const char *why = "";

	cr_assert_eq(share_spec_parse(&spec, "s:/a=b:c/d=get", &why), 0, "%s", why);
	cr_expect_str_eq(spec.share, "s");
	cr_expect_str_eq(spec.subtree, "a=b:c/d");
	cr_expect_eq(spec.rights, RIGHT_GET);
	cr_assert_eq(share_spec_parse(&spec, "s:/=get", &why), 0, "%s", why);
	cr_expect_str_eq(spec.subtree, "", "the whole share");
}

/* REFUSALS: it is let in. */
static enum refusal
refuses(const struct client_policy *c, const struct sockaddr *at, int64_t now_s)
{
	enum refusal why;

	return policy_refuses(c, at, now_s, &why) ? why : REFUSALS;
}

Test(policy, refuses_the_disabled_the_expired_and_strangers)
{
	struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000001)};
	const struct sockaddr *at = (const struct sockaddr *)&here;
	struct network net;
	const char *why;
	struct client_policy c = {.from = &net};

	cr_assert_eq(network_parse(&net, "10.0.0.0/8", &why), 0);
	cr_expect_eq(refuses(&c, at, 1000), REFUSALS);
	c.from_count = 1;
	cr_expect_eq(refuses(&c, at, 1000), REFUSALS);
	here.sin_addr.s_addr = htonl(0x0b000001);
	cr_expect_eq(refuses(&c, at, 1000), REFUSED_NETWORK);
	c.from_count = 0;
	c.expires_s = 1001;
	cr_expect_eq(refuses(&c, at, 1000), REFUSALS);
	cr_expect_eq(refuses(&c, at, 1001), REFUSED_EXPIRED);
	c.disabled = true;
	cr_expect_eq(refuses(&c, at, 1000), REFUSED_DISABLED);
}
