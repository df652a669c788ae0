/*
 * The daemon's log: one line an event on stderr, "<N>message key=value ...", as systemd's journal
 * and syslog read it (N: sd-daemon(3) priorities).  Without a journal on stderr the prefix is left
 * out and the line begins with the time.
 *
 * A session of the daemon writes to its supervisor instead, which writes its lines
 * (src/server/session_log.h).
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* Lines above level are dropped.  journal: prefix with <N> instead of the time. */
void log_setup(enum log_level level, int journal);

/* As for the journal from now on, at the level there is: another process reads stderr. */
void log_to_reader(void);

/*
 * Does stderr lead to the journal?  A service manager says so in JOURNAL_STREAM (systemd.exec(5)),
 * which stays in the environment of what then writes to another place.
 */
bool log_is_journal(void);

/* printf-like; one line, whole, with one write(2).  What peers chose must come through
 * display_escape(). */
void log_line(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_error(...)	 log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)	 log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)	 log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
