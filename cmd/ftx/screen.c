#include "cmd/ftx/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cmd/ftx/signals.h"
#include "proto/errors.h"
#include "src/base/io.h"
#include "src/client/progress.h"

#define LINES_AT_MOST	2u
#define COLUMNS_DEFAULT 80u /* of a terminal that does not say */

/* ECMA-48, as every terminal since the VT100 has it. */
#define ERASE_BELOW "\033[J" /* from the cursor to the end of the screen */
#define ERASE	    "\r" ERASE_BELOW
#define ERASE_LINE  "\033[K"
#define CURSOR_UP   "\033[A"
#define NO_WRAP	    "\033[?7l" /* a terminal that finds a character wider than we do cuts it off */
#define WRAP	    "\033[?7h"

static volatile sig_atomic_t drawn, changed, continued;

bool
screen_possible(void)
{
	const char *term = getenv("TERM");

	return isatty(STDERR_FILENO) == 1 && term != NULL && term[0] != '\0' &&
	       strcmp(term, "dumb") != 0;
}

static void
on_resize(int number)
{
	(void)number;
	changed = 1;
	signals_wake();
}

/* The cursor is anywhere. */
static void
on_continue(int number)
{
	drawn = 0;
	continued = 1;
	on_resize(number);
}

static void on_stop(int number);

static int catch (int number, void (*handler)(int number))
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};

	sigemptyset(&action.sa_mask);
	return sigaction(number, &action, NULL) == 0 ? 0 : error_from_errno(errno);
}

/* Ctrl-Z: leaves the terminal to the shell, and does what the signal does to others. */
static void
on_stop(int number)
{
	int errnum = errno;
	sigset_t set, before;

	if (drawn)
		(void)write_full(STDERR_FILENO, ERASE, strlen(ERASE));
	drawn = 0;
	signal(number, SIG_DFL);
	raise(number);
	sigemptyset(&set);
	sigaddset(&set, number);
	pthread_sigmask(SIG_UNBLOCK, &set, &before); /* here it stops */
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	(void)catch (number, on_stop);
	errno = errnum;
}

int
screen_open(void)
{
	struct sigaction stop;
	int r;

	if ((r = catch (SIGWINCH, on_resize)) != 0 || (r = catch (SIGCONT, on_continue)) != 0)
		return r;
	if (sigaction(SIGTSTP, NULL, &stop) != 0)
		return error_from_errno(errno);
	/* Who started us may not want us stopped. */
	return stop.sa_handler == SIG_IGN ? 0 : catch (SIGTSTP, on_stop);
}

bool
screen_changed(void)
{
	bool is = changed != 0;

	changed = 0;
	return is;
}

bool
screen_continued(void)
{
	bool was = continued != 0;

	continued = 0;
	return was;
}

bool
screen_drawn(void)
{
	return drawn != 0;
}

static struct winsize
size_of_terminal(void)
{
	struct winsize size = {0};

	(void)ioctl(STDERR_FILENO, TIOCGWINSZ, &size);
	if (size.ws_col == 0)
		size.ws_col = COLUMNS_DEFAULT;
	return size;
}

size_t
screen_columns(void)
{
	/* In the last column some terminals would begin the next line. */
	return size_of_terminal().ws_col - 1u;
}

/* Is the terminal ours, and does it take something (no Ctrl-S)? */
static bool
is_ready(void)
{
	struct pollfd fd = {.fd = STDERR_FILENO, .events = POLLOUT};
	pid_t foreground = tcgetpgrp(STDERR_FILENO);

	return (foreground < 0 || foreground == getpgrp()) && poll(&fd, 1, 0) == 1 &&
	       (fd.revents & POLLOUT) != 0;
}

/* Builds what is written at once, so that nobody sees half of it. */
static size_t
compose(char *out, size_t capacity, const char *const *lines, size_t count)
{
	size_t used = (size_t)snprintf(out, capacity, "\r" NO_WRAP), written = 0;

	for (size_t i = 0; i < count; i++) {
		if (lines[i][0] == '\0')
			continue;
		used += (size_t)snprintf(out + used, capacity - used, "%s%s" ERASE_LINE,
					 written > 0 ? "\n" : "", lines[i]);
		written++;
	}
	used += (size_t)snprintf(out + used, capacity - used, WRAP ERASE_BELOW "\r");
	for (; written > 1; written--)
		used += (size_t)snprintf(out + used, capacity - used, CURSOR_UP);
	return used;
}

void
screen_draw(const char *const *lines, size_t count)
{
	char text[LINES_AT_MOST * (PROGRESS_LINE_BYTES + 16) + 64];
	sigset_t stop, before;
	size_t length;

	if (!is_ready())
		return;
	if (count > LINES_AT_MOST || size_of_terminal().ws_row == 1)
		count = 1;
	length = compose(text, sizeof(text), lines, count);
	sigemptyset(&stop);
	sigaddset(&stop, SIGTSTP);
	pthread_sigmask(SIG_BLOCK, &stop, &before);
	/* A terminal that is gone tells with the next message, or with a hangup. */
	(void)write_full(STDERR_FILENO, text, length);
	drawn = 1;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
screen_erase(void)
{
	if (drawn)
		(void)write_full(STDERR_FILENO, ERASE, strlen(ERASE));
	drawn = 0;
}
