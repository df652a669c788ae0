/*
 * When clients were last here, for those that are expected every so often.
 *
 * What counts is a session that ended well.  A client of which none is known is expected from when
 * it was first heard of.  Times are those of the wall clock in seconds since 1970.
 */
#ifndef SERVER_EXPECTED_H
#define SERVER_EXPECTED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "src/server/policy.h"

struct expected_client {
	const char *name;
	int64_t every_s; /* 0: it is not expected */
	int64_t since_s; /* first heard of */
	int64_t last_s;	 /* its last session that ended well; 0: none is known */
	bool overdue;	 /* as expected_look() has found it */
};

struct expected;

/* Of this policy, whose names it borrows; all first heard of at now_s.  NULL without memory. */
struct expected *expected_new(const struct policy *policy, int64_t now_s);
void expected_free(struct expected *e); /* may be NULL */

/* Takes from old what is known of clients that are still there. */
void expected_carry(struct expected *e, const struct expected *old);

/* A session of this client has ended well.  true: it was overdue. */
bool expected_came(struct expected *e, const char *name, int64_t now_s);

/*
 * Finds who is overdue now.  found, which may be NULL, is told of each that was not.  Returns when
 * the next will be, at now_s + 1 the earliest; INT64_MAX: none will.
 */
int64_t expected_look(struct expected *e, int64_t now_s,
		      void (*found)(void *arg, const struct expected_client *client), void *arg);

/* Since when a client that has not come is late: its last good session and every_s more. */
int64_t expected_due_s(const struct expected_client *client);

/* In the order of the policy. */
size_t expected_count(const struct expected *e);
const struct expected_client *expected_client(const struct expected *e, size_t i);

/* Takes what an earlier run knew of a client; false: there is no such client now. */
bool expected_recall(struct expected *e, const char *name, int64_t since_s, int64_t last_s);

#endif
