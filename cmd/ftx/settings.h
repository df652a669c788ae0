/*
 * From the command line, the environment and the files to what is in force (src/client/settings.h).
 */
#ifndef FTX_SETTINGS_H
#define FTX_SETTINGS_H

#include "cmd/ftx/options.h"

/*
 * Reads the configuration and completes o->transfer, o->identity and o->progress with it.  What is
 * wrong with it is said by settings_config(), when the verb has found nothing wrong with its
 * arguments.
 */
void settings_take(struct options *o);

/* 0 with *config, borrowed from o; or FTX_E_CONFIG ... in why. */
int settings_config(const struct options *o, const struct config **config, struct problem *why);

/* Behind settings_take(), which found nothing wrong: who says this one. */
struct setting_said settings_said(const struct options *o, enum setting id);

/* The [host NAME] that is meant, or NULL; behind settings_take() too. */
const struct config_host *settings_host(const struct options *o);

#endif
