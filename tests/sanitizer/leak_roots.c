/*
 * Linked into unit tests built with the address sanitizer.  At its end each process of a test looks
 * for leaks, and for that reads all variables of the program: by far the most of it are buffers of
 * other tests, whose pages nobody in this process has ever touched, each for a page fault, and 5
 * MiB of the sanitizer's own.  For each range that it is told to read besides, it reads all of
 * /proc/self/maps.  So here what may be an address is gathered from the pages that were touched,
 * and the search told to read this alone: it finds what it would find anyway.
 */
#include <fcntl.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <sanitizer/lsan_interface.h>

#define PAGE	4096u
#define ENTRIES 512u			 /* of /proc/self/pagemap that are read at once */
#define TOUCHED (UINT64_C(3) << 62)	 /* in memory, or in the swap space */
#define LOWEST	UINT64_C(0x600000000000) /* where the sanitizer allocates; large ones are above */

const char *__lsan_default_options(void);
const char *
__lsan_default_options(void)
{
	return "use_globals=0";
}

static uint64_t entries[ENTRIES];
extern char __bss_start[]; /* of the linker; what follows up to entries is the sanitizer's */

struct roots {
	int pagemap; /* < 0: it cannot be told which pages were touched */
	uintptr_t *words;
	size_t count, bytes;
};

static uintptr_t
page_of(uintptr_t address)
{
	return address & ~(uintptr_t)(PAGE - 1);
}

/* Between variables lies what nobody may read, says the sanitizer. */
static void __attribute__((no_sanitize_address)) add_page(struct roots *r, uintptr_t page)
{
	const uintptr_t *words = (const uintptr_t *)page;

	for (size_t i = 0; i < PAGE / sizeof(*words); i++)
		if (words[i] >= LOWEST)
			r->words[r->count++] = words[i];
}

static void
add_range(struct roots *r, uintptr_t from, uintptr_t to)
{
	for (uintptr_t at = from; at < to;) {
		size_t pages = (to - at) / PAGE < ENTRIES ? (to - at) / PAGE : ENTRIES;
		ssize_t length = (ssize_t)(pages * sizeof(entries[0]));
		bool known = pread(r->pagemap, entries, (size_t)length,
				   (off_t)(at / PAGE * sizeof(entries[0]))) == length;

		for (size_t i = 0; i < pages; i++, at += PAGE)
			if (!known || (entries[i] & TOUCHED) != 0)
				add_page(r, at);
	}
}

/* All but what the sanitizer has for itself. */
static void
add_segment(struct roots *r, uintptr_t from, uintptr_t to)
{
	uintptr_t begin = page_of((uintptr_t)__bss_start + PAGE - 1),
		  end = page_of((uintptr_t)entries);

	if (from < begin && begin < end && end < to) {
		add_range(r, from, begin);
		from = end;
	}
	add_range(r, from, to);
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
each_segment(struct dl_phdr_info *info, size_t size, void *arg)
{
	uintptr_t constants_end = end_of_constants(info);
	struct roots *r = arg;

	(void)size;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t from = page_of(info->dlpi_addr + p->p_vaddr);
		uintptr_t to = page_of(info->dlpi_addr + p->p_vaddr + p->p_memsz + PAGE - 1);

		if (p->p_type != PT_LOAD || (p->p_flags & PF_W) == 0)
			continue;
		if (from < constants_end && constants_end < to)
			from = constants_end;
		if (r->words == NULL)
			r->bytes += to - from;
		else
			add_segment(r, from, to);
	}
	return 0;
}

static void
tell_roots(void)
{
	struct roots r = {.pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC)};
	void *place;

	dl_iterate_phdr(each_segment, &r);
	place = mmap(NULL, r.bytes, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (place == MAP_FAILED)
		abort();
	r.words = place;
	dl_iterate_phdr(each_segment, &r);
	__lsan_register_root_region(r.words, r.count * sizeof(r.words[0]));
	if (r.pagemap >= 0)
		close(r.pagemap);
}

/* Runs before the sanitizer's own, which was there first. */
static void __attribute__((constructor)) at_end(void)
{
	if (atexit(tell_roots) != 0)
		abort();
}
