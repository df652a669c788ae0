/*
 * DESIGN.  Nothing that comes from a session is believed: not its length, not that it is text, not
 * that it is one line.  Escapes that honest sessions have made already stay as they are, so a path
 * looks as file_log.c has shown it; everything else is escaped here.
 */
#include "src/server/session_log.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/errors.h"
#include "src/base/display.h"
#include "src/base/log.h"

#define LINE_BYTES 4096u /* log.c cuts what is longer */
/* Of log_line() and what it calls. */
#define STACK_BYTES (4 * LINE_BYTES)

/* What must not stay anywhere. */
struct heard {
	char said[SESSION_LOG_BYTES];
	size_t length;
	char line[LINE_BYTES]; /* of it, as it is shown */
};

int
session_log_new(int ends[static 2])
{
	static const int on = 1;
	int r;

	/* Blocking, for the session; the supervisor never waits for it. */
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return error_from_errno(errno);
	/* A message that is empty comes with who sent it; the end does not. */
	if (setsockopt(ends[0], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) == 0)
		return 0;
	r = error_from_errno(errno);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static void
say_line(const struct peer *p, enum log_level level, const char *line)
{
	static const char file[] = SESSION_LOG_FILE;

	if (strncmp(line, file, sizeof(file) - 1) == 0)
		log_line(level, "file client=%s %s", p->client, line + strlen("file "));
	else
		log_line(level, "in a session client=%s address=%s: %s", p->client, p->address,
			 line);
}

/* The level of a message, whose text is what follows. */
static enum log_level
take_level(const char **text, size_t *length)
{
	static const enum log_level levels[] = {LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
						LOG_LEVEL_DEBUG};
	const char *t = *text;

	for (size_t i = 0; i < sizeof(levels) / sizeof(levels[0]); i++) {
		if (*length < 3 || t[0] != '<' || t[1] != '0' + (char)levels[i] || t[2] != '>')
			continue;
		*text += 3;
		*length -= 3;
		return levels[i];
	}
	return LOG_LEVEL_WARNING;
}

/* Returns how many lines that were; 1 at least, for the trouble. */
static unsigned
say(const struct peer *p, struct heard *h)
{
	const char *text = h->said;
	size_t length = h->length;
	enum log_level level = take_level(&text, &length);
	unsigned lines = 0;

	while (length > 0) {
		const char *end = ++lines < SESSION_LOG_LINES ? memchr(text, '\n', length) : NULL;
		size_t n = end != NULL ? (size_t)(end - text) : length;

		if (n > 0)
			say_line(p, level, display_again(h->line, sizeof(h->line), text, n));
		n += end != NULL;
		text += n;
		length -= n;
	}
	return lines > 0 ? lines : 1;
}

/* The next message.  false: there is none now, or never again (*over). */
static bool
next(int fd, struct heard *h, bool *over)
{
	char control[CMSG_SPACE(sizeof(struct ucred))]; /* no descriptor fits behind it */
	struct iovec iov = {.iov_base = h->said, .iov_len = sizeof(h->said)};
	struct msghdr header = {.msg_iov = &iov,
				.msg_iovlen = 1,
				.msg_control = control,
				.msg_controllen = sizeof(control)};
	ssize_t n;

	do
		n = recvmsg(fd, &header, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0 || (n == 0 && header.msg_controllen == 0)) {
		*over = n == 0 || errno != EAGAIN;
		return false;
	}
	if ((header.msg_flags & MSG_TRUNC) != 0)
		memcpy(h->said + sizeof(h->said) - 3, "...", 3);
	h->length = (size_t)n;
	return true;
}

void
session_log_hear(struct peer *p, unsigned most_lines)
{
	struct heard h;
	unsigned lines = 0;
	bool over = false;

	while (lines < most_lines && next(p->log, &h, &over))
		lines += say(p, &h);
	if (over) {
		close(p->log);
		p->log = -1;
	}
	sodium_memzero(&h, sizeof(h));
	sodium_stackzero(STACK_BYTES);
}
