/*
 * The verbs of ftxd.  Each gets its own argument vector (argv[0] is the verb) and returns the exit
 * code.
 */
#ifndef FTXD_VERBS_H
#define FTXD_VERBS_H

int verb_run(int argc, char **argv);
int verb_check(int argc, char **argv);
int verb_client(int argc, char **argv);
int verb_status(int argc, char **argv);
int verb_invite(int argc, char **argv);
int verb_serve(int argc, char **argv);
int verb_keygen(int argc, char **argv);
int verb_key(int argc, char **argv);

/* "ftxd: verb: text" on stderr. */
void complain(const char *verb, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
