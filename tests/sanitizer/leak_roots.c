/*
 * Linked into unit tests built with the address sanitizer.  At its end each process of a test looks
 * for leaks, and for that reads all variables of the program: by far the most of it are buffers of
 * other tests, whose pages nobody in this process has ever touched, each for a page fault.  Here
 * the search is told to read the pages that were touched alone.  In the others are no pointers, so
 * it finds what it would find anyway.  It is not told of the sanitizer's own 5 MiB either, which is
 * linked statically and stands before this file's.
 */
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#define PAGE		4096u
#define ENTRIES		512u		    /* of /proc/self/pagemap that are read at once */
#define TOUCHED		(UINT64_C(3) << 62) /* in memory, or in the swap space */
#define UNTOUCHED_PAGES 64u

const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "use_globals=0";
}

static uint64_t entries[ENTRIES];
extern char __bss_start[]; /* of the linker */

/* Pages [from, to) that were touched; to grows with each that follows closely enough. */
struct range {
	uintptr_t from, to;
};

static void
flush(struct range *r)
{
	if (r->to > r->from)
		__lsan_register_root_region((void *)r->from, r->to - r->from);
	*r = (struct range){0};
}

static void
add_page(struct range *r, uintptr_t page)
{
	if (r->to != 0 && page - r->to > UNTOUCHED_PAGES * PAGE)
		flush(r);
	if (r->to == 0)
		r->from = page;
	r->to = page + PAGE;
}

static uintptr_t
page_of(uintptr_t address)
{
	return address & ~(uintptr_t)(PAGE - 1);
}

/* Where it cannot be told, all of them. */
static void
add_touched(int pagemap, uintptr_t from, uintptr_t to)
{
	struct range r = {0};

	for (uintptr_t at = from; at < to;) {
		size_t pages = (to - at) / PAGE < ENTRIES ? (to - at) / PAGE : ENTRIES;
		ssize_t length = (ssize_t)(pages * sizeof(entries[0]));
		bool known = pread(pagemap, entries, (size_t)length,
				   (off_t)(at / PAGE * sizeof(entries[0]))) == length;

		for (size_t i = 0; i < pages; i++, at += PAGE)
			if (!known || (entries[i] & TOUCHED) != 0)
				add_page(&r, at);
	}
	flush(&r);
}

static void
add_around_sanitizer(int pagemap, uintptr_t from, uintptr_t to)
{
	uintptr_t begin = page_of((uintptr_t)__bss_start + PAGE - 1),
		  end = page_of((uintptr_t)entries);

	if (from < begin && begin < end && end < to) {
		add_touched(pagemap, from, begin);
		from = end;
	}
	add_touched(pagemap, from, to);
}

/* Where what is written to begins: in front of it stands what only relocations write to. */
static uintptr_t
end_of_constants(const struct dl_phdr_info *info)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++)
		if (info->dlpi_phdr[i].p_type == PT_GNU_RELRO)
			return page_of(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
				       info->dlpi_phdr[i].p_memsz);
	return 0;
}

static int
add_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t constants_end = end_of_constants(info);
	const int *pagemap = arg;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = page_of(info->dlpi_addr + p->p_vaddr);
		uintptr_t to = page_of(info->dlpi_addr + p->p_vaddr + p->p_memsz + PAGE - 1);

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) == 0)
			continue;
		if (from < constants_end && constants_end < to)
			from = constants_end;
		add_around_sanitizer(*pagemap, from, to);
	}
	return 0;
}

static void
tell_roots(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	dl_iterate_phdr(add_object, &pagemap);
	if (pagemap >= 0)
		close(pagemap);
}

/* Runs before the sanitizer's own, which was there first. */
static void __attribute__((constructor)) at_end(void)
{
	if (atexit(tell_roots) != 0)
		abort();
}
