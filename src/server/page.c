#include "src/server/page.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "proto/errors.h"
#include "src/base/display.h"

#define SHOWN_BYTES 1100u /* of a text: 255 bytes, all of them escaped */

int
page_init(struct page *page)
{
	void *memory = mmap(NULL, PAGE_MOST_BYTES, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	*page = (struct page){.text = memory != MAP_FAILED ? memory : NULL};
	return page->text != NULL ? 0 : FTX_E_NOMEM;
}

void
page_release(struct page *page)
{
	if (page->text != NULL)
		munmap(page->text, PAGE_MOST_BYTES);
	*page = (struct page){.text = NULL};
}

void
page_add(struct page *page, const char *format, ...)
{
	size_t room = PAGE_MOST_BYTES - page->length;
	va_list ap;
	int n;

	if (page->full)
		return;
	va_start(ap, format);
	n = vsnprintf(page->text + page->length, room, format, ap);
	va_end(ap);
	page->full = n < 0 || (size_t)n >= room;
	page->length += page->full ? 0 : (size_t)n;
}

void
page_line(struct page *page, const char *kind)
{
	page->line = page->length;
	page_add(page, "%s", kind);
}

void
page_number(struct page *page, const char *name, uint64_t number)
{
	page_add(page, " %s=%llu", name, (unsigned long long)number);
}

void
page_text(struct page *page, const char *name, const void *text, size_t length)
{
	char shown[SHOWN_BYTES];

	page_add(page, " %s=%s", name, display_quote(shown, sizeof(shown), text, length));
}

void
page_end(struct page *page)
{
	page_add(page, "\n");
	if (page->full)
		page->length = page->line;
}
