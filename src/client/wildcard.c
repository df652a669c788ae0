/*
 * A pattern is a row of elements, each of which takes one byte of a set or is a star.  A run keeps
 * the set of elements that it may have come to, one bit each (Baeza-Yates and Gonnet, "A new
 * approach to text searching", 1992, with stars as states that stay): a byte moves every bit that
 * it fits by one, and a star also lets its bit pass without a byte.  There is nothing to go back
 * to, so no pattern makes it slow.
 */
#include "src/client/wildcard.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct wildcard {
	size_t elements;
	size_t words;
	bool never;			  /* not well-formed */
	uint64_t stars[WILDCARD_WORDS];	  /* `*` and `**` */
	uint64_t doubles[WILDCARD_WORDS]; /* `**` alone */
	uint64_t takes[];		  /* [256][words]: which elements take this byte */
};

static void
set_bit(uint64_t *bits, size_t n)
{
	bits[n / 64] |= UINT64_C(1) << (n % 64);
}

static void
take(struct wildcard *w, size_t element, unsigned char byte)
{
	set_bit(&w->takes[byte * w->words], element);
}

/* What is left of a pattern. */
struct rest {
	const unsigned char *next, *end;
};

struct class
{
	bool member[256];
	unsigned char last; /* where a range would begin, 0 for nowhere */
};

static void
class_add(struct class *c, unsigned first, unsigned last)
{
	for (unsigned byte = first; byte <= last; byte++)
		c->member[byte] = true;
}

static int
is_blank(int c)
{
	return c == ' ' || c == '\t';
}

static bool
class_add_named(struct class *c, const unsigned char *name, size_t length)
{
	static const struct {
		const char *name;
		int (*test)(int);
	} named[] = {
	    {"alnum", isalnum}, {"alpha", isalpha}, {"blank", is_blank}, {"cntrl", iscntrl},
	    {"digit", isdigit}, {"graph", isgraph}, {"lower", islower},	 {"print", isprint},
	    {"punct", ispunct}, {"space", isspace}, {"upper", isupper},	 {"xdigit", isxdigit},
	};

	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		if (strlen(named[i].name) != length || memcmp(named[i].name, name, length) != 0)
			continue;
		for (unsigned byte = 0; byte < 128; byte++)
			if (named[i].test((int)byte))
				c->member[byte] = true;
		c->last = 0;
		return true;
	}
	return false;
}

/*
 * Behind "[:" and at its colon.  Without ":]" before the next bracket it is no name: then the
 * bracket was a member like others.
 */
static bool
read_named(struct rest *r, struct class *c)
{
	const unsigned char *name = r->next + 1;
	const unsigned char *bracket = memchr(name, ']', (size_t)(r->end - name));

	if (bracket == NULL)
		return false;
	if (bracket == name || bracket[-1] != ':') {
		class_add(c, '[', '[');
		c->last = '[';
		return true;
	}
	r->next = bracket + 1;
	return class_add_named(c, name, (size_t)(bracket - 1 - name));
}

/* A byte of a class, which a backslash may precede. */
static bool
read_member(struct rest *r, unsigned char *byte)
{
	if (r->next < r->end && *r->next == '\\')
		r->next++;
	if (r->next == r->end)
		return false;
	*byte = *r->next++;
	return true;
}

/* One member, range or name of a class. */
static bool
read_item(struct rest *r, struct class *c)
{
	size_t left = (size_t)(r->end - r->next);
	unsigned char byte;

	if (left >= 2 && r->next[0] == '[' && r->next[1] == ':') {
		r->next++;
		return read_named(r, c);
	}
	if (left >= 2 && r->next[0] == '-' && c->last != 0 && r->next[1] != ']') {
		r->next++;
		if (!read_member(r, &byte))
			return false;
		class_add(c, c->last, byte);
		c->last = 0;
		return true;
	}
	if (!read_member(r, &byte))
		return false;
	class_add(c, byte, byte);
	c->last = byte;
	return true;
}

/* Behind the opening bracket; behind the closing one afterwards.  false: not well-formed. */
static bool
read_class(struct rest *r, struct class *c)
{
	bool complement = r->next < r->end && (*r->next == '!' || *r->next == '^');

	memset(c, 0, sizeof(*c));
	if (complement)
		r->next++;
	do {
		if (!read_item(r, c))
			return false;
	} while (r->next < r->end && *r->next != ']');
	if (r->next == r->end)
		return false;
	r->next++;
	for (unsigned byte = 0; byte < 256; byte++)
		c->member[byte] = c->member[byte] != complement && byte != '/';
	return true;
}

static void
add_star(struct wildcard *w, struct rest *r)
{
	const unsigned char *first = r->next - 1;

	while (r->next < r->end && *r->next == '*')
		r->next++;
	set_bit(w->stars, w->elements);
	if (r->next - first > 1)
		set_bit(w->doubles, w->elements);
}

static void
add_element(struct wildcard *w, struct rest *r)
{
	unsigned char byte = *r->next++;
	struct class c;

	switch (byte) {
	case '*':
		add_star(w, r);
		break;
	case '?':
		for (unsigned any = 0; any < 256; any++)
			if (any != '/')
				take(w, w->elements, (unsigned char)any);
		break;
	case '[':
		w->never = !read_class(r, &c);
		for (unsigned member = 0; !w->never && member < 256; member++)
			if (c.member[member])
				take(w, w->elements, (unsigned char)member);
		break;
	case '\\':
		w->never = r->next == r->end;
		if (!w->never)
			take(w, w->elements, *r->next++);
		break;
	default:
		take(w, w->elements, byte);
	}
	w->elements++;
}

struct wildcard *
wildcard_new(const char *pattern, size_t length)
{
	struct rest r = {(const unsigned char *)pattern, (const unsigned char *)pattern + length};
	size_t words = length / 64 + 1;
	struct wildcard *w;

	assert(length <= WILDCARD_PATTERN_BYTES);
	w = calloc(1, sizeof(*w) + 256 * words * sizeof(w->takes[0]));
	if (w == NULL)
		return NULL;
	w->words = words;
	while (r.next < r.end && !w->never)
		add_element(w, &r);
	return w;
}

void
wildcard_free(struct wildcard *w)
{
	free(w);
}

/* What a star reaches, it also passes.  No two stars are neighbours, so once is enough. */
static void
pass_stars(struct wildcard_run *run)
{
	const struct wildcard *w = run->pattern;
	uint64_t carry = 0;

	for (size_t i = 0; i < w->words; i++) {
		uint64_t passed = run->reached[i] & w->stars[i];

		run->reached[i] |= passed << 1 | carry;
		carry = passed >> 63;
	}
}

void
wildcard_begin(struct wildcard_run *run, const struct wildcard *w, bool after_slashes)
{
	run->pattern = w;
	run->after_slashes = after_slashes;
	memset(run->reached, 0, w->words * sizeof(run->reached[0]));
	set_bit(run->reached, 0);
	pass_stars(run);
}

static void
feed_byte(struct wildcard_run *run, unsigned char byte)
{
	const struct wildcard *w = run->pattern;
	const uint64_t *takes = &w->takes[byte * w->words];
	const uint64_t *stays = byte == '/' ? w->doubles : w->stars;
	uint64_t carry = 0;

	for (size_t i = 0; i < w->words; i++) {
		uint64_t moved = run->reached[i] & takes[i];

		run->reached[i] = (run->reached[i] & stays[i]) | moved << 1 | carry;
		carry = moved >> 63;
	}
	if (byte == '/' && run->after_slashes)
		set_bit(run->reached, 0);
	pass_stars(run);
}

void
wildcard_feed(struct wildcard_run *run, const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		feed_byte(run, (unsigned char)text[i]);
}

bool
wildcard_matched(const struct wildcard_run *run)
{
	size_t end = run->pattern->elements;

	return !run->pattern->never && (run->reached[end / 64] >> (end % 64) & 1) != 0;
}
