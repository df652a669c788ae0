#include "src/store/owner.h"

#include "tests/harness/unit.h"

#include <stdio.h>
#include <string.h>

#define NOBODY_KNOWS 3999999u

static bool
id_of(enum owner_kind kind, const char *name, uint32_t *id)
{
	struct span s = span_of(name);

	return owner_id(kind, &s, id);
}

Test(owner, has_the_name_that_the_system_gives_it)
{
	char name[LIMIT_OWNER_BYTES + 1];
	uint32_t id;

	/* Twice: asked, and remembered. */
	for (int i = 0; i < 2; i++) {
		owner_name(OWNER_USER, 0, name);
		cr_expect_str_eq(name, "root");
		owner_name(OWNER_GROUP, 0, name);
		cr_expect_str_eq(name, "root");
		owner_name(OWNER_USER, 65534, name);
		cr_expect_str_eq(name, "nobody");
		owner_name(OWNER_GROUP, 65534, name);
		cr_expect_str_eq(name, "nogroup");
		cr_expect(id_of(OWNER_USER, "nobody", &id) && id == 65534);
		cr_expect(id_of(OWNER_GROUP, "nogroup", &id) && id == 65534);
		cr_expect(!id_of(OWNER_GROUP, "nobody", &id));
	}
}

Test(owner, has_a_name_from_the_files_without_the_name_service)
{
	char name[LIMIT_OWNER_BYTES + 1] = "old";

	owner_from_files();
	for (int i = 0; i < 2; i++) {
		owner_name(OWNER_GROUP, 65534, name);
		cr_expect_str_eq(name, "nogroup");
		owner_name(OWNER_USER, 0, name);
		cr_expect_str_eq(name, "root");
		owner_name(OWNER_USER, 65534, name);
		cr_expect_str_eq(name, "nobody");
		owner_name(OWNER_USER, NOBODY_KNOWS, name);
		cr_expect_str_eq(name, "");
	}
}

Test(owner, that_the_system_does_not_know_has_no_name)
{
	char name[LIMIT_OWNER_BYTES + 1] = "old";
	uint32_t id;

	for (int i = 0; i < 2; i++) {
		owner_name(OWNER_USER, NOBODY_KNOWS, name);
		cr_expect_str_eq(name, "");
		owner_name(OWNER_GROUP, NOBODY_KNOWS, name);
		cr_expect_str_eq(name, "");
		cr_expect(!id_of(OWNER_USER, "nobody-knows", &id));
		cr_expect(!id_of(OWNER_GROUP, "nobody-knows", &id));
	}
}

Test(owner, name_that_cannot_be_one_is_not_asked_for)
{
	char name[LIMIT_OWNER_BYTES + 2];
	uint32_t id;

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect(!id_of(OWNER_USER, name, &id));
	cr_expect(!id_of(OWNER_USER, "", &id));
	cr_expect(!owner_id(OWNER_USER, &(struct span){(const uint8_t *)"root\0x", 6}, &id));
}

Test(owner, is_right_also_when_more_were_asked_for_than_are_remembered)
{
	char name[LIMIT_OWNER_BYTES + 1];
	uint32_t id;

	for (uint32_t i = 0; i < 200; i++) {
		char text[20];

		owner_name(OWNER_USER, NOBODY_KNOWS + i, name);
		cr_expect_str_eq(name, "");
		snprintf(text, sizeof(text), "root-%u", i);
		cr_expect(!id_of(OWNER_USER, text, &id));
		owner_name(OWNER_USER, 0, name);
		cr_expect_str_eq(name, "root");
		cr_expect(id_of(OWNER_USER, "root", &id) && id == 0);
	}
}
