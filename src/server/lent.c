#include "src/server/lent.h"

#include <errno.h>
#include <sys/mman.h>

#include "proto/errors.h"

void *
lent_new(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	if (madvise(memory, bytes, MADV_DONTFORK) == 0)
		return memory;
	lent_free(memory, bytes);
	return NULL;
}

void
lent_free(void *memory, size_t bytes)
{
	if (memory != NULL)
		munmap(memory, bytes);
}

int
lent_lend(void *memory, size_t bytes)
{
	if (memory == NULL || madvise(memory, bytes, MADV_DOFORK) == 0)
		return 0;
	return error_from_errno(errno);
}

void
lent_keep(void *memory, size_t bytes)
{
	/* What was allowed a moment ago is allowed again. */
	if (memory != NULL)
		(void)madvise(memory, bytes, MADV_DONTFORK);
}
