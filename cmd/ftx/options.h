/*
 * The command line of ftx.
 */
#ifndef FTX_OPTIONS_H
#define FTX_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "src/base/ini.h"
#include "src/client/settings.h"
#include "src/client/transfer.h"

enum verb {
	VERB_PUT = 1 << 0,
	VERB_GET = 1 << 1,
	VERB_LS = 1 << 2,
	VERB_STAT = 1 << 3,
	VERB_DF = 1 << 4,
	VERB_MKDIR = 1 << 5,
	VERB_MV = 1 << 6,
	VERB_RM = 1 << 7,
	VERB_LN = 1 << 8,
	VERB_KEYGEN = 1 << 9,
	VERB_KEY = 1 << 10,
	VERB_HELP = 1 << 11,
	VERB_VERIFY = 1 << 12,
	VERB_DIGEST = 1 << 13,
	VERB_HOST = 1 << 14,
	VERB_JOIN = 1 << 15,
	VERB_PING = 1 << 16,
	VERB_CONFIG = 1 << 17,
};

#define VERBS_TRANSFER (VERB_PUT | VERB_GET)
#define VERBS_COMPARE  (VERB_VERIFY | VERB_DIGEST)
#define VERBS_REMOTE                                                                               \
	(VERB_LS | VERB_STAT | VERB_DF | VERB_MKDIR | VERB_MV | VERB_RM | VERB_LN |                \
	 VERBS_COMPARE | VERB_PING)

struct options {
	enum verb verb;
	const char *verb_name;
	bool quiet, verbose, json;
	/*
	 * Settings as typed, NULL: not typed.  What is in force stands in identity (NULL: the
	 * default place), progress and transfer, behind settings_take().
	 */
	const char *given[SETTING_COUNT];
	const char *identity;
	enum progress_choice progress;
	struct config *config; /* owned; NULL: config_why says why not */
	struct problem config_why;
	char host[ADDRESS_HOST_BYTES]; /* HOST: of the server meant, "" where it is none */
	char address_port[8];	       /* of its ftx:// address, "" where it says none */
	const char *output;	       /* -o of keygen, or NULL */
	const char *alias;	       /* --as of join, or NULL */
	/*
	 * Of every verb that contacts a server; of the remote ones sources are the arguments and
	 * dest is NULL, but for verify, which has one source.
	 */
	struct transfer_request transfer;
	struct filter *filter;	/* owned; NULL: none */
	const char *files_from; /* a list to read, or NULL */
	bool nul_separated;	/* -0 */
	const char *failed0;	/* where failed entries are listed, or NULL */
	bool from_command;
	bool accepted_p; /* -p of put and get, which is so anyway */
	bool has_min_size;
	bool all;			     /* ls -R, rm -r: with everything below */
	bool long_format;		     /* ls -l */
	bool parents;			     /* mkdir -p */
	bool force;			     /* mv -f, ln -f, rm -f */
	bool symbolic;			     /* ln -s */
	bool metadata;			     /* verify --meta */
	const char *topic;		     /* of help, a name of topic_rows; NULL: none */
	char server[ADDRESS_HOST_BYTES + 2]; /* HOST: of ping and config show, typed as HOST */
	char **arguments; /* after the verb, without those behind "--" where from_command is set */
	size_t argument_count;
	char **command; /* NULL-terminated; of from_command */
};

enum options_result { OPTIONS_RUN, OPTIONS_HELP, OPTIONS_VERSION, OPTIONS_WRONG };

/*
 * May reorder argv, and leads into it.  Complains on stderr where it returns OPTIONS_WRONG.  With
 * OPTIONS_HELP o->verb or o->topic is what help is asked for, or neither.  options_release() in any
 * case.
 */
enum options_result options_parse(struct options *o, int argc, char **argv);
void options_release(struct options *o);

#endif
