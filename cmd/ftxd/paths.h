/*
 * Where ftxd keeps things when nobody says otherwise.
 */
#ifndef FTXD_PATHS_H
#define FTXD_PATHS_H

/* Each returns an owned string, or NULL where neither the variable nor HOME is set, or without
 * memory. */
char *default_state_directory(void); /* $XDG_STATE_HOME/ftxd, ~/.local/state/ftxd */
char *default_client_key(void);	     /* $XDG_CONFIG_HOME/ftx/id, ~/.config/ftx/id */

/* "a/b", owned, or NULL. */
char *path_join(const char *directory, const char *name);

#endif
