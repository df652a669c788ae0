/*
 * Error values and exit codes from errors.def.
 *
 * Every function of the project that returns int returns 0 or one of these negative values.
 */
#ifndef PROTO_ERRORS_H
#define PROTO_ERRORS_H

#include <stdbool.h>

enum ftx_exit {
#define EXIT(NAME, name, number, retry, meaning) FTX_EXIT_##NAME = (number),
#include "proto/errors.def"
};

enum ftx_error {
#define ERROR(NAME, name, number, exit_code, retryable, text) FTX_E_##NAME = -(number),
#include "proto/errors.def"
};

/* The error that wire code (1..) stands for; FTX_E_PROTOCOL for a number that has no row. */
int error_from_wire(unsigned code);

/* Lower-case name of an error ("no_space"), "unknown" for a value without a row. */
const char *error_name(int error);

/* One clause for people, without a capital or a full stop. */
const char *error_text(int error);

/* Exit code (enum ftx_exit) of a run that asked for one thing and got this. */
int error_exit(int error);

bool error_retryable(int error);

/* Lower-case name of an exit code ("no_space"), "unknown" for a number without a row. */
const char *exit_name(int code);

/* The error an errno of a file system call stands for: for ENOSPC FTX_E_NO_SPACE, and so on. */
int error_from_errno(int errnum);

#endif
