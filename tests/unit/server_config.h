/*
 * A configuration in a directory of its own, for the tests of what becomes of it.
 */
#ifndef UNIT_SERVER_CONFIG_H
#define UNIT_SERVER_CONFIG_H

#include <stddef.h>

#include "src/server/config.h"

#define SHARE  "[share s]\npath = /srv\n"
#define CLIENT "[client c]\nkey = @1\nshare = s=full\n"

extern char conf_directory[64];
extern char conf_main_file[128]; /* ftxd.conf in it */

void conf_begin(void);
void conf_end(void);

/* "@1", "@2", "@3" in text become public keys. */
void conf_write(const char *path, const char *text, size_t length);
void conf_write_main(const char *text);
void conf_write_client(const char *name, const char *text); /* in clients.d */

/* It has to be right; owned by the caller. */
struct config *conf_load(void);
struct config *conf_load_main(const char *text);

/* Nothing else but a line number and these words; line 0: of the file as a whole. */
void conf_expect_refused(const char *file, unsigned line, const char *words);
void conf_refuse_main(const char *text, unsigned line, const char *words);
void conf_refuse_client(const char *name, const char *text, unsigned line, const char *words);

#endif
