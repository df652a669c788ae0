#include "src/server/control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/errors.h"

static int
make_address(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(address->sun_path))
		return FTX_E_TOO_LARGE;
	strcpy(address->sun_path, path);
	return 0;
}

static bool
get_peer(int fd, struct ucred *peer)
{
	socklen_t length = sizeof(*peer);

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, &length) == 0;
}

/* Does a living process serve it?  Who does not take connections at once does too. */
static bool
is_served(const struct sockaddr_un *address, int *pid)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer = {.pid = 0};
	bool served = false;

	if (fd < 0)
		return false;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		served = get_peer(fd, &peer);
	else
		served = errno == EAGAIN;
	*pid = (int)peer.pid;
	close(fd);
	return served;
}

static int
bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ? 0 : errno;

	umask(before);
	return r;
}

int
control_open(const char *path, int *fd, int *pid)
{
	struct sockaddr_un address;
	struct stat st;
	int errnum;
	int r = make_address(&address, path);

	*pid = 0;
	if (r != 0)
		return r;
	if ((*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) < 0)
		return error_from_errno(errno);
	errnum = bind_private(*fd, &address);
	if (errnum == EADDRINUSE && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode) &&
	    !is_served(&address, pid)) {
		/* Nobody else may write to the directory. */
		errnum = unlink(path) == 0 ? bind_private(*fd, &address) : errno;
	}
	if (errnum == 0 && listen(*fd, CONTROL_READERS) != 0)
		errnum = errno;
	if (errnum == 0)
		return 0;
	close(*fd);
	*fd = -1;
	return errnum == EADDRINUSE ? FTX_E_BUSY : error_from_errno(errnum);
}

const char *
control_problem(int r, int pid)
{
	static char text[64];

	if (r == FTX_E_BUSY && pid == 0)
		return "something else is there";
	if (r == FTX_E_BUSY) {
		snprintf(text, sizeof(text), "it is that of ftxd in process %d", pid);
		return text;
	}
	if (r == FTX_E_TOO_LARGE)
		return "its path is longer than 107 bytes: say another one with control";
	return error_text(r);
}

bool
control_is_allowed(int fd)
{
	struct ucred peer;

	return get_peer(fd, &peer) && (peer.uid == 0 || peer.uid == geteuid());
}

int
control_send(struct control_reader *reader)
{
	while (reader->sent < reader->page.length) {
		ssize_t n = send(reader->fd, reader->page.text + reader->sent,
				 reader->page.length - reader->sent, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? 1 : 0;
		reader->sent += (size_t)n;
	}
	return 0;
}

void
control_end(struct control_reader *reader)
{
	if (reader->fd >= 0)
		close(reader->fd);
	page_release(&reader->page);
	*reader = (struct control_reader){.fd = -1};
}
