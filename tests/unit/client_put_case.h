/*
 * A tree that is put to a server of the test's own, for the tests of what is asked and answered.
 */
#ifndef UNIT_CLIENT_PUT_CASE_H
#define UNIT_CLIENT_PUT_CASE_H

#include <stdbool.h>

#include "tests/unit/client_fake.h"

extern struct rig rig;
extern struct fake *fake;

/* An empty directory src; puts it, with what was made in it; the end of both, which must agree. */
void case_begin(void);
int case_run(void);
void case_end(void);

/* Files in directories of src, an empty one, and a link. */
void case_make_tree(void);

/* Are both in what the server was asked, this one first? */
bool case_in_order(const char *first, const char *second);

#endif
