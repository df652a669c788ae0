/*
 * INT and TERM ask the program to stop, cleanly; a second one ends it at once.  USR1 asks it how
 * far it is.  Who was started with one of them ignored, as by nohup(1) or in the background of a
 * script, goes on ignoring it.
 */
#ifndef FTX_SIGNALS_H
#define FTX_SIGNALS_H

#include <stdbool.h>

#include "src/client/cancel.h"

/*
 * First of all: from now on PIPE and XFSZ are ignored, as EPIPE and EFBIG are answers like others.
 */
void signals_begin(void);

/*
 * Was this one, of INT, TERM, PIPE and XFSZ, ignored when the program was started?  Then it is not
 * to end it.
 */
bool signals_unwanted(int number);

/* Catches them from now on.  cancel: requested too then, NULL: none.  0 or an FTX_E_*. */
int signals_catch(struct cancel *cancel);

/* The signal that asked us to stop, 0: none did. */
int signals_caught(void);

/* Has anybody asked how far we are, since the last call? */
bool signals_asked(void);

/* For poll(2), readable when there was any of them; -1 before signals_catch(). */
int signals_fd(void);

/* Makes it so, from the handler of another signal. */
void signals_wake(void);

/* Takes note of what signals_fd() says. */
void signals_take(void);

/* Ends the program by the signal, with its disposition of old. */
void signals_die(int number);

#endif
