/*
 * INT and TERM ask the program to stop, cleanly; a second one ends it at once.
 */
#ifndef FTX_SIGNALS_H
#define FTX_SIGNALS_H

#include "src/client/cancel.h"

/* Catches them from now on.  cancel: requested too then, NULL: none.  0 or an FTX_E_*. */
int signals_catch(struct cancel *cancel);

/* The signal that asked us to stop, 0: none did. */
int signals_caught(void);

/* For poll(2), readable when one did; -1 before signals_catch(). */
int signals_fd(void);

/* Takes note of what signals_fd() says. */
void signals_take(void);

/* Ends the program by the signal, with its disposition of old. */
void signals_die(int number);

#endif
