/*
 * T68, T69: from inside a session's sandbox, what its rights let it do with files, and what nobody
 * may, with each version of Landlock that the kernel can do.
 */
#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/server/policy.h"
#include "src/server/sandbox_impl.h"
#include "tests/hostile/sandbox_room.h"

/* Files: attempts that are refused, and those that must go on working. */

#define OPEN(dir, path, flags) openat(dir, path, (flags) | O_CLOEXEC, 0600)

static int
via_proc(const char *directory, int number, const char *rest, int flags)
{
	char path[256], digits[16] = "";

	if (number >= 0)
		snprintf(digits, sizeof(digits), "%d", number);
	snprintf(path, sizeof(path), "/proc/%s%s%s", directory, digits, rest);
	return OPEN(AT_FDCWD, path, flags);
}

/* clang-format off */
ATTEMPT(read_outside, OPEN(AT_FDCWD, room.secret, O_RDONLY))
ATTEMPT(read_dotdot, OPEN(room.share, "../secret", O_RDONLY))
ATTEMPT(read_dotdot_deeper, OPEN(room.share, "dir/../../secret", O_RDONLY))
ATTEMPT(read_by_root, via_proc("self/root", -1, room.secret, O_RDONLY))
ATTEMPT(read_by_cwd, via_proc("self/cwd/", -1, "Makefile", O_RDONLY))
ATTEMPT(read_by_kept_directory, OPEN(room.outside, "secret", O_RDONLY))
ATTEMPT(read_by_kept_directory_in_proc, via_proc("self/fd/", room.outside, "/secret", O_RDONLY))
ATTEMPT(write_outside, OPEN(AT_FDCWD, room.secret, O_WRONLY))
ATTEMPT(make_outside, OPEN(room.outside, "new", O_WRONLY | O_CREAT))
ATTEMPT(mkdir_outside, mkdirat(room.outside, "new", 0700))
ATTEMPT(symlink_outside, symlinkat("x", room.outside, "new"))
ATTEMPT(unlink_outside, unlinkat(room.outside, "secret", 0))
ATTEMPT(rename_outside, renameat(room.share, "published", room.outside, "new"))
ATTEMPT(rename_in, renameat(room.outside, "secret", room.share, "new"))
ATTEMPT(link_outside, linkat(room.share, "published", room.outside, "new", 0))
ATTEMPT(link_in, linkat(room.outside, "secret", room.share, "new", 0))
ATTEMPT(list_outside, OPEN(room.outside, ".", O_RDONLY | O_DIRECTORY))
ATTEMPT(own_memory, OPEN(AT_FDCWD, "/proc/self/mem", O_RDWR))
ATTEMPT(environ_of_supervisor, via_proc("", room.supervisor, "/environ", O_RDONLY))
ATTEMPT(memory_of_sibling, via_proc("", room.sibling, "/mem", O_RDONLY))
ATTEMPT(write_published, OPEN(room.share, "published", O_WRONLY))
ATTEMPT(read_write_published, OPEN(room.share, "published", O_RDWR))
ATTEMPT(truncate_published, OPEN(room.share, "published", O_RDONLY | O_TRUNC))
ATTEMPT(append_to_published, OPEN(room.share, "published", O_WRONLY | O_APPEND))
ATTEMPT(write_kept_published, via_proc("self/fd/", room.published, "", O_WRONLY))
ATTEMPT(write_new_in_share, OPEN(room.share, "new", O_WRONLY | O_CREAT | O_EXCL))
ATTEMPT(write_unnamed_in_share, OPEN(room.share, ".", O_TMPFILE | O_RDWR))
ATTEMPT(write_in_set, OPEN(room.set, "new", O_WRONLY | O_CREAT | O_EXCL))
ATTEMPT(link_published_into_up, linkat(room.share, "published", room.up, "new", 0))
ATTEMPT(rename_published_into_up, renameat(room.share, "published", room.up, "new"))
ATTEMPT(exchange_published_with_up, renameat2(room.share, "published", room.up, "own.part", RENAME_EXCHANGE))
ATTEMPT(write_of_other_client, OPEN(room.other, "other.part", O_WRONLY))
ATTEMPT(write_of_other_client_by_path, OPEN(room.share, ".ftx/fedcba9876543210/up/other.part", O_WRONLY))
ATTEMPT(take_of_other_client, linkat(room.other, "other.part", room.up, "new", 0))

ATTEMPT(read_published, OPEN(room.share, "published", O_RDONLY))
ATTEMPT(list_share, OPEN(room.share, ".", O_RDONLY | O_DIRECTORY))
ATTEMPT(unlink_published, unlinkat(room.share, "published", 0))
ATTEMPT(unlink_of_other_client, unlinkat(room.other, "other.part", 0))
ATTEMPT(rmdir_in_share, unlinkat(room.share, "dir", AT_REMOVEDIR))
ATTEMPT(rename_published, renameat(room.share, "published", room.share, "new"))
ATTEMPT(rename_over_published, renameat(room.up, "own.part", room.share, "published"))
ATTEMPT(exchange_published, renameat2(room.share, "published", room.share, "second", RENAME_EXCHANGE))
ATTEMPT(rename_new, renameat(room.up, "own.part", room.share, "new"))
ATTEMPT(link_in_share, linkat(room.share, "published", room.share, "dir/new", 0))
ATTEMPT(link_into_set, linkat(room.share, "published", room.set, "new", 0))
ATTEMPT(move_into_set, renameat(room.up, "own.part", room.set, "new"))
ATTEMPT(mkdir_in_share, mkdirat(room.share, "new", 0700))
ATTEMPT(symlink_in_share, symlinkat("x", room.share, "new"))
ATTEMPT(write_in_up, OPEN(room.up, "new", O_RDWR | O_CREAT | O_EXCL | O_TRUNC))
ATTEMPT(unlink_in_up, unlinkat(room.up, "own.part", 0))
ATTEMPT(list_up, OPEN(room.up, ".", O_RDONLY | O_DIRECTORY))

static int
try_publish_set(void)
{
	if (mkdirat(room.set, "id", 0700) != 0 || renameat(room.up, "own.part", room.set, "id/f") != 0)
		return -1;
	return renameat(room.set, "id", room.share, "new");
}

static int
try_exchange_set(void)
{
	if (mkdirat(room.set, "id", 0700) != 0)
		return -1;
	return renameat2(room.set, "id", room.share, "dir", RENAME_EXCHANGE);
}
/* clang-format on */

enum {
	LG = RIGHT_LIST | RIGHT_GET,
	LGP = LG | RIGHT_PUT,
	PO = RIGHT_PUT | RIGHT_OVERWRITE,
	LGPO = LGP | RIGHT_OVERWRITE,
	LGPD = LGP | RIGHT_DELETE,
	ALL = RIGHTS_FULL,
	NEVER = -1, /* as may: no right is enough */
};

/* With which rights it works and with which not. */
static const struct {
	const char *name;
	int (*attempt)(void);
	int may, may_not;
} files[] = {
#define FILE_ROW(name, may, may_not)                                                               \
	{                                                                                          \
#name, try_##name, may, may_not                                                    \
	}
    FILE_ROW(read_outside, NEVER, ALL),
    FILE_ROW(read_dotdot, NEVER, ALL),
    FILE_ROW(read_dotdot_deeper, NEVER, ALL),
    FILE_ROW(read_by_root, NEVER, ALL),
    FILE_ROW(read_by_cwd, NEVER, ALL),
    FILE_ROW(read_by_kept_directory, NEVER, ALL),
    FILE_ROW(read_by_kept_directory_in_proc, NEVER, ALL),
    FILE_ROW(write_outside, NEVER, ALL),
    FILE_ROW(make_outside, NEVER, ALL),
    FILE_ROW(mkdir_outside, NEVER, ALL),
    FILE_ROW(symlink_outside, NEVER, ALL),
    FILE_ROW(unlink_outside, NEVER, ALL),
    FILE_ROW(rename_outside, NEVER, ALL),
    FILE_ROW(rename_in, NEVER, ALL),
    FILE_ROW(link_outside, NEVER, ALL),
    FILE_ROW(link_in, NEVER, ALL),
    FILE_ROW(list_outside, NEVER, ALL),
    FILE_ROW(own_memory, NEVER, ALL),
    FILE_ROW(environ_of_supervisor, NEVER, ALL),
    FILE_ROW(memory_of_sibling, NEVER, ALL),
    FILE_ROW(write_published, NEVER, ALL),
    FILE_ROW(read_write_published, NEVER, ALL),
    FILE_ROW(append_to_published, NEVER, ALL),
    FILE_ROW(write_kept_published, NEVER, ALL),
    FILE_ROW(write_new_in_share, NEVER, ALL),
    FILE_ROW(write_unnamed_in_share, NEVER, ALL),
    FILE_ROW(write_in_set, NEVER, ALL),
    FILE_ROW(link_published_into_up, NEVER, ALL),
    FILE_ROW(rename_published_into_up, NEVER, ALL),
    FILE_ROW(exchange_published_with_up, NEVER, ALL),
    FILE_ROW(write_of_other_client, NEVER, ALL),
    FILE_ROW(write_of_other_client_by_path, NEVER, ALL),
    FILE_ROW(take_of_other_client, NEVER, ALL),
    FILE_ROW(read_published, RIGHT_GET, RIGHT_LIST | RIGHT_PUT),
    FILE_ROW(list_share, RIGHT_LIST, RIGHT_GET),
    FILE_ROW(unlink_published, RIGHT_DELETE, LGP),
    FILE_ROW(unlink_of_other_client, LGPD, LGP),
    FILE_ROW(rmdir_in_share, RIGHT_DELETE, LGPO),
    FILE_ROW(rename_published, LGPD, LGP),
    FILE_ROW(rename_over_published, PO, LGP),
    FILE_ROW(exchange_published, LGPO, LGP),
    FILE_ROW(rename_new, RIGHT_PUT, LG),
    FILE_ROW(link_in_share, RIGHT_PUT | RIGHT_GET, LG),
    FILE_ROW(link_into_set, RIGHT_PUT | RIGHT_GET, LG),
    FILE_ROW(move_into_set, RIGHT_PUT, LG | RIGHT_DELETE),
    FILE_ROW(mkdir_in_share, RIGHT_PUT, LG | RIGHT_DELETE),
    FILE_ROW(symlink_in_share, RIGHT_PUT, LG | RIGHT_DELETE),
    FILE_ROW(write_in_up, RIGHT_PUT, NEVER),
    FILE_ROW(unlink_in_up, RIGHT_PUT, NEVER),
    FILE_ROW(list_up, RIGHT_PUT, NEVER),
    FILE_ROW(publish_set, RIGHT_PUT, LG),
    FILE_ROW(exchange_set, ALL, LGPO),
};

/* Each attempt finds everything as it was made. */
static int
in_good_room(int (*attempt)(void), int rights, int abi)
{
	static bool used;
	int r;

	if (used)
		room_renew();
	r = room_outcome(attempt, rights, abi);
	cr_assert(r < 200, "the sandbox could not be entered: %d", r);
	/* What was refused has changed nothing, but for the first of two steps. */
	used = r == 0 || unlinkat(room.set, "id", AT_REMOVEDIR) == 0;
	return r;
}

static bool
is_refusal(int r)
{
	return r == EACCES || r == EPERM || r == EXDEV;
}

static void
try_files(int abi)
{
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int r;

		/* What nobody may is not impossible. */
		if (files[i].may == NEVER && geteuid() == 0 && abi == 0)
			cr_expect_eq(in_good_room(files[i].attempt, FREE, 0), 0,
				     "%s: the control run failed", files[i].name);
		if (files[i].may_not != NEVER) {
			r = in_good_room(files[i].attempt, files[i].may_not, abi);
			cr_expect(is_refusal(r), "%s, version %d: %d (%s)", files[i].name, abi, r,
				  strerror(r));
		}
		if (files[i].may != NEVER) {
			r = in_good_room(files[i].attempt, files[i].may, abi);
			cr_expect_eq(r, 0, "%s, version %d, does not work: %d (%s)", files[i].name,
				     abi, r, strerror(r));
		}
	}
}

Test(sandbox, T68_files_are_as_the_rights_say)
{
	try_files(0);
}

Test(sandbox, T69_files_are_as_the_rights_say_with_older_kernels)
{
	for (int abi = LANDLOCK_ABI_LEAST; abi <= landlock_abi() && abi <= LANDLOCK_ABI_MOST; abi++)
		try_files(abi);
}

Test(sandbox, truncates_no_published_file_from_version_3_on)
{
	for (int abi = 3; abi <= landlock_abi() && abi <= LANDLOCK_ABI_MOST; abi++)
		cr_expect_eq(in_good_room(try_truncate_published, RIGHTS_FULL, abi), EACCES, "%d",
			     abi);
}
