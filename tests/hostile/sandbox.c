/*
 * T68: from inside a session's sandbox, each thing that it is there to forbid.  The sandbox is
 * entered by the functions that a session calls.  Each attempt has a process of its own; where it
 * can be shown that it would succeed otherwise, a control run shows it.
 */
#include "src/server/sandbox.h"

#include "tests/harness/unit.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/server/policy.h"
#include "src/server/sandbox_impl.h"
#include "src/store/group.h"

/* What the attempts work on; made before the sandbox is entered. */
static char top[64];
static char secret[128]; /* outside the share */
static int outside;	 /* a descriptor that was kept by mistake: the directory above the share */
static int share, up, set, other;
static int published; /* read only */
static int listener;
static struct sockaddr_un address = {.sun_family = AF_UNIX};
static pid_t sibling, supervisor;

static void
make(int dir, const char *name)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

	cr_assert(fd >= 0 && write(fd, "text", 4) == 4 && close(fd) == 0, "%s", name);
}

static int
make_directory(int parent, const char *name)
{
	int fd;

	cr_assert(mkdirat(parent, name, 0700) == 0, "%s", name);
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(fd >= 0);
	return fd;
}

/* Another session: confined too, and waiting. */
static pid_t
start_sibling(void)
{
	int ready[2];
	char c;
	pid_t pid;

	cr_assert(pipe2(ready, O_CLOEXEC) == 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ready[0]);
		close(ready[1]);
		for (;;)
			pause();
	}
	cr_assert(pid > 0);
	close(ready[1]);
	cr_assert(read(ready[0], &c, 1) == 0);
	close(ready[0]);
	return pid;
}

static void
begin(void)
{
	int dot_ftx, client;

	strcpy(top, "/tmp/ftx-sandbox-XXXXXX");
	cr_assert(mkdtemp(top) != NULL);
	outside = open(top, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	make(outside, "secret");
	snprintf(secret, sizeof(secret), "%s/secret", top);
	share = make_directory(outside, "share");
	make(share, "published");
	make(share, "second");
	close(make_directory(share, "dir"));
	published = openat(share, "published", O_RDONLY | O_CLOEXEC);
	dot_ftx = make_directory(share, ".ftx");
	client = make_directory(dot_ftx, "0123456789abcdef");
	up = make_directory(client, "up");
	set = make_directory(client, "set");
	close(client);
	client = make_directory(dot_ftx, "fedcba9876543210");
	other = make_directory(client, "up");
	close(client);
	close(dot_ftx);
	make(up, "own.part");
	make(other, "other.part");
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", top);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
		  listen(listener, 5) == 0);
	supervisor = getpid();
	sibling = start_sibling();
}

static void
end(void)
{
	char command[128];
	const int fds[] = {outside, share, up, set, other, published, listener};

	kill(sibling, SIGKILL);
	waitpid(sibling, NULL, 0);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		close(fds[i]);
	snprintf(command, sizeof(command), "rm -rf '%s'", top);
	cr_assert(system(command) == 0);
}

TestSuite(sandbox, .init = begin, .fini = end);

/* As enter.c does it, abi: of Landlock, 0: the kernel's. */
static void
confine(uint8_t rights, int abi)
{
	const struct sandbox_options options = {.require = true};
	const struct sandbox_place place = {.root = share, .up = up, .set = set, .rights = rights};
	struct group_syncers *syncers;

	if (sandbox_setup(&options) != 0 || sandbox_become(share) != 0)
		_exit(200);
	/* Two rulesets confine as the stricter: so the older version alone is what is tried. */
	if (abi != 0) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
		    landlock_confine(abi, &place, 1) != 0)
			_exit(201);
		return;
	}
	if (sandbox_files(&place, 1) != 0 || (syncers = group_syncers_new()) == NULL)
		_exit(201);
	group_syncers_start(syncers);
	if (sandbox_calls() != 0)
		_exit(202);
}

enum { FREE = -1 }; /* as rights: no sandbox */

/* 0 where it succeeded, else its errno, or minus the signal that killed it. */
static int
outcome(int (*attempt)(void), int rights, int abi)
{
	pid_t pid = fork();
	int status, r;

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (rights != FREE)
			confine((uint8_t)rights, abi);
		r = attempt();
		/* Not exit(): what it would do is not what is tried. */
		_exit(r >= 0 ? 0 : errno);
	}
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

#define ATTEMPT(name, ...)                                                                         \
	static int try_##name(void)                                                                \
	{                                                                                          \
		return (int)(__VA_ARGS__);                                                         \
	}

static char *const no_arguments[] = {NULL};

/* clang-format off */
ATTEMPT(execve, execve("/bin/true", no_arguments, no_arguments))
ATTEMPT(execveat, syscall(SYS_execveat, AT_FDCWD, "/bin/true", no_arguments, no_arguments, 0))
ATTEMPT(socket, socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}))
ATTEMPT(connect, connect(listener, (struct sockaddr *)&address, sizeof(address)))
ATTEMPT(accept, accept4(listener, NULL, NULL, SOCK_NONBLOCK))
ATTEMPT(bind, bind(listener, (struct sockaddr *)&address, sizeof(address)))
ATTEMPT(listen, listen(listener, 1))
ATTEMPT(ptrace_sibling, ptrace(PTRACE_SEIZE, sibling, NULL, NULL))
ATTEMPT(ptrace_supervisor, ptrace(PTRACE_SEIZE, supervisor, NULL, NULL))
ATTEMPT(process_vm_readv, syscall(SYS_process_vm_readv, sibling, NULL, 0, NULL, 0, 0))
ATTEMPT(process_vm_writev, syscall(SYS_process_vm_writev, sibling, NULL, 0, NULL, 0, 0))
ATTEMPT(kill_sibling, kill(sibling, 0))
ATTEMPT(kill_supervisor, kill(supervisor, 0))
ATTEMPT(kill_all, kill(-1, 0))
ATTEMPT(tkill, syscall(SYS_tkill, sibling, 0))
ATTEMPT(tgkill, syscall(SYS_tgkill, sibling, sibling, 0))
ATTEMPT(rt_sigqueueinfo, syscall(SYS_rt_sigqueueinfo, sibling, SIGTERM, NULL))
ATTEMPT(pidfd_open_sibling, syscall(SYS_pidfd_open, sibling, 0))
ATTEMPT(pidfd_open_supervisor, syscall(SYS_pidfd_open, supervisor, 0))
ATTEMPT(pidfd_send_signal, syscall(SYS_pidfd_send_signal, outside, 0, NULL, 0))
ATTEMPT(pidfd_getfd, syscall(SYS_pidfd_getfd, outside, 0, 0))
ATTEMPT(prlimit_sibling, prlimit(sibling, RLIMIT_NOFILE, NULL, &(struct rlimit){0}))
ATTEMPT(prlimit_supervisor, prlimit(supervisor, RLIMIT_NOFILE, NULL, &(struct rlimit){0}))
ATTEMPT(prlimit_own, setrlimit(RLIMIT_CORE, &(struct rlimit){0}))
ATTEMPT(setpriority, setpriority(PRIO_PROCESS, (id_t)sibling, 5))
ATTEMPT(ioprio_set, syscall(SYS_ioprio_set, 1, sibling, 0))
ATTEMPT(sched_setaffinity, sched_setaffinity(sibling, sizeof(cpu_set_t), &(cpu_set_t){{1}}))
ATTEMPT(sched_setscheduler, sched_setscheduler(sibling, SCHED_BATCH, &(struct sched_param){0}))
ATTEMPT(sched_getparam, sched_getparam(sibling, &(struct sched_param){0}))
ATTEMPT(sched_yield, sched_yield())
ATTEMPT(io_uring_setup, syscall(SYS_io_uring_setup, 1, (char[128]){0}))
ATTEMPT(io_uring_enter, syscall(SYS_io_uring_enter, outside, 0, 0, 0, NULL, 0))
ATTEMPT(fork, fork())
ATTEMPT(vfork, syscall(SYS_vfork))
ATTEMPT(clone3, syscall(SYS_clone3, (uint64_t[8]){[4] = SIGCHLD}, 64))
ATTEMPT(unshare, unshare(CLONE_NEWNS))
ATTEMPT(setns, setns(outside, 0))
ATTEMPT(mount, mount("none", top, "tmpfs", MS_RDONLY, NULL))
ATTEMPT(umount, umount2(top, MNT_DETACH))
ATTEMPT(pivot_root, syscall(SYS_pivot_root, top, top))
ATTEMPT(open_tree, syscall(SYS_open_tree, AT_FDCWD, top, 0))
ATTEMPT(fsopen, syscall(SYS_fsopen, "tmpfs", 0))
ATTEMPT(chroot, chroot(top))
ATTEMPT(chdir, chdir("/"))
ATTEMPT(open, syscall(SYS_open, secret, O_RDONLY))
ATTEMPT(creat, syscall(SYS_creat, secret, 0600))
ATTEMPT(open_by_handle_at, syscall(SYS_open_by_handle_at, outside, NULL, 0))
ATTEMPT(name_to_handle_at, syscall(SYS_name_to_handle_at, outside, "secret", NULL, NULL, 0))
ATTEMPT(truncate, truncate(secret, 4))
ATTEMPT(mknodat, mknodat(share, "device", S_IFIFO | 0600, 0))
ATTEMPT(fchown, fchown(published, (uid_t)-1, (gid_t)-1))
ATTEMPT(fchownat, fchownat(share, "published", (uid_t)-1, (gid_t)-1, 0))
ATTEMPT(ioctl_fionread, ioctl(listener, TIOCOUTQ, &(int){0}))
ATTEMPT(ioctl_tiocsti, ioctl(0, TIOCSTI, "x"))
ATTEMPT(ioctl_ficlone, ioctl(published, 0x40049409, up))
ATTEMPT(setuid, setuid(0))
ATTEMPT(setgid, setgid(0))
ATTEMPT(setresuid, setresuid(0, 0, 0))
ATTEMPT(setgroups, syscall(SYS_setgroups, 0, NULL))
ATTEMPT(setsid, setsid())
ATTEMPT(setpgid, setpgid(0, 0))
ATTEMPT(capset, syscall(SYS_capset, NULL, NULL))
ATTEMPT(prctl, prctl(PR_SET_DUMPABLE, 1))
ATTEMPT(prctl_ptracer, prctl(PR_SET_PTRACER, -1, 0, 0, 0))
ATTEMPT(seccomp, syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &(uint32_t){0}))
ATTEMPT(landlock, syscall(444, NULL, 0, 1))
ATTEMPT(personality, syscall(SYS_personality, 0xffffffff))
ATTEMPT(bpf, syscall(SYS_bpf, 0, (char[128]){[0] = 1, [4] = 4, [8] = 4, [12] = 1}, 128))
ATTEMPT(userfaultfd, syscall(SYS_userfaultfd, O_CLOEXEC))
ATTEMPT(keyctl, syscall(SYS_keyctl, 0, -3, 1))
ATTEMPT(add_key, syscall(SYS_add_key, "user", "ftx", "x", 1, -1))
ATTEMPT(perf_event_open, syscall(SYS_perf_event_open, (uint32_t[32]){1, 128}, 0, -1, -1, 0))
ATTEMPT(mprotect_exec, mprotect(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096, PROT_READ | PROT_EXEC))
ATTEMPT(mmap_exec, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0)
ATTEMPT(mmap_exec_file, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, published, 0) == MAP_FAILED ? -1 : 0)
ATTEMPT(pkey_mprotect, syscall(SYS_pkey_mprotect, NULL, 0, PROT_READ, -1))
ATTEMPT(memfd_create, memfd_create("x", 0))
ATTEMPT(memfd_secret, syscall(SYS_memfd_secret, 0))
ATTEMPT(fcntl_dup, fcntl(published, F_DUPFD_CLOEXEC, 0))
ATTEMPT(fcntl_setown, fcntl(listener, F_SETOWN, sibling))
ATTEMPT(fcntl_setsig, fcntl(listener, F_SETSIG, SIGKILL))
ATTEMPT(fcntl_lease, fcntl(published, F_SETLEASE, F_UNLCK))
ATTEMPT(fcntl_notify, fcntl(outside, F_NOTIFY, DN_MODIFY))
ATTEMPT(fcntl_lock, fcntl(published, F_SETLK, &(struct flock){.l_type = F_UNLCK}))
ATTEMPT(dup, dup(published))
ATTEMPT(dup3, dup3(published, 99, 0))
ATTEMPT(pipe2, pipe2((int[2]){0}, 0))
ATTEMPT(epoll, syscall(SYS_epoll_create1, 0))
ATTEMPT(eventfd, syscall(SYS_eventfd2, 0, 0))
ATTEMPT(signalfd, syscall(SYS_signalfd4, -1, &(uint64_t){0}, 8, 0))
ATTEMPT(timerfd, syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0))
ATTEMPT(timer_create, syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &(int){0}))
ATTEMPT(inotify, syscall(SYS_inotify_init1, 0))
ATTEMPT(fanotify, syscall(SYS_fanotify_init, 0, 0))
ATTEMPT(splice, syscall(SYS_splice, published, NULL, listener, NULL, 0, 0))
ATTEMPT(sendfile, syscall(SYS_sendfile, up, published, NULL, 0))
ATTEMPT(copy_file_range, syscall(SYS_copy_file_range, published, NULL, up, NULL, 0, 0))
ATTEMPT(shmget, syscall(SYS_shmget, 0, 4096, 0600))
ATTEMPT(semget, syscall(SYS_semget, 0, 1, 0600))
ATTEMPT(msgget, syscall(SYS_msgget, 1, 0))
ATTEMPT(mq_open, syscall(SYS_mq_open, "ftx-none", 0, 0, NULL))
ATTEMPT(rt_sigaction, syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 8))
ATTEMPT(settimeofday, syscall(SYS_settimeofday, NULL, NULL))
ATTEMPT(clock_settime, syscall(SYS_clock_settime, 0, NULL))
ATTEMPT(adjtimex, syscall(SYS_adjtimex, NULL))
ATTEMPT(sethostname, syscall(SYS_sethostname, NULL, 1))
ATTEMPT(swapon, syscall(SYS_swapon, NULL, 0))
ATTEMPT(syslog, syscall(SYS_syslog, 10, NULL, 0))
ATTEMPT(quotactl, syscall(SYS_quotactl, 0, NULL, 0, NULL))
ATTEMPT(acct, syscall(SYS_acct, "/nonexistent/ftx"))
ATTEMPT(reboot, syscall(SYS_reboot, 0, 0, 0, NULL))
ATTEMPT(kexec_load, syscall(SYS_kexec_load, 0, 0, NULL, -1))
ATTEMPT(init_module, syscall(SYS_init_module, NULL, 0, NULL))
ATTEMPT(finit_module, syscall(SYS_finit_module, -1, NULL, 0))
ATTEMPT(kcmp, syscall(SYS_kcmp, getpid(), sibling, 0, 0, 0))
ATTEMPT(membarrier, syscall(SYS_membarrier, 0, 0, 0))
ATTEMPT(move_pages, syscall(SYS_move_pages, 0, 0, NULL, NULL, NULL, 0))
ATTEMPT(wait4, waitpid(-1, NULL, WNOHANG))
ATTEMPT(unknown_call, syscall(1000))
#ifdef __x86_64__
ATTEMPT(x32, syscall(0x40000000 | SYS_getpid))
ATTEMPT(iopl, syscall(SYS_iopl, 0))
ATTEMPT(modify_ldt, syscall(SYS_modify_ldt, 0, NULL, 0))
/* The numbering of i386: 20 is getpid there, and writev here. */
static int
try_i386(void)
{
	int r;

	__asm__ volatile("int $0x80" : "=a"(r) : "0"(20) : "memory", "r8", "r9", "r10", "r11");
	return r;
}
#endif
/* clang-format on */

/* What a control run shows. */
enum control {
	CAN,	  /* it succeeds */
	ROOT_CAN, /* to root it does */
	UNSHOWN,  /* it would do harm, or its success takes more than a call */
};

static const struct {
	const char *name;
	int (*attempt)(void);
	enum control control;
} calls[] = {
#define ROW(name, control)                                                                         \
	{                                                                                          \
#name, try_##name, control                                                         \
	}
    ROW(execve, CAN),
    ROW(execveat, CAN),
    ROW(socket, CAN),
    ROW(socketpair, CAN),
    ROW(connect, UNSHOWN),
    ROW(accept, UNSHOWN),
    ROW(bind, UNSHOWN),
    ROW(listen, CAN),
    ROW(ptrace_sibling, ROOT_CAN),
    ROW(ptrace_supervisor, UNSHOWN),
    ROW(process_vm_readv, CAN),
    ROW(process_vm_writev, CAN),
    ROW(kill_sibling, CAN),
    ROW(kill_supervisor, CAN),
    ROW(kill_all, CAN),
    ROW(tkill, CAN),
    ROW(tgkill, CAN),
    ROW(rt_sigqueueinfo, UNSHOWN),
    ROW(pidfd_open_sibling, CAN),
    ROW(pidfd_open_supervisor, CAN),
    ROW(pidfd_send_signal, UNSHOWN),
    ROW(pidfd_getfd, UNSHOWN),
    ROW(prlimit_sibling, CAN),
    ROW(prlimit_supervisor, CAN),
    ROW(prlimit_own, CAN),
    ROW(setpriority, CAN),
    ROW(ioprio_set, CAN),
    ROW(sched_setaffinity, CAN),
    ROW(sched_setscheduler, CAN),
    ROW(sched_getparam, CAN),
    ROW(sched_yield, CAN),
    ROW(io_uring_setup, UNSHOWN),
    ROW(io_uring_enter, UNSHOWN),
    ROW(fork, CAN),
    ROW(vfork, UNSHOWN),
    ROW(clone3, CAN),
    ROW(unshare, ROOT_CAN),
    ROW(setns, UNSHOWN),
    ROW(mount, UNSHOWN),
    ROW(umount, UNSHOWN),
    ROW(pivot_root, UNSHOWN),
    ROW(open_tree, CAN),
    ROW(fsopen, ROOT_CAN),
    ROW(chroot, ROOT_CAN),
    ROW(chdir, CAN),
    ROW(open, CAN),
    ROW(creat, CAN),
    ROW(open_by_handle_at, UNSHOWN),
    ROW(name_to_handle_at, UNSHOWN),
    ROW(truncate, CAN),
    ROW(mknodat, CAN),
    ROW(fchown, CAN),
    ROW(fchownat, CAN),
    ROW(ioctl_fionread, UNSHOWN),
    ROW(ioctl_tiocsti, UNSHOWN),
    ROW(ioctl_ficlone, UNSHOWN),
    ROW(setuid, ROOT_CAN),
    ROW(setgid, ROOT_CAN),
    ROW(setresuid, ROOT_CAN),
    ROW(setgroups, ROOT_CAN),
    ROW(setsid, CAN),
    ROW(setpgid, CAN),
    ROW(capset, UNSHOWN),
    ROW(prctl, CAN),
    ROW(prctl_ptracer, UNSHOWN),
    ROW(seccomp, CAN),
    ROW(landlock, CAN),
    ROW(personality, CAN),
    ROW(bpf, UNSHOWN),
    ROW(userfaultfd, ROOT_CAN),
    ROW(keyctl, CAN),
    ROW(add_key, UNSHOWN),
    ROW(perf_event_open, UNSHOWN),
    ROW(mprotect_exec, CAN),
    ROW(mmap_exec, CAN),
    ROW(mmap_exec_file, UNSHOWN),
    ROW(pkey_mprotect, UNSHOWN),
    ROW(memfd_create, CAN),
    ROW(memfd_secret, UNSHOWN),
    ROW(fcntl_dup, CAN),
    ROW(fcntl_setown, CAN),
    ROW(fcntl_setsig, CAN),
    ROW(fcntl_lease, UNSHOWN),
    ROW(fcntl_notify, CAN),
    ROW(fcntl_lock, CAN),
    ROW(dup, CAN),
    ROW(dup3, CAN),
    ROW(pipe2, CAN),
    ROW(epoll, CAN),
    ROW(eventfd, CAN),
    ROW(signalfd, CAN),
    ROW(timerfd, CAN),
    ROW(timer_create, CAN),
    ROW(inotify, CAN),
    ROW(fanotify, ROOT_CAN),
    ROW(splice, UNSHOWN),
    ROW(sendfile, UNSHOWN),
    ROW(copy_file_range, UNSHOWN),
    ROW(shmget, UNSHOWN),
    ROW(semget, UNSHOWN),
    ROW(msgget, UNSHOWN),
    ROW(mq_open, UNSHOWN),
    ROW(rt_sigaction, CAN),
    ROW(settimeofday, UNSHOWN),
    ROW(clock_settime, UNSHOWN),
    ROW(adjtimex, UNSHOWN),
    ROW(sethostname, UNSHOWN),
    ROW(swapon, UNSHOWN),
    ROW(syslog, UNSHOWN),
    ROW(quotactl, UNSHOWN),
    ROW(acct, UNSHOWN),
    ROW(reboot, UNSHOWN),
    ROW(kexec_load, UNSHOWN),
    ROW(init_module, UNSHOWN),
    ROW(finit_module, UNSHOWN),
    ROW(kcmp, UNSHOWN),
    ROW(membarrier, CAN),
    ROW(move_pages, UNSHOWN),
    ROW(wait4, UNSHOWN),
    ROW(unknown_call, UNSHOWN),
#ifdef __x86_64__
    ROW(x32, UNSHOWN),
    ROW(iopl, UNSHOWN),
    ROW(modify_ldt, UNSHOWN),
    ROW(i386, UNSHOWN),
#endif
};

Test(sandbox, T68_every_other_system_call_kills)
{
	if (SANDBOX_SANITIZED)
		cr_skip_test("a build with sanitizers has no filter");
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		bool can =
		    calls[i].control == CAN || (calls[i].control == ROOT_CAN && geteuid() == 0);
		int r;

		if (can && (r = outcome(calls[i].attempt, FREE, 0)) != 0)
			cr_expect_fail("%s: the control run had %d", calls[i].name, r);
		r = outcome(calls[i].attempt, RIGHTS_FULL, 0);
		/* A kernel without that numbering has no such instruction. */
		if (strcmp(calls[i].name, "i386") == 0 && r == -SIGSEGV)
			continue;
		cr_expect_eq(r, -SIGSYS, "%s: %d", calls[i].name, r);
	}
}

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
ATTEMPT(read_outside, OPEN(AT_FDCWD, secret, O_RDONLY))
ATTEMPT(read_dotdot, OPEN(share, "../secret", O_RDONLY))
ATTEMPT(read_dotdot_deeper, OPEN(share, "dir/../../secret", O_RDONLY))
ATTEMPT(read_by_root, via_proc("self/root", -1, secret, O_RDONLY))
ATTEMPT(read_by_cwd, via_proc("self/cwd/", -1, "Makefile", O_RDONLY))
ATTEMPT(read_by_kept_directory, OPEN(outside, "secret", O_RDONLY))
ATTEMPT(read_by_kept_directory_in_proc, via_proc("self/fd/", outside, "/secret", O_RDONLY))
ATTEMPT(write_outside, OPEN(AT_FDCWD, secret, O_WRONLY))
ATTEMPT(make_outside, OPEN(outside, "new", O_WRONLY | O_CREAT))
ATTEMPT(mkdir_outside, mkdirat(outside, "new", 0700))
ATTEMPT(symlink_outside, symlinkat("x", outside, "new"))
ATTEMPT(unlink_outside, unlinkat(outside, "secret", 0))
ATTEMPT(rename_outside, renameat(share, "published", outside, "new"))
ATTEMPT(rename_in, renameat(outside, "secret", share, "new"))
ATTEMPT(link_outside, linkat(share, "published", outside, "new", 0))
ATTEMPT(link_in, linkat(outside, "secret", share, "new", 0))
ATTEMPT(list_outside, OPEN(outside, ".", O_RDONLY | O_DIRECTORY))
ATTEMPT(own_memory, OPEN(AT_FDCWD, "/proc/self/mem", O_RDWR))
ATTEMPT(environ_of_supervisor, via_proc("", supervisor, "/environ", O_RDONLY))
ATTEMPT(memory_of_sibling, via_proc("", sibling, "/mem", O_RDONLY))
ATTEMPT(write_published, OPEN(share, "published", O_WRONLY))
ATTEMPT(read_write_published, OPEN(share, "published", O_RDWR))
ATTEMPT(truncate_published, OPEN(share, "published", O_RDONLY | O_TRUNC))
ATTEMPT(append_to_published, OPEN(share, "published", O_WRONLY | O_APPEND))
ATTEMPT(write_kept_published, via_proc("self/fd/", published, "", O_WRONLY))
ATTEMPT(write_new_in_share, OPEN(share, "new", O_WRONLY | O_CREAT | O_EXCL))
ATTEMPT(write_unnamed_in_share, OPEN(share, ".", O_TMPFILE | O_RDWR))
ATTEMPT(write_in_set, OPEN(set, "new", O_WRONLY | O_CREAT | O_EXCL))
ATTEMPT(link_published_into_up, linkat(share, "published", up, "new", 0))
ATTEMPT(rename_published_into_up, renameat(share, "published", up, "new"))
ATTEMPT(exchange_published_with_up, renameat2(share, "published", up, "own.part", RENAME_EXCHANGE))
ATTEMPT(write_of_other_client, OPEN(other, "other.part", O_WRONLY))
ATTEMPT(write_of_other_client_by_path, OPEN(share, ".ftx/fedcba9876543210/up/other.part", O_WRONLY))
ATTEMPT(take_of_other_client, linkat(other, "other.part", up, "new", 0))

ATTEMPT(read_published, OPEN(share, "published", O_RDONLY))
ATTEMPT(list_share, OPEN(share, ".", O_RDONLY | O_DIRECTORY))
ATTEMPT(unlink_published, unlinkat(share, "published", 0))
ATTEMPT(unlink_of_other_client, unlinkat(other, "other.part", 0))
ATTEMPT(rmdir_in_share, unlinkat(share, "dir", AT_REMOVEDIR))
ATTEMPT(rename_published, renameat(share, "published", share, "new"))
ATTEMPT(rename_over_published, renameat(up, "own.part", share, "published"))
ATTEMPT(exchange_published, renameat2(share, "published", share, "second", RENAME_EXCHANGE))
ATTEMPT(rename_new, renameat(up, "own.part", share, "new"))
ATTEMPT(link_in_share, linkat(share, "published", share, "dir/new", 0))
ATTEMPT(link_into_set, linkat(share, "published", set, "new", 0))
ATTEMPT(move_into_set, renameat(up, "own.part", set, "new"))
ATTEMPT(mkdir_in_share, mkdirat(share, "new", 0700))
ATTEMPT(symlink_in_share, symlinkat("x", share, "new"))
ATTEMPT(write_in_up, OPEN(up, "new", O_RDWR | O_CREAT | O_EXCL | O_TRUNC))
ATTEMPT(unlink_in_up, unlinkat(up, "own.part", 0))
ATTEMPT(list_up, OPEN(up, ".", O_RDONLY | O_DIRECTORY))

static int
try_publish_set(void)
{
	if (mkdirat(set, "id", 0700) != 0 || renameat(up, "own.part", set, "id/f") != 0)
		return -1;
	return renameat(set, "id", share, "new");
}

static int
try_exchange_set(void)
{
	if (mkdirat(set, "id", 0700) != 0)
		return -1;
	return renameat2(set, "id", share, "dir", RENAME_EXCHANGE);
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
in_new_room(int (*attempt)(void), int rights, int abi)
{
	int r;

	end();
	begin();
	r = outcome(attempt, rights, abi);
	cr_assert(r < 200, "the sandbox could not be entered: %d", r);
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
			cr_expect_eq(in_new_room(files[i].attempt, FREE, 0), 0,
				     "%s: the control run failed", files[i].name);
		if (files[i].may_not != NEVER) {
			r = in_new_room(files[i].attempt, files[i].may_not, abi);
			cr_expect(is_refusal(r), "%s, version %d: %d (%s)", files[i].name, abi, r,
				  strerror(r));
		}
		if (files[i].may != NEVER) {
			r = in_new_room(files[i].attempt, files[i].may, abi);
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
		cr_expect_eq(in_new_room(try_truncate_published, RIGHTS_FULL, abi), EACCES, "%d",
			     abi);
}

static int
try_much_memory(void)
{
	void *much = malloc((size_t)SANDBOX_SESSION_MEMORY * 2);

	errno = ENOMEM;
	return much == NULL ? -1 : 0;
}

Test(sandbox, T65_memory_is_refused_and_the_process_lives)
{
	if (SANDBOX_SANITIZED)
		cr_skip_test("sanitizers need terabytes of address space");
	cr_expect_eq(outcome(try_much_memory, FREE, 0), 0);
	cr_expect_eq(outcome(try_much_memory, RIGHTS_FULL, 0), ENOMEM);
}

static int
try_many_descriptors(void)
{
	for (unsigned i = 0; i < 20000; i++)
		if (openat(share, ".", O_PATH | O_CLOEXEC) < 0)
			return -1;
	return 0;
}

Test(sandbox, T65_descriptors_are_refused_and_the_process_lives)
{
	cr_expect_eq(outcome(try_many_descriptors, RIGHTS_FULL, 0), EMFILE);
}

/* The kernel as if it had not these calls. */
static void
take_away(const int *numbers, size_t count)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	for (size_t i = 0; i < count; i++)
		if (seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), numbers[i], 0) != 0)
			_exit(210);
	if (seccomp_load(ctx) != 0)
		_exit(211);
	seccomp_release(ctx);
}

/* 0 where all is as it should be. */
static int
without(const int *numbers, size_t count, bool files_missing)
{
	const struct sandbox_place place = {.root = share, .up = up, .set = set, .rights = 31};
	struct sandbox_options o = {.require = false};
	bool r;

	take_away(numbers, count);
	if (sandbox_setup(&o) != 0 || sandbox_files(&place, 1) != 0 || sandbox_calls() != 0)
		return 1;
	o.require = true;
	if (sandbox_setup(&o) != FTX_E_UNSUPPORTED)
		return 2;
	r = files_missing ? sandbox_files(&place, 1) == FTX_E_OFFLINE
			  : sandbox_calls() == FTX_E_OFFLINE;
	return r ? 0 : 3;
}

Test(sandbox, T69_what_is_required_and_not_there_starts_nothing)
{
	static const int no_landlock[] = {444, 445, 446}, no_seccomp[] = {SCMP_SYS(seccomp)};
	int status;
	pid_t pid;

	for (int i = 0; i < 2; i++) {
		if (i == 1 && SANDBOX_SANITIZED)
			break;
		if ((pid = fork()) == 0) {
			/* Nothing of it is allowed after a session's filter: in two processes. */
			if (i == 1)
				_exit(without(no_seccomp, 1, false));
			if (SANDBOX_SANITIZED)
				_exit(without(no_landlock, 3, true));
			take_away(no_landlock, 3);
			_exit(sandbox_setup(&(struct sandbox_options){.require = false}) == 0 &&
				      sandbox_setup(&(struct sandbox_options){.require = true}) ==
					  FTX_E_UNSUPPORTED &&
				      sandbox_files(&(struct sandbox_place){.root = share}, 1) ==
					  FTX_E_OFFLINE
				  ? 0
				  : 4);
		}
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect_eq(status, 0, "%d: %x", i, (unsigned)status);
	}
	cr_expect_eq(landlock_confine(1, NULL, 0), FTX_E_UNSUPPORTED);
	cr_expect_eq(landlock_confine(0, NULL, 0), FTX_E_UNSUPPORTED);
}

/* The system call is there, and what it is for fails. */
static void
make_fail(int number, const struct scmp_arg_cmp *where)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);

	if (seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO(ENOMEM), number, where != NULL, where) != 0)
		_exit(210);
	if (seccomp_load(ctx) != 0)
		_exit(211);
	seccomp_release(ctx);
}

static int
with_failing_landlock(void)
{
	const struct sandbox_place place = {.root = share, .up = up, .set = set, .rights = 31};

	make_fail(446, NULL); /* landlock_restrict_self */
	if (sandbox_setup(&(struct sandbox_options){.require = false}) != 0)
		return 2;
	return sandbox_files(&place, 1) == FTX_E_OFFLINE ? 0 : 3;
}

/* seccomp() still says what it can do. */
static void
make_filters_fail(void)
{
	const struct scmp_arg_cmp set_filter = SCMP_A0(SCMP_CMP_EQ, SECCOMP_SET_MODE_FILTER, 0);

	make_fail(SCMP_SYS(seccomp), &set_filter);
	if (sandbox_setup(&(struct sandbox_options){.require = false}) != 0)
		_exit(2);
}

static int
with_failing_filters(void)
{
	const struct sandbox_place place = {.root = share, .up = up, .set = set, .rights = 31};

	make_filters_fail();
	return sandbox_files(&place, 1) == 0 && sandbox_calls() == FTX_E_OFFLINE ? 0 : 3;
}

static int
greeter_with_failing_filters(void)
{
	make_filters_fail();
	sandbox_greeter();
	return 3;
}

Test(sandbox, T69_what_is_there_and_fails_is_not_done_without)
{
	static const struct {
		int (*run)(void);
		int status;
		bool filters;
	} cases[] = {
	    {with_failing_landlock, 0, false},
	    {with_failing_filters, 0, true},
	    {greeter_with_failing_filters, 1, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;
		pid_t pid;

		if (cases[i].filters && SANDBOX_SANITIZED)
			continue;
		if ((pid = fork()) == 0)
			_exit(cases[i].run());
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == cases[i].status, "%zu: %x", i,
			  (unsigned)status);
	}
}

/* What root has given up and cannot take back; in a directory of root's too. */
Test(sandbox, root_becomes_the_owner_and_stays_it)
{
	static const struct {
		uid_t owner;
		gid_t group;
		bool no_root, has_user;
		int r;
		uid_t uid;
		gid_t gid;
	} cases[] = {
	    {4711, 4712, false, false, 0, 4711, 4712},
	    {4711, 0, false, false, 0, 4711, 65534},
	    {0, 0, false, false, 0, 0, 0},
	    {0, 0, true, false, FTX_E_OFFLINE, 0, 0},
	    {0, 0, true, true, 0, 99, 98},
	    {4711, 4712, false, true, 0, 99, 98},
	};

	if (geteuid() != 0)
		cr_skip_test("only root becomes another user");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct sandbox_options o = {.no_root = cases[i].no_root,
						  .has_user = cases[i].has_user,
						  .user = 99,
						  .group = 98};
		int status;
		pid_t pid;

		cr_assert(fchown(share, cases[i].owner, cases[i].group) == 0);
		if ((pid = fork()) == 0) {
			if (sandbox_setup(&o) != 0 || sandbox_become(share) != cases[i].r)
				_exit(1);
			if (cases[i].r != 0)
				_exit(0);
			if (getuid() != cases[i].uid || geteuid() != cases[i].uid ||
			    getgid() != cases[i].gid || getegid() != cases[i].gid ||
			    getgroups(0, NULL) != 0)
				_exit(2);
			if (setgid(0) == 0 && cases[i].gid != 0)
				_exit(3);
			if (setuid(1) == 0 || chroot("/") == 0)
				_exit(4);
			_exit(0);
		}
		cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid);
		cr_expect_eq(status, 0, "%zu: %x", i, (unsigned)status);
	}
}
