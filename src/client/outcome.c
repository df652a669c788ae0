#include "src/client/outcome.h"

#include "proto/errors.h"
#include "src/client/transfer.h"

void
outcome_file(struct outcome *o, const struct transfer_file *f)
{
	bool failed = f->status == STATUS_FAILED || f->status == STATUS_CHANGED;

	o->not_kept |= f->not_kept;
	o->resumable = o->resumable || f->resumable;
	o->bytes_total += f->bytes;
	o->bytes_resumed += f->bytes_resumed;
	if (f->action == ACTION_DELETE && !failed) {
		o->deleted++;
		return;
	}
	/* Directories are not counted among the files, but missed where they failed. */
	if (f->type == ENTRY_DIRECTORY && !failed)
		return;
	o->total++;
	switch (f->status) {
	case STATUS_DONE:
	case STATUS_PLANNED:
		o->done++;
		break;
	case STATUS_SAME:
		o->same++;
		break;
	case STATUS_IGNORED:
		o->ignored++;
		break;
	case STATUS_SKIPPED:
		o->skipped++;
		break;
	case STATUS_FAILED:
	case STATUS_CHANGED:
		o->failed++;
		break;
	}
}

void
outcome_error(struct outcome *o, int error)
{
	int code = error_exit(error);

	o->exits |= UINT32_C(1) << code;
	o->offline = o->offline || error == FTX_E_OFFLINE || error == FTX_E_STOPPING ||
		     error == FTX_E_REPLACED || error == FTX_E_RECONFIGURED ||
		     error == FTX_E_SET_EXISTS;
	if (o->first == 0)
		o->first = code;
}

static bool
happened(const struct outcome *o, int code)
{
	return (o->exits & UINT32_C(1) << code) != 0;
}

int
outcome_exit(const struct outcome *o)
{
	/* What ends a run, whatever else happened. */
	static const int first[] = {FTX_EXIT_USAGE,	  FTX_EXIT_CONFIG,   FTX_EXIT_SERVER_KEY,
				    FTX_EXIT_KEY_REFUSED, FTX_EXIT_PROTOCOL, FTX_EXIT_NETWORK,
				    FTX_EXIT_NO_SPACE};
	uint32_t other =
	    o->exits & ~(UINT32_C(1) << FTX_EXIT_CHANGED) & ~(UINT32_C(1) << FTX_EXIT_DIFFERENT);

	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (happened(o, first[i]))
			return first[i];
	if (o->offline)
		return FTX_EXIT_BUSY;
	if (!o->several && o->first != 0)
		return o->first;
	if (other != 0)
		return FTX_EXIT_PARTIAL;
	if (happened(o, FTX_EXIT_DIFFERENT) && happened(o, FTX_EXIT_CHANGED))
		return FTX_EXIT_PARTIAL;
	if (happened(o, FTX_EXIT_CHANGED))
		return FTX_EXIT_CHANGED;
	if (happened(o, FTX_EXIT_DIFFERENT))
		return FTX_EXIT_DIFFERENT;
	return o->guarded ? FTX_EXIT_GUARD : FTX_EXIT_OK;
}
