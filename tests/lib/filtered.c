/*
 * filtered CALLS PROGRAM [ARGUMENT...]
 *
 * Runs PROGRAM with the system calls whose names are in the file CALLS, one a line; those this
 * architecture does not have are passed over.  All others fail with EPERM, and beside them what a
 * systemd unit forbids with RestrictAddressFamilies=AF_UNIX, MemoryDenyWriteExecute=yes,
 * RestrictNamespaces=yes and RestrictSUIDSGID=yes.  no_new_privs must be set.
 */
#include <err.h>
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* In a filter of their own: of several the strictest answer counts. */
static const struct {
	const char *call;
	int error;
	unsigned argument;
	enum scmp_compare how;
	scmp_datum_t a, b;
} forbidden[] = {
    {"socket", EAFNOSUPPORT, 0, SCMP_CMP_NE, AF_UNIX, 0},
    {"mprotect", EPERM, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC},
    {"mmap", EPERM, 2, SCMP_CMP_MASKED_EQ, PROT_EXEC | PROT_WRITE, PROT_EXEC | PROT_WRITE},
    {"clone", EPERM, 0, SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER},
    {"clone", EPERM, 0, SCMP_CMP_MASKED_EQ, CLONE_NEWNET, CLONE_NEWNET},
    {"fchmod", EPERM, 1, SCMP_CMP_MASKED_EQ, S_ISUID, S_ISUID},
    {"fchmod", EPERM, 1, SCMP_CMP_MASKED_EQ, S_ISGID, S_ISGID},
    {"fchmodat", EPERM, 2, SCMP_CMP_MASKED_EQ, S_ISUID, S_ISUID},
    {"fchmodat", EPERM, 2, SCMP_CMP_MASKED_EQ, S_ISGID, S_ISGID},
    {"mkdirat", EPERM, 2, SCMP_CMP_MASKED_EQ, S_ISGID, S_ISGID},
};

static scmp_filter_ctx
begin(uint32_t action)
{
	scmp_filter_ctx ctx = seccomp_init(action);

	if (ctx == NULL)
		errx(1, "seccomp_init");
	return ctx;
}

static void
load(scmp_filter_ctx ctx)
{
	int r = seccomp_load(ctx);

	if (r != 0)
		errx(1, "seccomp_load: %s", strerror(-r));
	seccomp_release(ctx);
}

static void
check(int r, const char *call)
{
	if (r != 0)
		errx(1, "%s: %s", call, strerror(-r));
}

static scmp_filter_ctx
allow_listed(const char *path)
{
	scmp_filter_ctx ctx = begin(SCMP_ACT_ERRNO(EPERM));
	FILE *f = fopen(path, "r");
	unsigned count = 0;
	char name[64];

	if (f == NULL)
		err(1, "%s", path);
	while (fscanf(f, "%63s", name) == 1) {
		int number = seccomp_syscall_resolve_name(name);

		if (number < 0)
			continue;
		check(seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0), name);
		count++;
	}
	fclose(f);
	if (count < 50)
		errx(1, "%s: that is no list of system calls", path);
	return ctx;
}

static scmp_filter_ctx
forbid_arguments(void)
{
	scmp_filter_ctx ctx = begin(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		check(seccomp_rule_add(ctx, SCMP_ACT_ERRNO((unsigned)forbidden[i].error),
				       seccomp_syscall_resolve_name(forbidden[i].call), 1,
				       SCMP_CMP(forbidden[i].argument, forbidden[i].how,
						forbidden[i].a, forbidden[i].b)),
		      forbidden[i].call);
	/* Its flags are where no filter can see them. */
	check(seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), "clone3");
	return ctx;
}

int
main(int argc, char **argv)
{
	scmp_filter_ctx listed;

	if (argc < 3)
		errx(2, "usage: filtered CALLS PROGRAM [ARGUMENT...]");
	listed = allow_listed(argv[1]);
	load(forbid_arguments());
	load(listed);
	execv(argv[2], argv + 2);
	err(127, "%s", argv[2]);
}
