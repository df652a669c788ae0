/*
 * T35: what a server may say to begin with, instead of an answer, and to people.
 */
#include "tests/harness/unit.h"
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "tests/hostile/liar.h"

#define LS	     "ls URL"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { OK = 0, FAILED = 1, DENIED = 6, REFUSED = 7, LOST = 9, BUSY = 11, PROTOCOL = 13 };

/* WELCOME with the byte at this place and the next one as they are not to be. */
static bool
welcome_with(struct liar *l, size_t at, uint8_t low, uint8_t high)
{
	struct message m = {.type = MESSAGE_WELCOME};
	uint8_t plain[256];
	size_t length;

	if (l->message.type != MESSAGE_HELLO)
		return false;
	m.welcome.codecs = 7;
	m.welcome.handles = LIMIT_HANDLES;
	m.welcome.unanswered = LIMIT_UNANSWERED;
	if (message_encode(&m, plain, sizeof(plain), &length) != 0)
		return false;
	plain[at] = low;
	plain[at + 1] = high;
	return liar_tell_plain(l, plain, length);
}

/* Behind the type are 4 bytes of codecs, handles, then 2 of unanswered requests. */
static bool
too_much_credit(struct liar *l)
{
	return welcome_with(l, 6, 0xff, 0xff);
}

static bool
no_credit(struct liar *l)
{
	return welcome_with(l, 6, 0, 0);
}

static bool
too_many_handles(struct liar *l)
{
	return welcome_with(l, 5, 0xff, LIMIT_UNANSWERED);
}

/* The count of shares is the last field. */
static bool
too_many_shares(struct liar *l)
{
	return welcome_with(l, 1 + 4 + 1 + 2 + 16 + 2 + 8 + 4 + 2, 0xff, 0x7f);
}

static bool
a_share_of_another_name(struct liar *l)
{
	const struct share share = {.name = span_of("../s\x1b[31m")};
	struct message m = {.type = MESSAGE_WELCOME};

	if (l->message.type != MESSAGE_HELLO)
		return false;
	m.welcome.handles = LIMIT_HANDLES;
	m.welcome.unanswered = LIMIT_UNANSWERED;
	m.welcome.shares.items = &share;
	m.welcome.shares.count = 1;
	return liar_tell(l, &m);
}

static bool
welcome_twice(struct liar *l)
{
	if (l->message.type != MESSAGE_HELLO)
		return false;
	return liar_be_honest(l) && liar_be_honest(l);
}

static bool
refuse(struct liar *l)
{
	(void)liar_answer(l, MESSAGE_REFUSED);
	liar_linger(l);
	return true;
}

static bool
be_busy(struct liar *l)
{
	(void)liar_error(l, FTX_E_BUSY, "\x1b]0;busy\a");
	liar_linger(l);
	return true;
}

static bool
say_nothing(struct liar *l)
{
	liar_linger(l);
	return true;
}

static bool
half_a_record(struct liar *l)
{
	(void)liar_be_honest(l);
	liar_tell_raw(l, "\x40\0\0\0half", 8);
	shutdown(channel_fd(l->channel), SHUT_WR);
	liar_linger(l);
	return true;
}

static bool
a_record_of_4_gib(struct liar *l)
{
	(void)liar_be_honest(l);
	liar_tell_raw(l, "\xff\xff\xff\xff", 4);
	liar_linger(l);
	return true;
}

static bool
a_record_of_another_key(struct liar *l)
{
	(void)liar_be_honest(l);
	liar_tell_raw(l, "\x11\0\0\0abcdefghijklmnopqrstuvwxyz", 21);
	liar_linger(l);
	return true;
}

static const struct tale beginnings[] = {
    {"too much credit", LS, PROTOCOL, "", {{0}}, too_much_credit},
    {"no credit", LS, PROTOCOL, "", {{0}}, no_credit},
    {"too many handles", LS, PROTOCOL, "", {{0}}, too_many_handles},
    {"more shares than bytes", LS, PROTOCOL, "", {{0}}, too_many_shares},
    {"a share of another name", LS, PROTOCOL, "", {{0}}, a_share_of_another_name},
    {"two welcomes", LS, PROTOCOL, "", {{0}}, welcome_twice},
    {"a refusal", LS, REFUSED, "", {{0}}, refuse},
    {"no time, in red", LS, BUSY, "", {{0}}, be_busy},
    {"nothing", LS " --timeout 1", LOST, "", {{0}}, say_nothing},
    {"half a record", LS, LOST, "", {{0}}, half_a_record},
    {"a record of 4 GiB", LS, LOST, "", {{0}}, a_record_of_4_gib},
    {"a record of another key", LS, LOST, "", {{0}}, a_record_of_another_key},
};

Test(liar, T35_beginnings_that_are_none_end_the_connection)
{
	liar_try(beginnings, COUNT(beginnings));
}

static bool
data_instead(struct liar *l)
{
	const struct message m = liar_chunk(0, 10);

	return l->message.type != MESSAGE_HELLO && liar_tell(l, &m);
}

static bool
deny_in_red(struct liar *l)
{
	return l->message.type != MESSAGE_HELLO &&
	       liar_error(l, FTX_E_DENIED,
			  "\x1b[31mno\x1b[0m \xc2\x9b \x7f \b\b\b\r\n ftx: all is well");
}

static bool
an_error_that_is_none(struct liar *l)
{
	return l->message.type != MESSAGE_HELLO && liar_error(l, -9999, "");
}

static bool
close_in_between(struct liar *l)
{
	if (l->message.type == MESSAGE_HELLO)
		return false;
	(void)liar_answer(l, MESSAGE_CLOSE);
	liar_linger(l);
	return true;
}

static const struct tale answers[] = {
    {"data nobody asked for", LS, PROTOCOL, "", {{0}}, data_instead},
    {"no, in red", LS, DENIED, "", {{0}}, deny_in_red},
    {"an error that is none", LS, PROTOCOL, "", {{0}}, an_error_that_is_none},
    {"good-bye", LS, LOST, "", {{0}}, close_in_between},
    {"names in red",
     LS,
     OK,
     "",
     {ENTER(""), SMALL("a\x1b[31m\r\n\x7f"), LINK("b\xc2\x9b", "\x1b]0;title\a")},
     NULL},
    {"names in red, at length",
     "ls -lR URL",
     OK,
     "",
     {ENTER(""), DIRECTORY("\x1b[31m"), LINK("b\xc2\x9b", "\x1b]0;title\a"), ENTER("\x1b[31m"),
      SMALL("\b")},
     NULL},
    {"names in red, got",
     "get -v -T -j 1 URL DEST",
     OK,
     NULL,
     {ENTER(""), SMALL("a\x1b[31m\r\n\x7f"), SMALL("b\xc2\x9b")},
     NULL},
    {"a device in red",
     "get -v -T -j 1 URL DEST",
     OK,
     "",
     {ENTER(""), {.type = 6, BYTES("a\x1b[31m\r\n\x7f")}},
     NULL},
};

Test(liar, T35_nothing_it_says_reaches_a_terminal_as_it_is)
{
	liar_try(answers, COUNT(answers));
}
