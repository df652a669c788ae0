#include "src/server/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/errors.h"
#include "proto/limits.h"
#include "src/base/log.h"
#include "src/server/sandbox_impl.h"

/* Files of PACK stay open until they are published; walks, uploads and the rest need far fewer. */
enum { SESSION_DESCRIPTORS = LIMIT_GROUP_ITEMS + 2048 };

static struct sandbox_options options;
/* What this kernel was seen not to have, and the supervisor has said so. */
static struct {
	bool landlock, seccomp;
} lacks;

int
sandbox_setup(const struct sandbox_options *given)
{
	int abi = landlock_abi();
	int r;

	options = *given;
	lacks.landlock = abi < LANDLOCK_ABI_LEAST;
	lacks.seccomp = !SANDBOX_SANITIZED && !seccomp_usable();
	if (!SANDBOX_SANITIZED && !lacks.seccomp && (r = seccomp_prepare()) != 0)
		return r;
	if (!lacks.landlock && !lacks.seccomp)
		return 0;
	log_line(options.require ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
		 "this kernel cannot confine sessions landlock=%d seccomp=%s%s", abi,
		 lacks.seccomp ? "no" : "yes", options.require ? ": nothing is started" : "");
	return options.require ? FTX_E_UNSUPPORTED : 0;
}

/* r: of confining.  What a kernel has and yet does not do is never done without. */
static int
confined(const char *what, bool lacking, int r)
{
	if (r == 0 || (lacking && !options.require))
		return 0;
	log_error("it is not confined and so ends: %s error=%s", what, error_name(r));
	return FTX_E_OFFLINE;
}

static int
drop_capabilities(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};
	struct __user_cap_data_struct present[_LINUX_CAPABILITY_U32S_3] = {{0}};

	/* Who has none may be forbidden to ask for fewer. */
	if (syscall(SYS_capget, &header, present) == 0 &&
	    memcmp(present, none, sizeof(present)) == 0)
		return 0;
	/* The ambient ones go with them; no_new_privs keeps a program from bringing others. */
	return syscall(SYS_capset, &header, none) == 0 ? 0 : error_from_errno(errno);
}

/* Of a user namespace that may not change groups there are none to lose. */
static int
drop_groups(void)
{
	if (setgroups(0, NULL) == 0 || (errno == EPERM && getgroups(0, NULL) == 0))
		return 0;
	return error_from_errno(errno);
}

/* Root, with uid 0: its number alone is left. */
static int
become(uid_t uid, gid_t gid)
{
	int r = drop_groups();

	if (r != 0)
		return r;
	if (setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0)
		return error_from_errno(errno);
	if ((r = drop_capabilities()) != 0)
		return r;
	/* What could be taken back was not given up. */
	if (uid != 0 && setuid(0) == 0)
		return FTX_E_DENIED;
	return 0;
}

/* Nobody; where a user namespace has no such number, root's without a capability. */
static bool
become_nobody(void)
{
	return geteuid() != 0 || become(SANDBOX_NOBODY, SANDBOX_NOBODY) == 0 ||
	       drop_capabilities() == 0;
}

void
sandbox_greeter(void)
{
	/* It has no business without its supervisor; a change of user forgets this. */
	if (!become_nobody() || prctl(PR_SET_DUMPABLE, 0) != 0 ||
	    prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		_exit(1);
	if (SANDBOX_SANITIZED || seccomp_confine(FILTER_GREETER) == 0)
		return;
	if (!lacks.seccomp || options.require)
		_exit(1);
}

int
sandbox_become(int dir)
{
	uid_t uid = SANDBOX_NOBODY;
	gid_t gid = SANDBOX_NOBODY;
	struct stat st;
	int r;

	if (geteuid() != 0)
		return 0;
	if (options.has_user) {
		uid = options.user;
		gid = options.group;
	} else if (dir >= 0) {
		if (fstat(dir, &st) != 0) {
			log_error("whose is the share? error=%s", strerror(errno));
			return FTX_E_OFFLINE;
		}
		uid = st.st_uid;
		/* Group root has rights of its own in the system. */
		gid = st.st_gid != 0 || st.st_uid == 0 ? st.st_gid : SANDBOX_NOBODY;
	}
	if (uid == 0 && options.no_root) {
		log_error("a share belongs to root, and there is no other user to serve it as");
		return FTX_E_OFFLINE;
	}
	if ((r = become(uid, gid)) != 0) {
		log_error("cannot become uid=%u gid=%u error=%s", (unsigned)uid, (unsigned)gid,
			  error_name(r));
		return FTX_E_OFFLINE;
	}
	return 0;
}

/* Address space of this process in bytes. */
static int
present_memory(rlim_t *bytes)
{
	FILE *f = fopen("/proc/self/statm", "re");
	unsigned long pages;
	int n;

	if (f == NULL)
		return error_from_errno(errno);
	n = fscanf(f, "%lu", &pages);
	fclose(f);
	*bytes = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE);
	return n == 1 ? 0 : FTX_E_IO;
}

static int
lower(int resource, rlim_t most)
{
	struct rlimit limit;

	if (getrlimit((__rlimit_resource_t)resource, &limit) != 0)
		return error_from_errno(errno);
	if (limit.rlim_max > most)
		limit.rlim_max = most;
	limit.rlim_cur = limit.rlim_max;
	return setrlimit((__rlimit_resource_t)resource, &limit) == 0 ? 0 : error_from_errno(errno);
}

static int
limit_resources(void)
{
	rlim_t memory =
	    options.session_memory != 0 ? options.session_memory : SANDBOX_SESSION_MEMORY;
	rlim_t present;
	int r;

	if ((r = lower(RLIMIT_CORE, 0)) != 0 ||
	    (r = lower(RLIMIT_NOFILE, SESSION_DESCRIPTORS)) != 0)
		return r;
	if (SANDBOX_SANITIZED)
		return 0;
	/* More than one arena would reserve 64 MiB for each, and ask for the number of CPUs. */
	mallopt(M_ARENA_MAX, 1);
	if ((r = present_memory(&present)) != 0)
		return r;
	return lower(RLIMIT_AS, present + memory);
}

int
sandbox_files(const struct sandbox_place *places, size_t count)
{
	int abi = landlock_abi();
	int r;

	/* Its memory holds the connection's keys. */
	if (prctl(PR_SET_DUMPABLE, 0) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		r = error_from_errno(errno);
	else
		r = limit_resources();
	if (r == 0)
		r = drop_capabilities();
	if (r != 0) {
		log_error("it cannot be limited error=%s", error_name(r));
		return FTX_E_OFFLINE;
	}
	return confined(
	    "landlock", lacks.landlock,
	    landlock_confine(abi > LANDLOCK_ABI_MOST ? LANDLOCK_ABI_MOST : abi, places, count));
}

int
sandbox_calls(void)
{
	if (SANDBOX_SANITIZED)
		return 0;
	return confined("seccomp", lacks.seccomp, seccomp_confine(FILTER_SESSION));
}
