/*
 * The filters are made once, by the supervisor, with libseccomp, and kept as the kernel takes them:
 * a child has one system call to make.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/io.h"
#include "src/server/sandbox_impl.h"

/* Newer than libseccomp 2.5 and the headers here; the same on all architectures. */
enum { NR_FCHMODAT2 = 452, NR_GETXATTRAT = 464 };

/* greeter.h has this list too. */
static const int greeter_calls[] = {
    SCMP_SYS(read),   SCMP_SYS(write),	    SCMP_SYS(sendmsg),	 SCMP_SYS(recvmsg),
    SCMP_SYS(ppoll),  SCMP_SYS(close),	    SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
    SCMP_SYS(munmap), SCMP_SYS(exit_group),
};

/*
 * Not here: what makes processes, threads and sockets or opens them to others (execve, clone,
 * ptrace, kill, prlimit64, sched_*, io_uring, bpf, ioctl, ...), and what goes by whole paths
 * without need.  fcntl, mmap and mprotect have rules of their own below.
 */
static const int session_calls[] = {
    /* the connection, the pair and the log */
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(shutdown),
    /* files */
    SCMP_SYS(openat),
    SCMP_SYS(openat2),
    SCMP_SYS(close),
    SCMP_SYS(lseek),
    SCMP_SYS(_llseek),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(fsync),
    SCMP_SYS(fdatasync),
    SCMP_SYS(syncfs),
    SCMP_SYS(sync_file_range),
    SCMP_SYS(sync_file_range2),
    SCMP_SYS(ftruncate),
    SCMP_SYS(ftruncate64),
    SCMP_SYS(fallocate),
    SCMP_SYS(flock),
    SCMP_SYS(getdents64),
    SCMP_SYS(fstat),
    SCMP_SYS(fstat64),
    SCMP_SYS(newfstatat),
    SCMP_SYS(fstatat64),
    SCMP_SYS(statx),
    SCMP_SYS(fstatfs),
    SCMP_SYS(fstatfs64),
    SCMP_SYS(readlinkat),
    SCMP_SYS(mkdirat),
    SCMP_SYS(symlinkat),
    SCMP_SYS(linkat),
    SCMP_SYS(unlinkat),
    SCMP_SYS(renameat),
    SCMP_SYS(renameat2),
    SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2),
    SCMP_SYS(umask),
    SCMP_SYS(fchmod),
    SCMP_SYS(fchmodat),
    NR_FCHMODAT2,
    SCMP_SYS(utimensat),
    SCMP_SYS(utimensat_time64),
    /* these by way of /proc/self/fd only (tree_modes.c, xattrs_file.c, group.c) */
    SCMP_SYS(chmod),
    SCMP_SYS(access),
    SCMP_SYS(lgetxattr),
    SCMP_SYS(lsetxattr),
    SCMP_SYS(llistxattr),
    SCMP_SYS(lremovexattr),
    SCMP_SYS(fgetxattr),
    SCMP_SYS(fsetxattr),
    SCMP_SYS(flistxattr),
    SCMP_SYS(fremovexattr),
    NR_GETXATTRAT,
    /* memory, time, threads that are there; sysinfo is what qsort() asks for the memory */
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(sysinfo),
    SCMP_SYS(futex),
    SCMP_SYS(futex_time64),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_gettime64),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(clock_nanosleep_time64),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(getrandom),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(geteuid),
    SCMP_SYS(getuid),
    SCMP_SYS(getegid),
    SCMP_SYS(getgid),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
};

/* What a descriptor is, and locks that belong to it: no copies, no owners, no signals. */
static const int session_fcntls[] = {F_GETFD,	  F_SETFD,     F_GETFL,	    F_SETFL,
				     F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};

static struct sock_fprog programs[FILTERS]; /* filter NULL: not made */

bool
seccomp_usable(void)
{
	const uint32_t action = SECCOMP_RET_KILL_PROCESS;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

static int
allow_all(scmp_filter_ctx ctx, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		/* Negative: this architecture does without it. */
		int r = calls[i] < 0 ? 0 : seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);

		if (r != 0)
			return r;
	}
	return 0;
}

/* Memory that is not to be executed; the third argument of both. */
static int
allow_data(scmp_filter_ctx ctx, int call)
{
	if (call < 0)
		return 0;
	return seccomp_rule_add(ctx, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static int
add_rules(scmp_filter_ctx ctx, enum sandbox_filter filter)
{
	const int fcntls[] = {SCMP_SYS(fcntl), SCMP_SYS(fcntl64)};
	int r;

	if (filter == FILTER_GREETER)
		return allow_all(ctx, greeter_calls,
				 sizeof(greeter_calls) / sizeof(greeter_calls[0]));
	if ((r = allow_all(ctx, session_calls, sizeof(session_calls) / sizeof(session_calls[0]))) !=
		0 ||
	    (r = allow_data(ctx, SCMP_SYS(mmap))) != 0 ||
	    (r = allow_data(ctx, SCMP_SYS(mmap2))) != 0 ||
	    (r = allow_data(ctx, SCMP_SYS(mprotect))) != 0)
		return r;
	for (size_t i = 0; i < sizeof(session_fcntls) / sizeof(session_fcntls[0]); i++)
		for (size_t j = 0; j < 2; j++)
			if (fcntls[j] >= 0 &&
			    (r = seccomp_rule_add(
				 ctx, SCMP_ACT_ALLOW, fcntls[j], 1,
				 SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)session_fcntls[i], 0))) != 0)
				return r;
	return 0;
}

/* What libseccomp writes to a file, into memory. */
static int
export_program(scmp_filter_ctx ctx, struct sock_fprog *program)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	struct sock_filter *filter = NULL;
	struct stat st;
	size_t got;
	int r = FTX_E_NOMEM;

	if (fd < 0)
		return FTX_E_NOMEM;
	if (seccomp_export_bpf(ctx, fd) == 0 && fstat(fd, &st) == 0 && st.st_size > 0 &&
	    (size_t)st.st_size / sizeof(*filter) <= BPF_MAXINSNS &&
	    (filter = malloc((size_t)st.st_size)) != NULL)
		r = pread_full(fd, filter, (size_t)st.st_size, 0, &got);
	close(fd);
	if (r != 0) {
		free(filter);
		return r;
	}
	program->len = (unsigned short)((size_t)st.st_size / sizeof(*filter));
	program->filter = filter;
	return 0;
}

static int
prepare(enum sandbox_filter filter)
{
	scmp_filter_ctx ctx;
	int r = FTX_E_NOMEM;

	if (programs[filter].filter != NULL)
		return 0;
	if ((ctx = seccomp_init(SCMP_ACT_KILL_PROCESS)) == NULL)
		return FTX_E_NOMEM;
	/* Other numberings of the same kernel (i386, x32) kill too; 2: as a binary tree. */
	if (seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	    seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && add_rules(ctx, filter) == 0)
		r = export_program(ctx, &programs[filter]);
	seccomp_release(ctx);
	return r;
}

int
seccomp_prepare(void)
{
	int r = prepare(FILTER_GREETER);

	return r != 0 ? r : prepare(FILTER_SESSION);
}

int
seccomp_confine(enum sandbox_filter filter)
{
	int r = prepare(filter);

	if (r != 0)
		return r;
	/* Positive: a thread that could not be confined. */
	r = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC,
			 &programs[filter]);
	if (r == 0)
		return 0;
	return r > 0 ? FTX_E_UNSUPPORTED : error_from_errno(errno);
}
