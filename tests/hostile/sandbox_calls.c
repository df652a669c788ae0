/*
 * T68: from inside a session's sandbox, each system call that it is there to forbid.  Each attempt
 * has a process of its own; where it can be shown that it would succeed otherwise, a control run
 * shows it.
 */
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

#include "src/server/policy.h"
#include "src/server/sandbox.h"
#include "tests/hostile/sandbox_room.h"

static char *const no_arguments[] = {NULL};

/* clang-format off */
ATTEMPT(execve, execve("/bin/true", no_arguments, no_arguments))
ATTEMPT(execveat, syscall(SYS_execveat, AT_FDCWD, "/bin/true", no_arguments, no_arguments, 0))
ATTEMPT(socket, socket(AF_INET, SOCK_STREAM, 0))
ATTEMPT(socketpair, socketpair(AF_UNIX, SOCK_STREAM, 0, (int[2]){0}))
ATTEMPT(connect, connect(room.listener, (struct sockaddr *)&room.address, sizeof(room.address)))
ATTEMPT(accept, accept4(room.listener, NULL, NULL, SOCK_NONBLOCK))
ATTEMPT(bind, bind(room.listener, (struct sockaddr *)&room.address, sizeof(room.address)))
ATTEMPT(listen, listen(room.listener, 1))
ATTEMPT(ptrace_sibling, ptrace(PTRACE_SEIZE, room.sibling, NULL, NULL))
ATTEMPT(ptrace_supervisor, ptrace(PTRACE_SEIZE, room.supervisor, NULL, NULL))
ATTEMPT(process_vm_readv, syscall(SYS_process_vm_readv, room.sibling, NULL, 0, NULL, 0, 0))
ATTEMPT(process_vm_writev, syscall(SYS_process_vm_writev, room.sibling, NULL, 0, NULL, 0, 0))
ATTEMPT(kill_sibling, kill(room.sibling, 0))
ATTEMPT(kill_supervisor, kill(room.supervisor, 0))
ATTEMPT(kill_all, kill(-1, 0))
ATTEMPT(tkill, syscall(SYS_tkill, room.sibling, 0))
ATTEMPT(tgkill, syscall(SYS_tgkill, room.sibling, room.sibling, 0))
ATTEMPT(rt_sigqueueinfo, syscall(SYS_rt_sigqueueinfo, room.sibling, SIGTERM, NULL))
ATTEMPT(pidfd_open_sibling, syscall(SYS_pidfd_open, room.sibling, 0))
ATTEMPT(pidfd_open_supervisor, syscall(SYS_pidfd_open, room.supervisor, 0))
ATTEMPT(pidfd_send_signal, syscall(SYS_pidfd_send_signal, room.outside, 0, NULL, 0))
ATTEMPT(pidfd_getfd, syscall(SYS_pidfd_getfd, room.outside, 0, 0))
ATTEMPT(prlimit_sibling, prlimit(room.sibling, RLIMIT_NOFILE, NULL, &(struct rlimit){0}))
ATTEMPT(prlimit_supervisor, prlimit(room.supervisor, RLIMIT_NOFILE, NULL, &(struct rlimit){0}))
ATTEMPT(prlimit_own, setrlimit(RLIMIT_CORE, &(struct rlimit){0}))
ATTEMPT(setpriority, setpriority(PRIO_PROCESS, (id_t)room.sibling, 5))
ATTEMPT(ioprio_set, syscall(SYS_ioprio_set, 1, room.sibling, 0))
ATTEMPT(sched_setaffinity, sched_setaffinity(room.sibling, sizeof(cpu_set_t), &(cpu_set_t){{1}}))
ATTEMPT(sched_setscheduler, sched_setscheduler(room.sibling, SCHED_BATCH, &(struct sched_param){0}))
ATTEMPT(sched_getparam, sched_getparam(room.sibling, &(struct sched_param){0}))
ATTEMPT(sched_yield, sched_yield())
ATTEMPT(io_uring_setup, syscall(SYS_io_uring_setup, 1, (char[128]){0}))
ATTEMPT(io_uring_enter, syscall(SYS_io_uring_enter, room.outside, 0, 0, 0, NULL, 0))
ATTEMPT(fork, fork())
ATTEMPT(vfork, syscall(SYS_vfork))
ATTEMPT(clone3, syscall(SYS_clone3, (uint64_t[8]){[4] = SIGCHLD}, 64))
ATTEMPT(unshare, unshare(CLONE_NEWNS))
ATTEMPT(setns, setns(room.outside, 0))
ATTEMPT(mount, mount("none", room.top, "tmpfs", MS_RDONLY, NULL))
ATTEMPT(umount, umount2(room.top, MNT_DETACH))
ATTEMPT(pivot_root, syscall(SYS_pivot_root, room.top, room.top))
ATTEMPT(open_tree, syscall(SYS_open_tree, AT_FDCWD, room.top, 0))
ATTEMPT(fsopen, syscall(SYS_fsopen, "tmpfs", 0))
ATTEMPT(chroot, chroot(room.top))
ATTEMPT(chdir, chdir("/"))
ATTEMPT(open, syscall(SYS_open, room.secret, O_RDONLY))
ATTEMPT(creat, syscall(SYS_creat, room.secret, 0600))
ATTEMPT(open_by_handle_at, syscall(SYS_open_by_handle_at, room.outside, NULL, 0))
ATTEMPT(name_to_handle_at, syscall(SYS_name_to_handle_at, room.outside, "secret", NULL, NULL, 0))
ATTEMPT(truncate, truncate(room.secret, 4))
ATTEMPT(mknodat, mknodat(room.share, "device", S_IFIFO | 0600, 0))
ATTEMPT(fchown, fchown(room.published, (uid_t)-1, (gid_t)-1))
ATTEMPT(fchownat, fchownat(room.share, "published", (uid_t)-1, (gid_t)-1, 0))
ATTEMPT(ioctl_fionread, ioctl(room.listener, TIOCOUTQ, &(int){0}))
ATTEMPT(ioctl_tiocsti, ioctl(0, TIOCSTI, "x"))
ATTEMPT(ioctl_ficlone, ioctl(room.published, 0x40049409, room.up))
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
ATTEMPT(mmap_exec_file, mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, room.published, 0) == MAP_FAILED ? -1 : 0)
ATTEMPT(pkey_mprotect, syscall(SYS_pkey_mprotect, NULL, 0, PROT_READ, -1))
ATTEMPT(memfd_create, memfd_create("x", 0))
ATTEMPT(memfd_secret, syscall(SYS_memfd_secret, 0))
ATTEMPT(fcntl_dup, fcntl(room.published, F_DUPFD_CLOEXEC, 0))
ATTEMPT(fcntl_setown, fcntl(room.listener, F_SETOWN, room.sibling))
ATTEMPT(fcntl_setsig, fcntl(room.listener, F_SETSIG, SIGKILL))
ATTEMPT(fcntl_lease, fcntl(room.published, F_SETLEASE, F_UNLCK))
ATTEMPT(fcntl_notify, fcntl(room.outside, F_NOTIFY, DN_MODIFY))
ATTEMPT(fcntl_lock, fcntl(room.published, F_SETLK, &(struct flock){.l_type = F_UNLCK}))
ATTEMPT(dup, dup(room.published))
ATTEMPT(dup3, dup3(room.published, 99, 0))
ATTEMPT(pipe2, pipe2((int[2]){0}, 0))
ATTEMPT(epoll, syscall(SYS_epoll_create1, 0))
ATTEMPT(eventfd, syscall(SYS_eventfd2, 0, 0))
ATTEMPT(signalfd, syscall(SYS_signalfd4, -1, &(uint64_t){0}, 8, 0))
ATTEMPT(timerfd, syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0))
ATTEMPT(timer_create, syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, &(int){0}))
ATTEMPT(inotify, syscall(SYS_inotify_init1, 0))
ATTEMPT(fanotify, syscall(SYS_fanotify_init, 0, 0))
ATTEMPT(splice, syscall(SYS_splice, room.published, NULL, room.listener, NULL, 0, 0))
ATTEMPT(sendfile, syscall(SYS_sendfile, room.up, room.published, NULL, 0))
ATTEMPT(copy_file_range, syscall(SYS_copy_file_range, room.published, NULL, room.up, NULL, 0, 0))
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
ATTEMPT(kcmp, syscall(SYS_kcmp, getpid(), room.sibling, 0, 0, 0))
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

		if (can && (r = room_outcome(calls[i].attempt, FREE, 0)) != 0)
			cr_expect_fail("%s: the control run had %d", calls[i].name, r);
		r = room_outcome(calls[i].attempt, RIGHTS_FULL, 0);
		/* A kernel without that numbering has no such instruction. */
		if (strcmp(calls[i].name, "i386") == 0 && r == -SIGSEGV)
			continue;
		cr_expect_eq(r, -SIGSYS, "%s: %d", calls[i].name, r);
	}
}
