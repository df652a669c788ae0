/*
 * Text that grows to a limit, in pages of its own: a few megabytes for a moment do not stay in the
 * supervisor, which is copied with each fork.
 */
#ifndef SERVER_PAGE_H
#define SERVER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_MOST_BYTES ((size_t)4 << 20)

struct page {
	char *text; /* not terminated; NULL: page_init() failed, or was not called */
	size_t length;
	size_t line; /* where the last line begins that page_line() began */
	bool full;   /* a line did not fit: it is not there, nor is anything after it */
};

/* 0 or FTX_E_NOMEM. */
int page_init(struct page *page);
void page_release(struct page *page);

/* Adds text whole or not at all.  What peers have sent must be escaped. */
void page_add(struct page *page, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * A line "kind name=12 name=\"text\"", the text as display_quote() has it: page_line() begins it,
 * page_end() ends it.  It is there whole or not at all.
 */
void page_line(struct page *page, const char *kind);
void page_number(struct page *page, const char *name, uint64_t number);
void page_text(struct page *page, const char *name, const void *text, size_t length);
void page_end(struct page *page);

#endif
