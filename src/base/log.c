#include "src/base/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "src/base/clock.h"
#include "src/base/io.h"

/* PIPE_BUF of Linux: up to here lines of several processes do not mix in a pipe (pipe(7)). */
#define LINE_BYTES 4096u

static enum log_level log_level = LOG_LEVEL_INFO;
static bool log_journal;

void
log_setup(enum log_level level, int journal)
{
	log_level = level;
	log_journal = journal != 0;
}

void
log_to_reader(void)
{
	log_journal = true;
}

bool
log_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uintmax_t device, inode;
	struct stat st;
	int end = 0;

	if (stream == NULL || fstat(STDERR_FILENO, &st) != 0 ||
	    sscanf(stream, "%ju:%ju%n", &device, &inode, &end) != 2 || stream[end] != '\0')
		return false;
	return device == st.st_dev && inode == st.st_ino;
}

static size_t
put_prefix(char *line, enum log_level level)
{
	char now[25];
	int n;

	if (log_journal)
		n = snprintf(line, LINE_BYTES, "<%d>", (int)level);
	else
		n = snprintf(line, LINE_BYTES, "%s ", clock_utc(now));
	return n < 0 ? 0 : (size_t)n;
}

/*
 * Ends a line that was cut at length in "...", with nothing of a cut UTF-8 character before it.
 * Returns the new length.
 */
static size_t
mark_cut(char *line, size_t length)
{
	length -= 3;
	while (length > 0 && ((unsigned char)line[length] & 0xc0) == 0x80)
		length--;
	memset(line + length, '.', 3);
	return length + 3;
}

void
log_line(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_BYTES];
	size_t start, length;
	va_list args;
	int n;

	if (level > log_level)
		return;
	start = put_prefix(line, level);
	va_start(args, format);
	n = vsnprintf(line + start, sizeof(line) - start, format, args);
	va_end(args);
	length = start + (n < 0 ? 0 : (size_t)n);
	if (length >= sizeof(line))
		length = mark_cut(line, sizeof(line) - 1);
	/* An event is one line, whatever slipped in. */
	for (size_t i = start; i < length; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
	line[length++] = '\n';
	(void)write_full(STDERR_FILENO, line, length);
	errno = saved_errno;
}
